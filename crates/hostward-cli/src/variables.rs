//! The environment variables that Hostward reads. `docker`'s own are read in `hostward_engine::context`.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use hostward::explicit::Map;

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
/// The admin socket.
pub(crate) const ADMIN: &str = "HOSTWARD_ADMIN";
/// Seconds that running requests have at the end.
pub(crate) const DRAIN: &str = "HOSTWARD_DRAIN";
/// The configuration file.
pub(crate) const CONFIG: &str = "HOSTWARD_CONFIG";
/// What to do with a path that nothing maps.
pub(crate) const UNMAPPED: &str = "HOSTWARD_UNMAPPED";
/// What is handed over to those that take over a container's volumes.
pub(crate) const VOLUMES_FROM: &str = "HOSTWARD_VOLUMES_FROM";
/// Where published ports are found.
pub(crate) const PUBLISH: &str = "HOSTWARD_PUBLISH";
/// How the variable of each limit begins; its name follows, in capitals.
pub(crate) const LIMIT: &str = "HOSTWARD_LIMIT_";
/// The directory in which the proxy keeps its key.
pub(crate) const STATE: &str = "HOSTWARD_STATE";
/// The project's directory on the engine's machine, in set-ups from before Hostward.
pub(crate) const HOST_PWD: &str = "HOST_PWD";
/// The directory in the container that stands for a subdirectory of `HOST_PWD`.
pub(crate) const STORAGE_BASE: &str = "STORAGE_BASE";

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
