//! Pipes, through which the bytes of long streams move from one socket to another without being copied (splice(2)).
//!
//! The worst that could happen here is that bytes of one connection come out at another one. So it is a pipe's type that says
//! whether there are bytes in it: only an [`EmptyPipe`] can be filled or kept for the next stream, and a [`FilledPipe`] becomes
//! one only by its last byte leaving. Dropping either closes it, with what it holds.

use std::cell::RefCell;
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::pipe::{PipeFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with};

use crate::wire::Wire;

/// What a pipe is made to hold. A unix socket's usual buffer (208 KiB) fits in; the system's own default would take a part of
/// it at a time.
pub(crate) const PIPE: usize = 256 << 10;

/// A pipe that holds less is of no use: a copy moves as much. Who has reached `pipe-user-pages-soft` gets such pipes (pipe(7)).
const LEAST: usize = 64 << 10;

/// So many empty ones are kept for the next stream.
const KEPT: usize = 4;

/// How many there are, kept ones included.
static OPEN: AtomicU64 = AtomicU64::new(0);

/// No longer, where the system does not splice: some sandboxes do not.
static USABLE: AtomicBool = AtomicBool::new(true);

thread_local! {
    static EMPTY: RefCell<Vec<EmptyPipe>> = const { RefCell::new(Vec::new()) };
}

/// Counts as a pipe until it is dropped.
#[derive(Debug)]
struct Counted;

#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    _counted: Counted,
}

/// A pipe in which there is nothing.
#[derive(Debug)]
pub(crate) struct EmptyPipe(Pipe);

/// A pipe with bytes in it.
#[derive(Debug)]
pub(crate) struct FilledPipe {
    pipe: Pipe,
    held: NonZeroUsize,
}

/// What is left of a pipe's bytes when a socket has taken as many as it takes now.
#[derive(Debug)]
pub(crate) enum Left {
    Nothing,
    InPipe(FilledPipe),
    /// They have to be copied.
    InMemory(Vec<u8>),
}

impl Counted {
    fn one(most: u64) -> Option<Self> {
        let counted =
            OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < most).then_some(open + 1));
        counted.ok().map(|_| Self)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

impl EmptyPipe {
    /// One, unless there are `most` already, or the system has no use for one or none to give.
    pub(crate) fn take(most: u64) -> Option<Self> {
        if !USABLE.load(Ordering::Relaxed) {
            return None;
        }
        EMPTY.with_borrow_mut(Vec::pop).or_else(|| Self::open(most))
    }

    fn open(most: u64) -> Option<Self> {
        let counted = Counted::one(most)?;
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
        // What it holds else is looked at next.
        let _ = fcntl_setpipe_size(&write, PIPE);
        let holds = fcntl_getpipe_size(&write).ok()?;
        (holds >= LEAST).then_some(Self(Pipe { read, write, _counted: counted }))
    }

    /// Fills it with up to `most` bytes of a socket. `None` where there are none now, or ever: reading tells which.
    pub(crate) fn fill(self, from: &Wire, most: usize) -> Option<FilledPipe> {
        let filled = from.splice_into(&self.0.write, most);
        if let Err(error) = &filled
            && is_unsupported(error)
        {
            USABLE.store(false, Ordering::Relaxed);
        }
        let Some(held) = NonZeroUsize::new(filled.unwrap_or(0)) else {
            self.keep();
            return None;
        };
        Some(FilledPipe { pipe: self.0, held })
    }

    /// Keeps it for the next stream.
    fn keep(self) {
        EMPTY.with_borrow_mut(|kept| {
            if kept.len() < KEPT {
                kept.push(self);
            }
        });
    }
}

impl FilledPipe {
    /// How many bytes are in it.
    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }

    /// Adds up to `most` bytes of a socket; gives their number, and 0 where it is full, or there are none.
    pub(crate) fn add(&mut self, from: &Wire, most: usize) -> usize {
        let added = from.splice_behind(&self.pipe.write, most).unwrap_or(0);
        self.held = self.held.saturating_add(added);
        added
    }

    /// Sends what the socket takes. An error says that the peer reads no more.
    pub(crate) fn send(mut self, to: &Wire) -> io::Result<Left> {
        loop {
            match to.splice_from(&self.pipe.read, self.held.get()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => {
                    let left = self.held.get().checked_sub(sent).ok_or(io::ErrorKind::InvalidData)?;
                    let Some(held) = NonZeroUsize::new(left) else {
                        EmptyPipe(self.pipe).keep();
                        return Ok(Left::Nothing);
                    };
                    self.held = held;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Left::InPipe(self)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_unsupported(&error) => {
                    USABLE.store(false, Ordering::Relaxed);
                    return self.into_memory().map(Left::InMemory);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads it empty, and closes it.
    pub(crate) fn into_memory(self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.held.get()];
        let mut at = 0;
        while at < bytes.len() {
            match rustix::io::read(&self.pipe.read, &mut bytes[at..])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => at += n,
            }
        }
        Ok(bytes)
    }
}

/// Whether the system does not know how to splice from or to such a socket, or lets nobody.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
    )
}
