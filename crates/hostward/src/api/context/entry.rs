//! One entry of an archive.

use super::before::Before;
use super::error::BuildContextError;
use super::name::{CleanName, shown};
use std::borrow::Cow;

/// What eight bytes of a header can say in octal.
pub(super) const MOST_OCTAL: u64 = 0o777_7777;

/// An entry: all that the engine makes something of.
#[derive(Debug)]
pub(super) struct ContextEntry {
    pub(super) name: CleanName,
    pub(super) kind: EntryKind,
    /// Where a link leads, as it is written.
    pub(super) link: Vec<u8>,
    pub(super) mode: u64,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) user: Vec<u8>,
    pub(super) group: Vec<u8>,
    /// In seconds, as pax writes it.
    pub(super) modified: Vec<u8>,
    /// The numbers of a device.
    pub(super) device: (u64, u64),
    pub(super) size: u64,
    /// Extended attributes, with pax's names.
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Pipe,
}

impl EntryKind {
    /// By the byte that stands for it.
    fn of(byte: u8, name: &[u8]) -> Option<Self> {
        Some(match byte {
            // Of the oldest archives: a directory's name ends with a slash.
            0 if name.ends_with(b"/") => Self::Directory,
            0 | b'0' => Self::File,
            b'1' => Self::HardLink,
            b'2' => Self::SymbolicLink,
            b'3' => Self::CharacterDevice,
            b'4' => Self::BlockDevice,
            b'5' => Self::Directory,
            b'6' => Self::Pipe,
            _ => return None,
        })
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::File => b'0',
            Self::HardLink => b'1',
            Self::SymbolicLink => b'2',
            Self::CharacterDevice => b'3',
            Self::BlockDevice => b'4',
            Self::Directory => b'5',
            Self::Pipe => b'6',
        }
    }

    pub(super) fn is_link(self) -> bool {
        matches!(self, Self::HardLink | Self::SymbolicLink)
    }
}

impl ContextEntry {
    /// By its header, the length that its reader goes by, and what was said before it.
    pub(super) fn of(header: &tar::Header, size: u64, mut before: Before) -> Result<Self, BuildContextError> {
        let name = before.take_path().unwrap_or_else(|| header.path_bytes().into_owned());
        let form = |what| BuildContextError::Form { what, name: shown(&name) };
        let kind = EntryKind::of(header.entry_type().as_byte(), &name).ok_or_else(|| {
            form("an entry of a kind that is none of a file, link, directory, device or pipe")
        })?;
        if size != 0 && kind != EntryKind::File {
            return Err(form("a length of what has no content"));
        }
        if before.size.is_some_and(|said| said != size) {
            return Err(form("two lengths of one file"));
        }
        let link = before.take_link();
        let link = link.or_else(|| header.link_name_bytes().map(Cow::into_owned)).unwrap_or_default();
        let bytes = header.as_bytes();
        let field = |at: usize, length: usize| number(&bytes[at..at + length]);
        let wrong = || form("a number that cannot be read");
        let whole = |at, length| field(at, length).and_then(|n| u64::try_from(n).ok()).ok_or_else(wrong);
        let short = |at| whole(at, 8).and_then(|n| if n <= MOST_OCTAL { Ok(n) } else { Err(wrong()) });
        let (has_users, is_device) = (
            bytes[257..].starts_with(b"ustar"),
            matches!(kind, EntryKind::CharacterDevice | EntryKind::BlockDevice),
        );
        let text = |at: usize| {
            let field = &bytes[at..at + 32];
            if has_users { field.split(|&b| b == 0).next().unwrap_or_default().to_vec() } else { Vec::new() }
        };
        let modified = match before.modified {
            Some(modified) => modified,
            None => field(136, 12).ok_or_else(wrong)?.to_string().into_bytes(),
        };
        Ok(Self {
            name: CleanName::of(&name)?,
            kind,
            link,
            mode: short(100)?,
            uid: before.uid.map_or_else(|| whole(108, 8), Ok)?,
            gid: before.gid.map_or_else(|| whole(116, 8), Ok)?,
            user: before.user.unwrap_or_else(|| text(265)),
            group: before.group.unwrap_or_else(|| text(297)),
            modified,
            device: if is_device { (short(329)?, short(337)?) } else { (0, 0) },
            size,
            attributes: before.attributes,
        })
    }
}

/// A number in a header: octal digits between blanks, or, with its first bit set, in binary.
fn number(field: &[u8]) -> Option<i64> {
    if let Some(first) = field.first().filter(|first| **first & 0x80 != 0) {
        // Two's complement, of which the first bit is the mark and the second the sign.
        let start = if first & 0x40 != 0 { -1 } else { 0 };
        let first = i128::from(first & 0x3f) | (start << 6);
        let shifted = |n: i128, byte: &u8| n.checked_mul(256).map(|n| n | i128::from(*byte));
        let number = field[1..].iter().try_fold(first, shifted)?;
        return i64::try_from(number).ok();
    }
    let text = str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    // What is behind a zero is nothing.
    let text = text.split('\0').next().unwrap_or_default().trim_end_matches(' ');
    if text.is_empty() { Some(0) } else { i64::from_str_radix(text, 8).ok().filter(|n| *n >= 0) }
}
