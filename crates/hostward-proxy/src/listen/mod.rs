//! The sockets that clients connect to.

mod inherited;
mod tcp;
mod tls;
mod unix;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hostward_engine::address::Address;
use hostward_engine::select::Selector;
use hostward_engine::stream::Stream;
use hostward_engine::tls::UnusableFile;

pub use inherited::Inherited;
pub(crate) use tls::Acceptor;
pub use tls::Tls;
pub use unix::Access;

use crate::identify::Peer;

/// A socket to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub on: On,
    /// Who calls there.
    pub callers: Callers,
}

/// Where clients connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// A unix socket.
    Unix {
        /// Its file, by an absolute path.
        path: PathBuf,
        /// Who may connect.
        access: Access,
    },
    /// Plain TCP: whoever can reach the address may connect.
    Tcp(SocketAddr),
    /// TLS on TCP.
    Tls {
        /// Where.
        address: SocketAddr,
        /// The certificates, and whom they name.
        tls: Tls,
    },
}

/// Who calls at a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Callers {
    /// Whoever connects: the kernel or the network says who that is.
    Each,
    /// Always this container, whoever connects.
    One(Selector),
    /// Nobody knows: a relay connects for others, which names itself alone (T23).
    Relayed,
}

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process serves it.
    #[error("{0} is in use: something answers there; stop it, or choose another path with --listen")]
    InUse(Address),
    /// Something else than a socket has the name.
    #[error("{} exists and is no socket; choose another path with --listen", .0.display())]
    NoSocket(PathBuf),
    /// A file of TLS is of no use.
    #[error(transparent)]
    Tls(#[from] UnusableFile),
    /// The system says no.
    #[error("cannot listen on {address}: {action}: {error}")]
    Io {
        /// Where.
        address: Address,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

/// A socket that takes connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(unix::Listener),
    Tcp(tokio::net::TcpListener),
}

impl On {
    /// Where that is, as clients write it in `DOCKER_HOST`.
    pub fn address(&self) -> Address {
        match self {
            Self::Unix { path, .. } => Address::Unix(path.clone()),
            Self::Tcp(address) | Self::Tls { address, .. } => {
                Address::Tcp { host: address.ip().to_string(), port: address.port() }
            }
        }
    }

    /// Whether whoever connects to `engine` would be here: by another name of a host, or any address of this machine where
    /// all of them are served.
    pub(crate) async fn is_reached_by(&self, engine: &Address) -> bool {
        let (
            Self::Tcp(own) | Self::Tls { address: own, .. },
            Address::Tcp { host, port } | Address::Tls { host, port, .. },
        ) = (self, engine)
        else {
            return self.address() == *engine;
        };
        if *port != own.port() {
            return false;
        }
        // A host that has no address is nowhere yet.
        let mut found = tokio::net::lookup_host((host.as_str(), *port)).await.into_iter().flatten();
        found.any(|one| {
            // An address that one can listen at is this machine's.
            let is_here = || std::net::TcpListener::bind((one.ip(), 0)).is_ok();
            let is_any = own.ip().is_unspecified() && (own.is_ipv6() || one.is_ipv4());
            one.ip() == own.ip() || is_any && is_here()
        })
    }

    /// What speaks TLS there, by the files as they are now; none where nobody does.
    pub(crate) fn acceptor(&self) -> Result<Option<Acceptor>, ListenError> {
        match self {
            Self::Tls { tls, .. } => Acceptor::new(tls).map(Some),
            Self::Unix { .. } | Self::Tcp(_) => Ok(None),
        }
    }

    /// The file of a unix socket.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix { path, .. } => Some(path),
            Self::Tcp(_) | Self::Tls { .. } => None,
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address().fmt(f)
    }
}

impl Listener {
    /// Takes the socket that was inherited for this, or makes it.
    pub(crate) async fn bind(on: &On, inherited: &Inherited) -> Result<Self, ListenError> {
        let address = on.address();
        let given = inherited.given(&address)?;
        match on {
            On::Unix { path, access } => match given {
                Some(socket) => unix::Listener::inherit(path, socket).map(Self::Unix),
                None => unix::Listener::bind(path, access).await.map(Self::Unix),
            },
            On::Tcp(socket) | On::Tls { address: socket, .. } => match given {
                Some(given) => tcp::inherit(address, given).map(Self::Tcp),
                None => tcp::bind(*socket).await.map(Self::Tcp),
            },
        }
    }

    /// The next connection, and what the socket says of who connected.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Unix(listener) => Ok((listener.accept().await?.into(), Peer::Process)),
            Self::Tcp(listener) => tcp::accept(listener).await,
        }
    }

    /// Gives a unix socket's file to whom it is to be open by now.
    pub(crate) fn adjust(&self, on: &On) -> Result<(), ListenError> {
        match (self, on) {
            (Self::Unix(listener), On::Unix { access, .. }) => listener.open_to(access),
            _ => Ok(()),
        }
    }

    /// Whether this path, whatever links it goes through, leads to this socket.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        matches!(self, Self::Unix(listener) if listener.is_at(path))
    }
}
