//! What an engine makes of the entries of an archive, one after the other: later ones replace earlier ones, and links lead elsewhere.

use super::entry::{ContextEntry, EntryKind};
use super::error::BuildContextError;
use super::name::{CleanName, DockerfileName, shown};
use crate::api::dockerfile::MOST_BYTES;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// An archive while it is unpacked.
pub(super) struct Unpacked<'a> {
    wanted: Vec<PossibleDockerfile<'a>>,
    /// The names of all links, by what they hash to: one name too many is refused where two hash alike, and never one too few.
    links: HashSet<u64>,
    hasher: RandomState,
}

/// A file that can be the Dockerfile.
struct PossibleDockerfile<'a> {
    name: &'a CleanName,
    is: AtName,
}

/// What is there.
enum AtName {
    Nothing,
    /// A plain file: so much of it as may be.
    File(Vec<u8>),
    /// Something else, if only for a while, or something else than a directory above it.
    Other,
}

impl<'a> Unpacked<'a> {
    pub(super) fn new(wanted: &'a DockerfileName) -> Self {
        let candidate = |name| PossibleDockerfile { name, is: AtName::Nothing };
        let wanted = wanted.names().iter().map(candidate).collect();
        Self { wanted, links: HashSet::new(), hasher: RandomState::new() }
    }

    /// Notes an entry, and says how much of its content is to be kept.
    ///
    /// # Errors
    /// One that comes to be in another place than its name says.
    pub(super) fn note(&mut self, entry: &ContextEntry) -> Result<u64, BuildContextError> {
        let name = &entry.name;
        if name.is_root() && entry.kind != EntryKind::Directory {
            return Err(BuildContextError::Form {
                what: "something that replaces all of it",
                name: ".".to_owned(),
            });
        }
        if name.above().any(|above| self.links.contains(&self.hasher.hash_one(above))) {
            return Err(BuildContextError::BelowLink(shown(name.as_bytes())));
        }
        if entry.kind.is_link() {
            self.links.insert(self.hasher.hash_one(name.as_bytes()));
        }
        let mut kept = 0;
        for candidate in &mut self.wanted {
            if candidate.name == name && entry.kind == EntryKind::File {
                kept = MOST_BYTES + 1;
            } else if candidate.name == name
                || candidate.name.is_above(name)
                || (name.is_above(candidate.name) && entry.kind != EntryKind::Directory)
            {
                candidate.is = AtName::Other;
            }
        }
        Ok(kept)
    }

    /// Keeps the content of an entry.
    pub(super) fn keep(&mut self, entry: &ContextEntry, text: &[u8]) {
        for candidate in &mut self.wanted {
            if *candidate.name == entry.name
                && entry.kind == EntryKind::File
                && !matches!(candidate.is, AtName::Other)
            {
                candidate.is = AtName::File(text.to_vec());
            }
        }
    }

    /// The file that counts.
    pub(super) fn dockerfile(self) -> Result<Option<Vec<u8>>, BuildContextError> {
        for candidate in self.wanted {
            match candidate.is {
                AtName::Nothing => {}
                AtName::File(text) if text.len() as u64 > MOST_BYTES => return Err(BuildContextError::Long),
                AtName::File(text) => return Ok(Some(text)),
                AtName::Other => return Err(BuildContextError::Dockerfile(shown(candidate.name.as_bytes()))),
            }
        }
        Ok(None)
    }
}
