//! An engine that answers, and its docker CLI.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::catalog::{Catalog, EngineSpec, Kind};
use crate::command::{LOG_LINES, last_lines};
use crate::error::{Error, Result, doing};
use crate::paths::EnginePaths;
use crate::{http, paths, tls};

/// Names engines of the user's own choice: `unix:///…[,unix:///…]`.
pub const ENGINES_VARIABLE: &str = "HOSTWARD_TEST_ENGINES";

/// An engine that answers.
#[derive(Debug, Clone)]
pub struct Engine {
    /// `20.10`, `26`, `28`, `podman`, or the socket's path of an engine that the user named.
    pub name: String,
    /// Which program it is, by its own word.
    pub kind: Kind,
    /// The engine's own socket.
    pub socket: PathBuf,
    /// The docker CLI that belongs to it.
    pub cli: PathBuf,
    /// The version that the engine gives.
    pub version: String,
    /// The newest API version that the engine speaks, as major and minor.
    pub api: (u32, u32),
    /// `DOCKER_CONFIG` and `HOME` of its CLI.
    pub(crate) config: PathBuf,
    /// The folder its CLI was unpacked to.
    pub(crate) root: PathBuf,
}

/// The engines to test on: those that `HOSTWARD_TEST_ENGINES` names, or else the `tested` ones of engines.toml. One that
/// does not answer is an error: no test is skipped for want of an engine.
pub fn engines() -> Result<Vec<Engine>> {
    those(|_| true)
}

/// Of the engines to test on, those that are Docker's: for what cannot hold on Podman. Each such test says so by
/// asking for these.
pub fn docker_engines() -> Result<Vec<Engine>> {
    engines_of(Kind::Docker)
}

/// Of the engines to test on, those of a kind. Only these must answer; among engines of the user's choice there
/// may be none.
pub fn engines_of(kind: Kind) -> Result<Vec<Engine>> {
    those(|found| found == kind)
}

/// Those that `HOSTWARD_TEST_ENGINES` names, or else the newest Docker of the tested ones: for what is many programs of others, and
/// takes minutes an engine. `cargo xtask test --every` names all.
pub fn newest_or_chosen() -> Result<Vec<Engine>> {
    if chosen().is_some() {
        return engines();
    }
    let mut engines = docker_engines()?;
    // engines.toml has the oldest first.
    Ok(engines.split_off(engines.len().saturating_sub(1)))
}

fn those(wanted: impl Fn(Kind) -> bool) -> Result<Vec<Engine>> {
    match chosen() {
        Some(list) => Ok(named(&list)?.into_iter().filter(|engine| wanted(engine.kind)).collect()),
        None => Catalog::load()?.tested(true).filter(|spec| wanted(spec.kind)).map(Engine::of).collect(),
    }
}

/// The addresses of these engines of engines.toml, as `HOSTWARD_TEST_ENGINES` names them.
pub fn addresses<'a>(specs: impl IntoIterator<Item = &'a EngineSpec>) -> Result<String> {
    let address = |spec: &EngineSpec| Ok(format!("unix://{}", EnginePaths::of(spec)?.socket().display()));
    Ok(specs.into_iter().map(address).collect::<Result<Vec<_>>>()?.join(","))
}

/// The user's own list of engines, where there is one.
pub fn chosen() -> Option<String> {
    std::env::var(ENGINES_VARIABLE).ok().filter(|list| !list.trim().is_empty())
}

/// The engines of a list of `unix://` addresses.
pub fn named(list: &str) -> Result<Vec<Engine>> {
    list.split(',').map(str::trim).filter(|address| !address.is_empty()).map(Engine::at).collect()
}

impl Engine {
    /// The running test engine of an entry of engines.toml.
    pub fn of(spec: &EngineSpec) -> Result<Engine> {
        let paths = EnginePaths::of(spec)?;
        let socket = paths.socket();
        if !http::answers(&socket) {
            let name = &spec.name;
            let log = fs::read_to_string(paths.log());
            let end = log.map(|log| format!(". The end of its log:\n{}", last_lines(&log, LOG_LINES)));
            return Err(Error::State(format!(
                "engine {name} does not answer on {}: start it with `cargo xtask engines up {name}`{}",
                socket.display(),
                end.unwrap_or_default()
            )));
        }
        Engine::connect(spec.name.clone(), socket, paths.root, paths.run.join("config"))
    }

    /// An engine of the user's choice, with the default test engine's CLI (`cargo xtask` unpacks it). A test
    /// engine is known by its socket and keeps its own CLI.
    pub fn at(address: &str) -> Result<Engine> {
        let Some(socket) = address.strip_prefix("unix://").map(PathBuf::from) else {
            return Err(Error::State(format!("`{address}` is not a unix:// address, which the tests need")));
        };
        if !http::answers(&socket) {
            return Err(Error::State(format!("no engine answers on {}", socket.display())));
        }
        let catalog = Catalog::load()?;
        for spec in catalog.all() {
            if EnginePaths::of(spec)?.socket() == socket {
                return Engine::of(spec);
            }
        }
        let root = EnginePaths::of(&catalog.select(Some(&catalog.default))?[0])?.root;
        let config = paths::cache()?.join("config");
        Engine::connect(socket.display().to_string(), socket, root, config)
    }

