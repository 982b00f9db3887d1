//! Step 7: what was judged is what is mounted.
//!
//! Whatever the tables say, the caller's path and the engine's must be one file: the same device and inode, seen
//! through the caller's root and through the machine's. They are not where a mount has come between that only one
//! of the two sees: a tmpfs that the caller made beneath its bind, a mount of the host's that the caller lacks.
//!
//! Threat model: this says what was true a moment before the engine looked. Who can swap a directory in between is
//! not stopped yet.

use hostward::abilities::Abilities;
use hostward_sight::{Looks, Sight};

use crate::plan::{Parts, PlannedRequest};
use crate::refuse::Refused;

/// A request of which it is sure what the engine will find at each path. Only [`pin`] makes one.
#[derive(Debug)]
pub(crate) struct PinnedRequest(Parts);

impl PinnedRequest {
    pub(crate) fn into_parts(self) -> Parts {
        self.0
    }
}

/// Makes sure of everything that was planned, and makes the directories that are to be made: where the engine made
/// them they would be root's.
///
/// # Errors
/// A path at which the engine would mount something else than the caller sees.
pub(crate) fn pin(
    sight: &Sight,
    abilities: Abilities,
    planned: PlannedRequest,
    looks: &Looks,
) -> Result<PinnedRequest, Refused> {
    sight.confirm(planned.changes(), abilities, looks)?;
    for (lender, change) in planned.loan_changes() {
        lender.confirm(std::slice::from_ref(change), abilities, looks)?;
    }
    // Not before all of them hold: a request that is refused leaves nothing behind.
    planned.changes().iter().try_for_each(|change| sight.make_missing(change, looks))?;
    Ok(PinnedRequest(planned.into_parts()))
}
