//! Sockets in the network of a container: made by a thread that goes there (setns(2)), and then used from anywhere.
//!
//! There is one such thread for all networks, since a process may have few: what it is given to do never waits for anybody, so
//! that the next one soon has its turn. A socket stays in the network that it was made in, whoever has it connect.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::mpsc::{self, Receiver, SendError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::sync::{OnceCell, oneshot};

/// A network namespace (`network_namespaces(7)`).
#[derive(Debug, Clone)]
pub(super) enum Namespace {
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
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        File::open(format!("/proc/{pid}/ns/net")).map(|file| Self::Other(Arc::new(file)))
    }

    /// Makes a socket there. `make` must not wait for anything.
    ///
    /// # Errors
    /// Those of `make`, where this process may not move there (`CAP_SYS_ADMIN` over that namespace), and where no thread
    /// can be had.
    pub(super) async fn make<T: Send + 'static>(
        &self,
        make: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        match self {
            Self::Own => make(),
            Self::Other(there) => MAKER.make(Arc::clone(there), make).await,
        }
    }
}

/// Whether this process may open ports in the networks of containers.
///
/// # Errors
/// Why it may not.
pub async fn may_publish() -> Result<(), String> {
    // To go where it is takes the same as to go elsewhere.
    let own = Namespace::of(std::process::id()).map_err(|error| error.to_string())?;
    own.make(|| Ok(())).await.map_err(|error| error.to_string())
}

/// The same, which is tried once: it is a matter of this process's capabilities.
pub(crate) async fn is_able() -> bool {
    static ABLE: OnceCell<bool> = OnceCell::const_new();
    *ABLE.get_or_init(async || may_publish().await.is_ok()).await
}

/// What goes to other networks for this process.
static MAKER: Maker = Maker::new(64 << 10);

/// A thread that makes sockets elsewhere: started when it is first needed, and again where it has ended.
struct Maker {
    stack: usize,
    jobs: Mutex<Option<Sender<Job>>>,
}

/// Something to be made in a network; it is told whether the thread is there.
struct Job {
    there: Arc<File>,
    make: Box<dyn FnOnce(io::Result<()>) + Send>,
}

impl Maker {
    const fn new(stack: usize) -> Self {
        Self { stack, jobs: Mutex::new(None) }
    }

    async fn make<T: Send + 'static>(
        &self,
        there: Arc<File>,
        make: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (done, socket) = oneshot::channel();
        let make = move |arrived: io::Result<()>| {
            // Whoever asked may have gone.
            let _ = done.send(arrived.and_then(|()| make()));
        };
        self.give(Job { there, make: Box::new(make) })?;
        socket.await.unwrap_or_else(|_| Err(ended()))
    }

    /// Gives the thread something to do.
    fn give(&self, mut job: Job) -> io::Result<()> {
        // A sender is there or not; nothing leaves it half-changed.
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*jobs {
            match running.send(job) {
                Ok(()) => return Ok(()),
                Err(SendError(again)) => job = again,
            }
        }
        let home = File::open("/proc/self/ns/net")?;
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new().name("namespaces".to_owned()).stack_size(self.stack);
        thread.spawn(move || work(&home, &receiver)).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot start a thread to create sockets: {error}"))
        })?;
        sender.send(job).map_err(|_| ended())?;
        *jobs = Some(sender);
        Ok(())
    }
}

/// Makes what comes, and waits at home: a network with a thread in it would outlive its container.
fn work(home: &File, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        for Job { there, make } in [first].into_iter().chain(jobs.try_iter()) {
            let arrived = enter(&there).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot enter the network of the container: {error}"))
            });
            make(arrived);
        }
        // Who can go there and not come back ends, and is followed by another.
        if enter(home).is_err() {
            return;
        }
    }
}

/// To be tried again.
fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::WouldBlock, "the thread that creates sockets has ended")
}

fn enter(namespace: &File) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Arc<File> {
        Arc::new(File::open("/proc/self/ns/net").unwrap())
    }

    #[tokio::test]
    async fn where_no_thread_can_be_had_that_is_an_error_and_tried_again() {
        // More of a stack than there is of addresses.
        let maker = Maker::new(1 << 60);
        for _ in 0..2 {
            let error = maker.make(own(), || Ok(())).await.unwrap_err();
            assert!(error.to_string().starts_with("cannot start a thread"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_thread_that_has_ended_is_followed_by_another() {
        let maker = Maker::new(64 << 10);
        let (sender, receiver) = mpsc::channel();
        drop(receiver);
        *maker.jobs.lock().unwrap() = Some(sender);
        // Whether it may go there or not, somebody answers.
        let made = maker.make(own(), || Ok(5)).await;
        assert!(
            made.as_ref().is_ok_and(|made| *made == 5)
                || made.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        );
    }
}
