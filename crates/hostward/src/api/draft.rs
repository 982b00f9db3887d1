//! A request on its way to the engine: the changes to its body, what is written down for later, and what cannot be spelled.

use super::asked::{Asked, Original};
use super::edits::Edits;
use super::podman::words::reads_otherwise;
use super::reader::Reader;
use super::site::Site;
use crate::containment::{Contained, Containment, MANAGED_LABEL, MANAGED_OPTIONS};
use crate::path::{AskedPath, CallerPath, EnginePath, Rest};
use crate::plan::{Beneath, Give, Given};
use crate::refusal::{Reason, Refusal};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Range;

/// What becomes of a body.
pub(super) struct Draft<'a> {
    /// The body as it came.
    json: &'a [u8],
    reader: Reader<'a>,
    /// Whether the engine is Podman, which cannot be told every path.
    for_podman: bool,
    /// Whether what is created may be told paths as its maker has them, so that all of them are written down.
    may_call: bool,
    /// What is changed in the body, but for the mounts of its holders.
    pub(super) edits: Edits,
    /// What the caller's mounts could not tell later.
    pub(super) asked: Asked,
    /// What changes among the mounts of each holder: put into the body at the end, when all is known.
    pub(super) holders: Vec<MountChanges>,
}

/// What changes among the mounts of one object.
#[derive(Debug, Clone, Default)]
pub(super) struct MountChanges {
    /// Which of its `Binds` have become mounts, in their order.
    pub(super) moved: Vec<usize>,
    /// The objects that its `Mounts` get.
    pub(super) added: Vec<String>,
}

impl<'a> Draft<'a> {
    /// That of a body which nothing has changed yet.
    pub(super) fn of(
        json: &'a [u8],
        holders: usize,
        reader: Reader<'a>,
        for_podman: bool,
        may_call: bool,
    ) -> Self {
        Self {
            json,
            reader,
            for_podman,
            may_call,
            edits: Edits::default(),
            asked: Asked::by(reader.caller),
            holders: vec![MountChanges::default(); holders],
        }
    }

    /// Whether the engine has this in its own directory, in which it takes not every propagation
    /// ([`propagation`](super::forms::propagation)). Podman takes any.
    pub(super) fn is_in_engine_directory(&self, source: &EnginePath) -> bool {
        !self.for_podman && self.reader.view.is_in_engine_directory(source)
    }

    /// What stands in the body, as it is written down.
    pub(super) fn original(&self, span: &Range<usize>) -> Original<'a> {
        // It was read as a text, and spans are those of its values.
        Original { text: str::from_utf8(&self.json[span.clone()]).unwrap_or_default(), index: None }
    }

    /// Adds the mounts that come along with a directory (T7); says whether there are any.
    pub(super) fn add_beneath(
        &mut self,
        site: &Site,
        given: &Given,
        holder: usize,
        target: Option<&CallerPath>,
    ) -> Result<bool, Refusal> {
        // A target that is none is the engine's to refuse.
        let Some(target) = target else { return Ok(false) };
        for Beneath { rest, source, read_only, .. } in &given.beneath {
            let at = target.join(rest);
            let Ok(place) = str::from_utf8(at.as_bytes()) else {
                return Err(unspelled(site, given, "a mount below it whose path is not UTF-8"));
            };
            let object = self.object(&site.asked, source, place, *read_only)?;
            self.holders[holder].added.push(object);
            self.asked.note_beneath(place.to_owned(), source);
        }
        Ok(!given.beneath.is_empty())
    }

    /// Notes what was asked, where the caller's table would not say it of what the engine was given, or what is created may be
    /// told it.
    pub(super) fn remember(
        &mut self,
        site: &Site,
        given: &Given,
        changed: bool,
        key: String,
        original: Original<'_>,
    ) {
        let restored = match &given.source {
            Give::Bind(source) => self.reader.view.restore(source),
            Give::Volume { .. } | Give::Contained(_) => None,
        };
        let told = restored.is_some_and(|path| path.as_bytes() == site.asked.as_bytes());
        if changed || !told || self.may_call {
            self.asked.note(key, original, &given.source);
        }
    }

    /// What is given, as an object of `Mounts`.
    pub(super) fn object(
        &self,
        asked: &AskedPath,
        give: &Give,
        target: &str,
        read_only: bool,
    ) -> Result<String, Refusal> {
        if self.for_podman && reads_otherwise(target) {
            return Err(unspelled_source(asked, give, PODMAN));
        }
        let object = match give {
            Give::Bind(source) => {
                let source = self.spelled_in_object(asked, source)?;
                json!({ "Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only })
            }
            Give::Volume { name, subpath } => {
                let options = volume_options(subpath);
                json!({
                    "Type": "volume", "Source": name, "Target": target, "ReadOnly": read_only,
                    "VolumeOptions": options,
                })
            }
            Give::Contained(Contained { by: Containment::Pin(pin), .. }) => {
                json!({ "Type": "bind", "Source": spelled(asked, pin)?, "Target": target, "ReadOnly": read_only })
            }
            Give::Contained(Contained { by: Containment::Volume { name, root, subpath }, .. }) => {
                let options = managed_options(asked, root, subpath)?;
                json!({
                    "Type": "volume", "Source": name, "Target": target, "ReadOnly": read_only,
                    "VolumeOptions": options,
                })
            }
        };
        Ok(object.to_string())
    }

    /// The source of an object of `Mounts`, of which Podman makes a text that it reads again.
    pub(super) fn spelled_in_object<'g>(
        &self,
        asked: &AskedPath,
        source: &'g EnginePath,
    ) -> Result<&'g str, Refusal> {
        let text = spelled(asked, source)?;
        if self.for_podman && reads_otherwise(text) {
            return Err(unspelled_source(asked, source, PODMAN));
        }
        Ok(text)
    }
}

