//! A connection that another Hostward has accepted, and that waits for its next request.

use std::io;
use std::os::fd::OwnedFd;

use hostward_engine::address::Address;
use hostward_engine::stream::Stream;
use rustix::net::AddressFamily;
use rustix::net::sockopt::socket_domain;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;

use crate::peer::{Accepted, Ends, Peer};

/// A connection that another Hostward has accepted. Nothing of what it has sent is missing: that one has read none of it, or
/// answered it.
#[derive(Debug)]
pub(crate) struct Adopted {
    /// Where it was accepted.
    pub(crate) address: Address,
    pub(crate) stream: Stream,
    pub(crate) peer: Peer,
    pub(crate) accepted: Accepted,
    /// Told once it is served here. Dropping it says that it is not, and the other Hostward still has it.
    pub(crate) served: oneshot::Sender<()>,
}

impl Adopted {
    pub(super) fn new(
        address: Address,
        socket: OwnedFd,
        accepted: Accepted,
        served: oneshot::Sender<()>,
    ) -> io::Result<Self> {
        let (stream, peer) = if socket_domain(&socket)? == AddressFamily::UNIX {
            (UnixStream::from_std(socket.into())?.into(), Peer::Process)
        } else {
            let stream = TcpStream::from_std(socket.into())?;
            let ends = Ends { remote: stream.peer_addr()?, local: stream.local_addr()? };
            (stream.into(), Peer::Address(ends))
        };
        Ok(Self { address, stream, peer, accepted, served })
    }
}
