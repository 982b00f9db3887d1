//! A request that is tried on a profile: the rules are those of the proxy, but nobody looks at files, or asks an engine.

use hostward::api::claims;
use hostward::api::operations::{self, BodyKind, Match};
use hostward::api::read::{Read, Terms};
use hostward::path::AskedPath;
use hostward::places;
use hostward::policy::access::MountAccess;
use hostward::policy::action::Action;
use hostward::policy::denial::Denial;
use hostward::policy::profile::Profile;
use hostward::policy::verdict::Amendment;
use serde::Serialize;

use super::recorded::PlainRequest;

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Trial {
    profile: String,
    allowed: bool,
    /// Whether the proxy refuses what is not allowed, and does not only log it.
    enforced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<TrialRefusal>,
    mounts: Vec<TrialMount>,
    amendments: Vec<TrialAmendment>,
}

/// Why it is refused.
#[derive(Debug, Serialize)]
struct TrialRefusal {
    rule: &'static str,
    status: u16,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// A path that it mounts.
#[derive(Debug, Serialize)]
struct TrialMount {
    path: String,
    access: &'static str,
}

/// What is written into it.
#[derive(Debug, Serialize)]
struct TrialAmendment {
    member: String,
    value: serde_json::Value,
}

impl From<Denial> for TrialRefusal {
    fn from(denial: Denial) -> Self {
        let Denial { rule, status, what, remedy } = denial;
        Self { rule, status, message: what, remedy: Some(remedy) }
    }
}

impl TrialRefusal {
    /// It cannot be read as it would have to be.
    fn unread(rule: &'static str, status: u16, error: &dyn std::fmt::Display) -> Self {
        Self { rule, status, message: error.to_string(), remedy: None }
    }
}

impl Trial {
    /// Tries a request.
    pub(super) fn of(profile: &Profile, request: &PlainRequest) -> Self {
        let mut trial = Self {
            profile: profile.name.clone(),
            allowed: false,
            enforced: profile.is_enforced(),
            operation: None,
            refused: None,
            mounts: Vec::new(),
            amendments: Vec::new(),
        };
        match trial.judge(profile, request) {
            Ok(()) => trial.allowed = true,
            Err(refused) => trial.refused = Some(refused),
        }
        trial
    }

    pub(super) fn is_allowed(&self) -> bool {
        self.allowed
    }

    fn judge(&mut self, profile: &Profile, request: &PlainRequest) -> Result<(), TrialRefusal> {
        if profile.unrestricted {
            return Ok(());
        }
        let (method, target) = (request.method.as_bytes(), request.target.as_bytes());
        let found = operations::find(method, target)
            .map_err(|error| TrialRefusal::unread("operation", error.status(), &error))?;
        self.operation = Some(found.operation.name);
        let is_json = matches!(found.operation.body, BodyKind::Json(_));
        let body = is_json.then_some(&*request.body);
        let content_type = request.content_type.as_deref().map(str::as_bytes);
        let claims = claims::read(&found, target, content_type, body)
            .map_err(|error| TrialRefusal::unread("request", error.status(), &error))?;
        let verdict = profile.judge(Action { operation: found.operation.name, claims: &claims })?;
        self.amendments = verdict.amendments.iter().map(TrialAmendment::of).collect();
        if is_json && !request.body.is_empty() { self.mount(profile, &found, &request.body) } else { Ok(()) }
    }

    /// Judges the paths, as they are written.
    fn mount(&mut self, profile: &Profile, found: &Match, body: &[u8]) -> Result<(), TrialRefusal> {
        let read = Read::of(found.operation.endpoint, body.to_vec(), Terms::default())
            .map_err(|error| TrialRefusal::unread("request", 400, &error))?;
        for site in read.sites() {
            let mount = TrialMount::of(profile, &site.asked)?;
            self.mounts.push(mount);
        }
        Ok(())
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Self { profile, operation, refused, mounts, amendments, enforced, .. } = self;
        let operation = operation.unwrap_or("the request");
        let Some(TrialRefusal { rule, status, message, remedy }) = refused else {
            let mounts =
                mounts.iter().map(|TrialMount { path, access }| format!("  mounts {path} {access}\n"));
            let sets = |TrialAmendment { member, value }: &_| format!("  sets {member} to {value}\n");
            let more: Vec<_> = mounts.chain(amendments.iter().map(sets)).collect();
            return format!("allowed: {operation} under the profile {profile:?}\n{}", more.concat());
        };
        let remedy = remedy.as_ref().map(|remedy| format!("  → {remedy}\n")).unwrap_or_default();
        let warned = if *enforced { "" } else { "  mode = \"warn\": it passes, and the log says so\n" };
        format!("refused: {operation} ({status}, rule {rule})\n  {message}\n{remedy}{warned}")
    }
}

impl TrialMount {
    fn of(profile: &Profile, asked: &AskedPath) -> Result<Self, TrialRefusal> {
        let path = asked.clean();
        let access = if places::is_socket(&path) {
            // Whoever has it is under the same profile (T11).
            "as hostward's own socket"
        } else {
            match profile.may_mount(&path, places::is_machine(&path))? {
                MountAccess::AsAsked => "as asked",
                MountAccess::ReadOnly => "read-only",
            }
        };
        Ok(Self { path: asked.to_string(), access })
    }
}

impl TrialAmendment {
    fn of(amendment: &Amendment) -> Self {
        let value = serde_json::from_str(&amendment.json).unwrap_or_default();
        Self { member: amendment.names.join("."), value }
    }
}
