//! The process at the other end of a unix socket, and the container it is in.

use std::os::fd::OwnedFd;

use hostward::cgroup::{self, ContainerId};
use hostward::mountinfo;
use hostward_engine::connect::Stream;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{ClockId, clock_gettime};

use crate::sys;

/// When a connection was accepted, in time since boot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted(Timespec);

impl Accepted {
    pub(crate) fn now() -> Self {
        Self(clock_gettime(ClockId::Boottime))
    }

    /// In the unit of `/proc/PID/stat`, rounded up.
    fn ticks(self) -> u64 {
        let per_second = rustix::param::clock_ticks_per_second();
        let (seconds, nanos) = (self.0.tv_sec.unsigned_abs(), self.0.tv_nsec.unsigned_abs());
        seconds * per_second + nanos * per_second / 1_000_000_000 + 1
    }
}

/// Where a process was found to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Container(ContainerId),
    /// In no container.
    Host,
}

/// A process that is known to be the one that was meant, for as long as [`Process::check`] says so.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    handle: OwnedFd,
}

impl Process {
    /// The process that connected.
    pub(super) fn of_peer(client: &Stream, accepted: Accepted) -> Result<Self, String> {
        let Stream::Unix(socket) = client else {
            return Err(
                "the connection came by TCP, which does not say what process is at its other end".into()
            );
        };
        let credentials =
            socket.peer_cred().map_err(|error| format!("the calling process is not known: {error}"))?;
        let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid > 0).ok_or(
            "the calling process is in a pid namespace that cannot be seen from here \
             (hostward must run on the engine's machine, or with --pid host)",
        )?;
        // The socket's own handle is of the process that connected, whoever has its pid by now.
        match sys::peer_pidfd(socket) {
            Ok(Some(handle)) => {
                let process = Self { pid, handle };
                process.check()?;
                return Ok(process);
            }
            // The kernel could say, and this process is no more: nobody else is taken for it.
            Err(error) => return Err(format!("the calling process ({pid}) is not to be had: {error}")),
            Ok(None) => {}
        }
        let process = Self::open(pid)?;
        if process.started()? > accepted.ticks() {
            return Err("the calling process has ended, and its pid is another's by now".into());
        }
        Ok(process)
    }

    /// The process that has this pid now.
    pub(super) fn open(pid: u32) -> Result<Self, String> {
        let ended = || format!("process {pid} has ended, or cannot be seen from here");
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(ended)?;
        let handle = pidfd_open(number, PidfdFlags::empty()).map_err(|_| ended())?;
        Ok(Self { pid, handle })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Fails when the process has ended: what was read by its pid may have been another's then.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut poll = [PollFd::new(&self.handle, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        match rustix::event::poll(&mut poll, Some(&now)) {
            Ok(0) => Ok(()),
            Ok(_) => Err(format!("the calling process ({}) has ended", self.pid)),
            Err(error) => Err(format!("the calling process ({}) cannot be watched: {error}", self.pid)),
        }
    }

    /// The container that the process is in.
    pub(super) fn container(&self) -> Result<Found, String> {
        let cgroup = self.read("cgroup")?;
        let found = match cgroup::container_id(&cgroup) {
            Some(id) => Found::Container(id),
            // Only a hint: a container that shares another's network has the other's files.
            None if mountinfo::container_id(&self.read("mountinfo")?).is_some() => {
                return Err(format!(
                    "the cgroup of the calling process ({}) is hidden by a cgroup namespace; \
                     run hostward on the engine's machine, or with --cgroupns host",
                    self.pid
                ));
            }
            None if self.shares_the_machines_root()? => Found::Host,
            None => {
                return Err(format!(
                    "the calling process ({}) has a root directory of its own, and nothing tells which container it is in",
                    self.pid
                ));
            }
        };
        self.check()?;
        Ok(found)
    }

    /// Whether `/` is to the process what it is to the machine: not so in a chroot, nor in a container of a runtime
    /// whose cgroups bear no id (LXC, systemd-nspawn).
    fn shares_the_machines_root(&self) -> Result<bool, String> {
        let root = |path: &str| rustix::fs::stat(path).map(|stat| (stat.st_dev, stat.st_ino));
        let own = root(&format!("/proc/{}/root", self.pid)).map_err(|error| {
            format!("the root of the calling process ({}) cannot be looked at: {error}", self.pid)
        })?;
        // Only root may look at the first process's; whoever may not is on the machine itself.
        let machine = root("/proc/1/root").or_else(|_| root("/"));
        machine
            .map(|machine| machine == own)
            .map_err(|error| format!("the root directory cannot be looked at: {error}"))
    }

    /// When it started, in ticks since boot: the 22nd field, counted behind the name, which may hold anything.
    fn started(&self) -> Result<u64, String> {
        let stat = self.read("stat")?;
        let after_name = stat.iter().rposition(|&b| b == b')').map_or(&stat[..], |at| &stat[at + 1..]);
        let field = String::from_utf8_lossy(after_name).split_ascii_whitespace().nth(19).map(str::parse);
        match field {
            Some(Ok(ticks)) => Ok(ticks),
            _ => Err(format!("/proc/{}/stat cannot be read", self.pid)),
        }
    }

    fn read(&self, file: &str) -> Result<Vec<u8>, String> {
        let path = format!("/proc/{}/{file}", self.pid);
        match std::fs::read(&path) {
            // An empty text would make a host process of anyone.
            Ok(text) if text.is_empty() => Err(format!("{path} is empty")),
            Ok(text) => Ok(text),
            Err(error) => Err(format!("{path} cannot be read: {error}")),
        }
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
            let process = Process::of_peer(&near.into(), Accepted::now()).unwrap();
            assert_eq!(process.pid(), std::process::id());
            assert!(process.started().unwrap() <= Accepted::now().ticks());
            process.check().unwrap();
        });
    }

    #[test]
    fn an_ended_process_is_nobody() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::open(child.id()).unwrap();
        process.container().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(process.check().is_err() && process.container().is_err());
        assert!(Process::open(child.id()).is_err());
    }
}
