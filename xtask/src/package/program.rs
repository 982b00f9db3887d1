//! The program as packages have it: its bytes depend on its source, the compiler and the C library alone.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use hostward_testkit::{Error, Result, cargo, say};
use serde_json::Value;

use super::doing;
use super::target::Target;

/// Where a build takes place. None of these paths is in the program.
#[derive(Debug)]
pub(super) struct Place {
    /// The source.
    pub(super) workspace: PathBuf,
    /// Where cargo leaves what it makes.
    pub(super) target_folder: PathBuf,
    /// The seconds since 1970 that everything in the packages is dated with.
    pub(super) time: u64,
}

/// Builds the program as a release; where it lies.
pub(super) fn build(place: &Place, target: &Target) -> Result<PathBuf> {
    say(format_args!("building hostward for {} in {}", target.triple, place.workspace.display()));
    let mut cargo = cargo::command();
    cargo.args(["build", "--locked", "--quiet", "--package", "hostward-cli", "--release"]);
    cargo.args(["--message-format=json-render-diagnostics", "--target", &target.triple]);
    cargo.arg("--target-dir").arg(&place.target_folder);
    // Cargo adds these to the flags in .cargo/config.toml. Variables would replace both.
    cargo.arg("--config").arg(format!("target.{}.rustflags = {:?}", target.triple, remapped(place)?));
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo.env("SOURCE_DATE_EPOCH", place.time.to_string());
    cargo.current_dir(&place.workspace).stdin(Stdio::null()).stderr(Stdio::inherit());
    let built = cargo.output().map_err(doing("run cargo build"))?;
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    match programs.next_back().filter(|_| built.status.success()) {
        Some(program) => Ok(program),
        None => Err(Error::State("hostward does not build: see above".to_owned())),
    }
}

/// rustc's flags that put fixed names in the place of this machine's folders. Of those that fit, rustc takes the last.
fn remapped(place: &Place) -> Result<Vec<String>> {
    let flag = |folder: &Path, name: &str| format!("--remap-path-prefix={}={name}", folder.display());
    Ok(vec![
        flag(&cargo_home()?, "/cargo"),
        flag(&place.workspace, "/hostward"),
        flag(&place.target_folder, "/target"),
    ])
}

fn cargo_home() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("CARGO_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cargo")))
        .ok_or_else(|| Error::State("set CARGO_HOME or HOME".to_owned()))
}
