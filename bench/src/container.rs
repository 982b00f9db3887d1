//! A container without an engine: a process with a cgroup, a mount namespace and a root directory of its own, and real bind
//! mounts. All that Hostward looks at is what the kernel says of it; the stub engine describes it as an engine would.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_bind, mount_change, unmount};
use serde::{Deserialize, Serialize};

use crate::message::invalid;

/// A container that is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) id: String,
    /// Its root directory on the host.
    pub(crate) root: PathBuf,
    /// Where it has mounts, and of what: absolute paths, of the container and of the host.
    pub(crate) mounts: Vec<(PathBuf, PathBuf)>,
    /// Its cgroup.
    pub(crate) cgroup: PathBuf,
}

/// Makes this process the container's first: it moves to the cgroup and sees only the container's files from now on.
pub(crate) fn enter(file: &Path) -> io::Result<()> {
    let Container { root, mounts, cgroup, .. } = serde_json::from_slice(&fs::read(file)?)?;
    fs::write(cgroup.join("cgroup.procs"), std::process::id().to_string())?;
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Nothing that is mounted here is mounted on the host.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount_bind(&root, &root)?;
    for (at, source) in &mounts {
        let at = at.strip_prefix("/").map_err(|_| invalid("a mount point that is not absolute"))?;
        mount_bind(source, root.join(at))?;
    }
    // As runc does: the old root lies over the new one, and goes.
    std::env::set_current_dir(&root)?;
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")
}

/// The hierarchy of cgroups to be in: version 2 where there is one.
pub(crate) fn cgroups() -> io::Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    hierarchy(&mounts).ok_or_else(|| invalid("no cgroups are mounted: the caller's container needs one"))
}

fn hierarchy(mountinfo: &str) -> Option<PathBuf> {
    let of = |kind: &str| {
        mountinfo.lines().find_map(|line| {
            let (mount, filesystem) = line.split_once(" - ")?;
            let point = mount.split(' ').nth(4)?;
            (filesystem.split(' ').next() == Some(kind)).then(|| PathBuf::from(point))
        })
    };
    of("cgroup2").or_else(|| of("cgroup"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cgroups_of_version_2_are_taken_before_those_of_version_1() {
        let first = "30 23 0:26 / /sys/fs/cgroup/cpu rw,relatime shared:5 - cgroup cgroup rw,cpu\n";
        let second = "31 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        assert_eq!(hierarchy(first), Some("/sys/fs/cgroup/cpu".into()));
        assert_eq!(hierarchy(&format!("{first}{second}")), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(hierarchy("1 0 0:1 / / rw - ext4 /dev/vda rw\n"), None);
    }
}
