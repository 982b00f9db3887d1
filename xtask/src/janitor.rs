//! Cleans up after a task however it ends, Ctrl-C and kill included.
//!
//! The janitor is this program again, in a process group of its own, that reads its standard input to the end.
//! The input ends when the task closes it, or when the task is no more; then the janitor stops the engines
//! and removes the folders that were not there before the task.

use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clap::Args;
use hostward_testkit::catalog::Catalog;
use hostward_testkit::{Error, Result, daemon, say};

/// What is to be cleaned up.
#[derive(Args, Default)]
pub(crate) struct Duties {
    /// Engines to stop
    #[arg(long = "engine")]
    pub(crate) engines: Vec<String>,
    /// Folders to remove where they are empty
    #[arg(long = "folder")]
    pub(crate) folders: Vec<PathBuf>,
    /// A folder that the task made for itself, to remove with all that is in it
    #[arg(long)]
    pub(crate) scratch: Option<PathBuf>,
}

/// A janitor at work. Drop lets it clean up, and waits for it.
pub(crate) struct Janitor {
    child: Child,
    waited: bool,
}

impl Janitor {
    pub(crate) fn hire(duties: &Duties) -> Result<Janitor> {
        let aim = "start the janitor";
        let program = std::env::current_exe().map_err(|source| io_error(aim, source))?;
        let mut command = Command::new(program);
        command.arg("janitor").process_group(0).stdin(Stdio::piped());
        for engine in &duties.engines {
            command.arg("--engine").arg(engine);
        }
        for folder in &duties.folders {
            command.arg("--folder").arg(folder);
        }
        if let Some(scratch) = &duties.scratch {
            command.arg("--scratch").arg(scratch);
        }
        let child = command.spawn().map_err(|source| io_error(aim, source))?;
        Ok(Janitor { child, waited: false })
    }

    /// Lets it clean up; an error if something is left.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.clean_up()
    }

    fn clean_up(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.waited, true) {
            return Ok(());
        }
        // Waiting closes the child's input first.
        let status = self.child.wait().map_err(|source| io_error("wait for the janitor", source))?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::State("something is left behind: see above".to_owned()))
        }
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        if let Err(error) = self.clean_up() {
            say(error);
        }
    }
}

/// The janitor's own work.
pub(crate) fn run(duties: &Duties) -> Result<()> {
    let mut ignored = Vec::new();
    io::stdin().read_to_end(&mut ignored).map_err(|source| io_error("wait for the task's end", source))?;
    let catalog = Catalog::load()?;
    let mut outcome = Ok(());
    for name in &duties.engines {
        let stopped = catalog.select(Some(name)).and_then(|specs| daemon::down(&specs[0]));
        outcome = stopped.and(outcome);
    }
    for folder in &duties.folders {
        // Not a whole tree: what is not empty holds something that is not ours.
        let _ = fs::remove_dir(folder);
    }
    if let Some(scratch) = &duties.scratch {
        let _ = fs::remove_dir_all(scratch);
    }
    outcome
}

/// A path and its parents as far as they don't exist, the deepest first: what an engine would make for it.
pub(crate) fn missing_folders(path: &Path) -> Vec<PathBuf> {
    path.ancestors().take_while(|folder| folder.symlink_metadata().is_err()).map(Path::to_owned).collect()
}

fn io_error(aim: &str, source: io::Error) -> Error {
    Error::Io { aim: aim.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_folders_end_at_the_first_that_is_there() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("a/b");
        assert_eq!(missing_folders(&path), [path.clone(), here.path().join("a")]);
        assert!(missing_folders(here.path()).is_empty());
    }
}
