//! How what Hostward takes grows with what it has to do.

use std::path::Path;

use hostward_testkit::Result;
use serde::Serialize;

use crate::caller::{Caller, Folders};
use crate::engine::Engine;
use crate::job::Held;
use crate::measure::{Load, Pace, Workload, measure};
use crate::peer::{Kind, Peer};
use crate::workloads::{LISTED_MOUNTS, MOUNTS, check, list_target};
use crate::{memory, world};

const KINDS: [Kind; 2] = [Kind::Direct, Kind::Hostward];

/// The line of the byte relay, of which nothing is wanted.
pub(crate) const RELAY: &str = "of the byte relay";

/// One picture.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Curve {
    /// Of its file.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What is counted on the horizontal axis, and what is measured.
    pub(crate) of: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) series: Vec<Series>,
}

/// One line of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// What curves are measured on.
pub(crate) struct Ground<'a> {
    pub(crate) hostward: &'a Path,
    pub(crate) folders: &'a Folders,
    pub(crate) engine: &'a Engine,
    pub(crate) pace: Pace,
}

impl Ground<'_> {
    /// All curves.
    pub(crate) fn curves(&self) -> Result<Vec<Curve>> {
        Ok(vec![self.mounts()?, self.binds()?, self.listed()?, self.connections()?])
    }

    /// The engine and a Hostward that has just been started, and knows nothing.
    fn peers(&self) -> Result<Vec<Peer>> {
        KINDS.map(|kind| Peer::start(kind, self.hostward, self.folders, self.engine)).into_iter().collect()
    }

    /// µs that are added to the median latency of a request.
    fn added(&self, caller: &mut Caller, peers: &[Peer], request: String, fresh: bool) -> Option<f64> {
        let load = Load::Requests { connections: 1, request, fresh };
        let workload = Workload { name: "growth".to_owned(), load };
        let measured = measure(&[workload], caller, peers, &KINDS, self.pace);
        measured.first()?.added_p50(Kind::Hostward)
    }

    fn mounts(&self) -> Result<Curve> {
        let (mut open, mut new) = (Vec::new(), Vec::new());
        for mounts in [1, 10, 100, 1000, 10_000] {
            eprintln!("==> a caller with {mounts} mounts");
            let peers = self.peers()?;
            let mut caller = Caller::in_container(mounts, self.folders, self.engine)?;
            let request = world::create(1, mounts);
            open.extend(point(mounts, self.added(&mut caller, &peers, request.clone(), false)));
            new.extend(point(mounts, self.added(&mut caller, &peers, request, true)));
        }
        Ok(Curve {
            name: "mounts",
            title: "A create with one bind, by the mounts of the caller",
            of: "mounts of the caller",
            unit: "µs added",
            series: vec![
                Series { name: "create, open connection", points: open },
                Series { name: "create, new connection", points: new },
            ],
        })
    }

    fn binds(&self) -> Result<Curve> {
        let peers = self.peers()?;
        let mut caller = Caller::in_container(MOUNTS, self.folders, self.engine)?;
        let mut points = Vec::new();
        for binds in [1, 2, 5, 10, 20, 50, 100, 200] {
            eprintln!("==> a create with {binds} binds");
            let request = world::create(binds, MOUNTS);
            points.extend(point(binds, self.added(&mut caller, &peers, request, false)));
        }
        Ok(Curve {
            name: "binds",
            title: "A create, by its binds",
            of: "binds of the request",
            unit: "µs added",
            series: vec![Series { name: "create", points }],
        })
    }

    fn listed(&self) -> Result<Curve> {
        let peers = self.peers()?;
        let mut caller = Caller::in_container(MOUNTS, self.folders, self.engine)?;
        let mut points = Vec::new();
        for containers in [10, 30, 100, 300, 1000] {
            eprintln!("==> a list of {containers} containers");
            let list = world::list(containers, LISTED_MOUNTS, &self.folders.srv, MOUNTS);
            self.engine.tell(&list_target(containers), &list)?;
            if points.is_empty() {
                check(&mut caller, self.folders, &peers)?;
            }
            let request = world::request("GET", &list_target(containers), "");
            points.extend(point(containers, self.added(&mut caller, &peers, request, false)));
        }
        Ok(Curve {
            name: "containers",
            title: "A list, by its containers",
            of: "containers in the list",
            unit: "µs added",
            series: vec![Series { name: "list, 5 mounts each", points }],
        })
    }

    fn connections(&self) -> Result<Curve> {
        let mut caller = Caller::on_host(self.folders)?;
        let mut series = Vec::new();
        for (kind, name) in [(Kind::Hostward, "memory of Hostward"), (Kind::Relay, RELAY)] {
            let mut points = Vec::new();
            for connections in [1, 10, 100, 1000, memory::most()] {
                eprintln!("==> {connections} idle connections to {kind}");
                // A new one each time: what was taken once is not given back at once.
                let peer = Peer::start(kind, self.hostward, self.folders, self.engine)?;
                let start = peer.usage().map_or(f64::NAN, |usage| usage.memory);
                let held = memory::with(connections, Held::Idle, &peer, &mut caller);
                points.extend(point(connections, held.map(|held| held - start)));
            }
            series.push(Series { name, points });
        }
        Ok(Curve {
            name: "connections",
            title: "Memory, by idle connections",
            of: "idle connections",
            unit: "KiB added",
            series,
        })
    }
}

/// A point of a logarithmic picture, which has no room for nothing.
#[expect(clippy::cast_precision_loss, reason = "at most ten thousand")]
fn point(of: usize, measured: Option<f64>) -> Option<(f64, f64)> {
    measured.filter(|measured| *measured > 0.0).map(|measured| (of as f64, measured))
}
