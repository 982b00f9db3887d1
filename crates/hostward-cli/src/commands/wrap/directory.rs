//! The private directory of the proxy's socket.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::env;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;

use crate::report::Failure;

const PREFIX: &str = "hostward-wrap.";
const SOCKET: &str = "docker.sock";
/// `sun_path` in `unix(7)`, with the NUL that ends it.
const MAX_SOCKET: usize = 107;
/// More proxies of one pid at one place are not to be expected.
const NAMES: u32 = 100;

/// A directory that is locked as long as it is used. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes it at the first place where that can be.
    pub(super) fn make() -> Result<Self, Failure> {
        let mut tried = Vec::new();
        for parent in parents() {
            match Self::make_in(&parent) {
                Ok(directory) => {
                    sweep(&parent);
                    return Ok(directory);
                }
                Err(error) => tried.push(format!("{}: {error}", parent.display())),
            }
        }
        let failure =
            Failure::failed(format_args!("cannot create a directory for the socket: {}", tried.join("; ")));
        Err(failure.hint("set XDG_RUNTIME_DIR to a writable directory, or mount a tmpfs at /run"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.path.join(SOCKET)
    }

    fn make_in(parent: &Path) -> io::Result<Self> {
        for n in 0..NAMES {
            let path = parent.join(format!("{PREFIX}{}.{n}", std::process::id()));
            if path.join(SOCKET).as_os_str().len() > MAX_SOCKET {
                return Err(io::Error::other("the path of a socket in it would be too long"));
            }
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            // Another proxy that clears up may have been faster.
            if let Some(lock) = lock(&path) {
                return Ok(Self { path, _lock: lock });
            }
            remove(&path.join(SOCKET));
        }
        Err(io::Error::other("too many of its names are in use"))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        remove(&self.socket());
    }
}

/// Removes a socket with its directory, as far as they are there.
pub(super) fn remove(socket: &Path) {
    let _ = fs::remove_file(socket);
    let _ = socket.parent().map(fs::remove_dir);
}

/// Where it may be. What runs by root has /run; Docker's containers have /dev/shm even where all else is read-only.
fn parents() -> Vec<PathBuf> {
    let own = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    own.into_iter().chain(["/run", "/tmp", "/dev/shm"].map(PathBuf::from)).collect()
}

/// Takes the directory, if nobody has it and it is there still.
fn lock(path: &Path) -> Option<File> {
    let directory = File::open(path).ok()?;
    flock(&directory, FlockOperation::NonBlockingLockExclusive).ok()?;
    let (opened, there) = (directory.metadata().ok()?, fs::symlink_metadata(path).ok()?);
    ((opened.dev(), opened.ino()) == (there.dev(), there.ino())).then_some(directory)
}

/// Removes what proxies have left whose whole container was killed.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().as_bytes().starts_with(PREFIX.as_bytes())
            && entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == geteuid().as_raw());
        // Held while it is removed, or its name could be another's already.
        if ours && let Some(_lock) = lock(&entry.path()) {
            remove(&entry.path().join(SOCKET));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_private_and_goes_with_what_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let one = Directory::make_in(parent.path()).unwrap();
        let two = Directory::make_in(parent.path()).unwrap();
        assert_ne!(one.path(), two.path());
        assert_eq!(fs::metadata(one.path()).unwrap().mode() & 0o777, 0o700);
        fs::write(one.socket(), "").unwrap();
        drop((one, two));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_left_is_swept_and_what_is_used_stays() {
        let parent = tempfile::tempdir().unwrap();
        let left = parent.path().join(format!("{PREFIX}7.0"));
        let others = parent.path().join("hostward");
        for path in [&left, &others] {
            fs::create_dir(path).unwrap();
            fs::write(path.join(SOCKET), "").unwrap();
        }
        let used = Directory::make_in(parent.path()).unwrap();
        fs::write(used.socket(), "").unwrap();
        sweep(parent.path());
        assert!(!left.exists() && others.join(SOCKET).exists() && used.socket().exists());
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_not_taken() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        assert!(Directory::make_in(&deep).unwrap_err().to_string().contains("too long"));
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
    }
}
