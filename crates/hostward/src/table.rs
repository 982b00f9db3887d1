//! The mount table: what the caller's view is made of, and what covers a path in it.
//!
//! Looking a path up is total and never fails: [`View::locate`] gives the fact, [`plan`](crate::plan::plan)
//! decides.

use crate::alias::Alias;
use crate::explicit::{Map, Unmapped};
use crate::mountinfo::Line;
use crate::origin::{Origin, is_fixture, is_machine, is_private};
use crate::path::{CallerPath, EnginePath, Rest};
use crate::way_back::WayBack;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Where the files of a mount come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A directory or file of the engine's machine.
    Bind(EnginePath),
    /// A volume, or what lies beneath a subpath of it.
    Volume(Volume),
    /// Memory, which has no path on any machine.
    Tmpfs,
    /// The content of an image (API 1.47).
    Image,
    /// A kind of mount that has no rule, by its own name: npipe, cluster, a file system that the engine does
    /// not list.
    Other(String),
}

/// A volume, as a mount of the caller shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The volume's name, for anonymous volumes the long random one.
    pub name: String,
    /// The volume driver, `local` for the engine's own.
    pub driver: String,
    /// What of the volume the caller sees (API 1.45); nothing means all of it.
    pub subpath: Rest,
    /// The directory on the engine's machine that has the volume's files, where that is known and sure
    /// ([`inspect::volume`](crate::inspect::volume)).
    pub path: Option<EnginePath>,
}

/// One mount of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where the caller sees it.
    pub destination: CallerPath,
    /// What it shows.
    pub source: Source,
    /// Whether the caller may only read it.
    pub read_only: bool,
}

/// A caller's mounts, and the root filesystem beneath them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// By destination: what covers a path is found by the path's own ancestors, however many mounts there are.
    mounts: BTreeMap<CallerPath, Mount>,
    root: Root,
    devices: Vec<Device>,
    aliases: Vec<Alias>,
}

/// A device of the engine's machine that a container has (`--device`), or a directory of such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Where the container has it.
    pub at: CallerPath,
    /// Where the engine's machine has it.
    pub path: EnginePath,
    /// Whether it may not be written to.
    pub read_only: bool,
}

/// A container's root filesystem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Root {
    /// Where the engine's machine has it (overlay2's `MergedDir`), if the engine says so: a live view while the
    /// container runs (T5).
    pub path: Option<EnginePath>,
    /// Where it is likely to be, if the engine does not say so: to be used by those who can make sure that it is this
    /// container's.
    pub presumed: Option<EnginePath>,
    /// Whether the container may only read it (`--read-only`).
    pub read_only: bool,
}

impl Table {
    /// Takes the caller's mounts in the order in which they were made: where two have one destination, the later
    /// one covers the earlier.
    pub fn new(mounts: impl IntoIterator<Item = Mount>) -> Self {
        let mut table = Self::default();
        for mount in mounts {
            table.add(mount);
        }
        table
    }

    /// Adds a mount; it covers one that has the same destination.
    pub fn add(&mut self, mount: Mount) {
        self.mounts.insert(mount.destination.clone(), mount);
    }

    /// Says which devices it has been given.
    pub fn set_devices(&mut self, devices: Vec<Device>) {
        self.devices = devices;
    }

    /// The device that a path is, where it is one that was given, or in a directory of such.
    pub fn device(&self, path: &CallerPath) -> Option<(&Device, Rest)> {
        self.devices.iter().rev().find_map(|device| Some((device, path.below(&device.at)?)))
    }

    /// Says what its users call the directories of its binds.
    pub fn set_aliases(&mut self, aliases: Vec<Alias>) {
        self.aliases = aliases;
    }

    /// What its users call a path of the engine's, where they have another.
    pub fn user_path(&self, path: &EnginePath) -> Option<String> {
        self.aliases.iter().find_map(|alias| alias.user(path))
    }

    /// Says what is beneath the mounts.
    pub fn set_root(&mut self, root: Root) {
        self.root = root;
    }

    /// Says where the root filesystem is likely to be.
    pub fn presume_root(&mut self, presumed: Option<EnginePath>) {
        self.root.presumed = presumed;
    }

    /// Where a path in the root filesystem is likely to be. Whoever has it mounted must have the engine fail where it is not.
    pub fn presumed(&self, path: &CallerPath) -> Option<EnginePath> {
        let rest = path.below(&CallerPath::root())?;
        self.root.presumed.as_ref().map(|root| root.join(&rest))
    }

    /// The root filesystem is where it was likely to be.
    pub fn confirm_root(&mut self) {
        self.root.path = self.root.presumed.take();
    }

