//! The environment variables that Hostward reads. `docker`'s own are read in `hostward_engine::context`.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use hostward::explicit::Map;
use hostward_proxy::Limits;

use crate::near::nearest;
use crate::report::Failure;

/// The engine's address.
pub(crate) const ENGINE: &str = "HOSTWARD_ENGINE";
/// Maps, one a line.
pub(crate) const MAP: &str = "HOSTWARD_MAP";
/// The container to answer for.
pub(crate) const FOR: &str = "HOSTWARD_FOR";
/// Where to listen.
pub(crate) const LISTEN: &str = "HOSTWARD_LISTEN";
/// What to log.
pub(crate) const LOG: &str = "HOSTWARD_LOG";
/// How lines of the log are written.
pub(crate) const LOG_FORMAT: &str = "HOSTWARD_LOG_FORMAT";
/// Where decisions are written.
pub(crate) const AUDIT: &str = "HOSTWARD_AUDIT";
/// Which decisions are written too.
pub(crate) const AUDIT_ALSO: &str = "HOSTWARD_AUDIT_ALSO";
/// The admin socket.
pub(crate) const ADMIN: &str = "HOSTWARD_ADMIN";
/// Seconds that running requests have at the end.
pub(crate) const DRAIN: &str = "HOSTWARD_DRAIN";
/// The configuration file.
pub(crate) const CONFIG: &str = "HOSTWARD_CONFIG";
/// What to do with a path that nothing maps.
pub(crate) const UNMAPPED: &str = "HOSTWARD_UNMAPPED";
/// What to do with what is missing in a caller's root filesystem.
pub(crate) const MISSING: &str = "HOSTWARD_MISSING";
/// What is handed over to those that take over a container's volumes.
pub(crate) const VOLUMES_FROM: &str = "HOSTWARD_VOLUMES_FROM";
/// The preset that every container is under.
pub(crate) const PRESET: &str = "HOSTWARD_PRESET";
/// Directories that may be mounted under it, one a line.
pub(crate) const ALLOW_ROOT: &str = "HOSTWARD_ALLOW_ROOT";
/// Where published ports are found.
pub(crate) const PUBLISH: &str = "HOSTWARD_PUBLISH";
/// How the variable of each limit begins; its name follows, in capitals.
pub(crate) const LIMIT: &str = "HOSTWARD_LIMIT_";
/// The directory in which the proxy keeps its key.
pub(crate) const STATE: &str = "HOSTWARD_STATE";
/// For which shell to say what could follow; set by the script of `hostward completions`.
pub(crate) const COMPLETE: &str = "HOSTWARD_COMPLETE";
/// The project's directory on the engine's machine, in set-ups from before Hostward.
pub(crate) const HOST_PWD: &str = "HOST_PWD";
/// The directory in the container that stands for a subdirectory of `HOST_PWD`.
pub(crate) const STORAGE_BASE: &str = "STORAGE_BASE";

/// How all of them begin.
const PREFIX: &str = "HOSTWARD_";

/// All that are known by their whole names.
const ALL: [&str; 19] = [
    ENGINE,
    MAP,
    FOR,
    LISTEN,
    LOG,
    LOG_FORMAT,
    AUDIT,
    AUDIT_ALSO,
    ADMIN,
    DRAIN,
    CONFIG,
    UNMAPPED,
    MISSING,
    VOLUMES_FROM,
    PUBLISH,
    PRESET,
    ALLOW_ROOT,
    STATE,
    COMPLETE,
];

/// How variables begin that are for others than this program: Kubernetes, and links between containers, tell so where a service
/// called `hostward` is; the project's own tests and an example have some.
const OTHERS: [&str; 11] = [
    "HOSTWARD_SERVICE_",
    "HOSTWARD_PORT",
    "HOSTWARD_NAME",
    "HOSTWARD_ENV_",
    "HOSTWARD_TEST_",
    "HOSTWARD_BIN",
    "HOSTWARD_CACHE",
    "HOSTWARD_WRITE_DOCS",
    "HOSTWARD_ETC",
    "HOSTWARD_RUN",
    "HOSTWARD_RELOAD",
];

