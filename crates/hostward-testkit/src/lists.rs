//! What pip and npm of the machine install for containers, from lists that pin each package by its hash.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command::run;
use crate::debian;
use crate::error::{Result, doing};

/// What installs, from outside of the image.
const INSTALLERS: [(&str, &str); 2] = [("/usr/bin/pip3", "python3-pip"), ("/usr/bin/npm", "npm")];
/// bookworm's.
const PYTHON: &str = "3.11";
/// What bookworm's libc runs.
const PLATFORMS: [&str; 3] = [
    "--platform=manylinux2014_x86_64",
    "--platform=manylinux_2_17_x86_64",
    "--platform=manylinux_2_28_x86_64",
];

/// The lists' texts.
#[derive(Debug, Hash)]
pub(crate) struct Lists {
    /// pip's.
    pub(crate) requirements: &'static str,
    /// npm's.
    pub(crate) node_package: &'static str,
    /// npm's, with all that the packages need.
    pub(crate) node_lock: &'static str,
}

impl Lists {
    /// Installs all of them into the folders `python` and `node` of a folder.
    pub(crate) fn install(&self, folder: &Path) -> Result<()> {
        let installers = INSTALLERS.map(|(file, package)| (file.to_owned(), package.to_owned()));
        debian::install_missing(&BTreeMap::from(installers))?;
        self.install_python(&folder.join("python"))?;
        self.install_node(&folder.join("node"))
    }

    /// pip of the machine, which knows its registry, installs for the image's Python.
    fn install_python(&self, folder: &Path) -> Result<()> {
        let list = tempfile::NamedTempFile::new().map_err(doing("make a list for pip"))?;
        fs::write(list.path(), self.requirements).map_err(doing("write a list for pip"))?;
        let mut pip = Command::new("/usr/bin/pip3");
        pip.args(["install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]);
        pip.args(["--implementation=cp", "--python-version", PYTHON]).args(PLATFORMS);
        run(pip.arg("--target").arg(folder).arg("--requirement").arg(list.path()))?;
        Ok(())
    }

    fn install_node(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).map_err(doing("make a folder for npm"))?;
        for (name, text) in [("package.json", self.node_package), ("package-lock.json", self.node_lock)] {
            fs::write(folder.join(name), text).map_err(doing("write a list for npm"))?;
        }
        run(Command::new("/usr/bin/npm").args(["ci", "--ignore-scripts", "--no-audit"]).current_dir(folder))?;
        Ok(())
    }
}