    /// What is beneath the mounts.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Says which directory on the engine's machine has the files of a volume.
    pub fn set_volume_path(&mut self, name: &str, path: &EnginePath) {
        for mount in self.mounts.values_mut() {
            if let Source::Volume(volume) = &mut mount.source
                && volume.name == name
            {
                volume.path = Some(path.clone());
            }
        }
    }

    /// The same mounts at other places: where the links lead that their destinations go through.
    ///
    /// # Errors
    /// What `place` fails with.
    pub fn placed<E>(self, mut place: impl FnMut(&CallerPath) -> Result<CallerPath, E>) -> Result<Self, E> {
        let mut placed = Self { mounts: BTreeMap::new(), ..self };
        for mount in self.mounts.into_values() {
            placed.add(Mount { destination: place(&mount.destination)?, ..mount });
        }
        Ok(placed)
    }

    /// The mount that covers `path`: the longest destination that it is beneath, by component (T1).
    pub fn covering(&self, path: &CallerPath) -> Option<&Mount> {
        let mut at = path.clone();
        loop {
            if let Some(mount) = self.mounts.get(&at) {
                return Some(mount);
            }
            if at == CallerPath::root() {
                return None;
            }
            at.pop();
        }
    }

    /// The mounts strictly beneath `path`, each after those above it.
    pub fn beneath(&self, path: &CallerPath) -> impl Iterator<Item = &Mount> {
        let (first, path) = (path.first_beneath(), path.clone());
        let from_there = self.mounts.range(first..).map(|(_, mount)| mount);
        // What begins with the path and a slash stands together in the order of bytes.
        from_there.take_while(move |mount| mount.destination.below(&path).is_some())
    }

    /// The table as the kernel bears it out, given the lines of the caller's mountinfo; destinations must have
    /// been resolved before, as the kernel's are.
    ///
    /// A mount that the kernel does not list, or that something else has been mounted over, is not what the engine
    /// says. A mount of the kernel's that the engine does not list is added as what it is, but beneath a bind or a
    /// volume, where it comes with the source.
    #[must_use]
    pub fn confirmed(self, lines: impl IntoIterator<Item = Line>) -> Self {
        let mut points: BTreeMap<CallerPath, Vec<Line>> = BTreeMap::new();
        for line in lines {
            points.entry(line.mount_point.clone()).or_default().push(line);
        }
        let confirmed = self.iter().map(|mount| {
            let other = |kind: &str| Mount { source: Source::Other(kind.to_owned()), ..mount.clone() };
            match points.get(&mount.destination).map(Vec::as_slice) {
                None | Some([]) => {
                    other("unknown (the process does not have the mount that the engine lists)")
                }
                Some([line]) => Mount { read_only: mount.read_only || line.read_only, ..mount.clone() },
                Some([.., top]) => other(&top.kind),
            }
        });
        let mut table = Self::new(confirmed);
        table.devices = self.devices;
        table.aliases = self.aliases;
        let root_line = points.get(&CallerPath::root()).and_then(|lines| lines.last());
        table.root = Root {
            read_only: self.root.read_only || root_line.is_some_and(|line| line.read_only),
            ..self.root
        };
        for (point, lines) in points {
            let known = match table.covering(&point).map(|mount| (&mount.destination, &mount.source)) {
                Some((destination, _)) if *destination == point => true,
                Some((_, Source::Bind(_) | Source::Volume(_))) => true,
                Some(_) => false,
                None => is_machine(&point) || is_fixture(&point) || point == CallerPath::root(),
            };
            if let (false, Some(top)) = (known, lines.last()) {
                let source = Source::Other(top.kind.clone());
                table.add(Mount { destination: point, source, read_only: top.read_only });
            }
        }
        table
    }

    /// All mounts, each after those above it.
    pub fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.values()
    }
}

/// The sockets that mean the engine (T11), as paths of the engine's machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Socket {
    /// Hostward's own, which is given in the place of any other; `None` where it has none on that machine.
    pub own: Option<EnginePath>,
    /// The engine's, which no caller gets by way of Hostward.
    pub raw: Option<EnginePath>,
}

impl Socket {
    /// Whether a name is the path of one of them on the engine's machine.
    pub(crate) fn is_at(&self, name: &CallerPath) -> bool {
        let Ok(name) = EnginePath::parse(name.as_bytes()) else { return false };
        [&self.own, &self.raw].into_iter().flatten().any(|path| path.is_same(&name))
    }
}

