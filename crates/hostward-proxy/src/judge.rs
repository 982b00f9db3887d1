//! The steps between a body that came and a request that may be forwarded, in their only order. Each takes what the one before
//! has made, which nobody else can make: without any one of them this does not compile.

use std::sync::Arc;

use hostward::api::commit;
use hostward::api::endpoint::Endpoint;
use hostward::api::read::{Bounds, Terms};
use hostward::path::EnginePath;
use hostward_sight::{HeldSource, Looks};
use tokio::runtime::Handle;

use crate::authorize::authorize;
use crate::body::WholeBody;
use crate::claim::{Came, claim};
use crate::contain::{Contain, Pinning};
use crate::identify::{Identify, NamedLenders};
use crate::limits::Limits;
use crate::lookups::Cancel;
use crate::owners::own;
use crate::pin::pin;
use crate::plan::plan;
use crate::read::read;
use crate::refuse::Refused;
use crate::resolve::resolve;
use crate::route::ToJudge;
use crate::write::{WrittenRequest, write};

/// Judges a request, and gives what the engine gets in its place. It looks at files, and asks the engine: in a runtime, on a thread
/// that may wait.
///
/// # Errors
/// What the caller is told where the engine gets nothing.
pub(crate) fn judge(
    identify: &Identify,
    limits: &Limits,
    to_judge: ToJudge,
    mut body: WholeBody,
    cancel: &Cancel,
) -> Result<WrittenRequest, Refused> {
    let ToJudge { mut request, endpoint, guest, line } = to_judge;
    let abilities = guest.abilities.under(request.version());
    let bounds = Bounds { paths: count(limits.paths), targets: count(limits.targets) };
    let looks = Looks::new(limits.looks(), cancel.flag());
    let terms = Terms {
        bounds,
        for_podman: abilities.is_podman(),
        from_host: guest.is_of_host() && guest.mandate.is_free(),
    };
    let claimed = claim(&guest, &request, line, Some(Came { body: &mut body, limits, cancel }))?;
    let mut read = read(endpoint, body, terms)?;
    let outside = async {
        let owned = own(identify, &guest, claimed).await?;
        // An image of a container has its labels.
        if let (Endpoint::Commit, Some(container)) = (endpoint, commit::container(request.target())) {
            let labels = identify.written_labels(&container).await;
            if !labels.is_empty() {
                request.replace_target(&commit::without_labels(request.target(), &labels))?;
            }
        }
        // A process of the host takes over what there is, as it would without Hostward.
        if guest.is_of_host() {
            return Ok((owned, NamedLenders::default(), Arc::default()));
        }
        let lenders = identify.lenders(read.lenders()).await.map_err(Refused::not_told)?;
        let image = identify.image(read.image()).await.map_err(Refused::not_told)?;
        Ok((owned, lenders, image))
    };
    // Nothing is asked for a client that has gone already. What is known needs no asking, and no timer to ask whether it has.
    looks.stopped().map_err(Refused::nobody_waits)?;
    let outside = async {
        tokio::select! {
            biased;
            told = outside => told,
            why = looks.stop() => Err(Refused::nobody_waits(why)),
        }
    };
    let (owned, lenders, image) = Handle::current().block_on(outside)?;
    let lenders = lenders.look(&looks)?;
    read.set_image_volumes(&image.volumes);
    let resolved = resolve(&guest, read, &looks)?;
    let permit = authorize(&guest, owned, &lenders, resolved)?;
    let planned = plan(&guest, &lenders, abilities, permit)?;
    let shorten = |path: &EnginePath| identify.shorten(&guest, path);
    let make = |source: &HeldSource, recursive| identify.pin(source, recursive);
    let pinning = Pinning { are_possible: &|| identify.may_pin(), make: &make };
    let contain = Contain::new(&guest, endpoint, abilities, &looks, pinning);
    let contain = guest.is_contained().then_some(contain);
    let pinned = pin(&guest.sight, abilities, planned, &looks, shorten, contain)?;
    write(&guest, endpoint, &image.labels, request, pinned)
}

fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
