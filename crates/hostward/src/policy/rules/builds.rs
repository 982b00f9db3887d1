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

/// What a Dockerfile has the engine fetch from the host's network. What is known only once it is built cannot be allowed.
pub(super) fn source(judged: JudgedClaim<'_>) -> Result<(), Denial> {
    let remotes = &judged.profile.build_remotes;
    let remedy = match judged.claim.text() {
        Some(address) if remotes.matches(address) => return Ok(()),
        Some(_) => {
            let subject = format_args!("ADD of the address {}", judged.shown()).to_string();
            let denial = judged.denied("build-remote", subject, remotes, "build_remotes");
            let remedy = "fetch it in a RUN, which has the build's own network, or add it to `build_remotes` of the profile";
            return Err(Denial { remedy: remedy.to_owned(), ..denial });
        }
        None => "use COPY, which takes no address, or begin it with ./ or the name of a directory",
    };
    let subject = format_args!("ADD of {}, which can become an address,", judged.shown()).to_string();
    Err(judged.forbidden("build-remote", subject, remedy))
}

/// `BuildKit` is refused, with the way that is there.
pub(super) fn no_buildkit(profile: &Profile) -> Denial {
    let what = format!(
        "BuildKit is not allowed by the profile {:?}: what it asks the engine for cannot be judged",
        profile.name
    );
    Denial::new("buildkit", what, "build with the classic builder: DOCKER_BUILDKIT=0 docker build …")
}
