//! One path looked up: where it leads, what it is made of, and what the engine is given.

use std::sync::Arc;

use hostward::origin::Origin;
use hostward::path::AskedPath;
use hostward::plan::{self, Beneath, Give, Given, Plan, Wish};
use hostward::reading::Reading;
use hostward::refusal::{Reason, Refusal};
use hostward_sight::{Change, Looks};
use serde::Serialize;

use crate::viewpoint::Viewpoint;

/// All that is known of a path.
pub(crate) struct Finding<'a> {
    pub(crate) asked: &'a AskedPath,
    /// Where it leads and what that is; none when it cannot be followed.
    pub(crate) seen: Option<(Reading, Origin<'a>)>,
    /// What the engine is given for a bind of it.
    pub(crate) plan: Result<Plan, Refusal>,
    /// The one path on the engine's machine that stands for it.
    pub(crate) source: Result<Vec<u8>, Refusal>,
    /// What whoever mounted it calls it, where that is another path than the engine's.
    pub(crate) user_path: Option<String>,
}

/// Looks a path up. Mounts beneath it are asked for too, since a bind brings them along by default.
pub(crate) async fn look<'a>(asked: &'a AskedPath, viewpoint: &'a Viewpoint) -> Finding<'a> {
    let (path, eyes, abilities) = (asked.clone(), Arc::clone(&viewpoint.sight), viewpoint.abilities);
    let seen = hostward_sight::look(move || {
        let looks = Looks::default();
        let reading = eyes.resolve(&path, &looks)?;
        let plan = eyes.plan(&path, &reading.resolved, &Wish::bind(), abilities).and_then(|plan| {
            if let Plan::Given(given) = &plan {
                let Reading { resolved, words } = reading.clone();
                let given = given.clone();
                let change = Change { asked: path, words, resolved, wish: Wish::bind(), given };
                eyes.confirm(&[change], abilities, &looks)?;
            }
            Ok(plan)
        });
        Ok((reading, plan))
    });
    let refuse = |reason| Refusal { asked: asked.clone(), reason };
    match seen.await.unwrap_or_else(|why| Err(Reason::Unseen(why))) {
        Ok((reading, plan)) => {
            let origin = plan::meaning(asked, &reading.resolved, viewpoint.view());
            let source = plan.clone().and_then(|plan| one_path(asked, &origin, &plan).map_err(refuse));
            let table = viewpoint.view().table();
            let user_path = table.zip(origin.path()).and_then(|(table, path)| table.user_path(&path));
            Finding { asked, seen: Some((reading, origin)), plan, source, user_path }
        }
        Err(reason) => {
            let refusal = refuse(reason);
            Finding { asked, seen: None, plan: Err(refusal.clone()), source: Err(refusal), user_path: None }
        }
    }
}

/// The path by which the engine's machine has all that is at the caller's.
fn one_path(asked: &AskedPath, origin: &Origin<'_>, plan: &Plan) -> Result<Vec<u8>, Reason> {
    let given = match plan {
        Plan::Keep => return Ok(asked.as_bytes().to_vec()),
        Plan::Given(given) => given,
    };
    if let Some(beneath) = given.beneath.first() {
        return Err(Reason::NoRoom(beneath.at.clone()));
    }
    match &given.source {
        Give::Bind(source) => Ok(source.as_bytes().to_vec()),
        Give::Volume { .. } => match (origin.path(), origin) {
            (Some(path), _) => Ok(path.as_bytes().to_vec()),
            (None, Origin::Volume { volume, mount, .. }) => Err(Reason::volume(volume, mount)),
            (None, _) => Err(Reason::Unmapped),
        },
    }
}

