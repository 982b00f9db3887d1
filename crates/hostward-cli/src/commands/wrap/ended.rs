//! How a process has ended, and ending in the same way.

use std::process::exit;

use nix::sys::signal::Signal;
use rustix::process::{Resource, Rlimit, WaitStatus, getpid};

use super::signals;

/// How a process has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Status(i32),
    Signal(i32),
}

impl Ended {
    pub(super) fn of(status: WaitStatus) -> Self {
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Self::Status(code),
            (None, Some(signal)) => Self::Signal(signal),
            (None, None) => Self::Status(1),
        }
    }

    /// Ends this process in the same way.
    pub(super) fn take(self) -> ! {
        let signal = match self {
            Self::Status(code) => exit(code),
            Self::Signal(signal) => signal,
        };
        // The first process of a container cannot die of its own signals.
        if !getpid().is_init()
            && let Ok(known) = Signal::try_from(signal)
        {
            // The command's memory is worth a file, this one's is not.
            let _ = rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
            signals::unblock(known);
            let _ = nix::sys::signal::raise(known);
        }
        exit(128 + signal)
    }
}
