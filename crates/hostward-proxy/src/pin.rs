//! Step 7: what was judged is what is mounted.
//!
//! Whatever the tables say, the caller's path and the engine's must be one file: the same device and inode, seen
//! through the caller's root and through the machine's. They are not where a mount has come between that only one
//! of the two sees: a tmpfs that the caller made beneath its bind, a mount of the host's that the caller lacks.
//!
//! Threat model: this says what was true a moment before the engine looked, and a caller may exchange a directory for a link in
//! between. Where a profile is in force, what was judged is contained ([`contain`](crate::contain)); without one it is not.

use hostward::abilities::Abilities;
use hostward::api::endpoint::Endpoint;
use hostward::path::{CallerPath, EnginePath};
use hostward::plan::{Give, Given, Plan};
use hostward::refusal::{Reason, Refusal};
use hostward_sight::{Looks, Sight};

use crate::contain::Contain;
use crate::links::HeldLink;
use crate::pins::HeldPin;
use crate::plan::{Parts, PlannedRequest};
use crate::refuse::Refused;

/// A request of which it is sure what the engine will find at each path. Only [`pin`] makes one.
#[derive(Debug)]
pub(crate) struct PinnedRequest {
    parts: Parts,
    held: HeldPaths,
}

/// What was made for a request, which stays at least until the engine has answered it.
#[derive(Debug, Default)]
pub(crate) struct HeldPaths {
    pub(crate) links: Vec<HeldLink>,
    pub(crate) pins: Vec<HeldPin>,
}

impl PinnedRequest {
    /// What is written, and what was made for it.
    pub(crate) fn into_parts(self) -> (Parts, HeldPaths) {
        (self.parts, self.held)
    }
}

/// Makes sure of everything that was planned, and makes what the engine needs: short ways to sockets, and the directories that are
/// to be made, which would be root's if the engine made them. `shorten` makes a way to a path, and `contain` is how sources are
/// contained, if they are.
///
/// # Errors
/// A path at which the engine would mount something else than the caller sees.
pub(crate) fn pin(
    sight: &Sight,
    abilities: Abilities,
    planned: PlannedRequest,
    looks: &Looks,
    shorten: impl Fn(&EnginePath) -> Result<(EnginePath, HeldLink), String>,
    contain: Option<Contain<'_>>,
) -> Result<PinnedRequest, Refused> {
    sight.confirm(planned.changes(), abilities, looks)?;
    for (lender, change) in planned.loan_changes() {
        lender.confirm(std::slice::from_ref(change), abilities, looks)?;
    }
    // Not before all of them hold: a request that is refused leaves nothing behind.
    let mut heres = Vec::new();
    for change in planned.changes() {
        let may_make = contain.as_ref().map_or(Ok(true), |contain| contain.leaves_making(change))?;
        sight.make_missing(change, may_make, looks)?;
        if contain.is_some() {
            heres.push(sight.held_against(change));
        }
    }
    let mut held = HeldPaths::default();
    let parts = match contain {
        Some(contain) => contain_all(&contain, planned, heres, &mut held.pins)?,
        None => planned.into_parts(),
    };
    let mut pinned = PinnedRequest { parts, held };
    pinned.held.links = shorten_addresses(&mut pinned.parts, shorten)?;
    Ok(pinned)
}

/// Contains all sources. `heres` says of each change where the caller itself has them.
fn contain_all(
    contain: &Contain<'_>,
    planned: PlannedRequest,
    heres: Vec<Vec<Option<CallerPath>>>,
    pins: &mut Vec<HeldPin>,
) -> Result<Parts, Refusal> {
    let mut parts = planned.into_parts();
    let mut heres = heres.into_iter();
    for (site, plan) in parts.read.sites().zip(&mut parts.plans) {
        let heres = if matches!(plan, Plan::Given(_)) { heres.next() } else { None };
        contain.plan(&site.asked, &site.wish, plan, heres.unwrap_or_default(), pins)?;
    }
    let mut gives = parts.loan.gives();
    for (sight, change) in &parts.lent {
        contain.loan(sight, change, &mut gives, pins)?;
    }
    drop(gives);
    Ok(parts)
}

/// Gives the engine short ways to the sockets whose paths are longer than a socket's address.
fn shorten_addresses(
    parts: &mut Parts,
    shorten: impl Fn(&EnginePath) -> Result<(EnginePath, HeldLink), String>,
) -> Result<Vec<HeldLink>, Refusal> {
    let mut links = Vec::new();
    // The tasks of a service may run on other machines, which have no link.
    let is_here = parts.read.endpoint() == Endpoint::ContainerCreate;
    for (site, plan) in parts.read.sites().zip(&mut parts.plans) {
        let Plan::Given(Given { source: Give::Bind(source), .. }) = plan else { continue };
        if source.as_bytes().len() <= site.wish.longest {
            continue;
        }
        let way = if is_here { shorten(source) } else { Err("a service gets no link to it".to_owned()) };
        let long = |why| Reason::LongAddress { source: source.clone(), why };
        let (short, link) = way.map_err(|why| Refusal { asked: site.asked.clone(), reason: long(why) })?;
        if short.as_bytes().len() > site.wish.longest {
            let reason = long(format!("a link to it would be at {short}, which is too long as well"));
            return Err(Refusal { asked: site.asked.clone(), reason });
        }
        *source = short;
        links.push(link);
    }
    Ok(links)
}
