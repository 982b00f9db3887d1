//! Whose paths are meant: this process's, or those of a container that was named.

use std::env;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;

use hostward::abilities::Abilities;
use hostward::inspect::Container;
use hostward::origin::Origin;
use hostward::path::AskedPath;
use hostward::refusal::Reason;
use hostward::view::View;
use hostward_engine::address::Address;
use hostward_engine::ask::AskError;
use hostward_engine::complete::complete;
use hostward_engine::context::{self, Chosen, Surroundings};
use hostward_engine::discover::{self, DiscoverError, Place};
use hostward_engine::select::{SelectError, Selector};
use hostward_engine::version;
use hostward_sight::{Looks, Machine, Sight, look, visible_pid};

use crate::config::Configuration;
use crate::report::Failure;

/// Whose paths are meant, and what is known of them.
#[derive(Debug)]
pub(crate) struct Viewpoint {
    /// The view, and eyes to follow paths in it.
    pub(crate) sight: Arc<Sight>,
    /// The container that it is the view of.
    pub(crate) container: Option<Container>,
    /// What the engine can do.
    pub(crate) abilities: Abilities,
    /// Why only the maps are known, where more was wanted.
    pub(crate) blind: Option<String>,
}

impl Viewpoint {
    pub(crate) fn view(&self) -> &View {
        self.sight.view()
    }

    /// This process's own files, in a view that no engine was asked about.
    fn here(view: View) -> Result<Self, Failure> {
        let sight = Sight::here(view).map_err(|reason| unseen(&reason))?;
        Ok(Self { sight: Arc::new(sight), container: None, abilities: Abilities::least(), blind: None })
    }
}

/// Finds the viewpoint for these paths, or for all where there are none. The engine is not asked where maps cover them all.
pub(crate) async fn find(settings: &Configuration, asked: &[AskedPath]) -> Result<Viewpoint, Failure> {
    if let Some(name) = &settings.container {
        return named(settings, &choose(settings)?.address, name).await;
    }
    let explicit = explicit(settings)?;
    if !settings.rules.maps.is_empty()
        && !asked.is_empty()
        && asked.iter().all(|path| is_mapped(path, &explicit))
    {
        return Ok(explicit);
    }
    match discovered(settings).await {
        Ok(viewpoint) => Ok(viewpoint),
        Err(failure) if settings.rules.maps.is_empty() => Err(failure),
        Err(failure) => Ok(Viewpoint { blind: Some(failure.message().to_owned()), ..explicit }),
    }
}

/// The engine that these settings mean.
pub(crate) fn choose(settings: &Configuration) -> Result<Chosen, Failure> {
    context::choose(settings.engine.as_deref(), &Surroundings::of_process()).map_err(Failure::usage)
}

/// The viewpoint of a container that was named, seen through its first process or through the engine.
pub(crate) async fn named(
    settings: &Configuration,
    engine: &Address,
    selector: &Selector,
) -> Result<Viewpoint, Failure> {
    let container = selector.container(engine).await.map_err(|error| select_failed(&error))?;
    let pid = visible_pid(&container);
    of_container(settings, engine, pid, container).await
}

/// The viewpoint of this process, as far as it can be found out.
pub(crate) async fn of_place(
    settings: &Configuration,
    engine: &Address,
    place: Place,
) -> Result<Viewpoint, Failure> {
    match place {
        Place::Container(container) => {
            of_container(settings, engine, Some(std::process::id()), *container).await
        }
        Place::Host if settings.rules.maps.is_empty() => Viewpoint::here(View::identity()),
        // Maps say that this is not the engine's own view, so what they leave out is not known.
        Place::Host => explicit(settings),
    }
}

/// A path of the command line, made absolute. A relative one means the working directory, which another container
/// does not have.
pub(crate) fn asked(argument: &OsStr, settings: &Configuration) -> Result<AskedPath, Failure> {
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
        .map_err(|error| Failure::failed(format_args!("cannot get the working directory: {error}")))?;
    let bytes = bytes.strip_prefix(b"./").unwrap_or(bytes);
    let joined = [cwd.into_os_string().into_vec().as_slice(), b"/", bytes].concat();
    AskedPath::parse(&joined).map_err(|error| wrong(&error))
}

pub(crate) fn explicit(settings: &Configuration) -> Result<Viewpoint, Failure> {
    Viewpoint::here(View::explicit(settings.rules.maps.clone()))
}

fn is_mapped(asked: &AskedPath, viewpoint: &Viewpoint) -> bool {
    let reading = viewpoint.sight.resolve(asked, &Looks::default());
    reading
        .is_ok_and(|reading| matches!(viewpoint.view().locate(&reading.resolved.path), Origin::Mapped { .. }))
}

async fn discovered(settings: &Configuration) -> Result<Viewpoint, Failure> {
    let engine = choose(settings)?.address;
    let place = discover::place(&engine).await.map_err(|error| discover_failed(&error))?;
    of_place(settings, &engine, place).await
}

async fn of_container(
    settings: &Configuration,
    engine: &Address,
    pid: Option<u32>,
    mut container: Container,
) -> Result<Viewpoint, Failure> {
    complete(engine, &mut container).await.map_err(|error| ask_failed(&error))?;
    let abilities = version::version(engine).await.map_err(|error| ask_failed(&error))?.abilities();
    let (address, maps, described) = (engine.clone(), settings.rules.maps.clone(), container.clone());
    let machine = Machine::of(engine).await;
    let sight = look(move || Sight::of_container(pid, &address, &described, maps, machine))
        .await
        .map_err(Failure::failed)?
        .map_err(|reason| unseen(&reason))?;
    let sight = Arc::new(sight.with_unmapped(settings.rules.unmapped(&container)));
    Ok(Viewpoint { sight, container: Some(container), abilities, blind: None })
}

fn unseen(reason: &Reason) -> Failure {
    Failure::failed(reason).hint("run hostward as root, on the host")
}

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
