//! What the engine is given for a path: decided from what the path is, what the request wishes, and what the engine
//! can do.

use crate::abilities::Abilities;
use crate::explicit::Unmapped;
use crate::origin::{Origin, is_machine, is_socket};
use crate::path::{AskedPath, CallerPath, EnginePath, Rest, components};
use crate::refusal::{Reason, Refusal};
use crate::table::{Socket, View};
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
            covered: Covered::nothing(),
        }
    }
}

/// The targets of a request's own mounts, as one of them sees them. All mounts of a request share one set, so that a thousand
/// of them among twenty thousand targets take no more room than the targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covered(Option<(CallerPath, Arc<BTreeSet<CallerPath>>)>);

impl Covered {
    /// No target, or none that is known.
    pub const fn nothing() -> Self {
        Self(None)
    }

    /// What `targets` cover beneath `target`.
    pub fn beneath(target: CallerPath, targets: Arc<BTreeSet<CallerPath>>) -> Self {
        Self(Some((target, targets)))
    }

    /// Whether one of them is at this place beneath the target, or above it.
    pub fn covers(&self, rest: &Rest) -> bool {
        let Some((target, targets)) = &self.0 else { return false };
        let mut at = target.join(rest);
        while at != *target {
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
    /// The caller may only read it, so whoever it hands it to may only read it too (T8).
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
    /// A path of the engine's machine.
    Bind(EnginePath),
    /// A volume, or what it has at a subpath (T3); nothing is copied into it from the image.
    Volume {
        /// The volume's name.
        name: String,
        /// What of it; nothing means all.
        subpath: Rest,
    },
}

impl fmt::Display for Give {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(source) => write!(f, "{source}"),
            Self::Volume { name, subpath } if subpath.is_empty() => write!(f, "the volume {name}"),
            Self::Volume { name, subpath } => write!(f, "{subpath} in the volume {name}"),
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

/// Decides what the engine is given for `asked`, which leads to `resolved` in the view.
///
/// # Errors
/// A refusal where nothing faithful can be given.
pub fn plan(
    asked: &AskedPath,
    resolved: &Resolved,
    view: &View,
    wish: &Wish,
    abilities: Abilities,
) -> Result<Plan, Refusal> {
    let refuse = |reason| Refusal { asked: asked.clone(), reason };
    let origin = locate(asked, resolved, view);
    match origin {
        Origin::Host => return Ok(Plan::Keep),
        Origin::Machine => return Ok(machine(asked, resolved)),
        // By the same name on both sides.
        Origin::Device { ref source, .. } if source.as_bytes() == asked.as_bytes() => return Ok(Plan::Keep),
        _ if view.unmapped() == Unmapped::Host && is_unmapped(asked, &origin, view) => return Ok(Plan::Keep),
        _ => {}
    }
    let source = give(&origin, resolved.exists, wish, abilities).map_err(refuse)?;
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
pub fn locate<'a>(asked: &AskedPath, resolved: &Resolved, view: &'a View) -> Origin<'a> {
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

/// Whether nothing maps a path (T17), neither by its name nor where links lead.
fn is_unmapped(asked: &AskedPath, origin: &Origin<'_>, view: &View) -> bool {
    let uncovered = |origin: &Origin<'_>| matches!(origin, Origin::RootFs { .. } | Origin::Nothing);
    uncovered(origin) && name(asked).is_some_and(|name| uncovered(&view.locate(&name)))
}

/// A path as a name. One with `..` is none: what it goes up from may be a link.
fn name(asked: &AskedPath) -> Option<CallerPath> {
    let up = components(asked.as_bytes()).any(|component| component == b"..");
    (!up).then(|| asked.clean())
}

/// A path of the engine's machine: by the name that was asked, or else by the path that a link led to.
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

/// What stands for a path of this origin.
fn give(origin: &Origin<'_>, exists: bool, wish: &Wish, abilities: Abilities) -> Result<Give, Reason> {
    match origin {
        // What is made in a root filesystem is gone with its container (T10).
        Origin::RootFs { .. } if !exists && wish.creates => Err(Reason::RootFs { exists }),
        Origin::Mapped { source, .. }
        | Origin::Bind { source, .. }
        | Origin::Device { source, .. }
        | Origin::RootFs { source: Some(source) } => Ok(Give::Bind(source.clone())),
        Origin::RootFs { source: None } => Err(Reason::RootFs { exists }),
        Origin::Volume { volume, within, mount } => {
            let understood = within.is_empty() || (abilities.subpath() && within.as_str().is_some());
            match &volume.path {
                // A mount of a volume neither makes a subpath that is missing nor says of it what a bind says.
                // Podman copies an image's files into a volume all the same, and takes an anonymous one away with the
                // container that it was given to.
                Some(path) if abilities.is_podman() => Ok(Give::Bind(path.join(within))),
                _ if exists && wish.plain && understood => {
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
        let Some(rest) = at.below(&resolved.path).filter(|rest| !wish.covered.covers(rest)) else { continue };
        let origin = view.locate(&at);
        if let (Origin::Mapped { source: inner, .. }, Give::Bind(outer)) = (&origin, source)
            && inner.is(&outer.join(&rest))
        {
            // The map that covers the path covers this as well.
            continue;
        }
        let read_only = wish.read_only || (view.is_read_only(&at) && !matches!(origin, Origin::Socket(_)));
        let source = give(&origin, true, wish, abilities)
            .map_err(|reason| Reason::Submount { at: at.clone(), reason: Box::new(reason) })?;
        beneath.push(Beneath { rest, at, source, read_only });
    }
    Ok(beneath)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::version::ApiVersion;
    use crate::explicit::Map;
    use crate::table::{Mount, Root, Socket, Source, Table, Volume};
    use proptest::prelude::*;

    const NEW: Abilities = Abilities::of(ApiVersion::new(1, 51));

    fn path(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    fn engine(text: &str) -> EnginePath {
        EnginePath::parse(text.as_bytes()).unwrap()
    }

    fn rest(text: &str) -> Rest {
        Rest::parse(text.as_bytes()).unwrap()
    }

    fn mount(destination: &str, source: Source, read_only: bool) -> Mount {
        Mount { destination: path(destination), source, read_only }
    }

    fn bind(source: &str) -> Source {
        Source::Bind(engine(source))
    }

    fn volume(name: &str, subpath: &str) -> Source {
        let path = (name != "remote").then(|| engine(&format!("/vols/{name}/_data")));
        Source::Volume(Volume { name: name.into(), driver: "local".into(), subpath: rest(subpath), path })
    }

    fn table() -> Table {
        let mut table = Table::new([
            mount("/app/storage", bind("/home/me/project/storage"), false),
            mount("/app/ro", bind("/srv/ro"), true),
            mount("/ws", bind("/srv/ws"), false),
            mount("/ws/node_modules", volume("nm", ""), false),
            mount("/ws/node_modules/.cache", bind("/srv/cache"), true),
            mount("/v", volume("v", ""), false),
            mount("/part", volume("v", "a/b"), true),
            mount("/r", volume("remote", ""), false),
            mount("/t", Source::Tmpfs, false),
            mount("/mem/x", Source::Tmpfs, false),
            mount("/mem", bind("/srv/mem"), false),
            mount("/i", Source::Image, true),
            mount("/s", Source::Other("cluster".into()), false),
            mount("/file.py", bind("/srv/file.py"), false),
        ]);
        table.set_root(Root { path: Some(engine("/overlay/merged")), ..Root::default() });
        table
    }

    fn view() -> View {
        View::container(table(), Vec::new())
    }

    fn ask_of(view: &View, text: &str, wish: &Wish, abilities: Abilities) -> Result<Plan, Reason> {
        let asked = AskedPath::parse(text.as_bytes()).unwrap();
        let resolved = Resolved { path: asked.clean(), exists: true };
        plan(&asked, &resolved, view, wish, abilities).map_err(|refusal| refusal.reason)
    }

    fn ask(text: &str) -> Result<Plan, Reason> {
        ask_of(&view(), text, &Wish::bind(), NEW)
    }

    fn missing(text: &str, creates: bool) -> Result<Plan, Reason> {
        let asked = AskedPath::parse(text.as_bytes()).unwrap();
        let resolved = Resolved { path: asked.clean(), exists: false };
        let wish = Wish { creates, ..Wish::bind() };
        plan(&asked, &resolved, &view(), &wish, NEW).map_err(|refusal| refusal.reason)
    }

    fn given(source: &str, read_only: bool) -> Plan {
        let source = Give::Bind(engine(source));
        Plan::Given(Given { source, read_only, lasting: true, beneath: Vec::new() })
    }

    /// Of what goes with the caller, a volume or Hostward.
    fn lent(source: &str, read_only: bool) -> Plan {
        let source = Give::Bind(engine(source));
        Plan::Given(Given { source, read_only, lasting: false, beneath: Vec::new() })
    }

    fn part(name: &str, subpath: &str, read_only: bool) -> Plan {
        let source = Give::Volume { name: name.into(), subpath: rest(subpath) };
        Plan::Given(Given { source, read_only, lasting: false, beneath: Vec::new() })
    }

    #[test]
    fn t1_a_name_that_only_begins_alike_is_not_beneath() {
        assert_eq!(ask("/app/storagex/f"), Ok(lent("/overlay/merged/app/storagex/f", false)));
    }

    #[test]
    fn t2_a_bind_gives_its_source_and_the_rest() {
        assert_eq!(ask("/app/storage/tmp/file.py"), Ok(given("/home/me/project/storage/tmp/file.py", false)));
        assert_eq!(ask("/app/storage"), Ok(given("/home/me/project/storage", false)));
        assert_eq!(ask("/app/storage/"), Ok(given("/home/me/project/storage", false)));
        assert_eq!(ask("/file.py"), Ok(given("/srv/file.py", false)));
    }

    #[test]
    fn t3_a_volume_gives_itself_and_a_subpath() {
        assert_eq!(ask("/v"), Ok(part("v", "", false)));
        assert_eq!(ask("/v/x/f"), Ok(part("v", "x/f", false)));
        assert_eq!(ask("/r/x"), Ok(part("remote", "x", false)));
    }

    #[test]
    fn t3_where_a_subpath_is_not_understood_the_volumes_directory_is_given() {
        let old = |text| ask_of(&view(), text, &Wish::bind(), Abilities::of(ApiVersion::new(1, 41)));
        assert_eq!(old("/v"), Ok(part("v", "", false)));
        assert_eq!(old("/v/x/f"), Ok(lent("/vols/v/_data/x/f", false)));
        assert_eq!(old("/part"), Ok(lent("/vols/v/_data/a/b", true)));
        assert!(matches!(old("/r/x"), Err(Reason::Volume { .. })));
        let options = |text| ask_of(&view(), text, &Wish { plain: false, ..Wish::bind() }, NEW);
        assert_eq!(options("/v"), Ok(lent("/vols/v/_data", false)));
        assert!(matches!(options("/r"), Err(Reason::Volume { .. })));
    }

    #[test]
    fn t4_subpaths_are_joined() {
        assert_eq!(ask("/part"), Ok(part("v", "a/b", true)));
        assert_eq!(ask("/part/c"), Ok(part("v", "a/b/c", true)));
    }

    #[test]
    fn t5_the_root_filesystem_is_given_where_the_engine_says_where_it_is() {
        assert_eq!(ask("/etc/passwd"), Ok(lent("/overlay/merged/etc/passwd", false)));
        let mut table = table();
        table.set_root(Root { path: Some(engine("/overlay/merged")), read_only: true, ..Root::default() });
        let view = View::container(table, Vec::new());
        assert_eq!(
            ask_of(&view, "/etc/passwd", &Wish::bind(), NEW),
            Ok(lent("/overlay/merged/etc/passwd", true))
        );
        let unknown = View::container(Table::default(), Vec::new());
        assert_eq!(ask_of(&unknown, "/etc/passwd", &Wish::bind(), NEW), Err(Reason::RootFs { exists: true }));
    }

    #[test]
    fn t6_memory_and_images_are_refused() {
        assert!(matches!(ask("/t/x"), Err(Reason::Tmpfs(_))));
        assert!(matches!(ask("/i"), Err(Reason::Image(_))));
        assert!(matches!(ask("/s/x"), Err(Reason::Other { .. })));
    }

    fn carried(plan: Result<Plan, Reason>) -> Vec<(String, Give, bool)> {
        let Ok(Plan::Given(given)) = plan else { panic!("{plan:?}") };
        given.beneath.into_iter().map(|b| (b.rest.to_string(), b.source, b.read_only)).collect()
    }

    #[test]
    fn t7_mounts_beneath_come_along() {
        let modules = Give::Volume { name: "nm".into(), subpath: Rest::empty() };
        let cache = Give::Bind(engine("/srv/cache"));
        let both = |ro| {
            vec![
                ("node_modules".to_owned(), modules.clone(), ro),
                ("node_modules/.cache".to_owned(), cache.clone(), true),
            ]
        };
        assert_eq!(carried(ask("/ws")), both(false));
        assert_eq!(carried(ask("/ws/src")), []);
        let wish = Wish { read_only: true, ..Wish::bind() };
        assert_eq!(carried(ask_of(&view(), "/ws", &wish, NEW)), both(true));
        let alone = Wish { recursive: false, ..Wish::bind() };
        assert_eq!(carried(ask_of(&view(), "/ws", &alone, NEW)), []);
        // What the request has itself stays behind, and so does what is beneath it.
        let covered = |name: &str| {
            let targets = BTreeSet::from([path("/t"), path(&format!("/t/{name}"))]);
            Wish { covered: Covered::beneath(path("/t"), targets.into()), ..Wish::bind() }
        };
        assert_eq!(carried(ask_of(&view(), "/ws", &covered("node_modules"), NEW)), []);
        assert_eq!(carried(ask_of(&view(), "/ws", &covered("node_modules/.cache"), NEW)).len(), 1);
        assert_eq!(carried(ask_of(&view(), "/ws", &covered("node"), NEW)).len(), 2);
        assert_eq!(carried(ask_of(&view(), "/mem", &covered("x"), NEW)), []);
        // Of a volume, too.
        assert_eq!(carried(ask("/ws/node_modules")), [(".cache".to_owned(), cache, true)]);
    }

    #[test]
    fn t7_what_cannot_come_along_is_named() {
        let Err(Reason::Submount { at, reason }) = ask("/mem") else { panic!() };
        assert_eq!((at, *reason), (path("/mem/x"), Reason::Tmpfs(path("/mem/x"))));
    }

    #[test]
    fn t7_the_root_itself_brings_all_mounts_but_the_engines_own() {
        let table = Table::new([
            mount("/app", bind("/srv/app"), false),
            mount("/etc/hosts", bind("/c/hosts"), false),
            mount("/dev/mine", bind("/srv/dev"), false),
        ]);
        let mut with_root = table;
        with_root.set_root(Root { path: Some(engine("/overlay/merged")), ..Root::default() });
        let view = View::container(with_root, Vec::new());
        let names: Vec<_> = carried(ask_of(&view, "/app/..", &Wish::bind(), NEW))
            .into_iter()
            .map(|(rest, ..)| rest)
            .collect();
        assert_eq!(names, ["app", "etc/hosts"]);
    }

    #[test]
    fn t8_read_only_stays_read_only() {
        assert_eq!(ask("/app/ro/x"), Ok(given("/srv/ro/x", true)));
        let maps = vec![Map::parse(b"/app/ro=/elsewhere").unwrap()];
        assert_eq!(
            ask_of(&View::container(table(), maps), "/app/ro/x", &Wish::bind(), NEW),
            Ok(given("/elsewhere/x", true))
        );
    }

    #[test]
    fn t10_what_is_missing_is_made_where_it_lasts_and_may_be_written() {
        assert_eq!(missing("/app/storage/new", true), Ok(given("/home/me/project/storage/new", false)));
        assert_eq!(missing("/app/ro/new", true), Err(Reason::MissingReadOnly));
        assert_eq!(missing("/app/ro/new", false), Ok(given("/srv/ro/new", true)));
        assert_eq!(missing("/opt/new", true), Err(Reason::RootFs { exists: false }));
        assert_eq!(missing("/opt/new", false), Ok(given("/overlay/merged/opt/new", false)));
        // A mount of a volume makes nothing, and says other words.
        assert_eq!(missing("/v/new", true), Ok(given("/vols/v/_data/new", false)));
        assert_eq!(missing("/v/new", false), Ok(given("/vols/v/_data/new", false)));
        assert!(matches!(missing("/r/new", true), Err(Reason::Volume { .. })));
    }

    #[test]
    fn t11_the_engines_socket_is_hostwards_by_every_name() {
        let own = engine("/run/hostward/docker.sock");
        let socket = Socket { own: Some(own.clone()), raw: Some(engine("/run/docker.sock")) };
        let mut table = table();
        table.add(mount("/elsewhere/sock", bind("/run/docker.sock"), true));
        let view = View::container(table.clone(), Vec::new()).with_socket(socket);
        let hostwards = Ok(lent("/run/hostward/docker.sock", false));
        for name in [
            "/var/run/docker.sock",
            "//var/run/docker.sock",
            "/run/docker.sock",
            "/var/run/docker-host.sock",
            "/var/run/docker.sock.raw",
            "/run/podman/podman.sock",
            "/run/user/1000/docker.sock",
            "/run/user/1000/podman/podman.sock",
            "/elsewhere/sock",
        ] {
            assert_eq!(ask_of(&view, name, &Wish::bind(), NEW), hostwards, "{name}");
        }
        assert_eq!(
            carried(ask_of(&view, "/elsewhere", &Wish::bind(), NEW)),
            [("sock".to_owned(), Give::Bind(own), false)]
        );
        assert_eq!(
            ask_of(&view, "/run/docker.sockets", &Wish::bind(), NEW),
            Ok(lent("/overlay/merged/run/docker.sockets", false))
        );
        // By its path on the engine's machine, where the caller sees nothing.
        let engines = |exists| {
            let asked = AskedPath::parse(b"/run/user/1000/hostward/docker.sock").unwrap();
            let socket = Socket { own: Some(engine("/run/user/1000/hostward/docker.sock")), raw: None };
            let view = View::container(table.clone(), Vec::new()).with_socket(socket);
            let resolved = Resolved { path: asked.clean(), exists };
            plan(&asked, &resolved, &view, &Wish::bind(), NEW)
        };
        assert_eq!(engines(false), Ok(lent("/run/user/1000/hostward/docker.sock", false)));
        assert_eq!(engines(true), Ok(lent("/overlay/merged/run/user/1000/hostward/docker.sock", false)));
        // In a directory, too.
        let own = engine("/run/hostward/docker.sock");
        let mut host = table.clone();
        host.add(mount("/host/run", bind("/run"), false));
        let socket = Socket { own: Some(own.clone()), raw: Some(engine("/run/docker.sock")) };
        let host = View::container(host, Vec::new()).with_socket(socket);
        assert_eq!(
            carried(ask_of(&host, "/host/run", &Wish::bind(), NEW)),
            [("docker.sock".to_owned(), Give::Bind(own), false)]
        );
        let none = View::container(table, Vec::new()).with_socket(Socket::default());
        assert_eq!(ask_of(&none, "/var/run/docker.sock", &Wish::bind(), NEW), Err(Reason::Socket));
    }

    #[test]
    fn t14_the_host_keeps_every_path() {
        assert_eq!(ask_of(&View::identity(), "/app/../etc", &Wish::bind(), NEW), Ok(Plan::Keep));
        let view = View::identity().with_socket(Socket::default());
        assert_eq!(ask_of(&view, "/var/run/docker.sock", &Wish::bind(), NEW), Ok(Plan::Keep));
    }

    #[test]
    fn t15_a_map_wins_over_discovery() {
        let maps = vec![Map::from_host_pwd(b"/x", b"/app/storage").unwrap()];
        let known = View::container(table(), maps.clone());
        let ask = |view: &View, text: &str| ask_of(view, text, &Wish::bind(), NEW);
        assert_eq!(ask(&known, "/app/storage/a"), Ok(given("/x/storage/a", false)));
        let unknown = View::explicit(maps);
        assert_eq!(ask(&unknown, "/app/storage/../../etc/passwd"), Err(Reason::Unmapped));
        assert_eq!(ask(&unknown, "/app/storagex/f"), Err(Reason::Unmapped));
        assert_eq!(ask(&unknown, "/app/storage"), Ok(given("/x/storage", false)));
        // A map covers the mounts beneath it, and a deeper map comes along.
        let nested = vec![Map::parse(b"/ws=/m/ws").unwrap(), Map::parse(b"/ws/sub=/m/other").unwrap()];
        let nested = View::container(table(), nested);
        assert_eq!(carried(ask(&nested, "/ws")), [("sub".to_owned(), Give::Bind(engine("/m/other")), false)]);
    }

    #[test]
    fn t17_what_nothing_maps_is_the_machines_where_that_is_said() {
        let view = view().with_unmapped(Unmapped::Host);
        let ask = |text: &str| ask_of(&view, text, &Wish::bind(), NEW);
        assert_eq!(ask("/opt/stack"), Ok(Plan::Keep));
        assert_eq!(ask("/app"), Ok(Plan::Keep));
        // What is mounted is the caller's.
        assert_eq!(ask("/app/storage/x"), Ok(given("/home/me/project/storage/x", false)));
        assert_eq!(ask("/t/x"), Err(Reason::Tmpfs(path("/t"))));
        assert_eq!(ask("/dev/shm/x"), Err(Reason::Private));
        // A link out of a mount leads to the caller's own, whatever the name is.
        let lead = |asked: &str, to: &str| {
            let asked = AskedPath::parse(asked.as_bytes()).unwrap();
            let resolved = Resolved { path: path(to), exists: true };
            plan(&asked, &resolved, &view, &Wish::bind(), NEW).map_err(|refusal| refusal.reason)
        };
        assert_eq!(lead("/app/storage/link", "/opt/own"), Ok(lent("/overlay/merged/opt/own", false)));
        assert_eq!(lead("/opt/link", "/app/storage/f"), Ok(given("/home/me/project/storage/f", false)));
        assert_eq!(lead("/app/storage/../../opt", "/opt"), Ok(lent("/overlay/merged/opt", false)));
        // Of nobody's files anything is known.
        let unknown = View::explicit(Vec::new()).with_unmapped(Unmapped::Host);
        assert_eq!(ask_of(&unknown, "/srv/x", &Wish::bind(), NEW), Ok(Plan::Keep));
    }

    #[test]
    fn t19_the_machine_is_the_engines() {
        let bare = View::container(Table::default(), Vec::new());
        for machine in ["/dev/kvm", "/proc", "/sys/fs/cgroup", "/lib/modules", "/", "//.", "/etc/localtime"] {
            assert_eq!(ask_of(&bare, machine, &Wish::bind(), NEW), Ok(Plan::Keep), "{machine}");
        }
        assert_eq!(ask("/device"), Ok(lent("/overlay/merged/device", false)));
        for own in [
            "/dev/shm/work",
            "/dev/fd/3",
            "/dev/stdin",
            "/proc/self/cwd",
            "/proc/42/root",
            "/proc/thread-self",
        ] {
            assert_eq!(ask(own), Err(Reason::Private), "{own}");
        }
        for machine in ["/dev/shm", "/proc/sys/kernel", "/proc/cpuinfo"] {
            assert_eq!(ask(machine), Ok(Plan::Keep), "{machine}");
        }
    }

    #[test]
    fn t19_a_mount_of_the_callers_covers_the_machine_wherever_its_links_lead() {
        let table = Table::new([mount("/usr/lib/modules", bind("/srv/modules"), false)]);
        let view = View::container(table, Vec::new());
        let asked = AskedPath::parse(b"/lib/modules").unwrap();
        let resolved = Resolved { path: path("/usr/lib/modules"), exists: true };
        assert_eq!(plan(&asked, &resolved, &view, &Wish::bind(), NEW), Ok(given("/srv/modules", false)));
    }

    #[test]
    fn a_link_to_the_machine_gives_what_it_leads_to() {
        let lead = |asked: &str, to: &str| {
            let asked = AskedPath::parse(asked.as_bytes()).unwrap();
            let resolved = Resolved { path: path(to), exists: true };
            plan(&asked, &resolved, &view(), &Wish::bind(), NEW).map_err(|refusal| refusal.reason)
        };
        assert_eq!(lead("/app/storage/dev", "/dev"), Ok(given("/dev", false)));
        assert_eq!(lead("/lib/modules", "/usr/lib/modules"), Ok(Plan::Keep));
        // `..` is taken after the link, so the text alone says nothing.
        assert_eq!(lead("/link/..", "/app/storage/deep"), Ok(given("/home/me/project/storage/deep", false)));
    }

    proptest! {
        #[test]
        fn what_is_given_lies_beneath_the_mount_that_covers(rest in "(/(a|[.][.]|[.]|storage|ro)){0,6}") {
            let text = format!("/app/storage{rest}");
            let resolved = path(&text);
            match ask(&text) {
                Ok(Plan::Given(Given { source: Give::Bind(source), read_only, .. })) => {
                    let table = table();
                    let (base, at, ro) = match table.covering(&resolved) {
                        Some(Mount { source: Source::Bind(base), destination, read_only }) => {
                            (base.clone(), destination.clone(), *read_only)
                        }
                        None => (engine("/overlay/merged"), CallerPath::root(), false),
                        other => panic!("{other:?}"),
                    };
                    prop_assert_eq!(source.below(&base), resolved.below(&at));
                    prop_assert_eq!(read_only, ro);
                }
                // Beneath the root are mounts that cannot come along.
                Err(Reason::Submount { .. }) => prop_assert!(resolved == CallerPath::root()),
                other => prop_assert!(false, "{}: {:?}", text, other),
            }
        }
    }
}
