//! Whose files a process sees: its root directory, and the mount namespace that this is in.
//!
//! Threat model: a process names its cgroup itself where it has cgroups to write to, and chooses its root directory where
//! it may `chroot`: a container that has the machine's `/` at /host makes that very directory, device and inode and all,
//! its root. Its mount namespace it can only leave for one that it makes, and without the machine's `CAP_SYS_ADMIN` only in
//! a user namespace that it makes with it. So a root directory counts only together with its mount namespace; of two
//! namespaces root directories are compared only where the process has the top of its own, from where `..` leads nowhere.

use std::sync::OnceLock;

use hostward::cgroup;
use hostward::mountinfo;
use hostward_engine::discover::is_first_pid_namespace;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags};

use super::error::IdentifyError;
use crate::sys;

/// A directory or a namespace, by the device and inode of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

/// A directory, and the mount that it was opened by, where the kernel tells (Linux 5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Opened {
    file: FileId,
    mount: Option<u64>,
}

/// What decides whose files a process sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Home {
    root: Opened,
    /// Whether the root directory is that of the mount namespace too, and not one within it (`chroot`).
    is_top: bool,
    namespace: FileId,
    /// The user namespace that owns the mount namespace; none where that is beyond what this process may know of.
    owner: Option<FileId>,
}

/// Whose files a process of a container sees.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// The container's.
    Container,
    /// The machine's.
    Machine,
}

/// Why they are nobody's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Nobody {
    /// It has a root directory of its own.
    OwnRoot,
    /// Its mounts are its own doing.
    UserNamespace,
}

/// Where a process is of which no cgroup says that it is in a container.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outside {
    /// On the machine itself.
    Machine,
    /// On the machine, in a mount namespace of its own.
    Apart,
    /// Where this process is: in the same container, or on the engine's machine. The engine must tell.
    Here,
    /// There, in a mount namespace of its own.
    Beside,
    /// Elsewhere: in a container whose cgroups bear no id, or that it was put into, or in a `chroot`.
    Elsewhere(Home),
}

impl Home {
    /// That of the process that has this pid now. Its root directory may be on a server that has gone.
    pub(super) fn of(pid: u32) -> Result<Self, IdentifyError> {
        let open = |name: &str, flags| {
            let path = format!("/proc/{pid}/{name}");
            let flags = flags | OFlags::CLOEXEC;
            rustix::fs::open(&path, flags, Mode::empty()).map_err(|error| IdentifyError::proc(path, error))
        };
        let failed = |name: &str, error| IdentifyError::proc(format!("/proc/{pid}/{name}"), error);
        let root = open("root", OFlags::PATH | OFlags::DIRECTORY)?;
        let namespace = open("ns/mnt", OFlags::RDONLY)?;
        let own = Opened::of(&root).map_err(|error| failed("root", error))?;
        // What cannot be searched is not the top: nobody is taken for whom it cannot be told.
        let is_top = above(&root).is_ok_and(|above| above == own);
        let owner = sys::owner_of_namespace(&namespace).and_then(|owner| Ok(Opened::of(&owner)?.file));
        let namespace = Opened::of(&namespace).map_err(|error| failed("ns/mnt", error))?.file;
        Ok(Self { root: own, is_top, namespace, owner: owner.ok() })
    }

    /// Whether a process of either sees the same files by the same paths.
    fn is(&self, other: &Self) -> bool {
        self.namespace == other.namespace && self.root == other.root && self.is_top == other.is_top
    }

    /// Whether it is a mount namespace of its own, made by somebody who may mount where the other is, with the same root
    /// directory.
    fn is_beside(&self, other: &Self) -> bool {
        let same_owner = self.owner.is_some() && self.owner == other.owner;
        self.namespace != other.namespace && same_owner && self.is_top && self.root.file == other.root.file
    }

    /// The mount namespace.
    pub(super) fn namespace(&self) -> FileId {
        self.namespace
    }

    /// Whether a handle is on the root directory.
    pub(super) fn has_root(&self, root: impl AsFd) -> bool {
        Opened::of(root).is_ok_and(|root| root == self.root && root.mount.is_some())
    }

    /// Whether the root directory is that of the mount namespace.
    pub(super) fn is_top(&self) -> bool {
        self.is_top
    }

    /// Whose files they are of a process of which the cgroup says that it is in the container whose first process has
    /// `first`, if that can be seen.
    pub(super) fn in_container(&self, first: Option<&Self>, machine: Option<&Self>) -> Result<Files, Nobody> {
        if machine.is_some_and(|machine| self.is(machine)) {
            return Ok(Files::Machine);
        }
        match first {
            _ if !self.is_top => Err(Nobody::OwnRoot),
            None => Ok(Files::Container),
            // Whatever root directory the first process has made its own.
            Some(first) if self.namespace == first.namespace || self.is_beside(first) => Ok(Files::Container),
            Some(first) if self.root.file == first.root.file => Err(Nobody::UserNamespace),
            Some(_) => Err(Nobody::OwnRoot),
        }
    }

