//! What was asked, written on what the engine made of it: a label, for the few cases that the caller's mount table cannot
//! tell (a link in the path, a part of a volume, mounts that came along), and on containers that publish ports, of which it says
//! on whose localhost these are. It outlives any restart of Hostward.
//!
//! It is believed for the caller that it names, if Hostward has signed it, and of a mount that is still the one that was given
//! then: images and services hand labels on to containers that have other mounts. It is believed for another caller where that
//! has at the path that was asked what was given then: the one that asked may have been made anew since.
//!
//! What is created may call in its turn, and be told paths as its maker has them. So what was asked is also written on whatever
//! gets Hostward's socket or is told of an engine, and gives the names that its maker has for its mounts ([`names`]).
//!
//! Threat model: a label is text that anybody may write on what it creates. Without Hostward's key nobody can write one that
//! another caller would read invented paths from.

use super::json::{BodyError, Member, Value, present, string};
use super::reader::Reader;
use crate::bind_text::BindText;
use crate::cgroup::ContainerId;
use crate::containment::{Contained, Containment};
use crate::explicit::{Missing, Unmapped};
use crate::origin::Origin;
use crate::path::{CallerPath, EnginePath, Rest};
use crate::plan::Give;
use crate::policy::ownership::Ownership;
use crate::seal::{Key, LABEL};
use crate::table::Table;
use crate::view::{Named, View};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The container that has asked for what has this label; none where Hostward has not signed that.
pub fn maker(label: &str, key: &Key) -> Option<ContainerId> {
    let asked: Asked = serde_json::from_str(key.open(label)?).ok()?;
    ContainerId::parse(asked.caller.as_bytes())
}

/// How the names of all labels begin that mean something to Hostward, or may to a later one.
const NAMESPACE: &str = "hostward.";

/// Whether a label is reserved: only Hostward, and those who create containers on the host, may write it.
pub(super) fn is_reserved(label: &str) -> bool {
    label.starts_with(NAMESPACE)
}

/// Whether a label means something to this Hostward. Of an image, these alone are overridden: what it says beside that is its own.
pub(super) fn has_a_meaning(label: &str) -> bool {
    is_written(label) || matches!(label, Unmapped::LABEL | Missing::LABEL)
}

/// Whether Hostward writes a label itself: what has it in a request was read of something else, and goes.
pub(super) fn is_written(label: &str) -> bool {
    matches!(label, LABEL | Ownership::LABEL)
}

/// The key of a volume's device.
pub(super) const DEVICE: &str = "device";

/// The label's value.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The id of the container that asked.
    caller: String,
    /// By where it is mounted; `device` where it is a volume's, `Devices[0]` a container's, `syslog-address` of a log driver.
    mounts: BTreeMap<String, NotedMount>,
    /// What came along, by where it is mounted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    beneath: BTreeMap<String, Noted>,
}

#[derive(Debug, Serialize, Deserialize)]
struct NotedMount {
    /// What stood in the request, to the letter.
    asked: Box<RawValue>,
    given: Noted,
    /// What that is on the host, where the engine was given another way to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contained: Option<Noted>,
    /// Where in `Binds` it stood, if it became another kind of mount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

impl NotedMount {
    /// Whether what was given is what a path was found to be.
    fn was(&self, origin: &Origin<'_>) -> bool {
        [Some(&self.given), self.contained.as_ref()].into_iter().flatten().any(|noted| noted.is(origin))
    }
}

/// What stood in a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Original<'a> {
    /// To the letter.
    pub(super) text: &'a str,
    /// Where in `Binds`, if it is not there any more.
    pub(super) index: Option<usize>,
}

impl<'a> Original<'a> {
    /// What stands for a value of this kind: nothing else may, or a client would meet a type that the API does not have there.
    pub(super) fn of_kind(self, value: Value<'_>) -> Option<&'a str> {
        let alike = self.text.as_bytes().first() == value.text().as_bytes().first();
        alike.then_some(self.text)
    }
}

/// What the engine was given: a path, or a volume's name, a slash and the subpath.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted(String);

impl Noted {
    pub(super) fn of(give: &Give) -> Self {
        match give {
            Give::Bind(source) => Self(source.to_string()),
            Give::Volume { name, subpath } => Self::volume(name, subpath),
            Give::Contained(Contained { by, .. }) => match by {
                Containment::Pin(pin) => Self(pin.to_string()),
                Containment::Volume { name, subpath, .. } => Self::volume(name, subpath),
            },
        }
    }

    fn volume(name: &str, subpath: &Rest) -> Self {
        Self(format!("{name}/{subpath}"))
    }

    /// Of a source in a text of `Binds`: a path or a volume's name.
    pub(super) fn of_source(source: &str) -> Self {
        if source.starts_with('/') { Self(source.to_owned()) } else { Self::volume(source, &Rest::empty()) }
    }

