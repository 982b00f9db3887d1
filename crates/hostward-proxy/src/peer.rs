//! What a connection's socket tells of the one at its other end, before anything is asked.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use hostward_engine::select::Selector;
use hostward_engine::stream::Stream;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::sys;

/// What a socket tells of the one at its other end.
#[derive(Debug)]
pub(crate) enum Peer {
    /// The kernel knows its process (`SO_PEERCRED`).
    Process,
    /// It is at the far end of a connection in a network.
    Address(Ends),
    /// It has shown a certificate.
    Certificate {
        /// The names in it that mean a caller, and which.
        callers: Vec<(String, Selector)>,
        /// All names in it.
        names: Vec<String>,
        /// Where it is.
        ends: Ends,
    },
}

impl Peer {
    /// The connection, where it is one in a network.
    pub(crate) fn ends(&self) -> Option<Ends> {
        match self {
            Self::Process => None,
            Self::Address(ends) | Self::Certificate { ends, .. } => Some(*ends),
        }
    }
}

/// A connection in a network, as the kernel has it on either side.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Ends {
    /// The client's address.
    pub(crate) remote: SocketAddr,
    /// Hostward's.
    pub(crate) local: SocketAddr,
}

/// When a connection was accepted.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Accepted {
    since_boot: Duration,
    /// By the machine's clock, as engines say when a container was started.
    clock: SystemTime,
}

impl Accepted {
    pub(crate) fn now() -> Self {
        let since_boot = clock_gettime(ClockId::Boottime).try_into().unwrap_or_default();
        Self { since_boot, clock: SystemTime::now() }
    }

    /// This connection, now. A TCP connection may have waited to be accepted while its client ended, and another came
    /// to its address: whoever it is was there when the last bytes came.
    pub(crate) fn of(stream: &Stream) -> Self {
        let mut accepted = Self::now();
        if let Stream::Tcp(socket) = stream {
            // Without an answer the moment of accepting it stands.
            accepted.clock -= sys::silence(socket).unwrap_or_default();
        }
        accepted
    }

    /// By the machine's clock.
    pub(crate) fn clock(self) -> SystemTime {
        self.clock
    }

    /// In the unit of `/proc/PID/stat`, rounded up.
    pub(crate) fn ticks(self) -> u64 {
        let per_second = rustix::param::clock_ticks_per_second();
        let (seconds, nanos) = (self.since_boot.as_secs(), u64::from(self.since_boot.subsec_nanos()));
        seconds * per_second + nanos * per_second / 1_000_000_000 + 1
    }
}
