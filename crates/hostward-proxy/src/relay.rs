//! Moving bytes between two sockets, on readiness.
//!
//! A thread reads into one buffer that all its connections share, and writes from it at once. A connection keeps
//! only what the other side could not take, and reads no more until it did: this is the back-pressure, and why a
//! thousand quiet streams cost no buffers (`copy_bidirectional` would hold two for each). Long streams are not even
//! copied: see [`carry`](crate::carry).

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use hostward_engine::stream::Stream;

use crate::pace::Pace;
use crate::pipe::{EmptyPipe, FilledPipe, Left};
#[cfg(test)]
use crate::script::Script;
use crate::wire::Wire;

/// One read. More than a socket's usual buffer holds gains nothing.
const SCRATCH: usize = 64 << 10;

/// How long a peer may take to read its last answer and close, as in Go's net/http.
const LINGER: Duration = Duration::from_millis(500);

/// How long until the next look whether a peer has gone of which there is something to read.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

thread_local! {
    static SCRATCH_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// The client or the engine cannot go on: both connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut;

/// A socket, with what was read from it too early and what it could not take yet.
#[derive(Debug)]
pub(crate) struct Side {
    wire: Wire,
    /// Read and not used: a head that is not whole yet, a pipelined request.
    inbox: Vec<u8>,
    /// Waits until the socket takes it, before what is in the outbox.
    piped: Option<FilledPipe>,
    /// Waits until the socket takes it; empty most of the time.
    outbox: Vec<u8>,
    /// So much of the outbox has been sent.
    sent: usize,
    /// Whether it sends much, by what was read from it.
    pace: Pace,
    /// How much has come from it and is not counted yet.
    received: u64,
    /// The peer sends no more.
    ended: bool,
}

impl Side {
    pub(crate) fn new(stream: Stream) -> Self {
        Self::on(Wire::Socket(stream))
    }

    /// One that is played by a script.
    #[cfg(test)]
    pub(crate) fn scripted(script: &Script) -> Self {
        Self::on(Wire::Script(script.clone()))
    }

    /// Has it count as one that sends much.
    #[cfg(test)]
    pub(crate) fn speed_up(&mut self) {
        self.pace = Pace::BULK;
    }

    /// What waits in a pipe.
    #[cfg(test)]
    pub(crate) fn take_piped(&mut self) -> Option<FilledPipe> {
        self.piped.take()
    }

    fn on(wire: Wire) -> Self {
        let (inbox, outbox, pace) = (Vec::new(), Vec::new(), Pace::default());
        Self { wire, inbox, piped: None, outbox, sent: 0, pace, received: 0, ended: false }
    }

    pub(crate) fn stream(&self) -> &Stream {
        self.wire.stream()
    }

    /// Whether the peer's end has been read. What was read before it may still be in the inbox.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// How many bytes were read and wait for use.
    pub(crate) fn held(&self) -> usize {
        self.inbox.len()
    }

    /// Whether the peer has closed both directions, rather than only said that it sends no more.
    pub(crate) fn gone(&self) -> bool {
        self.wire.is_gone()
    }

    /// Gives `use_bytes` what was read before. It says how many bytes it used; the others stay.
    pub(crate) fn use_held<R>(&mut self, use_bytes: impl FnOnce(&[u8]) -> (usize, R)) -> R {
        let (used, result) = use_bytes(&self.inbox);
        if used == self.inbox.len() {
            // Not `clear`: an idle connection holds no buffer.
            self.inbox = Vec::new();
        } else {
            self.inbox.drain(..used);
        }
        result
    }

    /// Reads once, and gives `use_bytes` all that is there, with what was held before it. `None` when there is
    /// nothing to read now, or ever: see [`Side::ended`].
    pub(crate) fn read<R>(&mut self, use_bytes: impl FnOnce(&[u8]) -> (usize, R)) -> Option<R> {
        SCRATCH_BUFFER.with_borrow_mut(|scratch| {
            let n = self.try_read(scratch)?;
            let bytes = &scratch[..n];
            if !self.inbox.is_empty() {
                self.inbox.extend_from_slice(bytes);
                return Some(self.use_held(use_bytes));
            }
            let (used, result) = use_bytes(bytes);
            self.inbox.extend_from_slice(&bytes[used..]);
            Some(result)
        })
    }

    /// What was held, or else what can be read: for bodies, which need no more than the next bytes.
    pub(crate) fn take<R>(&mut self, use_bytes: impl FnOnce(&[u8]) -> (usize, R)) -> Option<R> {
        if self.inbox.is_empty() { self.read(use_bytes) } else { Some(self.use_held(use_bytes)) }
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        if self.ended {
            return None;
        }
        match self.wire.try_read(buffer) {
            Ok(n) if n > 0 => {
                self.saw(n);
                Some(n)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                None
            }
            // A reset ends the stream like a close; the other bytes went through already.
            Ok(_) | Err(_) => {
                self.ended = true;
                None
            }
        }
    }

    /// Sends what the socket takes and keeps the rest. An error says that the peer reads no more.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = if self.is_flushed() { self.try_write(bytes)? } else { 0 };
        self.outbox.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    /// Sends what the socket takes, and keeps the rest without another copy of it. An error says that the peer reads no more, and
    /// gives the bytes back.
    pub(crate) fn send_all(&mut self, bytes: Vec<u8>) -> Result<(), Vec<u8>> {
        if !self.is_flushed() {
            self.outbox.extend_from_slice(&bytes);
            return Ok(());
        }
        match self.try_write(&bytes) {
            Ok(sent) if sent == bytes.len() => Ok(()),
            Ok(sent) => {
                (self.outbox, self.sent) = (bytes, sent);
                Ok(())
            }
            Err(_) => Err(bytes),
        }
    }

    /// Whether it has been sending much for a while, and what comes next is still with the socket.
    pub(crate) fn sends_bulk(&self) -> bool {
        self.pace.is_bulk() && self.inbox.is_empty() && !self.ended
    }

    /// So much has come from it at once.
    pub(crate) fn saw(&mut self, came: usize) {
        self.pace.saw(came);
        self.received += came as u64;
    }

    /// How much has come from it since this was last asked.
    pub(crate) fn take_received(&mut self) -> u64 {
        std::mem::take(&mut self.received)
    }

    /// Has it count as one that sends little, until it has sent much again.
    pub(crate) fn slow_down(&mut self) {
        self.pace = Pace::default();
    }

    /// Looks at what comes next and leaves it there; gives how much that is. `None` where there is nothing now.
    pub(crate) fn peek(&self, buffer: &mut [u8]) -> Option<usize> {
        self.wire.peek(buffer).ok()
    }

    /// Fills a pipe with up to `most` bytes of what comes next. `None` where there is nothing now, or ever: reading tells.
    pub(crate) fn fill(&self, pipe: EmptyPipe, most: usize) -> Option<FilledPipe> {
        pipe.fill(&self.wire, most)
    }

    /// Adds up to `most` bytes; gives their number.
    pub(crate) fn fill_up(&self, filled: &mut FilledPipe, most: usize) -> usize {
        filled.add(&self.wire, most)
    }

    /// Sends what the socket takes of the bytes in a pipe, and keeps the rest there. Nothing else may wait. An error says that
    /// the peer reads no more.
    pub(crate) fn send_piped(&mut self, filled: FilledPipe) -> io::Result<()> {
        debug_assert!(self.is_flushed(), "what waits would come behind what is in the pipe");
        self.piped = Some(filled);
        self.flush()
    }

    /// Puts bytes back that were taken too early.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.inbox.splice(..0, bytes.iter().copied());
        }
    }

    /// Waits until the peer has closed both directions. What it sends meanwhile stays where it is.
    pub(crate) async fn closed(&self) {
        while !self.gone() {
            if !self.ended {
                wait(self, true, None).await;
                if self.gone() {
                    return;
                }
            }
            // It still reads, or has more to say than is listened to now: nothing tells of its end but a look at it.
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Tries to send what could not be sent before.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if let Some(piped) = self.piped.take() {
            match piped.send(&self.wire)? {
                Left::Nothing => {}
                Left::InPipe(piped) => {
                    self.piped = Some(piped);
                    return Ok(());
                }
                Left::InMemory(bytes) => {
                    self.outbox.splice(..0, bytes);
                }
            }
        }
        if !self.outbox.is_empty() {
            self.sent += self.try_write(&self.outbox[self.sent..])?;
            if self.sent == self.outbox.len() {
                (self.outbox, self.sent) = (Vec::new(), 0);
            }
        }
        Ok(())
    }

    /// Whether all that was given to [`Side::send`] has left.
    pub(crate) fn is_flushed(&self) -> bool {
        self.outbox.is_empty() && self.piped.is_none()
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.wire.try_write(&bytes[sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => sent += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    /// Says that no more comes from our side, and leaves the other open.
    pub(crate) fn shutdown_write(&self) {
        // It fails only where the peer has gone, and then it knows.
        let _ = self.wire.shutdown_write();
    }

    /// Waits until what is held back has left, or the peer has gone.
    pub(crate) async fn flush_all(&mut self) -> io::Result<()> {
        while !self.is_flushed() {
            wait(self, false, None).await;
            self.flush()?;
        }
        Ok(())
    }

    /// Ends our side, and for a moment reads on what the peer still sends: closing a socket with unread bytes in
    /// it can take the answer away from a peer that has not read it yet (Go's server does the same).
    pub(crate) async fn linger(&mut self) {
        self.shutdown_write();
        let drain = async {
            while !self.ended {
                wait(self, true, None).await;
                self.read(|bytes| (bytes.len(), ()));
            }
        };
        let _ = tokio::time::timeout(LINGER, drain).await;
    }

    fn poll(&self, read: bool, cx: &mut Context<'_>) -> Poll<()> {
        // Both are asked, so that both wake us.
        let mut ready = read && !self.ended && self.wire.poll_readable(cx).is_ready();
        ready |= !self.is_flushed() && self.wire.poll_writable(cx).is_ready();
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Waits until something can be read where `read` asks for it, or written where something waits for it.
pub(crate) async fn wait(one: &Side, read: bool, other: Option<(&Side, bool)>) {
    std::future::poll_fn(|cx| {
        let one = one.poll(read, cx);
        let other = other.map_or(Poll::Pending, |(side, read)| side.poll(read, cx));
        if one.is_ready() { one } else { other }
    })
    .await;
}

#[cfg(test)]
mod tests;