    fn connect(name: String, socket: PathBuf, root: PathBuf, config: PathBuf) -> Result<Engine> {
        let answer = http::get(&socket, "/version")?;
        let facts: serde_json::Value = serde_json::from_str(&answer.body)
            .map_err(|error| Error::State(format!("engine {name}: its /version is not JSON: {error}")))?;
        let text = |key: &str| facts.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let kind = match facts["Components"][0]["Name"].as_str() {
            Some("Podman Engine") => Kind::Podman,
            _ => Kind::Docker,
        };
        let api = text("ApiVersion");
        let api =
            api.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        let cli = root.join("usr/bin/docker");
        let api = api.ok_or_else(|| Error::State(format!("engine {name}: no API version in {facts}")))?;
        write_cli_config(&config, &root)?;
        Ok(Engine { name, kind, socket, cli, version: text("Version"), api, config, root })
    }

    /// Where it speaks TLS, and the folder with a client's certificate by docker's names. Of a Docker engine of
    /// engines.toml only.
    pub fn tls(&self) -> Result<(String, PathBuf)> {
        let catalog = Catalog::load()?;
        let spec = catalog.all().find(|spec| spec.name == self.name && spec.kind == Kind::Docker);
        let with_network = spec.and_then(|spec| Some((spec, spec.network.as_ref()?)));
        let (spec, network) = with_network
            .ok_or_else(|| Error::State(format!("engine {} speaks no TLS that is known", self.name)))?;
        Ok((tls::address(network), tls::folder(&EnginePaths::of(spec)?)))
    }

    /// A command of the engine's CLI against the engine itself.
    pub fn docker<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        self.docker_at(&self.socket, args)
    }

    /// A command of the engine's CLI against another socket: a proxy's.
    pub fn docker_at<S: AsRef<OsStr>>(&self, socket: &Path, args: &[S]) -> Command {
        let mut command = Command::new(&self.cli);
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        for name in ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_API_VERSION"] {
            command.env_remove(name);
        }
        command.env("HOME", &self.config);
        command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
        command.args(args);
        command
    }

    /// Removes one thing by the API's path for it, as in `containers/NAME?force=1&v=1`. Nearly every test does so some times, and
    /// the CLI takes more time to start than the engine to remove.
    pub fn remove(&self, path: &str) -> Result<()> {
        let answer = http::delete(&self.socket, &format!("/{path}"))?;
        if answer.status < 300 {
            return Ok(());
        }
        let (name, status, said) = (&self.name, answer.status, answer.body.trim());
        Err(Error::State(format!("engine {name} does not remove {path} ({status}): {said}")))
    }

    /// What a shell needs to use this engine with its own CLI.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = std::env::var("PATH").unwrap_or_default();
        vec![
            ("DOCKER_HOST", format!("unix://{}", self.socket.display())),
            ("DOCKER_CONFIG", self.config.display().to_string()),
            ("PATH", format!("{}:{path}", self.root.join("usr/bin").display())),
        ]
    }

    /// Whether it is Podman.
    pub fn is_podman(&self) -> bool {
        self.kind == Kind::Podman
    }

    /// Whether the engine speaks this API version.
    pub fn speaks(&self, major: u32, minor: u32) -> bool {
        self.api >= (major, minor)
    }
}

/// A configuration folder of the CLI's own, with the plugins that were unpacked beside it.
fn write_cli_config(config: &Path, root: &Path) -> Result<()> {
    let plugins = config.join("cli-plugins");
    if plugins.exists() {
        return Ok(());
    }
    // Tests start at the same time: make it whole beside its place, and let one of them win.
    let parent = config.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(doing(format!("make {}", parent.display())))?;
    let draft = tempfile::Builder::new().prefix("config.").tempdir_in(parent);
    let draft = draft.map_err(doing("make a folder for the CLI's configuration"))?;
    let links = draft.path().join("cli-plugins");
    fs::create_dir(&links).map_err(doing("make a folder for CLI plugins"))?;
    for plugin in ["docker-compose", "docker-buildx"] {
        let file = plugins_in(root).join(plugin);
        std::os::unix::fs::symlink(file, links.join(plugin)).map_err(doing("link a CLI plugin"))?;
    }
    fs::write(draft.path().join("config.json"), "{}\n").map_err(doing("write the CLI's configuration"))?;
    match fs::rename(draft.path(), config) {
        Err(error) if !plugins.exists() => Err(doing("place the CLI's configuration")(error)),
        _ => Ok(()),
    }
}

/// Where Debian's packages put CLI plugins.
pub(crate) fn plugins_in(root: &Path) -> PathBuf {
    root.join("usr/libexec/docker/cli-plugins")
}
