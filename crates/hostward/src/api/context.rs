//! The archive that an image is built from (`POST /build`): its Dockerfile, and the archive written anew.
//!
//! Threat model: who makes it knows that two readers of tar differ, in names that are said twice, in lengths, in what comes behind the
//! end. So nothing of it reaches the engine as it came. It is read once, and of what was read another archive is written, in the
//! plainest form: the engine can only read what was judged. Beside that, an engine unpacks what it reads, so that links could make
//! another file of the Dockerfile; where they could, it is refused.

mod before; // what is said of an entry before it
mod entry; // one of its files
mod error; // why it cannot be judged
mod name; // names as the engine cleans them
mod unpacked; // what an engine makes of its files
mod write; // one of its files, as it is written

pub use error::BuildContextError;
pub use name::DockerfileName;

use before::Before;
use entry::ContextEntry;
use std::io::{Read, Write};
use unpacked::Unpacked;

/// What the first bytes of an archive say how it is compressed. Engines go by them, whatever the request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// It is not.
    None,
    /// By gzip.
    Gzip,
}

impl Packing {
    /// By the first bytes: six of them, or all.
    ///
    /// # Errors
    /// A compression that is not read here.
    pub fn of(beginning: &[u8]) -> Result<Self, BuildContextError> {
        let others: [(&[u8], _); 3] =
            [(b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd")];
        if let Some((_, name)) = others.into_iter().find(|(magic, _)| beginning.starts_with(magic)) {
            return Err(BuildContextError::Compressed(name));
        }
        // What zstd passes over.
        if matches!(beginning, [0x50..=0x5f, b'\x2a', b'\x4d', b'\x18', ..]) {
            return Err(BuildContextError::Compressed("zstd"));
        }
        Ok(if beginning.starts_with(b"\x1f\x8b\x08") { Self::Gzip } else { Self::None })
    }
}

/// Writes an archive anew, and gives its Dockerfile; none where it has none. `from` is not compressed.
///
/// # Errors
/// What cannot be read, what engines might unpack differently, and where it cannot be written.
pub fn rewrite(
    from: impl Read,
    to: &mut impl Write,
    wanted: &DockerfileName,
    most_entries: u64,
) -> Result<Option<Vec<u8>>, BuildContextError> {
    let mut archive = tar::Archive::new(from);
    let (mut before, mut unpacked) = (Before::default(), Unpacked::new(wanted));
    let mut count = 0;
    // What is said of an entry before it comes here as an entry, so that nothing is read that is too long.
    for entry in archive.entries().map_err(|error| BuildContextError::unreadable(&error))?.raw(true) {
        let mut source = entry.map_err(|error| BuildContextError::unreadable(&error))?;
        count += 1;
        if count > most_entries {
            return Err(BuildContextError::Many(most_entries));
        }
        if before.takes(&mut source)? {
            continue;
        }
        let entry = ContextEntry::of(source.header(), source.size(), std::mem::take(&mut before))?;
        let kept = unpacked.note(&entry)?;
        write::entry(to, &entry)?;
        let text = write::content(to, &mut source, entry.size, kept)?;
        unpacked.keep(&entry, &text);
    }
    write::end(to)?;
    unpacked.dockerfile()
}

#[cfg(test)]
mod tests;
