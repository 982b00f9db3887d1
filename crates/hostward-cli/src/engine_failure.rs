//! What to do when an engine, or the Hostward before it, does not answer as it should.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use hostward::mountinfo;
use hostward_client::ViewpointError;
use hostward_engine::about::ExplainError;
use hostward_engine::ask::AskError;
use hostward_engine::discover::DiscoverError;
use hostward_engine::select::SelectError;

use crate::report::Failure;

/// What to do when self-discovery fails.
pub(crate) fn discover_failed(error: &DiscoverError) -> Failure {
    let failure = Failure::failed(error);
    match error {
        DiscoverError::Ask(error) => ask_failed(error),
        DiscoverError::AnotherEngine { .. } => failure.hint(
            "give the engine that runs this container with --engine, or say where paths are with --map",
        ),
        DiscoverError::Unidentified { .. } | DiscoverError::Ambiguous { .. } => failure.hint(
            "give this container's name with --for, or say where its paths are with --map DIR=ENGINE_DIR",
        ),
        DiscoverError::Connect { engine, error } => {
            let socket = engine.socket().filter(|_| error.kind() == ErrorKind::ConnectionRefused);
            no_engine(failure, error.kind() == ErrorKind::PermissionDenied, socket)
        }
        DiscoverError::Proc { .. } => failure.hint("mount /proc in this container"),
    }
}

pub(crate) fn select_failed(error: &SelectError) -> Failure {
    match error {
        SelectError::Ask(error) => ask_failed(error),
        SelectError::NoneLabelled { .. } | SelectError::Several { .. } => {
            Failure::failed(error).hint("list the labels with: docker ps --format '{{.Names}} {{.Labels}}'")
        }
    }
}

/// What to do when the engine does not answer as it should.
pub(crate) fn ask_failed(error: &AskError) -> Failure {
    let failure = Failure::failed(error);
    match error {
        AskError::NotAName(_) => Failure::usage(error),
        AskError::Client(error) if error.is_no_engine() => mute(failure),
        AskError::Client(error) => no_engine(failure, error.is_permission_denied(), error.abandoned_socket()),
        AskError::Unknown { .. } => failure.hint("list the names with: docker ps"),
        AskError::Status { .. } | AskError::Unreadable { .. } => {
            failure.hint("check that the address belongs to a Docker engine: hostward doctor")
        }
    }
}

/// Something may be there, and says nothing that an engine would say.
fn mute(failure: Failure) -> Failure {
    failure
        .hint("check the address and the port: what is there accepts connections, but does not answer as an engine")
        .hint("if the engine speaks TLS, set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a docker context")
        .hint("if nothing is wrong with them, look at the engine's log: it may hang")
}

fn no_engine(failure: Failure, denied: bool, abandoned: Option<&Path>) -> Failure {
    if denied {
        return failure.hint("run as root, or as a member of the group that owns the socket");
    }
    if let Some(socket) = abandoned {
        let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
        return abandoned_hints(socket, &mounts).into_iter().fold(failure, Failure::hint);
    }
    failure
        .hint("give the engine's address with --engine or DOCKER_HOST")
        .hint("in a container, mount its socket: -v /var/run/docker.sock:/var/run/docker.sock")
        .hint("without an engine, say where paths are with --map DIR=ENGINE_DIR")
}

/// What to do about a socket at which nobody listens, by the mounts of this process.
fn abandoned_hints(socket: &Path, mountinfo: &[u8]) -> Vec<String> {
    let real = fs::canonicalize(socket).unwrap_or_else(|_| socket.to_owned());
    let is_it = |line: mountinfo::Line| line.mount_point.as_bytes() == real.as_os_str().as_bytes();
    let socket = socket.display();
    if !mountinfo::lines(mountinfo).any(is_it) {
        return vec![format!("nobody listens at {socket}: start hostward, or the engine, on the host")];
    }
    vec![
        format!(
            "Hostward was restarted (or the engine, if this is its own socket); {socket} is mounted as a file, and is still \
             the socket from before: restart this container"
        ),
        "to prevent that, mount the socket's directory: -v /run/hostward:/run/hostward \
         -e DOCKER_HOST=unix:///run/hostward/docker.sock"
            .to_owned(),
    ]
}

/// What to do when Hostward does not explain paths.
pub(crate) fn explain_failed(error: &ExplainError) -> Failure {
    match error {
        ExplainError::Ask(error) => ask_failed(error),
        ExplainError::NotText(_) => Failure::failed(error).hint("run hostward on the host, with --for NAME"),
        ExplainError::Other { .. } => {
            Failure::failed(error).hint("use the same version of hostward here and in front of the engine")
        }
    }
}

/// What to do when nothing can be found out about a caller's paths.
pub(crate) fn viewpoint_failed(error: &ViewpointError) -> Failure {
    match error {
        ViewpointError::Ask(error) => ask_failed(error),
        ViewpointError::Discover(error) => discover_failed(error),
        ViewpointError::Select(error) => select_failed(error),
        ViewpointError::Explain(error) => explain_failed(error),
        ViewpointError::Unseen(_) => Failure::failed(error).hint("run hostward as root, on the host"),
        ViewpointError::Failed(_) => Failure::failed(error),
        ViewpointError::Behind(_) => {
            Failure::usage(error).hint("run the command on the host, or without --for in that container")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_whose_file_is_mounted_is_known_to_be_the_one_from_before() {
        let mounts =
            b"1 2 8:1 / / rw - ext4 /d rw\n3 1 0:5 /hostward/docker.sock /sock/docker.sock rw - tmpfs t rw\n";
        let hints = |socket: &str| abandoned_hints(Path::new(socket), mounts);
        assert!(hints("/sock/docker.sock")[0].starts_with("Hostward was restarted"));
        let elsewhere = hints("/other/docker.sock");
        assert_eq!(
            elsewhere,
            ["nobody listens at /other/docker.sock: start hostward, or the engine, on the host"]
        );
    }
}
