//! The text of one bind, `SOURCE:TARGET[:OPTIONS]`, as dockerd splits it on Linux (`volume/mounts/linux_parser.go`).

use crate::path::{AskedPath, CallerPath, MOST_BYTES, PathError};
use crate::plan::Wish;

/// The propagation of a bind that says none; a volume has none to say.
const DEFAULT: &str = "rprivate";

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
    /// An option says another path, as Podman's `upperdir=` does.
    #[error("has an option that names another path, which is not translated")]
    Path,
    /// The source holds a NUL byte.
    #[error("holds a NUL byte")]
    Nul,
    /// The source is longer than the kernel takes a path.
    #[error("has a source that is longer than {MOST_BYTES} bytes")]
    TooLong,
}

impl BindError {
    /// What is wrong with this text, which is left out where it is too long for anybody to read.
    pub(super) fn of(&self, text: &str) -> String {
        if *self == Self::TooLong { format!("a bind {self}") } else { format!("{text:?} {self}") }
    }
}

impl Bind {
    /// Reads a bind; `None` where its source is no path of the engine's machine: a named volume, an anonymous one
    /// (`TARGET` alone), a Windows path (T13). A pipe of Windows (`//./pipe/…`) is a path to an engine on Linux.
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
        let source = AskedPath::parse(source.as_bytes()).map_err(|error| match error {
            PathError::TooLong => BindError::TooLong,
            PathError::Empty | PathError::Relative | PathError::Nul => BindError::Nul,
        })?;
        if options.is_some_and(names_a_path) {
            return Err(BindError::Path);
        }
        Ok(Some(Self { source, target: target.to_owned(), options: options.map(str::to_owned) }))
    }

    /// The text with another source, all else kept to the letter (T12), read-only where that is forced (T8).
    pub fn with(&self, source: &str, read_only: bool) -> String {
        let options = match &self.options {
            options if !read_only => options.clone(),
            None => Some("ro".to_owned()),
            Some(options) => Some(forced(options)),
        };
        self.text(source, options)
    }

    /// The text for a volume, into which nothing is copied from the image.
    pub fn with_volume(&self, name: &str, read_only: bool) -> String {
        let mut parts: Vec<_> = self.options().filter(|part| !part.is_empty() && *part != DEFAULT).collect();
        if read_only && !self.is_read_only() {
            parts.retain(|part| *part != "rw");
            parts.push("ro");
        }
        if !parts.contains(&"nocopy") {
            parts.push("nocopy");
        }
        self.text(name, Some(parts.join(",")))
    }

    /// Where it is mounted, to the letter.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What it wants (T12): options that only a bind has are propagation and `z`.
    pub fn wish(&self) -> Wish {
        const SHARED: [&str; 8] = ["", "ro", "rw", "nocopy", "consistent", "cached", "delegated", DEFAULT];
        let plain = self.options().all(|option| SHARED.contains(&option));
        Wish { read_only: self.is_read_only(), plain, ..Wish::bind() }
    }

    /// Whether it asks to be read-only.
    pub fn is_read_only(&self) -> bool {
        self.options().any(|option| option == "ro")
    }

    /// Whether it gives the files to the container's user, whether it may write them or not (Podman's `U`).
    pub fn changes_owner(&self) -> bool {
        self.options().any(|option| option == "U")
    }

    fn options(&self) -> impl Iterator<Item = &str> {
        self.options.iter().flat_map(|options| options.split(','))
    }

    fn text(&self, source: &str, options: Option<String>) -> String {
        let options = options.map(|options| format!(":{options}")).unwrap_or_default();
        format!("{source}:{}{options}", self.target)
    }
}

/// Where the text of a bind or a volume is mounted; `None` where it is no text that the engine takes.
pub fn target(text: &str) -> Option<CallerPath> {
    let parts: Vec<_> = text.split(':').collect();
    let target = if parts.len() == 1 { parts[0] } else { parts[1] };
    CallerPath::parse(target.as_bytes()).ok()
}

/// Whether the options of a mount name other paths, as an overlay's `lowerdir=` does.
pub(super) fn names_a_path(options: &str) -> bool {
    options.contains("=/") || options.contains("dir=")
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
        for text in ["name:/c", "/c", "C:\\a:C:\\b", "", "./a:/c"] {
            assert_eq!(Bind::parse(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn a_volume_keeps_the_options_and_copies_nothing() {
        let with = |text: &str, read_only| Bind::parse(text).unwrap().unwrap().with_volume("v", read_only);
        assert_eq!(with("/a:/c", false), "v:/c:nocopy");
        assert_eq!(with("/a:/c:rw,cached", true), "v:/c:cached,ro,nocopy");
        assert_eq!(with("/a:/c:nocopy,ro", true), "v:/c:nocopy,ro");
        assert_eq!(with("/a:/c:", false), "v:/c:nocopy");
    }

    #[test]
    fn a_pipe_of_windows_is_a_path_and_a_path_in_an_option_is_an_error() {
        let bind = Bind::parse("//./pipe/../../etc:/d").unwrap().unwrap();
        assert_eq!(bind.source.clean().to_string(), "/etc");
        assert_eq!(Bind::parse("/a:/t:O,upperdir=/etc,workdir=/w"), Err(BindError::Path));
        assert_eq!(Bind::parse("/a:/t:rprivate").unwrap().unwrap().with_volume("v", false), "v:/t:nocopy");
    }

    #[test]
    fn what_is_asked_is_known() {
        let wish = |text: &str| Bind::parse(text).unwrap().unwrap().wish();
        assert_eq!(wish("/a:/b"), Wish::bind());
        assert!(Bind::parse("/a:/b:ro,U").unwrap().unwrap().changes_owner());
        assert!(wish("/a:/b:z,ro").read_only && !wish("/a:/b:z,ro").plain);
        assert!(wish("/a:/b:cached,rw").plain && !wish("/a:/b:rshared").plain);
        assert_eq!(target("v:/t/:ro").unwrap().to_string(), "/t");
        assert_eq!(target("/anonymous").unwrap().to_string(), "/anonymous");
        assert_eq!(target("v:relative"), None);
    }

    #[test]
    fn colons_in_paths_are_an_error() {
        assert_eq!(Bind::parse("/a:b:/c:ro"), Err(BindError::Colons));
        let long = format!("/{}:/c", "a/".repeat(2_100));
        assert_eq!(Bind::parse(&long), Err(BindError::TooLong));
        assert!(BindError::TooLong.of(&long).len() < 100);
    }
}
