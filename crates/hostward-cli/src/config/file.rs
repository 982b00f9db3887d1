//! The configuration file, and where in it a mistake is.
//!
//! A value is checked while it is read where it can be, so that the TOML reader knows the place of what is wrong.

use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hostward::explicit::Map;
use hostward_engine::address::Address;
use hostward_engine::select::Selector;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::report::Failure;

/// The only thing to do with an unmapped path, for now.
pub(crate) const REFUSE: &str = "refuse";

const SYSTEM: &str = "/etc/hostward/hostward.toml";

/// A configuration file that holds no mistake.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default, deserialize_with = "address")]
    pub(crate) engine: Option<Address>,
    /// Checked after reading: the reader knows the place of an array, not of what is in it.
    #[serde(default)]
    map: Vec<Spanned<String>>,
    #[serde(skip)]
    pub(crate) maps: Vec<Map>,
    pub(crate) log: Option<String>,
    #[serde(default, rename = "unmapped")]
    _unmapped: Unmapped,
    #[serde(default)]
    pub(crate) listen: Vec<Listen>,
}

/// A `[[listen]]` of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    #[serde(deserialize_with = "listen_address")]
    pub(crate) address: Address,
    #[serde(default, rename = "for", deserialize_with = "selector")]
    pub(crate) container: Option<Selector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unmapped {
    #[default]
    Refuse,
}

fn listen_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    let text = String::deserialize(deserializer)?;
    Address::parse(&text).map_err(D::Error::custom)
}

fn selector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Selector>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(Selector::parse(&text)))
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
    listen_address(deserializer).map(Some)
}

/// A mistake and its place, counted from 1 as editors do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    message: String,
    line: usize,
    column: usize,
    /// The line of the file, and how much of it is meant.
    text: String,
    width: usize,
}

/// Reads a configuration.
pub(crate) fn parse(text: &str) -> Result<File, Mistake> {
    let mut file: File = toml::from_str(text)
        .map_err(|error| Mistake::at(text, error.message(), error.span().unwrap_or(0..0)))?;
    let map = |value: &Spanned<String>| {
        Map::parse(value.get_ref().as_bytes())
            .map_err(|error| Mistake::at(text, &error.to_string(), value.span()))
    };
    file.maps = file.map.iter().map(map).collect::<Result<_, _>>()?;
    Ok(file)
}

/// Reads `named`, or the first of the usual files that exists.
pub(crate) fn load(named: Option<&Path>) -> Result<Option<File>, Failure> {
    let Some((path, text)) = read(named)? else { return Ok(None) };
    parse(&text).map(Some).map_err(|mistake| Failure::usage(mistake.shown(&path)))
}

/// The file's path and text; none when no file was named and none is there.
pub(crate) fn read(named: Option<&Path>) -> Result<Option<(PathBuf, String)>, Failure> {
    let candidates = named.map_or_else(usual, |path| vec![path.to_owned()]);
    for path in candidates {
        match fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((path, text))),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let failure = Failure::usage(format_args!("cannot read {}: {error}", path.display()));
                return Err(failure);
            }
        }
    }
    Ok(None)
}

/// The user's file before the system's.
pub(crate) fn usual() -> Vec<PathBuf> {
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let user = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    let user = user.map(|dir| dir.join("hostward/hostward.toml"));
    user.into_iter().chain([PathBuf::from(SYSTEM)]).collect()
}

impl Mistake {
    fn at(text: &str, message: &str, span: Range<usize>) -> Self {
        let start = span.start.min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text[begin..].lines().next().unwrap_or_default();
        let meant = text.get(start..span.end.min(begin + line.len())).unwrap_or_default();
        Self {
            message: message.to_owned(),
            line: before.matches('\n').count() + 1,
            column: text[begin..start].chars().count() + 1,
            text: line.to_owned(),
            width: meant.chars().count().max(1),
        }
    }

    /// The mistake as compilers write it: `FILE:LINE:COLUMN`, then the line with the place beneath it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        format!("{}:{}:{}: {self}", path.display(), self.line, self.column)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs are kept, so that the marks stand beneath what they mark.
        let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
        let indent: String = self.text.chars().take(self.column - 1).map(blank).collect();
        writeln!(f, "{}", self.message.trim_end())?;
        writeln!(f, "{margin} |\n{number} | {}", self.text)?;
        write!(f, "{margin} | {indent}{}", "^".repeat(self.width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        parse(text).unwrap_err().shown(Path::new("h.toml"))
    }

    #[test]
    fn a_complete_file_is_read() {
        let file = parse(
            "engine = 'unix:///e'\nmap = ['/a=/b']\nunmapped = 'refuse'\nlog = 'info'\n\
             [[listen]]\naddress = 'unix:///l'\n[[listen]]\naddress = '/m'\nfor = 'web'\n",
        )
        .unwrap();
        assert_eq!(file.engine.as_ref().unwrap().to_string(), "unix:///e");
        assert_eq!(file.maps[0].to_string(), "/a=/b");
        assert_eq!(file.listen[1].container, Some(Selector::Name("web".into())));
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        assert!(parse("# nothing yet\n").is_ok());
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        for (text, place, marked) in [
            (
                "log = 'info'\nengin = 'x'\n",
                "h.toml:2:1: unknown field `engin`",
                "2 | engin = 'x'\n  | ^^^^^",
            ),
            ("map = ['/a=/b', '/a']\n", "h.toml:1:17: ", "^^^^"),
            ("\nengine = 'ssh://x'\n", "h.toml:2:10: ", "^^^^^^^^^"),
            ("map = ['/a=/b/../c']", "h.toml:1:8: ", "^^^^^^^^^^^^"),
            ("unmapped = 'host'", "h.toml:1:12: ", "^^^^^^"),
            ("log = 7", "h.toml:1:7: ", "^"),
            ("log = ", "h.toml:1:7: ", "^"),
            ("[[listen]]\nfor = 'x'\n", "h.toml:1:1: missing field `address`", "^"),
            ("[[listen]]\naddress = 'x'\n", "h.toml:2:11: ", "^^^"),
        ] {
            let shown = mistake(text);
            assert!(shown.starts_with(place), "{text:?}:\n{shown}");
            assert!(shown.contains(marked), "{text:?}:\n{shown}");
        }
    }
}
