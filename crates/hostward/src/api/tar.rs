//! One file in a tar archive, read and replaced (POSIX ustar and pax, `tar(5)`): a plugin's `config.json`.

use super::json::BodyError;
use std::ops::Range;

const BLOCK: usize = 512;
const SIZE: Range<usize> = 124..136;
const CHECKSUM: Range<usize> = 148..156;
const KIND: usize = 156;

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    header: usize,
    /// Where its content stands.
    pub(super) content: Range<usize>,
}

/// Finds the one file of this name at the archive's top; `None` where it has none.
///
/// # Errors
/// What is no archive that can be read: compressed, cut short, with the name twice or in a form that hides it.
pub(super) fn find(archive: &[u8], name: &str) -> Result<Option<Entry>, BodyError> {
    if archive.starts_with(b"\x1f\x8b") || archive.starts_with(b"BZh") || archive.starts_with(b"\xfd7zXZ") {
        return Err(BodyError::Archive(
            "is compressed, so the paths in it cannot be read: send it uncompressed",
        ));
    }
    let mut found = None;
    let mut at = 0;
    while let Some(header) = archive.get(at..at + BLOCK).filter(|header| header.iter().any(|&b| b != 0)) {
        let size =
            octal(&header[SIZE]).ok_or(BodyError::Archive("has a file of a size that cannot be read"))?;
        let content = at + BLOCK..at + BLOCK + size;
        let Some(bytes) = archive.get(content.clone()) else {
            return Err(BodyError::Archive("is cut short"));
        };
        match header[KIND] {
            // A longer name for the next entry; of this one it would be in disguise.
            b'x' | b'L' if contains(bytes, name.as_bytes()) => {
                return Err(BodyError::Archive("names its config.json in a way that is not read here"));
            }
            b'0' | 0 | b'7' if names(header, name) => {
                let entry = Entry { header: at, content: content.clone() };
                if found.replace(entry).is_some() {
                    return Err(BodyError::Archive("has two files config.json"));
                }
            }
            _ => {}
        }
        at = content.start + size.next_multiple_of(BLOCK);
    }
    Ok(found)
}

/// The archive with another content of a file.
pub(super) fn replace(archive: &[u8], entry: &Entry, content: &[u8]) -> Vec<u8> {
    let Entry { header: at, content: old } = entry;
    let mut header = archive[*at..*at + BLOCK].to_vec();
    header[SIZE].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[CHECKSUM].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let rest = (old.start + old.len().next_multiple_of(BLOCK)).min(archive.len());
    let padding = vec![0; content.len().next_multiple_of(BLOCK) - content.len()];
    [&archive[..*at], &header, content, &padding, &archive[rest..]].concat()
}

fn octal(field: &[u8]) -> Option<usize> {
    let text = str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { usize::from_str_radix(text, 8).ok() }
}

fn names(header: &[u8], name: &str) -> bool {
    let end = header[..100].iter().position(|&b| b == 0).unwrap_or(100);
    let stands = &header[..end];
    let stripped = stands.strip_prefix(b"./").or_else(|| stands.strip_prefix(b"/")).unwrap_or(stands);
    stripped == name.as_bytes()
}

fn contains(bytes: &[u8], name: &[u8]) -> bool {
    bytes.windows(name.len()).any(|window| window == name)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An archive of these files.
    pub(in super::super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, content) in files {
            let mut header = vec![0; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[KIND] = b'0';
            let at = archive.len();
            archive.extend_from_slice(&header);
            archive.extend_from_slice(&vec![0; BLOCK]);
            archive = replace(&archive, &Entry { header: at, content: at + BLOCK..at + 2 * BLOCK }, content);
        }
        archive.extend_from_slice(&[0; 2 * BLOCK]);
        archive
    }

    #[test]
    fn a_file_is_found_and_replaced_by_one_of_another_length() {
        let before = archive(&[("a", b"1"), ("./config.json", b"{}"), ("rootfs/x", &[7; 600])]);
        let entry = find(&before, "config.json").unwrap().unwrap();
        assert_eq!(&before[entry.content.clone()], b"{}");
        for content in [&b""[..], b"[]", &[b'x'; 512], &[b'y'; 1500]] {
            let after = replace(&before, &entry, content);
            assert_eq!(after, archive(&[("a", b"1"), ("./config.json", content), ("rootfs/x", &[7; 600])]));
            assert_eq!(after.len() % BLOCK, 0);
        }
        assert_eq!(find(&archive(&[("rootfs/config.json", b"{}")]), "config.json").unwrap(), None);
    }

    #[test]
    fn the_checksum_is_what_tar_computes() {
        let archive = archive(&[("config.json", b"{}")]);
        let unsigned: u32 =
            archive[..148].iter().chain(&[b' '; 8]).chain(&archive[156..512]).map(|&b| u32::from(b)).sum();
        assert_eq!(octal(&archive[CHECKSUM]).unwrap(), usize::try_from(unsigned).unwrap());
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let good = archive(&[("config.json", &[b' '; 600])]);
        assert!(find(&good[..700], "config.json").is_err());
        assert!(find(b"\x1f\x8b\x08", "config.json").is_err());
        assert!(find(&archive(&[("config.json", b"1"), ("./config.json", b"2")]), "config.json").is_err());
        let mut renamed = archive(&[("pax", b"23 path=config.json\n"), ("x", b"{}")]);
        renamed[KIND] = b'x';
        assert!(find(&renamed, "config.json").is_err());
        assert_eq!(find(b"", "config.json").unwrap(), None);
    }
}
