//! A unix socket to listen on: made, guarded against a second proxy, and cleared away.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hostward_engine::address::Address;
use rustix::fs::{Access as May, FlockOperation, Gid, MemfdFlags, Mode, OFlags, Uid, chmod, chown, flock};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};
use tokio::net::{UnixListener, UnixStream};

use super::error::{ListenError, MOST};
use super::given::{Giver, SocketFileId};
use crate::settings::Access;

/// How long to wait for others that make sockets in the same directory.
const LOCKED: Duration = Duration::from_secs(5);

/// How long until the next look at that.
const LOCK_AGAIN: Duration = Duration::from_millis(20);

/// A unix socket with its file. Dropping it removes the file, if it is still ours.
#[derive(Debug)]
pub(crate) struct SocketFile {
    socket: UnixListener,
    path: PathBuf,
    /// Another proxy may have put its own file there since.
    file: SocketFileId,
    giver: Option<Giver>,
    /// Whether the file goes with this: not while another process serves it, too.
    removes: AtomicBool,
}

impl SocketFile {
    /// Makes the socket, with the directory that it is in.
    pub(super) async fn bind(path: &Path, access: &Access) -> Result<Self, ListenError> {
        let failed = |action| failed(path, action);
        fits(path)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed("creating its directory"))?;
        }
        let cleared = clear(path).await?;
        // The file must not be open to anyone for the moment between its making and the changes to it.
        let mask = rustix::process::umask(Mode::from_raw_mode(0o177));
        let bound = UnixListener::bind(path);
        rustix::process::umask(mask);
        let socket = bound.map_err(failed("binding the socket"))?;
        let listener = Self::of(path, socket, None)?;
        drop(cleared);
        listener.open_to(access)?;
        Ok(listener)
    }

    /// Whether it could be made, or is served already: all that [`bind`](Self::bind) would meet, and nothing is changed.
    pub(super) async fn could_bind(path: &Path, access: &Access) -> Result<(), ListenError> {
        fits(path)?;
        match stale(path).await {
            Err(ListenError::InUse(_)) => return Ok(()),
            found => found?,
        };
        may_make(path).map_err(failed(path, "creating the socket's file"))?;
        may_give(access).map_err(|error| ListenError::Owner { path: path.to_owned(), error })
    }

    /// Takes a socket that listens at this path.
    pub(super) fn inherit(path: &Path, socket: OwnedFd, giver: Giver) -> Result<Self, ListenError> {
        let socket = std::os::unix::net::UnixListener::from(socket);
        let socket = socket.set_nonblocking(true).and_then(|()| UnixListener::from_std(socket));
        Self::of(path, socket.map_err(failed(path, "using the inherited socket"))?, Some(giver))
    }

    fn of(path: &Path, socket: UnixListener, giver: Option<Giver>) -> Result<Self, ListenError> {
        let meta = fs::symlink_metadata(path).map_err(failed(path, "inspecting the socket"))?;
        let file = SocketFileId::of(&meta);
        Ok(Self { socket, path: path.to_owned(), file, giver, removes: giver.is_none().into() })
    }

    /// Whether whoever started this process has opened it, and takes its file away as well.
    fn is_starters(&self) -> bool {
        self.giver == Some(Giver::Starter)
    }

    /// From now on this process alone serves it, or another one does.
    pub(super) fn is_served_here(&self, here: bool) {
        self.removes.store(here && !self.is_starters(), Ordering::Relaxed);
    }

    /// Whose it is to the process that serves it next.
    pub(super) fn giver(&self) -> Giver {
        if self.is_starters() { Giver::Starter } else { Giver::Predecessor(Some(self.file)) }
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.socket.accept().await?.0)
    }

    /// Gives the socket's file to whom it is to be open; one that was inherited is as whoever made it wanted it.
    pub(super) fn open_to(&self, access: &Access) -> Result<(), ListenError> {
        if self.is_starters() {
            return Ok(());
        }
        let failed = |action| move |error: Errno| failed(&self.path, action)(error.into());
        // What has the name by now may be another's, or a link to something else.
        let file =
            rustix::fs::open(&self.path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
                .map_err(failed("inspecting its file"))?;
        let found = rustix::fs::fstat(&file).map_err(failed("inspecting its file"))?;
        if (SocketFileId::new(found.st_dev, found.st_ino)) != self.file {
            return Err(ListenError::InUse(Address::Unix(self.path.clone())));
        }
        let file = format!("/proc/self/fd/{}", file.as_raw_fd());
        let owner = access.owner.map_or_else(geteuid, Uid::from_raw);
        chown(&file, Some(owner), access.group.map(Gid::from_raw))
            .map_err(|error| ListenError::Owner { path: self.path.clone(), error: error.into() })?;
        if access.group.is_none() {
            // Without the right to, the file stays its maker's, as with a rootless engine.
            docker_group()
                .map_or(Err(Errno::PERM), |docker| chown(&file, None, Some(docker)))
                .or_else(|_| chown(&file, None, Some(getegid())))
                .map_err(failed("setting its group"))?;
        }
        chmod(&file, Mode::from_raw_mode(access.mode)).map_err(failed("setting its mode"))
    }

    /// Whether this path, whatever links it goes through, leads to this socket.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|meta| SocketFileId::of(&meta) == self.file)
    }
}