impl Finding<'_> {
    /// The rule of translation that decided, and what it says.
    pub(crate) fn rule(&self) -> Option<(&'static str, &'static str)> {
        let (_, origin) = self.seen.as_ref()?;
        Some(match origin {
            Origin::RootFs { .. } | Origin::Nothing if matches!(self.plan, Ok(Plan::Keep)) => {
                ("T17", "a path that nothing maps is the host's, as the configuration says")
            }
            Origin::Host => ("T14", "a caller outside any container uses host paths"),
            Origin::Mapped { .. } => ("T15", "an explicit map overrides everything that is discovered"),
            Origin::Bind { .. } => (
                "T2",
                "a path in a bind mount becomes the mount's source plus the rest of the \
                                           path",
            ),
            Origin::Volume { volume, .. } if volume.subpath.is_empty() => {
                ("T3", "a path in a volume becomes the volume plus the rest of the path")
            }
            Origin::Volume { .. } => {
                ("T4", "a path in a part of a volume becomes the volume, that part's subpath plus the rest")
            }
            Origin::RootFs { .. } => (
                "T5",
                "a path in the container's own root filesystem becomes the directory where the engine has it \
                        mounted",
            ),
            Origin::Tmpfs(_) | Origin::Image(_) => ("T6", "tmpfs and images have no path on the host"),
            Origin::Other { .. } => ("T6", "a mount of this kind has no path on the host"),
            Origin::Socket(_) => ("T11", "a container gets hostward's socket instead of the engine's"),
            Origin::Device { .. } => {
                ("T21", "a device of the container becomes the host's device that it was given")
            }
            Origin::Machine => ("T19", "this path means the host, for every caller"),
            Origin::Private => ("T19", "shared memory and processes belong to each container alone"),
            Origin::Nothing => ("T17", "a path that nothing maps is refused"),
        })
    }

    /// What the engine is given, if that is not what was asked.
    pub(crate) fn given(&self) -> Option<&Given> {
        match &self.plan {
            Ok(Plan::Given(given)) => Some(given),
            Ok(Plan::Keep) | Err(_) => None,
        }
    }

    /// The finding for programs.
    pub(crate) fn record(&self) -> Record {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let refusal = self.plan.as_ref().err().or(self.source.as_ref().err());
        let source = self.source.as_ref().ok();
        Record {
            asked: text(self.asked.as_bytes()),
            read_as: self.seen.as_ref().map(|(reading, _)| reading.words.to_string()),
            resolved: self.seen.as_ref().map(|(reading, _)| text(reading.resolved.path.as_bytes())),
            exists: self.seen.as_ref().map(|(reading, _)| reading.resolved.exists),
            origin: self.seen.as_ref().map(|(_, origin)| origin.to_string()),
            user_path: self.user_path.clone(),
            rule: self.rule().map(|(rule, _)| rule),
            source: source.map(|source| text(source)),
            // JSON has no bytes: a path that is not UTF-8 is shown with U+FFFD and must not be used.
            exact: source.map(|source| str::from_utf8(source).is_ok()),
            read_only: self.plan.is_ok().then(|| self.given().is_some_and(|given| given.read_only)),
            mounts: self.given().map(mounts),
            refused: refusal.map(ToString::to_string),
            remedy: refusal.map(|refusal| refusal.remedy().to_string()),
        }
    }
}

/// What the engine is given, shallow before deep.
fn mounts(given: &Given) -> Vec<MountRecord> {
    let whole = MountRecord::of(&given.source, String::new(), given.read_only);
    let beneath = given.beneath.iter().map(|Beneath { rest, source, read_only, .. }| {
        MountRecord::of(source, String::from_utf8_lossy(rest.as_bytes()).into_owned(), *read_only)
    });
    std::iter::once(whole).chain(beneath).collect()
}

/// What `--json` prints for a path. A field is null where it has no answer.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    asked: String,
    read_as: Option<String>,
    resolved: Option<String>,
    exists: Option<bool>,
    origin: Option<String>,
    /// What whoever mounted it calls it, where that is another path than the engine's.
    user_path: Option<String>,
    rule: Option<&'static str>,
    /// The one path on the engine's machine.
    source: Option<String>,
    exact: Option<bool>,
    read_only: Option<bool>,
    /// What the engine is given instead of a bind of the path.
    mounts: Option<Vec<MountRecord>>,
    refused: Option<String>,
    remedy: Option<String>,
}

/// A mount, in the names of the engine's API.
#[derive(Debug, Serialize)]
struct MountRecord {
    r#type: &'static str,
    source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    subpath: String,
    /// Where it is beneath the target; nothing means at the target.
    #[serde(skip_serializing_if = "String::is_empty")]
    beneath: String,
    read_only: bool,
}

impl MountRecord {
    fn of(give: &Give, beneath: String, read_only: bool) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (r#type, source, subpath) = match give {
            Give::Bind(source) => ("bind", text(source.as_bytes()), String::new()),
            Give::Volume { name, subpath } => ("volume", name.clone(), text(subpath.as_bytes())),
        };
        Self { r#type, source, subpath, beneath, read_only }
    }
}
