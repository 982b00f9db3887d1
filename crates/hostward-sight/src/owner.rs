//! Doing something at files with their owner's rights. The only place of this crate with `unsafe`.
#![expect(
    unsafe_code,
    reason = "rustix has neither setfsuid nor setfsgid yet, nor an unshare that is safe on a thread of its own"
)]

use std::io;

use rustix::fs::Mode;

/// Does something at files as their owner would, on a thread that ends with it: the user that it looks at files as
/// (setfsuid(2), with which go root's rights over files) and the umask are a thread's own there, so nothing has to be set
/// back.
///
/// # Errors
/// Where this process may not be that user, or there is no thread to be had.
pub(crate) fn as_owner<T: Send>(
    uid: u32,
    gid: u32,
    umask: Mode,
    work: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    let become_owner_and_work = || {
        // SAFETY: they take a number each, have no memory of ours, and change this thread alone.
        unsafe {
            libc::setfsgid(gid);
            libc::setfsuid(uid);
        }
        // They do not tell of a failure. An id that there is none of changes nothing, and gives the one that is set.
        // SAFETY: as above.
        let set = unsafe { (libc::setfsuid(u32::MAX), libc::setfsgid(u32::MAX)) };
        if (set.0.cast_unsigned(), set.1.cast_unsigned()) != (uid, gid) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        // SAFETY: it takes flags. From here on umask, root and working directory are this thread's own.
        if unsafe { libc::unshare(libc::CLONE_FS) } == 0 {
            rustix::process::umask(umask);
        }
        Ok(work())
    };
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("owner".to_owned()).stack_size(256 << 10);
        let thread = builder.spawn_scoped(scope, become_owner_and_work)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread has ended")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_as_the_owner_and_nobody_stays_it() {
        let fs_ids = || {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            let fourth = |line: &str| line.split_ascii_whitespace().nth(4).unwrap().parse::<u32>().unwrap();
            let of = |name: &str| status.lines().find(|line| line.starts_with(name)).map(fourth).unwrap();
            (of("Uid:"), of("Gid:"))
        };
        let own = fs_ids();
        assert_eq!(as_owner(own.0, own.1, Mode::empty(), fs_ids).unwrap(), own);
        let other = as_owner(1234, 4321, Mode::from_raw_mode(0o777), fs_ids);
        if own.0 == 0 {
            assert_eq!(other.unwrap(), (1234, 4321));
        } else {
            assert!(other.is_err());
        }
        assert_eq!(fs_ids(), own);
        // The umask is what it was, too.
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), "").unwrap();
        assert_ne!(
            std::os::unix::fs::MetadataExt::mode(&dir.path().join("f").metadata().unwrap()) & 0o700,
            0
        );
    }
}
