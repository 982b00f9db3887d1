//! The rules of a profile, applied to one request.

use super::access::MountAccess;
use super::action::Action;
use super::denial::Denial;
use super::profile::{Enforcement, Profile};
use super::rules;
use super::verdict::Verdict;
use crate::path::CallerPath;

impl Profile {
    /// Whether an action is allowed, and what is written into its request.
    ///
    /// # Errors
    /// The first rule that does not allow it.
    pub fn judge(&self, action: Action<'_>) -> Result<Verdict, Denial> {
        if self.unrestricted {
            return Ok(Verdict::default());
        }
        rules::judge(self, action)
    }

    /// How the caller may mount this path. It is as symlinks lead to it, in the caller's view; `is_machine` where it means the host's
    /// by its name alone, such as `/dev` (T19).
    ///
    /// # Errors
    /// It is under no root.
    pub fn may_mount(&self, path: &CallerPath, is_machine: bool) -> Result<MountAccess, Denial> {
        if self.unrestricted {
            return Ok(MountAccess::AsAsked);
        }
        rules::paths::mount(self, path, is_machine)
    }

    /// Whether what is not allowed is refused, and not only logged.
    pub fn is_enforced(&self) -> bool {
        self.mode == Enforcement::Enforce
    }
}
