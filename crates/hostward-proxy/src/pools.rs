//! All that callers share.

use std::sync::Arc;

use crate::limits::Limits;
use crate::links::Links;
use crate::lookups::Lookups;
use crate::pins::Pins;
use crate::pool::{Pool, Size};
use crate::shown::Shown;

/// So many connections, and so many bytes, leave memory behind when they are gone.
const MANY_CONNECTIONS: u64 = 32;
const MANY_BYTES: u64 = 1 << 20;

/// The pools of the process, by its limits.
#[derive(Debug)]
pub(crate) struct Pools {
    pub(crate) connections: Arc<Pool>,
    /// Bytes in memory.
    pub(crate) held: Arc<Pool>,
    /// Bytes on disk.
    pub(crate) spooled: Arc<Pool>,
    pub(crate) lookups: Arc<Lookups>,
    /// What is remembered of callers.
    pub(crate) shown: Arc<Shown>,
    /// Short ways to sockets, which callers' containers log to.
    pub(crate) links: Links,
    /// Mounts of what was judged.
    pub(crate) pins: Pins,
}

impl Pools {
    pub(crate) fn new(limits: &Limits) -> Self {
        let [connections, held, spooled] = sizes(limits);
        Self {
            connections: Pool::new(["connections", "connections_per_caller"], MANY_CONNECTIONS, connections),
            held: Pool::new(["held_bytes", "held_bytes_per_caller"], MANY_BYTES, held),
            spooled: Pool::new(["spooled_bytes", "spooled_bytes_per_caller"], MANY_BYTES, spooled),
            lookups: Arc::new(Lookups::new(limits)),
            shown: Arc::new(Shown::new(limits)),
            links: Links::default(),
            pins: Pins::default(),
        }
    }

    /// The limits that are counted: each one's name, how much is taken, and how much may be.
    pub(crate) fn usage(&self) -> [(&'static str, u64, u64); 4] {
        [self.connections.usage(), self.held.usage(), self.spooled.usage(), self.lookups.usage()]
    }

    /// From now on these limits hold.
    pub(crate) fn resize(&self, limits: &Limits) {
        let [connections, held, spooled] = sizes(limits);
        self.connections.resize(connections);
        self.held.resize(held);
        self.spooled.resize(spooled);
        self.lookups.resize(limits);
        self.shown.resize(limits);
    }
}

fn sizes(limits: &Limits) -> [Size; 3] {
    let size = |most, each, strangers| Size { most, each, strangers };
    [
        size(limits.connections, limits.connections_per_caller, limits.connections_per_caller),
        size(limits.held_bytes, limits.held_bytes_per_caller, limits.held_bytes_of_strangers),
        size(limits.spooled_bytes, limits.spooled_bytes_per_caller, limits.held_bytes_of_strangers),
    ]
}
