//! Clients of many kinds in one image, `hostward/clients`: a caller for the client matrix and for compose.
//!
//! The image holds what is installed: Python, compose 1.29 and Node of Debian, docker-py, python-on-whales and
//! dockerode of their registries, in the versions that `tests/clients` pins. The engines' docker CLIs with their
//! compose, bollard's program and the scripts are mounted: they change more often than the image is worth.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use crate::caller::Caller;
use crate::catalog::Catalog;
use crate::engine::{self, Engine, plugins_in};
use crate::error::{Result, doing};
use crate::lists::Lists;
use crate::paths::EnginePaths;
use crate::{cargo, debian, images, proxy, say, unique};

/// The image.
pub const IMAGE: &str = "hostward/clients";
/// Whose docker CLIs are in the matrix: engines of engines.toml.
pub const CLIS: [&str; 3] = ["20.10", "26", "28"];

/// Raise it when what is made here changes in a way that the lists below don't show.
const RECIPE: u32 = 1;
/// What debootstrap adds to its minimal base. docker-compose is 1.29 there.
const PACKAGES: [&str; 4] = ["python3", "docker-compose", "nodejs", "ca-certificates"];
const LISTS: Lists = Lists {
    requirements: include_str!("../../../tests/clients/requirements.txt"),
    node_package: include_str!("../../../tests/clients/package.json"),
    node_lock: include_str!("../../../tests/clients/package-lock.json"),
};

/// All that a caller of this kind needs, made.
#[derive(Debug)]
pub struct Clients {
    /// `tests/clients`, with the scripts.
    scripts: PathBuf,
    /// bollard's program.
    bollard: PathBuf,
    /// Name and unpacked packages of each of [`CLIS`].
    clis: Vec<(&'static str, PathBuf)>,
}

impl Clients {
    /// Makes what is missing, the image on all these engines. Takes minutes the first time on a machine.
    pub fn prepare(engines: &[Engine]) -> Result<Clients> {
        let catalog = Catalog::load()?;
        for engine in engines {
            if !images::has(engine, IMAGE, &recipe()) {
                images::import(engine, &tar(&catalog)?, IMAGE, "python3", &recipe())?;
            }
        }
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients");
        let scripts = scripts.canonicalize().map_err(doing("find tests/clients"))?;
        let bollard = cargo::program(&scripts.join("bollard"))?;
        let clis = CLIS.into_iter().map(|name| Ok((name, unpacked(&catalog, name)?)));
        Ok(Clients { scripts, bollard, clis: clis.collect::<Result<_>>()? })
    }

    /// Starts a caller with these flags of `docker run`, which give it a `DOCKER_HOST`.
    pub fn start<S: AsRef<OsStr>>(&self, engine: &Engine, run_flags: &[S]) -> Result<Caller> {
        let mut flags = vec![
            format!("--volume={}:/opt/clients:ro", self.scripts.display()),
            format!("--volume={}:/opt/bollard:ro", self.bollard.display()),
            // Python would write beside the scripts what it made of them.
            "--env=PYTHONDONTWRITEBYTECODE=1".to_owned(),
        ];
        for (name, root) in &self.clis {
            let cli = root.join("usr/bin/docker");
            flags.push(format!("--volume={}:/opt/cli/{name}/docker:ro", cli.display()));
            // Where `DOCKER_CONFIG=/opt/cli/NAME` finds them.
            flags.push(format!("--volume={}:/opt/cli/{name}/cli-plugins:ro", plugins_in(root).display()));
        }
        let flags = flags.iter().map(OsStr::new).chain(run_flags.iter().map(AsRef::as_ref));
        let flags: Vec<&OsStr> = flags.collect();
        Caller::start_image(engine, IMAGE, unique("hw-clients"), &flags)
    }
}

/// Runs a case on the newest Docker, or on every engine that is named, side by side, as these cases mostly wait; what came of it on
/// which.
///
/// # Panics
/// Where an engine is missing, what a caller needs cannot be made, or the case panics.
pub fn on_each_engine<T: Send>(case: impl Fn(&Engine, &Clients) -> T + Sync) -> Vec<(String, T)> {
    let engines = engine::newest_or_chosen().unwrap_or_else(|error| panic!("{error}"));
    let clients = Clients::prepare(&engines).unwrap_or_else(|error| panic!("{error}"));
    std::thread::scope(|scope| {
        let on = |engine| {
            scope.spawn({
                let (case, clients) = (&case, &clients);
                move || case(engine, clients)
            })
        };
        let threads: Vec<_> = engines.iter().map(on).collect();
        let results =
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        engines.iter().map(|engine| engine.name.clone()).zip(results).collect()
    })
}

/// Where the tests leave the client matrix, for the test command to print.
pub fn matrix_file() -> PathBuf {
    proxy::target_folder().join("clients.md")
}

/// Names the image's contents: another list makes another image.
fn recipe() -> String {
    let mut hasher = DefaultHasher::new();
    (RECIPE, PACKAGES, LISTS).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn tar(catalog: &Catalog) -> Result<PathBuf> {
    images::cached("clients", &recipe(), |folder| {
        say(format_args!("building the {IMAGE} image with debootstrap, pip and npm (two minutes)"));
        images::debootstrap(catalog, &PACKAGES.map(str::to_owned), folder)?;
        LISTS.install(&folder.join("opt"))
    })
}

/// The folder of an engine's packages, which are there already if that engine was ever up.
fn unpacked(catalog: &Catalog, name: &str) -> Result<PathBuf> {
    let spec = &catalog.select(Some(name))?[0];
    let root = EnginePaths::of(spec)?.root;
    if !root.join("usr/bin/docker").exists() {
        debian::unpack(&format!("client of {name}"), &spec.parts, &root)?;
    }
    Ok(root)
}
