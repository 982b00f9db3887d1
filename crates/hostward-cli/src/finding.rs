//! One path looked up: where it leads, what it is made of, and what the engine is given.

use hostward::origin::Origin;
use hostward::path::AskedPath;
use hostward::plan::{self, Plan, Wish};
use hostward::refusal::Refusal;
use hostward::walk::Resolved;
use serde::Serialize;

use crate::viewpoint::Viewpoint;

/// All that is known of a path.
pub(crate) struct Finding<'a> {
    pub(crate) asked: &'a AskedPath,
    /// Where it leads and what that is; none when it cannot be followed.
    pub(crate) seen: Option<(Resolved, Origin<'a>)>,
    pub(crate) plan: Result<Plan, Refusal>,
}

/// Looks a path up. Mounts beneath it are asked for too, since a bind brings them along by default.
pub(crate) fn look<'a>(asked: &'a AskedPath, viewpoint: &'a Viewpoint) -> Finding<'a> {
    match viewpoint.files.resolve(asked) {
        Ok(resolved) => {
            let origin = plan::locate(asked, &resolved, &viewpoint.view);
            let plan = plan::plan(asked, &resolved, &viewpoint.view, Wish { recursive: true, creates: true });
            Finding { asked, seen: Some((resolved, origin)), plan }
        }
        Err(reason) => Finding { asked, seen: None, plan: Err(Refusal { asked: asked.clone(), reason }) },
    }
}

impl Finding<'_> {
    /// The path that the engine is given, to the byte.
    pub(crate) fn source(&self) -> Option<&[u8]> {
        match self.plan.as_ref().ok()? {
            Plan::Keep => Some(self.asked.as_bytes()),
            Plan::Bind { source, .. } => Some(source.as_bytes()),
        }
    }

    /// The rule of translation that decided, and what it says.
    pub(crate) fn rule(&self) -> Option<(&'static str, &'static str)> {
        let (_, origin) = self.seen.as_ref()?;
        Some(match origin {
            Origin::Host => ("T14", "a caller in no container has the engine's own paths"),
            Origin::Mapped { .. } => ("T15", "an explicit map wins over everything that is discovered"),
            Origin::Bind { .. } => ("T2", "a bind mount gives its source plus the rest of the path"),
            Origin::Volume { .. } => ("T3", "a volume has no path of its own to give"),
            Origin::Tmpfs(_) | Origin::Image(_) => {
                ("T6", "memory and images have no path on the engine's machine")
            }
            Origin::Other { .. } => ("T6", "a mount of this kind has no path on the engine's machine"),
            Origin::RootFs => ("T5", "the container's own root filesystem is not the engine's"),
            Origin::Machine => ("T19", "this name means the engine's machine, whoever asks"),
            Origin::Private => ("T19", "shared memory and processes are each container's own"),
            Origin::Nothing => ("T17", "a path that nothing maps is refused"),
        })
    }

    /// The finding for programs.
    pub(crate) fn record(&self) -> Record {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let read_only = matches!(self.plan, Ok(Plan::Bind { read_only: true, .. }));
        let refusal = self.plan.as_ref().err();
        Record {
            asked: text(self.asked.as_bytes()),
            resolved: self.seen.as_ref().map(|(resolved, _)| text(resolved.path.as_bytes())),
            exists: self.seen.as_ref().map(|(resolved, _)| resolved.exists),
            origin: self.seen.as_ref().map(|(_, origin)| origin.to_string()),
            rule: self.rule().map(|(rule, _)| rule),
            source: self.source().map(text),
            // JSON has no bytes: a path that is not UTF-8 is shown with U+FFFD and must not be used.
            exact: self.source().map(|source| str::from_utf8(source).is_ok()),
            read_only: self.plan.is_ok().then_some(read_only),
            refused: refusal.map(ToString::to_string),
            remedy: refusal.map(|refusal| refusal.remedy().to_string()),
        }
    }
}

/// What `--json` prints for a path. A field is null where it has no answer.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    asked: String,
    resolved: Option<String>,
    exists: Option<bool>,
    origin: Option<String>,
    rule: Option<&'static str>,
    source: Option<String>,
    exact: Option<bool>,
    read_only: Option<bool>,
    refused: Option<String>,
    remedy: Option<String>,
}
