//! Where a Hostward that is to replace this one finds it: a socket in the state directory, which only Hostward's user can enter.
//!
//! Its name says nothing. It is the same for all that replace each other, so that whoever has known one of them finds the one
//! that serves now.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen, socket_with,
};
use tokio::io::unix::AsyncFd;

use super::packets::Channel;
use crate::sys;

/// The directory in the state directory.
const DIRECTORY: &str = "running";
/// How the names of sockets end that take connections.
const READY: &str = "sock";
/// How long none is accepted where that fails.
const PAUSE: Duration = Duration::from_secs(1);

/// A socket at which others come. Dropping it removes its file.
#[derive(Debug)]
pub(crate) struct Meeting {
    socket: AsyncFd<OwnedFd>,
    path: PathBuf,
    /// Whether the file goes with this: not while another process is found there.
    removes: bool,
}

impl Meeting {
    /// One where this process is found by others with the same state directory, if it can be.
    pub(crate) fn found_in(state: &Path) -> Option<Self> {
        let failed = |error: &io::Error| {
            let directory = state.display();
            tracing::warn!(%directory, %error, "this process cannot be found there, so `--replace` cannot replace it");
        };
        Self::make(state).inspect_err(failed).ok()
    }

    fn make(state: &Path) -> io::Result<Self> {
        let directory = state.join(DIRECTORY);
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        // It gets its name when it takes connections: one that takes none is swept away as a dead process's.
        let made = tempfile::Builder::new().prefix("").suffix(".new").make_in(&directory, |path| {
            let socket = seqpacket()?;
            bind(&socket, &SocketAddrUnix::new(path)?)?;
            listen(&socket, 16)?;
            Ok(socket)
        })?;
        let path = made.path().with_extension(READY);
        fs::rename(made.path(), &path)?;
        let (socket, file) = made.into_parts();
        // It has another name by now.
        let _ = file.keep();
        Self::of(path, socket).map(Self::own)
    }

    /// That of another Hostward, which is still found there.
    pub(super) fn of(path: PathBuf, socket: OwnedFd) -> io::Result<Self> {
        Ok(Self { socket: sys::watched(socket)?, path, removes: false })
    }

    /// From now on this process is found there.
    pub(super) fn own(self) -> Self {
        let mut own = self;
        own.removes = true;
        own
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn socket(&self) -> io::Result<OwnedFd> {
        self.socket.as_fd().try_clone_to_owned()
    }

    /// Leaves it to another process, which is found at the path.
    pub(super) fn leave(mut self) -> PathBuf {
        self.removes = false;
        self.path.clone()
    }

    /// The next process of the same user.
    pub(super) async fn accept(&self) -> Channel {
        loop {
            match self.try_accept().await {
                Ok(channel) => return channel,
                Err(error) => {
                    tracing::warn!(%error, "a process that was to replace this one is not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn try_accept(&self) -> io::Result<Channel> {
        loop {
            let mut ready = self.socket.readable().await?;
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            if let Ok(accepted) = ready.try_io(|socket| Ok(accept_with(socket, flags)?)) {
                return Channel::new(accepted?);
            }
        }
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        if self.removes {
            // Whoever took it away first did our work.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A connection to the process that others find there.
pub(super) fn meet(path: &Path) -> io::Result<Channel> {
    let socket = seqpacket()?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    Channel::new(socket)
}

/// Connections to all that run with this state directory. What is left of others is removed.
pub(super) fn meet_all(state: &Path) -> io::Result<Vec<Channel>> {
    let mut channels = Vec::new();
    let entries = match fs::read_dir(state.join(DIRECTORY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(channels),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != READY) {
            continue;
        }
        match meet(&path) {
            Ok(channel) => channels.push(channel),
            Err(error) if error.raw_os_error() == Some(Errno::CONNREFUSED.raw_os_error()) => {
                // Another may do the same at this moment.
                let _ = fs::remove_file(&path);
            }
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot ask a running Hostward"),
        }
    }
    Ok(channels)
}

fn seqpacket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn names(state: &Path) -> usize {
        fs::read_dir(state.join(DIRECTORY)).unwrap().count()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn those_that_run_are_found_and_what_others_left_is_removed() {
        let state = tempfile::tempdir().unwrap();
        assert!(meet_all(state.path()).unwrap().is_empty());
        let (one, other) = (Meeting::make(state.path()).unwrap(), Meeting::make(state.path()).unwrap());
        let mode = fs::metadata(state.path().join(DIRECTORY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(meet_all(state.path()).unwrap().len(), 2);
        one.accept().await;
        drop(one);
        assert_eq!(meet_all(state.path()).unwrap().len(), 1);
        // As a process that was killed leaves it.
        other.leave();
        assert_eq!(names(state.path()), 1);
        assert!(meet_all(state.path()).unwrap().is_empty());
        assert_eq!(names(state.path()), 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_takes_no_connections_yet_is_left_alone() {
        let state = tempfile::tempdir().unwrap();
        drop(Meeting::make(state.path()).unwrap());
        fs::write(state.path().join(DIRECTORY).join("begun.new"), "").unwrap();
        assert!(meet_all(state.path()).unwrap().is_empty());
        assert_eq!(names(state.path()), 1);
    }
}
