//! Start and stop an engine: its own data, socket, containerd and bridge, and nothing of anyone else's.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::catalog::{Catalog, EngineSpec, Kind};
use crate::command::{LOG_LINES, last_lines, run, stdout_of};
use crate::engine::Engine;
use crate::error::{Error, Result, doing};
use crate::mounts::unmount_below;
use crate::paths::EnginePaths;
use crate::{debian, dockerd, forwarding, http, images, paths, podman, process, rootless, say};

/// The slowest start seen was four seconds; a loaded machine gets more.
const START_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// An engine after [`up`].
#[derive(Debug)]
pub struct Up {
    /// The engine.
    pub engine: Engine,
    /// Whether this call started it; otherwise it ran before.
    pub started: bool,
}

/// Makes an engine run with its images: downloads, starts and imports what is missing.
pub fn up(catalog: &Catalog, spec: &EngineSpec) -> Result<Up> {
    must_be_root()?;
    let paths = EnginePaths::of(spec)?;
    let _lock = lock(&spec.name)?;
    let started = !answers(&paths);
    if started {
        debian::install_missing(&catalog.system)?;
        let what = format!("engine {}", spec.name);
        debian::unpack(&what, &spec.parts, &paths.root)?;
        clear_away(spec, &paths)?;
        start(spec, &paths)?;
    }
    let engine = Engine::of(spec)?;
    if started {
        let (name, version) = (&spec.name, &engine.version);
        say(format_args!("engine {name}: {} {version} on {}", spec.kind, engine.socket.display()));
    }
    images::prepare(catalog, &engine)?;
    Ok(Up { engine, started })
}

/// An engine's packages, unpacked: the folder that they are in.
pub(crate) fn unpacked(spec: &EngineSpec) -> Result<PathBuf> {
    let root = EnginePaths::of(spec)?.root;
    let _lock = lock(&spec.name)?;
    debian::unpack(&format!("engine {}", spec.name), &spec.parts, &root)?;
    Ok(root)
}

/// Unpacks the CLI that speaks to engines of the user's choice, and makes the images there.
pub fn prepare_named(catalog: &Catalog, address: &str) -> Result<Engine> {
    debian::install_missing(&catalog.system)?;
    let spec = &catalog.select(Some(&catalog.default))?[0];
    unpacked(spec)?;
    let engine = Engine::at(address)?;
    images::prepare(catalog, &engine)?;
    Ok(engine)
}

/// Ends an engine, its containers and its links. One that does not run is fine. Whether one ran.
pub fn down(spec: &EngineSpec) -> Result<bool> {
    must_be_root()?;
    let paths = EnginePaths::of(spec)?;
    let _lock = lock(&spec.name)?;
    let ran = answers(&paths);
    if ran {
        say(format_args!("engine {}: stopping", spec.name));
        if spec.kind == Kind::Docker {
            empty(spec);
        }
    }
    clear_away(spec, &paths)?;
    forwarding::restore(&Catalog::load()?)?;
    Ok(ran)
}

/// Whether an engine of ours runs and answers.
pub fn runs(spec: &EngineSpec) -> Result<bool> {
    Ok(answers(&EnginePaths::of(spec)?))
}

fn answers(paths: &EnginePaths) -> bool {
    running_pid(paths).is_some() && http::answers(&paths.socket())
}

/// The daemon's process, if the one in the pid file is the daemon still.
fn running_pid(paths: &EnginePaths) -> Option<u32> {
    process::read_pid(&paths.pid()).filter(|pid| process::is_ours(*pid, &mark(paths)))
}

/// An argument that only this engine's daemon, its containerd and its shims have.
fn mark(paths: &EnginePaths) -> String {
    format!("{}/exec", paths.run.display())
}

pub(crate) fn must_be_root() -> Result<()> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Error::State("test engines need root: they make bridges and mounts".to_owned()))
}

/// Keeps a second `up` or `down` of the same engine waiting.
fn lock(name: &str) -> Result<File> {
    let folder = paths::cache()?.join("engines");
    fs::create_dir_all(&folder).map_err(doing(format!("make {}", folder.display())))?;
    let file = folder.join(format!("{name}.lock"));
    let lock = File::create(&file).map_err(doing(format!("make {}", file.display())))?;
    lock.lock().map_err(doing(format!("lock {}", file.display())))?;
    Ok(lock)
}

