//! Eyes: what stands at a path of a caller, seen through the root directory of a process, or by the engine's word.
//!
//! Beneath a process's root every look-up stays there (openat2(2), `RESOLVE_IN_ROOT`), so that no link that a caller
//! plants is followed on Hostward's own side.

use std::io;
use std::path::Path;

use hostward::cgroup::ContainerId;
use hostward::path::{AskedPath, CallerPath, EnginePath};
use hostward::refusal::Reason;
use hostward::walk::{Entry, Resolved, Step, Walk};
use hostward_engine::address::Address;
use hostward_engine::archive;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use tokio::runtime::Handle;

use crate::common_mounts::{CommonMounts, CommonPlace};
use crate::looks::Looks;

/// One way to look.
#[derive(Debug)]
pub(crate) enum Eyes {
    /// The root directory of a process of the caller.
    Process(ProcessRoot),
    /// The engine is asked.
    Engine(Remote),
    /// This process looks at what it has mounted too.
    Common {
        /// Which that is.
        mounts: Box<CommonMounts>,
        /// This process's own root directory.
        root: ProcessRoot,
    },
}

/// A handle on the root directory of a process, which stays that process's though its pid be reused.
#[derive(Debug)]
pub(crate) struct ProcessRoot(OwnedFd);

/// A handle on a directory or file beneath it.
#[derive(Debug)]
pub(crate) struct OpenedPath(OwnedFd);

/// A container that its engine is asked about.
#[derive(Debug)]
pub(crate) struct Remote {
    engine: Address,
    id: ContainerId,
    runtime: Handle,
}

/// Which file a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    pub(crate) is_directory: bool,
    pub(crate) is_link: bool,
    pub(crate) is_socket: bool,
}

/// Whether symlinks in a path are followed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Follow {
    /// They were before; one that has come since is an error.
    Nothing,
    /// They are, inside the root.
    Links,
}

impl Identity {
    /// That of a file of this process's own; a link is followed.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(rustix::fs::stat(path)?.into())
    }
}

impl From<Stat> for Identity {
    fn from(stat: Stat) -> Self {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let (is_directory, is_link) = (kind == FileType::Directory, kind == FileType::Symlink);
        let is_socket = kind == FileType::Socket;
        Self { device: stat.st_dev, inode: stat.st_ino, is_directory, is_link, is_socket }
    }
}

impl Eyes {
    /// The engine's word for what stands in a container.
    pub(crate) fn of_engine(engine: &Address, id: &ContainerId) -> Self {
        Self::Engine(Remote { engine: engine.clone(), id: id.clone(), runtime: Handle::current() })
    }

    /// Whether what they see is the root filesystem that the engine's machine has there: a mount has a device of its own,
    /// also one of the same files.
    pub(crate) fn is_at(&self, path: &EnginePath, machine: &ProcessRoot) -> bool {
        let Self::Process(root) = self else { return false };
        let there = machine.identity(path.as_bytes(), Follow::Links);
        let (here, there) = (root.identity(b"/", Follow::Nothing), there);
        matches!((here, there), (Ok(Some(here)), Ok(Some(there))) if here == there)
    }

    /// Where a path leads whose every component is there and no link, which the kernel tells in one call: to itself. None of
    /// any other, which is to be followed.
    ///
    /// # Errors
    /// Where there are no more looks.
    pub(crate) fn at_once(&self, asked: &AskedPath, looks: &Looks) -> Result<Option<CallerPath>, Reason> {
        let (Self::Process(root), clean) = (self, asked.clean()) else { return Ok(None) };
        // `..` leads up from wherever a link has led.
        if clean.as_bytes() != asked.as_bytes() {
            return Ok(None);
        }
        for _ in clean.as_bytes().split(|&b| b == b'/') {
            looks.take()?;
        }
        // Why it is not so, following it will say.
        Ok(root.opened(clean.as_bytes()).ok().flatten().map(|_| clean))
    }

    /// What stands at a path whose parent was resolved.
    pub(crate) fn look(&self, path: &CallerPath, looks: &Looks) -> Result<Entry, Reason> {
        match self {
            Self::Process(root) => {
                root.look(path).map_err(|error| Reason::Unseen(format!("{path}: {error}")))
            }
            Self::Common { mounts, root } => match mounts.place(path)? {
                CommonPlace::Here(here) => {
                    root.look(&here).map_err(|error| Reason::Unseen(format!("{path}: {error}")))
                }
                CommonPlace::OnTheWay => Ok(Entry::Directory),
            },
            Self::Engine(Remote { engine, id, runtime }) => {
                looks.question()?;
                runtime.block_on(async {
                    tokio::select! {
                        entry = archive::entry(engine, id, path) => {
                            entry.map_err(|error| match error {
                                error if error.is_of_a_mount_through_a_link() => {
                                    Reason::ThroughLink(error.to_string())
                                }
                                error => unseen(error),
                            })
                        }
                        reason = looks.stop() => Err(reason),
                    }
                })
            }
        }
    }
}

