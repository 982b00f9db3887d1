//! The program in a world of its own, and what is asked of how it ended.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// The program in a world of its own: no variables, no configuration, no engine.
pub(crate) struct World {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostward"));
        command.args(args).env_clear().env("HOME", self.path()).current_dir(self.path());
        command.env("DOCKER_HOST", "unix:///nonexistent/engine.sock");
        command.env("HOSTWARD_STATE", self.path().join("state"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Exit status, stdout and stderr, with the world's own directory by a fixed name.
    pub(crate) fn told(&self, args: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.run(args);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let told = format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            status.code().unwrap(),
            text(stdout),
            text(stderr)
        );
        told.replace(self.path().to_str().unwrap(), "/WORLD")
    }
}

/// What `config check` says, but for the list of limits.
pub(crate) fn without_limits(told: &str) -> String {
    let (before, rest) = told.split_once("\n\nlimit ").unwrap();
    format!("{before}\n--- stderr{}", rest.split_once("--- stderr").unwrap().1)
}

pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

pub(crate) const STORAGE: [&str; 2] = ["--map", "/app/storage=/srv/storage"];

/// Head and body of the answer to a GET.
pub(crate) fn get(socket: &Path, path: &str) -> (String, String) {
    let mut client = UnixStream::connect(socket).unwrap();
    client
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// Waits until something holds, for a while.
pub(crate) fn wait_until(mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < limit, "it never holds");
        std::thread::sleep(Duration::from_millis(10));
    }
}
