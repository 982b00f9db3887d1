//! What the engine is given for a path: decided from what the path is, what the request wishes, and what the engine
//! can do.

use crate::abilities::Abilities;
use crate::containment::Contained;
use crate::explicit::{Missing, Unmapped};
use crate::origin::Origin;
use crate::path::{AskedPath, CallerPath, EnginePath, MOST_BYTES, Rest, components};
use crate::places::{is_machine, is_socket};
use crate::refusal::{Reason, Refusal};
use crate::view::{Socket, View};
use crate::walk::Resolved;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What a request wants of a bind.
#[expect(clippy::struct_excessive_bools, reason = "five questions that have nothing to do with each other")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Mounts beneath the source come along (the engine's default).
    pub recursive: bool,
    /// A source that is missing is made (`-v`).
    pub creates: bool,
    /// It may only be read, and so may the mounts that come along.
    pub read_only: bool,
    /// Where it may only be read, what the kernel has mounted beneath may be written to all the same: the request says so
    /// (`ReadOnlyNonRecursive`), or no engine does it otherwise for this form.
    pub writable_beneath: bool,
    /// Nothing is asked that only a bind has (propagation, `z`), so that a mount of a volume can stand for it.
    pub plain: bool,
    /// The longest path that whoever looks at it takes: less than the kernel does where it is the address of a socket.
    pub longest: usize,
    /// Where the request mounts something itself: what the caller has there stays behind (T7).
    pub covered: Covered,
}

impl Wish {
    /// What `-v SOURCE:TARGET` wants.
    pub const fn bind() -> Self {
        Self {
            recursive: true,
            creates: true,
            read_only: false,
            writable_beneath: false,
            plain: true,
            longest: MOST_BYTES,
            covered: Covered::nothing(),
        }
    }
}

/// The targets of a request's own mounts and the volumes that its image declares, as one of the mounts sees them. All mounts
/// of a request share these sets, so that a thousand of them among twenty thousand targets take no more room than the targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covered(Option<Targets>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Targets {
    target: CallerPath,
    /// Where the request itself mounts something.
    own: Arc<BTreeSet<CallerPath>>,
    /// Where the image has a volume, as far as is known: by the time that the engine creates the container, the image's name
    /// may mean another image.
    of_image: Arc<BTreeSet<CallerPath>>,
}

impl Covered {
    /// No target, or none that is known.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// What `own` targets of the request cover beneath `target`.
    pub fn beneath(target: CallerPath, own: Arc<BTreeSet<CallerPath>>) -> Self {
        Self(Some(Targets { target, own, of_image: Arc::default() }))
    }

    /// The same beside what volumes of the image cover.
    pub(crate) fn set_volumes(&mut self, volumes: &Arc<BTreeSet<CallerPath>>) {
        if let Self(Some(targets)) = self {
            targets.of_image = Arc::clone(volumes);
        }
    }

    /// Where the mount itself is to be, where it is one.
    pub fn target(&self) -> Option<&CallerPath> {
        self.0.as_ref().map(|targets| &targets.target)
    }

    /// Whether a mount of the request itself is at this place beneath the target, or above it: whatever else is there is
    /// not seen.
    pub fn covers(&self, rest: &Rest) -> bool {
        self.0.as_ref().is_some_and(|targets| targets.have(&targets.own, rest))
    }

    /// The same of a volume of the image. What the caller has there need not come along, but nothing may be let through
    /// because of it.
    pub fn is_left_to_the_image(&self, rest: &Rest) -> bool {
        self.0.as_ref().is_some_and(|targets| targets.have(&targets.of_image, rest))
    }
}

impl Targets {
    /// Whether one of `targets` is at this place beneath the target, or above it.
    fn have(&self, targets: &BTreeSet<CallerPath>, rest: &Rest) -> bool {
        let mut at = self.target.join(rest);
        while at != self.target {
            if targets.contains(&at) {
                return true;
            }
            at.pop();
        }
        false
    }
}

