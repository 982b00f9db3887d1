//! What was asked, written on what the engine made of it: a label, for the few cases that the caller's mount table cannot
//! tell (a link in the path, a part of a volume, mounts that came along). It outlives any restart of Hostward, and is
//! believed for the caller that it names.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The label's name.
pub(super) const LABEL: &str = "hostward.asked";

/// The label's value.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The id of the container that asked.
    pub(super) caller: String,
    /// What stood in the request, to the letter, by where it is mounted; `device` for a volume's.
    #[serde(rename = "asked")]
    pub(super) texts: BTreeMap<String, Box<RawValue>>,
    /// Where the mounts are that came along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) beneath: Vec<String>,
}

/// The key of a volume's device.
pub(super) const DEVICE: &str = "device";

impl Asked {
    pub(super) fn by(caller: &str) -> Self {
        Self { caller: caller.to_owned(), texts: BTreeMap::new(), beneath: Vec::new() }
    }

    /// Notes what stood in a request.
    pub(super) fn note(&mut self, place: String, text: &str) {
        if let Ok(text) = RawValue::from_string(text.to_owned()) {
            self.texts.insert(place, text);
        }
    }

    /// Whether there is nothing that the table cannot tell.
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.beneath.is_empty()
    }

    /// The label's text. What stood in the request keeps its bytes.
    ///
    /// # Errors
    /// None in practice: it is made of JSON.
    pub(super) fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Reads the label; `None` where it is none of ours, or another caller's.
    pub(super) fn read(text: &str, caller: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|asked: &Self| asked.caller == caller)
    }
}