fn start(spec: &EngineSpec, paths: &EnginePaths) -> Result<()> {
    say(format_args!("engine {}: starting", spec.name));
    for folder in [&paths.run, &paths.data] {
        fs::create_dir_all(folder).map_err(doing(format!("make {}", folder.display())))?;
    }
    forwarding::allow(&Catalog::load()?)?;
    let log = File::create(paths.log()).map_err(doing(format!("make {}", paths.log().display())))?;
    let errors = log.try_clone().map_err(doing("share the log"))?;
    let mut child = match spec.kind {
        Kind::Docker if spec.user.is_some() => rootless::serve(spec, paths, log, errors)?,
        Kind::Docker => dockerd::serve(spec, paths, log, errors)?,
        Kind::Podman => podman::serve(spec, paths, log, errors)?,
    };
    let mut ended = None;
    let up = process::wait_until(START_LIMIT, || {
        ended = child.try_wait().ok().flatten();
        ended.is_some() || http::answers(&paths.socket())
    });
    if up && ended.is_none() {
        return Ok(());
    }
    let how = ended.map_or_else(
        || format!("does not answer after {} s", START_LIMIT.as_secs()),
        |status| format!("ended at once ({status})"),
    );
    let log = fs::read_to_string(paths.log()).unwrap_or_default();
    let _ = clear_away(spec, paths);
    let _ = Catalog::load().and_then(|catalog| forwarding::restore(&catalog));
    Err(Error::State(format!(
        "engine {}: its daemon {how}. The end of its log:\n{}",
        spec.name,
        last_lines(&log, LOG_LINES)
    )))
}

/// Takes containers and networks off a Docker engine: with them go their processes, mounts and links.
fn empty(spec: &EngineSpec) {
    let Ok(engine) = Engine::of(spec) else { return };
    for (list, remove) in [
        (["ps", "-aq"].as_slice(), ["rm", "-fv"].as_slice()),
        (&["network", "ls", "-qf", "type=custom"], &["network", "rm"]),
    ] {
        let found = stdout_of(&mut engine.docker(list)).unwrap_or_default();
        let found: Vec<&str> = found.split_whitespace().collect();
        if !found.is_empty()
            && let Err(error) = run(engine.docker(remove).args(&found))
        {
            say(error);
        }
    }
}

/// Ends whatever an engine left, also one that was killed: processes, mounts, links and its run folder.
fn clear_away(spec: &EngineSpec, paths: &EnginePaths) -> Result<()> {
    if spec.kind == Kind::Podman {
        // Also of a service that was killed. What it cannot take off is ended below.
        let _ = podman::empty(paths);
    }
    end_processes(spec, paths)?;
    for folder in [&paths.run, &paths.data] {
        unmount_below(folder)?;
    }
    for link in links(spec) {
        run(Command::new("ip").args(["link", "delete", &link]))?;
    }
    if paths.run.exists() {
        fs::remove_dir_all(&paths.run).map_err(doing(format!("remove {}", paths.run.display())))?;
    }
    Ok(())
}

fn end_processes(spec: &EngineSpec, paths: &EnginePaths) -> Result<()> {
    let daemon = running_pid(paths);
    if let Some(daemon) = daemon {
        process::signal(daemon, Signal::TERM);
        process::wait_until(STOP_LIMIT, || !process::runs(daemon));
    }
    // A daemon that ended well takes all with it; one that was killed leaves containerd, shims and containers.
    let left = process::with_descendants(&process::with_mark(&mark(paths)));
    if gone(&left, if daemon.is_some() { Duration::from_secs(5) } else { Duration::ZERO }) {
        return Ok(());
    }
    // Podman's conmon hands SIGTERM on to the pid of what it watched, which may be gone, and the pid another's by now.
    let gentle = (spec.kind == Kind::Docker).then_some((Signal::TERM, 1));
    for (signal, limit) in gentle.into_iter().chain([(Signal::KILL, 10)]) {
        left.iter().filter(|pid| process::runs(**pid)).for_each(|pid| process::signal(*pid, signal));
        if gone(&left, Duration::from_secs(limit)) {
            return Ok(());
        }
    }
    Err(Error::State(format!("processes of {} don't end: {left:?}", paths.run.display())))
}

fn gone(pids: &BTreeSet<u32>, limit: Duration) -> bool {
    process::wait_until(limit, || !pids.iter().any(|pid| process::runs(*pid)))
}

/// The engine's bridge, and bridges left of networks from its pool, as Docker or Podman names them.
fn links(spec: &EngineSpec) -> Vec<String> {
    let Some(network) = &spec.network else { return Vec::new() };
    let shown = stdout_of(Command::new("ip").args(["-4", "-o", "address", "show", "to", &network.pool]));
    let shown = shown.unwrap_or_default();
    let pooled = shown.lines().filter_map(|line| line.split_whitespace().nth(1));
    let mut links: Vec<String> = pooled
        .filter(|link| link.starts_with("br-") || link.starts_with("podman"))
        .map(str::to_owned)
        .collect();
    if Path::new("/sys/class/net").join(&network.bridge).exists() {
        links.push(network.bridge.clone());
    }
    links
}
