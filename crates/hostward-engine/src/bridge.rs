//! A stream of bytes that is no socket (TLS), as one that the data path can drive by readiness: by way of a pair of unix
//! sockets, between whose far end and the stream somebody carries the bytes.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::stream::Stream;

/// What is carried at once, each way.
const BUFFER: usize = 64 << 10;

/// The near end of the pair, and the future that carries bytes and ends both ways. It is done when both sides have ended,
/// one has broken, or the near end is closed and all that was written to it has left.
///
/// # Errors
/// Where no pair of sockets can be had.
pub fn bridge<S: AsyncRead + AsyncWrite>(stream: S) -> io::Result<(Stream, impl Future<Output = ()>)> {
    let (near, far) = UnixStream::pair()?;
    let carry = async move {
        let (mut from_peer, mut to_peer) = split(stream);
        let (mut from_near, mut to_near) = far.into_split();
        // The first error ends both ways.
        let _ = tokio::try_join!(inward(&mut from_peer, &mut to_near), outward(&mut from_near, &mut to_peer));
    };
    Ok((near.into(), carry))
}

async fn inward(peer: &mut (impl AsyncRead + Unpin), near: &mut OwnedWriteHalf) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let n = peer.read(&mut buffer).await?;
        if n == 0 {
            // It fails only where the near end has gone.
            let _ = near.shutdown().await;
            return Ok(());
        }
        if near.write_all(&buffer[..n]).await.is_err() {
            // What the near end wrote before it went must still arrive.
            return Ok(());
        }
    }
}

async fn outward(near: &mut OwnedReadHalf, peer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        // Like an end: the near end has gone with bytes in it that it has not read.
        let n = near.read(&mut buffer).await.unwrap_or(0);
        if n == 0 {
            peer.shutdown().await?;
            return if is_closed(near) { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) };
        }
        peer.write_all(&buffer[..n]).await?;
        peer.flush().await?;
    }
}

/// Whether the near end is closed, rather than only done with writing.
fn is_closed(near: &OwnedReadHalf) -> bool {
    let stream: &UnixStream = near.as_ref();
    let mut poll = [PollFd::new(stream, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut poll, Some(&now)).is_ok() && poll[0].revents().contains(PollFlags::HUP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::block_on;
    use std::pin::pin;
    use tokio::io::{DuplexStream, duplex};

    /// Runs a test beside the carrying of a bridge; the test gets the near end and the peer.
    fn beside<F: Future<Output = ()>>(test: impl FnOnce(Stream, DuplexStream) -> F) {
        block_on(async {
            let (stream, peer) = duplex(1 << 20);
            let (near, carry) = bridge(stream).unwrap();
            let (mut carry, mut test) = (pin!(carry), pin!(test(near, peer)));
            tokio::select! {
                () = &mut carry => test.await,
                () = &mut test => carry.await,
            }
        });
    }

    #[test]
    fn either_side_ends_and_still_gets_what_the_other_sends() {
        for near_first in [true, false] {
            beside(async |near, mut peer| {
                let mut buffer = [0; 8];
                if near_first {
                    near.shutdown_write().unwrap();
                    assert_eq!(peer.read(&mut buffer).await.unwrap(), 0);
                    peer.write_all(b"late").await.unwrap();
                    assert_eq!(near.read(&mut buffer).await.unwrap(), 4);
                    peer.shutdown().await.unwrap();
                    assert_eq!(near.read(&mut buffer).await.unwrap(), 0);
                } else {
                    peer.shutdown().await.unwrap();
                    assert_eq!(near.read(&mut buffer).await.unwrap(), 0);
                    near.write_all(b"late").await.unwrap();
                    assert_eq!(peer.read(&mut buffer).await.unwrap(), 4);
                    drop(near);
                    assert_eq!(peer.read(&mut buffer).await.unwrap(), 0);
                }
            });
        }
    }

    #[test]
    fn a_near_end_that_is_closed_ends_it_though_the_peer_stays() {
        block_on(async {
            let (stream, mut peer) = duplex(1 << 20);
            let (near, carry) = bridge(stream).unwrap();
            near.write_all(b"last").await.unwrap();
            drop(near);
            carry.await;
            let mut text = String::new();
            peer.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "last");
        });
    }
}
