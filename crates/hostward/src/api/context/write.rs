//! An entry in the plainest form of tar (ustar), and what is too long or too precise for that as pax records before it.

use super::entry::{ContextEntry, EntryKind, MOST_OCTAL};
use super::error::BuildContextError;
use std::io::{self, Read, Write};

const BLOCK: usize = 512;
/// So much is copied at a time.
const PIECE: usize = 128 << 10;
/// What twelve bytes can say in octal.
const MOST_LONG_OCTAL: u64 = 0o777_7777_7777;

/// Writes an entry's header.
///
/// Each name begins with `./`: an engine guesses by the first bytes whether an archive is compressed, and they would be the
/// caller's otherwise.
pub(super) fn entry(to: &mut impl Write, entry: &ContextEntry) -> Result<(), BuildContextError> {
    let slash: &[u8] = if entry.kind == EntryKind::Directory && !entry.name.is_root() { b"/" } else { b"" };
    let name = [b"./", entry.name.as_bytes(), slash].concat();
    let mut records = Vec::new();
    let mut header = Header::new(entry.kind.byte());
    header.text(0..100, b"path", &name, &mut records);
    header.text(157..257, b"linkpath", &entry.link, &mut records);
    header.text(265..297, b"uname", &entry.user, &mut records);
    header.text(297..329, b"gname", &entry.group, &mut records);
    header.number(108, b"uid", entry.uid, &mut records);
    header.number(116, b"gid", entry.gid, &mut records);
    header.octal(100, 8, entry.mode);
    header.octal(329, 8, entry.device.0);
    header.octal(337, 8, entry.device.1);
    let seconds = str::from_utf8(&entry.modified).ok().and_then(|text| text.parse::<u64>().ok());
    match seconds.filter(|seconds| *seconds <= MOST_LONG_OCTAL) {
        Some(seconds) => header.octal(136, 12, seconds),
        None => record(b"mtime", &entry.modified, &mut records),
    }
    if entry.size <= MOST_LONG_OCTAL {
        header.octal(124, 12, entry.size);
    } else {
        record(b"size", entry.size.to_string().as_bytes(), &mut records);
    }
    for (key, value) in &entry.attributes {
        record(key, value, &mut records);
    }
    if !records.is_empty() {
        let mut before = Header::new(b'x');
        before.0[..9].copy_from_slice(b"./pax.hdr");
        before.octal(100, 8, 0o644);
        before.octal(124, 12, records.len() as u64);
        records.resize(records.len().next_multiple_of(BLOCK), 0);
        before.write(to)?;
        to.write_all(&records).map_err(BuildContextError::Kept)?;
    }
    header.write(to)
}

/// Copies an entry's content, and keeps so much of it.
pub(super) fn content(
    to: &mut impl Write,
    from: &mut impl Read,
    size: u64,
    kept: u64,
) -> Result<Vec<u8>, BuildContextError> {
    let (mut text, mut copied) = (Vec::new(), 0_u64);
    let mut piece = vec![0; PIECE.min(usize::try_from(size).unwrap_or(PIECE))];
    while copied < size {
        let read = match from.read(&mut piece) {
            Ok(0) => return Err(BuildContextError::Unreadable("it is cut short".to_owned())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(BuildContextError::unreadable(&error)),
        };
        let left = usize::try_from(kept.saturating_sub(text.len() as u64)).unwrap_or(usize::MAX);
        text.extend_from_slice(&piece[..read.min(left)]);
        to.write_all(&piece[..read]).map_err(BuildContextError::Kept)?;
        copied += read as u64;
    }
    let end = usize::try_from(copied % BLOCK as u64).unwrap_or_default();
    if end > 0 {
        to.write_all(&[0; BLOCK][end..]).map_err(BuildContextError::Kept)?;
    }
    Ok(text)
}

/// The end of an archive.
pub(super) fn end(to: &mut impl Write) -> Result<(), BuildContextError> {
    to.write_all(&[0; 2 * BLOCK]).and_then(|()| to.flush()).map_err(BuildContextError::Kept)
}

/// A header that is being filled in.
struct Header([u8; BLOCK]);

impl Header {
    fn new(kind: u8) -> Self {
        let mut block = [0; BLOCK];
        block[156] = kind;
        block[257..265].copy_from_slice(b"ustar\x0000");
        let mut header = Self(block);
        for (at, length) in [(100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (329, 8), (337, 8)] {
            header.octal(at, length, 0);
        }
        header
    }

    /// A text, or a record where it does not fit.
    fn text(&mut self, at: std::ops::Range<usize>, key: &[u8], text: &[u8], records: &mut Vec<u8>) {
        if text.len() <= at.len() && text.is_ascii() {
            self.0[at.start..at.start + text.len()].copy_from_slice(text);
        } else {
            record(key, text, records);
        }
    }

    /// A number of eight bytes, or a record.
    fn number(&mut self, at: usize, key: &[u8], number: u64, records: &mut Vec<u8>) {
        if number <= MOST_OCTAL {
            self.octal(at, 8, number);
        } else {
            record(key, number.to_string().as_bytes(), records);
        }
    }

    fn octal(&mut self, at: usize, length: usize, number: u64) {
        let text = format!("{number:0width$o}\0", width = length - 1);
        self.0[at..at + length].copy_from_slice(text.as_bytes());
    }

    fn write(mut self, to: &mut impl Write) -> Result<(), BuildContextError> {
        self.0[148..156].copy_from_slice(b"        ");
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        to.write_all(&self.0).map_err(BuildContextError::Kept)
    }
}

/// One more record, whose length counts itself.
fn record(key: &[u8], value: &[u8], records: &mut Vec<u8>) {
    let without = key.len() + value.len() + 3;
    let mut length = without + without.to_string().len();
    if without + length.to_string().len() != length {
        length = without + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} ").as_bytes());
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}
