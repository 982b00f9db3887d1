//! Step 5: what the engine is given in the places of the caller's paths.

use crate::authorize::Permit;
use crate::identify::Guest;
use crate::refuse::Refused;
use crate::resolve::Resolved;
use crate::sight::Change;
use hostward::abilities::Abilities;
use hostward::api::answer::Restore;
use hostward::api::endpoint::Endpoint;
use hostward::api::request::{self, RewriteError, Rewritten};
use hostward::plan::Plan;
use hostward::reading::Reading;

/// A request in the engine's words. Only [`translate`] makes one.
#[derive(Debug)]
pub(crate) struct Translated {
    /// The body, the caller's own to the byte where nothing had to change.
    body: Vec<u8>,
    restore: Option<Restore>,
    changes: Vec<Change>,
}

impl Translated {
    /// What was translated.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The body, how to say an error about it in the caller's words, and what was translated.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Option<Restore>, Vec<Change>) {
        (self.body, self.restore, self.changes)
    }
}

/// Plans every path, and writes what the engine is given.
///
/// # Errors
/// A path for which nothing faithful can be given.
pub(crate) fn translate(
    guest: &Guest,
    endpoint: Endpoint,
    abilities: Abilities,
    permit: Permit<Resolved>,
) -> Result<Translated, Refused> {
    let (body, sites) = permit.into_inner().into_parts();
    let (mut plans, mut changes) = (Vec::new(), Vec::new());
    for (site, Reading { resolved, words }) in sites {
        let plan = guest.sight.plan(&site.asked, &resolved, &site.wish, abilities)?;
        if let Plan::Given(given) = &plan {
            let (wish, given) = (site.wish, given.clone());
            changes.push(Change { asked: site.asked, words, resolved, wish, given });
        }
        plans.push(plan);
    }
    if changes.is_empty() {
        return Ok(Translated { body, restore: None, changes });
    }
    let Rewritten { body, restore } = request::rewrite(endpoint, &body, &plans, guest.reader())?;
    Ok(Translated { body, restore: Some(restore), changes })
}

impl From<RewriteError> for Refused {
    fn from(error: RewriteError) -> Self {
        match error {
            RewriteError::Body(error) => error.into(),
            RewriteError::Refusal(refusal) => refusal.into(),
        }
    }
}
