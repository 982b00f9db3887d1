//! Files that never answer, as those of a server that has gone: a FUSE file system (`fuse(4)`) that tells of its root directory,
//! and of nothing in it.

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// A directory in which every look hangs. Dropping it lets all of them go on, with an error.
#[derive(Debug)]
pub struct Hung {
    at: PathBuf,
    serving: Option<JoinHandle<()>>,
}

impl Hung {
    /// Mounts it on a directory of the host.
    ///
    /// # Panics
    /// Where this cannot be mounted.
    pub fn at(at: &Path) -> Self {
        let kernel = File::options().read(true).write(true).open("/dev/fuse").expect("the kernel has FUSE");
        let options = format!("fd={},rootmode=40755,user_id=0,group_id=0,allow_other", kernel.as_raw_fd());
        let options = CString::new(options).expect("there is no NUL in it");
        let mounted = mount("hung", at, "fuse", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str());
        mounted.expect("root can mount");
        // If this process is killed the kernel lets go of all who wait, since nobody has the descriptor any more.
        let serving = std::thread::spawn(move || serve(kernel));
        Self { at: at.to_owned(), serving: Some(serving) }
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        // Containers have it mounted too: by force, it ends for them as well.
        let how = UnmountFlags::FORCE | UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
        if let Err(error) = unmount(&self.at, how) {
            eprintln!("{} stays mounted: {error}", self.at.display());
        } else if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

// Of `linux/fuse.h`.
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const INIT: u32 = 26;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;
/// Errors are negative.
const ENOSYS: i32 = -38;
/// The oldest minor version whose answer to INIT has its present length.
const MINOR: u32 = 23;

/// Answers what a mount needs, until it is unmounted.
fn serve(mut kernel: File) {
    // The kernel wants room for the longest request that there may be.
    let mut request = vec![0; 128 << 10];
    while let Ok(length) = kernel.read(&mut request) {
        let Some(header) = request[..length].first_chunk::<40>() else { continue };
        let (operation, id, inode) = (word(header, 4), long(header, 8), long(header, 16));
        let (error, answer) = match operation {
            LOOKUP | FORGET | INTERRUPT | BATCH_FORGET => continue,
            INIT => (0, init()),
            GETATTR if inode == 1 => (0, root()),
            _ => (ENOSYS, Vec::new()),
        };
        let all = u32::try_from(16 + answer.len()).expect("it is short");
        let mut bytes = [&all.to_ne_bytes()[..], &error.to_ne_bytes(), &id.to_ne_bytes()].concat();
        bytes.extend(answer);
        // Who asked may have been interrupted.
        let _ = kernel.write(&bytes);
    }
}

/// `fuse_init_out`: the version, and what else there is left at nothing but the longest write.
fn init() -> Vec<u8> {
    let mut words = [0; 16];
    (words[0], words[1], words[5]) = (7, MINOR, 4096);
    words.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect()
}

/// `fuse_attr_out` of the root directory, which is to be believed for long.
fn root() -> Vec<u8> {
    let (valid, inode) = (1_u64 << 30, 1_u64);
    let mut bytes = valid.to_ne_bytes().to_vec();
    bytes.extend([0; 8]);
    bytes.extend(inode.to_ne_bytes());
    // Size, blocks and three times, with their nanoseconds.
    bytes.extend([0; 5 * 8 + 3 * 4]);
    for word in [0o040_755_u32, 2, 0, 0, 0, 4096, 0] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
