//! Whose paths a command means, by its settings.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use hostward::explanation::Explanation;
use hostward::path::AskedPath;
use hostward_client::{SeenCaller, Viewpoint, WhosePaths};
use hostward_engine::context::{self, Chosen, Surroundings};

use crate::config::Configuration;
use crate::engine_failure::viewpoint_failed;
use crate::report::Failure;

/// Finds the viewpoint for these paths, or for all where there are none. The engine is not asked where maps cover them all.
pub(crate) async fn find(settings: &Configuration, asked: &[AskedPath]) -> Result<Viewpoint, Failure> {
    let whose = whose(settings);
    let maps = maps(&whose)?;
    if let Some(maps) = &maps
        && !asked.is_empty()
        && asked.iter().all(|path| maps.is_mapped(path))
    {
        return Ok(Viewpoint::Seen(maps.clone()));
    }
    let found = match choose(settings) {
        Ok(engine) => {
            Viewpoint::asking(&engine.address, &whose).await.map_err(|error| viewpoint_failed(&error))
        }
        Err(failure) => Err(failure),
    };
    match (found, maps) {
        (Err(failure), Some(maps)) => Ok(Viewpoint::Seen(maps.alone(failure.message()))),
        (found, _) => found,
    }
}

/// Whose paths they are.
pub(crate) fn whose(settings: &Configuration) -> WhosePaths {
    WhosePaths {
        container: settings.container.clone(),
        maps: settings.rules.maps.clone(),
        unmapped: settings.rules.unmapped,
        missing: settings.rules.missing,
    }
}

/// What explicit maps alone say of this process, where there are any. A container that was named is known by its engine.
pub(crate) fn maps(whose: &WhosePaths) -> Result<Option<SeenCaller>, Failure> {
    if whose.maps.is_empty() || whose.container.is_some() {
        return Ok(None);
    }
    SeenCaller::of_maps(whose).map(Some).map_err(|error| viewpoint_failed(&error))
}

/// All there is to say of paths, in their order.
pub(crate) async fn explain(viewpoint: &Viewpoint, asked: &[AskedPath]) -> Result<Vec<Explanation>, Failure> {
    viewpoint.explain(asked).await.map_err(|error| viewpoint_failed(&error))
}

/// The engine that these settings mean.
pub(crate) fn choose(settings: &Configuration) -> Result<Chosen, Failure> {
    context::choose(settings.engine.as_deref(), &Surroundings::of_process()).map_err(Failure::usage)
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
