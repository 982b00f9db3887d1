//! The tables of cases, `tests/smuggling/*.toml`.

use crate::Sender;
use hostward_testkit::unique;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Bytes on one connection, and what comes of them.
///
/// What is said is the status of each answer, and `close` where the connection is ended; `nothing` is neither.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// In its text `«id»` is this case's own, `«length»` the bytes behind the next empty line, and `«3×ab»` is `ababab`. Characters
    /// to U+00FF are bytes.
    send: String,
    /// Whether the sender says that no more comes.
    #[serde(default)]
    pub(crate) half_close: bool,
    /// What the engine itself says, and some engines otherwise.
    engine: String,
    #[serde(default)]
    engines: BTreeMap<String, String>,
    /// What is said through Hostward, and where a container sends it; `the engine's` where that is for the engine to say.
    hostward: String,
    inside: Option<String>,
    /// The same under the profile `ci`.
    profiled: Option<String>,
    /// The request lines that reach the engine, and where a container sends them.
    sees: String,
    sees_inside: Option<String>,
    #[serde(skip)]
    pub(crate) id: String,
}

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    #[derive(Deserialize)]
    struct Table {
        case: Vec<Case>,
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("smuggling");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let table: Table =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        cases.extend(table.case.into_iter().map(|case| Case { id: unique("hws"), ..case }));
    }
    cases
}

impl Case {
    pub(crate) fn of_engine(&self, engine: &str) -> &str {
        self.engines.get(engine).unwrap_or(&self.engine)
    }

    pub(crate) fn of_hostward(&self, sender: Sender, engine: &str) -> &str {
        let inside = self.inside.as_ref().unwrap_or(&self.hostward);
        let said = match sender {
            Sender::Host => &self.hostward,
            Sender::Container => inside,
            Sender::Profiled => self.profiled.as_ref().unwrap_or(inside),
        };
        if said == "the engine's" { self.of_engine(engine) } else { said }
    }

    pub(crate) fn sees(&self, sender: Sender) -> &str {
        match (sender, &self.sees_inside) {
            (Sender::Container | Sender::Profiled, Some(inside)) => inside,
            _ => &self.sees,
        }
    }

    /// What is sent, and whether the sender then says that no more comes.
    pub(crate) fn bytes(&self) -> (Vec<u8>, bool) {
        let mut text = self.send.replace("«id»", &self.id);
        while let Some((before, rest)) = text.split_once('×') {
            let (before, times) = before.rsplit_once('«').unwrap();
            let (part, rest) = rest.split_once('»').unwrap();
            text = format!("{before}{}{rest}", part.repeat(times.parse().unwrap()));
        }
        while let Some((before, rest)) = text.split_once("«length»") {
            let body = rest.split_once("\r\n\r\n").map_or(0, |(_, body)| body.chars().count());
            text = format!("{before}{body}{rest}");
        }
        (text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(), self.half_close)
    }
}