    /// Where a process is of which no cgroup says that it is in a container.
    pub(super) fn outside(self, machine: Option<&Self>, here: &Self) -> Outside {
        match machine {
            Some(machine) if self.is(machine) => return Outside::Machine,
            Some(machine) if self.is_beside(machine) => return Outside::Apart,
            _ => {}
        }
        if self.is(here) {
            Outside::Here
        } else if self.is_beside(here) {
            Outside::Beside
        } else {
            Outside::Elsewhere(self)
        }
    }

    /// Whether its mounts are the doing of somebody who is root in a user namespace only.
    pub(super) fn is_of_another_user_namespace(&self) -> bool {
        let known = machine().or(here().ok());
        known.is_some_and(|known| self.owner.is_none() || self.owner != known.owner)
    }
}

impl Opened {
    /// Without asking the server that it may be on.
    fn of(file: impl AsFd) -> rustix::io::Result<Self> {
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC | AtFlags::NO_AUTOMOUNT;
        let mask = StatxFlags::INO | StatxFlags::MNT_ID;
        let stat = rustix::fs::statx(file, "", flags, mask)?;
        let has_mount = stat.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        let device = rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor);
        let file = FileId { device, inode: stat.stx_ino };
        Ok(Self { file, mount: has_mount.then_some(stat.stx_mnt_id) })
    }
}

/// The directory above one. Of the top of a mount namespace that is itself: this process's own root directory does not
/// stop it, as that is another.
fn above(directory: &OwnedFd) -> rustix::io::Result<Opened> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Opened::of(rustix::fs::openat(directory, "..", flags, Mode::empty())?)
}

/// That of the mount namespace of a process.
pub(super) fn mount_namespace(pid: u32) -> Result<FileId, IdentifyError> {
    let path = format!("/proc/{pid}/ns/mnt");
    match rustix::fs::stat(&path) {
        Ok(stat) => Ok(FileId { device: stat.st_dev, inode: stat.st_ino }),
        Err(error) => Err(IdentifyError::proc(path, error)),
    }
}

/// Whether the root directory of a process is that of its mount namespace, which has a name of no component, by the kernel's word
/// alone: it looks at nothing, wherever that directory is.
pub(super) fn is_at_top(pid: u32) -> bool {
    rustix::fs::readlink(format!("/proc/{pid}/root"), Vec::new()).is_ok_and(|root| root.as_bytes() == b"/")
}

/// This process's own.
pub(super) fn here() -> Result<&'static Home, IdentifyError> {
    static HERE: OnceLock<Result<Home, IdentifyError>> = OnceLock::new();
    HERE.get_or_init(|| Home::of(std::process::id())).as_ref().map_err(Clone::clone)
}

/// The machine's: that of the first process of the first pid namespace. Where that may not be looked at (by a user other
/// than root, or in a sandbox) this process's own, if it is in no container by all that can be seen: who is where Hostward
/// is has the files that Hostward is there to give, and who is elsewhere is held against them.
pub(super) fn machine() -> Option<&'static Home> {
    static MACHINE: OnceLock<Option<Home>> = OnceLock::new();
    let find = || {
        if !is_first_pid_namespace() {
            return None;
        }
        Home::of(1).ok().or_else(|| if is_on_the_machine() { here().ok().copied() } else { None })
    };
    MACHINE.get_or_init(find).as_ref()
}

