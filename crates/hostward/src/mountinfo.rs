//! The kernel's list of a process's mounts, from the text of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).

use crate::cgroup::ContainerId;
use crate::path::CallerPath;

/// One line of a mountinfo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The mount's number, which no other mount has at the time.
    pub id: u64,
    /// The number of the mount that it is mounted on; of one that nobody lists at the top.
    pub parent: u64,
    /// The number of the file system's device, `MAJOR:MINOR`.
    pub device: String,
    /// The root of the mount within its file system, and what the kernel says of it ([`is_removed`](Self::is_removed)).
    pub root: Vec<u8>,
    /// Where it is mounted, as the process sees it, symlinks followed.
    pub mount_point: CallerPath,
    /// The file system's type, such as `ext4`, `overlay`, `tmpfs`.
    pub kind: String,
    /// Whether the mount itself may only be read.
    pub read_only: bool,
    /// Whether what is mounted beneath it is so in other mount namespaces too (`mount_namespaces(7)`).
    pub shared: bool,
}

impl Line {
    /// Whether the directory or file that is mounted was removed since: the kernel says so behind its path.
    pub fn is_removed(&self) -> bool {
        self.root.ends_with(b"//deleted")
    }
}

/// Reads a mountinfo; lines that the kernel does not write so are left out.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Line> {
    text.split(|&b| b == b'\n').filter_map(line)
}

fn line(line: &[u8]) -> Option<Line> {
    let mut fields = line.split(|&b| b == b' ');
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
    let (id, parent) = (number(fields.next()?)?, number(fields.next()?)?);
    let device = String::from_utf8_lossy(fields.next()?).into_owned();
    let root = unescape(fields.next()?);
    let mount_point = CallerPath::parse(&unescape(fields.next()?)).ok()?;
    let read_only = fields.next()?.split(|&b| b == b',').any(|option| option == b"ro");
    let optional: Vec<_> = fields.by_ref().take_while(|&field| field != b"-").collect();
    let shared = optional.iter().any(|field| field.starts_with(b"shared:"));
    let kind = fields.next()?;
    let kind = String::from_utf8_lossy(kind).into_owned();
    Some(Line { id, parent, device, root, mount_point, kind, read_only, shared })
}

/// Undoes the kernel's `\040` for a space and its like.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match tail {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] if byte == b'\\' => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => plain.push(byte),
        }
    }
    plain
}

/// The container that a process is in, from the files that engines mount over `/etc/hostname` and its like:
/// `…/containers/ID/hostname` (Docker), `…/overlay-containers/ID/userdata/hostname` (Podman, by its storage driver).
///
/// Weaker than [`cgroup::container_id`](crate::cgroup::container_id): a container that shares another's network
/// (`--network container:NAME`) has the other's files there. Check with the engine.
pub fn container_id(text: &[u8]) -> Option<ContainerId> {
    const FILES: [&[u8]; 3] = [b"/etc/hostname", b"/etc/hosts", b"/etc/resolv.conf"];
    lines(text).filter(|line| FILES.contains(&line.mount_point.as_bytes())).find_map(|line| {
        let components: Vec<_> = line.root.split(|&b| b == b'/').collect();
        // The last: an engine's data may be in another's container.
        components.windows(2).rev().find_map(|pair| {
            let holder = pair[0] == b"containers" || pair[0].ends_with(b"-containers");
            holder.then(|| ContainerId::parse(pair[1]))?
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";

    #[test]
    fn a_line_is_read_with_escapes_and_optional_fields() {
        let text = b"36 35 98:0 /mnt1/a\\040b /mnt\\0402 rw,noatime shared:1 master:2 - ext3 /dev/root rw\n\
                     22 27 0:21 / /proc ro,relatime - proc proc rw\nnonsense\n";
        let lines: Vec<_> = lines(text).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].id, lines[0].parent), (36, 35));
        assert_eq!((&*lines[0].device, &*lines[0].root), ("98:0", &b"/mnt1/a b"[..]));
        assert_eq!(lines[0].mount_point.as_bytes(), b"/mnt 2");
        assert_eq!(lines.iter().map(|line| line.shared).collect::<Vec<_>>(), [true, false]);
        assert_eq!((lines[0].kind.as_str(), lines[0].read_only), ("ext3", false));
        assert_eq!((lines[1].kind.as_str(), lines[1].read_only), ("proc", true));
    }

    #[test]
    fn the_engines_own_files_name_the_container() {
        let text = |root: &str, point: &str| format!("1 2 8:1 {root} {point} rw - ext4 /dev/sda1 rw\n");
        let id = |text: String| container_id(text.as_bytes()).map(|id| id.to_string());
        let docker = format!("/var/lib/docker/containers/{ID}/hostname");
        assert_eq!(id(text(&docker, "/etc/hostname")).as_deref(), Some(ID));
        let podman = format!("/containers/storage/overlay-containers/{ID}/userdata/hosts");
        assert_eq!(id(text(&podman, "/etc/hosts")).as_deref(), Some(ID));
        // A host that shows its engine's directory is in none of its containers.
        assert_eq!(id(text(&docker, &format!("/var/lib/docker/containers/{ID}/mounts/shm"))), None);
        assert_eq!(id(text("/etc/hostname", "/etc/hostname")), None);
    }
}
