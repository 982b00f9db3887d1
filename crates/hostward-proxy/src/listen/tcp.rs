//! A TCP socket to listen on.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use hostward_engine::address::Address;
use hostward_engine::stream::{Stream, keep_alive};
use tokio::net::TcpListener;

use super::error::ListenError;
use crate::peer::{Ends, Peer};

pub(super) async fn bind(socket: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(socket).await.map_err(|error| {
        let address = Address::Tcp { host: socket.ip().to_string(), port: socket.port() };
        match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(address),
            _ => ListenError::Io { address, action: "binding the socket", error },
        }
    })
}

pub(super) fn inherit(address: Address, socket: OwnedFd) -> Result<TcpListener, ListenError> {
    let socket = std::net::TcpListener::from(socket);
    socket
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(socket))
        .map_err(|error| ListenError::Io { address, action: "using the inherited socket", error })
}

pub(super) async fn accept(listener: &TcpListener) -> io::Result<(Stream, Peer)> {
    let (stream, remote) = listener.accept().await?;
    // A keystroke of `docker exec -it` must not wait for the acknowledgement of the last one. A client that has gone
    // already is noticed at the first read.
    let _ = stream.set_nodelay(true);
    let _ = keep_alive(&stream);
    let local = stream.local_addr()?;
    Ok((stream.into(), Peer::Address(Ends { remote, local })))
}
