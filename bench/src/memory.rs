//! What memory a peer takes: at its start, with connections, and after them.

use std::time::Duration;

use hostward_testkit::Result;
use serde::Serialize;

use crate::caller::Caller;
use crate::job::{Held, Job};
use crate::peer::{Kind, Peer};

/// So long after connections came or went a peer has done what it does about that.
const SETTLE: Duration = Duration::from_millis(500);
/// Resident memory of one peer, in KiB.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Memory {
    pub(crate) kind: Kind,
    pub(crate) start: f64,
    pub(crate) idle: Option<f64>,
    pub(crate) events: Option<f64>,
    /// With so many idle ones.
    pub(crate) many: Option<(usize, f64)>,
    pub(crate) after: f64,
}

/// As many connections as Hostward takes here, at most ten thousand: it counts four descriptors for each, and leaves a quarter of
/// all for published ports.
pub(crate) fn most() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let most = limit.map_or(u64::MAX, |limit| (limit / 4 * 3 / 4).saturating_sub(100));
    usize::try_from(most).map_or(10_000, |most| most.min(10_000))
}

/// Measures a peer that has just been started.
pub(crate) fn of(peer: &Peer, caller: &mut Caller) -> Option<Memory> {
    let start = peer.usage()?.memory;
    let idle = with(1000, Held::Idle, peer, caller);
    let events = with(1000, Held::Events, peer, caller);
    // The others' configuration, or processes, are not made for as many.
    let many = matches!(peer.kind, Kind::Hostward | Kind::Relay).then(|| {
        let most = most();
        Some((most, with(most, Held::Idle, peer, caller)?))
    });
    std::thread::sleep(SETTLE);
    Some(Memory { kind: peer.kind, start, idle, events, many: many.flatten(), after: peer.usage()?.memory })
}

/// With so many connections.
pub(crate) fn with(connections: usize, held: Held, peer: &Peer, caller: &mut Caller) -> Option<f64> {
    match try_with(connections, held, peer, caller) {
        Ok(memory) => memory,
        Err(error) => {
            eprintln!("{connections} connections to {} failed: {error}", peer.kind);
            None
        }
    }
}

fn try_with(connections: usize, held: Held, peer: &Peer, caller: &mut Caller) -> Result<Option<f64>> {
    let job = Job::Hold { socket: caller.socket(peer.socket()), connections, held };
    let watch = || {
        std::thread::sleep(SETTLE);
        peer.usage().map(|usage| usage.memory)
    };
    let (_, memory) = caller.perform(&job, watch)?;
    std::thread::sleep(SETTLE);
    Ok(memory)
}
