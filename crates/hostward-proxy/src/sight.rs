//! How one caller sees files: its view, and eyes to look into it.
//!
//! The view is what the engine lists, borne out by the kernel's mountinfo of the calling process. The eyes look
//! through `/proc/PID/root` (`proc_pid_root(5)`), beneath which every look-up stays (openat2(2),
//! `RESOLVE_IN_ROOT`), so that no link that a caller plants is followed on Hostward's own side.

use hostward::explicit::Map;
use hostward::mountinfo;
use hostward::path::{AskedPath, CallerPath};
use hostward::refusal::Reason;
use hostward::table::{Mount, Table, View};
use hostward::walk::{Entry, Resolved, Step, Walk};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::io;

/// A caller's view, and how to look into it.
#[derive(Debug)]
pub(crate) struct Sight {
    /// What its paths are made of.
    pub(crate) view: View,
    /// `None` where nothing but explicit maps is known: paths are taken by their text there.
    eyes: Option<Eyes>,
}

impl Sight {
    /// A caller of which only explicit maps are known.
    pub(crate) fn of_maps(maps: Vec<Map>) -> Self {
        Self { view: View::explicit(maps), eyes: None }
    }

    /// The process `pid`, which runs in a container that has the mounts of `table` by the engine's word.
    ///
    /// # Errors
    /// Where the process has ended, or Hostward may not look at it.
    pub(crate) fn of_process(pid: u32, table: &Table, maps: Vec<Map>) -> io::Result<Self> {
        let eyes = Eyes::of_process(pid)?;
        let lines = std::fs::read(format!("/proc/{pid}/mountinfo"))?;
        // The engine names a destination as it was asked for; the kernel lists where it led (/var/run → /run).
        let placed = table.iter().map(|mount| {
            let asked = AskedPath::parse(mount.destination.as_bytes()).map_err(io::Error::other)?;
            let destination =
                eyes.resolve(&asked).map_err(|reason| io::Error::other(reason.to_string()))?.path;
            Ok(Mount { destination, ..mount.clone() })
        });
        let table = Table::new(placed.collect::<io::Result<Vec<_>>>()?).confirmed(mountinfo::lines(&lines));
        Ok(Self { view: View::container(table, maps), eyes: Some(eyes) })
    }

    /// Where a path leads in the caller's view.
    pub(crate) fn resolve(&self, asked: &AskedPath) -> Result<Resolved, Reason> {
        match &self.eyes {
            Some(eyes) => eyes.resolve(asked),
            None => Ok(Resolved { path: asked.clean(), exists: true }),
        }
    }
}

/// A handle on the root directory of a process, which stays that process's though its pid be reused.
#[derive(Debug)]
struct Eyes(OwnedFd);

impl Eyes {
    fn of_process(pid: u32) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(format!("/proc/{pid}/root"), flags, Mode::empty())?))
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
        let beneath = path.as_bytes().strip_prefix(b"/").unwrap_or_default();
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS;
        let entry = match rustix::fs::openat2(&self.0, beneath, flags, Mode::empty(), resolve) {
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
