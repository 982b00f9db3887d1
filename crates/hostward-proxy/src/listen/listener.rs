//! A socket that takes connections, of whatever kind.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use hostward_engine::address::Address;
use hostward_engine::stream::Stream;

use super::error::ListenError;
use super::given::{GivenSocket, Giver};
use super::inherited::Inherited;
use super::{tcp, unix};
use crate::peer::Peer;
use crate::settings::On;

/// A socket that takes connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(unix::SocketFile),
    Tcp {
        socket: tokio::net::TcpListener,
        /// Whose it is to the process that serves it next.
        giver: Giver,
    },
}

impl Listener {
    /// Takes the socket that was inherited for this, or makes it.
    pub(crate) async fn bind(on: &On, inherited: &Inherited) -> Result<Self, ListenError> {
        let address = on.address();
        let found = inherited.given(&address)?;
        match (on, found) {
            (On::Unix { path, .. }, Some(GivenSocket { socket, giver, .. }))
                if unix::leads_here(path, giver) =>
            {
                unix::SocketFile::inherit(path, socket, giver).map(Self::Unix)
            }
            (On::Unix { path, access }, _) => unix::SocketFile::bind(path, access).await.map(Self::Unix),
            (On::Tcp(_) | On::Tls { .. }, Some(GivenSocket { socket, giver, .. })) => {
                tcp::inherit(address, socket).map(|socket| Self::Tcp { socket, giver })
            }
            (On::Tcp(address) | On::Tls { address, .. }, None) => {
                let socket = tcp::bind(*address).await?;
                Ok(Self::Tcp { socket, giver: Giver::Predecessor(None) })
            }
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
            Self::Tcp { socket, .. } => tcp::accept(socket).await,
        }
    }

    /// Gives a unix socket's file to whom it is to be open by now.
    pub(crate) fn adjust(&self, on: &On) -> Result<(), ListenError> {
        match (self, on) {
            (Self::Unix(listener), On::Unix { access, .. }) => listener.open_to(access),
            _ => Ok(()),
        }
    }

    /// From now on this process alone serves it, or another one does: who is the last takes its file away.
    pub(crate) fn is_served_here(&self, here: bool) {
        if let Self::Unix(listener) = self {
            listener.is_served_here(here);
        }
    }

    /// It once more, for a process that serves it next by this address.
    pub(crate) fn give(&self, address: Address) -> io::Result<GivenSocket> {
        let (socket, giver) = match self {
            Self::Unix(listener) => (listener.as_fd(), listener.giver()),
            Self::Tcp { socket, giver } => (socket.as_fd(), *giver),
        };
        Ok(GivenSocket { address, socket: socket.try_clone_to_owned()?, giver })
    }

    /// Whether this path, whatever links it goes through, leads to this socket.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        matches!(self, Self::Unix(listener) if listener.is_at(path))
    }
}
