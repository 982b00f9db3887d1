//! Tools that drive an engine, in one image, `hostward/toolbox`: a caller for the tests of systems.
//!
//! The image holds what the tools need of Debian. They themselves are mounted, in the versions that `tests/systems` pins:
//! together they are larger than the image, and one folder of the machine does for all engines.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::catalog::{Catalog, Part};
use crate::command::run;
use crate::engine::{Engine, plugins_in};
use crate::error::{Result, doing};
use crate::lists::Lists;
use crate::{cargo, debian, images, say};

/// The image.
pub const IMAGE: &str = "hostward/toolbox";
/// The environment in which the tools are found.
pub const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "PATH",
        "/opt/tools/python/bin:/opt/tools/node/node_modules/.bin:\
         /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("PYTHONPATH", "/opt/tools/python"),
    ("NODE_PATH", "/opt/tools/node/node_modules"),
    // Python would write beside the scripts what it made of them.
    ("PYTHONDONTWRITEBYTECODE", "1"),
];

/// Raise it when what is made here changes in a way that the lists below don't show.
const RECIPE: u32 = 1;
/// What debootstrap adds to its minimal base.
const PACKAGES: [&str; 5] = ["python3", "git", "rsync", "procps", "ca-certificates"];
/// The version of cross, which is no package of pip or npm.
const CROSS: &str = "0.2.5";

/// What makes a site of the documentation.
const MDBOOK: &str = "0.5.4";
const LISTS: Lists = Lists {
    requirements: include_str!("../../../tests/systems/requirements.txt"),
    node_package: include_str!("../../../tests/systems/package.json"),
    node_lock: include_str!("../../../tests/systems/package-lock.json"),
};

/// The tools, installed.
#[derive(Debug)]
pub struct Toolbox {
    folder: PathBuf,
}

impl Toolbox {
    /// Makes what is missing, the image on all these engines. Takes minutes the first time on a machine.
    pub fn prepare(engines: &[Engine]) -> Result<Toolbox> {
        let recipe = hashed((RECIPE, PACKAGES));
        let catalog = Catalog::load()?;
        for engine in engines {
            if !images::has(engine, IMAGE, &recipe) {
                images::import(engine, &tar(&catalog, &recipe)?, IMAGE, "bash", &recipe)?;
            }
        }
        let folder = images::cached_folder("tools", &hashed((RECIPE, LISTS)), |folder| {
            say("installing the tools of tests/systems with pip and npm (two minutes)");
            LISTS.install(folder)
        })?;
        Ok(Toolbox { folder })
    }

    /// What is to be mounted into a container of the image: the tools, and the engine's docker CLI.
    pub fn volumes(&self, engine: &Engine) -> [String; 3] {
        [
            format!("{}:/opt/tools:ro", self.folder.display()),
            format!("{}:/usr/local/bin/docker:ro", engine.cli.display()),
            format!("{}:/usr/libexec/docker/cli-plugins:ro", plugins_in(&engine.root).display()),
        ]
    }

    /// A tool of npm's, to run on the machine itself.
    pub fn command(&self, name: &str) -> Command {
        let programs = self.folder.join("node/node_modules/.bin");
        let mut command = Command::new(programs.join("node"));
        command.arg(programs.join(name));
        command
    }
}

/// The folder with cross: over a minute, the first time on a machine.
pub fn cross() -> Result<PathBuf> {
    by_cargo("cross", CROSS, &[])
}

/// The program that makes a site of the documentation: some minutes, the first time on a machine.
pub fn mdbook() -> Result<PathBuf> {
    let features = ["--no-default-features", "--features", "search"];
    Ok(by_cargo("mdbook", MDBOOK, &features)?.join("bin/mdbook"))
}

/// The folder with a program that cargo installs.
fn by_cargo(name: &str, version: &str, features: &[&str]) -> Result<PathBuf> {
    images::cached_folder(name, version, |folder| {
        say(format_args!("installing {name} with cargo (some minutes)"));
        let target = tempfile::tempdir().map_err(doing("make a folder for cargo"))?;
        let mut cargo = cargo::command();
        cargo.args(["install", name, "--locked", "--quiet", "--version", version]).args(features);
        // Not in this project, whose settings are for static programs.
        run(cargo.arg("--root").arg(folder).arg("--target-dir").arg(target.path()).current_dir(folder))?;
        Ok(())
    })
}

/// The program that uses Testcontainers for Rust. Building it takes two minutes the first time on a machine.
pub fn testcontainers() -> Result<PathBuf> {
    cargo::program(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/systems/testcontainers/rust"))
}

/// The folder with kind. Bookworm has none, and its libc runs sid's.
pub fn kind() -> Result<PathBuf> {
    let folder = images::cached_folder("kind", "sid", |folder| {
        let part = Part { suite: "sid".to_owned(), packages: vec!["kind".to_owned()] };
        debian::unpack("kind", &[part], &folder.join("root"))
    })?;
    Ok(folder.join("root/usr/bin"))
}

fn tar(catalog: &Catalog, recipe: &str) -> Result<PathBuf> {
    images::cached("toolbox", recipe, |folder| {
        say(format_args!("building the {IMAGE} image with debootstrap (a minute)"));
        images::debootstrap(catalog, &PACKAGES.map(str::to_owned), folder)
    })
}

fn hashed(what: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
