//! What is said of one path, to people and to programs: where it leads, which rule applied, what the engine is given.
//!
//! `hostward explain --json` prints it, and the proxy answers `POST /_hostward/explain` with it. It is made of what the judging
//! code has found, and adds nothing of its own.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::containment::Contained;
use crate::mount::{Mount, Source};
use crate::origin::Origin;
use crate::path::{AskedPath, CallerPath, EnginePath, Rest};
use crate::plan::{self, Beneath, Give, Given, Plan};
use crate::reading::{Reading, Words};
use crate::refusal::{Reason, Refusal};
use crate::rule::rule;
use crate::table::Table;
use crate::view::View;

/// The version of what is said here. Fields may be added to a version; none goes, and none gets another meaning.
pub const VERSION: u32 = 1;

/// All that is known of a path. A field is null where it has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The path that was asked for.
    pub asked: String,
    /// Whose path it was taken for: `the caller's path`, `already a host path`.
    pub read_as: Option<String>,
    /// Where it leads in the caller's view, symlinks followed.
    pub resolved: Option<String>,
    /// Whether something is there. Null where nobody could look.
    pub exists: Option<bool>,
    /// What the path is, for people.
    pub origin: Option<String>,
    /// What whoever started the caller calls the source, where that is another path than the engine's (Docker Desktop).
    pub user_path: Option<String>,
    /// The number of the rule that applied (docs/rules.md).
    pub rule: Option<String>,
    /// What that rule says.
    pub rule_says: Option<String>,
    /// Where the path is on the host.
    pub on_host: Option<Layer>,
    /// Where it is in the caller. Null where the path means the host by itself.
    pub in_caller: Option<Layer>,
    /// The one path of the host that stands for it, without the mounts beneath it ([`mounts`](Self::mounts) has those).
    pub source: Option<String>,
    /// The same in its own bytes, where this was not read from JSON.
    #[serde(skip)]
    source_bytes: Option<Vec<u8>>,
    /// Whether the source is spelled exactly. JSON has no bytes: a path that is not UTF-8 is shown with U+FFFD, and must not be used.
    pub exact: Option<bool>,
    /// Whether the created container may only read it.
    pub read_only: Option<bool>,
    /// What the engine is given instead of a bind of the path, shallow before deep. Null where the path goes on unchanged.
    pub mounts: Option<Vec<MountGiven>>,
    /// Why the engine is given nothing: the whole message.
    pub refused: Option<String>,
    /// The reason alone.
    pub reason: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// A place in one of the file trees that a path is in: a directory that is mounted, and what is looked at beneath it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The directory or file, or `volume NAME`.
    pub base: String,
    /// What lies beneath it; empty where it is that itself.
    pub rest: String,
}

/// A mount that the engine is given, in the names of its API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountGiven {
    /// `bind` or `volume`.
    pub r#type: String,
    /// A path of the host, or the volume's name.
    pub source: String,
    /// What of the volume.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subpath: String,
    /// Where it is beneath the target; nothing means at the target.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub beneath: String,
    /// Whether it may only be read.
    pub read_only: bool,
}

/// A mount of a caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountTold {
    /// Where the caller has it.
    pub destination: String,
    /// `bind`, `volume`, `tmpfs`, `image`, or the kind's own name.
    pub r#type: String,
    /// A path of the host, or the volume's name; nothing for other kinds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The volume's driver.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// What of the volume the caller sees.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subpath: String,
    /// What whoever started the caller calls the source, where that is another path than the engine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_path: Option<String>,
    /// Whether the caller may only read it.
    pub read_only: bool,
}

impl Explanation {
    /// Of a path that leads to `reading`, or nowhere.
    pub fn of(
        asked: &AskedPath,
        view: &View,
        reading: Option<&Reading>,
        planned: &Result<Plan, Refusal>,
    ) -> Self {
        let origin = reading.map(|reading| plan::meaning(asked, &reading.resolved, view));
        let source = source(asked, origin.as_ref(), planned);
        let refusal = planned.as_ref().err().or(source.as_ref().err());
        let source = source.as_ref().ok();
        let given = match planned {
            Ok(Plan::Given(given)) => Some(given),
            Ok(Plan::Keep) | Err(_) => None,
        };
        let rule = origin.as_ref().map(|origin| rule(origin, planned.as_ref(), view));
        let (on_host, in_caller) = layers(asked, reading, origin.as_ref());
        let user_path = view.table().zip(origin.as_ref().and_then(Origin::path));
        Self {
            asked: lossy(asked.as_bytes()),
            read_as: reading.map(|reading| reading.words.to_string()),
            resolved: reading.map(|reading| lossy(reading.resolved.path.as_bytes())),
            exists: reading.map(|reading| reading.resolved.exists),
            origin: origin.as_ref().map(ToString::to_string),
            user_path: user_path.and_then(|(table, path)| table.user_path(&path)),
            rule: rule.map(|rule| rule.number.to_owned()),
            rule_says: rule.map(|rule| rule.says.to_owned()),
            on_host,
            in_caller,
            source: source.map(|source| lossy(source)),
            source_bytes: source.map(|source| source.to_vec()),
            exact: source.map(|source| str::from_utf8(source).is_ok()),
            read_only: planned.is_ok().then(|| given.is_some_and(|given| given.read_only)),
            mounts: given.map(mounts),
            refused: refusal.map(ToString::to_string),
            reason: refusal.map(|refusal| refusal.reason.to_string()),
            remedy: refusal.map(|refusal| refusal.remedy().into_owned()),
        }
    }

