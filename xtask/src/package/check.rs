//! What holds of the packages without an engine: two builds are equal to the byte, lintian has nothing to say, and cargo would publish the
//! crates.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use clap::ValueEnum;
use hostward_testkit::command::run;
use hostward_testkit::{Error, Result, cargo, debian};

use super::image;
use super::program::Place;
use super::target::Target;
use super::{Artifact, Earlier, Part, doing, folder, make, write};

/// Makes all packages twice, from this workspace and from a copy of it elsewhere, and leaves those of the first.
///
/// The builds go side by side: for most of its time each keeps one processor busy.
pub(crate) fn check() -> Result<()> {
    let own = Place::own()?;
    let elsewhere = tempfile::Builder::new().prefix("hostward-elsewhere-").tempdir_in("/var/tmp");
    let elsewhere = elsewhere.map_err(doing("make a folder for a second build"))?;
    let copied = Place {
        workspace: elsewhere.path().join("copy/of/the/source"),
        target_folder: elsewhere.path().join("made"),
        time: own.time,
    };
    copy(&own.workspace, &copied.workspace)?;
    // Both have the same packages of Debian, and do not fetch them at the same time.
    image::packages()?;
    let all = |place: &Place| make(place, Target::own()?, None, Part::value_variants());
    let (first, second) = thread::scope(|scope| {
        let second = scope.spawn(|| all(&copied));
        (all(&own), second.join())
    });
    let second = second.unwrap_or_else(|_| Err(Error::State("the second build has no result".to_owned())));
    let (first, second) = (first?, second?);
    equal(&first, &second)?;
    write(&first, Earlier::All)?;
    lintian(&first)?;
    crates(&own.workspace)
}

/// All that git knows of a workspace, and all that it would take up.
fn copy(workspace: &Path, to: &Path) -> Result<()> {
    let mut list = Command::new("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = run(list.current_dir(workspace))?.stdout;
    let files = listed.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    for name in files.map(|name| Path::new(OsStr::from_bytes(name))) {
        // What was removed is in the list until that is committed.
        if !workspace.join(name).exists() {
            continue;
        }
        let copy = || {
            let file = to.join(name);
            fs::create_dir_all(file.parent().unwrap_or(to))?;
            fs::copy(workspace.join(name), file)
        };
        copy().map_err(doing(format!("copy {}", name.display())))?;
    }
    Ok(())
}

fn equal(first: &[Artifact], second: &[Artifact]) -> Result<()> {
    let named = |artifacts: &[Artifact]| -> BTreeMap<String, Vec<u8>> {
        artifacts.iter().map(|artifact| (artifact.name.clone(), artifact.bytes.clone())).collect()
    };
    let (first, second) = (named(first), named(second));
    let differing = first.iter().filter(|(name, bytes)| second.get(*name) != Some(bytes));
    let differing: Vec<_> = differing.map(|(name, _)| name.as_str()).collect();
    if differing.is_empty() && first.len() == second.len() {
        return Ok(());
    }
    Err(Error::State(format!("two builds of the same source differ in {}", differing.join(", "))))
}

fn lintian(artifacts: &[Artifact]) -> Result<()> {
    debian::install_missing(&BTreeMap::from([("/usr/bin/lintian".to_owned(), "lintian".to_owned())]))?;
    let packages =
        artifacts.iter().filter(|artifact| Path::new(&artifact.name).extension() == Some(OsStr::new("deb")));
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--fail-on", "error,warning", "--info", "--tag-display-limit", "0"]);
    run(lintian.args(packages.map(|artifact| folder().join(&artifact.name))))?;
    Ok(())
}

/// Those that are for others to use. Cargo would build each of them once more; this workspace has built them.
fn crates(workspace: &Path) -> Result<()> {
    let mut cargo = cargo::command();
    cargo.args(["publish", "--workspace", "--dry-run", "--no-verify", "--allow-dirty", "--quiet"]);
    // Cargo leaves its files in a folder of the same name.
    let made = tempfile::tempdir().map_err(doing("make a folder for crates"))?;
    run(cargo.arg("--target-dir").arg(made.path()).current_dir(workspace))?;
    Ok(())
}
