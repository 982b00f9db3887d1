//! Container 1: a container whose docker client speaks to a proxy.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use crate::command::{OutputText, SHOWN_LINES, last_lines, run, shown};
use crate::engine::Engine;
use crate::error::{Error, Result, doing};
use crate::{LABEL, exec, images, unique};

/// Where the caller sees the host's folder.
pub const STORAGE: &str = "/app/storage";

/// A running container with the docker CLI in it. Drop removes it.
#[derive(Debug)]
pub struct Caller {
    engine: Engine,
    /// The container's name.
    pub name: String,
    /// The container's id, in full.
    pub id: String,
}

impl Caller {
    /// Starts a caller that has `host_dir` at [`STORAGE`] and speaks to the proxy. The proxy's folder is
    /// mounted, not its socket: a proxy that starts again makes a new one.
    pub fn start(engine: &Engine, proxy_socket: &Path, host_dir: &Path) -> Result<Caller> {
        Caller::start_called(engine, unique("hw-caller"), proxy_socket, host_dir)
    }

    /// Starts such a caller of this name.
    pub fn start_called(
        engine: &Engine,
        name: String,
        proxy_socket: &Path,
        host_dir: &Path,
    ) -> Result<Caller> {
        let folder = proxy_socket.parent().unwrap_or(Path::new("/"));
        let socket = proxy_socket.file_name().unwrap_or_default();
        let flags = [
            format!("--volume={}:{STORAGE}", host_dir.display()),
            format!("--volume={}:/run/hostward", folder.display()),
            format!("--env=DOCKER_HOST=unix:///run/hostward/{}", socket.display()),
        ];
        Caller::start_named(engine, name, &flags)
    }

    /// Starts a caller with these flags of `docker run`, for mounts of other kinds.
    pub fn start_with<S: AsRef<OsStr>>(engine: &Engine, run_flags: &[S]) -> Result<Caller> {
        Caller::start_named(engine, unique("hw-caller"), run_flags)
    }

    /// Starts a caller of this name with these flags of `docker run`.
    pub fn start_named<S: AsRef<OsStr>>(engine: &Engine, name: String, run_flags: &[S]) -> Result<Caller> {
        Caller::start_image(engine, images::CALLER, name, run_flags)
    }

    /// Starts a caller of another image.
    pub fn start_image<S: AsRef<OsStr>>(
        engine: &Engine,
        image: &str,
        name: String,
        run_flags: &[S],
    ) -> Result<Caller> {
        let mut command = engine.docker(&["run", "--detach", "--init", "--name", &name, "--label", LABEL]);
        let output = run(command.args(run_flags).args([image, "sleep", "infinity"]))?;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Caller { engine: engine.clone(), name, id })
    }

    /// Runs a shell script in the container, by the engine's own socket.
    pub fn sh(&self, script: &str) -> Result<Output> {
        let script = ["sh", "-c", script];
        if !self.engine.is_podman() {
            return exec::output(&self.engine.socket, &self.name, &script);
        }
        // Podman 4.3 gives what is said without an upgrade, and its client knows how.
        let mut command = self.exec(&script);
        let shown = shown(&command);
        command.output().map_err(doing(format!("run `{shown}`")))
    }

    /// Runs a shell script that must succeed; its standard output without white space at the ends.
    pub fn sh_ok(&self, script: &str) -> Result<String> {
        let output = self.sh(script)?;
        if output.status.success() {
            return Ok(output.out().trim().to_owned());
        }
        let said = last_lines(&format!("{}{}", output.out(), output.err()), SHOWN_LINES);
        Err(Error::Command { command: script.to_owned(), status: output.status, said })
    }

    /// `docker exec` of a command line in the container, to run as the test wants it.
    pub fn exec<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = self.engine.docker(&["exec", "--interactive", &self.name]);
        command.args(args);
        command
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let Err(error) = self.engine.remove(&format!("containers/{}?force=1&v=1", self.name)) {
            eprintln!("{error}");
        }
    }
}
