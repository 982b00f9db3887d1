//! What the old and the new Hostward say to each other. What another version says besides is not understood, and ends the talk.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::listen::Giver;
use crate::peer::{Accepted, Ends};

/// One packet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Packet {
    /// The new one asks for all that the old one serves.
    Ask,
    /// A socket that listens, which comes with this.
    Socket {
        /// As clients write it in `DOCKER_HOST`.
        address: String,
        giver: Giver,
    },
    /// The socket at which they meet, which comes with this.
    Meeting { path: PathBuf },
    /// Those were all.
    Shown,
    /// The new one serves this address.
    Serves { address: String },
    /// Those were all: the old one need not serve them any more.
    Serving,
    /// The old one accepts no more.
    Released,
    /// A caller has the ports of a container on its localhost.
    Ports(PortsOf),
    /// A connection that waits for its next request, which comes with this.
    Connection {
        /// Where it was accepted.
        address: String,
        accepted: Accepted,
    },
    /// The new one serves that connection, or keeps these ports.
    Taken,
}

/// Whose ports a caller has on its localhost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PortsOf {
    /// The id of the container that publishes them.
    pub(crate) container: String,
    /// The caller's.
    pub(crate) caller: String,
    /// How that came to Hostward, if by a network.
    pub(crate) by: Option<Ends>,
}
