//! What the command line, the variables and the file say, merged.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::str::FromStr;

use hostward::explicit::Map;
use hostward::word::UnknownWord;
use hostward_engine::select::Selector;
use hostward_proxy::{Limits, Rules};

use crate::args::Whose;
use crate::config::file::{self, ConfigurationFile};
use crate::config::limits;
use crate::report::Failure;
use crate::variables::{self, HostPwd};

/// What every command that looks at paths needs to know.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// The engine by the user's word; none when docker's own settings decide.
    pub(crate) engine: Option<String>,
    /// The container to answer for.
    pub(crate) container: Option<Selector>,
    /// What the user says about paths.
    pub(crate) rules: Rules,
    /// What became of `HOST_PWD` and `STORAGE_BASE`; a map is among the rules'.
    pub(crate) host_pwd: HostPwd,
    /// What anybody may take of the proxy.
    pub(crate) limits: Limits,
    /// The file's part that only the proxy reads.
    pub(crate) file: ConfigurationFile,
}

/// Merges what the command line says with the file and the variables.
pub(crate) fn settle(whose: &Whose) -> Result<Configuration, Failure> {
    merge(whose, file::load(whose.config.as_deref())?)
}

/// The same with a file that has been read.
pub(crate) fn merge(whose: &Whose, file: ConfigurationFile) -> Result<Configuration, Failure> {
    let host_pwd = variables::host_pwd()?;
    let unmapped = word(variables::UNMAPPED)?.or(file.unmapped);
    let missing = word(variables::MISSING)?.or(file.missing);
    let volumes_from = word(variables::VOLUMES_FROM)?.or(file.volumes_from).unwrap_or_default();
    let publish = word(variables::PUBLISH)?.or(file.publish).unwrap_or_default();
    let mut maps = match &whose.map[..] {
        [] => file.maps.clone(),
        given => given.iter().flat_map(lines).map(map).collect::<Result<_, _>>()?,
    };
    if let HostPwd::Map(map) = &host_pwd {
        // First: where a map says something about the same directory, the later one wins.
        maps.insert(0, map.clone());
    }
    let engine =
        whose.engine.clone().or_else(|| file.engine.as_ref().map(|address| address.get_ref().to_string()));
    let container = whose.container.as_deref().map(Selector::parse).transpose().map_err(Failure::usage)?;
    let rules = Rules { maps, unmapped, missing, volumes_from, publish, contained: false };
    let limits = limits::settle(&file.limits)?;
    Ok(Configuration { engine, container, rules, host_pwd, limits, file })
}

fn lines(value: &OsString) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|&b| b == b'\n').filter(|line| !line.is_empty())
}

fn map(text: &[u8]) -> Result<Map, Failure> {
    Map::parse(text).map_err(Failure::usage)
}

/// A setting of one word, from its variable.
fn word<T: FromStr<Err = UnknownWord>>(name: &str) -> Result<Option<T>, Failure> {
    parse_word(name, std::env::var_os(name))
}

fn parse_word<T: FromStr<Err = UnknownWord>>(
    name: &str,
    value: Option<OsString>,
) -> Result<Option<T>, Failure> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let parsed = value.to_string_lossy().parse();
    parsed.map(Some).map_err(|error| Failure::usage(format_args!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostward::explicit::Unmapped;

    #[test]
    fn maps_in_the_variable_stand_on_lines_of_their_own() {
        let value = OsString::from("/a=/1\n\n/b=/2\n");
        assert_eq!(lines(&value).collect::<Vec<_>>(), [b"/a=/1", b"/b=/2"]);
    }

    #[test]
    fn what_is_unmapped_is_refused_or_the_hosts() {
        let unmapped = |value: Option<&str>| parse_word("HOSTWARD_UNMAPPED", value.map(OsString::from));
        assert_eq!(unmapped(Some("refuse")).unwrap(), Some(Unmapped::Refuse));
        assert_eq!(unmapped(Some("host")).unwrap(), Some(Unmapped::Host));
        assert_eq!(unmapped(None).unwrap(), None);
        let message = unmapped(Some("pass")).unwrap_err().message().to_owned();
        assert_eq!(message, "HOSTWARD_UNMAPPED: unknown value \"pass\" (expected \"refuse\" or \"host\")");
    }
}
