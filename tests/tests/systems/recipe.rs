//! A recipe of examples/, as its users run it: copied into a folder of theirs, and brought to life by compose.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hostward_testkit::toolbox::{ENVIRONMENT, IMAGE, Toolbox};
use hostward_testkit::{LABEL, OutputText, unique};

use crate::judge::Way;

/// What a recipe's compose file says, for which something else stands here.
const SOCKET: &str = "/run/hostward/docker.sock:";
const WORK: &str = "/work";

/// The service `app` of a recipe's compose file, with the tools of `tests/systems` in it.
pub(crate) struct Recipe<'a> {
    way: &'a Way<'a>,
    project: String,
    /// What the service has that is named here in place of its root: beneath it the way's folder is `work`. By the engine's
    /// own socket directories come to be there on the host.
    view: PathBuf,
    /// What the tests add to the compose file.
    tools: tempfile::NamedTempFile,
}

impl<'a> Recipe<'a> {
    /// Copies examples/NAME into the way's folder, and starts the service.
    pub(crate) fn copied(way: &'a Way<'a>, name: &str) -> Self {
        Self::with(way, name, &[])
    }

    /// The same, with folders of the host to be read at these places of the view.
    pub(crate) fn with(way: &'a Way<'a>, name: &str, folders: &[(&Path, &str)]) -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
        Command::new("cp").arg("-R").arg(example.join(".")).arg(way.host).output().unwrap().succeeded();
        let view = way.host.with_extension("view");
        let compose = fs::read_to_string(way.host.join("compose.yaml")).unwrap();
        assert!(compose.contains(SOCKET) && compose.contains(WORK), "examples/{name}: {compose}");
        let compose = compose
            .replace(WORK, &format!("{}{WORK}", view.display()))
            .replace(SOCKET, &format!("{}:", way.socket().display()));
        fs::write(way.host.join("compose.yaml"), compose).unwrap();
        let tools = tempfile::NamedTempFile::new().unwrap();
        let folders = folders
            .iter()
            .map(|(folder, place)| format!("{}:{}:ro", folder.display(), view.join(place).display()));
        fs::write(tools.path(), service(way, folders).to_string()).unwrap();
        let recipe = Self { way, project: unique("hw-recipe"), view, tools };
        recipe.compose(&["up", "--detach"]).output().unwrap().succeeded();
        recipe
    }

    /// Runs a shell script in the service.
    pub(crate) fn sh(&self, script: &str) -> Output {
        let mut exec = self.compose(&["exec", "--no-TTY", "app", "bash", "-c", script]);
        exec.output().expect("compose can be started")
    }

    fn compose(&self, args: &[&str]) -> Command {
        let mut compose = self.way.engine.docker(&["compose", "--project-name", &self.project, "--file"]);
        compose.arg(self.way.host.join("compose.yaml")).arg("--file").arg(self.tools.path()).args(args);
        compose.stdin(Stdio::null());
        compose
    }
}

impl Drop for Recipe<'_> {
    fn drop(&mut self) {
        let _ = self.compose(&["down", "--volumes", "--timeout=0"]).output();
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
