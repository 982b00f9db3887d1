//! The text of one bind, `SOURCE:TARGET[:OPTIONS]`, as dockerd splits it on Linux (`volume/mounts/linux_parser.go`).

use crate::path::AskedPath;

/// A bind whose source is a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The source.
    pub source: AskedPath,
    target: String,
    options: Option<String>,
}

/// Why a bind's text has no one reading.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// More parts than the form has.
    #[error(
        "has more than two colons, and this form of bind cannot spell a path that holds one: use a mount (--mount type=bind,…)"
    )]
    Colons,
    /// The source holds a NUL byte.
    #[error("holds a NUL byte")]
    Nul,
}

impl Bind {
    /// Reads a bind; `None` where its source is no path of the engine's machine: a named volume, an anonymous one
    /// (`TARGET` alone), a Windows path (T13).
    ///
    /// # Errors
    /// A path with a colon, which this form cannot spell.
    pub fn parse(text: &str) -> Result<Option<Self>, BindError> {
        if !text.starts_with('/') {
            return Ok(None);
        }
        let (source, target, options) = match text.split(':').collect::<Vec<_>>()[..] {
            [_] => return Ok(None),
            [source, target] => (source, target, None),
            [source, target, options] => (source, target, Some(options)),
            _ => return Err(BindError::Colons),
        };
        let source = AskedPath::parse(source.as_bytes()).map_err(|_| BindError::Nul)?;
        Ok(Some(Self { source, target: target.to_owned(), options: options.map(str::to_owned) }))
    }

    /// The text with another source, all else kept to the letter (T12), read-only where that is forced (T8).
    pub fn with(&self, source: &str, read_only: bool) -> String {
        let mut text = format!("{source}:{}", self.target);
        let options = match &self.options {
            options if !read_only => options.clone(),
            None => Some("ro".to_owned()),
            Some(options) => Some(forced(options)),
        };
        if let Some(options) = options {
            text.push(':');
            text.push_str(&options);
        }
        text
    }
}

/// The options with `ro` in the place of `rw`, or at the end.
fn forced(options: &str) -> String {
    let mut parts: Vec<_> = options.split(',').map(|o| if o == "rw" { "ro" } else { o }).collect();
    if !parts.contains(&"ro") {
        parts.retain(|part| !part.is_empty());
        parts.push("ro");
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, read_only: bool) -> String {
        Bind::parse(text).unwrap().unwrap().with("/new", read_only)
    }

    #[test]
    fn options_are_kept_to_the_letter() {
        for options in ["", ":ro", ":rw,z", ":Z,rprivate,nocopy", ":", ":consistent,unknown"] {
            assert_eq!(with(&format!("/a b:/c{options}"), false), format!("/new:/c{options}"));
        }
    }

    #[test]
    fn read_only_is_forced_beside_what_was_asked() {
        for (options, forced) in
            [("", ":ro"), (":rw", ":ro"), (":ro", ":ro"), (":z,rw", ":z,ro"), (":z", ":z,ro"), (":", ":ro")]
        {
            assert_eq!(with(&format!("/a:/c{options}"), true), format!("/new:/c{forced}"), "{options}");
        }
    }

    #[test]
    fn volumes_and_windows_paths_are_no_paths_here() {
        for text in ["name:/c", "/c", "C:\\a:C:\\b", "", "./a:/c", "//./pipe/docker_engine"] {
            assert_eq!(Bind::parse(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn colons_in_paths_are_an_error() {
        assert_eq!(Bind::parse("/a:b:/c:ro"), Err(BindError::Colons));
    }
}
