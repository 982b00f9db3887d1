//! How one caller sees files: its view, and eyes to look into it.
//!
//! The view is what the engine lists, borne out by the kernel's mountinfo of the calling process. The eyes look
//! through `/proc/PID/root` (`proc_pid_root(5)`), beneath which every look-up stays (openat2(2),
//! `RESOLVE_IN_ROOT`), so that no link that a caller plants is followed on Hostward's own side.

use hostward::explicit::Map;
use hostward::mountinfo;
use hostward::origin::Origin;
use hostward::path::{AskedPath, CallerPath, EnginePath};
use hostward::plan::{self, Wish};
use hostward::refusal::Reason;
use hostward::table::{Mount, Table, View};
use hostward::walk::{Entry, Resolved, Step, Walk};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::io;
use std::time::Duration;

/// The longest that looking at a caller's files may take.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// Looks at a caller's files on a thread of its own: they may be on a server that has gone, and the other connections
/// go on.
///
/// # Errors
/// Files that do not answer in time.
pub(crate) async fn look<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    match tokio::time::timeout(LOOK_LIMIT, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(error)) => Err(format!("looking at the calling container's files failed: {error}")),
        Err(_) => {
            Err(format!("the calling container's files do not answer within {} s", LOOK_LIMIT.as_secs()))
        }
    }
}

/// A caller's view, and how to look into it.
#[derive(Debug)]
pub(crate) struct Sight {
    /// What its paths are made of.
    pub(crate) view: View,
    /// `None` where nothing but explicit maps is known: paths are taken by their text there.
    eyes: Option<Eyes>,
    /// Where the kernel has something mounted for the caller.
    mount_points: Vec<CallerPath>,
}

impl Sight {
    /// A caller of which only explicit maps are known.
    pub(crate) fn of_maps(maps: Vec<Map>) -> Self {
        Self { view: View::explicit(maps), eyes: None, mount_points: Vec::new() }
    }

    /// The process `pid`, which runs in a container that has the mounts of `table` by the engine's word.
    ///
    /// # Errors
    /// Where the process has ended, or Hostward may not look at it.
    pub(crate) fn of_process(pid: u32, table: &Table, maps: Vec<Map>) -> io::Result<Self> {
        let eyes = Eyes::of_process(pid)?;
        let lines = std::fs::read(format!("/proc/{pid}/mountinfo"))?;
        // The engine names a destination as it was asked for; the kernel lists where it led (/var/run → /run).
        let place = |named: &CallerPath| -> io::Result<CallerPath> {
            let asked = AskedPath::parse(named.as_bytes()).map_err(io::Error::other)?;
            Ok(eyes.resolve(&asked).map_err(|reason| io::Error::other(reason.to_string()))?.path)
        };
        let mounts =
            table.iter().map(|mount| Ok(Mount { destination: place(&mount.destination)?, ..mount.clone() }));
        let table = Table::new(mounts.collect::<io::Result<Vec<_>>>()?).confirmed(mountinfo::lines(&lines));
        let maps = maps.into_iter().map(|map| {
            let caller = place(map.caller())?;
            Ok(map.at(caller))
        });
        let maps = maps.collect::<io::Result<Vec<_>>>()?;
        let mount_points = mountinfo::lines(&lines).map(|line| line.mount_point).collect();
        Ok(Self { view: View::container(table, maps), eyes: Some(eyes), mount_points })
    }

    /// Where a path leads in the caller's view.
    pub(crate) fn resolve(&self, asked: &AskedPath) -> Result<Resolved, Reason> {
        match &self.eyes {
            Some(eyes) => eyes.resolve(asked),
            None => Ok(Resolved { path: asked.clean(), exists: true }),
        }
    }

    /// Makes sure that the engine's `source` is what the caller sees at `resolved`, and beneath it wherever the caller
    /// has something mounted.
    ///
    /// Not asked of explicit maps, whose word counts (T15), nor of a file that is itself a mount of the caller: its
    /// source may have been replaced since, as editors do, and by then is what the user means. Where the source is
    /// not seen from here, the engine is on another machine, and only the tables can tell.
    pub(crate) fn confirm(
        &self,
        asked: &AskedPath,
        resolved: &Resolved,
        wish: Wish,
        source: &EnginePath,
    ) -> Result<(), Reason> {
        let (Some(eyes), Origin::Bind { mount, .. }) =
            (&self.eyes, plan::locate(asked, resolved, &self.view))
        else {
            return Ok(());
        };
        let machine = Eyes::of_machine().map_err(|error| Reason::Unseen(error.to_string()))?;
        let unseen = |path: &CallerPath, error: io::Error| Reason::Unseen(format!("{path}: {error}"));
        // What is missing is made in the nearest directory that is there.
        let (mut path, mut source) = (resolved.path.clone(), source.clone());
        let here = loop {
            match eyes.identity(path.as_bytes(), Follow::Nothing).map_err(|error| unseen(&path, error))? {
                Some(here) => break here,
                None => match (path.parent(), source.parent()) {
                    (Some(above), Some(source_above)) if path != mount.destination => {
                        (path, source) = (above, source_above);
                    }
                    _ => return Ok(()),
                },
            }
        };
        let Some(there) = machine.identity(source.as_bytes(), Follow::Links).ok().flatten() else {
            return Ok(());
        };
        let itself = path == mount.destination && !here.is_directory;
        if here != there && !itself {
            return Err(Reason::Differs { source, beneath: None });
        }
        // Nothing is mounted beneath what is only to be made, and a bind that is not recursive brings nothing along.
        if !resolved.exists || !wish.recursive {
            return Ok(());
        }
        for point in &self.mount_points {
            let Some(rest) = point.below(&path).filter(|rest| !rest.is_empty()) else { continue };
            let below = source.join(&rest);
            let here =
                eyes.identity(point.as_bytes(), Follow::Nothing).map_err(|error| unseen(point, error))?;
            if here.is_some() && here != machine.identity(below.as_bytes(), Follow::Links).ok().flatten() {
                return Err(Reason::Differs { source, beneath: Some(point.clone()) });
            }
        }
        Ok(())
    }
}

