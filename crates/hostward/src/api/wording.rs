//! The texts of errors in the caller's words.

use super::edits::{Edits, quote};
use super::json::{BodyError, Value};
use super::telling::HIDDEN;
use crate::path::EnginePath;
use crate::table::Table;
use crate::view::View;
use std::cmp::Reverse;

/// What stood in a request for each path that the engine was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedFor(Vec<(EnginePath, String)>);

impl AskedFor {
    /// Remembers that the engine was given `engine` for `asked`. What is noted last of a path counts.
    pub fn note(&mut self, engine: &EnginePath, asked: &[u8]) {
        self.0.push((engine.clone(), String::from_utf8_lossy(asked).into_owned()));
    }
}

/// The texts of errors in the caller's words: by what stood in the request for what the engine was given, and else by
/// the caller's mounts.
#[derive(Debug)]
pub struct Wording(Vec<(EnginePath, String)>);

impl Wording {
    /// By what was asked for and by the mounts of a view. Mounts of the engine's root and of its first level are left out: such
    /// short paths are those of targets as well.
    ///
    /// It takes as long as a view has mounts, so it is made where there is a text to read, and not for each request.
    pub fn of(view: &View, asked: &AskedFor) -> Self {
        Self::with(view, asked, Vec::new())
    }

    /// The same, which also leaves out where the engine and Hostward keep what is theirs.
    pub fn hiding(view: &View, asked: &AskedFor) -> Self {
        let own = view.socket().and_then(|socket| socket.own.as_ref()).and_then(EnginePath::parent);
        let engine = view.table().and_then(Table::engine_directory).cloned();
        let hidden = own.into_iter().chain(engine).map(|directory| (directory, HIDDEN.to_owned()));
        Self::with(view, asked, hidden.collect())
    }

    fn with(view: &View, asked: &AskedFor, hidden: Vec<(EnginePath, String)>) -> Self {
        // What was asked for counts before what the mounts say, and that before what is hidden.
        let mut pairs: Vec<_> = asked.0.iter().rev().cloned().collect();
        let bases = view.bases().into_iter();
        let bases = bases.filter(|(engine, _)| engine.parent().and_then(|parent| parent.parent()).is_some());
        let bases =
            bases.map(|(engine, caller)| (engine, String::from_utf8_lossy(caller.as_bytes()).into_owned()));
        pairs.extend(bases.collect::<Vec<_>>().into_iter().rev());
        pairs.extend(hidden);
        // The longer path first, or a shorter one would be taken for its beginning.
        pairs.sort_by(|(one, _), (other, _)| {
            let length = |path: &EnginePath| Reverse(path.as_bytes().len());
            length(one).cmp(&length(other)).then_with(|| one.cmp(other))
        });
        pairs.dedup_by(|(one, _), (kept, _)| one == kept);
        Self(pairs)
    }

    /// The body of an error answer with the caller's paths in its `message`, and whatever else it says beside that (Podman has a
    /// `cause`); a body that is no JSON is taken for a text. `None` where nothing changes.
    pub fn message(&self, body: &[u8]) -> Option<Vec<u8>> {
        if let Ok(edits) = Value::of(body).and_then(|value| self.texts(value)) {
            return (!edits.is_empty()).then(|| edits.apply(body));
        }
        let text = str::from_utf8(body).ok()?;
        Some(self.text(text)).filter(|restored| restored != text).map(String::into_bytes)
    }

    /// The texts of an object.
    fn texts(&self, object: Value<'_>) -> Result<Edits, BodyError> {
        let mut edits = Edits::default();
        object.each_member(|_, value| {
            let Some(text) = value.string()? else { return Ok(()) };
            let restored = self.text(&text);
            if restored != *text {
                edits.put(value.span(), quote(&restored));
            }
            Ok(())
        })?;
        Ok(edits)
    }

    /// A text in which the caller's paths replace the engine's.
    pub fn text(&self, text: &str) -> String {
        let mut restored = String::with_capacity(text.len());
        let mut rest = text;
        // A path begins where no path goes on, and ends where its last component does.
        let inner = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
        let mut within = false;
        while let Some(c) = rest.chars().next() {
            let hit = self.0.iter().filter(|_| !within && c == '/').find_map(|(engine, asked)| {
                let after = rest.strip_prefix(engine.as_str()?)?;
                // A full stop may end the sentence and not the name.
                let next = after.strip_prefix('.').unwrap_or(after).chars().next();
                let ends = after.starts_with('/') || next.is_none_or(|c| !inner(c));
                ends.then_some((after, asked))
            });
            if let Some((after, asked)) = hit {
                let root = asked == "/" && after.starts_with('/');
                restored.push_str(if root { "" } else { asked });
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
    use crate::mount::{Mount, Root, Source};
    use crate::path::CallerPath;
    use crate::table::Table;

    fn engine(text: &str) -> EnginePath {
        EnginePath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_error_of_another_request_is_read_by_the_table() {
        let body = r#"{"message":"error while creating mount source path '/srv/app/x': mkdir /overlay/merged/y: no"}"#;
        let mount = Mount {
            destination: CallerPath::parse(b"/app").unwrap(),
            source: Source::Bind(engine("/srv/app")),
            read_only: false,
        };
        let mut table = Table::new([mount]);
        table.set_root(Root { path: Some(engine("/overlay/merged")), ..Root::default() });
        let view = View::container(table, Vec::new());
        let read = Wording::of(&view, &AskedFor::default()).message(body.as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(read).unwrap(),
            body.replace("/srv/app/x", "/app/x").replace("/overlay/merged/y", "/y")
        );
    }

    fn noted(pairs: &[(&str, &str)]) -> Wording {
        let mut asked_for = AskedFor::default();
        for (engine, asked) in pairs {
            asked_for.note(&self::engine(engine), asked.as_bytes());
        }
        Wording::of(&View::explicit(Vec::new()), &asked_for)
    }

    fn message(pairs: &[(&str, &str)], body: &str) -> Option<String> {
        noted(pairs).message(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
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
        let text = |text: &str| noted(&pairs).text(text);
        assert_eq!(
            text("/srv/a/b: /srv/a/c, /srv/ab, /x/srv/a, '/srv/a'."),
            "/app/b: /app/a/c, /srv/ab, /x/srv/a, '/app/a'."
        );
        assert_eq!(text("no /srv/a. Or /srv/a.txt"), "no /app/a. Or /srv/a.txt");
        assert_eq!(text("/srv/a:/srv/a"), "/app/a:/app/a");
    }

    #[test]
    fn an_error_says_the_callers_path_wherever_it_says_one() {
        let restored = |body: &str| message(&[("/srv/x", "/app/x")], body);
        for body in ["", "/srv/xy", "[1]", r#"{"message":"other"}"#, r#"{"message":1}"#] {
            assert_eq!(restored(body), None, "{body}");
        }
        // Podman's words, a text of something in between, and a name that stands twice.
        for body in [
            r#"{"cause":"no /srv/x","message":"making /srv/x: no /srv/x","response":500}"#,
            "no such file: /srv/x\n",
            r#"{"message":"/srv/x","Message":"/srv/x"}"#,
        ] {
            assert_eq!(restored(body), Some(body.replace("/srv/x", "/app/x")), "{body}");
        }
    }
}
