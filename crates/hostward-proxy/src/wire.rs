//! What a side of a connection is reached by: a socket. In tests it may be a script, which plays a peer without one.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use hostward_engine::stream::Stream;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::RecvFlags;
use rustix::pipe::SpliceFlags;
use tokio::io::Interest;

#[cfg(test)]
use crate::script::Script;

/// The calls on a connection of which everything else here is made; none of them waits.
#[derive(Debug)]
pub(crate) enum Wire {
    Socket(Stream),
    #[cfg(test)]
    Script(Script),
}

impl Wire {
    /// The socket, for those who ask the kernel who is at its other end.
    pub(crate) fn stream(&self) -> &Stream {
        match self {
            Self::Socket(stream) => stream,
            #[cfg(test)]
            Self::Script(script) => script.stream(),
        }
    }

    /// Reads once. No bytes mean that the peer sends no more.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => {
                let mut short = None;
                let result = stream.try_io(Interest::READABLE, || {
                    let n = rustix::io::read(stream, &mut *buffer)?;
                    if n == 0 || n == buffer.len() {
                        return Ok(n);
                    }
                    // A short read has emptied the socket. Saying so here spares the read that would only hear
                    // EAGAIN, as tokio's own `poll_read` does.
                    short = Some(n);
                    Err(io::ErrorKind::WouldBlock.into())
                });
                short.map_or(result, Ok)
            }
            #[cfg(test)]
            Self::Script(script) => script.read(buffer),
        }
    }

    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.try_write(bytes),
            #[cfg(test)]
            Self::Script(script) => script.write(bytes),
        }
    }

    /// Reads and leaves it there.
    pub(crate) fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.try_io(Interest::READABLE, || {
                let (n, _) = rustix::net::recv(stream, buffer, RecvFlags::PEEK)?;
                Ok(n)
            }),
            #[cfg(test)]
            Self::Script(script) => script.peek(buffer),
        }
    }

    /// Moves up to `most` bytes into an empty pipe. No bytes mean that the peer sends no more.
    pub(crate) fn splice_into(&self, pipe: impl AsFd, most: usize) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => {
                stream.try_io(Interest::READABLE, || Ok(spliced(stream, pipe.as_fd(), most)?))
            }
            #[cfg(test)]
            Self::Script(script) => script.splice_into(pipe.as_fd(), most),
        }
    }

    /// The same for a pipe with something in it. What there is no room for is still there to read, and tokio is not told
    /// otherwise.
    pub(crate) fn splice_behind(&self, pipe: impl AsFd, most: usize) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => Ok(spliced(stream, pipe.as_fd(), most)?),
            #[cfg(test)]
            Self::Script(script) => script.splice_into(pipe.as_fd(), most),
        }
    }

    /// Sends up to `most` bytes of those that a pipe holds.
    pub(crate) fn splice_from(&self, pipe: impl AsFd, most: usize) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => {
                stream.try_io(Interest::WRITABLE, || Ok(spliced(pipe.as_fd(), stream, most)?))
            }
            #[cfg(test)]
            Self::Script(script) => script.splice_from(pipe.as_fd(), most),
        }
    }

    /// Says that no more comes from our side.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        match self {
            Self::Socket(stream) => stream.shutdown_write(),
            #[cfg(test)]
            Self::Script(script) => {
                script.shut_down();
                Ok(())
            }
        }
    }

    /// Whether the peer has closed both directions, rather than only said that it sends no more.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Socket(stream) => {
                let mut poll = [PollFd::new(stream, PollFlags::empty())];
                let now = Timespec { tv_sec: 0, tv_nsec: 0 };
                rustix::event::poll(&mut poll, Some(&now)).is_ok()
                    && poll[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
            }
            #[cfg(test)]
            Self::Script(script) => script.is_gone(),
        }
    }

    // An error of either poll means that the runtime ends. The next read or write says so.

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Socket(Stream::Unix(stream)) => stream.poll_read_ready(cx).map(drop),
            Self::Socket(Stream::Tcp(stream)) => stream.poll_read_ready(cx).map(drop),
            #[cfg(test)]
            Self::Script(script) => script.poll_readable(cx),
        }
    }

    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Socket(Stream::Unix(stream)) => stream.poll_write_ready(cx).map(drop),
            Self::Socket(Stream::Tcp(stream)) => stream.poll_write_ready(cx).map(drop),
            #[cfg(test)]
            Self::Script(script) => script.poll_writable(cx),
        }
    }
}

fn spliced(from: impl AsFd, to: impl AsFd, most: usize) -> rustix::io::Result<usize> {
    rustix::pipe::splice(from, None, to, None, most, SpliceFlags::MOVE | SpliceFlags::NONBLOCK)
}
