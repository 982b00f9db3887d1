//! Files in memory, and the one way in which archives are made of them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// Files by their paths, which begin at the archive's root.
///
/// Equal trees make equal bytes: entries are sorted, and all have one time. A directory above an entry is there by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree(BTreeMap<String, Entry>);

#[derive(Debug, Clone)]
struct Entry {
    mode: u32,
    /// User and group.
    owner: u32,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Directory,
    File(Vec<u8>),
    Link(String),
}

impl Tree {
    /// Adds a file that everybody may read.
    pub(super) fn file(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.add(path.into(), 0o644, 0, Content::File(bytes.into()));
    }

    /// Adds a file that everybody may run.
    pub(super) fn program(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.add(path.into(), 0o755, 0, Content::File(bytes.into()));
    }

    /// Adds a symlink.
    pub(super) fn link(&mut self, path: impl Into<String>, to: impl Into<String>) {
        self.add(path.into(), 0o777, 0, Content::Link(to.into()));
    }

    /// Adds an empty directory.
    pub(super) fn directory(&mut self, path: impl Into<String>, mode: u32, owner: u32) {
        self.add(path.into(), mode, owner, Content::Directory);
    }

    fn add(&mut self, path: String, mode: u32, owner: u32, content: Content) {
        let above = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        for directory in above {
            let plain = Entry { mode: 0o755, owner: 0, content: Content::Directory };
            self.0.entry(directory).or_insert(plain);
        }
        self.0.insert(path, Entry { mode, owner, content });
    }

    /// The files, with their modes.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &[u8], u32)> {
        self.0.iter().filter_map(|(path, entry)| match &entry.content {
            Content::File(bytes) => Some((path.as_str(), bytes.as_slice(), entry.mode)),
            Content::Directory | Content::Link(_) => None,
        })
    }

    /// The tree as a tar file, each path behind `before`.
    pub(super) fn tar(&self, before: &str, time: u64) -> io::Result<Vec<u8>> {
        let mut builder = Builder::new(Vec::new());
        for (path, Entry { mode, owner, content }) in &self.0 {
            let mut header = Header::new_gnu();
            header.set_mode(*mode);
            header.set_uid(u64::from(*owner));
            header.set_gid(u64::from(*owner));
            header.set_mtime(time);
            if *owner == 0 {
                header.set_username("root")?;
                header.set_groupname("root")?;
            }
            let (kind, bytes, end) = match content {
                Content::Directory => (EntryType::Directory, &[][..], "/"),
                Content::File(bytes) => (EntryType::Regular, &bytes[..], ""),
                Content::Link(to) => {
                    header.set_link_name(to)?;
                    (EntryType::Symlink, &[][..], "")
                }
            };
            header.set_entry_type(kind);
            header.set_size(bytes.len() as u64);
            name(&mut header, &format!("{before}{path}{end}"))?;
            header.set_cksum();
            builder.append(&header, bytes)?;
        }
        builder.into_inner()
    }
}

/// To the letter, as `dpkg` wants `./` before each path, which `set_path` would leave out.
fn name(header: &mut Header, path: &str) -> io::Result<()> {
    let field = &mut header.as_old_mut().name;
    let Some(room) = field.get_mut(..path.len()) else {
        return Err(io::Error::other(format!("{path} is longer than the name of a tar file's entry")));
    };
    room.copy_from_slice(path.as_bytes());
    Ok(())
}

/// Compressed, without a name and a time.
pub(super) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(tar: &[u8]) -> Vec<(String, u32, u64)> {
        let mut archive = tar::Archive::new(tar);
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let shown = |entry: tar::Entry<'_, &[u8]>| {
            let header = entry.header();
            let path = String::from_utf8_lossy(&header.path_bytes()).into_owned();
            (path, header.mode().unwrap(), header.mtime().unwrap())
        };
        entries.map(shown).collect()
    }

    #[test]
    fn an_archive_is_sorted_and_has_the_directories_above() {
        let mut tree = Tree::default();
        tree.program("usr/bin/b", b"program".as_slice());
        tree.link("usr/bin/a", "b");
        tree.directory("run/own", 0o700, 7);
        let tar = tree.tar("./", 42).unwrap();
        let expected = [
            ("./run/", 0o755),
            ("./run/own/", 0o700),
            ("./usr/", 0o755),
            ("./usr/bin/", 0o755),
            ("./usr/bin/a", 0o777),
            ("./usr/bin/b", 0o755),
        ];
        assert_eq!(entries(&tar), expected.map(|(path, mode)| (path.to_owned(), mode, 42)));
    }

    #[test]
    fn a_name_that_does_not_fit_is_an_error() {
        let mut tree = Tree::default();
        tree.file("x".repeat(101), b"".as_slice());
        assert!(tree.tar("", 0).is_err());
    }

    #[test]
    fn compressed_bytes_say_nothing_of_when_and_where() {
        // RFC 1952: flags, then the time.
        assert_eq!(gzip(b"text").unwrap()[3..8], [0; 5]);
    }
}