    /// The one path of the host, to the byte; none where there is none, or where JSON could not carry it.
    pub fn source_bytes(&self) -> Option<&[u8]> {
        let exact = || self.source.as_deref().filter(|_| self.exact == Some(true)).map(str::as_bytes);
        self.source_bytes.as_deref().or_else(exact)
    }

    /// The same for somebody who is not told paths of the host. `told` says a text without them.
    #[must_use]
    pub fn without_host(self, told: impl Fn(&str) -> String) -> Self {
        let [refused, reason, remedy] =
            [&self.refused, &self.reason, &self.remedy].map(|text| text.as_deref().map(&told));
        Self {
            origin: None,
            user_path: None,
            on_host: None,
            source: None,
            source_bytes: None,
            exact: None,
            mounts: None,
            refused,
            reason,
            remedy,
            ..self
        }
    }

    /// The same, where whoever is between refuses it.
    #[must_use]
    pub fn refused(self, refused: Option<String>, reason: Option<String>, remedy: Option<String>) -> Self {
        let nothing =
            Self { source: None, source_bytes: None, exact: None, read_only: None, mounts: None, ..self };
        Self { refused, reason, remedy, ..nothing }
    }

    /// The same, where whoever is between gives the engine these mounts for what it is given, and says this of it.
    #[must_use]
    pub fn given(self, next: &Self, mounts: Vec<MountGiven>) -> Self {
        let Self { origin, user_path, on_host, source, source_bytes, exact, read_only, .. } = next.clone();
        let read_only = Some(self.read_only == Some(true) || read_only == Some(true));
        Self {
            origin,
            user_path,
            on_host,
            source,
            source_bytes,
            exact,
            read_only,
            mounts: Some(mounts),
            ..self
        }
    }

    /// Whether the engine is given the path, or something for it.
    pub fn is_given(&self) -> bool {
        self.mounts.is_some() || self.refused.is_none()
    }

    /// Whether the path was taken for the caller's own without a doubt.
    pub fn is_the_callers(&self) -> bool {
        self.read_as.as_ref().is_none_or(|words| *words == Words::Callers.to_string())
    }

    /// Where mounts of the caller lie beneath it, which the one [`source`](Self::source) does not have.
    pub fn beneath(&self) -> impl Iterator<Item = &str> {
        self.mounts.iter().flatten().map(|mount| &*mount.beneath).filter(|beneath| !beneath.is_empty())
    }
}

/// The path of the host that stands for what is at the caller's, in the engine's bytes.
///
/// # Errors
/// Where there is none.
fn source<'a>(
    asked: &'a AskedPath,
    origin: Option<&Origin<'_>>,
    planned: &'a Result<Plan, Refusal>,
) -> Result<Cow<'a, [u8]>, Refusal> {
    let refuse = |reason| Refusal { asked: asked.clone(), reason };
    let given = match planned {
        Ok(Plan::Given(given)) => given,
        Ok(Plan::Keep) => return Ok(Cow::Borrowed(asked.as_bytes())),
        Err(refusal) => return Err(refusal.clone()),
    };
    match (&given.source, origin) {
        (Give::Bind(source) | Give::Contained(Contained { source, .. }), _) => {
            Ok(Cow::Borrowed(source.as_bytes()))
        }
        (Give::Volume { .. }, Some(origin)) => match (origin.path(), origin) {
            (Some(path), _) => Ok(Cow::Owned(path.as_bytes().to_vec())),
            (None, Origin::Volume { volume, mount, .. }) => Err(refuse(Reason::volume(volume, mount))),
            (None, _) => Err(refuse(Reason::Unmapped)),
        },
        (Give::Volume { .. }, None) => Err(refuse(Reason::Unmapped)),
    }
}

