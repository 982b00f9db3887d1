//! Connections that are over. The kernel keeps their ports for a minute more (TIME-WAIT, RFC 9293), and who opens such a
//! port is told that it is in use. Of what never left this machine nothing can come late, so that they can be forgotten
//! (`sock_diag(7)`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// `linux/netlink.h`: the header, and in it the kinds of messages and what is asked of the kernel.
const HEADER: usize = 16;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const DUMP: u16 = 0x300;

/// `linux/sock_diag.h` and `linux/inet_diag.h`: the kinds of messages, a state of TCP's, and `struct inet_diag_sockid`.
const BY_FAMILY: u16 = 20;
const DESTROY: u16 = 21;
const TIME_WAIT: u8 = 6;
type SocketId = [u8; 48];

/// Numbers of the kernel's for families of addresses and for a protocol.
const INET: u8 = 2;
const INET6: u8 = 10;
const TCP: u8 = 6;

/// Has the kernel forget the connections of this network namespace that are over and have this address of a localhost.
///
/// # Errors
/// Where this process may not (`CAP_NET_ADMIN` over the namespace), or the kernel cannot.
pub(super) fn forget(address: SocketAddr) -> io::Result<()> {
    if !address.ip().is_loopback() {
        return Ok(());
    }
    let kernel = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    let mut of_this_port: SocketId = [0; 48];
    of_this_port[..2].copy_from_slice(&address.port().to_be_bytes());
    // Who speaks IPv6 may have an address of IPv4.
    for family in [INET, INET6] {
        for over in ask(&kernel, BY_FAMILY, DUMP, family, &of_this_port)? {
            // An id is of one connection and of no other that has its port by now.
            if source(family, &over) == address.ip() {
                ask(&kernel, DESTROY, ACKNOWLEDGE, family, &over)?;
            }
        }
    }
    Ok(())
}

/// Asks the kernel something of sockets that are in that state, and gives those that it tells.
fn ask(kernel: &OwnedFd, kind: u16, how: u16, family: u8, id: &SocketId) -> io::Result<Vec<SocketId>> {
    send(kernel, &request(kind, how, family, id), SendFlags::empty())?;
    let mut told = Vec::new();
    let mut buffer = vec![0; 32 << 10];
    loop {
        let (length, _) = recv(kernel, &mut *buffer, RecvFlags::empty())?;
        let mut rest = &buffer[..length];
        while let Some((kind, message, after)) = message(rest) {
            match kind {
                BY_FAMILY => told.extend(found(message)),
                DONE => return Ok(told),
                ERROR => return acknowledged(message).map(|()| told),
                _ => {}
            }
            rest = after;
        }
    }
}

/// `struct nlmsghdr`, `struct inet_diag_req_v2`.
fn request(kind: u16, how: u16, family: u8, id: &SocketId) -> Vec<u8> {
    let mut request = Vec::with_capacity(72);
    request.extend(72_u32.to_ne_bytes());
    request.extend(kind.to_ne_bytes());
    request.extend((REQUEST | how).to_ne_bytes());
    request.extend([0; 8]); // which request it is, and whose
    request.extend([family, TCP, 0, 0]);
    request.extend((1_u32 << TIME_WAIT).to_ne_bytes());
    request.extend(id);
    request
}

/// The kind of the first message, what it says, and the messages after it.
fn message(messages: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*messages.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*messages.get(4..)?.first_chunk()?);
    let after = messages.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, messages.get(HEADER..length)?, after))
}

/// `struct inet_diag_msg`, as far as it tells which socket it is.
fn found(message: &[u8]) -> Option<SocketId> {
    let state = *message.get(1)?;
    message.get(4..)?.first_chunk().copied().filter(|_| state == TIME_WAIT)
}

/// `struct nlmsgerr`: the error's number, negated, or none.
fn acknowledged(message: &[u8]) -> io::Result<()> {
    let number = message.first_chunk().map_or(0, |number| i32::from_ne_bytes(*number));
    // It has just gone by itself.
    if number == 0 || -number == Errno::NOENT.raw_os_error() {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(-number))
}

/// The address that a socket has here.
fn source(family: u8, id: &SocketId) -> IpAddr {
    let (address, _) = id[4..].split_first_chunk::<16>().expect("an id is longer");
    let [a, b, c, d, ..] = *address;
    match family {
        INET => Ipv4Addr::new(a, b, c, d).into(),
        _ => IpAddr::from(Ipv6Addr::from(*address)).to_canonical(),
    }
}
