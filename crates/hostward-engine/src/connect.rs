//! Connections to an engine, and any other stream of bytes that the proxy relays.

use std::io;
use std::time::Duration;

use rustix::net::Shutdown;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl};
use tokio::io::{Interest, Ready};
use tokio::net::{TcpStream, UnixStream};

use crate::address::Address;
use crate::{ssh, tls};

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

/// Opens a connection to the engine. It waits as long as the system does; callers bring their own time limit.
pub async fn connect(address: &Address) -> io::Result<Stream> {
    match address {
        Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        Address::Tcp { host, port } => tcp(host, *port).await.map(Stream::Tcp),
        Address::Tls { host, port, credentials } => {
            tls::connect(tcp(host, *port).await?, host, credentials).await
        }
        Address::Ssh { user, host, port, socket } => {
            let arguments = ssh::arguments(user.as_deref(), host, *port, socket.as_deref());
            ssh::connect("ssh", &arguments).map(Stream::Unix)
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    // A keystroke of `docker exec -it` must not wait for the last one's acknowledgement.
    stream.set_nodelay(true)?;
    keep_alive(&stream)?;
    Ok(stream)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::block_on;

    async fn half_close_still_brings_the_answer(near: Stream, far: Stream) {
        near.write_all(b"question").await.unwrap();
        near.shutdown_write().unwrap();
        let mut buffer = [0; 64];
        assert_eq!(far.read(&mut buffer).await.unwrap(), 8);
        assert_eq!(far.read(&mut buffer).await.unwrap(), 0, "the end of our side arrives");
        far.write_all(b"answer").await.unwrap();
        drop(far);
        assert_eq!(near.read(&mut buffer).await.unwrap(), 6);
        assert_eq!(near.read(&mut buffer).await.unwrap(), 0);
    }

    #[test]
    fn a_unix_stream_closes_by_halves() {
        block_on(async {
            let (near, far) = UnixStream::pair().unwrap();
            half_close_still_brings_the_answer(near.into(), far.into()).await;
        });
    }

    #[test]
    fn a_tcp_stream_closes_by_halves() {
        block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let near = connect(&Address::Tcp { host: "127.0.0.1".to_owned(), port }).await.unwrap();
            let (far, _) = listener.accept().await.unwrap();
            half_close_still_brings_the_answer(near, far.into()).await;
        });
    }
}