/// A variable of others than this program, such as those that a preset is made of.
pub(crate) fn plain(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// What is said of variables that look like Hostward's and mean nothing to it. A misspelt one would be passed over in silence.
pub(crate) fn unknown() -> Vec<String> {
    unknown_among(env::vars_os().map(|(name, _)| name))
}

fn unknown_among(names: impl Iterator<Item = OsString>) -> Vec<String> {
    let limits: Vec<_> =
        Limits::ALL.iter().map(|limit| format!("{LIMIT}{}", limit.name.to_uppercase())).collect();
    let known = || ALL.into_iter().chain(limits.iter().map(String::as_str));
    let mut warnings: Vec<_> = names
        .filter_map(|name| {
            let name = name.to_string_lossy().into_owned();
            let own = name.strip_prefix(PREFIX)?;
            if known().any(|known| known == name) || OTHERS.iter().any(|others| name.starts_with(others)) {
                return None;
            }
            let near = nearest(own, known().filter_map(|known| known.strip_prefix(PREFIX)));
            let advice = near.map(|near| format!("; did you mean {PREFIX}{near}?")).unwrap_or_default();
            Some(format!("the variable {name} means nothing to hostward{advice}"))
        })
        .collect();
    warnings.sort_unstable();
    warnings
}

/// What `HOST_PWD` and `STORAGE_BASE` come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HostPwd {
    /// Neither is set.
    Unset,
    /// Both are, and make a map.
    Map(Map),
    /// One alone says nothing about any path of the container. `HOST_PWD` alone is common (compose files set it for
    /// their own use), so it is no error; `doctor` tells.
    Alone(&'static str),
}

/// Reads both, and refuses a value that no path can have, whether it would be used or not: what is set wrongly was
/// meant to be used.
pub(crate) fn host_pwd() -> Result<HostPwd, Failure> {
    of(env::var_os(HOST_PWD), env::var_os(STORAGE_BASE))
}

fn of(host_pwd: Option<OsString>, storage_base: Option<OsString>) -> Result<HostPwd, Failure> {
    // Stands in for the one that is missing, so that the other is checked by the same rules.
    let any = OsString::from("/any");
    let check = |pwd: &OsString, base: &OsString| {
        Map::from_host_pwd(pwd.as_bytes(), base.as_bytes()).map_err(Failure::usage)
    };
    match (host_pwd, storage_base) {
        (None, None) => Ok(HostPwd::Unset),
        (Some(pwd), Some(base)) => check(&pwd, &base).map(HostPwd::Map),
        (Some(pwd), None) => check(&pwd, &any).map(|_| HostPwd::Alone(HOST_PWD)),
        (None, Some(base)) => check(&any, &base).map(|_| HostPwd::Alone(STORAGE_BASE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pwd: Option<&str>, base: Option<&str>) -> Result<HostPwd, Failure> {
        of(pwd.map(OsString::from), base.map(OsString::from))
    }

    #[test]
    fn a_misspelt_variable_is_told_with_the_one_that_was_meant() {
        let told = |name: &str| unknown_among([OsString::from(name)].into_iter()).pop();
        for known in ALL.into_iter().chain(["HOSTWARD_LIMIT_PATHS", "HOST_PWD", "PATH"]) {
            assert_eq!(told(known), None, "{known}");
        }
        for others in
            ["HOSTWARD_SERVICE_HOST", "HOSTWARD_PORT_2375_TCP_ADDR", "HOSTWARD_ENV_A", "HOSTWARD_BIN"]
        {
            assert_eq!(told(others), None, "{others}");
        }
        for (name, meant) in [
            ("HOSTWARD_LISTN", "; did you mean HOSTWARD_LISTEN?"),
            ("HOSTWARD_ENGINES", "; did you mean HOSTWARD_ENGINE?"),
            ("HOSTWARD_listen", "; did you mean HOSTWARD_LISTEN?"),
            ("HOSTWARD_LIMIT_CONECTIONS", "; did you mean HOSTWARD_LIMIT_CONNECTIONS?"),
            ("HOSTWARD_VERBOSE", ""),
            ("HOSTWARD_", ""),
        ] {
            assert_eq!(told(name), Some(format!("the variable {name} means nothing to hostward{meant}")));
        }
    }

    #[test]
    fn every_variable_of_a_flag_is_known() {
        fn of(command: &clap::Command) -> Vec<String> {
            let own = command.get_arguments().filter_map(|one| Some(one.get_env()?.to_str()?.to_owned()));
            own.chain(command.get_subcommands().flat_map(of)).collect()
        }
        for variable in of(&<crate::args::Args as clap::CommandFactory>::command()) {
            assert!(ALL.contains(&&*variable), "{variable}");
        }
    }

    #[test]
    fn both_make_a_map() {
        let HostPwd::Map(map) = read(Some("/x"), Some("/app/storage")).unwrap() else { panic!() };
        assert_eq!(map.to_string(), "/app/storage=/x/storage");
    }

    #[test]
    fn one_alone_is_no_map_and_no_error() {
        assert_eq!(read(Some("/x"), None).unwrap(), HostPwd::Alone(HOST_PWD));
        assert_eq!(read(None, Some("/app")).unwrap(), HostPwd::Alone(STORAGE_BASE));
        assert_eq!(read(None, None).unwrap(), HostPwd::Unset);
    }

    #[test]
    fn a_bad_value_is_refused_by_name_with_or_without_the_other() {
        for bad in ["", "x", "./x", "/x/../y", "/x\ny"] {
            for base in [Some("/app/storage"), None] {
                assert!(read(Some(bad), base).unwrap_err().message().starts_with("HOST_PWD "), "{bad:?}");
            }
            for pwd in [Some("/x"), None] {
                assert!(read(pwd, Some(bad)).unwrap_err().message().starts_with("STORAGE_BASE "), "{bad:?}");
            }
        }
    }
}
