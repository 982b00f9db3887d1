//! Packages: from Debian's archive to a folder, with the system's apt left as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::catalog::Part;
use crate::command::{run, stdout_of};
use crate::error::{Error, Result, doing};
use crate::{paths, say};

/// The suite of the machine that all this runs on.
const SYSTEM_SUITE: &str = "bookworm";

/// Installs system packages whose marking file is missing.
pub fn install_missing(packages: &BTreeMap<String, String>) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|(file, _)| !Path::new(file).exists() && !Path::new(&format!("/usr{file}")).exists())
        .map(|(_, package)| package.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    say(format_args!("installing {} with apt-get", missing.join(", ")));
    run(Command::new("apt-get").args(["update", "-q"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-q", "-y", "--no-install-recommends"]).args(&missing);
    run(install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    Ok(())
}

/// Downloads packages and unpacks them all into `root`. Does nothing if that was done for the same list.
/// The versions taken are left in `root`.versions.
pub fn unpack(what: &str, parts: &[Part], root: &Path) -> Result<()> {
    let stamp = root.with_extension("list");
    let wanted = format!("{parts:?}\n");
    if root.exists() && fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    let _ = fs::remove_file(&stamp);
    if root.exists() {
        fs::remove_dir_all(root).map_err(doing(format!("remove {}", root.display())))?;
    }
    fs::create_dir_all(root).map_err(doing(format!("make {}", root.display())))?;
    let mut versions = String::new();
    for part in parts {
        for archive in download(what, part)? {
            run(Command::new("dpkg").arg("-x").arg(&archive).arg(root))?;
            let shown = stdout_of(
                Command::new("dpkg-deb").args(["-W", "--showformat=${Package} ${Version}"]).arg(&archive),
            )?;
            versions = versions + &shown + "\n";
        }
    }
    say(format_args!("{what}: {}", versions.trim_end().replace('\n', ", ")));
    fs::write(root.with_extension("versions"), versions).map_err(doing("note the versions"))?;
    fs::write(&stamp, wanted).map_err(doing("note what was unpacked"))
}

/// Where a user of [`unpack`] may keep packages from one run to the next, in the cache.
pub fn folder(name: &str) -> Result<PathBuf> {
    Ok(paths::cache()?.join(name).join("root"))
}

/// The archive that this machine's own apt uses: whatever mirror was chosen for it has the other suites, too.
pub(crate) fn archive() -> Result<String> {
    // Images and engines may be made at a time, and a second apt-get does not wait for the first.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let known = || {
        let mut targets = Command::new("apt-get");
        targets.args(["indextargets", "--format", "$(REPO_URI)"]);
        targets.args(["Created-By: Packages", "Component: main", &format!("Release: {SYSTEM_SUITE}")]);
        Ok(stdout_of(&mut targets)?.lines().next().map(str::to_owned))
    };
    if let Some(archive) = known()? {
        return Ok(archive);
    }
    // apt knows its sources by the lists that it has fetched, and a fresh machine has none.
    say("fetching apt's lists");
    run(Command::new("apt-get").args(["update", "-q"]))?;
    known()?.ok_or_else(|| {
        Error::State(format!(
            "apt has no source of Debian {SYSTEM_SUITE}'s main: see /etc/apt/sources.list.d"
        ))
    })
}

/// An environment in which programs that don't read apt's configuration download as apt does.
pub(crate) fn proxy_environment() -> Result<Vec<(&'static str, String)>> {
    let proxy = stdout_of(Command::new("apt-config").args(["shell", "PROXY", "Acquire::http::Proxy"]))?;
    let value = proxy.strip_prefix("PROXY='").and_then(|rest| rest.strip_suffix('\''));
    Ok(value
        .filter(|value| !value.is_empty() && *value != "DIRECT")
        .map(|value| ("http_proxy", value.to_owned()))
        .into_iter()
        .collect())
}

/// Downloads packages of a suite; where they lie.
fn download(what: &str, part: &Part) -> Result<Vec<PathBuf>> {
    // What one suite has in the cache is of one apt-get at a time.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = paths::cache()?.join("apt").join(&part.suite);
    let target = folder.join("downloads").join(part.packages.join("+"));
    for sub in ["lists/partial", "archives/partial"] {
        fs::create_dir_all(folder.join(sub)).map_err(doing("make apt's private folders"))?;
    }
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&target).map_err(doing(format!("make {}", target.display())))?;
    let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    if !Path::new(keyring).exists() {
        return Err(Error::State(format!("no {keyring}: install debian-archive-keyring")));
    }
    let sources = folder.join("sources.list");
    let line = format!("deb [signed-by={keyring}] {} {} main\n", archive()?, part.suite);
    fs::write(&sources, line).map_err(doing("write apt's private list of sources"))?;

    let apt = || {
        let mut apt = Command::new("apt-get");
        let mut option = |name: &str, value: &Path| {
            apt.arg("-o").arg(format!("{name}={}", value.display()));
        };
        option("Dir::Etc::SourceList", &sources);
        option("Dir::Etc::SourceParts", Path::new("/dev/null"));
        option("Dir::Etc::PreferencesParts", Path::new("/dev/null"));
        option("Dir::State::Lists", &folder.join("lists"));
        option("Dir::State::status", Path::new("/dev/null"));
        option("Dir::Cache", &folder);
        apt.args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"]);
        apt.args(["-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false", "-q"]);
        apt
    };
    say(format_args!("{what}: downloading {} of {}", part.packages.join(", "), part.suite));
    run(apt().arg("update"))?;
    run(apt().arg("download").args(&part.packages).current_dir(&target))?;
    let entries = fs::read_dir(&target).map_err(doing(format!("read {}", target.display())))?;
    let mut archives: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    archives.sort();
    if archives.len() != part.packages.len() {
        let got = archives.len();
        return Err(Error::State(format!("asked apt for {:?} and got {got} files", part.packages)));
    }
    Ok(archives)
}