/// What the engine is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// What the request said, to the byte: the path is the engine's own.
    Keep,
    /// Something else.
    Given(Given),
}

/// What the engine is given for a bind of the caller's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What is mounted on the target.
    pub source: Give,
    /// Read-only in the caller, so it stays read-only in the container that it creates (T8).
    pub read_only: bool,
    /// Where it has gone when the created container starts again, the engine may make it anew, as it does for `-v`. It
    /// may not where that would be another thing: the caller's root filesystem and the directory of a volume go with
    /// the caller and the volume, and Hostward's socket with Hostward.
    pub lasting: bool,
    /// What is mounted beneath the target, shallow before deep (T7).
    pub beneath: Vec<Beneath>,
}

/// One source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Give {
    /// A path of the host.
    Bind(EnginePath),
    /// A volume, or what it has at a subpath (T3); nothing is copied into it from the image.
    Volume {
        /// The volume's name.
        name: String,
        /// What of it; nothing means all.
        subpath: Rest,
    },
    /// A path of the host, by a way on which nobody can exchange it.
    Contained(Contained),
}

impl fmt::Display for Give {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(source) => write!(f, "{source}"),
            Self::Volume { name, subpath } if subpath.is_empty() => write!(f, "the volume {name}"),
            Self::Volume { name, subpath } => write!(f, "{subpath} in the volume {name}"),
            Self::Contained(contained) => write!(f, "{contained}"),
        }
    }
}

/// A mount of the caller that comes along with a directory above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beneath {
    /// Where, beneath the directory.
    pub rest: Rest,
    /// Where the caller has it.
    pub at: CallerPath,
    /// What it is.
    pub source: Give,
    /// Whether it may only be read.
    pub read_only: bool,
}

/// Decides what the engine is given for `asked`, which leads to `resolved` in the view. `host_has` says whether the host has
/// something at a path of that name, where that can be seen; it is asked only where it matters (T27).
///
/// # Errors
/// A refusal where nothing faithful can be given.
pub fn plan(
    asked: &AskedPath,
    resolved: &Resolved,
    view: &View,
    wish: &Wish,
    abilities: Abilities,
    host_has: impl FnOnce(&CallerPath) -> Option<bool>,
) -> Result<Plan, Refusal> {
    let refuse = |reason| Refusal { asked: asked.clone(), reason };
    let origin = meaning(asked, resolved, view);
    match origin {
        Origin::Host => return Ok(Plan::Keep),
        Origin::Machine => return Ok(machine(asked, resolved)),
        // By the same name on both sides.
        Origin::Device { ref source, .. } if source.as_bytes() == asked.as_bytes() => return Ok(Plan::Keep),
        _ if is_the_hosts(asked, resolved, &origin, view, host_has) => return Ok(Plan::Keep),
        _ => {}
    }
    let source = give(&origin, resolved, view, wish, abilities).map_err(refuse)?;
    let read_only = view.is_read_only(&resolved.path) && !matches!(origin, Origin::Socket(_));
    if read_only && wish.creates && !resolved.exists {
        return Err(refuse(Reason::MissingReadOnly));
    }
    let beneath = match origin {
        Origin::Socket(_) => Vec::new(),
        _ if wish.recursive => beneath(&source, resolved, view, wish, abilities).map_err(refuse)?,
        // No recursion: the socket is in the directory itself.
        _ => raw_socket(&source, resolved, view, wish).map_err(refuse)?.into_iter().collect(),
    };
    let lasting = match origin {
        Origin::Mapped { .. } | Origin::Bind { .. } | Origin::Device { .. } => true,
        Origin::Socket(_) => false,
        _ => !resolved.exists,
    };
    Ok(Plan::Given(Given { source, read_only, lasting, beneath }))
}

