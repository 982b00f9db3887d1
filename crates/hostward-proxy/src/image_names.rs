//! Which names of images callers have given, so that those alone can be given anew (`image_names_of = "own"`).
//!
//! Threat model: who gives `python:3.11` to an image of its own has others' containers made of it. An engine does not say who gave a
//! name, and a label of an image goes on to whatever is made of it. So it is remembered here, by profile: the next job of the same
//! profile builds the same name. What is forgotten, with the process, is refused where the name exists.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hostward::policy::action::Action;
use hostward::policy::claim::{About, Claim};
use hostward::policy::denial::Denial;
use hostward::policy::image::ImageName;
use hostward::policy::profile::{Owned, Profile};
use hostward_engine::address::Address;
use hostward_engine::things;

use crate::refuse::Refused;

/// So many names are remembered. A name beyond that can be given once.
const MOST_NAMES: usize = 65_536;

/// The names, each with the profile that its giver was under.
#[derive(Debug, Default)]
struct ImageNames(Mutex<BTreeSet<(String, String)>>);

/// Those that this process has seen being given.
static GIVEN: ImageNames = ImageNames(Mutex::new(BTreeSet::new()));

/// Judges the names that an action gives to images, and those that it takes from them.
///
/// # Errors
/// A name that somebody else gave, and where the engine does not tell whether there is one.
pub(crate) async fn judge(engine: &Address, profile: &Profile, action: Action<'_>) -> Result<(), Refused> {
    if profile.image_names_of == Owned::All {
        return Ok(());
    }
    let takes = action.operation == "image.remove";
    let about = if takes { About::Image } else { About::ImageNamed };
    for text in action.about(about).filter_map(Claim::text) {
        // What is none is no name to the engine.
        let Some(name) = ImageName::parse(text) else { continue };
        let full = name.to_string();
        if profile.image_names_of == Owned::Own && GIVEN.has(&profile.name, &full) {
            continue;
        }
        if takes || things::has_image(engine, &full).await.map_err(Refused::not_told)? {
            return Err(denied(profile, text).into());
        }
        GIVEN.note(&profile.name, &full);
    }
    Ok(())
}

fn denied(profile: &Profile, name: &str) -> Denial {
    let what = format!(
        "the image name {name} is in use, and the profile {:?} allows only names that its callers gave, which hostward remembers \
         while it runs",
        profile.name
    );
    Denial::new("image-name", what, "use another name, or have the image removed by somebody who may")
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
