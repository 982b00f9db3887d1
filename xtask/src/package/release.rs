//! What all packages are made of: the program, what it prints of itself, and files beside the source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hostward_testkit::command::run;
use hostward_testkit::{Error, Result};
use jiff::Timestamp;

use super::program::Place;
use super::target::Target;
use super::{doing, sbom};

/// The version of all packages.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Shells, and the file that has the completions by the name that the shell looks for.
pub(super) const SHELLS: [(&str, &str); 3] =
    [("bash", "hostward"), ("zsh", "_hostward"), ("fish", "hostward.fish")];

/// One version of Hostward for one machine.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) target: Target,
    pub(super) program: Vec<u8>,
    /// Manual pages by their file names.
    pub(super) manual: Vec<(String, Vec<u8>)>,
    /// The completions for each of [`SHELLS`].
    pub(super) completions: [Vec<u8>; SHELLS.len()],
    /// What the program is made of.
    pub(super) sbom: Vec<u8>,
    /// All entries of archives are dated with it.
    pub(super) time: u64,
    workspace: PathBuf,
}

impl Release {
    /// Asks a program that was built in a place.
    pub(super) fn of(program: &Path, place: &Place, target: Target) -> Result<Self> {
        let printed = |shell: &str| run(Command::new(program).args(["completions", shell]));
        let [bash, zsh, fish] = SHELLS.map(|(shell, _)| printed(shell).map(|output| output.stdout));
        Ok(Self {
            manual: manual(program)?,
            completions: [bash?, zsh?, fish?],
            sbom: sbom::make(place, &target)?,
            program: read(program)?,
            target,
            time: place.time,
            workspace: place.workspace.clone(),
        })
    }

    /// A file beside the source.
    pub(super) fn source(&self, path: &str) -> Result<Vec<u8>> {
        read(&self.workspace.join(path))
    }

    /// A text beside the source, with a value in the place of each `{name}`.
    pub(super) fn filled(&self, path: &str, values: &[(&str, &str)]) -> Result<String> {
        let mut text = self.text(path)?;
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        Ok(text)
    }

    /// A text beside the source.
    pub(super) fn text(&self, path: &str) -> Result<String> {
        String::from_utf8(self.source(path)?).map_err(|_| Error::State(format!("{path} is not UTF-8")))
    }

    /// Its time as a date.
    pub(super) fn date(&self) -> Result<Timestamp> {
        date(self.time)
    }
}

/// Seconds since 1970 as a date.
pub(super) fn date(time: u64) -> Result<Timestamp> {
    let seconds = i64::try_from(time).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds.ok_or_else(|| Error::State(format!("SOURCE_DATE_EPOCH is {time}, which is no date")))
}

fn manual(program: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = tempfile::tempdir().map_err(doing("make a folder for the manual"))?;
    run(Command::new(program).arg("man").arg(folder.path()))?;
    let entries = fs::read_dir(folder.path()).map_err(doing("list the manual"))?;
    let page =
        |entry: fs::DirEntry| Ok((entry.file_name().to_string_lossy().into_owned(), read(&entry.path())?));
    let mut pages = entries.flatten().map(page).collect::<Result<Vec<_>>>()?;
    pages.sort();
    Ok(pages)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).map_err(doing(format!("read {}", file.display())))
}
