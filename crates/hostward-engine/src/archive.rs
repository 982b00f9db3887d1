//! What stands at a path in a container, by the engine's word: `HEAD /containers/ID/archive?path=…` (T24).
//!
//! For those who cannot look for themselves. Seen on 20.10.24, 26.1.5 and 28.5.2 alike: it looks through binds, volumes
//! and links in the middle of the path, stays inside the container's root, and finds nothing beneath a tmpfs, nor
//! beneath /proc, /dev and /sys, where it sees the image's own directories. A link's target comes fully evaluated, so
//! it is absolute and may be missing; links that go round, and a path through a file, are answered with 500.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hostward::cgroup::ContainerId;
use hostward::path::CallerPath;
use hostward::walk::Entry;
use serde::Deserialize;

use crate::address::Address;
use crate::ask::{AskError, successful, unreadable};
use crate::client::{self, PATIENCE};

const STAT: &str = "X-Docker-Container-Path-Stat";

/// Bits of Go's `os.FileMode`, which are not the kernel's.
const DIRECTORY: u32 = 1 << 31;
const SYMLINK: u32 = 1 << 27;

/// What stands at `path` in the container `id`; the path's last component is not followed.
pub async fn entry(engine: &Address, id: &ContainerId, path: &CallerPath) -> Result<Entry, AskError> {
    let asked = format!("/containers/{id}/archive?path={}", client::escape(path.as_bytes(), b"/"));
    let answer = client::head(engine, &asked, PATIENCE).await?;
    if answer.status == 404 {
        return Ok(Entry::Missing);
    }
    if answer.status != 200 {
        // An answer to HEAD has no words. Asked for the file itself, the engine says what stands against it.
        successful(engine, client::get(engine, &asked, PATIENCE).await?)?;
    }
    let stat =
        answer.header(STAT).ok_or_else(|| unreadable(engine, format!("the answer has no {STAT} header")))?;
    read(stat).map_err(|error| unreadable(engine, error))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stat {
    mode: u32,
    #[serde(default)]
    link_target: String,
}

fn read(header: &[u8]) -> Result<Entry, Box<dyn std::error::Error + Send + Sync>> {
    let Stat { mode, link_target } = serde_json::from_slice(&STANDARD.decode(header)?)?;
    if mode & DIRECTORY != 0 {
        return Ok(Entry::Directory);
    }
    if mode & SYMLINK == 0 {
        return Ok(Entry::Other);
    }
    // Bytes that are no UTF-8 come as U+FFFD, and a target without a slash would be read as beside the link.
    if !link_target.starts_with('/') || link_target.contains('\u{fffd}') {
        return Err(format!("it returned {link_target:?} as the target of a symbolic link").into());
    }
    Ok(Entry::Link(link_target.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_json(json: &str) -> Option<Entry> {
        read(STANDARD.encode(json).as_bytes()).ok()
    }

    #[test]
    fn every_kind_of_entry_is_told_apart() {
        // As 26.1.5 gave them.
        let stat = |mode: &str, target: &str| {
            format!(
                r#"{{"name":"x","size":4096,"mode":{mode},"mtime":"2026-11-25T18:54:38Z","linkTarget":"{target}"}}"#
            )
        };
        assert_eq!(read_json(&stat("2148532735", "")), Some(Entry::Directory), "a sticky directory");
        assert_eq!(read_json(&stat("8389101", "")), Some(Entry::Other), "a setuid file");
        assert_eq!(read_json(&stat("33554852", "")), Some(Entry::Other), "a pipe");
        let link = Entry::Link(b"/b/real/deep".to_vec());
        assert_eq!(read_json(&stat("134218239", "/b/real/deep")), Some(link));
    }

    #[test]
    fn a_target_that_cannot_be_followed_is_an_error() {
        for target in ["", "beside", "/b/\u{fffd}"] {
            assert_eq!(
                read_json(&format!(r#"{{"mode":134218239,"linkTarget":"{target}"}}"#)),
                None,
                "{target}"
            );
        }
        assert!(read(b"e30=").is_err() && read(b"*").is_err() && read(b"").is_err());
    }

    #[test]
    fn any_path_fits_into_a_query() {
        assert_eq!(
            client::escape(b"/a b/100%/\xc3\xbc&x=1+2#\xff\n", b"/"),
            "/a%20b/100%25/%C3%BC%26x%3D1%2B2%23%FF%0A"
        );
        assert_eq!(client::escape(b"/plain/file_1.x-y~", b"/"), "/plain/file_1.x-y~");
    }
}
