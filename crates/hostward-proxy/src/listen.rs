//! The socket that clients connect to: made, guarded against a second proxy, and cleared away.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use hostward_engine::address::Address;
use rustix::fs::{Gid, Mode, chown};
use tokio::net::UnixListener;

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process serves it.
    #[error("{0} is in use: something answers there; stop it, or choose another path with --listen")]
    InUse(PathBuf),
    /// Something else than a socket has the name.
    #[error("{0} exists and is no socket; choose another path with --listen")]
    NoSocket(PathBuf),
    /// Only unix sockets are served.
    #[error("{0}: only a unix socket can be listened on; write --listen unix:///PATH")]
    Unsupported(Address),
    /// The system says no.
    #[error("cannot listen on {path}: {action}: {error}")]
    Io {
        /// The socket's path.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

/// A unix socket with its file. Dropping it removes the file, if it is still ours.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: UnixListener,
    path: PathBuf,
    /// Device and inode: another proxy may have put its own file there since.
    file: (u64, u64),
}

impl Listener {
    /// Makes the socket, with the directory that it is in.
    pub(crate) async fn bind(address: &Address) -> Result<Self, ListenError> {
        let Address::Unix(path) = address else {
            return Err(ListenError::Unsupported(address.clone()));
        };
        let failed = |action| {
            let path = path.clone();
            move |error| ListenError::Io { path, action, error }
        };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed("making its directory"))?;
        }
        clear(path).await?;
        // The file must not be open to all for the moment between its making and a chmod.
        let mask = rustix::process::umask(Mode::from_raw_mode(0o117));
        let bound = UnixListener::bind(path);
        rustix::process::umask(mask);
        let socket = bound.map_err(failed("binding the socket"))?;
        let meta = fs::symlink_metadata(path).map_err(failed("looking at the socket"))?;
        if let Some(group) = docker_group() {
            // Without the right to, the file stays its maker's, as with a rootless engine.
            let _ = chown(path, None, Some(group));
        }
        Ok(Self { socket, path: path.clone(), file: (meta.dev(), meta.ino()) })
    }

    /// Whether this path, whatever links it goes through, leads to this socket.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|meta| (meta.dev(), meta.ino()) == self.file)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|meta| (meta.dev(), meta.ino()) == self.file) {
            // Whoever took it away first did our work.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the file that a proxy left which did not end well.
async fn clear(path: &Path) -> Result<(), ListenError> {
    let failed = |action| move |error| ListenError::Io { path: path.to_owned(), action, error };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("looking at it")(error)),
        Ok(meta) if !meta.file_type().is_socket() => return Err(ListenError::NoSocket(path.to_owned())),
        Ok(_) => {}
    }
    match tokio::net::UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // A full backlog (EAGAIN) is somebody's too.
        Ok(_) | Err(_) => return Err(ListenError::InUse(path.to_owned())),
    }
    tracing::info!(path = %path.display(), "replacing a stale socket");
    fs::remove_file(path).map_err(failed("removing the stale socket"))
}

/// Docker's own socket belongs to this group.
fn docker_group() -> Option<Gid> {
    let groups = fs::read_to_string("/etc/group").ok()?;
    let line = groups.lines().find(|line| line.starts_with("docker:"))?;
    Some(Gid::from_raw(line.split(':').nth(2)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn with_path(test: impl AsyncFn(PathBuf)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/down/docker.sock");
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test(path));
    }

    #[test]
    fn a_stale_socket_is_replaced_and_the_file_goes_at_the_end() {
        with_path(async |path| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            assert!(path.exists());
            let listener = Listener::bind(&Address::Unix(path.clone())).await.unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
            drop(listener);
            assert!(!path.exists());
        });
    }

    #[test]
    fn a_socket_in_use_and_a_plain_file_are_left_alone() {
        with_path(async |path| {
            let address = Address::Unix(path.clone());
            let listener = Listener::bind(&address).await.unwrap();
            assert!(matches!(Listener::bind(&address).await, Err(ListenError::InUse(_))));
            drop(listener);
            fs::write(&path, "x").unwrap();
            assert!(matches!(Listener::bind(&address).await, Err(ListenError::NoSocket(_))));
            assert_eq!(fs::read(&path).unwrap(), b"x");
        });
    }

    #[test]
    fn anothers_file_is_not_removed() {
        with_path(async |path| {
            let listener = Listener::bind(&Address::Unix(path.clone())).await.unwrap();
            fs::remove_file(&path).unwrap();
            let other = Listener::bind(&Address::Unix(path.clone())).await.unwrap();
            drop(listener);
            assert!(path.exists());
            drop(other);
        });
    }
}
