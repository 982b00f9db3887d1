//! Which rule of translation (docs/rules.md) decides about a path, for those who ask why: `explain`, and the audit.

use crate::explicit::Unmapped;
use crate::origin::Origin;
use crate::plan::Plan;
use crate::refusal::{Reason, Refusal};
use crate::view::View;

/// A rule of translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name in docs/rules.md, such as `T2`.
    pub number: &'static str,
    /// What it says of a path.
    pub says: &'static str,
}

/// What the engine is given for the mounts of the containers that `VolumesFrom` names.
pub const TAKEN_OVER: Rule = Rule {
    number: "T20",
    says: "the volumes of another container are taken over, but not the engine's socket",
};

/// A mount of the caller that comes along with a directory above it.
pub const COMES_ALONG: Rule =
    Rule { number: "T7", says: "a directory brings along what the container has mounted beneath it" };

/// The rule that decides about a path that is this in the view; `planned` is what came of it.
pub fn rule(origin: &Origin<'_>, planned: Result<&Plan, &Refusal>, view: &View) -> Rule {
    let (number, says) = match origin {
        Origin::RootFs { .. } | Origin::Nothing
            if view.unmapped() == Unmapped::Host && planned == Ok(&Plan::Keep) =>
        {
            ("T17", "a path that nothing maps is the host's, as the configuration says")
        }
        Origin::RootFs { .. }
            if planned.is_err_and(|refusal| matches!(refusal.reason, Reason::Missing { .. })) =>
        {
            (
                "T10",
                "what is missing in the container's own root filesystem is refused, unless the configuration says otherwise",
            )
        }
        Origin::Host => ("T14", "a caller outside any container uses host paths"),
        Origin::Mapped { .. } => ("T15", "an explicit map overrides everything that is discovered"),
        Origin::Bind { .. } => {
            ("T2", "a path in a bind mount becomes the mount's source plus the rest of the path")
        }
        Origin::Volume { volume, .. } if volume.subpath.is_empty() => {
            ("T3", "a path in a volume becomes the volume plus the rest of the path")
        }
        Origin::Volume { .. } => {
            ("T4", "a path in a part of a volume becomes the volume, that part's subpath plus the rest")
        }
        Origin::RootFs { .. } => (
            "T5",
            "a path in the container's own root filesystem becomes the directory where the engine has it mounted",
        ),
        Origin::Tmpfs(_) | Origin::Image(_) => ("T6", "tmpfs and images have no path on the host"),
        Origin::Other { .. } => ("T6", "a mount of this kind has no path on the host"),
        Origin::Socket(_) => ("T11", "a container gets hostward's socket instead of the engine's"),
        Origin::Device { .. } => {
            ("T21", "a device of the container becomes the host's device that it was given")
        }
        Origin::Machine => ("T19", "this path means the host, for every caller"),
        Origin::Private => ("T19", "shared memory and processes belong to each container alone"),
        Origin::Nothing => ("T17", "a path that nothing maps is refused"),
    };
    Rule { number, says }
}
