//! What the user says: maps win over what is discovered (T15), a path that nothing maps is refused, or the engine's
//! machine's (T17), and one that is missing in a root filesystem is refused, or made (T10).

use crate::path::{AskedPath, CallerPath, EnginePath, PathError};
use crate::word::{UnknownWord, one_of};
use std::fmt;
use std::str::FromStr;

/// A directory of the caller and where it is on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    caller: CallerPath,
    engine: EnginePath,
}

/// Why a map cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The text has no `=`.
    #[error("map {0:?} has no `=`: write CALLER_PATH=ENGINE_PATH, such as /app/storage=/srv/storage")]
    NoEquals(String),
    /// One side is no usable path.
    #[error("{name} {value:?} {problem}: it must be an absolute path without `..` and newlines")]
    Side {
        /// What the value was given as: `HOST_PWD`, `STORAGE_BASE`, or a side of a map.
        name: &'static str,
        /// The value.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Map {
    /// Takes `CALLER_PATH=ENGINE_PATH`, split at the first `=`.
    ///
    /// # Errors
    /// A text without `=`, or a side that is not absolute, or holds `..`, NUL or a newline.
    pub fn parse(text: &[u8]) -> Result<Self, MapError> {
        let Some(at) = text.iter().position(|&b| b == b'=') else {
            return Err(MapError::NoEquals(String::from_utf8_lossy(text).into_owned()));
        };
        Self::new(("the caller's path", &text[..at]), ("the engine's path", &text[at + 1..]))
    }

    /// The map of the `HOST_PWD` set-up: `STORAGE_BASE=/app/storage` and `HOST_PWD=/x` make `/app/storage/a` into
    /// `/x/storage/a`. The last component of the base is kept, since `HOST_PWD` is the project's directory and
    /// the base is one of its subdirectories.
    ///
    /// # Errors
    /// A value that is not absolute, or holds `..`, NUL or a newline, or a `STORAGE_BASE` of `/`.
    pub fn from_host_pwd(host_pwd: &[u8], storage_base: &[u8]) -> Result<Self, MapError> {
        let map = Self::new(("STORAGE_BASE", storage_base), ("HOST_PWD", host_pwd))?;
        let mut parent = map.caller.clone();
        parent.pop();
        match map.caller.below(&parent) {
            Some(name) if !name.is_empty() => Ok(Self { engine: map.engine.join(&name), ..map }),
            _ => {
                Err(side("STORAGE_BASE", storage_base, "is the root directory, which has no last component"))
            }
        }
    }

    fn new(caller: (&'static str, &[u8]), engine: (&'static str, &[u8])) -> Result<Self, MapError> {
        for (name, value) in [caller, engine] {
            plain(value).map_err(|problem| side(name, value, problem))?;
        }
        let no_path = |name, value, error| match error {
            PathError::Empty => side(name, value, "is empty"),
            PathError::Relative => side(name, value, "is not absolute"),
            PathError::Nul => side(name, value, "contains a NUL byte"),
            PathError::TooLong => side(name, value, "is longer than a path can be"),
        };
        let caller_path = CallerPath::parse(caller.1).map_err(|e| no_path(caller.0, caller.1, e))?;
        // Cleaned like a caller's path: a trailing slash would be doubled by what is joined to it.
        let clean = AskedPath::parse(engine.1).map_err(|e| no_path(engine.0, engine.1, e))?.clean();
        let engine_path = EnginePath::parse(clean.as_bytes()).map_err(|e| no_path(engine.0, engine.1, e))?;
        Ok(Self { caller: caller_path, engine: engine_path })
    }

    /// The map with the longest caller's side that covers `path`, and where it leads (T1).
    pub(crate) fn find<'a>(maps: &'a [Self], path: &CallerPath) -> Option<(&'a Self, EnginePath)> {
        let covering = maps.iter().filter_map(|map| Some((map, path.below(&map.caller)?)));
        let (map, rest) = covering.max_by_key(|(map, _)| map.caller.as_bytes().len())?;
        Some((map, map.engine.join(&rest)))
    }

    /// The map with another directory in the caller's view: where a link leads that stood for it.
    #[must_use]
    pub fn at(self, caller: CallerPath) -> Self {
        Self { caller, ..self }
    }

    /// The directory in the caller's view.
    pub fn caller(&self) -> &CallerPath {
        &self.caller
    }

    /// The directory on the host.
    pub fn engine(&self) -> &EnginePath {
        &self.engine
    }
}

/// What a path is that neither a map nor a mount of the caller covers (T17).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unmapped {
    /// The caller's own, in its root filesystem; refused where the engine cannot mount that.
    #[default]
    Refuse,
    /// A path of the host: for programs in containers that manage the machine, such as compose managers and
    /// runners of CI jobs. What they have mounted is theirs, all else the machine's.
    Host,
}

impl Unmapped {
    /// The label by which a container says what its unmapped paths are.
    pub const LABEL: &str = "hostward.unmapped";

