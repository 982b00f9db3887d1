//! Mounts in this process's own mount namespace, which is the engine's too.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_change,
    move_mount, open_tree, unmount,
};

/// A mount of exactly the file or directory that a handle is for (Linux 5.2), which is nowhere yet, and with all that is mounted
/// in it where that is `recursive`. It is gone with its handle.
pub(crate) fn clone_of(source: impl AsFd, recursive: bool) -> io::Result<OwnedFd> {
    let mut flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    flags.set(OpenTreeFlags::AT_RECURSIVE, recursive);
    Ok(open_tree(source, "", flags)?)
}

/// Puts such a mount at a name in a directory, which this process has at `at`. What is mounted or unmounted at its source later is
/// so there as well, and never the other way.
pub(crate) fn attach(mount: impl AsFd, directory: impl AsFd, name: &str, at: &Path) -> io::Result<()> {
    move_mount(mount, "", directory, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    follow_only(at)
}

/// Whatever is unmounted there stays mounted everywhere else.
fn follow_only(at: &Path) -> io::Result<()> {
    Ok(mount_change(at, MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?)
}

/// Takes away all that is mounted at a place, and nothing anywhere else. Who uses it goes on.
pub(crate) fn detach(at: &Path) -> io::Result<()> {
    loop {
        // Without this, what is mounted in it would be unmounted at its source as well, if that is shared. Where it fails, nothing is
        // mounted there.
        let _ = follow_only(at);
        match unmount(at, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            Ok(()) => {}
            Err(Errno::INVAL | Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Mounts a file system in memory, for root alone, of which nothing spreads to other mount namespaces.
pub(crate) fn mount_in_memory(name: &str, at: &Path) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount(name, at, "tmpfs", flags, c"mode=0700,size=1m")?;
    Ok(mount_change(at, MountPropagationFlags::PRIVATE)?)
}

/// A lock on a directory that goes with this process; none where another process has it.
pub(crate) fn try_lock(directory: &Path) -> io::Result<Option<File>> {
    let file = File::open(directory)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}
