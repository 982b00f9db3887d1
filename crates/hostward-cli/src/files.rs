//! The files that paths are followed through: this process's own, or another container's.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use hostward::cgroup;
use hostward::inspect::Container;
use hostward::mountinfo;
use hostward::path::{AskedPath, CallerPath};
use hostward::refusal::Reason;
use hostward::table::{Mount, Table};
use hostward::walk::{Entry, Resolved, Step, Walk};

/// Whose files they are.
#[derive(Debug)]
pub(crate) enum Files {
    /// This process's.
    Own,
    /// A container's, by the root directory of its first process.
    Root(PathBuf),
    /// A container's that cannot be looked at from here, and why.
    Unseen(String),
}

impl Files {
    /// The files of another container, seen through `/proc`.
    pub(crate) fn of(container: &Container) -> Self {
        let Some(pid) = container.pid else {
            return Self::Unseen(format!("the container {} does not run", container.name));
        };
        // The engine's pid means somebody else where this process has a pid namespace of its own.
        let cgroup = fs::read(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        if cgroup::container_id(&cgroup).as_ref() != Some(&container.id) {
            let name = &container.name;
            return Self::Unseen(format!("no process of the container {name} can be seen from here"));
        }
        Self::Root(PathBuf::from(format!("/proc/{pid}/root")))
    }

    /// Follows the links of a path as a process there would.
    pub(crate) fn resolve(&self, asked: &AskedPath) -> Result<Resolved, Reason> {
        let mut walk = Walk::new(asked);
        loop {
            match walk.step().map_err(Reason::Nowhere)? {
                Step::Done(resolved) => return Ok(resolved),
                Step::Look(path) => walk.found(self.entry(&path)?),
            }
        }
    }

    /// The table as the kernel bears it out: what is mounted over a mount of the engine's is not the engine's.
    pub(crate) fn confirm(&self, table: &Table) -> Result<Table, Reason> {
        let path = match self {
            Self::Own => PathBuf::from("/proc/self/mountinfo"),
            Self::Root(root) => root.with_file_name("mountinfo"),
            Self::Unseen(_) => return Ok(table.clone()),
        };
        let text = fs::read(&path).map_err(|error| Reason::Unseen(format!("{}: {error}", path.display())))?;
        // The engine lists /var/run/docker.sock where the kernel lists /run/docker.sock.
        let placed = table.iter().map(|mount| {
            let asked = AskedPath::parse(mount.destination.as_bytes());
            let resolved = asked.ok().and_then(|asked| self.resolve(&asked).ok());
            let destination = resolved.map_or_else(|| mount.destination.clone(), |resolved| resolved.path);
            Mount { destination, ..mount.clone() }
        });
        Ok(Table::new(placed).confirmed(mountinfo::lines(&text)))
    }

    /// What stands at a path whose parents hold no links any more.
    fn entry(&self, path: &CallerPath) -> Result<Entry, Reason> {
        let path = match self {
            Self::Own => PathBuf::from(OsStr::from_bytes(path.as_bytes())),
            Self::Root(root) => beneath(root, path),
            Self::Unseen(why) => return Err(Reason::Unseen(why.clone())),
        };
        lstat(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Entry::Missing),
            _ => Err(Reason::Unseen(format!("{}: {error}", path.display()))),
        })
    }
}

/// Not `Path::join`, which an absolute right side takes to the root of this process.
fn beneath(root: &Path, path: &CallerPath) -> PathBuf {
    let mut joined = root.as_os_str().to_owned();
    joined.push(OsStr::from_bytes(path.as_bytes()));
    joined.into()
}

fn lstat(path: &Path) -> io::Result<Entry> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_symlink() {
        return Ok(Entry::Link(fs::read_link(path)?.into_os_string().into_vec()));
    }
    Ok(if kind.is_dir() { Entry::Directory } else { Entry::Other })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_another_root_stay_inside_it() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("data")).unwrap();
        fs::write(dir.path().join("data/f"), "").unwrap();
        std::os::unix::fs::symlink("/data/../../data", dir.path().join("link")).unwrap();
        let files = Files::Root(dir.path().to_owned());
        let resolve = |path: &[u8]| files.resolve(&AskedPath::parse(path).unwrap()).unwrap();
        let found = resolve(b"/link/f");
        assert_eq!((found.path.to_string().as_str(), found.exists), ("/data/f", true));
        assert!(!resolve(b"/link/g").exists);
    }

    #[test]
    fn files_that_cannot_be_seen_resolve_nothing() {
        let files = Files::Unseen("why".to_owned());
        assert!(matches!(files.resolve(&AskedPath::parse(b"/a").unwrap()), Err(Reason::Unseen(_))));
    }
}
