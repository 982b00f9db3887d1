//! Making a directory that is missing, where the caller would see it made (T10).

use hostward::origin::Origin;
use hostward::path::CallerPath;
use hostward::plan;
use rustix::fd::OwnedFd;
use rustix::fs::{Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;

use super::eyes::{Eyes, Root};
use super::{Change, Sight};

/// What the engine gives the directories that it makes.
const MODE: Mode = Mode::from_raw_mode(0o755);

impl Sight {
    /// Makes a directory that a request wants made and that is missing, with those above it: each owned like the one it
    /// is in. Only beneath a mount of the caller, and where Hostward cannot make it, it is left to the engine.
    pub(crate) fn make_missing(&self, change: &Change) {
        let Change { asked, resolved, wish, .. } = change;
        let origin = plan::locate(asked, resolved, &self.view);
        let Some(Eyes::Root(root)) = &self.eyes else { return };
        if resolved.exists || !wish.creates || !matches!(origin, Origin::Bind { .. } | Origin::Volume { .. })
        {
            return;
        }
        if let Err(error) = root.make_directory(&resolved.path) {
            tracing::debug!(path = %resolved.path, %error, "a missing directory is left to the engine");
        }
    }
}

impl Root {
    fn make_directory(&self, path: &CallerPath) -> Result<(), Errno> {
        let (mut missing, mut above) = (Vec::new(), path.clone());
        let mut directory = loop {
            match self.open_directory(&above) {
                Ok(directory) => break directory,
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error),
            }
            let parent = above.parent().ok_or(Errno::NOENT)?;
            missing.extend(above.below(&parent));
            above = parent;
        };
        while let Some(name) = missing.pop() {
            directory = make(&directory, name.as_bytes())?;
        }
        Ok(())
    }

    fn open_directory(&self, path: &CallerPath) -> Result<OwnedFd, Errno> {
        self.open_for(path.as_bytes(), OFlags::PATH | OFlags::DIRECTORY, ResolveFlags::NO_SYMLINKS)
    }
}

/// Makes a directory in another, and opens it. What it is opened by follows no link: a caller may have put one in its
/// place meanwhile.
fn make(parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let is_ours = match rustix::fs::mkdirat(parent, name, MODE) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let made = rustix::fs::openat2(parent, name, flags, Mode::empty(), beneath)?;
    if is_ours {
        let owner = rustix::fs::fstat(parent)?;
        // Whatever the umask was. Without the right to give it away, it stays its maker's.
        rustix::fs::fchmod(&made, MODE)?;
        let (uid, gid) = (Uid::from_raw(owner.st_uid), Gid::from_raw(owner.st_gid));
        if let Err(error) = rustix::fs::fchown(&made, Some(uid), Some(gid)) {
            tracing::debug!(%error, "a new directory keeps its maker for an owner");
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

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
        Root::of_directory(root.path()).make_directory(&path("/app/new/deep")).unwrap();
        for made in ["app/new", "app/new/deep"] {
            let made = std::fs::metadata(root.path().join(made)).unwrap();
            assert_eq!((made.uid(), made.gid(), made.mode() & 0o7777), (there.uid(), there.gid(), 0o755));
        }
        Root::of_directory(root.path()).make_directory(&path("/app/new/deep")).unwrap();
    }

    #[test]
    fn no_link_leads_out_of_the_root() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(outside.path(), root.path().join("link")).unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        let eyes = Root::of_directory(root.path());
        assert!(eyes.make_directory(&path("/link/new")).is_err());
        assert!(eyes.make_directory(&path("/link")).is_err());
        assert!(eyes.make_directory(&path("/file/new")).is_err());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