/// What the path is. The engine's socket (T11), `/lib/modules` and its like (T19) mean what they mean by the name that
/// was asked, wherever a link leads in the caller's image.
pub fn meaning<'a>(asked: &AskedPath, resolved: &Resolved, view: &'a View) -> Origin<'a> {
    if let Some(name) = name(asked) {
        let origin = view.locate(&name);
        let mapped = matches!(origin, Origin::Mapped { .. } | Origin::Nothing | Origin::Host);
        if let Some(socket) = view.socket()
            && !mapped
            // By the engine's own path as well, which programs are told that mount it for others.
            && (is_socket(&name) || (!resolved.exists && socket.is_at(&name)))
        {
            return Origin::Socket(socket.own.as_ref());
        }
        let root = name == CallerPath::root() && matches!(origin, Origin::RootFs { .. });
        // A mount of the caller may stand where a link of its image leads.
        let uncovered = matches!(view.locate(&resolved.path), Origin::Machine | Origin::RootFs { .. });
        if root || (origin == Origin::Machine && uncovered) {
            return Origin::Machine;
        }
    }
    view.locate(&resolved.path)
}

/// Whether a path that nothing maps, neither by its name nor where links lead, means the host's (T17). It does not where the
/// caller has something in its root filesystem and the host has nothing (T27); where the host cannot be seen, it does.
fn is_the_hosts(
    asked: &AskedPath,
    resolved: &Resolved,
    origin: &Origin<'_>,
    view: &View,
    host_has: impl FnOnce(&CallerPath) -> Option<bool>,
) -> bool {
    if view.unmapped() == Unmapped::Refuse {
        return false;
    }
    let uncovered = |origin: &Origin<'_>| matches!(origin, Origin::RootFs { .. } | Origin::Nothing);
    let name = name(asked).filter(|name| uncovered(origin) && uncovered(&view.locate(name)));
    let Some(name) = name else { return false };
    let is_callers = resolved.exists && matches!(origin, Origin::RootFs { .. });
    !is_callers || host_has(&name) != Some(false)
}

/// A path as a name. One with `..` is none: what it goes up from may be a link.
fn name(asked: &AskedPath) -> Option<CallerPath> {
    let up = components(asked.as_bytes()).any(|component| component == b"..");
    (!up).then(|| asked.clean())
}

/// A path of the host: by the name that was asked, or else by the path that a link led to.
fn machine(asked: &AskedPath, resolved: &Resolved) -> Plan {
    if name(asked).is_some_and(|name| name == CallerPath::root() || is_machine(&name)) {
        return Plan::Keep;
    }
    EnginePath::parse(resolved.path.as_bytes()).map_or(Plan::Keep, |source| {
        Plan::Given(Given {
            source: Give::Bind(source),
            read_only: false,
            lasting: true,
            beneath: Vec::new(),
        })
    })
}

/// What stands for a path that leads there, and is of this origin.
fn give(
    origin: &Origin<'_>,
    resolved: &Resolved,
    view: &View,
    wish: &Wish,
    abilities: Abilities,
) -> Result<Give, Reason> {
    if let Origin::RootFs { source } = origin
        && !resolved.exists
    {
        // What is made in a root filesystem is gone with its container (T10). Of what need not be made the engine says that
        // it is missing.
        let is_given = if wish.creates { view.missing() == Missing::Make } else { source.is_some() };
        if !is_given {
            return Err(Reason::Missing { also: Vec::new() });
        }
    }
    let is_a_volume = resolved.exists && !resolved.no_directory && wish.plain;
    match (mount(origin, is_a_volume, abilities)?, resolved.no_directory) {
        // What it says to that is the engine's to decide.
        (Give::Bind(source), true) => Ok(Give::Bind(source.as_directory())),
        (give, _) => Ok(give),
    }
}

