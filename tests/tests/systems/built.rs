//! Images that stand for others.

use std::path::Path;

use hostward_testkit::{Engine, OutputText};
use hostward_tests::Removed;

/// Builds an image of a folder of `tests/systems`, which has these names until the end of a job.
pub(crate) fn built<'a>(folder: &str, engine: &'a Engine, names: &[&str]) -> Vec<Removed<'a>> {
    let context = Path::new(env!("CARGO_MANIFEST_DIR")).join("systems").join(folder);
    let mut build = engine.docker(&["build"]);
    build.args(names.iter().flat_map(|name| ["--tag", name])).arg(context);
    // The newer builder is not to be had on Podman.
    build.env("DOCKER_BUILDKIT", "0").output().expect("docker can be started").succeeded();
    names.iter().map(|name| Removed::image(engine, *name)).collect()
}
