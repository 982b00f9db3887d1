//! Reading a request line exactly, or not at all.
//!
//! The engine's router (gorilla/mux) decodes a path once, cleans it of dot segments and doubled slashes by a redirect, and
//! matches what is left; Podman's matches before it decodes. So a path is taken only if its words stand there undecoded and
//! nothing in it would be cleaned. Names may be encoded: all routers decode a name once.

use super::row::{Group, Operation};
use super::table::{fits, rows_of};
use crate::version::ApiVersion;

/// An operation, and what the request line says for it.
#[derive(Debug, Clone)]
pub struct Match {
    /// The operation.
    pub operation: &'static Operation,
    /// The version of the API that is asked for; none means the engine's newest.
    pub version: Option<ApiVersion>,
    /// The names in the path, decoded, by what the table's pattern calls them.
    pub names: Vec<(&'static str, String)>,
}

impl Match {
    /// The first name in the path: of a container, an image, a volume.
    pub fn name(&self) -> Option<&str> {
        self.names.first().map(|(_, name)| &**name)
    }
}

/// Why a request line is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Engines may read it differently.
    #[error(
        "the request's path {path:?} {problem}, which engines may read differently; write it as in /v1.41/containers/json"
    )]
    Unclear {
        /// The path, cut where it is long.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It asks for nothing in the table.
    #[error("{0} is no operation that hostward knows, and under a profile only those it knows are passed on")]
    Unknown(String),
    /// It is of Podman's own API.
    #[error("{0} belongs to Podman's own API, which hostward does not judge; use a Docker client")]
    Libpod(String),
}

impl TargetError {
    /// The status to answer with.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unclear { .. } => 400,
            Self::Unknown(_) | Self::Libpod(_) => 403,
        }
    }
}

/// A component of a path.
struct PathWord<'t> {
    raw: &'t [u8],
    name: String,
}

impl AsRef<[u8]> for PathWord<'_> {
    fn as_ref(&self) -> &[u8] {
        self.raw
    }
}

/// The operation that a request line asks for; `options` is the one for every path.
pub(super) fn find(method: &[u8], target: &[u8], options: &'static Operation) -> Result<Match, TargetError> {
    let path = target.split(|&b| b == b'?').next().unwrap_or_default();
    let unclear = |problem| TargetError::Unclear { path: shown(path), problem };
    let components = components(path).map_err(unclear)?;
    let (versioned, route) = match components.split_first() {
        Some((first, rest)) if is_versioned(first.raw) => (Some(first.raw), rest),
        _ => (None, &components[..]),
    };
    let line = || format!("{} {}", shown(method), shown(path));
    let first = route.first().ok_or_else(|| TargetError::Unknown(line()))?;
    if first.raw == b"libpod" {
        return Err(TargetError::Libpod(line()));
    }
    let version = versioned
        .map(|versioned| version(versioned).ok_or_else(|| unclear("has a version that is not two numbers")));
    let version = version.transpose()?;
    if method == b"OPTIONS" {
        let names = vec![("any", shown(path))];
        return Ok(Match { operation: options, version, names });
    }
    let operation = rows_of(first.raw).iter().find(|row| {
        row.method.as_bytes() == method
            && fits(row.pattern, route)
            && row.only_with.is_none_or(|key| crate::api::endpoint::asks(target, key.as_bytes()))
    });
    let operation =
        operation.filter(|row| row.group != Group::Libpod).ok_or_else(|| TargetError::Unknown(line()))?;
    let names =
        named(operation.pattern, route).ok_or_else(|| unclear("has a slash in a name that can have none"))?;
    Ok(Match { operation, version, names })
}

/// The components of a path that all routers part alike.
fn components(path: &[u8]) -> Result<Vec<PathWord<'_>>, &'static str> {
    let Some(path) = path.strip_prefix(b"/") else { return Err("does not begin with a slash") };
    let mut components = Vec::with_capacity(5);
    for raw in path.split(|&b| b == b'/') {
        let name = decoded(raw)?;
        if name.split('/').any(str::is_empty) {
            return Err("has two slashes in a row, or one at its end");
        }
        if name.split('/').any(|part| matches!(part, "." | "..")) {
            return Err("has a dot segment");
        }
        components.push(PathWord { raw, name });
    }
    Ok(components)
}

/// What a component says.
fn decoded(raw: &[u8]) -> Result<String, &'static str> {
    let mut name = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        let byte = match (byte, tail) {
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                let digits = char::from(*high).to_digit(16).zip(char::from(*low).to_digit(16));
                let (high, low) = digits.ok_or("has a % without two digits behind it")?;
                u8::try_from(high * 16 + low).unwrap_or_default()
            }
            (b'%', _) => return Err("has a % without two digits behind it"),
            (byte, tail) => {
                rest = tail;
                byte
            }
        };
        // No name has any of these, and each is something else to somebody.
        if !byte.is_ascii_graphic() || matches!(byte, b'%' | b';' | b'#' | b'?' | b'\\') {
            return Err("has a character that no name has");
        }
        name.push(char::from(byte));
    }
    Ok(name)
}

/// Whether a component is meant for a version: no other word of the API has anything but a letter behind a `v`.
fn is_versioned(component: &[u8]) -> bool {
    matches!(component, [b'v', next, ..] if !next.is_ascii_alphabetic())
}

/// `v1.41`.
fn version(component: &[u8]) -> Option<ApiVersion> {
    let numbers = str::from_utf8(component).ok()?.strip_prefix('v')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (major, minor) = numbers.split_once('.')?;
    if is_number(major) && is_number(minor) { ApiVersion::parse(numbers) } else { None }
}

/// The names of a path that fits a pattern; `None` where one has a slash that may not.
fn named(pattern: &'static str, route: &[PathWord<'_>]) -> Option<Vec<(&'static str, String)>> {
    let words = pattern.split('/').skip(1);
    // Only one name of a pattern can be long.
    let behind = pattern.rsplit('/').position(|word| word.ends_with("*}")).unwrap_or_default();
    let mut names = Vec::new();
    let mut at = 0;
    for word in words {
        let count = if word.ends_with("*}") { route.len().checked_sub(at + behind)? } else { 1 };
        let components = route.get(at..at + count)?;
        at += count;
        let Some(name) = word.strip_prefix('{') else { continue };
        let text = components.iter().map(|component| &*component.name).collect::<Vec<_>>().join("/");
        if text.contains('/') && !name.ends_with("**}") {
            return None;
        }
        names.push((name.trim_end_matches(['*', '}']), text));
    }
    Some(names)
}

/// A text for people, cut where it is long.
fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned()
}
