//! The name of an image, in its parts.

use super::error::ClaimError;

/// The registry of images whose names have none.
pub(super) const DOCKER_HUB: &str = "docker.io";

/// An image with the tag that stands beside it.
///
/// # Errors
/// A name that has a tag already: which one counts depends on the engine.
pub(super) fn with_tag(image: &str, tag: Option<&str>) -> Result<String, ClaimError> {
    let Some(tag) = tag.filter(|tag| !tag.is_empty()) else { return Ok(image.to_owned()) };
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains([':', '@']) {
        return Err(ClaimError::text(
            "the image",
            image,
            "a name without a tag, where the query has one as well",
        ));
    }
    // A digest is sent as a tag, too.
    Ok(format!("{image}{}{tag}", if tag.contains(':') { '@' } else { ':' }))
}

/// The registry that an image is in, as engines cut it from the name: what is before the first slash, if it can be a host.
pub(super) fn registry(image: &str) -> String {
    let host = image.split_once('/').map(|(host, _)| host);
    let host = host.filter(|host| {
        host.contains(['.', ':']) || *host == "localhost" || host.bytes().any(|b| b.is_ascii_uppercase())
    });
    known(host.unwrap_or(DOCKER_HUB))
}

/// The registry of a login: an address with or without a scheme and a path.
pub(super) fn login_registry(address: &str) -> String {
    let address = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| address.strip_prefix(scheme))
        .unwrap_or(address);
    known(address.split('/').next().unwrap_or(address))
}

/// The hosts of Docker's own registry are one.
fn known(host: &str) -> String {
    let is_hub = matches!(host, "" | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com");
    if is_hub { DOCKER_HUB.to_owned() } else { host.to_owned() }
}
