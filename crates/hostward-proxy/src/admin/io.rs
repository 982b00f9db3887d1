//! A connection as hyper reads and writes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hostward_engine::stream::Stream;
use hyper::rt::{Read, ReadBufCursor, Write};

/// So much is read at a time: a request's head is hardly longer.
const PIECE: usize = 1 << 10;

/// A connection, polled.
pub(super) struct Polled(pub(super) Stream);

impl Polled {
    fn readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            Stream::Unix(stream) => stream.poll_read_ready(cx),
            Stream::Tcp(stream) => stream.poll_read_ready(cx),
        }
    }

    fn writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.0 {
            Stream::Unix(stream) => stream.poll_write_ready(cx),
            Stream::Tcp(stream) => stream.poll_write_ready(cx),
        }
    }
}

impl Read for Polled {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut piece = [0; PIECE];
        let room = buffer.remaining().min(PIECE);
        loop {
            ready!(self.readable(cx))?;
            match self.0.try_read(&mut piece[..room]) {
                Ok(read) => {
                    buffer.put_slice(&piece[..read]);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Write for Polled {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.writable(cx))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket holds nothing back.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shutdown_write())
    }
}
