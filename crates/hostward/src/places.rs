//! Paths that mean the same in every container, by their names alone: the host, the engine's socket, and what
//! an engine puts into every container.

use crate::path::{CallerPath, components};

/// Whether a path of the machine's kind is each container's own: what lies in its shared memory, and `/proc` of a
/// process, which the engine would take for its own process.
pub(crate) fn is_private(path: &CallerPath) -> bool {
    let mut names = components(path.as_bytes());
    match (names.next(), names.next(), names.next()) {
        (Some(b"dev"), Some(b"shm" | b"mqueue"), Some(_))
        | (Some(b"dev"), Some(b"fd" | b"stdin" | b"stdout" | b"stderr"), _) => true,
        (Some(b"proc"), Some(process), _) => {
            matches!(process, b"self" | b"thread-self") || process.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// Whether a path means the host wherever it is asked from (T19). `/` does by that name only.
pub fn is_machine(path: &CallerPath) -> bool {
    const MACHINE: [&[u8]; 6] =
        [b"/dev", b"/proc", b"/sys", b"/lib/modules", b"/run/udev", b"/etc/localtime"];
    MACHINE.into_iter().any(|base| is_beneath(path, base))
}

/// Whether a path is of what an engine puts into every container, and so does not come along with a directory above
/// it (T7): the kernel's file systems, and the engine's own programs and marks.
pub fn is_fixture(path: &CallerPath) -> bool {
    // The kernel lists where a link of the image led: /sbin is one on Debian and others.
    const FIXTURES: [&[u8]; 6] =
        [b"/dev", b"/proc", b"/sys", b"/sbin/docker-init", b"/usr/sbin/docker-init", b"/run/.containerenv"];
    FIXTURES.into_iter().any(|base| is_beneath(path, base))
}

fn is_beneath(path: &CallerPath, base: &[u8]) -> bool {
    path.as_bytes().strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Whether a name means the engine's socket wherever it is asked from (T11).
pub fn is_socket(path: &CallerPath) -> bool {
    let names: Vec<_> = components(path.as_bytes()).collect();
    let ([b"var", b"run", within_run @ ..] | [b"run", within_run @ ..]) = &names[..] else { return false };
    // Of a user's own engine: $XDG_RUNTIME_DIR.
    let ([b"user", _, socket @ ..] | socket) = within_run;
    matches!(
        socket,
        [b"docker.sock" | b"docker-host.sock" | b"docker.sock.raw" | b"podman.sock"]
            | [b"podman", b"podman.sock"]
    )
}
