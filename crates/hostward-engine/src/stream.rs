//! A stream of bytes: a connection to an engine, or any other that the proxy relays.

use std::io;
use std::time::Duration;

use rustix::net::Shutdown;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl};
use tokio::io::{Interest, Ready};
use tokio::net::{TcpStream, UnixStream};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A connected socket of either kind, driven by readiness rather than by `AsyncRead`.
///
/// Readiness lets a thousand idle connections share one buffer: nothing is held while nobody has anything to
/// say (DESIGN 9). All methods take `&self`, so that both directions can wait at once.
#[derive(Debug)]
pub enum Stream {
    /// A unix socket.
    Unix(UnixStream),
    /// A TCP socket, with Nagle's algorithm off.
    Tcp(TcpStream),
}

impl Stream {
    /// Waits until one of `interest` may be possible. Like all readiness, it can be wrong: try, and wait again.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        match self {
            Self::Unix(stream) => stream.ready(interest).await,
            Self::Tcp(stream) => stream.ready(interest).await,
        }
    }

    /// Waits until a read may succeed.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.readable().await,
            Self::Tcp(stream) => stream.readable().await,
        }
    }

    /// Waits until a write may succeed.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.writable().await,
            Self::Tcp(stream) => stream.writable().await,
        }
    }

    /// Reads what is there; `Ok(0)` is the peer's end, `WouldBlock` says to wait for [`readable`](Self::readable).
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.try_read(buffer),
            Self::Tcp(stream) => stream.try_read(buffer),
        }
    }

    /// Writes what fits; `WouldBlock` says to wait for [`writable`](Self::writable).
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.try_write(bytes),
            Self::Tcp(stream) => stream.try_write(bytes),
        }
    }

    /// Writes several pieces at once, so that a head and its body leave in one packet.
    pub fn try_write_vectored(&self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.try_write_vectored(pieces),
            Self::Tcp(stream) => stream.try_write_vectored(pieces),
        }
    }

    /// Runs a system call of the caller's own (splice, for one) and keeps tokio's readiness true: when `io`
    /// answers `WouldBlock`, the next wait for `interest` really waits.
    pub fn try_io<R>(&self, interest: Interest, io: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match self {
            Self::Unix(stream) => stream.try_io(interest, io),
            Self::Tcp(stream) => stream.try_io(interest, io),
        }
    }

    /// Ends our side and leaves the other open: `echo hi | docker exec -i` still gets its answer.
    pub fn shutdown_write(&self) -> io::Result<()> {
        // Not `AsyncWriteExt::shutdown`, which asks for `&mut self`.
        Ok(rustix::net::shutdown(self, Shutdown::Write)?)
    }

    /// Writes all of `bytes`, waiting as needed.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.writable().await?;
            match self.try_write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads some bytes, waiting as needed; `Ok(0)` is the peer's end.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.readable().await?;
            match self.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}

impl std::os::fd::AsFd for Stream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Self::Unix(stream) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
        }
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

/// Notices that the machine or the network at the other end has gone, which says nothing: it is asked every 15 s, as Go's
/// servers and clients do (docker's own are such).
///
/// # Errors
/// Where the other end has gone already.
pub fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    set_socket_keepalive(stream, true)?;
    set_tcp_keepidle(stream, KEEP_ALIVE)?;
    set_tcp_keepintvl(stream, KEEP_ALIVE)?;
    Ok(set_tcp_keepcnt(stream, 9)?)
}
