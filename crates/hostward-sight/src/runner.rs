//! The engine's machine as the engine has it: the root directory and the mounts of the process that runs the caller's
//! container.
//!
//! Mostly these are the machine's own. They are not where the engine has a mount namespace or a root of its own, though its
//! processes are seen from here: the engine of a snap, one in another container. What the engine calls `/srv` is something
//! else there than what the machine's first process does.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};

use hostward::cgroup::{self, ContainerId};

use crate::eyes::ProcessRoot;
use crate::mounted::Mounted;

/// How far up a process is looked for that is not the container's.
const MOST_PARENTS: usize = 64;

/// A process that runs a container (containerd's shim, conmon), where it does not have the machine's own root and mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Runner {
    pid: u32,
    files: NamespaceAndRoot,
}

/// What a process has for files: its mount namespace and its root directory, each by device and inode.
type NamespaceAndRoot = [(u64, u64); 2];

impl Runner {
    /// That of the container which the process `pid` is in, and of which `first` is the first process, where that is known; none
    /// where it has the machine's own root and mounts, or nothing tells.
    pub(crate) fn of(pid: u32, first: Option<u32>) -> Option<Self> {
        match (container(pid), first) {
            // Both: who may write to cgroups could put a process of its own beside the container's.
            (Some(container), _) => {
                Self::above(pid, |above| self::container(above).as_ref() != Some(&container))
            }
            // In no cgroup of its own. Whatever runs the container has started its first process.
            (None, Some(first)) => Self::above(first, |_| true),
            (None, None) => None,
        }
    }

    /// The first process above one that is outside of its container, with other mounts.
    fn above(pid: u32, is_outside: impl Fn(u32) -> bool) -> Option<Self> {
        let own = files(pid).ok()?;
        let mut above = pid;
        for _ in 0..MOST_PARENTS {
            above = parent(above).filter(|pid| *pid > 0)?;
            let files = files(above).ok()?;
            if is_outside(above) && files[0] != own[0] {
                // That which stands for the machine's where this runner is none of its own: `engine_side`. A first process that
                // may not be looked at leaves this process's, which is another in a container.
                let first = self::files(1).or_else(|_| self::files(std::process::id())).ok()?;
                return (files != first).then_some(Self { pid: above, files });
            }
        }
        None
    }
}

/// What the engine sees of its machine, by the word of a process there.
#[derive(Debug)]
pub(crate) struct EngineSide {
    /// The root directory that it looks from.
    pub(crate) root: ProcessRoot,
    /// What is mounted there.
    pub(crate) mounted: Mounted,
}

/// What the engine sees that runs a container so. The machine's own is kept for as long as nothing changes there: all callers
/// that have no runner of their own need the same.
pub(crate) fn engine_side(runner: Option<Runner>) -> io::Result<Arc<EngineSide>> {
    static MACHINE: Mutex<Option<Arc<EngineSide>>> = Mutex::new(None);
    if let Some(runner) = runner {
        return runner.still(EngineSide::of_process(runner.pid)?).map(Arc::new);
    }
    let kept = MACHINE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(kept) = kept.filter(|kept| kept.mounted.holds()) {
        return Ok(kept);
    }
    // Not with the lock held: others need not wait for the kernel too.
    let side = match EngineSide::of_process(1) {
        // It may be hidden from users other than root, who run on the machine itself then.
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound) => {
            EngineSide::of_process(std::process::id())
        }
        side => side,
    };
    let side = Arc::new(side?);
    *MACHINE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&side));
    Ok(side)
}

impl EngineSide {
    fn of_process(pid: u32) -> io::Result<Self> {
        let root = ProcessRoot::of_process(pid)?;
        let mounted = Mounted::of_process(pid)
            .map_err(|error| io::Error::new(error.kind(), format!("/proc/{pid}/mountinfo: {error}")))?;
        Ok(Self { root, mounted })
    }
}

impl Runner {
    /// What was read by its pid was of this process only if it still is the one.
    fn still<T>(self, read: T) -> io::Result<T> {
        if files(self.pid)? == self.files {
            return Ok(read);
        }
        Err(io::Error::other("the process that runs the calling container has ended"))
    }
}

/// Whether a process has mounts of its own, and was started by one of this process's pid namespace that has not the same: as
/// the first process of a container is. What that starts in turn has its parent in there.
pub(crate) fn is_started_from_here(pid: u32) -> bool {
    let is_from_here = |parent: u32| {
        let [own, other] = [pid, parent].map(|pid| file(pid, "ns/mnt"));
        Ok::<_, io::Error>(own? != other? && file(parent, "ns/pid")? == file(std::process::id(), "ns/pid")?)
    };
    parent(pid).is_some_and(|parent| is_from_here(parent).unwrap_or(false))
}

fn files(pid: u32) -> io::Result<NamespaceAndRoot> {
    Ok([file(pid, "ns/mnt")?, file(pid, "root")?])
}

fn file(pid: u32, what: &str) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::stat(format!("/proc/{pid}/{what}"))?;
    Ok((stat.st_dev, stat.st_ino))
}

fn container(pid: u32) -> Option<ContainerId> {
    cgroup::container_id(&std::fs::read(format!("/proc/{pid}/cgroup")).ok()?)
}

/// The parent of a process: the second field after its name, which may hold anything (`proc_pid_stat(5)`).
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = &stat[stat.iter().rposition(|&b| b == b')')? + 1..];
    std::str::from_utf8(after_name).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_the_parent_that_started_it() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(parent(child.id()), Some(std::process::id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_process_with_mounts_of_its_own_was_started_from_here_and_its_children_were_not() {
        use std::io::BufRead;
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let script = "sleep 60 & echo $!; exec sleep 60";
        let mut command = std::process::Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).stdout(std::process::Stdio::piped());
        let mut first = command.spawn().unwrap();
        let mut child = String::new();
        std::io::BufReader::new(first.stdout.take().unwrap()).read_line(&mut child).unwrap();
        let child: u32 = child.trim().parse().unwrap();
        assert!(is_started_from_here(first.id()));
        assert!(!is_started_from_here(child) && !is_started_from_here(std::process::id()));
        let _ = std::process::Command::new("kill").arg(child.to_string()).status();
        first.kill().unwrap();
        first.wait().unwrap();
    }

    #[test]
    fn a_process_in_no_container_is_run_by_nobody() {
        if container(std::process::id()).is_none() {
            assert_eq!(Runner::of(std::process::id(), None), None);
        }
    }

    #[test]
    fn a_process_that_is_another_by_now_is_not_looked_through() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let other = Runner { pid: child.id(), files: [(0, 0), (0, 0)] };
        assert!(engine_side(Some(other)).is_err());
        let same = Runner { pid: child.id(), files: files(child.id()).unwrap() };
        assert!(engine_side(Some(same)).unwrap().mounted.len() > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(engine_side(Some(same)).is_err());
    }
}
