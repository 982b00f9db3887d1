//! One port on a localhost.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hostward::network::{By, Protocol, Published};
use tokio::net::UdpSocket;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;
use tracing::Instrument;

use super::bounds::{Share, Taken};
use super::connections::connections;
use super::datagrams::datagrams;
use super::lingering;
use super::namespace::Namespace;
use super::target::{Target, is_short};
use crate::identify::Ends;

/// Where a port is opened.
#[derive(Debug)]
pub(super) struct Place {
    /// What it is called in what is said of it.
    name: &'static str,
    network: Namespace,
    addresses: Vec<IpAddr>,
    /// Who alone may come there, where that is not everybody who can.
    guest: Option<IpAddr>,
}

impl Place {
    /// The localhost of a network.
    pub(super) fn localhost(network: Namespace) -> Self {
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

/// How often a port is tried that somebody in its network has: at first it may be one of the caller's own connections, which
/// are given ports of the same range as engines pick theirs from; when that has gone on for long, it is said, and tried on.
const AGAIN: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(3);
const LATER: Duration = Duration::from_secs(1);

/// A port that is open, or is as soon as nobody else has it. Dropping it closes it, with all its connections.
#[derive(Debug)]
pub(super) struct Port(AbortHandle);

impl Drop for Port {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Port {
    /// Opens it on the addresses of a place that the engine's machine has it by, as far as there are such. What comes of it
    /// is said in the current span.
    pub(super) fn open(
        place: Place,
        target: Target,
        published: Published,
        share: Arc<Share>,
        taken: Taken,
    ) -> Self {
        let serving = async move {
            let _taken = taken;
            serve(place, target, published, share).await;
        };
        Self(tokio::spawn(serving.in_current_span()).abort_handle())
    }
}

/// Serves a port until it is aborted.
async fn serve(place: Place, target: Target, published: Published, share: Arc<Share>) {
    let mut serving = JoinSet::new();
    let is_meant = |address: &&IpAddr| match published.by {
        By::Any => true,
        By::Ipv4 => address.is_ipv4(),
        By::Ipv6 => address.is_ipv6(),
    };
    // In their order: whoever has the first is meant by `localhost`, and has the second to itself.
    for address in place.addresses.iter().filter(is_meant) {
        let address = SocketAddr::new(*address, published.outside);
        let (target, guest, share) = (target.clone(), place.guest, Arc::clone(&share));
        match bind_soon(&place, address, published.protocol).await {
            Ok(Socket::Tcp(listener)) => {
                serving.spawn(connections(listener, target, guest, share).in_current_span())
            }
            Ok(Socket::Udp(socket)) => {
                serving.spawn(datagrams(socket, target, guest, share).in_current_span())
            }
            // Many have no IPv6.
            Err(error) if address.is_ipv6() && error.kind() == io::ErrorKind::AddrNotAvailable => continue,
            Err(why) => {
                tracing::info!(at = %address.ip(), %why, "not opened on {}", place.name);
                break;
            }
        };
    }
    // A file that stands for a network is of no use any more.
    drop(place);
    while serving.join_next().await.is_some() {}
}

/// A socket that others come to.
enum Socket {
    Tcp(std::net::TcpListener),
    Udp(UdpSocket),
}

/// Takes an address, once nobody has it, and there is what it takes.
async fn bind_soon(place: &Place, address: SocketAddr, protocol: Protocol) -> io::Result<Socket> {
    let start = Instant::now();
    let mut said = false;
    loop {
        match bind(place, address, protocol).await {
            Err(why) if why.kind() == io::ErrorKind::AddrInUse || is_short(&why) => {
                if !said && (is_short(&why) || start.elapsed() > LONG) {
                    tracing::info!(at = %address.ip(), %why, "not opened on {} as long as that is so", place.name);
                    said = true;
                }
                sleep(if said { LATER } else { AGAIN }).await;
            }
            Ok(socket) => {
                if said {
                    tracing::info!(at = %address.ip(), "opened on {} now", place.name);
                } else {
                    tracing::debug!(at = %address.ip(), "opened on {}", place.name);
                }
                return Ok(socket);
            }
            Err(why) => return Err(why),
        }
    }
}

async fn bind(place: &Place, address: SocketAddr, protocol: Protocol) -> io::Result<Socket> {
    match protocol {
        Protocol::Tcp => {
            let listener = place.network.make(move || {
                let listener = std::net::TcpListener::bind(address).or_else(|error| match error.kind() {
                    io::ErrorKind::AddrInUse if lingering::forget(address).is_ok() => {
                        std::net::TcpListener::bind(address)
                    }
                    _ => Err(error),
                })?;
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            listener.await.map(Socket::Tcp)
        }
        Protocol::Udp => {
            let socket = place.network.make(move || {
                let socket = std::net::UdpSocket::bind(address)?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            });
            UdpSocket::from_std(socket.await?).map(Socket::Udp)
        }
    }
}
