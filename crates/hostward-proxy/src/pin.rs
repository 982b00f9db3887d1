//! Step 6: what was judged is what is mounted.
//!
//! Whatever the tables say, the caller's path and the engine's must be one file: the same device and inode, seen
//! through the caller's root and through the machine's. They are not where a mount has come between that only one
//! of the two sees: a tmpfs that the caller made beneath its bind, a mount of the host's that the caller lacks.
//!
//! Threat model: this says what was true a moment before the engine looked. Who can swap a directory in between is
//! not stopped yet.

use crate::refuse::Refused;
use crate::sight::Sight;
use crate::translate::{Bind, Translated};
use hostward::api::answer::Restore;
use hostward::refusal::Refusal;

/// What the engine is given. Only [`pin`] makes one, and a judged request is forwarded as nothing else.
#[derive(Debug)]
pub(crate) struct Pinned {
    /// The body, the caller's own to the byte where no path had to change.
    pub(crate) body: Vec<u8>,
    /// How to say the answer in the caller's words.
    pub(crate) restore: Restore,
}

/// Makes sure of every path that was translated.
///
/// # Errors
/// A path at which the engine would mount something else than the caller sees.
pub(crate) fn pin(sight: &Sight, translated: Translated) -> Result<Pinned, Refused> {
    for Bind { asked, resolved, wish, source } in translated.binds() {
        sight
            .confirm(asked, resolved, *wish, source)
            .map_err(|reason| Refusal { asked: asked.clone(), reason })?;
    }
    let (body, restore) = translated.into_parts();
    Ok(Pinned { body, restore })
}
