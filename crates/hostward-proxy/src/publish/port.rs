//! One port on a localhost, and what comes to it.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hostward::network::{By, Protocol, Published};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::lingering;
use super::namespace::Namespace;
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
fn may_come(guest: Option<IpAddr>, client: SocketAddr) -> bool {
    guest.is_none_or(|guest| guest == client.ip().to_canonical())
}

/// How long a connection within one machine may take to be made.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a port is tried that somebody in its network has: at first it may be one of the caller's own connections, which
/// are given ports of the same range as engines pick theirs from; when that has gone on for long, it is said, and tried on.
const AGAIN: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(3);
const LATER: Duration = Duration::from_secs(1);

/// How long nothing need come of datagrams until their sender is forgotten, as with the engine's own proxy.
const SILENCE: Duration = Duration::from_secs(90);

/// A port that is open, or is as soon as nobody else has it. Dropping it closes it, with all its connections.
#[derive(Debug)]
pub(super) struct Port(AbortHandle);

impl Drop for Port {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where what comes to a port goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    from: Namespace,
    address: SocketAddr,
}

impl Target {
    /// An address, as it is in a network.
    pub(super) fn within(from: Namespace, address: SocketAddr) -> Self {
        Self { from, address }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let address = self.address;
        let stream = self.from.make(move || {
            let stream = std::net::TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        });
        TcpStream::from_std(stream.await?)
    }

    async fn socket(&self) -> io::Result<UdpSocket> {
        let address = self.address;
        let any =
            if address.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = self.from.make(move || {
            let socket = std::net::UdpSocket::bind((any, 0))?;
            socket.connect(address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        UdpSocket::from_std(socket.await?)
    }
}

impl Port {
    /// Opens it on the addresses of a place that the engine's machine has it by, as far as there are such. What comes of it
    /// is said in the current span.
    pub(super) fn open(place: Place, target: Target, published: Published) -> Self {
        Self(tokio::spawn(serve(place, target, published).in_current_span()).abort_handle())
    }
}

/// Serves a port until it is aborted.
async fn serve(place: Place, target: Target, published: Published) {
    let mut serving = JoinSet::new();
    let is_meant = |address: &&IpAddr| match published.by {
        By::Any => true,
        By::Ipv4 => address.is_ipv4(),
        By::Ipv6 => address.is_ipv6(),
    };
    // In their order: whoever has the first is meant by `localhost`, and has the second to itself.
    for address in place.addresses.iter().filter(is_meant) {
        let address = SocketAddr::new(*address, published.outside);
        match bind_soon(&place, address, published.protocol).await {
            Ok(Socket::Tcp(listener)) => serving.spawn(connections(listener, target.clone(), place.guest)),
            Ok(Socket::Udp(socket)) => serving.spawn(datagrams(socket, target.clone(), place.guest)),
            // Many have no IPv6.
            Err(error) if address.is_ipv6() && error.kind() == io::ErrorKind::AddrNotAvailable => continue,
            Err(why) => {
                tracing::info!(at = %address.ip(), %why, "not opened on {}", place.name);
                break;
            }
        };
    }
    while serving.join_next().await.is_some() {}
}

/// A socket that others come to.
enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

/// Takes an address, once nobody has it.
async fn bind_soon(place: &Place, address: SocketAddr, protocol: Protocol) -> io::Result<Socket> {
    let start = Instant::now();
    let mut said = false;
    loop {
        match bind(place, address, protocol).await {
            Err(why) if why.kind() == io::ErrorKind::AddrInUse => {
                if !said && start.elapsed() > LONG {
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
            TcpListener::from_std(listener.await?).map(Socket::Tcp)
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

/// Forwards connections. They end with this.
async fn connections(listener: TcpListener, target: Target, guest: Option<IpAddr>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((_, from)) if !may_come(guest, from) => {}
                Ok((client, _)) => {
                    open.spawn(forward(client, target.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to a published port is lost");
                    sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = open.join_next() => {}
        }
    }
}

/// What the container does not take is closed, as the engine's own proxy does.
async fn forward(mut client: TcpStream, target: Target) {
    let forwarded = async {
        let mut server = target.connect().await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        copy_bidirectional(&mut client, &mut server).await
    };
    if let Err(error) = forwarded.await {
        tracing::debug!(to = %target.address, %error, "a connection to a published port ends");
    }
}

/// Forwards datagrams, and what is answered to each sender.
async fn datagrams(socket: UdpSocket, target: Target, guest: Option<IpAddr>) {
    let socket = Arc::new(socket);
    let mut senders: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut answering = JoinSet::new();
    let mut datagram = vec![0; 1 << 16];
    loop {
        tokio::select! {
            received = socket.recv_from(&mut datagram) => {
                // An error is of an answer that nobody takes.
                let Ok((length, sender)) = received else { continue };
                if !may_come(guest, sender) {
                    continue;
                }
                let server = if let Some(server) = senders.get(&sender) {
                    Arc::clone(server)
                } else {
                    let Ok(server) = target.socket().await.map(Arc::new) else { continue };
                    answering.spawn(answers(Arc::clone(&server), Arc::clone(&socket), sender));
                    senders.insert(sender, Arc::clone(&server));
                    server
                };
                let _ = server.send(&datagram[..length]).await;
            }
            Some(ended) = answering.join_next() => {
                if let Ok(sender) = ended {
                    senders.remove(&sender);
                }
            }
        }
    }
}

/// Brings answers back, until there has been none for long.
async fn answers(server: Arc<UdpSocket>, socket: Arc<UdpSocket>, sender: SocketAddr) -> SocketAddr {
    let mut datagram = vec![0; 1 << 16];
    while let Ok(received) = timeout(SILENCE, server.recv(&mut datagram)).await {
        // Refused by a server that is not there yet.
        let Ok(length) = received else { continue };
        let _ = socket.send_to(&datagram[..length], sender).await;
    }
    sender
}