/// Which file a path is.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    is_directory: bool,
}

/// Whether symlinks in a path are followed.
#[derive(Debug, Clone, Copy)]
enum Follow {
    /// They were before; one that has come since is an error.
    Nothing,
    /// They are, inside the root.
    Links,
}

/// A handle on the root directory of a process, which stays that process's though its pid be reused.
#[derive(Debug)]
struct Eyes(OwnedFd);

impl Eyes {
    fn of_process(pid: u32) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(format!("/proc/{pid}/root"), flags, Mode::empty())?))
    }

    /// The machine's own root, as far as it can be seen: the first process's may be hidden from users other than root,
    /// who run on the machine itself then.
    fn of_machine() -> io::Result<Self> {
        Self::of_process(1).or_else(|_| Self::of_process(std::process::id()))
    }

    /// A handle on what stands at a path, for looking at it only.
    fn open(&self, path: &[u8], follow: Follow) -> Result<OwnedFd, Errno> {
        let beneath = path.strip_prefix(b"/").filter(|beneath| !beneath.is_empty()).unwrap_or(b".");
        let (flags, resolve) = match follow {
            Follow::Nothing => (OFlags::NOFOLLOW, ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS),
            Follow::Links => (OFlags::empty(), ResolveFlags::IN_ROOT),
        };
        let flags = flags | OFlags::PATH | OFlags::CLOEXEC;
        rustix::fs::openat2(&self.0, beneath, flags, Mode::empty(), resolve)
    }

    /// Which file stands at a path; `None` where there is none.
    fn identity(&self, path: &[u8], follow: Follow) -> io::Result<Option<Identity>> {
        let file = match self.open(path, follow) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stat = rustix::fs::fstat(&file)?;
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        Ok(Some(Identity { device: stat.st_dev, inode: stat.st_ino, is_directory }))
    }

    fn resolve(&self, asked: &AskedPath) -> Result<Resolved, Reason> {
        let mut walk = Walk::new(asked);
        loop {
            match walk.step().map_err(Reason::Nowhere)? {
                Step::Done(resolved) => return Ok(resolved),
                Step::Look(path) => {
                    let entry =
                        self.look(&path).map_err(|error| Reason::Unseen(format!("{path}: {error}")))?;
                    walk.found(entry);
                }
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;
    use std::os::unix::fs::symlink;

    /// Eyes on a directory, as if it were a process's root.
    fn eyes(root: &std::path::Path) -> Eyes {
        Eyes(rustix::fs::openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap())
    }

    fn leads(eyes: &Eyes, asked: &str) -> Result<(String, bool), Reason> {
        let resolved = eyes.resolve(&AskedPath::parse(asked.as_bytes()).unwrap())?;
        Ok((resolved.path.to_string(), resolved.exists))
    }

    #[test]
    fn links_are_followed_inside_the_root_only() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("app/data")).unwrap();
        std::fs::write(root.path().join("app/data/file"), "x").unwrap();
        symlink("/app/data", root.path().join("app/abs")).unwrap();
        symlink("../../../../etc", root.path().join("app/out")).unwrap();
        let eyes = eyes(root.path());
        assert_eq!(leads(&eyes, "/app/abs/file"), Ok(("/app/data/file".into(), true)));
        // The machine that runs this test has an /etc/passwd; the caller has none.
        assert_eq!(leads(&eyes, "/app/out/passwd"), Ok(("/etc/passwd".into(), false)));
        assert_eq!(leads(&eyes, "/app/data/new/deep"), Ok(("/app/data/new/deep".into(), false)));
        assert!(matches!(leads(&eyes, "/app/data/file/x"), Err(Reason::Nowhere(_))));
    }

    #[test]
    fn the_own_process_can_be_seen() {
        let sight = Sight::of_process(std::process::id(), &Table::default(), Vec::new()).unwrap();
        let resolved = sight.resolve(&AskedPath::parse(b"/proc/../usr").unwrap()).unwrap();
        assert_eq!((resolved.path.as_bytes(), resolved.exists), (&b"/usr"[..], true));
    }
}
