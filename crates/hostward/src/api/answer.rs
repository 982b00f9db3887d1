//! The engine's answers in the caller's words.

use super::json::{Value, quote};
use crate::path::{AskedPath, EnginePath};

/// What stood in a request for what the engine was given: an answer to it names the engine's path, and the caller
/// knows only its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restore(Vec<(EnginePath, AskedPath)>);

impl Restore {
    /// Remembers that the engine was given `engine` for `asked`.
    pub fn note(&mut self, engine: EnginePath, asked: AskedPath) {
        self.0.push((engine, asked));
        // The longer path first, or a shorter one would be taken for its beginning.
        self.0.sort_by_key(|(engine, _)| std::cmp::Reverse(engine.as_bytes().len()));
    }

    /// Whether there is nothing to restore.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the engine was given, and for which path.
    pub fn pairs(&self) -> impl Iterator<Item = (&EnginePath, &AskedPath)> {
        self.0.iter().map(|(engine, asked)| (engine, asked))
    }

    /// The body of an error answer with the caller's paths in its `message`; `None` where nothing changes.
    pub fn message(&self, body: &[u8]) -> Option<Vec<u8>> {
        let members = Value::of(body).ok()?.members().ok()??;
        let (_, value) = members.iter().find(|(name, _)| name == "message")?;
        let message = value.string().ok()??;
        let restored = self.text(&message);
        if restored == message {
            return None;
        }
        let span = value.span();
        Some([&body[..span.start], quote(&restored).as_bytes(), &body[span.end..]].concat())
    }

    /// A text with the caller's paths in the places of the engine's.
    fn text(&self, text: &str) -> String {
        let mut restored = String::with_capacity(text.len());
        let mut rest = text;
        // A path begins where no path goes on, and ends where its last component does.
        let inner = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
        let mut within = false;
        while let Some(c) = rest.chars().next() {
            let hit = self.0.iter().filter(|_| !within).find_map(|(engine, asked)| {
                let after = rest.strip_prefix(engine.as_str()?)?;
                // A full stop may end the sentence and not the name.
                let next = after.strip_prefix('.').unwrap_or(after).chars().next();
                let ends = after.starts_with('/') || next.is_none_or(|c| !inner(c));
                ends.then_some((after, asked))
            });
            if let Some((after, asked)) = hit {
                restored.push_str(&String::from_utf8_lossy(asked.as_bytes()));
                rest = after;
                within = true;
            } else {
                restored.push(c);
                rest = &rest[c.len_utf8()..];
                within = inner(c);
            }
        }
        restored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restore(pairs: &[(&str, &str)]) -> Restore {
        let mut restore = Restore::default();
        for (engine, asked) in pairs {
            let asked = AskedPath::parse(asked.as_bytes()).unwrap();
            restore.note(EnginePath::parse(engine.as_bytes()).unwrap(), asked);
        }
        restore
    }

    fn message(pairs: &[(&str, &str)], body: &str) -> Option<String> {
        restore(pairs).message(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn the_engines_wording_stays_with_the_path_as_asked() {
        let body = r#"{"message":"invalid mount config for type \"bind\": bind source path does not exist: /srv/x"}"#;
        let expected = r#"{"message":"invalid mount config for type \"bind\": bind source path does not exist: /app//x"}"#;
        assert_eq!(message(&[("/srv/x", "/app//x")], body).as_deref(), Some(expected));
    }

    #[test]
    fn only_whole_paths_are_restored() {
        let pairs = [("/srv/a", "/app/a"), ("/srv/a/b", "/app/b")];
        let text = |text: &str| restore(&pairs).text(text);
        assert_eq!(
            text("/srv/a/b: /srv/a/c, /srv/ab, /x/srv/a, '/srv/a'."),
            "/app/b: /app/a/c, /srv/ab, /x/srv/a, '/app/a'."
        );
        assert_eq!(text("no /srv/a. Or /srv/a.txt"), "no /app/a. Or /srv/a.txt");
        assert_eq!(text("/srv/a:/srv/a"), "/app/a:/app/a");
    }

    #[test]
    fn what_is_no_error_of_the_api_is_left_alone() {
        for body in ["", "/srv/x", "[1]", r#"{"msg":"/srv/x"}"#, r#"{"message":"other"}"#, r#"{"message":1}"#]
        {
            assert_eq!(message(&[("/srv/x", "/app/x")], body), None, "{body}");
        }
    }
}
