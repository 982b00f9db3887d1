//! Settings from the three places that have them, merged once: flags win over variables (clap sees to that), and both
//! over the file.

mod accounts;
pub(crate) mod file;
pub(crate) mod service;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use hostward::explicit::Map;
use hostward_engine::select::Selector;

use crate::args::Whose;
use crate::config::file::File;
use crate::report::Failure;
use crate::variables::{self, HostPwd};

/// What every command that looks at paths needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The engine by the user's word; none when docker's own settings decide.
    pub(crate) engine: Option<String>,
    /// The container to answer for.
    pub(crate) container: Option<Selector>,
    /// What the user says about paths.
    pub(crate) maps: Vec<Map>,
    /// What became of `HOST_PWD` and `STORAGE_BASE`; a map is among `maps`.
    pub(crate) host_pwd: HostPwd,
    /// The file's part that only the proxy reads.
    pub(crate) file: File,
}

/// Merges what the command line says with the file and the variables.
pub(crate) fn settle(whose: &Whose) -> Result<Settings, Failure> {
    let host_pwd = variables::host_pwd()?;
    let file = file::load(whose.config.as_deref())?.unwrap_or_default();
    unmapped(std::env::var_os(variables::UNMAPPED))?;
    let mut maps = match &whose.map[..] {
        [] => file.maps.clone(),
        given => given.iter().flat_map(lines).map(map).collect::<Result<_, _>>()?,
    };
    if let HostPwd::Map(map) = &host_pwd {
        // First: where a map says something about the same directory, the later one wins.
        maps.insert(0, map.clone());
    }
    let engine = whose.engine.clone().or_else(|| file.engine.as_ref().map(ToString::to_string));
    Ok(Settings { engine, container: whose.container.as_deref().map(Selector::parse), maps, host_pwd, file })
}

fn lines(value: &OsString) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|&b| b == b'\n').filter(|line| !line.is_empty())
}

fn map(text: &[u8]) -> Result<Map, Failure> {
    Map::parse(text).map_err(Failure::usage)
}

fn unmapped(value: Option<OsString>) -> Result<(), Failure> {
    match value {
        Some(value) if value != file::REFUSE => Err(Failure::usage(format_args!(
            "{} {:?} is not supported: only {:?} is, for now",
            variables::UNMAPPED,
            value.to_string_lossy(),
            file::REFUSE
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_in_the_variable_stand_on_lines_of_their_own() {
        let value = OsString::from("/a=/1\n\n/b=/2\n");
        assert_eq!(lines(&value).collect::<Vec<_>>(), [b"/a=/1", b"/b=/2"]);
    }

    #[test]
    fn only_refuse_is_known_for_unmapped() {
        assert!(unmapped(Some("refuse".into())).is_ok());
        assert!(unmapped(None).is_ok());
        assert!(unmapped(Some("host".into())).unwrap_err().message().contains("HOSTWARD_UNMAPPED"));
    }
}
