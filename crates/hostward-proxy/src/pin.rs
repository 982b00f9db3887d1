//! Step 6: what was judged is what is mounted.
//!
//! Whatever the tables say, the caller's path and the engine's must be one file: the same device and inode, seen
//! through the caller's root and through the machine's. They are not where a mount has come between that only one
//! of the two sees: a tmpfs that the caller made beneath its bind, a mount of the host's that the caller lacks.
//!
//! Threat model: this says what was true a moment before the engine looked. Who can swap a directory in between is
//! not stopped yet.

use crate::refuse::Refused;
use crate::sight::{Change, Sight};
use crate::translate::Translated;
use hostward::api::answer::Restore;

/// What the engine is given. Only [`pin`] makes one, and a judged request is forwarded as nothing else.
#[derive(Debug)]
pub(crate) struct Pinned {
    /// The body, the caller's own to the byte where nothing had to change.
    pub(crate) body: Vec<u8>,
    /// How to say an error about it in the caller's words, where something changed.
    pub(crate) restore: Option<Restore>,
    /// What the engine is given that was not asked so.
    pub(crate) changes: Vec<Change>,
}

/// Makes sure of everything that was translated, and makes the directories that are to be made: where the engine made
/// them they would be root's.
///
/// # Errors
/// A path at which the engine would mount something else than the caller sees.
pub(crate) fn pin(sight: &Sight, translated: Translated) -> Result<Pinned, Refused> {
    sight.confirm(translated.changes())?;
    for (lender, change) in translated.lent() {
        lender.confirm(std::slice::from_ref(change))?;
    }
    // Not before all of them hold: a request that is refused leaves nothing behind.
    translated.changes().iter().for_each(|change| sight.make_missing(change));
    let (body, restore, changes) = translated.into_parts();
    Ok(Pinned { body, restore, changes })
}
