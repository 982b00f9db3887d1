//! The process at the other end of a unix socket, and the container it is in.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use hostward::cgroup::{self, ContainerId};
use hostward::mountinfo;
use hostward_engine::discover::is_first_pid_namespace;
use hostward_engine::stream::Stream;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::error::IdentifyError;
use super::home::{self, FileId, Home, Outside};
use crate::peer::Accepted;
use crate::sys;

/// Where a process was found to be of which no cgroup says that it is in a container.
#[derive(Debug)]
pub(super) enum ProcessHome {
    /// On the machine itself, in no container.
    Machine,
    /// On the machine, in a mount namespace of its own.
    Apart,
    /// Where this process is: in the same container, or on the engine's machine. The engine must tell.
    Here,
    /// There, in a mount namespace of its own.
    Beside,
    /// In a mount namespace that it was put into from outside, or in a `chroot`.
    Joined {
        /// Whose files it sees.
        home: Home,
        /// The container whose files the engine has mounted there, or in the network of which that container lives.
        hint: Option<ContainerId>,
    },
}

/// A process that is known to be the one that was meant, for as long as [`Process::check`] says so.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    handle: OwnedFd,
}

impl Process {
    /// The process that connected to a unix socket; none where it has no pid here, since it is in a pid namespace that
    /// cannot be seen.
    pub(super) fn of_peer(client: &Stream, accepted: Accepted) -> Result<Option<Self>, IdentifyError> {
        let Stream::Unix(socket) = client else { return Ok(None) };
        let credentials = socket.peer_cred().map_err(|error| IdentifyError::Peer(Arc::new(error)))?;
        let pid = match credentials.pid().map(u32::try_from) {
            Some(Ok(0)) => return Ok(None),
            Some(Ok(pid)) => pid,
            _ => return Err(IdentifyError::NoPid),
        };
        // The socket's own handle is of the process that connected, whoever has its pid by now.
        match sys::peer_pidfd(socket) {
            Ok(Some(handle)) => {
                let process = Self { pid, handle };
                process.check()?;
                return Ok(Some(process));
            }
            // The kernel could say, and this process is no more: nobody else is taken for it.
            Err(error) => return Err(IdentifyError::Handle { pid, error: Arc::new(error) }),
            Ok(None) => {}
        }
        let process = Self::open(pid)?;
        if process.started()? > accepted.ticks() {
            return Err(IdentifyError::Reused(pid));
        }
        Ok(Some(process))
    }

    /// The process that has this pid now.
    pub(super) fn open(pid: u32) -> Result<Self, IdentifyError> {
        let ended = IdentifyError::NoProcess(pid);
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| ended.clone())?;
        let handle = pidfd_open(number, PidfdFlags::empty()).map_err(|_| ended)?;
        Ok(Self { pid, handle })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Fails when the process has ended: what was read by its pid may have been another's then.
    pub(crate) fn check(&self) -> Result<(), IdentifyError> {
        let mut poll = [PollFd::new(&self.handle, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match rustix::event::poll(&mut poll, Some(&now)) {
            Ok(0) => Ok(()),
            Ok(_) => Err(IdentifyError::Ended(self.pid)),
            Err(error) => Err(IdentifyError::Handle { pid: self.pid, error: Arc::new(error.into()) }),
        }
    }

    /// Waits for its end; for ever where it cannot be watched.
    pub(crate) async fn ended(&self) {
        if sys::readable(&self.handle).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The container that its cgroup names, which it may have chosen itself.
    pub(super) fn container_id(&self) -> Result<Option<ContainerId>, IdentifyError> {
        let id = cgroup::container_id(&self.read("cgroup")?);
        self.check()?;
        Ok(id)
    }

    /// By what `/` is to it: a chroot, and a container of a runtime whose cgroups bear no id (LXC, systemd-nspawn), have
    /// a root directory of their own.
    ///
    /// It looks at root directories, which may be on a server that has gone.
    pub(super) fn place(&self) -> Result<ProcessHome, IdentifyError> {
        let own = match Home::of(self.pid) {
            Ok(own) => own,
            // Of another user, and beside us by the cgroup. On a machine's own, too many are.
            Err(_) if !is_first_pid_namespace() && self.has_our_cgroup() => return Ok(ProcessHome::Here),
            Err(error) => return Err(error),
        };
        let place = match own.outside(home::machine(), home::here()?) {
            Outside::Machine => ProcessHome::Machine,
            Outside::Apart => ProcessHome::Apart,
            Outside::Here => ProcessHome::Here,
            Outside::Beside => ProcessHome::Beside,
            Outside::Elsewhere(home) => {
                ProcessHome::Joined { home, hint: mountinfo::container_id(&self.read("mountinfo")?) }
            }
        };
        self.check()?;
        Ok(place)
    }

    fn has_our_cgroup(&self) -> bool {
        let own = self.read("cgroup");
        own.is_ok_and(|own| std::fs::read("/proc/self/cgroup").is_ok_and(|ours| ours == own))
    }

    /// That it has changed its root directory.
    pub(super) fn has_own_root(&self, of: impl Into<String>) -> IdentifyError {
        IdentifyError::OwnRoot { pid: self.pid, of: of.into() }
    }

    /// Whether it is in this mount namespace.
    pub(super) fn is_in(&self, namespace: FileId) -> bool {
        home::mount_namespace(self.pid).is_ok_and(|own| own == namespace) && self.check().is_ok()
    }

    /// Whether its root directory is that of its mount namespace.
    pub(super) fn is_at_top(&self) -> bool {
        home::is_at_top(self.pid) && self.check().is_ok()
    }

    /// When it started, in ticks since boot: the 22nd field, counted behind the name, which may hold anything.
    fn started(&self) -> Result<u64, IdentifyError> {
        let stat = self.read("stat")?;
        let after_name = stat.iter().rposition(|&b| b == b')').map_or(&stat[..], |at| &stat[at + 1..]);
        let field = String::from_utf8_lossy(after_name).split_ascii_whitespace().nth(19).map(str::parse);
        match field {
            Some(Ok(ticks)) => Ok(ticks),
            _ => Err(IdentifyError::Unreadable(format!("/proc/{}/stat", self.pid))),
        }
    }

    pub(super) fn read(&self, file: &str) -> Result<Vec<u8>, IdentifyError> {
        let path = format!("/proc/{}/{file}", self.pid);
        match std::fs::read(&path) {
            // An empty text would make a host process of anyone.
            Ok(text) if text.is_empty() => Err(IdentifyError::Unreadable(path)),
            Ok(text) => Ok(text),
            Err(error) => Err(IdentifyError::proc(path, error)),
        }
    }

    /// A file of its, to be read piece by piece: it may be long.
    pub(super) fn open_text(&self, file: &str) -> io::Result<File> {
        File::open(format!("/proc/{}/{file}", self.pid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn the_peer_of_an_own_socket_is_this_process() {
        block_on(async {
            let (near, _far) = tokio::net::UnixStream::pair().unwrap();
            let process = Process::of_peer(&near.into(), Accepted::now()).unwrap().unwrap();
            assert_eq!(process.pid(), std::process::id());
            assert!(process.started().unwrap() <= Accepted::now().ticks());
            process.check().unwrap();
        });
    }

    #[test]
    fn an_ended_process_is_nobody() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::open(child.id()).unwrap();
        process.place().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(process.check().is_err() && process.place().is_err());
        assert!(Process::open(child.id()).is_err());
    }
}
