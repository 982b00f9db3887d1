//! The form of a case: what an attacker sends, what that does on a bare engine, and what Hostward answers instead.
//! `tests/attacks/README.md` explains it for those who write cases.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A file of `tests/attacks`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What is tried, in a few words.
    pub(crate) name: String,
    /// What it would give to an attacker.
    pub(crate) why: String,
    /// Whether the bare engine is in a swarm meanwhile.
    #[serde(default)]
    pub(crate) swarm: bool,
    /// Links in the attacker's storage: name and target.
    #[serde(default)]
    pub(crate) links: BTreeMap<String, String>,
    /// What somebody else has done before, by the engine's own socket.
    #[serde(default)]
    pub(crate) before: Vec<Request>,
    /// What the attacker sends. The last request is the one that is judged.
    pub(crate) request: Vec<Request>,
    /// What happens without Hostward.
    pub(crate) bare: Bare,
    /// What Hostward does.
    #[serde(default)]
    pub(crate) hostward: Hostward,
    /// The folder it is in.
    #[serde(skip)]
    pub(crate) road: String,
}

/// One request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// The request line without its version: `POST /containers/create?name={name}`.
    pub(crate) send: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// A body of type application/json.
    pub(crate) json: Option<String>,
    /// A body whose type the headers say, if any.
    pub(crate) text: Option<String>,
    /// A tar archive: names and what is in them. `-> TARGET` is a link, `=> TARGET` a hard link.
    pub(crate) tar: Option<BTreeMap<String, String>>,
    /// How it is packed: by gzip, in one member or two.
    pub(crate) packing: Option<Packing>,
}

/// How an archive is packed.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) enum Packing {
    #[serde(rename = "gzip")]
    Gzip,
    #[serde(rename = "gzip in two")]
    GzipInTwo,
}

/// What a bare engine does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bare {
    /// The answer's status.
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) seen: Seen,
    /// Engines on which it does not succeed, and how that is seen.
    #[serde(default)]
    pub(crate) refused: Vec<OwnRefusal>,
}

/// What shows that something has come to be: a part of the answer, or of what the engine says afterwards.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seen {
    /// What the engine is asked. The answer itself is looked at where this is missing.
    pub(crate) get: Option<String>,
    /// Which part, as a JSON pointer.
    pub(crate) at: Option<String>,
    /// What that is.
    pub(crate) is: Option<toml::Value>,
    /// A text that is in it.
    pub(crate) has: Option<String>,
}

impl Seen {
    /// Whether it looks at anything.
    pub(crate) fn looks(&self) -> bool {
        self.get.is_some() || self.at.is_some() || self.is.is_some() || self.has.is_some()
    }
}

/// What an engine has against it by itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnRefusal {
    /// Names of engines.
    pub(crate) on: Vec<String>,
    /// A part of its error. Where it is missing the engine takes the request and does nothing of the kind.
    pub(crate) says: Option<String>,
    /// Why, where it does not say it.
    #[serde(default, rename = "because")]
    pub(crate) _because: String,
}

/// What Hostward does.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hostward {
    /// The answer's status: 403 where it is missing.
    pub(crate) status: Option<u16>,
    /// A part of the answer, under `ci`. The other presets may have a rule that comes before.
    pub(crate) says: Option<String>,
    /// Presets that give this on purpose: it is no attack there.
    #[serde(default)]
    pub(crate) given: Vec<String>,
    /// Presets under which the request is let through because it does no harm there.
    #[serde(default)]
    pub(crate) harmless: Vec<String>,
    /// How that is seen.
    #[serde(default)]
    pub(crate) seen: Seen,
}

impl Case {
    /// Whether it is to be played by itself: an engine does some things one at a time, or for all that there is.
    pub(crate) fn is_alone(&self) -> bool {
        let alone = |request: &Request| ["/prune", "/commit"].iter().any(|part| request.send.contains(part));
        self.swarm || self.road == "told" || self.request.iter().any(alone)
    }

    /// Whether its request is let through under a preset.
    pub(crate) fn is_harmless(&self, preset: &str) -> bool {
        self.hostward.harmless.iter().any(|name| name == preset)
    }

    /// Folder and name of the file, to be found by.
    pub(crate) fn title(&self) -> String {
        format!("{}: {}", self.road, self.name)
    }
}

/// All cases, or those whose title has the text of `HOSTWARD_TEST_ATTACKS` in it.
pub(crate) fn all() -> Vec<Case> {
    let wanted = std::env::var("HOSTWARD_TEST_ATTACKS").unwrap_or_default();
    let mut cases = Vec::new();
    for road in entries(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/attacks"))) {
        if !road.is_dir() {
            continue;
        }
        for file in entries(&road) {
            let text = fs::read_to_string(&file).unwrap();
            let mut case: Case =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            road.file_name().unwrap().to_str().unwrap().clone_into(&mut case.road);
            cases.push(case);
        }
    }
    cases.retain(|case| case.title().contains(&wanted));
    cases
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