impl AsFd for ProcessRoot {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl ProcessRoot {
    pub(crate) fn of_process(pid: u32) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(format!("/proc/{pid}/root"), flags, Mode::empty())?))
    }

    /// A handle on what stands at a path, for looking at it only.
    fn open(&self, path: &[u8], follow: Follow) -> Result<OwnedFd, Errno> {
        let (flags, resolve) = match follow {
            Follow::Nothing => (OFlags::NOFOLLOW, ResolveFlags::NO_SYMLINKS),
            Follow::Links => (OFlags::empty(), ResolveFlags::empty()),
        };
        self.open_for(path, flags | OFlags::PATH, resolve)
    }

    pub(crate) fn open_for(
        &self,
        path: &[u8],
        flags: OFlags,
        resolve: ResolveFlags,
    ) -> Result<OwnedFd, Errno> {
        let beneath = path.strip_prefix(b"/").filter(|beneath| !beneath.is_empty()).unwrap_or(b".");
        let resolve = resolve | ResolveFlags::IN_ROOT;
        rustix::fs::openat2(&self.0, beneath, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
    }

    /// A handle on what stands at a path without links; `None` where there is nothing, or a link on the way.
    pub(crate) fn opened(&self, path: &[u8]) -> io::Result<Option<OpenedPath>> {
        match self.open_for(path, OFlags::PATH, ResolveFlags::NO_SYMLINKS) {
            Ok(opened) => Ok(Some(OpenedPath(opened))),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Which file stands at a path; `None` where there is none.
    pub(crate) fn identity(&self, path: &[u8], follow: Follow) -> io::Result<Option<Identity>> {
        let file = match self.open(path, follow) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(Some(rustix::fs::fstat(&file)?.into()))
    }

    /// What stands at a path whose parent was resolved: a link that has come into it since is an error.
    fn look(&self, path: &CallerPath) -> io::Result<Entry> {
        let entry = match self.open(path.as_bytes(), Follow::Nothing) {
            Ok(entry) => entry,
            Err(Errno::NOENT) => return Ok(Entry::Missing),
            Err(error) => return Err(error.into()),
        };
        Ok(match FileType::from_raw_mode(rustix::fs::fstat(&entry)?.st_mode) {
            FileType::Directory => Entry::Directory,
            FileType::Symlink => Entry::Link(rustix::fs::readlinkat(&entry, "", Vec::new())?.into_bytes()),
            _ => Entry::Other,
        })
    }
}

impl OpenedPath {
    /// Whether the way to `rest` beneath it leads through a mount. That is not entered. A directory that this process may not
    /// search leaves nothing to be seen, and the answer is yes.
    pub(crate) fn has_a_mount_within(&self, rest: &[u8]) -> bool {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let opened = rustix::fs::openat2(&self.0, rest, flags, Mode::empty(), resolve);
        matches!(opened, Err(Errno::XDEV | Errno::ACCESS))
    }
}

/// Follows a path through what stands at each of its components.
pub(crate) fn follow(
    asked: &AskedPath,
    mut look: impl FnMut(&CallerPath) -> Result<Entry, Reason>,
) -> Result<Resolved, Reason> {
    let mut walk = Walk::new(asked);
    loop {
        match walk.step().map_err(Reason::Nowhere)? {
            Step::Done(resolved) => return Ok(resolved),
            Step::Look(path) => walk.found(look(&path)?),
        }
    }
}

/// For `map_err`.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives its error away")]
pub(crate) fn unseen(error: impl ToString) -> Reason {
    Reason::Unseen(error.to_string())
}

#[cfg(test)]
impl ProcessRoot {
    /// A directory, as if it were a process's root.
    pub(crate) fn of_directory(root: &std::path::Path) -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        Self(rustix::fs::openat(rustix::fs::CWD, root, flags, Mode::empty()).unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::looks::Most;
    use std::os::unix::fs::symlink;

    fn leads(eyes: &Eyes, asked: &str) -> Result<(String, bool), Reason> {
        let looks = Looks::default();
        let resolved = follow(&AskedPath::parse(asked.as_bytes()).unwrap(), |path| eyes.look(path, &looks))?;
        Ok((resolved.path.to_string(), resolved.exists))
    }

    #[test]
    fn links_are_followed_inside_the_root_only() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("app/data")).unwrap();
        std::fs::write(root.path().join("app/data/file"), "x").unwrap();
        symlink("/app/data", root.path().join("app/abs")).unwrap();
        symlink("../../../../etc", root.path().join("app/out")).unwrap();
        let eyes = Eyes::Process(ProcessRoot::of_directory(root.path()));
        assert_eq!(leads(&eyes, "/app/abs/file"), Ok(("/app/data/file".into(), true)));
        // The machine that runs this test has an /etc/passwd; the caller has none.
        assert_eq!(leads(&eyes, "/app/out/passwd"), Ok(("/etc/passwd".into(), false)));
        assert_eq!(leads(&eyes, "/app/data/new/deep"), Ok(("/app/data/new/deep".into(), false)));
        assert!(matches!(leads(&eyes, "/app/data/file/x"), Err(Reason::Nowhere(_))));
    }

    #[test]
    fn a_path_without_links_is_there_or_not_at_once() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("app/data")).unwrap();
        symlink("/app", root.path().join("link")).unwrap();
        let eyes = Eyes::Process(ProcessRoot::of_directory(root.path()));
        let at_once = |asked: &str| {
            let path = eyes.at_once(&AskedPath::parse(asked.as_bytes()).unwrap(), &Looks::default());
            path.unwrap().map(|path| path.to_string())
        };
        assert_eq!(at_once("/app/data").as_deref(), Some("/app/data"));
        for followed in ["/app/data/", "/app/../app", "/app//data", "/link", "/link/data", "/app/new", "/new"]
        {
            assert_eq!(at_once(followed), None, "{followed}");
        }
        let few = Looks::new(Most { files: 2, questions: 0 }, std::sync::Arc::default());
        assert!(matches!(
            eyes.at_once(&AskedPath::parse(b"/app/data").unwrap(), &few),
            Err(Reason::Budget { .. })
        ));
    }
}
