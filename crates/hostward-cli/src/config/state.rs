//! The directory in which Hostward keeps what must be there after its next start: its key.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use crate::report::Failure;
use crate::variables;

/// Of a service that runs as root.
const SYSTEM: &str = "/var/lib/hostward";

/// A directory that somebody has named.
///
/// # Errors
/// One that depends on where the program was started.
pub(crate) fn checked(path: PathBuf) -> Result<PathBuf, String> {
    if path.is_absolute() {
        return Ok(path);
    }
    Err(format!(
        "{:?} is not an absolute path; use one for the state, such as {SYSTEM:?}",
        path.display().to_string()
    ))
}

/// The one that a flag names, the variable, or else the file.
pub(crate) fn named(flag: Option<OsString>, file: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    match flag.filter(|path| !path.is_empty()) {
        Some(path) => {
            let wrong = |why| Failure::usage(format_args!("--state (or {}): {why}", variables::STATE));
            checked(path.into()).map(Some).map_err(wrong)
        }
        None => Ok(file),
    }
}

/// The usual one: systemd's `StateDirectory=`, or else the user's.
pub(crate) fn usual() -> Option<PathBuf> {
    of(geteuid().is_root(), |name| env::var_os(name))
}

/// The usual one, where something can be kept in it: a command that runs in anybody's container goes on without.
pub(crate) fn usual_if_any() -> Option<PathBuf> {
    usual().filter(|path| {
        fs::create_dir_all(path).is_ok() && access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
    })
}

fn of(is_root: bool, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // A list with colons between, of a unit that has several.
    let systemds = variable("STATE_DIRECTORY").and_then(|list| env::split_paths(&list).next());
    let users = || set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    let own = || if is_root { Some(SYSTEM.into()) } else { users().map(|state| state.join("hostward")) };
    systemds.filter(|path| path.is_absolute()).or_else(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_directory_is_systemds_or_the_users() {
        for (is_root, variables, expected) in [
            (true, &[][..], Some("/var/lib/hostward")),
            (true, &[("STATE_DIRECTORY", "/srv/a:/srv/b"), ("HOME", "/root")], Some("/srv/a")),
            (true, &[("STATE_DIRECTORY", ""), ("XDG_STATE_HOME", "/x")], Some("/var/lib/hostward")),
            (false, &[("STATE_DIRECTORY", "/s"), ("HOME", "/home/me")], Some("/s")),
            (false, &[("HOME", "/home/me")], Some("/home/me/.local/state/hostward")),
            (false, &[("HOME", "/home/me"), ("XDG_STATE_HOME", "/x")], Some("/x/hostward")),
            (false, &[("HOME", "/home/me"), ("XDG_STATE_HOME", "x")], Some("/home/me/.local/state/hostward")),
            (false, &[("HOME", "")], None),
            (false, &[], None),
        ] {
            let value =
                |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
            assert_eq!(of(is_root, value), expected.map(PathBuf::from), "{is_root} {variables:?}");
        }
    }

    #[test]
    fn a_directory_is_named_by_its_whole_path() {
        let named = |flag: &str| named(Some(flag.into()), Some("/file".into()));
        assert_eq!(named("/flag").unwrap(), Some("/flag".into()));
        assert_eq!(named("").unwrap(), Some("/file".into()));
        let wrong = named("state").unwrap_err();
        assert!(
            wrong.message().starts_with("--state (or HOSTWARD_STATE): \"state\" is not an absolute path"),
            "{wrong:?}"
        );
    }
}
