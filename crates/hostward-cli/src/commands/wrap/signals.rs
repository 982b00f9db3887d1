//! The signals that reach this process, read one after the other instead of acting on it.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Those that somebody may send to a program, and the children's.
const TAKEN: [Signal; 11] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGWINCH,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGCHLD,
];

/// `SI_KERNEL`: what the terminal sends, to all processes of its foreground.
const BY_KERNEL: i32 = 0x80;

/// A signal that came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) signal: Signal,
    /// No process sent it.
    pub(super) by_kernel: bool,
}

impl Sent {
    /// Whether it asks a program to end.
    pub(super) fn ends(self) -> bool {
        matches!(self.signal, Signal::SIGHUP | Signal::SIGINT | Signal::SIGQUIT | Signal::SIGTERM)
    }
}

/// All signals that are taken. They are blocked, and so they are in children until [`unblock_all`].
#[derive(Debug)]
pub(super) struct Signals(SignalFd);

impl Signals {
    /// Takes them from now on.
    pub(super) fn take() -> nix::Result<Self> {
        let taken = SigSet::from_iter(TAKEN);
        taken.thread_block()?;
        SignalFd::with_flags(&taken, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self)
    }

    /// Waits until one is there, something is to be read from `other`, or the time is over.
    pub(super) fn wait(&self, other: Option<BorrowedFd<'_>>, limit: Option<Duration>) {
        let mut looked_at = vec![PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        looked_at.extend(other.map(|other| PollFd::from_borrowed_fd(other, PollFlags::IN)));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        // Whoever waits looks again.
        let _ = poll(&mut looked_at, limit.as_ref());
    }

    /// The next one that came.
    pub(super) fn next(&self) -> Option<Sent> {
        let info = self.0.read_signal().ok().flatten()?;
        let signal = Signal::try_from(i32::try_from(info.ssi_signo).ok()?).ok()?;
        Some(Sent { signal, by_kernel: info.ssi_code == BY_KERNEL })
    }
}

/// Lets this one act again.
pub(super) fn unblock(signal: Signal) {
    // It fails for no set that can be written here.
    let _ = SigSet::from(signal).thread_unblock();
}

/// Lets all of them act again, in a child.
pub(super) fn unblock_all() {
    let _ = SigSet::from_iter(TAKEN).thread_unblock();
}
