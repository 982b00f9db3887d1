//! What the end-to-end tests share: a world is one engine, a proxy in front of it, and a caller behind the proxy.
//!
//! Every case runs on each engine, and first against the bare engine from the host, which is the oracle.

pub mod cgroups; // cgroups of containers, by way of the host
pub mod hung; // files that never answer
pub mod listing; // what is at a path, to be held against what is at another
pub mod recorder; // what an engine receives
pub mod served; // a proxy that callers reach by TCP or TLS
pub mod swarm; // an engine in a swarm

use hostward_testkit::{Caller, Engine, OutputText, Proxy, docker_engines, engines};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Runs a case on every Docker engine; a failure says on which. Podman has its own tests (`tests/podman.rs`).
///
/// # Panics
/// Where an engine is missing, or the case fails on one.
pub fn on_each_engine(case: impl Fn(&Engine)) {
    on(docker_engines(), case);
}

/// Runs a case on every engine, Podman with Docker's; a failure says on which.
///
/// # Panics
/// Where an engine is missing, or the case fails on one.
pub fn on_every_engine(case: impl Fn(&Engine)) {
    on(engines(), case);
}

/// Runs a case on these engines; a failure says on which.
///
/// # Panics
/// Where an engine is missing, or the case fails on one.
pub fn on(engines: hostward_testkit::Result<Vec<Engine>>, case: impl Fn(&Engine)) {
    for engine in engines.unwrap_or_else(|error| panic!("{error}")) {
        eprintln!("--- on engine {} ({})", engine.name, engine.version);
        case(&engine);
    }
}

/// An engine, a proxy, a caller, and the host's directory that the caller has at `/app/storage`.
#[derive(Debug)]
pub struct World {
    /// The engine.
    pub engine: Engine,
    /// The proxy in front of it.
    pub proxy: Proxy,
    /// The container that drives the engine through the proxy.
    pub caller: Caller,
    /// The caller's `/app/storage`, on the host.
    pub storage: tempfile::TempDir,
}

impl World {
    /// Brings up a proxy and a caller on an engine.
    ///
    /// # Panics
    /// Where either does not start.
    pub fn on(engine: &Engine) -> Self {
        let storage = host_dir();
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap_or_else(|error| panic!("{error}"));
        let caller =
            Caller::start(engine, &proxy.socket(), storage.path()).unwrap_or_else(|error| panic!("{error}"));
        Self { engine: engine.clone(), proxy, caller, storage }
    }

    /// Writes a file in the caller's storage, by way of the host.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write(&self, path: &str, content: &str) -> PathBuf {
        let file = self.storage.path().join(path);
        fs::create_dir_all(file.parent().expect("a file has a directory"))
            .expect("the directory can be made");
        fs::write(&file, content).expect("the file can be written");
        file
    }

    /// Runs a shell script in the caller, which must succeed, and gives its standard output.
    ///
    /// # Panics
    /// Where it fails.
    pub fn sh(&self, script: &str) -> String {
        self.try_sh(script).succeeded().out()
    }

    /// Asks for a mount of a path by `-v`: it must be refused in Hostward's words and for this reason, and nothing run.
    ///
    /// # Panics
    /// Where it is not.
    pub fn refuses(&self, path: &str, reason: &str) {
        let refused =
            self.try_sh(&format!("docker run --rm -v {path}:/x busybox sh -c 'echo started; cat /x'"));
        let said = refused.failed().err();
        assert!(said.contains(&format!("cannot mount {path}: ")) && said.contains(reason), "{path}: {said}");
        assert_eq!(refused.out(), "", "{path}");
    }

    /// Runs a shell script in the caller.
    ///
    /// # Panics
    /// Where the engine cannot run it.
    pub fn try_sh(&self, script: &str) -> Output {
        self.caller.sh(script).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// A fresh directory of the host that every engine can see and that stands nowhere else.
///
/// # Panics
/// Where it cannot be made.
pub fn host_dir() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("hostward-e2e-").tempdir_in("/var/tmp");
    dir.expect("/var/tmp can be written")
}

/// Where the engine's machine has a running container's root filesystem.
///
/// # Panics
/// Where the engine does not answer.
pub fn root_of(engine: &Engine, container: &str) -> PathBuf {
    let ask = |args: &[&str]| docker(engine, &engine.socket, args).trim().to_owned();
    let merged = ask(&["inspect", "--format", "{{json .GraphDriver}}", container]);
    let merged: serde_json::Value = serde_json::from_str(&merged).expect("JSON");
    if let Some(merged) = merged["Data"]["MergedDir"].as_str() {
        return PathBuf::from(merged);
    }
    // The containerd image store tells nobody.
    let id = ask(&["inspect", "--format", "{{.Id}}", container]);
    PathBuf::from(ask(&["info", "--format", "{{.DockerRootDir}}"])).join("rootfs/overlayfs").join(id)
}

/// A docker command from the host, against a socket; it must succeed. Gives its standard output.
///
/// # Panics
/// Where it fails.
pub fn docker<S: AsRef<OsStr>>(engine: &Engine, socket: &Path, args: &[S]) -> String {
    engine
        .docker_at(socket, args)
        .stdin(Stdio::null())
        .output()
        .expect("docker can be started")
        .succeeded()
        .out()
}

/// A shell script on the host whose `docker` speaks to a socket.
pub fn shell(engine: &Engine, socket: &Path, script: &str) -> Command {
    let docker = engine.docker_at(socket, &[] as &[&str]);
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    for (name, value) in docker.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Waits until something is so.
///
/// # Panics
/// Where it is not after a minute.
#[track_caller]
pub fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Feeds a command from memory while its output is read.
///
/// # Panics
/// Where the command cannot be run.
pub fn feed(mut command: Command, input: Vec<u8>) -> Output {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child: Child = child.expect("the command can be started");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let writer = std::thread::spawn(move || {
        // A command that ends early closes the pipe: its status says so.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("the command can be waited for");
    writer.join().expect("the writer ends");
    output
}

/// Something on an engine that is removed at the end of a test, however that comes.
#[derive(Debug)]
pub struct Removed<'a> {
    engine: &'a Engine,
    kind: &'static str,
    name: String,
}

impl<'a> Removed<'a> {
    /// Takes a container by its name.
    pub fn new(engine: &'a Engine, name: impl Into<String>) -> Self {
        Self { engine, kind: "containers", name: name.into() }
    }

    /// Takes an image by its name.
    pub fn image(engine: &'a Engine, name: impl Into<String>) -> Self {
        Self { engine, kind: "images", name: name.into() }
    }

    /// Takes a volume by its name.
    pub fn volume(engine: &'a Engine, name: impl Into<String>) -> Self {
        Self { engine, kind: "volumes", name: name.into() }
    }

    /// Takes a network by its name.
    pub fn network(engine: &'a Engine, name: impl Into<String>) -> Self {
        Self { engine, kind: "networks", name: name.into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        // Many a test has removed it by then.
        let _ = self.engine.remove(&format!("{}/{}?force=1&v=1", self.kind, self.name));
    }
}