impl AsFd for SocketFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = || fs::symlink_metadata(&self.path).is_ok_and(|meta| SocketFileId::of(&meta) == self.file);
        if self.removes.load(Ordering::Relaxed) && ours() {
            // Whoever took it away first did our work.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn fits(path: &Path) -> Result<(), ListenError> {
    if path.as_os_str().len() > MOST { Err(ListenError::TooLong(path.to_owned())) } else { Ok(()) }
}

/// Whether this process may make a file there, with the directories that it takes.
fn may_make(path: &Path) -> io::Result<()> {
    for directory in path.ancestors().skip(1) {
        match fs::metadata(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(found) if !found.is_dir() => return Err(io::ErrorKind::NotADirectory.into()),
            Ok(_) => return Ok(rustix::fs::access(directory, May::WRITE_OK | May::EXEC_OK)?),
        }
    }
    Ok(())
}

/// Whether this process may give a file to them, by trying: who may is a matter of capabilities and user namespaces.
fn may_give(access: &Access) -> io::Result<()> {
    let file = rustix::fs::memfd_create("hostward", MemfdFlags::CLOEXEC)?;
    let (owner, group) = (access.owner.map(Uid::from_raw), access.group.map(Gid::from_raw));
    Ok(rustix::fs::fchown(&file, owner, group)?)
}

/// Whether the file of a socket that is taken over still has this path.
pub(super) fn leads_here(path: &Path, giver: Giver) -> bool {
    match giver {
        Giver::Predecessor(Some(file)) => {
            fs::symlink_metadata(path).is_ok_and(|meta| SocketFileId::of(&meta) == file)
        }
        Giver::Predecessor(None) | Giver::Starter => true,
    }
}

/// Keeps other proxies from making sockets in the same directory.
async fn lock(path: &Path) -> Result<OwnedFd, ListenError> {
    let failed = |error: Errno| failed(path, "locking its directory")(error.into());
    let parent = path.parent().unwrap_or(path);
    let directory =
        rustix::fs::open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(failed)?;
    let started = Instant::now();
    loop {
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(directory),
            Err(Errno::WOULDBLOCK) if started.elapsed() < LOCKED => tokio::time::sleep(LOCK_AGAIN).await,
            Err(error) => return Err(failed(error)),
        }
    }
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> ListenError + use<> {
    let address = Address::Unix(path.to_owned());
    move |error| ListenError::Io { address, action, error }
}

/// Removes the file that a proxy left which did not end well. Of two that find it, one would take the other's new one away:
/// the lock that comes back is to be held until the new one is made.
async fn clear(path: &Path) -> Result<Option<OwnedFd>, ListenError> {
    let Some(stale) = stale(path).await? else { return Ok(None) };
    let lock = lock(path).await?;
    // Whoever had the lock has replaced it.
    if self::stale(path).await? == Some(stale) {
        tracing::info!(path = %path.display(), "replacing a stale socket");
        fs::remove_file(path).map_err(failed(path, "removing the stale socket"))?;
    }
    Ok(Some(lock))
}

