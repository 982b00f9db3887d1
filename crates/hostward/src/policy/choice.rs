//! Which profile a caller is under: the first, in the order of the file, that is for it.

use std::borrow::Borrow;

use super::chooser::CallerFacts;
use super::profile::Profile;

impl Profile {
    /// Whether it is for this caller.
    pub fn is_for(&self, caller: &CallerFacts<'_>) -> bool {
        match &self.callers[..] {
            // A process of the host could ask the engine itself: it is under a profile only where one says so.
            [] => !caller.is_host,
            callers => callers.iter().any(|one| one.matches(caller)),
        }
    }
}

/// The first of the profiles that is for this caller.
pub fn choose<'p, P: Borrow<Profile>>(profiles: &'p [P], caller: &CallerFacts<'_>) -> Option<&'p P> {
    profiles.iter().find(|profile| (*profile).borrow().is_for(caller))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::chooser::Chooser;

    #[test]
    fn the_first_that_is_for_a_caller_is_chosen() {
        let profile = |name: &str, callers: &[&str]| Profile {
            name: name.to_owned(),
            callers: callers.iter().map(|text| Chooser::parse(text).unwrap()).collect(),
            ..Profile::default()
        };
        let profiles =
            [profile("a", &["name:x", "label:ci"]), profile("all", &[]), profile("host", &["host"])];
        let chosen = |caller: &CallerFacts<'_>| choose(&profiles, caller).map(|one| one.name.as_str());
        let named = |name| CallerFacts { name: Some(name), ..CallerFacts::default() };
        assert_eq!(chosen(&named("x")), Some("a"));
        assert_eq!(chosen(&named("y")), Some("all"));
        assert_eq!(chosen(&CallerFacts { is_host: true, ..CallerFacts::default() }), Some("host"));
        assert_eq!(choose(&profiles[..1], &named("y")), None);
    }
}
