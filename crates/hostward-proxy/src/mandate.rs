//! What a caller may ask for: all that can be translated, what a profile allows, or nothing.

use std::sync::Arc;

use hostward::policy::denial::Denial;
use hostward::policy::ownership::Ownership;
use hostward::policy::profile::Profile;

use crate::refuse::Refused;

/// What a caller may ask for.
#[derive(Debug, Clone)]
pub(crate) enum Mandate {
    /// No profile is in force, or none of them is about processes of the host, and this is one.
    Free,
    /// What a profile allows.
    Profile(Under),
    /// Nothing: there are profiles, and none is for this caller.
    Nothing {
        /// Why none is.
        why: String,
    },
}

/// A caller's profile, and as whom it acts.
#[derive(Debug, Clone)]
pub(crate) struct Under {
    pub(crate) profile: Arc<Profile>,
    /// Whose it is what the caller makes.
    pub(crate) ownership: Ownership,
}

impl Mandate {
    /// By a profile, for an owner.
    pub(crate) fn under(profile: &Arc<Profile>, owner: impl Into<String>) -> Self {
        let ownership = Ownership { owner: owner.into(), profile: profile.name.clone() };
        Self::Profile(Under { profile: Arc::clone(profile), ownership })
    }

    pub(crate) fn is_free(&self) -> bool {
        matches!(self, Self::Free)
    }

    /// The profile, and as whom the caller acts.
    pub(crate) fn profile(&self) -> Option<&Under> {
        match self {
            Self::Profile(under) => Some(under),
            Self::Free | Self::Nothing { .. } => None,
        }
    }

    /// The profile's name, for those who read decisions.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Free => None,
            Self::Profile(under) => Some(&under.profile.name),
            Self::Nothing { .. } => Some(NONE),
        }
    }
}

/// What stands for the profile of a caller that has none.
pub(crate) const NONE: &str = "none";

impl Under {
    /// What becomes of a request that the profile does not allow: it is refused, or only the log hears of it.
    ///
    /// # Errors
    /// The same, where it is enforced.
    pub(crate) fn let_pass(&self, refused: Refused) -> Result<Refused, Refused> {
        if self.profile.is_enforced() { Err(refused) } else { Ok(refused) }
    }

    /// Whether what is mounted is held beneath the directory that the caller has, whatever is done to its files meanwhile.
    pub(crate) fn is_contained(&self) -> bool {
        self.profile.is_enforced() && !self.profile.unrestricted
    }
}

/// Why a caller may do nothing that no profile is for.
pub(crate) fn no_profile(why: &str) -> Denial {
    let what = format!("no profile is for this caller ({why})");
    let remedy =
        "add one whose `for` names it, or a last one without `for`, which is for everybody (docs/policy.md)";
    Denial::new("profile", what, remedy)
}
