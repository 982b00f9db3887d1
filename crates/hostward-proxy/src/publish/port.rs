//! One port on a localhost.

use std::io;
use std::net::{IpAddr, SocketAddr};
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
use super::localhost::Localhost;
use super::target::{Target, is_short};

/// How often a port is tried that somebody in its network has: at first it may be one of the caller's own connections, which
/// are given ports of the same range as engines pick theirs from; when that has gone on for long, it is said, and tried on.
const AGAIN: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(3);
const LATER: Duration = Duration::from_secs(1);

/// What to do where a port cannot be opened for a caller.
pub(super) const REMEDY: &str = "run hostward as root on the host, or with --pid host and --cap-add SYS_ADMIN (in a unit: \
                                 CAP_SYS_ADMIN and RestrictNamespaces=net); or set publish = \"machine\"";

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
        place: Localhost,
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
async fn serve(place: Localhost, target: Target, published: Published, share: Arc<Share>) {
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
            Ok(PortSocket::Tcp(listener)) => {
                serving.spawn(connections(listener, target, guest, share).in_current_span())
            }
            Ok(PortSocket::Udp(socket)) => {
                let forwarding = async move {
                    tokio::select! {
                        () = datagrams(socket, target, guest, Arc::clone(&share)) => {}
                        () = share.left() => {}
                    }
                };
                serving.spawn(forwarding.in_current_span())
            }
            // Many have no IPv6.
            Err(error) if address.is_ipv6() && error.kind() == io::ErrorKind::AddrNotAvailable => continue,
            Err(why) => {
                tracing::warn!(at = %address.ip(), %why, remedy = REMEDY, "not opened on {}", place.name);
                break;
            }
        };
    }
    // A file that stands for a network is of no use any more.
    drop(place);
    while serving.join_next().await.is_some() {}
}

/// A socket that others come to.
enum PortSocket {
    Tcp(std::net::TcpListener),
    Udp(UdpSocket),
}

/// Takes an address, once nobody has it, and there is what it takes.
async fn bind_soon(place: &Localhost, address: SocketAddr, protocol: Protocol) -> io::Result<PortSocket> {
    let start = Instant::now();
    let mut said = false;
    loop {
        match bind(place, address, protocol).await {
            Err(why) if why.kind() == io::ErrorKind::AddrInUse || is_short(&why) => {
                if !said && (is_short(&why) || start.elapsed() > LONG) {
                    tracing::info!(at = %address.ip(), %why, "not opened on {} until that changes", place.name);
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

async fn bind(place: &Localhost, address: SocketAddr, protocol: Protocol) -> io::Result<PortSocket> {
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
            listener.await.map(PortSocket::Tcp)
        }
        Protocol::Udp => {
            let socket = place.network.make(move || {
                let socket = std::net::UdpSocket::bind(address)?;
                socket.set_nonblocking(true)?;
                Ok(socket)
            });
            UdpSocket::from_std(socket.await?).map(PortSocket::Udp)
        }
    }
}
