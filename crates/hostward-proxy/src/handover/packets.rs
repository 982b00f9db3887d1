//! Packets between two processes, each with a descriptor or none (`SCM_RIGHTS`, unix(7)).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::sockopt::socket_peercred;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use rustix::process::geteuid;
use tokio::io::unix::AsyncFd;

use super::message::Packet;
use crate::sys;

/// No packet is longer: each has an address or a path at most.
const LONGEST: usize = 16 << 10;

/// A connection to the other process, which keeps packets apart (`SOCK_SEQPACKET`).
#[derive(Debug)]
pub(super) struct Channel(AsyncFd<OwnedFd>);

impl Channel {
    /// Takes a connected socket that does not block.
    ///
    /// # Errors
    /// Where its other end is another user's.
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        if socket_peercred(&socket)?.uid != geteuid() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user's process"));
        }
        Ok(Self(sys::watched(socket)?))
    }

    /// The other process.
    pub(super) fn peer(&self) -> u32 {
        socket_peercred(&self.0).map_or(0, |peer| peer.pid.as_raw_pid().unsigned_abs())
    }

    pub(super) async fn send(&self, message: &Packet, with: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let bytes = serde_json::to_vec(message)?;
        loop {
            let mut ready = self.0.writable().await?;
            if let Ok(sent) = ready.try_io(|socket| send(socket.as_fd(), &bytes, with)) {
                return sent;
            }
        }
    }

    /// The next packet; none where the other process has closed the connection.
    pub(super) async fn receive(&self) -> io::Result<Option<(Packet, Option<OwnedFd>)>> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(received) = ready.try_io(|socket| receive(socket.as_fd())) {
                let (bytes, with) = received?;
                if bytes.is_empty() {
                    return Ok(None);
                }
                return Ok(Some((serde_json::from_slice(&bytes)?, with)));
            }
        }
    }
}

fn send(socket: BorrowedFd<'_>, bytes: &[u8], with: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if with.is_some() {
        // There is room for one.
        control.push(SendAncillaryMessage::ScmRights(with.as_slice()));
    }
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive(socket: BorrowedFd<'_>) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut bytes = vec![0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)?;
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::other("a packet is longer than expected"));
    }
    bytes.truncate(received.bytes);
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok((bytes, descriptors.flatten().next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use std::io::{Read, Write};

    pub(crate) fn pair() -> (Channel, Channel) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        (Channel::new(one).unwrap(), Channel::new(other).unwrap())
    }

    #[tokio::test(flavor = "current_thread")]
    async fn packets_stay_apart_each_with_its_descriptor() {
        let (one, other) = pair();
        assert_eq!(one.peer(), std::process::id());
        let (reader, mut writer) = std::io::pipe().unwrap();
        one.send(&Packet::Ask, None).await.unwrap();
        one.send(&Packet::Meeting { path: "/p".into() }, Some(reader.as_fd())).await.unwrap();
        drop((reader, one));
        assert!(matches!(other.receive().await.unwrap(), Some((Packet::Ask, None))));
        let Some((Packet::Meeting { path }, Some(with))) = other.receive().await.unwrap() else { panic!() };
        assert_eq!(path.to_str(), Some("/p"));
        writer.write_all(b"x").unwrap();
        let mut byte = [0];
        std::io::PipeReader::from(with).read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        assert!(other.receive().await.unwrap().is_none());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_another_version_says_is_an_error() {
        let (one, other) = pair();
        for said in [b"\"Sing\"".to_vec(), b"{".to_vec(), vec![b'x'; LONGEST + 1]] {
            send(one.0.as_fd(), &said, None).unwrap();
            assert!(other.receive().await.is_err());
        }
    }
}
