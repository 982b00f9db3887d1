//! The key that Hostward signs with, in a file that only its user can read.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use hostward::seal::Key;
use rustix::fs::{Mode, OFlags};
use rustix::rand::{GetRandomFlags, getrandom};

/// The file's name.
const FILE: &str = "key";

/// The key of this Hostward: the one of its state directory, or a new one, which is kept there.
///
/// Without it what callers asked for earlier is not believed, and is told as far as their mounts tell it.
pub(crate) fn load(state: Option<&Path>) -> Key {
    let Some(directory) = state else { return new() };
    of(directory).unwrap_or_else(|error| {
        tracing::warn!(
            directory = %directory.display(), %error,
            "cannot keep a key there: after the next start, answers show some paths differently from the request"
        );
        new()
    })
}

fn of(directory: &Path) -> io::Result<Key> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let path = directory.join(FILE);
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    let bytes = random()?;
    // Whole or not at all, and the first of two that start at a time wins.
    let draft = directory.join(format!(".{FILE}.{}", std::process::id()));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut file = std::fs::File::from(rustix::fs::open(&draft, flags, Mode::from_raw_mode(0o600))?);
    let written = io::Write::write_all(&mut file, &bytes).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&draft, &path));
    std::fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(Key::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(&path)?.ok_or(error),
        Err(error) => Err(error),
    }
}

/// A text that nobody has had before.
pub(crate) fn unique() -> String {
    use std::hash::{BuildHasher, RandomState};
    // What it must be is different: where the kernel gives nothing, this is.
    let of_process = || RandomState::new().hash_one(std::time::SystemTime::now()).to_le_bytes().to_vec();
    let bytes = random().map_or_else(|_| of_process(), |bytes| bytes[..16].to_vec());
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The key in a file, if there is such a file.
fn read(path: &Path) -> io::Result<Option<Key>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes =
        bytes.try_into().map_err(|_| io::Error::other(format!("{} contains no key", path.display())))?;
    Ok(Some(Key::new(bytes)))
}

fn new() -> Key {
    // The kernel has had its entropy since the machine came up.
    Key::new(random().unwrap_or_else(|error| panic!("cannot get random bytes from the kernel: {error}")))
}

fn random() -> io::Result<[u8; Key::LEN]> {
    let mut bytes = [0; Key::LEN];
    let mut filled = 0;
    while filled < bytes.len() {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_kept_for_its_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("deep/state");
        let first = load(Some(&state));
        assert_eq!(load(Some(&state)), first);
        assert_ne!(load(None), first);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(&state), mode(&state.join(FILE))], [0o700, 0o600]);
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_key_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "short").unwrap();
        assert!(of(dir.path()).is_err());
        assert_ne!(load(Some(dir.path())), load(Some(dir.path())));
        assert_eq!(std::fs::read(dir.path().join(FILE)).unwrap(), b"short");
    }
}
