//! By which profile a caller is judged, and as whom it acts.
//!
//! Threat model: a caller that may create containers gives them names, images and labels. So none of these counts on what somebody
//! under a profile has made: that has its maker's profile, which Hostward has written on it and signed. Of a container that the
//! host has made, the labels of its image do not count: whoever builds an image writes them.

use std::sync::Arc;

use hostward::inspect::Container;
use hostward::policy::chooser::CallerFacts;
use hostward_engine::inspect;

use super::error::IdentifyError;
use super::guests::Identify;
use crate::mandate::Mandate;
use crate::profiles::Profiles;

/// Whose the things are that processes of the host make.
const HOST: &str = "host";

/// Whose the things are that are made by somebody who is not known.
const UNKNOWN: &str = "unknown";

impl Identify {
    /// The profiles that are in force.
    pub(crate) fn profiles(&self) -> Arc<Profiles> {
        self.choice.book.now()
    }

    /// What a container may ask for that has come with a certificate of these names.
    ///
    /// # Errors
    /// Where the engine does not tell what must be known.
    pub(super) async fn mandate_of(
        &self,
        profiles: &Profiles,
        container: &Container,
        names: &[String],
    ) -> Result<Mandate, IdentifyError> {
        if profiles.is_empty() {
            return Ok(Mandate::Free);
        }
        if let Some(ownership) = container.ownership(&self.key) {
            let why = || {
                let profile = &ownership.profile;
                format!("it belongs to a caller of the profile {profile:?}, which is no longer there")
            };
            return Ok(match profiles.named(&ownership.profile) {
                Some(profile) => Mandate::under(profile, ownership.owner),
                None => Mandate::Nothing { why: why() },
            });
        }
        let Some(labels) = self.own_labels(profiles, container).await? else {
            let why = "its image is gone, so that nobody can tell which labels are its own".to_owned();
            return Ok(Mandate::Nothing { why });
        };
        let networks: Vec<_> = container.network.names.iter().map(String::as_str).collect();
        let facts = CallerFacts {
            name: Some(&container.name),
            image: Some(&container.image_name),
            labels: &labels,
            networks: &networks,
            ..self.facts()
        };
        Ok(mandate_by(profiles, &facts, names, container.id.as_str()))
    }

    /// What a process of the host may ask for: everything, where no profile is about such.
    pub(super) fn mandate_of_host(&self, profiles: &Profiles) -> Mandate {
        let facts = CallerFacts { is_host: true, ..self.facts() };
        match profiles.choose(&facts, &[]) {
            Some(profile) => Mandate::under(profile, HOST),
            None => Mandate::Free,
        }
    }

    /// What somebody may ask for of whom nothing is known but how it came.
    pub(super) fn mandate_of_stranger(&self, profiles: &Profiles, names: &[String]) -> Mandate {
        if profiles.is_empty() { Mandate::Free } else { mandate_by(profiles, &self.facts(), names, UNKNOWN) }
    }

    /// What is known of everybody who calls here.
    fn facts(&self) -> CallerFacts<'_> {
        CallerFacts { socket: Some(&self.choice.socket), ..CallerFacts::default() }
    }

    /// The labels of a container that it has not from its image; none where nobody can tell.
    async fn own_labels<'c>(
        &self,
        profiles: &Profiles,
        container: &'c Container,
    ) -> Result<Option<Vec<(&'c str, &'c str)>>, IdentifyError> {
        if !profiles.go_by_labels() || container.labels.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let Some(image) = inspect::image(self.containers.engine(), &container.image).await? else {
            return Ok(None);
        };
        let own = container.labels.iter().filter(|(name, value)| image.labels.get(*name) != Some(value));
        Ok(Some(own.map(|(name, value)| (name.as_str(), value.as_str())).collect()))
    }
}

/// By the first profile that is for a caller; what it makes is this owner's.
fn mandate_by(profiles: &Profiles, facts: &CallerFacts<'_>, names: &[String], owner: &str) -> Mandate {
    match profiles.choose(facts, names) {
        Some(profile) => Mandate::under(profile, owner),
        None => Mandate::Nothing { why: "it matches none of those in force".to_owned() },
    }
}
