//! Whose paths are meant: this process's, or those of a container that was named.

use std::env;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use hostward::inspect::Container;
use hostward::origin::Origin;
use hostward::path::AskedPath;
use hostward::table::View;
use hostward_engine::context::{self, Chosen, Surroundings};
use hostward_engine::discover::{self, DiscoverError, Place};
use hostward_engine::inspect::{self, AskError};

use crate::config::Settings;
use crate::files::Files;
use crate::report::Failure;

/// The caller's view, and the files that its paths are followed through.
#[derive(Debug)]
pub(crate) struct Viewpoint {
    pub(crate) view: View,
    pub(crate) files: Files,
    /// The container that it is the view of.
    pub(crate) container: Option<Container>,
    /// Why only the maps are known, where more was wanted.
    pub(crate) blind: Option<String>,
}

/// Finds the viewpoint for these paths. The engine is not asked where maps cover them all.
pub(crate) async fn find(settings: &Settings, asked: &[AskedPath]) -> Result<Viewpoint, Failure> {
    if let Some(name) = &settings.container {
        let engine = choose(settings)?;
        let container = inspect::container(&engine.address, name).await.map_err(|e| ask_failed(&e))?;
        return of_container(settings, Files::of(&container), container);
    }
    let explicit = explicit(settings);
    if !settings.maps.is_empty() && asked.iter().all(|path| is_mapped(path, &explicit)) {
        return Ok(explicit);
    }
    match discovered(settings).await {
        Ok(viewpoint) => Ok(viewpoint),
        Err(failure) if settings.maps.is_empty() => Err(failure),
        Err(failure) => Ok(Viewpoint { blind: Some(failure.message().to_owned()), ..explicit }),
    }
}

/// The engine that these settings mean.
pub(crate) fn choose(settings: &Settings) -> Result<Chosen, Failure> {
    context::choose(settings.engine.as_deref(), &Surroundings::of_process()).map_err(Failure::usage)
}

/// The viewpoint of this process, as far as it can be found out.
pub(crate) fn of_place(settings: &Settings, place: Place) -> Result<Viewpoint, Failure> {
    match place {
        Place::Container(container) => of_container(settings, Files::Own, *container),
        Place::Host if settings.maps.is_empty() => {
            Ok(Viewpoint { view: View::identity(), files: Files::Own, container: None, blind: None })
        }
        // Maps say that this is not the engine's own view, so what they leave out is not known.
        Place::Host => Ok(explicit(settings)),
    }
}

/// A path of the command line, made absolute. A relative one means the working directory, which another container
/// does not have.
pub(crate) fn asked(argument: &OsStr, settings: &Settings) -> Result<AskedPath, Failure> {
    let wrong = |why: &dyn std::fmt::Display| {
        Failure::usage(format_args!("the path {:?} {why}", argument.to_string_lossy()))
    };
    let bytes = argument.as_bytes();
    if bytes.is_empty() || bytes.starts_with(b"/") {
        return AskedPath::parse(bytes).map_err(|error| wrong(&error));
    }
    if settings.container.is_some() {
        return Err(wrong(&"is relative, and --for needs an absolute one"));
    }
    let cwd = env::current_dir()
        .map_err(|error| Failure::failed(format_args!("the working directory is not known: {error}")))?;
    let bytes = bytes.strip_prefix(b"./").unwrap_or(bytes);
    let joined = [cwd.into_os_string().into_vec().as_slice(), b"/", bytes].concat();
    AskedPath::parse(&joined).map_err(|error| wrong(&error))
}

fn explicit(settings: &Settings) -> Viewpoint {
    let view = View::explicit(settings.maps.clone());
    Viewpoint { view, files: Files::Own, container: None, blind: None }
}

fn is_mapped(asked: &AskedPath, viewpoint: &Viewpoint) -> bool {
    let resolved = viewpoint.files.resolve(asked);
    resolved.is_ok_and(|resolved| matches!(viewpoint.view.locate(&resolved.path), Origin::Mapped { .. }))
}

async fn discovered(settings: &Settings) -> Result<Viewpoint, Failure> {
    let engine = choose(settings)?;
    let place = discover::place(&engine.address).await.map_err(|error| discover_failed(&error))?;
    of_place(settings, place)
}

pub(crate) fn of_container(
    settings: &Settings,
    files: Files,
    container: Container,
) -> Result<Viewpoint, Failure> {
    let table = files
        .confirm(&container.table)
        .map_err(|reason| Failure::failed(reason).hint("run hostward as root, on the engine's machine"))?;
    let view = View::container(table, settings.maps.clone());
    Ok(Viewpoint { view, files, container: Some(container), blind: None })
}

/// What to do when self-discovery fails.
pub(crate) fn discover_failed(error: &DiscoverError) -> Failure {
    let failure = Failure::failed(error);
    match error {
        DiscoverError::Ask(error) => ask_failed(error),
        DiscoverError::AnotherEngine { .. } => failure.hint(
            "name the engine that runs this container with --engine, or say where paths are with --map",
        ),
        DiscoverError::Unidentified { .. } | DiscoverError::Ambiguous { .. } => failure
            .hint("name this container with --for, or say where its paths are with --map DIR=ENGINE_DIR"),
        DiscoverError::Connect { error, .. } => {
            no_engine(failure, error.kind() == ErrorKind::PermissionDenied)
        }
        DiscoverError::Proc { .. } => failure.hint("mount /proc in this container"),
    }
}

/// What to do when the engine does not answer as it should.
pub(crate) fn ask_failed(error: &AskError) -> Failure {
    let failure = Failure::failed(error);
    match error {
        AskError::NotAName(_) => Failure::usage(error),
        AskError::Client(error) => no_engine(failure, error.is_permission_denied()),
        AskError::Unknown { .. } => failure.hint("look at the names with: docker ps"),
        AskError::Status { .. } | AskError::Unreadable { .. } => {
            failure.hint("check that the address is a Docker engine's: hostward doctor")
        }
    }
}

fn no_engine(failure: Failure, denied: bool) -> Failure {
    if denied {
        return failure.hint("run as root, or as a member of the group that owns the socket");
    }
    failure
        .hint("name the engine with --engine or DOCKER_HOST")
        .hint("in a container, its socket must be mounted: -v /var/run/docker.sock:/var/run/docker.sock")
        .hint("without an engine, say where paths are with --map DIR=ENGINE_DIR")
}
