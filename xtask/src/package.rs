//! `cargo xtask package`: builds the program and makes packages of it, in target/package. docs/install.md says how each is used.
//!
//! Two builds of one source are equal to the byte, wherever and whenever they are made: `cargo xtask test --every --only package`
//! compares two.

mod check;
mod deb;
mod image;
mod npm;
mod program;
mod release;
mod sbom;
mod tarball;
mod target;
mod tree;
mod wheel;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};
use hostward_testkit::command::stdout_of;
use hostward_testkit::{Error, Result, cargo, proxy};
use sha2::{Digest, Sha256};

pub(crate) use check::check;
use program::Place;
use release::Release;
use target::Target;

/// The hashes of all other files.
const SUMS: &str = "SHA256SUMS";

#[derive(Args)]
pub(crate) struct Package {
    /// The packages to make; all by default
    parts: Vec<Part>,
    /// The machine to make them for, as rustc calls it; by default this one. The program must run here, by `qemu-user` at least
    #[arg(long)]
    target: Option<String>,
    /// Package this program of the target instead of building it
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// What there is to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The static program with its manual, completions and units
    Tarball,
    /// The container images
    Image,
    /// The Debian package
    Deb,
    /// The package for Python
    Wheel,
    /// The packages for npm
    Npm,
    /// A list of what the program is made of (`CycloneDX`)
    Sbom,
}

/// Which packages of earlier runs a run replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earlier {
    /// All that are there.
    All,
    /// Those of the same names.
    Same,
}

/// A file in target/package.
#[derive(Debug)]
pub(crate) struct Artifact {
    name: String,
    bytes: Vec<u8>,
    mode: u32,
}

impl Artifact {
    fn new(name: String, bytes: Vec<u8>) -> Self {
        Self { name, bytes, mode: 0o644 }
    }

    fn program(name: String, bytes: Vec<u8>) -> Self {
        Self { mode: 0o755, ..Self::new(name, bytes) }
    }
}

pub(crate) fn run(args: &Package) -> Result<()> {
    let target = args.target.as_deref().map_or_else(Target::own, Target::parse)?;
    let (parts, replaces) = match &args.parts[..] {
        [] => (Part::value_variants(), Earlier::All),
        named => (named, Earlier::Same),
    };
    let artifacts = make(&Place::own()?, target, args.program.as_deref(), parts)?;
    write(&artifacts, replaces)?;
    println!("in {}:", folder().canonicalize().map_err(doing("find the packages"))?.display());
    for artifact in &artifacts {
        println!("{:>9} kB  {}", artifact.bytes.len().div_ceil(1000), artifact.name);
    }
    Ok(())
}

/// Where packages are left.
pub(crate) fn folder() -> PathBuf {
    proxy::target_folder().join("package")
}

impl Place {
    /// This workspace, dated by its last commit.
    pub(crate) fn own() -> Result<Self> {
        let workspace = cargo::workspace().canonicalize().map_err(doing("find the workspace"))?;
        let target_folder = proxy::target_folder();
        fs::create_dir_all(&target_folder).map_err(doing("make the target folder"))?;
        let target_folder = target_folder.canonicalize().map_err(doing("find the target folder"))?;
        Ok(Self { time: time(&workspace)?, workspace, target_folder })
    }
}

/// `SOURCE_DATE_EPOCH`, or when the last commit was made.
fn time(workspace: &Path) -> Result<u64> {
    let said = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(said) => said,
        Err(_) => stdout_of(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(workspace))?,
    };
    said.parse()
        .map_err(|_| Error::State(format!("SOURCE_DATE_EPOCH is {said:?}, and not seconds since 1970")))
}

/// Makes packages of this program, or of the one that is built in a place.
fn make(place: &Place, target: Target, program: Option<&Path>, parts: &[Part]) -> Result<Vec<Artifact>> {
    let release = match program {
        Some(program) => Release::of(program, place, target)?,
        None => Release::of(&program::build(place, &target)?, place, target)?,
    };
    let mut artifacts = Vec::new();
    for part in parts {
        match part {
            Part::Tarball => artifacts.push(tarball::make(&release)?),
            Part::Image => artifacts.extend(image::make(&release)?),
            Part::Deb => artifacts.push(deb::make(&release)?),
            Part::Wheel => artifacts.push(wheel::make(&release)?),
            Part::Npm => artifacts.extend(npm::make(&release)?),
            Part::Sbom => artifacts.push(Artifact::new(
                format!("hostward-{}-{}.cdx.json", release::VERSION, release.target.triple),
                release.sbom.clone(),
            )),
        }
    }
    Ok(artifacts)
}

/// Leaves packages in target/package. Those of earlier runs stay, but for those that `replaces` says are made anew.
fn write(artifacts: &[Artifact], replaces: Earlier) -> Result<()> {
    let folder = folder();
    let earlier = fs::read_to_string(folder.join(SUMS)).unwrap_or_default();
    let mut sums: BTreeMap<_, _> = earlier
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| (name, sum.to_owned()))
        .collect();
    if replaces == Earlier::All {
        for (name, _) in std::mem::take(&mut sums) {
            let _ = fs::remove_file(folder.join(name));
        }
    }
    for Artifact { name, bytes, mode } in artifacts {
        sums.insert(name, hex(&Sha256::digest(bytes)));
        place(&folder.join(name), bytes, *mode)?;
    }
    let sums: Vec<_> = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    place(&folder.join(SUMS), sums.concat().as_bytes(), 0o644)
}

fn place(file: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let write = || {
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(file, bytes)?;
        fs::set_permissions(file, fs::Permissions::from_mode(mode))
    };
    write().map_err(doing(format!("write {}", file.display())))
}

/// `.map_err(doing("read the list"))`
fn doing(aim: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { aim: aim.into(), source }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
