//! Images that stand for others.

use std::path::Path;

use hostward_testkit::{Engine, OutputText};

/// An image by these names, until the end of a job.
pub(crate) struct Built<'a> {
    engine: &'a Engine,
    names: &'a [&'a str],
}

impl<'a> Built<'a> {
    /// Builds it of a folder of `tests/systems`.
    pub(crate) fn of(folder: &str, engine: &'a Engine, names: &'a [&'a str]) -> Self {
        let context = Path::new(env!("CARGO_MANIFEST_DIR")).join("systems").join(folder);
        let mut build = engine.docker(&["build"]);
        build.args(names.iter().flat_map(|name| ["--tag", name])).arg(context);
        // The newer builder is not to be had on Podman.
        build.env("DOCKER_BUILDKIT", "0").output().expect("docker can be started").succeeded();
        Self { engine, names }
    }
}

impl Drop for Built<'_> {
    fn drop(&mut self) {
        let _ = self.engine.docker(&["rmi", "--force"]).args(self.names).output();
    }
}
