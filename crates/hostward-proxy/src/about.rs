//! What Hostward says of itself: `GET /_hostward` (who asks, and what holds for them), and `POST /_hostward/explain` (what their paths
//! are to the engine). No engine has such endpoints, so a client can tell by them that Hostward stands before the engine.
//!
//! Threat model: the list of paths is as hostile as any other body. How many there are is counted while they are read, and what is
//! said of them takes of what the caller may hold.

use hostward::abilities::Abilities;
use hostward::explanation::{self, Explanation, MountTold};
use hostward::path::AskedPath;
use hostward::policy::profile::AllowedRoot;
use hostward::reading::Reading;
use hostward_engine::about::{Asker, Explained, HostwardTold, VERSION};
use hostward_sight::{Looks, Sight};
use serde_json::json;

use crate::authorize::may_have;
use crate::body::HeldBody;
use crate::caller::{Caller, Guest, Who};
use crate::identify::Identify;
use crate::limits::Limits;
use crate::lookups::Cancel;
use crate::pool::Lease;
use crate::publish::is_able;
use crate::refuse::Refused;

mod next;
mod paths;

pub(crate) use next::{mounts_through, through};

/// What profile judges a caller where no policy is in force.
const TRUSTED: &str = "trusted";

/// What is said of Hostward to whoever asks. `publishes` says that ports are opened on callers' localhosts.
pub(crate) fn about(caller: &Caller, limits: &Limits, publishes: bool) -> HostwardTold {
    let (mounts, has_own_localhost) = match caller {
        Caller::Guest(guest) => {
            let table = guest.sight.view().table().filter(|_| !guest.hides().paths);
            let mounts = table.map(MountTold::all).unwrap_or_default();
            let network = match &guest.who {
                Who::Container(container) => Some(&container.network),
                Who::Host | Who::Apart { .. } | Who::Unknown { .. } => None,
            };
            (mounts, network.is_some_and(|network| !network.is_the_machines()))
        }
        Caller::Host => (Vec::new(), false),
    };
    HostwardTold {
        version: VERSION.to_owned(),
        caller: asker(caller),
        mounts,
        ports_on_localhost: publishes && has_own_localhost,
        limits: limits.each().map(|(name, value)| (name.to_owned(), value)).collect(),
        profile: caller.profile().unwrap_or(TRUSTED).to_owned(),
        roots: roots(caller),
    }
}

/// What a caller's profile lets be mounted.
fn roots(caller: &Caller) -> Option<Vec<String>> {
    let Caller::Guest(guest) = caller else { return None };
    let profile = &guest.mandate.profile()?.profile;
    (!profile.unrestricted).then(|| profile.roots.iter().map(AllowedRoot::text).collect())
}

/// Whether ports can be opened on a caller's localhost: in its own container Hostward needs no right for that.
pub(crate) async fn may_publish_for(identify: &Identify, caller: &Caller) -> bool {
    let own = identify.container().await;
    let is_own =
        |guest: &Guest| matches!((&guest.who, &own), (Who::Container(it), Some(own)) if it.id == own.id);
    matches!(caller, Caller::Guest(guest) if is_own(guest)) || is_able().await
}

fn asker(caller: &Caller) -> Asker {
    match caller {
        Caller::Host => Asker::Host,
        Caller::Guest(guest) => match &guest.who {
            Who::Container(container) => {
                Asker::Container { name: container.name.clone(), id: container.id.to_string() }
            }
            Who::Host | Who::Apart { .. } => Asker::Host,
            Who::Unknown { why, .. } => Asker::Unknown { why: why.clone() },
        },
    }
}

/// What is said of the paths in a body, and what that takes of what the caller may hold. It looks at files: on a thread that may
/// wait. Nothing is made.
///
/// # Errors
/// A body that is no list of paths, or one of which too much would be said.
pub(crate) fn explained(
    caller: &Caller,
    limits: &Limits,
    body: HeldBody,
    cancel: &Cancel,
) -> Result<(Vec<Explanation>, Lease), Refused> {
    let HeldBody { bytes, mut lease, .. } = body;
    let paths = paths::read(&bytes, limits.paths)?;
    let looks = Looks::new(limits.looks(), cancel.flag());
    let mut said = Vec::with_capacity(paths.len());
    for asked in &paths {
        let explanation = explain(caller, asked, &looks);
        // It is longer than what was asked: a directory may have a thousand mounts beneath it.
        lease.grow(json!(explanation).to_string().len() as u64)?;
        said.push(explanation);
    }
    Ok((said, lease))
}

/// The answer to `POST /_hostward/explain`.
pub(crate) fn explanations(caller: &Caller, paths: Vec<Explanation>) -> String {
    json!(Explained { version: explanation::VERSION, caller: asker(caller), paths }).to_string()
}

fn explain(caller: &Caller, asked: &AskedPath, looks: &Looks) -> Explanation {
    match caller {
        Caller::Host => Sight::of_host().explain(asked, false, Abilities::least(), looks, |_| Ok(())),
        Caller::Guest(guest) => {
            let may_have = |reading: &Reading| may_have(guest, asked, reading).map(drop);
            let said = guest.sight.explain(asked, guest.was_shown(asked), guest.abilities, looks, may_have);
            if guest.hides().paths { said.without_host(|text| guest.told(text)) } else { said }
        }
    }
}
