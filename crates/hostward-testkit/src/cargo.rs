//! cargo, and programs of tests that it makes, of packages that are no members of the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::stdout_of;
use crate::error::{Error, Result};
use crate::proxy;

/// The cargo that runs this, if one does.
pub fn command() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The project's own folder.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A static program, like all of this project: it needs nothing of the image that it runs in.
pub(crate) fn program(package: &Path) -> Result<PathBuf> {
    let mut cargo = command();
    cargo.args(["build", "--locked", "--quiet", "--message-format=json-render-diagnostics", "--target-dir"]);
    let built = stdout_of(cargo.arg(proxy::target_folder().join("clients")).current_dir(package))?;
    let messages = built.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let program =
        messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    program.ok_or_else(|| Error::State(format!("cargo made no program of {}", package.display())))
}
