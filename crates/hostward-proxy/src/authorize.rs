//! Step 5: may this caller have these paths?
//!
//! Without a profile the one rule is that nobody unknown names a path, save what an explicit map says. Under one a path must lie,
//! after symlinks and in the caller's own view, in a directory that the profile lists; what means the host by its name alone has a
//! list of its own, and never is what has the engine's socket in it.

use std::sync::Arc;

use hostward::api::{build, prune};
use hostward::explicit::Unmapped;
use hostward::mount::{Mount, Source};
use hostward::origin::Origin;
use hostward::path::{AskedPath, CallerPath, EnginePath};
use hostward::plan;
use hostward::policy::access::MountAccess;
use hostward::policy::denial::Denial;
use hostward::policy::ownership::Ownership;
use hostward::policy::verdict::Amendment;
use hostward::reading::Reading;
use hostward::refusal::{Reason, Refusal};

use crate::caller::{Caller, Guest, Who};
use crate::key::unique;
use crate::loan::FoundLenders;
use crate::mandate::{Mandate, Under, no_profile};
use crate::owners::{OwnedParts, OwnedRequest};
use crate::profiles::Profiles;
use crate::quota::QuotaLease;
use crate::refuse::Refused;
use crate::request::Request;
use crate::resolve::ResolvedRequest;
use crate::restore::Restore;

/// The proof that a request was allowed. Only [`authorize`] makes one.
#[derive(Debug)]
pub(crate) struct Permit<T> {
    allowed: T,
    grant: Grant,
}

/// The proof that a request may stream, whose body names no path. Only this file makes one.
#[derive(Debug)]
pub(crate) struct Cleared(Grant);

/// What was allowed, beside what was asked.
#[derive(Debug, Default)]
pub(crate) struct Grant {
    /// What the profile has written into it.
    pub(crate) amendments: Vec<Amendment>,
    /// The label that says whose it is what is made.
    pub(crate) owner: Option<String>,
    /// Which of its paths are mounted read-only, whatever was asked.
    pub(crate) read_only: Vec<bool>,
    /// The container that the target names, by the id.
    pub(crate) target: Option<String>,
    /// The label of all that may be removed, where that is what the caller owns alone.
    pub(crate) prunes: Option<String>,
    /// Why it would be refused if the profile were enforced.
    pub(crate) warned: Option<Refused>,
    /// Its place among those that its owner may have.
    pub(crate) quota: Option<QuotaLease>,
    /// What the operation is, under a profile.
    pub(crate) operation: Option<GrantedOperation>,
}

/// An operation that a profile has allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GrantedOperation {
    pub(crate) name: &'static str,
    /// Its connection becomes a raw stream. No other leaves HTTP behind.
    pub(crate) hijacks: bool,
}

impl Grant {
    /// Writes into a request's line what was allowed: whose it is what is built or removed, and which container was looked at, by its id,
    /// since a name may pass to another one.
    ///
    /// # Errors
    /// A line that cannot have it.
    pub(crate) fn write_line(&self, request: &mut Request) -> Result<(), Refused> {
        if let (Some(owner), true) = (&self.owner, self.operation.is_some_and(|it| it.name == BUILDS))
            && let Some(target) = build::with_label(request.target(), Ownership::LABEL, owner)
        {
            request.replace_target(&target)?;
        }
        if let Some(owner) = &self.prunes {
            let target = prune::with_label(request.target(), Ownership::LABEL, owner);
            let unread =
                || Refused::new(400, "hostward: the filters of what is to be removed cannot be read");
            request.replace_target(&target.ok_or_else(unread)?)?;
        }
        if let Some(id) = &self.target {
            request.name_by_id(id)?;
        }
        Ok(())
    }
}

impl<T> Permit<T> {
    /// What was allowed, and what else.
    pub(crate) fn into_parts(self) -> (T, Grant) {
        (self.allowed, self.grant)
    }
}

impl Cleared {
    /// What everybody may ask for: all of it where no profile is in force, else what is `open`.
    pub(crate) fn for_all(profiles: &Profiles, is_open: impl FnOnce() -> bool) -> Option<Self> {
        if profiles.is_empty() {
            return Some(Self(Grant::default()));
        }
        let operation = Some(GrantedOperation { name: "", hijacks: false });
        is_open().then_some(Self(Grant { operation, ..Grant::default() }))
    }

