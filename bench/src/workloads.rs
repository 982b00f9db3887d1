//! What is measured, in three groups, and by which names a report finds it.

use hostward_testkit::{Error, Result};

use crate::caller::{Caller, Folders};
use crate::engine::Engine;
use crate::job::Way;
use crate::measure::{Load, Measured, Pace, Workload, measure};
use crate::peer::{Kind, Peer};
use crate::world;

pub(crate) const PING_1: &str = "ping, 1 connection";
pub(crate) const PING_64: &str = "ping, 64 connections";
pub(crate) const LIST_64: &str = "list of 8 KB, 64 connections";
pub(crate) const CREATE_1: &str = "create with 1 bind";
pub(crate) const CREATE_10: &str = "create with 10 binds";
pub(crate) const INSPECT: &str = "inspect of 10 mounts";
pub(crate) const LIST_10: &str = "list of 10 containers";
pub(crate) const LIST_1000: &str = "list of 1,000 containers";

/// All streams, and what they are called.
pub(crate) const STREAMS: [(Way, &str); 4] = [
    (Way::DownByLength, "down, by length"),
    (Way::DownChunked, "down, chunked"),
    (Way::HijackedDown, "hijacked, down"),
    (Way::HijackedUp, "hijacked, up"),
];

/// So many mounts the calling container has where nothing else is said, and each container of a list.
pub(crate) const MOUNTS: usize = 100;
pub(crate) const LISTED_MOUNTS: usize = 5;
/// A container that is not the caller.
const OTHER: &str = "5000000000000000000000000000000000000000000000000000000000000005";

/// By which a container's requests are measured beside Hostward.
const BESIDE: [Kind; 3] = [Kind::Direct, Kind::Hostward, Kind::Relay];

/// The target of a list of so many containers. The query makes it another for the stub, and none for a proxy.
pub(crate) fn list_target(containers: usize) -> String {
    format!("/containers/json?all=1&limit={containers}")
}

fn get(target: &str) -> String {
    world::request("GET", target, "")
}

/// Requests and streams of a process of the host, which pass through.
pub(crate) fn of_host(
    folders: &Folders,
    engine: &Engine,
    peers: &[Peer],
    pace: Pace,
) -> Result<Vec<Measured>> {
    engine.tell("/containers/json?limit=8192", &world::list_of_8_kilobytes())?;
    let mut caller = Caller::on_host(folders)?;
    let kinds: Vec<Kind> = peers.iter().map(|peer| peer.kind).collect();
    let mut workloads = vec![
        Workload::requests(PING_1, 1, get("/_ping")),
        Workload::requests(PING_64, 64, get("/_ping")),
        Workload::requests(LIST_64, 64, get("/containers/json?limit=8192")),
    ];
    workloads.extend(STREAMS.map(|(way, name)| Workload { name: name.to_owned(), load: Load::Stream(way) }));
    eprintln!("==> {} workloads of a process on the host", workloads.len());
    Ok(measure(&workloads, &mut caller, peers, &kinds, pace))
}

/// Requests of a container, which are translated, and their answers restored.
pub(crate) fn of_container(
    folders: &Folders,
    engine: &Engine,
    peers: &[Peer],
    pace: Pace,
) -> Result<Vec<Measured>> {
    let mut caller = Caller::in_container(MOUNTS, folders, engine)?;
    engine.tell(&format!("/containers/{OTHER}/json"), &world::other(OTHER, &folders.srv, 10))?;
    for containers in [10, 1000] {
        let list = world::list(containers, LISTED_MOUNTS, &folders.srv, MOUNTS);
        engine.tell(&list_target(containers), &list)?;
    }
    check(&mut caller, folders, peers)?;
    let workloads = [
        Workload::requests(CREATE_1, 1, world::create(1, MOUNTS)),
        Workload::requests(CREATE_10, 1, world::create(10, MOUNTS)),
        Workload::requests(INSPECT, 1, get(&format!("/containers/{OTHER}/json"))),
        Workload::requests(LIST_10, 1, get(&list_target(10))),
        Workload::requests(LIST_1000, 1, get(&list_target(1000))),
    ];
    eprintln!("==> {} workloads of a container", workloads.len());
    Ok(measure(&workloads, &mut caller, peers, &BESIDE, pace))
}

/// That Hostward takes the caller for its container, and puts answers into its paths: figures of a proxy that does nothing for it
/// would be good ones.
pub(crate) fn check(caller: &mut Caller, folders: &Folders, peers: &[Peer]) -> Result<()> {
    let Some(hostward) = peers.iter().find(|peer| peer.kind == Kind::Hostward) else { return Ok(()) };
    let restored = caller.ask(hostward.socket(), &get(&list_target(10)))?;
    if restored.contains("/data/00000/sub") && !restored.contains(&folders.srv.display().to_string()) {
        return Ok(());
    }
    let seen = caller.ask(hostward.socket(), &get("/_hostward"));
    Err(Error::State(format!("hostward does not restore the caller's paths; it sees {seen:?}")))
}