/// How a caller sees files: what explicit maps say first (T15), then what is known of it.
#[derive(Debug, Clone)]
pub struct View {
    maps: Vec<Map>,
    base: Base,
    socket: Option<Socket>,
    unmapped: Unmapped,
    /// Made of maps and base when it is first asked for; what changes these begins anew.
    way_back: OnceLock<WayBack>,
}

#[derive(Debug, Clone)]
enum Base {
    /// The engine's machine itself (T14).
    Identity,
    /// A container with these mounts over a root filesystem of its own.
    Container(Table),
    /// Nothing is known beyond the maps.
    Unknown,
}

impl View {
    /// A caller on the engine's machine, in no container: its paths are the engine's (T14).
    pub fn identity() -> Self {
        Self::of(Base::Identity, Vec::new())
    }

    /// A container with the given mounts; explicit maps win over them (T15).
    pub fn container(table: Table, maps: Vec<Map>) -> Self {
        Self::of(Base::Container(table), maps)
    }

    /// A caller of which nothing is known but explicit maps (T15).
    pub fn explicit(maps: Vec<Map>) -> Self {
        Self::of(Base::Unknown, maps)
    }

    fn of(base: Base, maps: Vec<Map>) -> Self {
        Self { maps, base, socket: None, unmapped: Unmapped::default(), way_back: OnceLock::new() }
    }

    /// The view in which the engine's socket means Hostward's (T11).
    #[must_use]
    pub fn with_socket(self, socket: Socket) -> Self {
        Self { socket: Some(socket), ..self }
    }

    /// The view in which what only the kernel knows to be mounted at a path is Hostward's socket, where `is_own` says so:
    /// `wrap` mounts it over the engine's.
    #[must_use]
    pub fn with_own_socket(mut self, is_own: impl Fn(&CallerPath) -> bool) -> Self {
        if let (Base::Container(table), Some(Socket { own: Some(own), .. })) = (&mut self.base, &self.socket)
        {
            let unknown = table.mounts.values_mut().filter(|mount| matches!(mount.source, Source::Other(_)));
            for mount in unknown.filter(|mount| is_own(&mount.destination)) {
                mount.source = Source::Bind(own.clone());
            }
            self.way_back = OnceLock::new();
        }
        self
    }

    /// The view in which a path that nothing maps is this (T17).
    #[must_use]
    pub fn with_unmapped(self, unmapped: Unmapped) -> Self {
        Self { unmapped, ..self }
    }

    /// What a path is that nothing maps.
    pub fn unmapped(&self) -> Unmapped {
        self.unmapped
    }

    /// Whether this is the engine's own view, in which nothing is ever changed.
    pub fn is_identity(&self) -> bool {
        matches!(self.base, Base::Identity)
    }

    /// The caller's mounts, where they are known.
    pub fn table(&self) -> Option<&Table> {
        match &self.base {
            Base::Container(table) => Some(table),
            Base::Identity | Base::Unknown => None,
        }
    }

    /// Whether the caller itself may only read what is at `path`.
    pub fn is_read_only(&self, path: &CallerPath) -> bool {
        self.table().is_some_and(|table| match (table.covering(path), table.device(path)) {
            (Some(mount), _) => mount.read_only,
            (None, Some((device, _))) => device.read_only,
            (None, None) => table.root.read_only,
        })
    }

    /// Where strictly beneath `path` something of the caller's is mounted or mapped, shallow before deep. What an
    /// engine puts into every container is left out: a created one has its own.
    pub fn beneath(&self, path: &CallerPath) -> Vec<CallerPath> {
        let mounts = self.table().into_iter().flat_map(|table| table.beneath(path)).map(|m| &m.destination);
        let maps = self.maps.iter().map(Map::caller);
        let mut points: Vec<_> = mounts
            .chain(maps)
            .filter(|point| point.below(path).is_some_and(|rest| !rest.is_empty()) && !is_fixture(point))
            .cloned()
            .collect();
        // By length alone, a map and a mount at one place may have another between them, and both stay.
        points.sort_by(|a, b| (a.as_bytes().len(), a).cmp(&(b.as_bytes().len(), b)));
        points.dedup();
        points
    }