const PODMAN: &str = "a comma, a quote or a newline for Podman";

/// The options of a mount of a volume, or of what it has at a subpath: the image copies nothing into it.
pub(super) fn volume_options(subpath: &Rest) -> serde_json::Value {
    match subpath.as_str().filter(|subpath| !subpath.is_empty()) {
        Some(subpath) => json!({ "NoCopy": true, "Subpath": subpath }),
        None => json!({ "NoCopy": true }),
    }
}

/// The options of a mount of what a managed volume has at a subpath. They make the volume, so that it is there for as long as a
/// container has it, and no longer.
pub(super) fn managed_options(
    asked: &AskedPath,
    root: &EnginePath,
    subpath: &Rest,
) -> Result<serde_json::Value, Refusal> {
    let mut options = volume_options(subpath);
    let driver: BTreeMap<_, _> =
        MANAGED_OPTIONS.into_iter().chain([("device", spelled(asked, root)?)]).collect();
    options["DriverConfig"] = json!({ "Name": "local", "Options": driver });
    options["Labels"] = json!({ MANAGED_LABEL: "true" });
    Ok(options)
}

/// The one path that a form takes which has no room for others.
pub(super) fn alone<'g>(site: &Site, given: &'g Given) -> Result<&'g str, Refusal> {
    if let Some(beneath) = given.beneath.first() {
        let reason = Reason::NoRoom(beneath.at.clone());
        return Err(Refusal { asked: site.asked.clone(), reason });
    }
    match &given.source {
        Give::Bind(source) => spelled(&site.asked, source),
        Give::Contained(Contained { by: Containment::Pin(pin), .. }) => spelled(&site.asked, pin),
        Give::Volume { .. } | Give::Contained(_) => Err(unspelled(site, given, "a volume")),
    }
}

/// A path of the engine's as a text of JSON.
pub(super) fn spelled<'g>(asked: &AskedPath, source: &'g EnginePath) -> Result<&'g str, Refusal> {
    source.as_str().ok_or_else(|| unspelled_source(asked, source, "a path that is not UTF-8"))
}

/// The refusal of what cannot be spelled in a form.
pub(super) fn unspelled(site: &Site, given: &Given, what: &'static str) -> Refusal {
    unspelled_source(&site.asked, &given.source, what)
}

fn unspelled_source(asked: &AskedPath, source: &impl ToString, what: &'static str) -> Refusal {
    Refusal { asked: asked.clone(), reason: Reason::Spelling { source: source.to_string(), what } }
}
