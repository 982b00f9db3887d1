//! A running `hostward proxy`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::engine::Engine;
use crate::error::{Error, Result, doing};
use crate::rootless::{self, Side};
use crate::{http, paths, process};

/// Names the `hostward` program to test, instead of the one that was built last.
pub const PROGRAM_VARIABLE: &str = "HOSTWARD_BIN";

/// The profile that tests on engines build the program by: it is optimized and takes a quarter of a release's time.
pub const PROFILE: &str = "tested";

/// Names the directory in which the program keeps its key.
pub const STATE_VARIABLE: &str = "HOSTWARD_STATE";

const START_LIMIT: Duration = Duration::from_secs(20);
const DRAIN_LIMIT: Duration = Duration::from_secs(15);

/// `hostward proxy` in front of an engine, on a socket in a folder of its own. Drop ends it.
#[derive(Debug)]
pub struct Proxy {
    command: Command,
    child: Child,
    folder: tempfile::TempDir,
    ended: Option<ExitStatus>,
}

impl Proxy {
    /// Starts a proxy and waits until it answers.
    pub fn start<S: AsRef<OsStr>>(engine: &Engine, extra_args: &[S]) -> Result<Proxy> {
        Proxy::start_to(&engine.socket, extra_args)
    }

    /// Starts a proxy to any socket, and waits until it answers, by itself or for the engine.
    pub fn start_to<S: AsRef<OsStr>>(engine: &Path, extra_args: &[S]) -> Result<Proxy> {
        Proxy::start_program(&program()?, engine, extra_args)
    }

    /// Starts a proxy of this program.
    pub fn start_program<S: AsRef<OsStr>>(program: &Path, engine: &Path, extra_args: &[S]) -> Result<Proxy> {
        Proxy::launch(program, Some(&format!("unix://{}", engine.display())), &[], extra_args)
    }

    /// Starts a proxy to an engine's address of any kind, with these variables besides the test's own.
    pub fn start_at(engine: &str, environment: &[(&str, &OsStr)]) -> Result<Proxy> {
        Proxy::launch(&program()?, Some(engine), environment, &[] as &[&str])
    }

    /// Starts a proxy in front of the engine that docker's own settings name.
    pub fn start_by(environment: &[(&str, &OsStr)]) -> Result<Proxy> {
        Proxy::launch(&program()?, None, environment, &[] as &[&str])
    }

    /// Starts a proxy by the configuration file that `configuration` writes for a proxy with this socket.
    pub fn start_configured(configuration: impl FnOnce(&Path) -> String) -> Result<Proxy> {
        Proxy::spawn(&program()?, |command, socket| {
            // Not beside the socket, which callers have with all that is in its folder.
            let file = socket.with_file_name("../hostward.toml");
            fs::write(&file, configuration(socket)).map_err(doing("write the proxy's configuration"))?;
            command.arg("--config").arg(file);
            Ok(())
        })
    }

    /// Starts a proxy to the engine without root, on one side of its user namespace. A user other than root reaches its folder,
    /// and has there what root's is out of reach: the program, its configuration, and the place of its key.
    pub fn start_on(engine: &Engine, side: Side) -> Result<Proxy> {
        let built = program()?;
        Proxy::spawn(&built, |command, socket| {
            let folder = socket.with_file_name("..");
            let [program, file, state] = ["hostward", "hostward.toml", "state"].map(|name| folder.join(name));
            fs::copy(&built, &program).map_err(doing("copy the program"))?;
            fs::create_dir(&state).map_err(doing("make a place for the key"))?;
            let open = fs::Permissions::from_mode(0o711);
            fs::set_permissions(&folder, open).map_err(doing("open the proxy's folder"))?;
            let user = rootless::engine_user()?;
            // Root gives the socket to the engine's user, who is root in its containers.
            let owner = if side == Side::Root { format!("owner = \"{user}\"\n") } else { String::new() };
            let (engine, listen) = (engine.socket.display(), socket.display());
            let text =
                format!("engine = \"unix://{engine}\"\n[[listen]]\naddress = \"unix://{listen}\"\n{owner}");
            fs::write(&file, text).map_err(doing("write the proxy's configuration"))?;
            if side != Side::Root {
                for given in [&socket.with_file_name("."), &state] {
                    chown(given, Some(user), Some(user)).map_err(doing("give the proxy's folder away"))?;
                }
            }
            let start = rootless::on(side)?;
            let mut started = Command::new(&start[0]);
            started.args(&start[1..]).arg(program).arg("proxy").arg("--config").arg(file);
            for (name, value) in command.get_envs() {
                match value {
                    Some(value) => started.env(name, value),
                    None => started.env_remove(name),
                };
            }
            started.env(STATE_VARIABLE, state);
            *command = started;
            Ok(())
        })
    }

