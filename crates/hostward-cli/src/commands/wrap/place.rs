//! Where the command finds the proxy: in the place of the engine's socket, by a mount that the command alone sees, so that
//! nothing else changes for it. Where that cannot be, by `DOCKER_HOST`.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use hostward::mountinfo;
use hostward::path::CallerPath;
use nix::sched::{CloneFlags, unshare};
use rustix::mount::mount_bind;

use crate::variables;

/// What names the engine to docker's clients, and would lead past a proxy that `DOCKER_HOST` names.
const DOCKERS: [&str; 4] = ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH"];

/// What wrap itself has read.
const OURS: [&str; 4] = [variables::ENGINE, variables::FOR, variables::MAP, variables::CONFIG];

/// Lets the command find the proxy's socket: at `engine`, where clients look without being told, if it may be mounted there.
/// Moves this process into a mount namespace of its own for that.
pub(super) fn lead(command: &mut Command, socket: &Path, engine: Option<&Path>) {
    for name in OURS {
        command.env_remove(name);
    }
    let mounted = engine.ok_or_else(|| "there is no socket file where docker looks for it".to_owned());
    let Err(why) = mounted.and_then(|engine| take(engine, socket)) else { return };
    tracing::info!(%why, "DOCKER_HOST is set to the proxy: some programs then look elsewhere for published ports");
    let mut host = OsString::from("unix://");
    host.push(socket);
    command.env("DOCKER_HOST", host);
    for name in DOCKERS {
        command.env_remove(name);
    }
}

/// Mounts the proxy's socket over the engine's, for this process and its children.
fn take(engine: &Path, socket: &Path) -> Result<(), String> {
    let engine = fs::canonicalize(engine).map_err(|error| format!("{}: {error}", engine.display()))?;
    let mounts =
        fs::read("/proc/self/mountinfo").map_err(|error| format!("/proc/self/mountinfo: {error}"))?;
    if is_shared(&mounts, &engine) {
        return Err(format!("other processes would see a mount over {}", engine.display()));
    }
    unshare(CloneFlags::CLONE_NEWNS)
        .map_err(|error| format!("cannot create a mount namespace (CAP_SYS_ADMIN): {error}"))?;
    mount_bind(socket, &engine).map_err(|error| format!("cannot mount at {}: {error}", engine.display()))
}

/// Whether what is mounted over a path is so in other mount namespaces too.
fn is_shared(mounts: &[u8], path: &Path) -> bool {
    let Ok(path) = CallerPath::parse(path.as_os_str().as_bytes()) else { return true };
    let above = mountinfo::lines(mounts).filter(|line| path.below(&line.mount_point).is_some());
    // Of those at one point the last is on top.
    above.max_by_key(|line| line.mount_point.as_bytes().len()).is_none_or(|line| line.shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_that_holds_the_socket_tells_whether_others_see_what_is_mounted_over_it() {
        let shared = |mounts: &[&str]| {
            let line = |at: &&str| {
                let (point, optional) = at.split_once(' ').unwrap();
                format!("1 2 8:1 / {point} rw {optional}- ext4 /d rw\n")
            };
            is_shared(mounts.iter().map(line).collect::<String>().as_bytes(), Path::new("/run/docker.sock"))
        };
        assert!(shared(&["/ ", "/run shared:3 "]));
        assert!(!shared(&["/ shared:1 ", "/run shared:3 ", "/run/docker.sock "]));
        assert!(!shared(&["/ ", "/run/docker.sock.d shared:1 "]));
        assert!(!shared(&["/ ", "/run shared:1 ", "/run master:1 "]));
        assert!(shared(&[]));
    }
}
