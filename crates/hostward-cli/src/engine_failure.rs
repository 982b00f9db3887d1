//! What to do when an engine, or the Hostward before it, does not answer as it should.

use std::io::ErrorKind;

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
        DiscoverError::Connect { error, .. } => {
            no_engine(failure, error.kind() == ErrorKind::PermissionDenied)
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
        AskError::Client(error) => no_engine(failure, error.is_permission_denied()),
        AskError::Unknown { .. } => failure.hint("list the names with: docker ps"),
        AskError::Status { .. } | AskError::Unreadable { .. } => {
            failure.hint("check that the address belongs to a Docker engine: hostward doctor")
        }
    }
}

fn no_engine(failure: Failure, denied: bool) -> Failure {
    if denied {
        return failure.hint("run as root, or as a member of the group that owns the socket");
    }
    failure
        .hint("give the engine's address with --engine or DOCKER_HOST")
        .hint("in a container, mount its socket: -v /var/run/docker.sock:/var/run/docker.sock")
        .hint("without an engine, say where paths are with --map DIR=ENGINE_DIR")
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
