//! The steps between a request that was read and one that may be forwarded, in their only order.

use crate::authorize::authorize;
use crate::identify::Guest;
use crate::lend::Lending;
use crate::pin::{Pinned, pin};
use crate::refuse::Refused;
use crate::resolve::resolve;
use crate::translate::translate;
use hostward::api::endpoint::Endpoint;
use hostward::api::podman;
use hostward::api::version::ApiVersion;

/// Judges the body of a request, which asks for an API version or for the engine's own and may take mounts from others,
/// and gives what the engine gets in its place.
///
/// # Errors
/// What the caller is told where the engine gets nothing.
pub(crate) fn judge(
    guest: &Guest,
    lending: &Lending,
    endpoint: Endpoint,
    version: Option<ApiVersion>,
    body: Vec<u8>,
) -> Result<Pinned, Refused> {
    let abilities = guest.abilities.under(version);
    // As it came, and as it goes: a path of the engine's may have the comma.
    let check = |body: &[u8]| if abilities.is_podman() { podman::check(endpoint, body) } else { Ok(()) };
    check(&body)?;
    let resolved = resolve(&guest.sight, endpoint, body)?;
    let permit = authorize(guest, resolved)?;
    let pinned = pin(&guest.sight, translate(guest, lending, endpoint, abilities, permit)?)?;
    check(&pinned.body)?;
    Ok(pinned)
}
