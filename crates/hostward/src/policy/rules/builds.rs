//! Builds by the classic builder. `BuildKit`'s are conversations that no rule reads.

use super::said::JudgedClaim;
use crate::policy::denial::Denial;
use crate::policy::profile::Profile;

/// What belongs to `BuildKit`.
pub(super) fn buildkit(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let is_classic = match judged.claim.text() {
        Some("") => true,
        Some("1") => judged.key() == "version" || judged.claim.place.ends_with("version"),
        Some(_) | None => false,
    };
    if is_classic { Ok(()) } else { Err(no_buildkit(judged.profile)) }
}

/// `BuildKit` is refused, with the way that is there.
pub(super) fn no_buildkit(profile: &Profile) -> Denial {
    let what = format!(
        "BuildKit is not allowed by the profile {:?}: what it asks the engine for cannot be judged",
        profile.name
    );
    Denial::new("buildkit", what, "build with the classic builder: DOCKER_BUILDKIT=0 docker build …")
}