/// Where a path is on the host and in the caller.
fn layers(
    asked: &AskedPath,
    reading: Option<&Reading>,
    origin: Option<&Origin<'_>>,
) -> (Option<Layer>, Option<Layer>) {
    let clean = asked.clean();
    let (Some(Reading { resolved, .. }), Some(origin)) = (reading, origin) else {
        return (None, Some(Layer::whole(&clean)));
    };
    let path = &resolved.path;
    let caller = |base: &CallerPath| Some(Layer::at(base.to_string(), path.below(base).as_ref()));
    let whole = || Some(Layer::whole(path));
    match origin {
        Origin::Host | Origin::Machine => (Some(Layer::whole(&clean)), None),
        Origin::Mapped { map, .. } => {
            let host = Layer::at(map.engine().to_string(), path.below(map.caller()).as_ref());
            (Some(host), caller(map.caller()))
        }
        Origin::Bind { mount, source } => {
            let host = Layer::of_source(source, path.below(&mount.destination).as_ref());
            (Some(host), caller(&mount.destination))
        }
        Origin::Device { device, .. } => {
            let host = Layer::at(device.path.to_string(), path.below(&device.at).as_ref());
            (Some(host), caller(&device.at))
        }
        Origin::Volume { mount, volume, within } => {
            (Some(Layer::at(format!("volume {}", volume.name), Some(within))), caller(&mount.destination))
        }
        Origin::RootFs { source: Some(source) } => {
            let root = CallerPath::root();
            (Some(Layer::of_source(source, path.below(&root).as_ref())), caller(&root))
        }
        Origin::Socket(Some(own)) => (Some(Layer::at(own.to_string(), None)), whole()),
        Origin::Tmpfs(mount) | Origin::Image(mount) | Origin::Other { mount, .. } => {
            (None, caller(&mount.destination))
        }
        Origin::RootFs { source: None } | Origin::Socket(None) | Origin::Private | Origin::Nothing => {
            (None, whole())
        }
    }
}

impl Layer {
    fn at(base: String, rest: Option<&Rest>) -> Self {
        Self { base, rest: rest.map(ToString::to_string).unwrap_or_default() }
    }

    fn whole(path: &CallerPath) -> Self {
        Self::at(path.to_string(), None)
    }

    /// A mount's source, from the source of what lies beneath it.
    fn of_source(source: &EnginePath, rest: Option<&Rest>) -> Self {
        let source = source.to_string();
        let below = rest.map(ToString::to_string).filter(|rest| !rest.is_empty());
        let base = below
            .and_then(|rest| source.strip_suffix(&rest))
            .map_or(&*source, |base| base.trim_end_matches('/'));
        Self::at(if base.is_empty() { "/" } else { base }.to_owned(), rest)
    }
}

fn mounts(given: &Given) -> Vec<MountGiven> {
    let whole = MountGiven::of(&given.source, String::new(), given.read_only);
    let beneath = given.beneath.iter().map(|Beneath { rest, source, read_only, .. }| {
        MountGiven::of(source, lossy(rest.as_bytes()), *read_only)
    });
    std::iter::once(whole).chain(beneath).collect()
}

impl MountGiven {
    fn of(give: &Give, beneath: String, read_only: bool) -> Self {
        let (r#type, source, subpath) = match give {
            Give::Bind(source) | Give::Contained(Contained { source, .. }) => {
                ("bind", lossy(source.as_bytes()), String::new())
            }
            Give::Volume { name, subpath } => ("volume", name.clone(), lossy(subpath.as_bytes())),
        };
        Self { r#type: r#type.to_owned(), source, subpath, beneath, read_only }
    }
}

impl MountTold {
    /// Of all mounts of a caller.
    pub fn all(table: &Table) -> Vec<Self> {
        table.iter().map(|mount| Self::of(mount, table)).collect()
    }

    fn of(mount: &Mount, table: &Table) -> Self {
        let Mount { destination, source, read_only } = mount;
        let told = Self {
            destination: lossy(destination.as_bytes()),
            r#type: String::new(),
            source: String::new(),
            driver: String::new(),
            subpath: String::new(),
            user_path: None,
            read_only: *read_only,
        };
        let of_kind = |kind: &str| Self { r#type: kind.to_owned(), ..told.clone() };
        match source {
            Source::Bind(source) => Self {
                source: lossy(source.as_bytes()),
                user_path: table.user_path(source),
                ..of_kind("bind")
            },
            Source::Volume(volume) => Self {
                source: volume.name.clone(),
                driver: volume.driver.clone(),
                subpath: lossy(volume.subpath.as_bytes()),
                ..of_kind("volume")
            },
            Source::Tmpfs => of_kind("tmpfs"),
            Source::Image => of_kind("image"),
            Source::Other(kind) => of_kind(kind),
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
