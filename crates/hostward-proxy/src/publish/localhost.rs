//! Where a port is opened: on a localhost, or at Hostward's own address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::namespace::Namespace;
use crate::peer::Ends;

/// What a caller takes for the machine that has the ports: its own localhost, mostly.
#[derive(Debug)]
pub(super) struct Localhost {
    /// What it is called in what is said of it.
    pub(super) name: &'static str,
    pub(super) network: Namespace,
    pub(super) addresses: Vec<IpAddr>,
    /// Who alone may come there, where that is not everybody who can.
    pub(super) guest: Option<IpAddr>,
}

impl Localhost {
    /// The localhost of a network.
    pub(super) fn of(network: Namespace) -> Self {
        let addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        Self { name: "the caller's localhost", network, addresses, guest: None }
    }

    /// Hostward's side of a connection, for whoever is at the other.
    pub(super) fn own(ends: Ends) -> Self {
        let guest = Some(ends.remote.ip().to_canonical());
        let addresses = vec![ends.local.ip().to_canonical()];
        Self { name: "hostward's address", network: Namespace::Own, addresses, guest }
    }
}

/// Whether a client may come where `guest` alone may, if there is one.
pub(super) fn may_come(guest: Option<IpAddr>, client: SocketAddr) -> bool {
    guest.is_none_or(|guest| guest == client.ip().to_canonical())
}