    /// Runs another command of the same program, as whom and by what configuration this proxy runs.
    pub fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Output> {
        let mut command = Command::new(self.command.get_program());
        let started: Vec<_> = self.command.get_args().collect();
        let at = started.iter().position(|arg| *arg == "proxy").unwrap_or(started.len());
        command.args(&started[..at]).args(args).args(started.iter().skip(at + 1));
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).output().map_err(doing("run hostward"))
    }

    fn launch<S: AsRef<OsStr>>(
        program: &Path,
        engine: Option<&str>,
        environment: &[(&str, &OsStr)],
        extra_args: &[S],
    ) -> Result<Proxy> {
        Proxy::spawn(program, |command, socket| {
            command.arg("--listen").arg(format!("unix://{}", socket.display()));
            command.args(engine.iter().flat_map(|engine| ["--engine", engine]));
            command.args(extra_args).envs(environment.iter().copied());
            Ok(())
        })
    }

    fn spawn(program: &Path, add: impl FnOnce(&mut Command, &Path) -> Result<()>) -> Result<Proxy> {
        // Not TMPDIR: a socket's path has 107 bytes at most.
        let folder = tempfile::Builder::new().prefix("hwproxy-").tempdir_in("/tmp");
        let folder = folder.map_err(doing("make a folder for the proxy's socket"))?;
        let socket = folder.path().join("run/docker.sock");
        fs::create_dir(folder.path().join("run")).map_err(doing("make the socket's folder"))?;
        let log = File::create(folder.path().join("stderr")).map_err(doing("make the proxy's log"))?;
        let mut command = Command::new(program);
        command
            .arg("proxy")
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT")
            .env_remove("HOST_PWD")
            .env_remove("STORAGE_BASE")
            .env(STATE_VARIABLE, state()?);
        add(&mut command, &socket)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(doing(format!("start {}", program.display())))?;
        let mut proxy = Proxy { command, child, folder, ended: None };
        proxy.answers()?;
        Ok(proxy)
    }

    /// Kills it without a word of warning, and starts it again on the same socket.
    pub fn kill_and_start(&mut self) -> Result<()> {
        self.child.kill().map_err(doing("kill the proxy"))?;
        self.child.wait().map_err(doing("wait for the proxy"))?;
        self.child = self.command.spawn().map_err(doing("start the proxy again"))?;
        self.ended = None;
        self.answers()
    }

    fn answers(&mut self) -> Result<()> {
        let socket = self.socket();
        let answered = process::wait_until(START_LIMIT, || {
            self.has_ended() || http::get(&socket, "/_ping").is_ok_and(|answer| answer.status != 0)
        });
        if answered && self.ended.is_none() {
            return Ok(());
        }
        let how =
            self.ended.map_or_else(|| "does not answer".to_owned(), |status| format!("ended ({status})"));
        Err(Error::State(format!("the proxy {how}; it said:\n{}", self.stderr())))
    }

    /// The socket to give to clients. The folder it is in holds nothing else.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("run/docker.sock")
    }

    /// The proxy's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    /// Asks it to end as a service manager does, and waits: how it ended, and all that it said.
    pub fn stop(mut self) -> (ExitStatus, String) {
        let status = self.end();
        (status, self.stderr())
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended.is_some()
    }

    fn end(&mut self) -> ExitStatus {
        process::signal(self.child.id(), Signal::TERM);
        if !process::wait_until(DRAIN_LIMIT, || self.has_ended()) {
            eprintln!("the proxy does not end on SIGTERM: killing it");
            let _ = self.child.kill();
        }
        self.ended.unwrap_or_else(|| self.child.wait().unwrap_or_default())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.end();
        }
        if std::thread::panicking() {
            eprintln!("--- the proxy ({:?}) said:\n{}---", self.ended, self.stderr());
        }
    }
}

/// The `hostward` program: `HOSTWARD_BIN`, or else the one built last, in any profile.
pub fn program() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(PROGRAM_VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(named.into());
    }
    newest(&[PROFILE, "release", "debug"])
}

/// The `hostward` program of the last build by this profile.
pub fn program_by(profile: &str) -> Result<PathBuf> {
    newest(&[profile])
}

fn newest(profiles: &[&str]) -> Result<PathBuf> {
    let target = target_folder();
    let entries = fs::read_dir(&target).into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path()).chain([target.clone()]);
    let programs =
        folders.flat_map(|folder| profiles.iter().map(move |profile| folder.join(profile).join("hostward")));
    let dated = programs.filter_map(|program| Some((program.metadata().ok()?.modified().ok()?, program)));
    let Some((_, program)) = dated.max() else {
        return Err(Error::State(format!(
            "no hostward program in {}: build it with `cargo build --release -p hostward-cli`, or name one in {PROGRAM_VARIABLE}",
            target.display()
        )));
    };
    program.canonicalize().map_err(doing(format!("find {}", program.display())))
}

/// The state of the proxies that tests start on this machine: one for all, so that one which is started again knows what the
/// one before has written down.
pub fn state() -> Result<PathBuf> {
    Ok(paths::cache()?.join("state"))
}

/// Where cargo puts what it builds.
pub fn target_folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        Some(folder) => root.join(folder),
        None => root.join("target"),
    }
}
