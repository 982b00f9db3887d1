//! The process at the other end of a unix socket, and the container it is in.

use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::time::SystemTime;

use hostward::cgroup::{self, ContainerId};
use hostward::mountinfo;
use hostward_engine::connect::Stream;
use hostward_engine::discover::is_first_pid_namespace;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{ClockId, clock_gettime};

use crate::sys;

/// When a connection was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    since_boot: Timespec,
    /// By the machine's clock, as engines say when a container was started.
    clock: SystemTime,
}

impl Accepted {
    fn now() -> Self {
        Self { since_boot: clock_gettime(ClockId::Boottime), clock: SystemTime::now() }
    }

    /// This connection, now. A TCP connection may have waited to be accepted while its client ended, and another came
    /// to its address: whoever it is was there when the last bytes came.
    pub(crate) fn of(stream: &Stream) -> Self {
        let mut accepted = Self::now();
        if let Stream::Tcp(socket) = stream {
            // Without an answer the moment of accepting it stands.
            accepted.clock -= sys::silence(socket).unwrap_or_default();
        }
        accepted
    }

    /// By the machine's clock.
    pub(super) fn clock(self) -> SystemTime {
        self.clock
    }

    /// In the unit of `/proc/PID/stat`, rounded up.
    fn ticks(self) -> u64 {
        let per_second = rustix::param::clock_ticks_per_second();
        let (seconds, nanos) =
            (self.since_boot.tv_sec.unsigned_abs(), self.since_boot.tv_nsec.unsigned_abs());
        seconds * per_second + nanos * per_second / 1_000_000_000 + 1
    }
}

/// Where a process was found to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this container, by its cgroup.
    Container(ContainerId),
    /// On the machine itself, in no container.
    Machine,
    /// Where this process is: in the same container, or on the engine's machine. The engine must tell.
    Here,
    /// In a mount namespace that it was put into from outside, of this container, or of one that lives in its network.
    Joined(ContainerId),
}

/// Whose files a process of a container sees.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// The container's.
    Container,
    /// The machine's.
    Machine,
}

/// A mount namespace, by the device and inode of its file in `/proc`.
pub(super) type MountNamespace = (u64, u64);

fn mount_namespace(pid: u32) -> Result<MountNamespace, String> {
    let path = format!("/proc/{pid}/ns/mnt");
    directory(&path).map_err(|error| format!("{path} cannot be looked at: {error}"))
}

/// The root directory of a process.
fn root(pid: u32) -> Result<(u64, u64), Errno> {
    directory(&format!("/proc/{pid}/root"))
}

fn directory(path: &str) -> Result<(u64, u64), Errno> {
    rustix::fs::stat(path).map(|stat| (stat.st_dev, stat.st_ino))
}

/// A process that is known to be the one that was meant, for as long as [`Process::check`] says so.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    handle: OwnedFd,
}

