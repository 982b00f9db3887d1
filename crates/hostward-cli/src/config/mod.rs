//! Settings from the three places that have them, merged once: flags win over variables (clap sees to that), and both
//! over the file.

mod accounts;
pub(crate) mod file;
pub(crate) mod service;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use hostward::explicit::{Map, Unmapped};
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
    /// What a path is that nothing maps, where the container does not say itself.
    pub(crate) unmapped: Unmapped,
    /// What became of `HOST_PWD` and `STORAGE_BASE`; a map is among `maps`.
    pub(crate) host_pwd: HostPwd,
    /// The file's part that only the proxy reads.
    pub(crate) file: File,
}

/// Merges what the command line says with the file and the variables.
pub(crate) fn settle(whose: &Whose) -> Result<Settings, Failure> {
    let host_pwd = variables::host_pwd()?;
    let file = file::load(whose.config.as_deref())?.unwrap_or_default();
    let unmapped = unmapped(std::env::var_os(variables::UNMAPPED))?.or(file.unmapped).unwrap_or_default();
    let mut maps = match &whose.map[..] {
        [] => file.maps.clone(),
        given => given.iter().flat_map(lines).map(map).collect::<Result<_, _>>()?,
    };
    if let HostPwd::Map(map) = &host_pwd {
        // First: where a map says something about the same directory, the later one wins.
        maps.insert(0, map.clone());
    }
    let engine = whose.engine.clone().or_else(|| file.engine.as_ref().map(ToString::to_string));
    let container = whose.container.as_deref().map(Selector::parse);
    Ok(Settings { engine, container, maps, unmapped, host_pwd, file })
}

fn lines(value: &OsString) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|&b| b == b'\n').filter(|line| !line.is_empty())
}

fn map(text: &[u8]) -> Result<Map, Failure> {
    Map::parse(text).map_err(Failure::usage)
}

fn unmapped(value: Option<OsString>) -> Result<Option<Unmapped>, Failure> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let known = value.to_str().and_then(Unmapped::parse);
    known.map(Some).ok_or_else(|| {
        let (name, value) = (variables::UNMAPPED, value.to_string_lossy());
        Failure::usage(format_args!("{name} {value:?} {}", file::UNMAPPED_HINT))
    })
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
    fn what_is_unmapped_is_refused_or_the_hosts() {
        assert_eq!(unmapped(Some("refuse".into())).unwrap(), Some(Unmapped::Refuse));
        assert_eq!(unmapped(Some("host".into())).unwrap(), Some(Unmapped::Host));
        assert_eq!(unmapped(None).unwrap(), None);
        assert!(unmapped(Some("pass".into())).unwrap_err().message().contains("HOSTWARD_UNMAPPED"));
    }
}
