//! A TCP socket to listen on.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use hostward_engine::address::Address;
use hostward_engine::stream::{Stream, keep_alive};
use tokio::net::{TcpListener, TcpSocket};

use super::error::ListenError;
use crate::peer::{Ends, Peer};

pub(super) async fn bind(socket: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(socket).await.map_err(|error| failed(socket, error))
}

/// Tries the address, and listens at none.
pub(super) fn could_bind(socket: SocketAddr) -> Result<(), ListenError> {
    let tried = if socket.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let tried = tried.and_then(|tried| {
        tried.set_reuseaddr(true)?;
        tried.bind(socket)
    });
    match tried.map_err(|error| failed(socket, error)) {
        Ok(()) | Err(ListenError::InUse(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn failed(socket: SocketAddr, error: io::Error) -> ListenError {
    let address = Address::Tcp { host: socket.ip().to_string(), port: socket.port() };
    match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse(address),
        _ => ListenError::Io { address, action: "binding the socket", error },
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn an_address_of_another_machine_is_found_and_one_that_is_taken_is_fine() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        could_bind(taken).unwrap();
        let holder = TcpListener::bind(taken).await.unwrap();
        could_bind(taken).unwrap();
        assert!(matches!(bind(taken).await, Err(ListenError::InUse(_))));
        drop(holder);
        // TEST-NET-1 is nobody's.
        let elsewhere = could_bind("192.0.2.1:2375".parse().unwrap()).unwrap_err();
        let ListenError::Io { error, .. } = elsewhere else { panic!("{elsewhere}") };
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
