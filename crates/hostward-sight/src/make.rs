//! Making a directory that is missing, where the caller would see it made (T10).
//!
//! Threat model: the directory that it is made in is the caller's, whose processes rename whatever they may while this goes
//! on. So all is done with the rights of the user that it is made for, who could have done it too, and nothing is given
//! away or changed afterwards: what is found by a name may be another directory by then.

use std::io;

use hostward::origin::Origin;
use hostward::path::{AskedPath, CallerPath, Rest};
use hostward::plan::{self, Wish};
use hostward::refusal::{Reason, Refusal};
use hostward::walk::Resolved;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::change::Change;
use crate::eyes::{Eyes, ProcessRoot};
use crate::looks::Looks;
use crate::owner::as_owner;
use crate::sight::Sight;

/// What the engine gives the directories that it makes.
const MODE: Mode = Mode::from_raw_mode(0o755);
/// What that leaves off.
const UMASK: Mode = Mode::from_raw_mode(0o022);

impl Sight {
    /// Makes a directory that a request wants made and that is missing, with those above it: all owned like the one that
    /// the first of them is in. Beneath a mount of the caller, what Hostward cannot make is left to the engine, where that
    /// `may_make` it: it would make what it finds at the path, which the caller may lead elsewhere.
    ///
    /// # Errors
    /// Where there are no more looks, or nobody waits; where a directory cannot be made that is not left to the engine, as one
    /// in the root filesystem never is.
    pub fn make_missing(&self, change: &Change, may_make: bool, looks: &Looks) -> Result<(), Refusal> {
        let Change { asked, resolved, wish, .. } = change;
        let origin = plan::meaning(asked, resolved, &self.view);
        let refuse = |reason| Refusal { asked: asked.clone(), reason };
        if resolved.exists || !wish.creates {
            return Ok(());
        }
        let is_made = matches!(origin, Origin::Bind { .. } | Origin::Volume { .. } | Origin::RootFs { .. });
        let root = match &self.eyes {
            Some(Eyes::Process(root)) if is_made => root,
            _ if may_make => return Ok(()),
            _ => return Err(refuse(Reason::NotMade("it cannot look at the files there".to_owned()))),
        };
        looks.take().map_err(refuse)?;
        match root.make_directory(&resolved.path) {
            Err(error) if !may_make || self.makes_by_itself(asked, resolved, wish) => {
                Err(refuse(Reason::NotMade(error.to_string())))
            }
            Err(error) => {
                tracing::debug!(path = %resolved.path, %error, "a missing directory is left to the engine");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Whether Hostward alone makes what is missing there, and no engine: one in the caller's root filesystem, which is gone
    /// with the caller. When the created container starts again then, an engine would make another, empty one.
    pub(crate) fn makes_by_itself(&self, asked: &AskedPath, resolved: &Resolved, wish: &Wish) -> bool {
        let origin = || plan::meaning(asked, resolved, &self.view);
        let is_by_process = matches!(self.eyes, Some(Eyes::Process(_)));
        is_by_process && wish.creates && !resolved.exists && matches!(origin(), Origin::RootFs { .. })
    }
}

impl ProcessRoot {
    fn make_directory(&self, path: &CallerPath) -> io::Result<()> {
        let (mut missing, mut above) = (Vec::new(), path.clone());
        let directory = loop {
            match self.open_directory(&above) {
                Ok(directory) => break directory,
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
            let parent = above.parent().ok_or(Errno::NOENT)?;
            missing.extend(above.below(&parent));
            above = parent;
        };
        if missing.is_empty() {
            return Ok(());
        }
        missing.reverse();
        let owner = rustix::fs::fstat(&directory)?;
        let (uid, gid) = (owner.st_uid, owner.st_gid);
        as_owner(uid, gid, UMASK, || make(directory, &missing, uid))??;
        Ok(())
    }

    fn open_directory(&self, path: &CallerPath) -> Result<OwnedFd, Errno> {
        self.open_for(path.as_bytes(), OFlags::PATH | OFlags::DIRECTORY, ResolveFlags::NO_SYMLINKS)
    }
}

/// Makes directories, each in the one before, with the rights of `owner`. A caller may have put another in the place of one
/// of them meanwhile: then nothing goes on there that the owner may not do, and where that is root, who may do all, nothing
/// in another user's.
fn make(mut directory: OwnedFd, names: &[Rest], owner: u32) -> Result<(), Errno> {
    for name in names {
        match rustix::fs::mkdirat(&directory, name.as_bytes(), MODE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        directory = rustix::fs::openat2(&directory, name.as_bytes(), flags, Mode::empty(), beneath)?;
        if rustix::fs::fstat(&directory)?.st_uid != owner {
            return Err(Errno::PERM);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, RenameFlags};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::sync::atomic::{AtomicU32, Ordering};

    fn path(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_missing_is_made_and_owned_like_what_it_is_in() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("app")).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(root.path().join("app"), Some(1234), Some(4321)).unwrap();
        }
        let there = std::fs::metadata(root.path().join("app")).unwrap();
        ProcessRoot::of_directory(root.path()).make_directory(&path("/app/new/deep")).unwrap();
        for made in ["app/new", "app/new/deep"] {
            let made = std::fs::metadata(root.path().join(made)).unwrap();
            assert_eq!((made.uid(), made.gid(), made.mode() & 0o7777), (there.uid(), there.gid(), 0o755));
        }
        ProcessRoot::of_directory(root.path()).make_directory(&path("/app/new/deep")).unwrap();
        // The thread that did so, and those that go on, are who they were.
        let own = root.path().join("own");
        std::fs::create_dir(&own).unwrap();
        assert_eq!(std::fs::metadata(own).unwrap().uid(), rustix::process::geteuid().as_raw());
    }

    #[test]
    fn what_is_put_in_the_place_of_a_new_directory_stays_its_owners() {
        const OTHER: u32 = 1234;
        const TRIES: u32 = 1_000;
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let app = root.path().join("app");
        let roots = app.join("roots");
        std::fs::create_dir_all(&roots).unwrap();
        std::fs::set_permissions(&roots, PermissionsExt::from_mode(0o700)).unwrap();
        std::os::unix::fs::chown(&app, Some(OTHER), Some(OTHER)).unwrap();
        let is_roots = std::fs::File::open(&roots).unwrap();
        let eyes = ProcessRoot::of_directory(root.path());
        let (tried, swapped) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            // As the owner of `app` may: root's directory takes the place of the one that was just made, and goes back.
            scope.spawn(|| {
                let mut number = 0;
                while number < TRIES {
                    number = tried.load(Ordering::Relaxed);
                    let new = app.join(number.to_string());
                    let swap = || rustix::fs::renameat_with(CWD, &new, CWD, &roots, RenameFlags::EXCHANGE);
                    if swap().is_ok() {
                        swapped.fetch_add(1, Ordering::Relaxed);
                        std::thread::yield_now();
                        swap().unwrap();
                    }
                }
            });
            for number in 0..TRIES {
                tried.store(number, Ordering::Relaxed);
                let _ = eyes.make_directory(&path(&format!("/app/{number}/deep")));
            }
            tried.store(TRIES, Ordering::Relaxed);
        });
        assert!(swapped.into_inner() > 0, "nothing was swapped");
        let stat = is_roots.metadata().unwrap();
        assert_eq!((stat.uid(), stat.gid(), stat.mode() & 0o7777), (0, 0, 0o700));
        assert_eq!(std::fs::read_dir(&roots).unwrap().count(), 0);
    }

    #[test]
    fn no_link_leads_out_of_the_root() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(outside.path(), root.path().join("link")).unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        let eyes = ProcessRoot::of_directory(root.path());
        assert!(eyes.make_directory(&path("/link/new")).is_err());
        assert!(eyes.make_directory(&path("/link")).is_err());
        assert!(eyes.make_directory(&path("/file/new")).is_err());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
