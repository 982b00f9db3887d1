//! A handle on what the engine is to be given: the file or directory that was judged, on the host, whatever is exchanged there
//! later.
//!
//! Threat model: all beneath the root is the caller's, which may exchange it at any moment. No link is followed there: those of
//! the path were followed before it was judged, so one that is there now has come since.

use hostward::containment::RootedSource;
use hostward::path::{CallerPath, EnginePath};
use hostward::plan;
use hostward::refusal::Reason;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::change::Change;
use crate::confirm::Pair;
use crate::eyes::{Eyes, Follow, Identity, unseen};
use crate::looks::Looks;
use crate::runner;
use crate::sight::Sight;

/// A file or directory of the host, by a handle that no exchange changes.
#[derive(Debug)]
pub struct HeldSource {
    /// The handle, for mounts only (`O_PATH`).
    pub fd: OwnedFd,
    /// Whether it is a directory.
    pub is_directory: bool,
}

impl Sight {
    /// A handle on what is at `reach` on the host, which must be what the caller has at `here`. Nothing is asked of the caller's
    /// side where `here` is none: an explicit map says what is there (T15).
    ///
    /// # Errors
    /// Where the host cannot be looked at, something else is there by now, or there are no more looks.
    pub fn hold(
        &self,
        reach: &RootedSource,
        here: Option<&CallerPath>,
        looks: &Looks,
    ) -> Result<HeldSource, Reason> {
        if !self.machine.is_seen() || self.runner.is_some() {
            return Err(Reason::Unseen("the engine has files of its own".to_owned()));
        }
        looks.take()?;
        let machine = runner::engine_side(self.runner).map_err(unseen)?;
        let root = machine.root.open_for(reach.root.as_bytes(), OFlags::PATH, ResolveFlags::empty());
        let root = root.map_err(|error| Reason::Unseen(format!("{}: {error}", reach.root)))?;
        let fd = if reach.rest.is_empty() {
            root
        } else {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match rustix::fs::openat2(&root, reach.rest.as_bytes(), flags, Mode::empty(), resolve) {
                Ok(fd) => fd,
                Err(Errno::LOOP | Errno::XDEV | Errno::NOENT | Errno::NOTDIR | Errno::AGAIN) => {
                    return Err(Reason::Exchanged);
                }
                Err(error) => return Err(Reason::Unseen(error.to_string())),
            }
        };
        let stat = rustix::fs::fstat(&fd).map_err(unseen)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        // A handle can be for a link itself, and whoever goes through a mount of that is led on by it.
        if kind == FileType::Symlink {
            return Err(Reason::Exchanged);
        }
        if let (Some(here), Some(Eyes::Process(caller))) = (here, &self.eyes) {
            looks.take()?;
            let seen = caller.identity(here.as_bytes(), Follow::Nothing);
            if seen.ok().flatten() != Some(Identity::from(stat)) {
                return Err(Reason::Exchanged);
            }
        }
        Ok(HeldSource { fd, is_directory: kind == FileType::Directory })
    }

    /// Where the caller itself has what is given for a change, and for each mount that comes along with it: in their order, and
    /// none where that is not asked of it.
    pub fn held_against(&self, change: &Change) -> Vec<Option<CallerPath>> {
        let Change { asked, resolved, given, .. } = change;
        let origin = plan::meaning(asked, resolved, &self.view);
        let itself = Pair::of(&origin, &resolved.path, &given.source).map(Pair::into_here);
        let beneath = given.beneath.iter().map(|mount| {
            Pair::of(&self.view.locate(&mount.at), &mount.at, &mount.source).map(Pair::into_here)
        });
        std::iter::once(itself).chain(beneath).collect()
    }

    /// Whether the host has something mounted beneath a path, where that can be seen.
    pub fn host_mounts_beneath(&self, path: &EnginePath) -> bool {
        let side = self.machine.is_seen().then(|| runner::engine_side(self.runner)).and_then(Result::ok);
        let path = CallerPath::parse(path.as_bytes());
        side.zip(path.ok()).is_some_and(|(side, path)| side.mounted.beneath(&path).next().is_some())
    }

    /// Whether this process sees the host's files as the engine does, by the paths that the engine has.
    pub fn is_beside_the_engine(&self) -> bool {
        self.machine.is_seen() && self.runner.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;
    use crate::sight::Sight;
    use hostward::table::Table;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_is_no_link_and_no_link_leads_to_is_held() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("d/sub")).unwrap();
        std::fs::write(folder.path().join("f"), "").unwrap();
        symlink("d", folder.path().join("inside")).unwrap();
        symlink("/etc", folder.path().join("outside")).unwrap();
        let own = std::process::id();
        let sight = Sight::of_process(own, &Table::default(), Vec::new(), Machine::Same).unwrap();
        let root = folder.path().as_os_str().as_encoded_bytes();
        let held = |rest: &str, here: Option<&str>| {
            let rest = hostward::path::Rest::parse(rest.as_bytes()).unwrap();
            let root = EnginePath::parse(root).unwrap();
            let at = CallerPath::parse(root.as_bytes()).unwrap();
            let here = here.map(|here| at.join(&hostward::path::Rest::parse(here.as_bytes()).unwrap()));
            let source = RootedSource { root, at, rest, is_covered: false, is_narrowed: false };
            sight.hold(&source, here.as_ref(), &Looks::default()).map(|held| held.is_directory)
        };
        assert_eq!(held("d/sub", Some("d/sub")), Ok(true));
        assert_eq!(held("f", None), Ok(false));
        for exchanged in ["inside", "outside", "inside/sub", "outside/passwd", "gone"] {
            assert_eq!(held(exchanged, None), Err(Reason::Exchanged), "{exchanged}");
            assert_eq!(held(exchanged, Some(exchanged)), Err(Reason::Exchanged), "{exchanged}");
        }
        assert_eq!(held("d", Some("f")), Err(Reason::Exchanged), "the caller has another file there");
    }
}
