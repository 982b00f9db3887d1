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
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if let (Some(here), Some(Eyes::Process(caller))) = (here, &self.eyes) {
            looks.take()?;
            let seen = caller.identity(here.as_bytes(), Follow::Nothing);
            if seen.ok().flatten() != Some(Identity::from(stat)) {
                return Err(Reason::Exchanged);
            }
        }
        Ok(HeldSource { fd, is_directory })
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
