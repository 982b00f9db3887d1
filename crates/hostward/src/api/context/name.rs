//! Names in an archive, as the engine cleans them.

use super::error::BuildContextError;
use crate::api::query::pairs;

/// No engine can make a longer name.
const LONGEST: usize = 4096;

/// A name without `.`, `..` and slashes that say nothing (Go's `filepath.Clean`), below the archive's root. That itself is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CleanName(Vec<u8>);

impl CleanName {
    /// The name of an entry.
    ///
    /// # Errors
    /// One that leads out of the archive.
    pub(super) fn of(name: &[u8]) -> Result<Self, BuildContextError> {
        let is_rooted = name.starts_with(b"/");
        let mut components: Vec<&[u8]> = Vec::new();
        for component in name.split(|&b| b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => {
                    if components.pop().is_none() && !is_rooted {
                        return Err(BuildContextError::Outside(shown(name)));
                    }
                }
                component => components.push(component),
            }
        }
        let clean = components.join(&b'/');
        if clean.len() > LONGEST {
            return Err(BuildContextError::Form {
                what: "a name of more than 4096 bytes",
                name: shown(name),
            });
        }
        Ok(Self(clean))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The directories that it is in, but for the root.
    pub(super) fn above(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| &self.0[..at])
    }

    /// Whether another name is in the directory of this name.
    pub(super) fn is_above(&self, other: &Self) -> bool {
        other.0.strip_prefix(&*self.0).is_some_and(|rest| rest.starts_with(b"/"))
    }
}

/// A name for people.
pub(super) fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(200).collect()
}

/// Which file of an archive is its Dockerfile: the first of these that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerfileName(Vec<CleanName>);

impl DockerfileName {
    /// The one that a build's target says. Where it says nothing it is `Dockerfile`, and `dockerfile` if there is none.
    ///
    /// # Errors
    /// A name that no file has.
    pub fn of(target: &[u8]) -> Result<Self, BuildContextError> {
        let said = pairs(target).find(|pair| *pair.key == *b"dockerfile").map(|pair| pair.value.into_owned());
        let said = said.filter(|said| !said.is_empty()).unwrap_or_else(|| DEFAULT.to_vec());
        // Below the archive's root, however far it goes up.
        let clean = |name: &[u8]| CleanName::of(&[b"/", name].concat());
        let mut names = vec![clean(&said)?];
        if said == DEFAULT {
            names.push(clean(&said.to_ascii_lowercase())?);
        }
        Ok(Self(names))
    }

    pub(super) fn names(&self) -> &[CleanName] {
        &self.0
    }
}

/// The name that a Dockerfile has where nobody says another.
const DEFAULT: &[u8] = b"Dockerfile";
