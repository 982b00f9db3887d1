//! Texts that name a file on the host to Podman, wherever they stand.

use crate::api::json::Value;

/// Whether the mode of a namespace names a file: the namespace itself, or one in the options of a network's helper.
pub(in crate::api) fn is_namespace_file(mode: &str) -> bool {
    let helper = ["pasta:", "slirp4netns:"].iter().any(|helper| mode.starts_with(helper));
    mode.starts_with("ns:") || (helper && mode.contains('/'))
}

/// Whether an option of `SecurityOpt` is a seccomp profile by its file.
///
/// Docker's clients send a profile's text. Podman 4.3 opens a file of that name, and says that there is none.
pub(in crate::api) fn is_profile_file(option: &str) -> bool {
    let Some(profile) = option.strip_prefix("seccomp").and_then(|rest| rest.strip_prefix(['=', ':'])) else {
        return false;
    };
    let is_text = || Value::of(profile.as_bytes()).is_ok_and(|profile| profile.text().starts_with('{'));
    !(matches!(profile, "" | "unconfined") || is_text())
}

/// Whether an image is somewhere else than in a registry or in the engine's storage: `dir:/srv/x`.
pub(in crate::api) fn has_transport(image: &str) -> bool {
    const TRANSPORTS: [&str; 9] = [
        "containers-storage",
        "dir",
        "docker-archive",
        "docker-daemon",
        "oci",
        "oci-archive",
        "ostree",
        "sif",
        "tarball",
    ];
    image.trim().split_once(':').is_some_and(|(transport, _)| TRANSPORTS.contains(&transport))
}

/// Whether Podman reads a text of a mount as several.
pub(in crate::api) fn reads_otherwise(text: &str) -> bool {
    text.contains([',', '"', '\n', '\r'])
}