/// Whether this process is on the machine itself by all that can be seen without the engine.
fn is_on_the_machine() -> bool {
    let read = |file: &str| std::fs::read(format!("/proc/self/{file}"));
    let (Ok(cgroup), Ok(mounts)) = (read("cgroup"), read("mountinfo")) else { return false };
    cgroup::container_id(&cgroup).or_else(|| mountinfo::container_id(&mounts)).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    fn file(inode: u64) -> FileId {
        FileId { device: 1, inode }
    }

    /// A process at the top of a mount namespace of the machine's user namespace, with this root directory.
    fn home(namespace: u64, root: u64) -> Home {
        let root = Opened { file: file(root), mount: Some(namespace * 100) };
        Home { root, is_top: true, namespace: file(namespace), owner: Some(file(7)) }
    }

    /// One that has changed its root directory to this, which is mounted somewhere within.
    fn chrooted(namespace: u64, root: u64) -> Home {
        let root = Opened { file: file(root), mount: Some(namespace * 100 + 1) };
        Home { root, is_top: false, ..home(namespace, 0) }
    }

    fn of_user_namespace(home: Home) -> [Home; 2] {
        [Home { owner: Some(file(8)), ..home }, Home { owner: None, ..home }]
    }

    const MACHINE: u64 = 1;
    const CONTAINER: u64 = 2;
    const ROOT: u64 = 10;
    const CONTAINERS_ROOT: u64 = 20;

    #[test]
    fn only_the_machines_mount_namespace_and_root_are_the_machine() {
        let machine = home(MACHINE, ROOT);
        let outside = |home: Home| home.outside(Some(&machine), &machine);
        assert_eq!(outside(machine), Outside::Machine);
        // A service's own.
        assert_eq!(outside(home(3, ROOT)), Outside::Apart);
        // A container that has the machine's `/` mounted, and a `chroot` of the machine's to another mount of it.
        for home in [chrooted(CONTAINER, ROOT), chrooted(MACHINE, ROOT), home(CONTAINER, CONTAINERS_ROOT)] {
            assert_eq!(outside(home), Outside::Elsewhere(home));
        }
        for home in of_user_namespace(home(3, ROOT)) {
            assert_eq!(outside(home), Outside::Elsewhere(home));
        }
    }

    #[test]
    fn in_a_container_hostward_knows_those_beside_it() {
        let (machine, here) = (home(MACHINE, ROOT), home(CONTAINER, CONTAINERS_ROOT));
        // With the machine's pid namespace, and without.
        for machine in [Some(&machine), None] {
            assert_eq!(here.outside(machine, &here), Outside::Here);
            // `wrap` makes one.
            assert_eq!(home(3, CONTAINERS_ROOT).outside(machine, &here), Outside::Beside);
            let jailed = chrooted(CONTAINER, CONTAINERS_ROOT);
            assert_eq!(jailed.outside(machine, &here), Outside::Elsewhere(jailed));
        }
    }

    #[test]
    fn a_process_of_a_container_sees_its_files_at_the_top_of_its_mount_namespace_only() {
        let (machine, first) = (home(MACHINE, ROOT), home(CONTAINER, CONTAINERS_ROOT));
        let files = |home: Home, first: Option<Home>| home.in_container(first.as_ref(), Some(&machine));
        for first in [Some(first), None] {
            assert_eq!(files(home(CONTAINER, CONTAINERS_ROOT), first), Ok(Files::Container));
            assert_eq!(files(machine, first), Ok(Files::Machine));
            for root in [ROOT, CONTAINERS_ROOT, 30] {
                assert_eq!(files(chrooted(CONTAINER, root), first), Err(Nobody::OwnRoot));
            }
        }
        // Its first process may have made another root directory its own.
        let moved = chrooted(CONTAINER, ROOT);
        assert_eq!(files(first, Some(moved)), Ok(Files::Container));
        assert_eq!(files(moved, Some(moved)), Err(Nobody::OwnRoot));
        // In a mount namespace of its own that root has made; of another container; of a user namespace's making.
        assert_eq!(files(home(3, CONTAINERS_ROOT), Some(first)), Ok(Files::Container));
        assert_eq!(files(home(4, 40), Some(first)), Err(Nobody::OwnRoot));
        for home in of_user_namespace(home(3, CONTAINERS_ROOT)) {
            assert_eq!(files(home, Some(first)), Err(Nobody::UserNamespace));
        }
    }

    /// A process that is ended with the test.
    struct Ended(Child);

    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// A process that waits, started by a command line that ends in a program to run.
    fn waiting(command: &[&str]) -> Ended {
        let mut waiting = Command::new(command[0]);
        waiting.args(&command[1..]).args(["sh", "-c", "echo ready; read end"]);
        let mut child = Ended(waiting.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        let mut output = std::io::BufReader::new(child.0.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        assert_eq!(line, "ready\n");
        child
    }

    #[test]
    fn the_kernel_tells_a_mount_namespace_and_its_owner_and_a_changed_root() {
        let here = here().unwrap();
        assert!(here.is_top && here.owner.is_some());
        let same = waiting(&["env"]);
        assert!(Home::of(same.0.id()).unwrap().is(here));
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let own = waiting(&["unshare", "--mount"]);
        assert!(is_at_top(own.0.id()));
        let own = Home::of(own.0.id()).unwrap();
        assert!(own.is_beside(here) && !own.is(here));
        let users = waiting(&["unshare", "--mount", "--user", "--map-root-user"]);
        let users = Home::of(users.0.id()).unwrap();
        assert!(users.is_top && !users.is_beside(here) && users.is_of_another_user_namespace());
        // The root directory itself, by another mount of it.
        let dir = tempfile::tempdir().unwrap();
        let script = format!("mount --bind / {0} && exec chroot {0} \"$@\"", dir.path().display());
        let jailed = waiting(&["unshare", "--mount", "sh", "-c", &script, "sh"]);
        assert!(!is_at_top(jailed.0.id()));
        let jailed = Home::of(jailed.0.id()).unwrap();
        assert_eq!(jailed.root.file, here.root.file);
        assert!(!jailed.is_top && !jailed.is_beside(here));
    }
}
