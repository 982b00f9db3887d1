//! Sockets in the network of a container: made by a thread that has moved there (setns(2)), and then used from anywhere.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::sync::oneshot;

/// A network namespace (`network_namespaces(7)`).
#[derive(Debug, Clone)]
pub(crate) enum Namespace {
    /// Hostward's own.
    Own,
    /// Another's, by the file that stands for it.
    Other(Arc<File>),
}

impl Namespace {
    /// That of a process.
    ///
    /// # Errors
    /// Where the process has ended, or this one may not look at it (ptrace(2), `PTRACE_MODE_READ_FSCREDS`).
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        File::open(format!("/proc/{pid}/ns/net")).map(|file| Self::Other(Arc::new(file)))
    }

    /// Makes a socket there.
    ///
    /// # Errors
    /// Those of `make`, and where this process may not move there (`CAP_SYS_ADMIN` over that namespace).
    pub(super) async fn make<T: Send + 'static>(
        &self,
        make: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let other = match self {
            Self::Own => None,
            Self::Other(file) => Some(Arc::clone(file)),
        };
        let (done, socket) = oneshot::channel();
        // Not one of the runtime's threads: it never comes back from where it goes.
        thread::Builder::new().name("namespace".to_owned()).stack_size(64 << 10).spawn(move || {
            let moved = other.map_or(Ok(()), |file| {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|error| {
                    io::Error::new(
                        error.kind(),
                        format!("the network of the container cannot be entered: {error}"),
                    )
                })
            });
            // Whoever asked may have gone.
            let _ = done.send(moved.and_then(|()| make()));
        })?;
        socket.await.unwrap_or_else(|_| Err(io::Error::other("the thread has ended")))
    }
}