impl Process {
    /// The process that connected to a unix socket; none where it has no pid here, since it is in a pid namespace that
    /// cannot be seen.
    pub(super) fn of_peer(client: &Stream, accepted: Accepted) -> Result<Option<Self>, String> {
        let Stream::Unix(socket) = client else { return Ok(None) };
        let credentials =
            socket.peer_cred().map_err(|error| format!("the calling process is not known: {error}"))?;
        let pid = match credentials.pid().map(u32::try_from) {
            Some(Ok(0)) => return Ok(None),
            Some(Ok(pid)) => pid,
            _ => return Err("the kernel does not tell the pid of the calling process".into()),
        };
        // The socket's own handle is of the process that connected, whoever has its pid by now.
        match sys::peer_pidfd(socket) {
            Ok(Some(handle)) => {
                let process = Self { pid, handle };
                process.check()?;
                return Ok(Some(process));
            }
            // The kernel could say, and this process is no more: nobody else is taken for it.
            Err(error) => return Err(format!("the calling process ({pid}) is not to be had: {error}")),
            Ok(None) => {}
        }
        let process = Self::open(pid)?;
        if process.started()? > accepted.ticks() {
            return Err(format!("the calling process ({pid}) has ended, and its pid is another's by now"));
        }
        Ok(Some(process))
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

    /// Where the process is.
    pub(super) fn place(&self) -> Result<Place, String> {
        let cgroup = self.read("cgroup")?;
        let place = match cgroup::container_id(&cgroup) {
            Some(id) => Place::Container(id),
            None => self.place_by_root(&cgroup)?,
        };
        self.check()?;
        Ok(place)
    }

    /// Whose files it sees, of which the cgroup says that it is in the container whose first process is `first`. A cgroup
    /// says nothing of files: a process of the container may have been given the machine's (`nsenter --mount`), or have
    /// changed its root directory, and one with a cgroup tree of its own to write to may name it after another container.
    ///
    /// # Errors
    /// Where nothing tells whose files they are.
    pub(super) fn files(&self, first: Option<&Self>) -> Result<Files, String> {
        // What cannot be looked at is not translated either, save by the engine's word on the container.
        let Some(first) = first else { return Ok(Files::Container) };
        let (Ok(own), Ok(containers)) = (root(self.pid), root(first.pid)) else {
            return Ok(Files::Container);
        };
        first.check()?;
        if own == containers {
            return Ok(Files::Container);
        }
        // A `chroot` to where a container has the machine's mounted is not all that the machine has.
        if is_first_pid_namespace() && root(1) == Ok(own) && self.mount_namespace()? == mount_namespace(1)? {
            return Ok(Files::Machine);
        }
        Err(format!(
            "the calling process ({}) has a root directory of its own, not that of the container it is in",
            self.pid
        ))
    }

    /// By what `/` is to it: a chroot, and a container of a runtime whose cgroups bear no id (LXC, systemd-nspawn), have
    /// a root directory of their own.
    fn place_by_root(&self, cgroup: &[u8]) -> Result<Place, String> {
        let here =
            directory("/").map_err(|error| format!("the root directory cannot be looked at: {error}"))?;
        let own = match root(self.pid) {
            Ok(own) => own,
            // Of another user, and beside us by the cgroup. On a machine's own, too many are.
            Err(_)
                if !is_first_pid_namespace()
                    && std::fs::read("/proc/self/cgroup").is_ok_and(|ours| ours == cgroup) =>
            {
                return Ok(Place::Here);
            }
            Err(error) => {
                let pid = self.pid;
                return Err(format!("the root of the calling process ({pid}) cannot be looked at: {error}"));
            }
        };
        let first = root(1);
        // In another pid namespace the first process is not the machine's.
        if is_first_pid_namespace() && first == Ok(own) {
            return Ok(Place::Machine);
        }
        if own == here {
            return Ok(if first.is_err() && is_on_the_machine() { Place::Machine } else { Place::Here });
        }
        match mountinfo::container_id(&self.read("mountinfo")?) {
            Some(hint) => Ok(Place::Joined(hint)),
            None => Err(self.unplaced()),
        }
    }

    /// That nothing tells where it is.
    pub(super) fn unplaced(&self) -> String {
        format!(
            "the calling process ({}) has a root directory of its own, and nothing tells which container it is in",
            self.pid
        )
    }

    /// The mount namespace that it is in.
    pub(super) fn mount_namespace(&self) -> Result<MountNamespace, String> {
        let namespace = mount_namespace(self.pid)?;
        self.check()?;
        Ok(namespace)
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

    pub(super) fn read(&self, file: &str) -> Result<Vec<u8>, String> {
        let path = format!("/proc/{}/{file}", self.pid);
        match std::fs::read(&path) {
            // An empty text would make a host process of anyone.
            Ok(text) if text.is_empty() => Err(format!("{path} is empty")),
            Ok(text) => Ok(text),
            Err(error) => Err(format!("{path} cannot be read: {error}")),
        }
    }
}

/// Whether this process is on the machine itself by all that can be seen without the engine: not every machine lets
/// look at its first process.
fn is_on_the_machine() -> bool {
    static ON_THE_MACHINE: OnceLock<bool> = OnceLock::new();
    *ON_THE_MACHINE.get_or_init(|| {
        let read = |file: &str| std::fs::read(format!("/proc/self/{file}"));
        let (Ok(cgroup), Ok(mounts)) = (read("cgroup"), read("mountinfo")) else { return false };
        let in_container =
            cgroup::container_id(&cgroup).or_else(|| mountinfo::container_id(&mounts)).is_some();
        is_first_pid_namespace() && !in_container
    })
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
