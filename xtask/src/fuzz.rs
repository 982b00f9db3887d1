//! `cargo xtask fuzz`: libFuzzer on the targets in `fuzz/`, built by the toolchain of the project.
//!
//! cargo-fuzz wants nightly for its sanitizers. What it takes to be led by coverage is in every compiler, and code without
//! `unsafe` needs no more: a fault is a panic, and arithmetic that overflows is one here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use clap::Args;
use hostward_testkit::command::{OutputText, run as run_command};
use hostward_testkit::{Error, Result, cargo, say};

/// What counts which way was taken, and tells libFuzzer what was compared with what.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";
/// Lines of a failed target's output that an error shows.
const SHOWN_LINES: usize = 40;

#[derive(Args)]
pub(crate) struct Fuzz {
    /// The target, a file in `fuzz/fuzz_targets`; all without it
    target: Option<String>,
    /// How long each runs
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

pub(crate) fn run(args: &Fuzz) -> Result<()> {
    let mut targets = targets()?;
    if let Some(asked) = &args.target {
        let known = targets.join(", ");
        targets.retain(|target| target == asked);
        if targets.is_empty() {
            return Err(Error::State(format!("unknown fuzz target `{asked}` (expected one of: {known})")));
        }
    }
    play(&targets, Duration::from_secs(args.seconds))
}

/// Every target for so long.
pub(crate) fn all(limit: Duration) -> Result<()> {
    play(&targets()?, limit)
}

/// As many at a time as there are processors.
fn play(targets: &[String], limit: Duration) -> Result<()> {
    let programs = build(targets)?;
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    for targets in targets.chunks(at_once) {
        thread::scope(|scope| {
            let running: Vec<_> = targets
                .iter()
                .map(|target| {
                    let program = programs.join(target);
                    scope.spawn(move || one(&program, target, limit))
                })
                .collect();
            let ended = running.into_iter().map(|one| one.join().unwrap_or_else(|_| Err(lost())));
            ended.collect::<Vec<_>>().into_iter().collect::<Result<()>>()
        })?;
    }
    Ok(())
}

fn lost() -> Error {
    Error::State("a fuzz target has no result".to_owned())
}

fn one(program: &Path, target: &str, limit: Duration) -> Result<()> {
    let folder = folder();
    // What it finds on its way helps the next run, and is not the tree's.
    let found = folder.join("target/corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    for folder in [&found, &artifacts] {
        make(folder)?;
    }
    let mut fuzz = Command::new(program);
    fuzz.arg(&found).arg(folder.join("corpus").join(target));
    fuzz.arg(format!("-artifact_prefix={}/", artifacts.display()));
    fuzz.arg(format!("-max_total_time={}", limit.as_secs()));
    // An input that takes this long, or this much, is a fault as well.
    fuzz.args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]);
    let output = fuzz.stdin(Stdio::null()).output();
    let output = output.map_err(|source| Error::Io { aim: format!("run {}", program.display()), source })?;
    let said = output.err();
    if !output.status.success() {
        let lines: Vec<&str> = said.lines().collect();
        let end = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        return Err(Error::State(format!(
            "the fuzz target {target} found a failure ({}):\n{end}",
            output.status
        )));
    }
    let runs = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    say(format_args!("fuzz {target}: {} inputs, no failure", runs.map_or("?", str::trim)));
    Ok(())
}

/// The folder of the programs.
fn build(targets: &[String]) -> Result<PathBuf> {
    let target = folder().join("target");
    let mut cargo = hostward_testkit::cargo::command();
    cargo.args(["build", "--release", "--locked", "--bins", "--target-dir"]).arg(&target);
    // These flags stand for those of .cargo/config.toml: libFuzzer is C++, and need not be static.
    run_command(cargo.current_dir(folder()).env("RUSTFLAGS", FLAGS).env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
    let built = fs::read_dir(&target).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders = built.map(|folder| folder.join("release"));
    let first = targets.first().map_or("", String::as_str);
    folders
        .find(|folder| folder.join(first).is_file())
        .ok_or_else(|| Error::State(format!("cargo made no {first} in {}", target.display())))
}

fn targets() -> Result<Vec<String>> {
    let folder = folder().join("fuzz_targets");
    let files = fs::read_dir(&folder)
        .map_err(|source| Error::Io { aim: format!("read {}", folder.display()), source })?;
    let mut names: Vec<String> = files
        .flatten()
        .filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn folder() -> PathBuf {
    cargo::workspace().join("fuzz")
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .map_err(|source| Error::Io { aim: format!("make {}", folder.display()), source })
}
