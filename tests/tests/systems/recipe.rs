//! An example whose service `app` is to have the tools of `tests/systems`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use hostward_testkit::toolbox::{ENVIRONMENT, IMAGE, Toolbox};
use hostward_testkit::{LABEL, OutputText};

use crate::example::Example;
use crate::judge::Way;

/// Where the example has the user's folder in the service.
const WORK: &str = "/work";

/// A running example, with the tools in it.
pub(crate) struct Recipe<'a> {
    pub(crate) example: Example<'a>,
    /// What the service has that is named here in place of its root: beneath it the example's folder is `work`. By the
    /// engine's own socket directories come to be there on the host.
    view: PathBuf,
    /// What the tests add to the compose file.
    _tools: tempfile::NamedTempFile,
}

impl<'a> Recipe<'a> {
    /// Copies examples/NAME into the way's folder, and starts the service.
    pub(crate) fn copied(way: &'a Way<'a>, name: &str) -> Self {
        Self::with(way, name, &[])
    }

    /// The same, with folders of the host to be read at these places of the view.
    pub(crate) fn with(way: &'a Way<'a>, name: &str, folders: &[(&Path, &str)]) -> Self {
        let view = way.host.with_extension("view");
        let work = format!("{}{WORK}", view.display());
        let tools = tempfile::NamedTempFile::new().unwrap();
        let folders = folders
            .iter()
            .map(|(folder, place)| format!("{}:{}:ro", folder.display(), view.join(place).display()));
        fs::write(tools.path(), service(way, folders).to_string()).unwrap();
        let example = Example::of(way, name, &[(WORK, &work)]).with(tools.path()).up();
        Self { example, view, _tools: tools }
    }

    /// Runs a shell script in the service.
    pub(crate) fn sh(&self, script: &str) -> Output {
        let mut exec = self.example.compose(&["exec", "--no-TTY", "app", "bash", "-c", script]);
        exec.output().expect("compose can be started")
    }
}

impl Drop for Recipe<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.view);
    }
}

/// The toolbox, as compose has it. JSON is YAML.
fn service(way: &Way<'_>, folders: impl Iterator<Item = String>) -> serde_json::Value {
    let toolbox =
        Toolbox::prepare(std::slice::from_ref(way.engine)).unwrap_or_else(|error| panic!("{error}"));
    let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("systems").canonicalize().unwrap();
    let mut volumes = toolbox.volumes(way.engine).to_vec();
    volumes.push(format!("{}:/opt/jobs:ro", jobs.display()));
    volumes.extend(folders);
    let environment: serde_json::Map<_, _> =
        ENVIRONMENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    serde_json::json!({ "services": { "app": {
        "image": IMAGE, "command": "sleep infinity", "environment": environment, "volumes": volumes,
        "labels": [LABEL],
    } } })
}

/// What a job says: with the client's words where it fails.
pub(crate) fn said(output: &Output) -> String {
    if output.status.success() { output.out() } else { output.out() + &output.err() }
}
