//! A socket that takes connections, of whatever kind.

use std::io;
use std::path::Path;

use hostward_engine::stream::Stream;

use super::error::ListenError;
use super::inherited::Inherited;
use super::{tcp, unix};
use crate::peer::Peer;
use crate::settings::On;

/// A socket that takes connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(unix::SocketFile),
    Tcp(tokio::net::TcpListener),
}

impl Listener {
    /// Takes the socket that was inherited for this, or makes it.
    pub(crate) async fn bind(on: &On, inherited: &Inherited) -> Result<Self, ListenError> {
        let address = on.address();
        let given = inherited.given(&address)?;
        match on {
            On::Unix { path, access } => match given {
                Some(socket) => unix::SocketFile::inherit(path, socket).map(Self::Unix),
                None => unix::SocketFile::bind(path, access).await.map(Self::Unix),
            },
            On::Tcp(socket) | On::Tls { address: socket, .. } => match given {
                Some(given) => tcp::inherit(address, given).map(Self::Tcp),
                None => tcp::bind(*socket).await.map(Self::Tcp),
            },
        }
    }

    /// Whether the socket could be made, or is there already, somebody's.
    pub(crate) async fn could_bind(on: &On) -> Result<(), ListenError> {
        match on {
            On::Unix { path, access } => unix::SocketFile::could_bind(path, access).await,
            On::Tcp(socket) | On::Tls { address: socket, .. } => tcp::could_bind(*socket),
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
