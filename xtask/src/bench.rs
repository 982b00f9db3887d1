//! `cargo xtask bench`: builds Hostward as it is released and the benchmark, and runs it. What it measures, and how, is in
//! docs/performance.md.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use hostward_testkit::proxy::{PROGRAM_VARIABLE, program_by, target_folder};
use hostward_testkit::{Error, Result, cargo, say};

/// The page that has the figures.
const PAGE: &str = "docs/performance.md";

#[derive(Args)]
pub(crate) struct Bench {
    /// How long each measurement takes
    #[arg(long)]
    seconds: Option<f64>,
    /// How often each is repeated
    #[arg(long)]
    rounds: Option<usize>,
    /// What is measured: direct, hostward, relay, splice, nginx, haproxy
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Only these parts: host, container, memory, growth
    #[arg(long, value_delimiter = ',')]
    parts: Vec<String>,
    /// Keep all measurements in this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// The micro-benchmarks of the library instead
    #[arg(long, conflicts_with_all = ["seconds", "rounds", "peers", "parts", "json"])]
    core: bool,
    /// Write the figures into docs/performance.md
    #[arg(long)]
    write_docs: bool,
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    build("hostward-bench")?;
    let program = target("hostward-bench")?;
    let page = bench.write_docs.then(|| cargo::workspace().join(PAGE));
    if bench.core { core(&program, page.as_deref()) } else { whole(bench, &program, page.as_deref()) }
}

fn whole(bench: &Bench, program: &Path, page: Option<&Path>) -> Result<()> {
    let named = std::env::var_os(PROGRAM_VARIABLE).filter(|value| !value.is_empty());
    let hostward = if let Some(named) = named {
        PathBuf::from(named)
    } else {
        build("hostward-cli")?;
        program_by("release")?
    };
    let mut run = Command::new(program);
    run.arg("run").arg("--hostward").arg(hostward);
    for (flag, value) in [
        ("--seconds", bench.seconds.map(|seconds| seconds.to_string())),
        ("--rounds", bench.rounds.map(|rounds| rounds.to_string())),
        ("--peers", (!bench.peers.is_empty()).then(|| bench.peers.join(","))),
        ("--parts", (!bench.parts.is_empty()).then(|| bench.parts.join(","))),
    ] {
        run.args(value.iter().flat_map(|value| [flag, value]));
    }
    if let Some(file) = &bench.json {
        run.arg("--json").arg(file);
    }
    with_page(&mut run, page);
    succeed("the benchmark", &mut run)
}

/// criterion leaves what it has measured in a folder of its own.
fn core(program: &Path, page: Option<&Path>) -> Result<()> {
    let mut bench = cargo::command();
    bench.args(["bench", "--package", "hostward", "--bench", "core"]);
    succeed("the micro-benchmarks", bench.current_dir(cargo::workspace()))?;
    let mut show = Command::new(program);
    show.arg("core").arg("--measured").arg(target_folder().join("criterion"));
    with_page(&mut show, page);
    succeed("the benchmark", &mut show)
}

fn with_page(command: &mut Command, page: Option<&Path>) {
    if let Some(page) = page {
        command.arg("--write-docs").arg(page);
    }
}

fn build(package: &str) -> Result<()> {
    say(format_args!("building {package}"));
    let mut build = cargo::command();
    build.args(["build", "--quiet", "--release", "--package", package]);
    succeed(&format!("the build of {package}"), build.current_dir(cargo::workspace()))
}

/// The benchmark's program, beside the released Hostward or where that would be.
fn target(name: &str) -> Result<PathBuf> {
    let folder = target_folder();
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let programs = entries.chain([folder.clone()]).map(|folder| folder.join("release").join(name));
    let newest =
        programs.filter_map(|program| Some((program.metadata().ok()?.modified().ok()?, program))).max();
    newest
        .map(|(_, program)| program)
        .ok_or_else(|| Error::State(format!("cargo made no {name} in {}", folder.display())))
}

fn succeed(what: &str, command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|source| Error::Io { aim: format!("run {what}"), source })?;
    if status.success() { Ok(()) } else { Err(Error::State(format!("{what} failed ({status})"))) }
}
