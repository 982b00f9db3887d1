//! The archive that a plugin is created from (`POST /plugins/create`, a tar file): its `config.json`, and another in its place.
//!
//! Threat model: the engine reads the archive with Go's archive/tar, cleans each name (`path.Clean`), and takes the last
//! `config.json` that it finds. Whatever the two readers could take for different files or different lengths is refused: a
//! second such file, one of another kind than a plain file, lengths that are said twice or of what has no content.

use super::json::BodyError;
use std::io::{self, Read, Seek};
use std::ops::Range;

const BLOCK: usize = 512;

/// The file's name.
const CONFIG: &[u8] = b"config.json";

/// Plugins' descriptions are a few kilobytes.
const MOST: u64 = 1 << 20;

/// A plugin's `config.json` in its archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    header: Box<[u8; BLOCK]>,
    /// Where its header begins in the archive.
    at: u64,
    json: Vec<u8>,
}

impl Config {
    /// Finds the one such file; `None` where the archive has none.
    ///
    /// # Errors
    /// What is no archive that can be read: compressed, cut short, with the file twice or in a form that hides it.
    pub fn find(mut archive: impl Read + Seek) -> Result<Option<Self>, BodyError> {
        let mut beginning = [0; 6];
        let length = fill(&mut archive, &mut beginning).map_err(|error| unreadable(&error))?;
        if [&b"\x1f\x8b"[..], b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"]
            .iter()
            .any(|magic| beginning[..length].starts_with(magic))
        {
            return Err(wrong("is compressed, so the paths in it cannot be read: send it uncompressed"));
        }
        archive.rewind().map_err(|error| unreadable(&error))?;
        let end = archive.seek(io::SeekFrom::End(0)).map_err(|error| unreadable(&error))?;
        archive.rewind().map_err(|error| unreadable(&error))?;
        let mut found = None;
        let mut reader = tar::Archive::new(archive);
        for entry in reader.entries_with_seek().map_err(|error| unreadable(&error))? {
            let mut entry = entry.map_err(|error| unreadable(&error))?;
            check_length(&mut entry, end)?;
            if !is_config(&entry)? {
                continue;
            }
            if !entry.header().entry_type().is_file() {
                return Err(wrong("has a config.json that is not a plain file"));
            }
            if entry.size() > MOST {
                return Err(wrong("has a config.json of more than 1 MiB"));
            }
            let mut json = Vec::new();
            entry.read_to_end(&mut json).map_err(|error| unreadable(&error))?;
            let config =
                Self { header: Box::new(*entry.header().as_bytes()), at: entry.raw_header_position(), json };
            if found.replace(config).is_some() {
                return Err(wrong("has two files named config.json"));
            }
        }
        Ok(found)
    }

    /// The file's content.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Where it stands in the archive: its header and its content, filled up to whole blocks.
    pub fn span(&self) -> Range<u64> {
        let length = BLOCK + self.json.len().next_multiple_of(BLOCK);
        self.at..self.at + length as u64
    }

    /// The bytes that replace those, for another content of the file.
    pub fn replaced_by(&self, json: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_old();
        *header.as_mut_bytes() = *self.header;
        header.set_size(json.len() as u64);
        header.set_cksum();
        let mut replaced = [&header.as_bytes()[..], json].concat();
        replaced.resize(BLOCK + json.len().next_multiple_of(BLOCK), 0);
        replaced
    }
}

/// Lengths in which Go and this reader may differ.
fn check_length<R: Read>(entry: &mut tar::Entry<'_, R>, end: u64) -> Result<(), BodyError> {
    let kind = entry.header().entry_type();
    let said = entry.header().entry_size().map_err(|error| unreadable(&error))?;
    let has_content =
        kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() || kind.is_pax_global_extensions();
    if !has_content && said != 0 {
        return Err(wrong("has an entry that is not a file but has a length"));
    }
    if entry.raw_file_position().checked_add(entry.size()).is_none_or(|last| last > end) {
        return Err(wrong("is cut short"));
    }
    let Some(extensions) = entry.pax_extensions().map_err(|error| unreadable(&error))? else { return Ok(()) };
    for extension in extensions {
        let extension = extension.map_err(|error| unreadable(&error))?;
        if extension.key_bytes() == b"size" || extension.key_bytes().starts_with(b"GNU.sparse.") {
            return Err(wrong("gives the length of a file in a pax record, which hostward does not support"));
        }
    }
    Ok(())
}

/// Whether an entry is the file, by its name as the engine cleans it.
fn is_config<R: Read>(entry: &tar::Entry<'_, R>) -> Result<bool, BodyError> {
    let header = entry.header().as_bytes();
    let until_nul = |field: &[u8]| field.split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
    let (name, prefix) = (until_nul(&header[..100]), until_nul(&header[345..500]));
    let with_prefix = [&prefix[..], b"/", &name].concat();
    // By a longer name in an entry before it, or by its own; of old forms of archives it depends whether there is a prefix.
    let means = |name: &[u8]| clean(name) == CONFIG;
    let is_it = means(&entry.path_bytes());
    let own = !prefix.is_empty() && means(&with_prefix) != is_it;
    if is_it != means(&name) || own {
        return Err(wrong("names its config.json in a way that hostward does not support"));
    }
    Ok(is_it)
}

/// A name as the engine cleans it: Go's `path.Clean`, and no slash in front.
fn clean(name: &[u8]) -> Vec<u8> {
    let mut names: Vec<&[u8]> = Vec::new();
    for component in name.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => drop(names.pop()),
            b".." if name.starts_with(b"/") => {}
            component => names.push(component),
        }
    }
    names.join(&b'/')
}