    /// What a caller may ask for that no profile binds.
    pub(crate) fn unbound(caller: &Caller) -> Option<Self> {
        let is_free = match caller {
            Caller::Host => true,
            Caller::Guest(guest) => guest.mandate.is_free(),
        };
        is_free.then(|| Self(Grant::default()))
    }

    /// What is done with the answer, where nothing of it is a path of the caller.
    pub(crate) fn restore(&self, guest: Arc<Guest>) -> Restore {
        match self.0.operation {
            Some(operation) => Restore::of_operation(guest, operation.name),
            None => Restore::default(),
        }
    }

    pub(crate) fn grant(&self) -> &Grant {
        &self.0
    }

    pub(crate) fn into_grant(self) -> Grant {
        self.0
    }
}

/// Allows a request whose body streams.
pub(crate) fn clear(guest: &Guest, owned: OwnedRequest) -> Cleared {
    Cleared(grant(guest, owned.into_parts()))
}

/// Judges the paths of a request.
///
/// # Errors
/// A path that the caller may not name.
pub(crate) fn authorize(
    guest: &Guest,
    owned: OwnedRequest,
    lenders: &FoundLenders,
    resolved: ResolvedRequest,
) -> Result<Permit<ResolvedRequest>, Refused> {
    let mut grant = grant(guest, owned.into_parts());
    if let Some(under) = guest.mandate.profile()
        && let Err(denial) = may_lend(guest, under, lenders)
    {
        grant.warned = grant.warned.or(Some(under.let_pass(denial.into())?));
    }
    for ((site, reading), is_mounted) in resolved.sites().zip(resolved.mounted()) {
        // A profile has a say about devices and logs by what they are called.
        if !is_mounted && !guest.mandate.is_free() {
            grant.read_only.push(false);
            continue;
        }
        let access = match may_have(guest, &site.asked, reading) {
            Ok(access) => access,
            Err(refusal) => {
                let refused = Refused::from(refusal);
                let Some(under) = guest.mandate.profile() else { return Err(refused) };
                grant.warned = grant.warned.or(Some(under.let_pass(refused)?));
                MountAccess::AsAsked
            }
        };
        grant.read_only.push(access == MountAccess::ReadOnly);
    }
    Ok(Permit { allowed: resolved, grant })
}

fn grant(guest: &Guest, parts: OwnedParts) -> Grant {
    let OwnedParts { action, warned, target, prunes_own, quota } = parts;
    let Some(under) = guest.mandate.profile() else { return Grant::default() };
    let name = action.as_ref().map_or("", |it| it.found.operation.name);
    let owner = match name {
        // The same each time, so that what was built before need not be built again. On an image no label counts as its own.
        BUILDS => Some(under.ownership.seal(&guest.key, BUILDS)),
        "volume.create" | "network.create" => Some(under.ownership.seal(&guest.key, Ownership::THING)),
        _ if MAKES.contains(&name) => Some(under.ownership.seal(&guest.key, &unique())),
        _ => None,
    };
    let prunes = prunes_own.then(|| under.ownership.seal(&guest.key, Ownership::THING));
    let operation = action.as_ref().map(|it| it.found.operation);
    let operation = operation.map(|it| GrantedOperation { name: it.name, hijacks: it.hijacks });
    let amendments = action.map(|it| it.verdict.amendments).unwrap_or_default();
    Grant { amendments, owner, target, prunes, warned, quota, operation, read_only: Vec::new() }
}

/// The operation that makes an image, with a label in its query.
const BUILDS: &str = "image.build";

/// The operations that make something which has an owner, and can have labels of an image.
const MAKES: [&str; 3] = ["container.create", "service.create", "service.update"];

/// Judges one path, and says how it may be mounted.
///
/// # Errors
/// One that the caller may not name.
pub(crate) fn may_have(guest: &Guest, asked: &AskedPath, reading: &Reading) -> Result<MountAccess, Refusal> {
    let denied = |denial| Refusal { asked: asked.clone(), reason: Reason::Denied(denial) };
    let origin = plan::meaning(asked, &reading.resolved, guest.sight.view());
    let access = match &guest.mandate {
        Mandate::Free => MountAccess::AsAsked,
        Mandate::Nothing { why } => return Err(denied(no_profile(why))),
        Mandate::Profile(under) => may_mount(guest, under, asked, reading, &origin).map_err(denied)?,
    };
    if let Who::Unknown { why, remote } = &guest.who
        && !matches!(origin, Origin::Mapped { .. })
    {
        let reason = Reason::Stranger { why: why.clone(), remote: *remote };
        return Err(Refusal { asked: asked.clone(), reason });
    }
    Ok(access)
}