    /// Of an object of `Mounts`.
    pub(super) fn of_mount(members: &[Member<'_>]) -> Result<Self, BodyError> {
        let source = string(members, "Source")?.unwrap_or_default();
        let subpath = match present(members, "VolumeOptions")? {
            Some(options) => string(&options.members()?.unwrap_or_default(), "Subpath")?,
            None => None,
        };
        Ok(match subpath.and_then(|subpath| Rest::parse(subpath.as_bytes())) {
            Some(subpath) => Self::volume(&source, &subpath),
            None => Self::of_source(&source),
        })
    }

    /// Whether it is what a path was found to be.
    fn is(&self, origin: &Origin<'_>) -> bool {
        let by_name = match origin {
            Origin::Volume { volume, within, .. } => *self == Self::volume(&volume.name, within),
            _ => false,
        };
        by_name || origin.on_host().is_some_and(|path| path.as_bytes() == self.0.as_bytes())
    }

    /// Whether a mount in effect, of which only the volume's name is told, may be it.
    fn is_shown_by(&self, source: &str) -> bool {
        self.0 == source || self.0.split_once('/').is_some_and(|(name, _)| name == source)
    }
}

/// What an engine shows of a bind that stood in a request.
pub(super) struct Requested {
    /// The source, cleaned as the engine cleans it.
    pub(super) source: String,
    /// The options of a text of `Binds`; an object of `Mounts` has none.
    pub(super) mode: String,
}

impl Requested {
    /// Reads what stood in the request, to the letter.
    pub(super) fn of(original: &str) -> Option<Self> {
        let value = Value::of(original.as_bytes()).ok()?;
        let (source, mode) = match value.string().ok()? {
            Some(text) => {
                let BindText { source, target, options, .. } = BindText::of(&text);
                (source.unwrap_or(target).to_owned(), options.unwrap_or_default().to_owned())
            }
            None => (string(&value.members().ok()??, "Source").ok()??.into_owned(), String::new()),
        };
        let source = CallerPath::parse(source.as_bytes()).ok()?.to_string();
        Some(Self { source, mode })
    }
}

impl Asked {
    pub(super) fn by(caller: &str) -> Self {
        Self { caller: caller.to_owned(), mounts: BTreeMap::new(), beneath: BTreeMap::new() }
    }

    /// Notes what stood in a request, and what the engine is given for it.
    pub(super) fn note(&mut self, place: String, original: Original<'_>, give: &Give) {
        if let Ok(asked) = RawValue::from_string(original.text.to_owned()) {
            let contained = match give {
                Give::Contained(Contained { source, .. }) => Some(Noted(source.to_string())),
                Give::Bind(_) | Give::Volume { .. } => None,
            };
            let (given, index) = (Noted::of(give), original.index);
            self.mounts.insert(place, NotedMount { asked, given, contained, index });
        }
    }

    /// Notes what comes along.
    pub(super) fn note_beneath(&mut self, place: String, give: &Give) {
        self.beneath.insert(place, Noted::of(give));
    }

    /// Whether there is nothing that the table cannot tell.
    pub(super) fn is_empty(&self) -> bool {
        self.mounts.is_empty() && self.beneath.is_empty()
    }

    /// The label's text, signed. What stood in the request keeps its bytes.
    ///
    /// # Errors
    /// None in practice: it is made of JSON.
    pub(super) fn text(&self, key: &Key) -> serde_json::Result<String> {
        Ok(key.seal(&serde_json::to_string(self)?))
    }

    /// Reads the label; `None` where it is none of ours. For another caller than the one that asked it has what that caller
    /// could have asked as well.
    pub(super) fn read(text: &str, reader: &Reader<'_>) -> Option<Self> {
        let mut asked: Self = serde_json::from_str(reader.key.open(text)?).ok()?;
        if asked.caller != reader.caller {
            asked.keep_what_is_so_in(reader.view);
        }
        Some(asked)
    }

    /// Keeps what was asked by a path at which this view has what was given, and what came along with that.
    fn keep_what_is_so_in(&mut self, view: &View) {
        let source =
            |mount: &NotedMount| CallerPath::parse(Requested::of(mount.asked.get())?.source.as_bytes()).ok();
        self.mounts.retain(|_, mount| source(mount).is_some_and(|source| mount.was(&view.locate(&source))));
        let mounts = &self.mounts;
        self.beneath.retain(|place, given| {
            let Ok(place) = CallerPath::parse(place.as_bytes()) else { return false };
            mounts.iter().any(|(at, mount)| {
                let at = CallerPath::parse(at.as_bytes()).ok();
                let rest = at.and_then(|at| place.below(&at));
                source(mount)
                    .zip(rest)
                    .is_some_and(|(source, rest)| given.is(&view.locate(&source.join(&rest))))
            })
        });
    }