    /// The sockets that mean the engine, where they are translated at all.
    pub fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// What `path` is made of. Symlinks must have been followed before ([`crate::walk`]).
    pub fn locate(&self, path: &CallerPath) -> Origin<'_> {
        let origin = self.locate_file(path);
        match (&self.socket, origin.path()) {
            (Some(Socket { own, raw: Some(raw) }), Some(source)) if source.is_same(raw) => {
                Origin::Socket(own.as_ref())
            }
            _ => origin,
        }
    }

    fn locate_file(&self, path: &CallerPath) -> Origin<'_> {
        if let Some((map, source)) = Map::find(&self.maps, path) {
            return Origin::Mapped { map, source };
        }
        match &self.base {
            Base::Identity => Origin::Host,
            Base::Unknown => Origin::Nothing,
            Base::Container(table) => match table.covering(path) {
                Some(mount) => Origin::of(mount, path),
                None if let Some((device, rest)) = table.device(path) => {
                    Origin::Device { device, source: device.path.join(&rest) }
                }
                None if is_private(path) => Origin::Private,
                None if is_machine(path) => Origin::Machine,
                None => Origin::root(table.root.path.as_ref(), path),
            },
        }
    }

    /// The path by which the caller sees a file of the engine's machine; `None` where it does not. The reverse of
    /// [`locate`](Self::locate): what comes out is translated to the same file again, and by a mount that the caller may
    /// write to where there is one. The engine's own socket comes out as a path that means Hostward's.
    pub fn restore(&self, path: &EnginePath) -> Option<CallerPath> {
        self.way_back.get_or_init(|| WayBack::of(self)).restore(self, path)
    }

    /// The path by which the caller sees what its user calls this.
    pub fn restore_user_path(&self, path: &EnginePath) -> Option<CallerPath> {
        self.table()?.aliases.iter().find_map(|alias| self.restore(&alias.engine(path)?))
    }

    /// Whether the caller has this file of the engine's machine there, or Hostward's socket in its place.
    pub(crate) fn leads_to(&self, caller: &CallerPath, path: &EnginePath) -> bool {
        match self.locate(caller) {
            Origin::Socket(own) => {
                let raw = self.socket.as_ref().and_then(|socket| socket.raw.as_ref());
                [own, raw].into_iter().flatten().any(|socket| socket.is_same(path))
            }
            origin => origin.path().is_some_and(|source| source.is(path)),
        }
    }

    /// Every directory and file of the engine's machine that the caller sees, and where.
    pub(crate) fn bases(&self) -> Vec<(EnginePath, CallerPath)> {
        let maps = self.maps.iter().map(|map| (map.engine().clone(), map.caller().clone()));
        let mounts = self.table().into_iter().flat_map(Table::iter).filter_map(|mount| {
            let engine = Origin::of(mount, &mount.destination).path()?;
            Some((engine, mount.destination.clone()))
        });
        let devices = self.table().into_iter().flat_map(|table| &table.devices);
        let devices = devices.map(|device| (device.path.clone(), device.at.clone()));
        let root = self.table().and_then(|table| Some((table.root.path.clone()?, CallerPath::root())));
        maps.chain(mounts).chain(devices).chain(root).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    fn bind(destination: &str, source: &str) -> Mount {
        Mount {
            destination: caller(destination),
            source: Source::Bind(EnginePath::parse(source.as_bytes()).unwrap()),
            read_only: false,
        }
    }

    #[test]
    fn the_longest_destination_covers() {
        let table =
            Table::new([bind("/app", "/a"), bind("/app/storage/deep", "/c"), bind("/app/storage", "/b")]);
        let source = |path: &str| table.covering(&caller(path)).map(|m| m.source.clone());
        assert_eq!(source("/app/storage/x"), Some(bind("/", "/b").source));
        assert_eq!(source("/app/storage2/x"), Some(bind("/", "/a").source));
        assert_eq!(source("/app/storage/deep"), Some(bind("/", "/c").source));
        assert_eq!(source("/etc"), None);
    }

    #[test]
    fn a_later_mount_on_the_same_place_covers_the_earlier() {
        let table = Table::new([bind("/app", "/first"), bind("/app", "/second")]);
        assert_eq!(table.iter().collect::<Vec<_>>(), [&bind("/app", "/second")]);
    }

    #[test]
    fn the_kernel_has_the_last_word() {
        let table =
            Table::new([bind("/app", "/a"), bind("/over", "/o"), bind("/gone", "/g"), bind("/ro", "/r")]);
        let lines = b"1 0 0:1 / / ro - overlay overlay rw\n2 1 0:2 / /proc rw - proc proc rw\n\
            3 1 8:1 /a /app rw - ext4 d rw\n4 3 0:4 / /app/host-sub rw - tmpfs t rw\n5 1 8:1 /o /over rw - ext4 d rw\n\
            6 5 0:6 / /over rw - tmpfs t rw\n7 1 8:1 /r /ro ro - ext4 d rw\n8 1 8:1 /h /etc/hosts rw - ext4 d rw\n";
        let table = table.confirmed(crate::mountinfo::lines(lines));
        let at = |path: &str| {
            let mount = table.covering(&caller(path))?;
            Some((mount.destination.to_string(), mount.source.clone(), mount.read_only))
        };
        assert_eq!(at("/app/host-sub/x"), Some(("/app".into(), bind("/", "/a").source, false)));
        assert_eq!(at("/over/x"), Some(("/over".into(), Source::Other("tmpfs".into()), false)));
        assert!(matches!(at("/gone/x"), Some((_, Source::Other(_), _))));
        assert_eq!(at("/ro"), Some(("/ro".into(), bind("/", "/r").source, true)));
        assert_eq!(at("/etc/hosts"), Some(("/etc/hosts".into(), Source::Other("ext4".into()), false)));
        assert!(table.root().read_only);
        assert_eq!(at("/proc/1"), None);
        assert_eq!(at("/etc"), None);
    }

    fn volume(destination: &str, subpath: &str, path: &str) -> Mount {
        let volume = Volume {
            name: "v".into(),
            driver: "local".into(),
            subpath: Rest::parse(subpath.as_bytes()).unwrap(),
            path: EnginePath::parse(path.as_bytes()).ok(),
        };
        Mount { destination: caller(destination), source: Source::Volume(volume), read_only: false }
    }

    #[test]
    fn a_file_of_the_engine_is_found_where_the_caller_sees_it() {
        let mut table = Table::new([
            bind("/app", "/srv/app"),
            bind("/app/hidden", "/srv/other"),
            bind("/again", "/srv/app/sub"),
            volume("/v", "a", "/vols/v/_data"),
        ]);
        table.set_root(Root { path: EnginePath::parse(b"/overlay/merged").ok(), ..Root::default() });
        let view = View::container(table, vec![Map::parse(b"/mapped=/m/x").unwrap()]);
        let restore = |path: &str| {
            view.restore(&EnginePath::parse(path.as_bytes()).unwrap()).map(|path| path.to_string())
        };
        assert_eq!(restore("/srv/app/f").as_deref(), Some("/app/f"));
        assert_eq!(restore("/srv/app"), Some("/app".into()));
        assert_eq!(restore("/srv/app/sub/f").as_deref(), Some("/again/f"));
        assert_eq!(restore("/vols/v/_data/a/f").as_deref(), Some("/v/f"));
        assert_eq!(restore("/overlay/merged/etc").as_deref(), Some("/etc"));
        assert_eq!(restore("/m/x/y").as_deref(), Some("/mapped/y"));
        // What other mounts hide, or never showed.
        assert_eq!(restore("/srv/app/hidden/f"), None);
        assert_eq!(restore("/overlay/merged/app"), None);
        assert_eq!(restore("/vols/v/_data/b"), None);
        assert_eq!(restore("/srv/application"), None);
    }

    #[test]
    fn t11_the_engines_own_socket_is_known_by_its_path() {
        let table = Table::new([bind("/sock", "/run/docker.sock"), bind("/run/hw", "/run/hostward")]);
        let path = |text: &str| EnginePath::parse(text.as_bytes()).ok();
        let socket = Socket { own: path("/run/hostward/docker.sock"), raw: path("/run//docker.sock") };
        let view = View::container(table, Vec::new()).with_socket(socket.clone());
        assert_eq!(view.locate(&caller("/sock")), Origin::Socket(socket.own.as_ref()));
        assert!(matches!(view.locate(&caller("/run/hw/docker.sock")), Origin::Bind { .. }));
    }

    #[test]
    fn beneath_leaves_out_the_path_itself_and_goes_shallow_before_deep() {
        let table = Table::new([
            bind("/app/a/b", "/2"),
            bind("/app", "/0"),
            bind("/app/a", "/1"),
            bind("/apple", "/9"),
        ]);
        let found: Vec<_> = table.beneath(&caller("/app")).map(|m| m.destination.to_string()).collect();
        assert_eq!(found, ["/app/a", "/app/a/b"]);
        let all: Vec<_> = table.beneath(&CallerPath::root()).map(|m| m.destination.to_string()).collect();
        assert_eq!(all, ["/app", "/app/a", "/app/a/b", "/apple"]);
    }

    #[test]
    fn a_mount_and_a_map_at_one_place_come_along_once() {
        let table = Table::new([bind("/ws/b", "/2"), bind("/ws/a", "/1"), bind("/ws", "/0")]);
        let view = View::container(table, vec![Map::parse(b"/ws/a=/m").unwrap()]);
        let found: Vec<_> = view.beneath(&caller("/ws")).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["/ws/a", "/ws/b"]);
    }
}
