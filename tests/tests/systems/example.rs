//! An example's very files, in a folder of the host as a user copies them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hostward_testkit::{OutputText, unique};

use crate::judge::Way;

/// A script that hangs ends here.
const LIMIT: &str = "180";

/// A compose project of an example. Drop takes it down.
pub(crate) struct Example<'a> {
    way: &'a Way<'a>,
    project: String,
    /// Where its files are on the host.
    pub(crate) folder: PathBuf,
    /// What is added to its compose.yaml.
    more: Option<PathBuf>,
}

impl<'a> Example<'a> {
    /// Copies the files of `examples/NAME`. What they name that is not here has a stand-in; the folder of the socket
    /// is the way's.
    pub(crate) fn of(way: &'a Way<'a>, name: &str, stand_ins: &[(&str, &str)]) -> Self {
        let folder = way.host.join(name);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name), &folder);
        let sockets = way.sockets.display().to_string();
        for (original, stand_in) in [("/run/hostward", sockets.as_str())].iter().chain(stand_ins) {
            replace(&folder, original, stand_in);
        }
        Self { way, project: unique("hw-example"), folder, more: None }
    }

    /// The same with another compose file added, whose services have more.
    pub(crate) fn with(mut self, more: &Path) -> Self {
        self.more = Some(more.to_owned());
        self
    }

    /// Starts the services of its compose.yaml.
    pub(crate) fn up(self) -> Self {
        self.compose(&["up", "--detach", "--quiet-pull"]).output().unwrap().succeeded();
        self
    }

    /// Runs a script in a service; all that it says, errors too.
    pub(crate) fn sh(&self, service: &str, script: &str) -> String {
        let script = format!("exec 2>&1\n{script}");
        self.compose(&["exec", "-T", service, "timeout", LIMIT, "sh", "-c", &script]).output().unwrap().out()
    }

    pub(crate) fn compose(&self, args: &[&str]) -> Command {
        let mut command = self.way.engine.docker(&["compose", "--project-name", &self.project]);
        if let Some(more) = &self.more {
            command.args(["--file", "compose.yaml", "--file"]).arg(more);
        }
        command.args(args).current_dir(&self.folder).stdin(Stdio::null());
        command
    }
}

impl Drop for Example<'_> {
    fn drop(&mut self) {
        let down = ["down", "--volumes", "--remove-orphans", "--timeout", "0"];
        let _ = self.compose(&down).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.as_ref().unwrap().path(), to.join(entry.as_ref().unwrap().file_name()));
        if entry.is_dir() {
            copy(&entry, &to);
        } else {
            fs::copy(entry, to).unwrap();
        }
    }
}

/// Replaces a text in all files of a folder, of which one must have it.
fn replace(folder: &Path, original: &str, stand_in: &str) {
    let mut found = false;
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        let text = fs::read_to_string(&file).unwrap();
        found |= text.contains(original);
        fs::write(&file, text.replace(original, stand_in)).unwrap();
    }
    assert!(found, "no file of {} has: {original}", folder.display());
}