    /// What stood in the request for what is mounted there, if it is what was given.
    pub(super) fn original(&self, place: &str, given: &Noted) -> Option<Original<'_>> {
        let mount = self.mounts.get(place).filter(|mount| mount.given == *given)?;
        Some(Original { text: mount.asked.get(), index: mount.index })
    }

    /// The paths that were given for mounts, and what stood in the request for each.
    pub(super) fn paths(&self) -> impl Iterator<Item = (EnginePath, &str)> {
        let mounts = self.mounts.iter().filter(|(place, _)| place.starts_with('/')).map(|(_, mount)| mount);
        mounts
            .filter_map(|mount| Some((EnginePath::parse(mount.given.0.as_bytes()).ok()?, mount.asked.get())))
    }

    /// The same of a mount in effect: a path, or a volume's name.
    pub(super) fn original_in_effect(&self, place: &str, source: &str) -> Option<&str> {
        let mount = self.mounts.get(place)?;
        mount.given.is_shown_by(source).then(|| mount.asked.get())
    }

    /// Whether nobody asked for what is mounted there: it came along with another mount.
    pub(super) fn came_along(&self, place: &str, given: &Noted) -> bool {
        self.beneath.get(place) == Some(given)
    }

    /// The same of a mount in effect.
    pub(super) fn came_along_in_effect(&self, place: &str, source: &str) -> bool {
        self.beneath.get(place).is_some_and(|given| given.is_shown_by(source))
    }
}

/// The paths by which the one who created a container named its mounts, by the label and the mounts that it has; none where
/// Hostward has not signed the label.
pub fn names(label: &str, table: &Table, key: &Key) -> Vec<Named> {
    let asked = key.open(label).and_then(|text| serde_json::from_str(text).ok());
    let mounts = asked.into_iter().flat_map(|Asked { mounts, .. }| mounts);
    let named = mounts.filter_map(|(place, noted)| {
        let at = CallerPath::parse(place.as_bytes()).ok()?;
        // The label may have come with an image, from a container that had something else there.
        let is_it = noted.given.is(&Origin::of(table.at(&at)?, &at));
        let source = Requested::of(noted.asked.get()).filter(|_| is_it)?.source;
        Some(Named { name: CallerPath::parse(source.as_bytes()).ok()?, at })
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::{Mount, Source, Volume};

    #[test]
    fn a_makers_names_are_those_of_mounts_that_are_still_there() {
        let key = Key::new([1; Key::LEN]);
        let path = |text: &str| CallerPath::parse(text.as_bytes()).unwrap();
        let engine = |text: &str| EnginePath::parse(text.as_bytes()).unwrap();
        let volume = Volume {
            name: "v".into(),
            driver: "local".into(),
            subpath: Rest::parse(b"sub").unwrap(),
            path: Some(engine("/volumes/v/_data")),
        };
        let mount = |at, source| Mount { destination: path(at), source, read_only: false };
        let table = Table::new([
            mount("/w", Source::Bind(engine("/srv/ws"))),
            mount("/part", Source::Volume(volume)),
            mount("/other", Source::Bind(engine("/srv/other"))),
        ]);
        let label = r#"{"caller":"c","mounts":{
            "/w":{"asked":"/app/./ws/:/w:ro","given":"/srv/ws"},
            "/part":{"asked":{"Type":"bind","Source":"/vol/sub","Target":"/part"},"given":"v/sub"},
            "/other":{"asked":"/app/other:/other","given":"/srv/else"},
            "/gone":{"asked":"/app/gone:/gone","given":"/srv/gone"},
            "syslog-address":{"asked":"unix:///app/s","given":"/srv/s"}}}"#;
        let named = |name, at| Named { name: path(name), at: path(at) };
        assert_eq!(
            names(&key.seal(label), &table, &key),
            [named("/vol/sub", "/part"), named("/app/ws", "/w")]
        );
        assert_eq!(names(label, &table, &key), []);
        assert_eq!(names(&Key::new([2; Key::LEN]).seal(label), &table, &key), []);
    }

    #[test]
    fn who_has_made_something_is_believed_with_the_signature_alone() {
        let (key, id) = (Key::new([7; Key::LEN]), "c0ffee00".repeat(8));
        let label = Asked::by(&id).text(&key).unwrap();
        assert_eq!(maker(&label, &key).unwrap().as_str(), id);
        assert_eq!(maker(&label, &Key::new([8; Key::LEN])), None);
        assert_eq!(maker(&format!(r#"{{"caller":"{id}","mounts":{{}}}}"#), &key), None);
        // A caller that was no container.
        assert_eq!(maker(&Asked::by("").text(&key).unwrap(), &key), None);
    }
}