    /// What holds for a caller: what its container's label says, which whoever may create containers can write, unless the user
    /// has said that it is refused.
    pub fn settle(setting: Option<Self>, label: Option<Self>) -> Self {
        settle(setting, label)
    }
}

impl FromStr for Unmapped {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        one_of(text, [("refuse", Self::Refuse), ("host", Self::Host)])
    }
}

/// What happens to a `-v` of a path that is missing in the caller's root filesystem (T10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missing {
    /// It is refused: what is made there is gone with the caller, and a program that manages the machine has meant the
    /// machine's.
    #[default]
    Refuse,
    /// The directory is made, as it would be on a machine: for agents of CI jobs, whose containers are the machine of a
    /// job.
    Make,
}

impl Missing {
    /// The label by which a container says what happens to what is missing.
    pub const LABEL: &str = "hostward.missing";

    /// What holds for a caller: what its container's label says, unless the user has said that it is refused.
    pub fn settle(setting: Option<Self>, label: Option<Self>) -> Self {
        settle(setting, label)
    }
}

impl FromStr for Missing {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        one_of(text, [("refuse", Self::Refuse), ("make", Self::Make)])
    }
}

/// A user's refusal, which is the default of all such settings, or else what a label says, or else the setting.
fn settle<T: Default + PartialEq>(setting: Option<T>, label: Option<T>) -> T {
    let refused = setting.as_ref() == Some(&T::default());
    label.filter(|_| !refused).or(setting).unwrap_or_default()
}

fn side(name: &'static str, value: &[u8], problem: &'static str) -> MapError {
    MapError::Side { name, value: String::from_utf8_lossy(value).into_owned(), problem }
}

fn plain(value: &[u8]) -> Result<(), &'static str> {
    if value.iter().any(|b| matches!(b, b'\n' | b'\r')) {
        return Err("contains a newline");
    }
    if value.split(|&b| b == b'/').any(|component| component == b"..") {
        return Err("contains `..`");
    }
    Ok(())
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.caller, self.engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lead(map: &Map, path: &str) -> Option<String> {
        let path = CallerPath::parse(path.as_bytes()).unwrap();
        Map::find(std::slice::from_ref(map), &path).map(|(_, source)| source.to_string())
    }

    #[test]
    fn host_pwd_keeps_the_name_of_the_base() {
        let map = Map::from_host_pwd(b"/x", b"/app/storage").unwrap();
        assert_eq!(lead(&map, "/app/storage/a").as_deref(), Some("/x/storage/a"));
        assert_eq!(lead(&map, "/app/storage").as_deref(), Some("/x/storage"));
        assert_eq!(lead(&map, "/app/storagex/f"), None);
        assert_eq!(lead(&map, "/app/storage/../../etc/passwd"), None);
    }

    #[test]
    fn a_bad_host_pwd_is_named() {
        for (value, problem) in [
            ("", "is empty"),
            ("x/y", "is not absolute"),
            ("/x/../y", "contains `..`"),
            ("/x\n/y", "contains a newline"),
            ("/x\0", "contains a NUL byte"),
        ] {
            let error = Map::from_host_pwd(value.as_bytes(), b"/app/storage").unwrap_err().to_string();
            assert!(error.starts_with("HOST_PWD ") && error.contains(problem), "{value:?}: {error}");
        }
        let error = Map::from_host_pwd(b"/x", b"storage").unwrap_err().to_string();
        assert!(error.starts_with("STORAGE_BASE "), "{error}");
        assert!(Map::from_host_pwd(b"/x", b"/").is_err());
    }

    #[test]
    fn a_map_with_trailing_slashes_leads_to_single_ones() {
        let map = Map::parse(b"/app/=/srv/app//").unwrap();
        assert_eq!(map.to_string(), "/app=/srv/app");
        assert_eq!(lead(&map, "/app/f").as_deref(), Some("/srv/app/f"));
        assert_eq!(lead(&Map::parse(b"/app=/").unwrap(), "/app/f").as_deref(), Some("/f"));
        assert!(matches!(Map::parse(b"/app"), Err(MapError::NoEquals(_))));
    }

    #[test]
    fn the_longest_map_wins() {
        let maps =
            [Map::parse(b"/a=/1").unwrap(), Map::parse(b"/a/b=/2").unwrap(), Map::parse(b"/=/0").unwrap()];
        let path = CallerPath::parse(b"/a/b/c").unwrap();
        assert_eq!(Map::find(&maps, &path).unwrap().1.as_bytes(), b"/2/c");
    }

    proptest! {
        #[test]
        fn no_path_leads_out_of_the_engines_side(path in "/[a-z./]{0,24}") {
            let map = Map::from_host_pwd(b"/x", b"/app/storage").unwrap();
            if let Some(source) = lead(&map, &format!("/app/storage{path}")) {
                let outside = source.split('/').any(|c| c == "..");
                prop_assert!(!outside && (source == "/x/storage" || source.starts_with("/x/storage/")), "{}", source);
            }
        }
    }
}
