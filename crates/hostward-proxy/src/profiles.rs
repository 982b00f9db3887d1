//! The profiles that are in force. Settings that are read again change them for the connections that there are, too: what somebody
//! may do no longer ends with the word, and not with the connection.

use std::sync::{Arc, PoisonError, RwLock};

use hostward::policy::chooser::{CallerFacts, Chooser};
use hostward::policy::profile::Profile;

use crate::quota::Quota;

/// All of them, in the order of the settings.
#[derive(Debug, Default)]
pub(crate) struct Profiles(Vec<Arc<Profile>>);

/// Those of this moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProfileBook(Arc<RwLock<Arc<Profiles>>>);

/// How callers at one socket are given theirs.
#[derive(Debug, Clone)]
pub(crate) struct ProfileChoice {
    pub(crate) book: ProfileBook,
    /// The socket, as profiles name it: by its path, or by the address.
    pub(crate) socket: String,
    /// How many containers owners are about to have, by way of all sockets.
    pub(crate) quota: Quota,
}

impl Profiles {
    pub(crate) fn of(profiles: Vec<Profile>) -> Self {
        Self(profiles.into_iter().map(Arc::new).collect())
    }

    /// Whether none is in force, so that everybody may do what can be translated.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first that is for a caller, by any of the names in its certificate.
    pub(crate) fn choose(&self, facts: &CallerFacts<'_>, names: &[String]) -> Option<&Arc<Profile>> {
        let is_for = |profile: &&Arc<Profile>| {
            let by_name = |name: &String| {
                profile.is_for(&CallerFacts { certificate: Some(name.as_str()), ..facts.clone() })
            };
            profile.is_for(facts) || names.iter().any(by_name)
        };
        self.0.iter().find(is_for)
    }

    /// The one of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Profile>> {
        self.0.iter().find(|profile| profile.name == name)
    }

    /// Whether any goes by a caller's labels.
    pub(crate) fn go_by_labels(&self) -> bool {
        let is_label = |one: &Chooser| matches!(one, Chooser::Label(..) | Chooser::Compose(..));
        self.0.iter().any(|profile| profile.callers.iter().any(is_label))
    }

    /// Whether any goes by a network of this name.
    pub(crate) fn go_by_network(&self, name: &str) -> bool {
        let is_it = |one: &Chooser| matches!(one, Chooser::Network(pattern) if pattern.matches(name));
        self.0.iter().any(|profile| profile.callers.iter().any(is_it))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Profile>> {
        self.0.iter()
    }
}

impl ProfileBook {
    /// From now on these are in force.
    pub(crate) fn turn_to(&self, profiles: Vec<Profile>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Profiles::of(profiles));
    }

    pub(crate) fn now(&self) -> Arc<Profiles> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str, callers: &[&str]) -> Profile {
        let callers = callers.iter().map(|text| Chooser::parse(text).unwrap()).collect();
        Profile { name: name.to_owned(), callers, ..Profile::default() }
    }

    #[test]
    fn the_first_profile_is_chosen_that_any_name_of_a_certificate_means() {
        let book = ProfileBook::default();
        assert!(book.now().is_empty());
        book.turn_to(vec![
            profile("a", &["certificate:x"]),
            profile("b", &["name:web", "label:role", "network:ci-*"]),
        ]);
        let profiles = book.now();
        let facts = CallerFacts { name: Some("web"), ..CallerFacts::default() };
        let chosen = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            profiles.choose(&facts, &names).map(|profile| profile.name.clone())
        };
        assert_eq!(chosen(&["y", "x"]).as_deref(), Some("a"));
        assert_eq!(chosen(&["y"]).as_deref(), Some("b"));
        assert!(profiles.choose(&CallerFacts::default(), &[]).is_none());
        assert!(profiles.go_by_network("ci-7") && !profiles.go_by_network("web"));
        assert!(profiles.go_by_labels() && profiles.named("b").is_some() && profiles.named("c").is_none());
    }
}
