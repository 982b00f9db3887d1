//! Step 5: what the engine is given in the places of the caller's paths.

use crate::authorize::Permit;
use crate::identify::Guest;
use crate::lend::{Lending, Lent};
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
    lent: Vec<Lent>,
}

impl Translated {
    /// What was translated.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What is given for mounts that are taken from others.
    pub(crate) fn lent(&self) -> &[Lent] {
        &self.lent
    }

    /// The body, how to say an error about it in the caller's words, and all that the engine is given that was not asked
    /// so.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Option<Restore>, Vec<Change>) {
        let lent = self.lent.into_iter().map(|(_, change)| change);
        (self.body, self.restore, self.changes.into_iter().chain(lent).collect())
    }
}

/// Plans every path, and writes what the engine is given.
///
/// # Errors
/// A path for which nothing faithful can be given.
pub(crate) fn translate(
    guest: &Guest,
    lending: &Lending,
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
    let (loan, lent) = lending.lend(abilities)?;
    if changes.is_empty() && lent.is_empty() {
        return Ok(Translated { body, restore: None, changes, lent });
    }
    let Rewritten { body, restore } = request::rewrite(endpoint, &body, &plans, &loan, guest.reader())?;
    Ok(Translated { body, restore: Some(restore), changes, lent })
}

impl From<RewriteError> for Refused {
    fn from(error: RewriteError) -> Self {
        match error {
            RewriteError::Body(error) => error.into(),
            RewriteError::Refusal(refusal) => refusal.into(),
        }
    }
}
