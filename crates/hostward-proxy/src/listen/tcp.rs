//! A TCP socket to listen on.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use hostward_engine::address::Address;
use hostward_engine::connect::Stream;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl};
use tokio::net::{TcpListener, TcpStream};

use super::ListenError;
use crate::identify::Peer;

/// How often a quiet client is asked whether it is still there, as Go's servers do (docker's own is one).
const KEEP_ALIVE: Duration = Duration::from_secs(15);

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
        .map_err(|error| ListenError::Io { address, action: "taking the inherited socket", error })
}

pub(super) async fn accept(listener: &TcpListener) -> io::Result<(Stream, Peer)> {
    let (stream, remote) = listener.accept().await?;
    // A keystroke of `docker exec -it` must not wait for the acknowledgement of the last one. A client that has gone
    // already is noticed at the first read.
    let _ = stream.set_nodelay(true);
    let _ = keep_alive(&stream);
    Ok((stream.into(), Peer::Address(remote)))
}

/// Notices that a client's machine or network has gone, which says nothing.
fn keep_alive(stream: &TcpStream) -> rustix::io::Result<()> {
    set_socket_keepalive(stream, true)?;
    set_tcp_keepidle(stream, KEEP_ALIVE)?;
    set_tcp_keepintvl(stream, KEEP_ALIVE)?;
    set_tcp_keepcnt(stream, 9)
}
