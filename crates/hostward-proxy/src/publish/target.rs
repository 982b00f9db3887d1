//! Where what comes to a port goes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::namespace::Namespace;

/// How long a connection within one machine may take to be made.
const PATIENCE: Duration = Duration::from_secs(5);

/// An address, as it is in a network.
#[derive(Debug, Clone)]
pub(super) struct Target {
    from: Namespace,
    address: SocketAddr,
}

impl Target {
    pub(super) fn within(from: Namespace, address: SocketAddr) -> Self {
        Self { from, address }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection. Waiting for it takes no thread: only the socket is made where the address is.
    ///
    /// # Errors
    /// Where there is none within [`PATIENCE`], or no socket can be had.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        let (from, address) = (&self.from, self.address);
        let connecting = async {
            let new = if address.is_ipv4() { TcpSocket::new_v4 } else { TcpSocket::new_v6 };
            from.make(new).await?.connect(address).await
        };
        timeout(PATIENCE, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// A socket for the datagrams of one sender, which is ready to send.
    ///
    /// # Errors
    /// Where no socket can be had, or nothing leads to the address.
    pub(super) async fn socket(&self) -> io::Result<UdpSocket> {
        let address = self.address;
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let make = move || {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
            connect(&socket, &address)?;
            Ok(std::net::UdpSocket::from(socket))
        };
        let socket = UdpSocket::from_std(self.from.make(make).await?)?;
        socket.writable().await?;
        Ok(socket)
    }
}

/// Whether something is only missing for now: descriptors, memory, a thread.
pub(super) fn is_short(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory)
        || matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::net::TcpListener;
    use std::os::fd::AsFd;
    use tokio::task::JoinSet;

    fn threads() -> usize {
        fs::read_dir("/proc/self/task").unwrap().count()
    }

    /// A port whose queue is full.
    fn never_accepting() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::listen(listener.as_fd(), 0).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn four_hundred_connections_that_nobody_accepts_take_one_thread_at_most() {
        let (_listener, address) = never_accepting();
        let before = threads();
        for from in [Namespace::Own, Namespace::of(std::process::id()).unwrap()] {
            let mut connecting = JoinSet::new();
            for _ in 0..400 {
                let target = Target::within(from.clone(), address);
                connecting.spawn(async move { target.connect().await });
            }
            // The first is done when all have begun: with what the kernel lets wait, or where it may not go there
            // (`CAP_SYS_ADMIN`).
            let first = connecting.join_next().await.unwrap().unwrap();
            assert!(threads() <= before + 1, "{before} threads have become {}", threads());
            if first.is_ok() && matches!(from, Namespace::Other(_)) {
                let mut late = 0;
                while let Some(Ok(done)) = connecting.join_next().await {
                    assert!(threads() <= before + 1, "{before} threads have become {}", threads());
                    late += usize::from(done.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut));
                }
                assert!(late > 390, "{late} were not accepted");
            }
        }
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_an_error_at_once() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = Target::within(Namespace::Own, free).connect().await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(!is_short(&refused));
    }

    #[test]
    fn a_lack_of_descriptors_and_of_threads_is_for_now() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::AGAIN] {
            assert!(is_short(&errno.into()), "{errno}");
        }
        for errno in [Errno::ADDRINUSE, Errno::PERM, Errno::ADDRNOTAVAIL] {
            assert!(!is_short(&errno.into()), "{errno}");
        }
    }
}