/// What is mounted for this origin. `is_a_volume` says that a mount of a volume can stand for a path in one: it neither makes
/// a subpath that is missing nor says of it what a bind says.
fn mount(origin: &Origin<'_>, is_a_volume: bool, abilities: Abilities) -> Result<Give, Reason> {
    match origin {
        Origin::Mapped { source, .. }
        | Origin::Bind { source, .. }
        | Origin::Device { source, .. }
        | Origin::RootFs { source: Some(source) } => Ok(Give::Bind(source.clone())),
        Origin::RootFs { source: None } => Err(Reason::RootFs),
        Origin::Volume { volume, within, mount } => {
            let understood = within.is_empty() || (abilities.subpath() && within.as_str().is_some());
            match &volume.path {
                // Podman copies an image's files into a volume all the same, and takes an anonymous one away with the
                // container that it was given to.
                Some(path) if abilities.is_podman() => Ok(Give::Bind(path.join(within))),
                _ if is_a_volume && understood => {
                    Ok(Give::Volume { name: volume.name.clone(), subpath: within.clone() })
                }
                Some(path) => Ok(Give::Bind(path.join(within))),
                None => Err(Reason::volume(volume, mount)),
            }
        }
        Origin::Socket(Some(own)) => Ok(Give::Bind((*own).clone())),
        Origin::Socket(None) => Err(Reason::Socket),
        Origin::Tmpfs(mount) => Err(Reason::Tmpfs(mount.destination.clone())),
        Origin::Image(mount) => Err(Reason::Image(mount.destination.clone())),
        Origin::Other { mount, kind } => Err(Reason::other(kind, mount)),
        Origin::Private | Origin::Machine => Err(Reason::Private),
        Origin::Host | Origin::Nothing => Err(Reason::Unmapped),
    }
}

/// Hostward's socket over the engine's, where a directory has that (T11).
fn raw_socket(
    source: &Give,
    resolved: &Resolved,
    view: &View,
    wish: &Wish,
) -> Result<Option<Beneath>, Reason> {
    let (Give::Bind(outer), Some(Socket { own, raw: Some(raw) })) = (source, view.socket()) else {
        return Ok(None);
    };
    let Some(rest) = raw.within(outer).filter(|rest| !rest.is_empty() && !wish.covered.covers(rest)) else {
        return Ok(None);
    };
    let at = resolved.path.join(&rest);
    match (view.locate(&at), own) {
        (Origin::Socket(_), Some(own)) => {
            Ok(Some(Beneath { rest, at, source: Give::Bind(own.clone()), read_only: false }))
        }
        (Origin::Socket(_), None) => Err(Reason::Submount { at, reason: Box::new(Reason::Socket) }),
        _ => Ok(None),
    }
}

/// The caller's mounts beneath a path that the engine is given as `source` (T7).
fn beneath(
    source: &Give,
    resolved: &Resolved,
    view: &View,
    wish: &Wish,
    abilities: Abilities,
) -> Result<Vec<Beneath>, Reason> {
    let mut beneath: Vec<_> = raw_socket(source, resolved, view, wish)?.into_iter().collect();
    for at in view.beneath(&resolved.path) {
        let Some(rest) = at.below(&resolved.path) else { continue };
        if wish.covered.covers(&rest) || wish.covered.is_left_to_the_image(&rest) {
            continue;
        }
        let origin = view.locate(&at);
        if let (Origin::Mapped { source: inner, .. }, Give::Bind(outer)) = (&origin, source)
            && inner.is(&outer.join(&rest))
        {
            // The map that covers the path covers this as well.
            continue;
        }
        let read_only = wish.read_only || (view.is_read_only(&at) && !matches!(origin, Origin::Socket(_)));
        let source = mount(&origin, wish.plain, abilities)
            .map_err(|reason| Reason::Submount { at: at.clone(), reason: Box::new(reason) })?;
        beneath.push(Beneath { rest, at, source, read_only });
    }
    Ok(beneath)
}

#[cfg(test)]
mod tests;