/// The file of a socket at which nobody listens.
async fn stale(path: &Path) -> Result<Option<SocketFileId>, ListenError> {
    let meta = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path, "inspecting it")(error)),
        Ok(meta) if !meta.file_type().is_socket() => return Err(ListenError::NoSocket(path.to_owned())),
        Ok(meta) => meta,
    };
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(Some(SocketFileId::of(&meta))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // A full backlog (EAGAIN) is somebody's too.
        Ok(_) | Err(_) => Err(ListenError::InUse(Address::Unix(path.to_owned()))),
    }
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
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    async fn bind(path: &Path) -> Result<SocketFile, ListenError> {
        SocketFile::bind(path, &Access::default()).await
    }

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
            let listener = bind(&path).await.unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
            drop(listener);
            assert!(!path.exists());
        });
    }

    #[test]
    fn a_socket_in_use_and_a_plain_file_are_left_alone() {
        with_path(async |path| {
            let listener = bind(&path).await.unwrap();
            assert!(matches!(bind(&path).await, Err(ListenError::InUse(_))));
            drop(listener);
            fs::write(&path, "x").unwrap();
            assert!(matches!(bind(&path).await, Err(ListenError::NoSocket(_))));
            assert_eq!(fs::read(&path).unwrap(), b"x");
        });
    }

    #[test]
    fn what_would_keep_it_from_being_made_is_found_before() {
        with_path(async |path| {
            let could = async |path: &Path| SocketFile::could_bind(path, &Access::default()).await;
            could(&path).await.unwrap();
            assert!(!path.parent().unwrap().exists());
            let listener = bind(&path).await.unwrap();
            could(&path).await.unwrap();
            drop(listener);
            fs::write(&path, "x").unwrap();
            assert!(matches!(could(&path).await, Err(ListenError::NoSocket(_))));
            let beneath = could(&path.join("h.sock")).await.unwrap_err().to_string();
            assert!(beneath.contains("ot a directory"), "{beneath}");
            let long = path.with_file_name("x".repeat(MOST));
            assert!(matches!(could(&long).await, Err(ListenError::TooLong(_))));
            assert!(matches!(bind(&long).await, Err(ListenError::TooLong(_))));
        });
    }

    #[test]
    fn anothers_file_is_not_removed() {
        with_path(async |path| {
            let listener = bind(&path).await.unwrap();
            fs::remove_file(&path).unwrap();
            let other = bind(&path).await.unwrap();
            drop(listener);
            assert!(path.exists());
            drop(other);
        });
    }

    #[test]
    fn owner_group_and_mode_are_as_asked() {
        with_path(async |path| {
            let me = rustix::process::getuid().as_raw();
            let group = rustix::process::getgid().as_raw();
            let access = Access { owner: Some(me), group: Some(group), mode: 0o606 };
            let listener = SocketFile::bind(&path, &access).await.unwrap();
            let meta = fs::metadata(&path).unwrap();
            assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o777), (me, group, 0o606));
            drop(listener);
        });
    }

    #[test]
    fn a_file_that_took_the_sockets_place_is_left_as_it_is() {
        with_path(async |path| {
            let listener = bind(&path).await.unwrap();
            let access = |mode| Access { mode, ..Access::default() };
            listener.open_to(&access(0o606)).unwrap();
            let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
            assert_eq!(mode(&path), 0o606);
            let other = path.with_extension("other");
            fs::write(&other, "").unwrap();
            let before = mode(&other);
            fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(&other, &path).unwrap();
            assert!(matches!(listener.open_to(&access(0o666)), Err(ListenError::InUse(_))));
            assert_eq!(mode(&other), before);
        });
    }

    #[test]
    fn of_many_that_find_a_stale_socket_one_serves() {
        with_path(async |path| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            let all: Vec<_> = (0..8)
                .map(|_| {
                    let path = path.clone();
                    std::thread::spawn(move || {
                        let runtime =
                            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                        runtime.block_on(async { bind(&path).await.map(std::mem::forget).is_ok() })
                    })
                })
                .collect();
            let served = all.into_iter().map(|one| one.join().unwrap()).filter(|ok| *ok).count();
            assert_eq!(served, 1);
            std::os::unix::net::UnixStream::connect(&path).unwrap();
        });
    }

    #[test]
    fn the_file_of_a_socket_that_is_taken_over_goes_with_who_serves_it_last() {
        with_path(async |path| {
            let before = bind(&path).await.unwrap();
            let take =
                || SocketFile::inherit(&path, before.as_fd().try_clone_to_owned().unwrap(), before.giver());
            // Who took it and did not come to serve it leaves it.
            drop(take().unwrap());
            assert!(path.exists());
            let after = take().unwrap();
            before.is_served_here(false);
            after.is_served_here(true);
            drop(before);
            std::os::unix::net::UnixStream::connect(&path).unwrap();
            after.accept().await.unwrap();
            drop(after);
            assert!(!path.exists());
            // Where its file has gone, nobody would come by it.
            let before = bind(&path).await.unwrap();
            assert!(leads_here(&path, before.giver()) && leads_here(&path, Giver::Starter));
            fs::remove_file(&path).unwrap();
            assert!(!leads_here(&path, before.giver()));
            let _other = bind(&path).await.unwrap();
            assert!(!leads_here(&path, before.giver()));
        });
    }

    #[test]
    fn an_inherited_sockets_file_stays() {
        with_path(async |path| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
            let listener = SocketFile::inherit(&path, socket.into(), Giver::Starter).unwrap();
            listener.is_served_here(true);
            let connected = std::os::unix::net::UnixStream::connect(&path).unwrap();
            listener.accept().await.unwrap();
            drop((listener, connected));
            assert!(path.exists());
        });
    }
}