/// Fills a buffer as far as there is something.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn wrong(what: &str) -> BodyError {
    BodyError::Archive(what.to_owned())
}

fn unreadable(error: &io::Error) -> BodyError {
    BodyError::Archive(format!("cannot be read: {error}"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Cursor;

    /// An archive of these files.
    pub(in super::super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in files {
            let mut header = tar::Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(tar::EntryType::Regular);
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn find(archive: &[u8]) -> Result<Option<Config>, BodyError> {
        Config::find(Cursor::new(archive))
    }

    fn edited(archive: &[u8], config: &Config, json: &[u8]) -> Vec<u8> {
        let Range { start, end } = config.span();
        let (start, end) = (usize::try_from(start).unwrap(), usize::try_from(end).unwrap());
        [&archive[..start], &config.replaced_by(json), &archive[end..]].concat()
    }

    #[test]
    fn a_file_is_found_and_replaced_by_one_of_another_length() {
        let with = |content: &[u8]| {
            archive(&[("a", b"1"), ("./config.json", content), ("rootfs/config.json", &[7; 600])])
        };
        let before = with(b"{}");
        let config = find(&before).unwrap().unwrap();
        assert_eq!(config.json(), b"{}");
        for content in [&b""[..], b"[]", &[b'x'; 512], &[b'y'; 1500]] {
            let after = edited(&before, &config, content);
            assert_eq!(find(&after).unwrap().unwrap().json(), content);
            assert_eq!(after.len(), with(content).len());
        }
        assert_eq!(find(&archive(&[("rootfs/config.json", b"{}")])).unwrap(), None);
        assert_eq!(find(b"").unwrap(), None);
    }

    #[test]
    fn no_name_hides_the_file_from_us_and_not_from_the_engine() {
        for name in
            ["x/../config.json", "/config.json", "./x/.././config.json", "/../config.json", "config.json/"]
        {
            assert!(find(&archive(&[(name, b"{}")])).unwrap().is_some(), "{name}");
        }
        for other in ["../config.json", "x/config.json", "config.json/x"] {
            assert_eq!(find(&archive(&[(other, b"{}")])).unwrap(), None, "{other}");
        }
        // The engine takes the last one.
        let twice = archive(&[("config.json", b"1"), ("x/../config.json", b"2")]);
        assert!(find(&twice).is_err());
    }

    /// An archive that begins with an entry of this kind, which says a length of two blocks.
    fn disguised(kind: tar::EntryType, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_path("x").unwrap();
        header.set_size(content.len() as u64);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes.extend(archive(&[("config.json", br#"{"mounts":[]}"#)]));
        bytes
    }

    #[test]
    fn no_length_hides_the_file_either() {
        use tar::EntryType;
        for kind in
            [EntryType::Directory, EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char]
        {
            assert!(find(&disguised(kind, &[0; 1024])).is_err(), "{kind:?}");
        }
        // By a pax record the next file is longer than its header says, so that what follows is its content.
        assert!(find(&disguised(EntryType::XHeader, b"13 size=9999\n")).is_err());
        assert!(find(&disguised(EntryType::XHeader, b"20 path=config.json\n")).is_ok());
        // A time, as Python's tarfile writes it.
        let config = find(&disguised(EntryType::XHeader, b"14 mtime=1.25\n")).unwrap().unwrap();
        assert_eq!(config.json(), br#"{"mounts":[]}"#);
        let renamed = disguised(EntryType::XHeader, b"16 path=other.x\n");
        assert!(find(&renamed).is_err());
        let long = disguised(EntryType::GNULongName, b"other\0");
        assert!(find(&long).is_err());
        assert!(find(&disguised(EntryType::Regular, b"x")).unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let good = archive(&[("config.json", &[b' '; 600])]);
        for end in [100, 511, 700, 1023] {
            assert!(find(&good[..end]).is_err(), "{end}");
        }
        for compressed in [&b"\x1f\x8b\x08"[..], b"BZh91AY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd\0"] {
            assert!(find(compressed).unwrap_err().to_string().contains("compressed"));
        }
        assert!(find(&[b'x'; 2048]).is_err());
    }
}