/// Judges one path by a profile.
fn may_mount(
    guest: &Guest,
    under: &Under,
    asked: &AskedPath,
    reading: &Reading,
    origin: &Origin<'_>,
) -> Result<MountAccess, Denial> {
    let (profile, view) = (&under.profile, guest.sight.view());
    if profile.unrestricted {
        return Ok(MountAccess::AsAsked);
    }
    let path = &reading.resolved.path;
    let own = view.socket().and_then(|socket| socket.own.as_ref());
    let is_own = origin.path().zip(own).is_some_and(|(source, own)| source.is_same(own));
    match origin {
        // Hostward's own socket: who has it asks for no more than its maker may.
        Origin::Socket(_) => Ok(MountAccess::AsAsked),
        _ if is_own => Ok(MountAccess::AsAsked),
        Origin::Machine => {
            let name = asked.clean();
            let raw = view.socket().and_then(|socket| socket.raw.as_ref());
            if raw.is_some_and(|raw| has(&name, raw) || has(path, raw)) {
                return Err(has_engine(&name, &profile.name));
            }
            // By its name, and by what a link makes of that.
            profile.may_mount(path, true)?;
            profile.may_mount(&name, true)
        }
        // Nobody can tell beforehand whether the host's is given, or the caller's.
        Origin::RootFs { .. } | Origin::Nothing if view.unmapped() == Unmapped::Host => {
            profile.may_mount(&asked.clean(), true)
        }
        Origin::Host
        | Origin::Mapped { .. }
        | Origin::Bind { .. }
        | Origin::Volume { .. }
        | Origin::Tmpfs(_)
        | Origin::Image(_)
        | Origin::Other { .. }
        | Origin::RootFs { .. }
        | Origin::Device { .. }
        | Origin::Private
        | Origin::Nothing => profile.may_mount(path, false),
    }
}

/// Judges what a caller takes over from itself: all that it has mounted. What it has made itself was judged then.
fn may_lend(guest: &Guest, under: &Under, lenders: &FoundLenders) -> Result<(), Denial> {
    let Who::Container(own) = &guest.who else { return Ok(()) };
    if under.profile.unrestricted {
        return Ok(());
    }
    for lender in lenders.lenders.iter().filter(|lender| lender.container.id == own.id) {
        let sockets = lender.sight.engine_sockets(&own.table);
        for mount in own.table.iter() {
            let at = &mount.destination;
            // Each container has its own of those, and of the engine's socket Hostward's is handed on.
            let is_engines = ENGINES.iter().any(|path| at.as_bytes() == path.as_bytes());
            if is_engines || sockets.contains(at) || is_own_socket(guest, mount) {
                continue;
            }
            let access = under.profile.may_mount(at, false)?;
            if access == MountAccess::ReadOnly && !mount.read_only && !lender.asked.is_read_only() {
                let what =
                    format!("cannot take over {at}, which the profile allows to be mounted read-only alone");
                return Err(Denial::new(
                    "mount",
                    what,
                    "ask for it read-only (docker run --volumes-from NAME:ro)",
                ));
            }
        }
    }
    Ok(())
}

/// What an engine mounts into every container.
const ENGINES: [&str; 3] = ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname"];

/// Whether a mount is Hostward's own socket.
fn is_own_socket(guest: &Guest, mount: &Mount) -> bool {
    let own = guest.sight.view().socket().and_then(|socket| socket.own.as_ref());
    matches!((&mount.source, own), (Source::Bind(source), Some(own)) if own.is_same(source))
}

/// Whether a directory of the host has the engine's socket in it, or is it.
fn has(path: &CallerPath, socket: &EnginePath) -> bool {
    let on_host = EnginePath::parse(path.as_bytes());
    on_host.is_ok_and(|directory| socket.within(&directory).is_some())
}

fn has_engine(path: &CallerPath, profile: &str) -> Denial {
    let path = String::from_utf8_lossy(path.as_bytes());
    let what = format!(
        "cannot mount the host's {path}: the engine's own socket is in it, by which everything could be asked for that \
         the profile {profile:?} does not allow"
    );
    Denial::new("host-path", what, "mount a directory beneath it that has no socket")
}
