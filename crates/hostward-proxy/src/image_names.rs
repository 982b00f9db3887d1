//! Which names of images callers have given, so that those alone can be given anew (`image_names_of = "own"`).
//!
//! Threat model: who gives `python:3.11` to an image of its own has others' containers made of it. What a caller builds has its label;
//! what it tags or imports has none, and the next job of the same profile is another owner that builds the same name. So names are
//! remembered here as well, by profile. What is forgotten, with the process, is refused where the name exists.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hostward::policy::image::ImageName;

/// So many names are remembered. A name beyond that can be given once.
const MOST_NAMES: usize = 65_536;

/// The names, each with the profile that its giver was under.
#[derive(Debug, Default)]
struct ImageNames(Mutex<BTreeSet<(String, String)>>);

/// Those that this process has seen being given.
static GIVEN: ImageNames = ImageNames(Mutex::new(BTreeSet::new()));

/// Remembers that a caller under this profile gives a name.
pub(crate) fn note(profile: &str, name: &str) {
    if let Some(name) = ImageName::parse(name) {
        GIVEN.note(profile, &name.to_string());
    }
}

/// Whether a caller under this profile gave it.
pub(crate) fn has(profile: &str, name: &str) -> bool {
    ImageName::parse(name).is_some_and(|name| GIVEN.has(profile, &name.to_string()))
}

impl ImageNames {
    /// Remembers that callers under this profile may give a name.
    fn note(&self, profile: &str, name: &str) {
        let mut names = self.lock();
        if names.len() < MOST_NAMES {
            names.insert((profile.to_owned(), name.to_owned()));
        }
    }

    /// Whether callers under this profile gave it.
    fn has(&self, profile: &str, name: &str) -> bool {
        self.lock().contains(&(profile.to_owned(), name.to_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        // Nothing in here leaves the set half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_by_profile() {
        let names = ImageNames::default();
        names.note("ci", "docker.io/library/app:latest");
        assert!(names.has("ci", "docker.io/library/app:latest"));
        assert!(!names.has("other", "docker.io/library/app:latest"));
        assert!(!names.has("ci", "docker.io/library/app:2"));
    }
}
