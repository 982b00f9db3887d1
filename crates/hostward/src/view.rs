//! How a caller sees files: what a path in its view is, and where it sees a file of the host.
//!
//! Looking a path up is total and never fails: [`View::locate`] gives the fact, [`plan`](crate::plan::plan)
//! decides.

use crate::explicit::{Map, Missing, Unmapped};
use crate::mount::Source;
use crate::origin::Origin;
use crate::path::{CallerPath, EnginePath, Rest, ancestors};
use crate::places::{is_fixture, is_machine, is_private};
use crate::table::Table;
use std::collections::HashMap;
use std::sync::OnceLock;

/// The sockets that mean the engine (T11), as paths of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Socket {
    /// Hostward's own, which is given instead of any other; `None` if Hostward has no socket on the host.
    pub own: Option<EnginePath>,
    /// The engine's, which no caller gets by way of Hostward.
    pub raw: Option<EnginePath>,
}

impl Socket {
    /// Whether a name is the path of one of them on the host.
    pub(crate) fn is_at(&self, name: &CallerPath) -> bool {
        let Ok(name) = EnginePath::parse(name.as_bytes()) else { return false };
        [&self.own, &self.raw].into_iter().flatten().any(|path| path.is_same(&name))
    }
}

/// How a caller sees files: what explicit maps say first (T15), then what is known of it.
#[derive(Debug, Clone)]
pub struct View {
    /// What the user says (`--map`, `HOST_PWD`); wins over all that was discovered.
    maps: Vec<Map>,
    base: Base,
    /// Set as soon as it is known where Hostward and the engine listen ([`with_socket`](Self::with_socket)). Without it no path
    /// means the engine.
    socket: Option<Socket>,
    /// What the configuration or the caller's label says (T17).
    unmapped: Unmapped,
    /// What those call its directories that made the caller's container (T16).
    named: Vec<Named>,
    /// What the same say of what is missing in the root filesystem (T10).
    missing: Missing,
    /// Made of maps and base when it is first asked for; what changes these begins anew.
    way_back: OnceLock<WayBack>,
}

/// A directory or file of the caller by the path that its maker has for it: the caller that created this one's container asked
/// for that path, and may tell it to programs in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// As its maker wrote it.
    pub name: CallerPath,
    /// Where the caller has it.
    pub at: CallerPath,
}

#[derive(Debug, Clone)]
enum Base {
    /// The host itself (T14).
    Identity,
    /// A container with these mounts over a root filesystem of its own.
    Container(Table),
    /// Nothing is known beyond the maps.
    Unknown,
}

impl View {
    /// A caller on the host, in no container: its paths are the engine's (T14).
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
        let (unmapped, missing, named, way_back) =
            (Unmapped::default(), Missing::default(), Vec::new(), OnceLock::new());
        Self { maps, base, socket: None, unmapped, missing, named, way_back }
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
            table.set_unknown(&Source::Bind(own.clone()), is_own);
            self.way_back = OnceLock::new();
        }
        self
    }

    /// The view in which a path that nothing maps is this (T17).
    #[must_use]
    pub fn with_unmapped(self, unmapped: Unmapped) -> Self {
        Self { unmapped, ..self }
    }

    /// The view in which its maker has these names for the caller's directories (T16).
    #[must_use]
    pub fn with_names(self, named: Vec<Named>) -> Self {
        Self { named, ..self }
    }

    /// What a path is that nothing maps.
    pub fn unmapped(&self) -> Unmapped {
        self.unmapped
    }

    /// The view in which this happens to what is missing in the root filesystem (T10).
    #[must_use]
    pub fn with_missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
    }

    /// What happens to what is missing in the root filesystem.
    pub fn missing(&self) -> Missing {
        self.missing
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
            (None, None) => table.root().read_only,
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

    /// Whether the host has this in the directory in which the engine keeps its own files, by what it says of the caller.
    pub fn is_in_engine_directory(&self, path: &EnginePath) -> bool {
        let directory = self.table().and_then(Table::engine_directory);
        directory.is_some_and(|directory| path.below(directory).is_some())
    }

    /// The sockets that mean the engine, where they are translated at all.
    pub fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// What `path` is made of. Symlinks must have been followed before ([`crate::walk`]).
    pub fn locate(&self, path: &CallerPath) -> Origin<'_> {
        let origin = self.locate_file(path);
        match (&self.socket, origin.on_host()) {
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
                None => Origin::root(table.root().path.as_ref(), path),
            },
        }
    }

    /// The path by which the caller sees a file of the host; `None` where it does not. The reverse of
    /// [`locate`](Self::locate): what comes out is translated to the same file again, and by a mount that the caller may
    /// write to where there is one. The engine's own socket comes out as a path that means Hostward's.
    pub fn restore(&self, path: &EnginePath) -> Option<CallerPath> {
        self.way_back.get_or_init(|| WayBack::of(self)).restore(self, path)
    }

    /// The path by which the caller sees what its user calls this.
    pub fn restore_user_path(&self, path: &EnginePath) -> Option<CallerPath> {
        self.table()?.aliases().iter().find_map(|alias| self.restore(&alias.engine(path)?))
    }

    /// Where the caller has what its maker calls this: by the longest of the names that cover it.
    pub(crate) fn named(&self, name: &CallerPath) -> Option<CallerPath> {
        let covering = self.named.iter().filter(|named| name.is_beneath(&named.name));
        let named = covering.max_by_key(|named| named.name.as_bytes().len())?;
        Some(named.at.join(&name.below(&named.name)?))
    }

    /// Where the caller has the place of a path of the host, by the nearest directory above that it sees. Something else may be
    /// mounted there: then it is not the file that the host has.
    pub(crate) fn place_of(&self, path: &EnginePath) -> Option<CallerPath> {
        self.way_back.get_or_init(|| WayBack::of(self)).place_of(self, path)
    }

    /// Whether the caller has this file of the host there, or Hostward's socket in its place.
    pub(crate) fn leads_to(&self, caller: &CallerPath, path: &EnginePath) -> bool {
        match self.locate(caller) {
            Origin::Socket(own) => {
                let raw = self.socket.as_ref().and_then(|socket| socket.raw.as_ref());
                [own, raw].into_iter().flatten().any(|socket| socket.is_same(path))
            }
            origin => origin.on_host().is_some_and(|source| source.is(path)),
        }
    }

    /// Every directory and file of the host that is mounted in the caller, and where: of a volume all of it, whatever part of
    /// it the caller has.
    pub(crate) fn roots(&self) -> Vec<(EnginePath, CallerPath)> {
        let maps = self.maps.iter().map(|map| (map.engine().clone(), map.caller().clone()));
        let mounts = self.table().into_iter().flat_map(Table::iter).filter_map(|mount| {
            let root = match &mount.source {
                Source::Bind(source) => source,
                Source::Volume(volume) => volume.path.as_ref()?,
                Source::Tmpfs | Source::Image | Source::Other(_) => return None,
            };
            Some((root.clone(), mount.destination.clone()))
        });
        let root = self.table().and_then(|table| Some((table.root().path.clone()?, CallerPath::root())));
        maps.chain(mounts).chain(root).collect()
    }

    /// Every directory and file of the host that the caller sees, and where.
    pub(crate) fn bases(&self) -> Vec<(EnginePath, CallerPath)> {
        let maps = self.maps.iter().map(|map| (map.engine().clone(), map.caller().clone()));
        let mounts = self.table().into_iter().flat_map(Table::iter).filter_map(|mount| {
            let engine = Origin::of(mount, &mount.destination).path()?;
            Some((engine, mount.destination.clone()))
        });
        let devices = self.table().into_iter().flat_map(Table::devices);
        let devices = devices.map(|device| (device.path.clone(), device.at.clone()));
        let root = self.table().and_then(|table| Some((table.root().path.clone()?, CallerPath::root())));
        maps.chain(mounts).chain(devices).chain(root).collect()
    }
}

// The way back: from a path of the host to where the caller sees that file.
//
// An answer has a path for each mount of each container, so this is made once of a view and then asked a thousand times:
// what it costs to ask depends on how deep a path is, not on how many mounts the caller has.

/// Where the caller has the directories and files of the host that it sees.
#[derive(Debug, Clone, Default)]
struct WayBack {
    /// By the engine's path ([`EnginePath::canonical`]); those of one path in the order of the caller's.
    bases: HashMap<Vec<u8>, Vec<SeenAt>>,
}

/// One place of the caller's.
#[derive(Debug, Clone)]
struct SeenAt {
    caller: CallerPath,
    /// Whether all that is beneath may only be read, where that is one thing: nothing else is mounted there.
    read_only: Option<bool>,
}

impl WayBack {
    /// That of a view, which must be asked together with it.
    fn of(view: &View) -> Self {
        let pairs = view.bases();
        let mut bases: HashMap<_, Vec<SeenAt>> = HashMap::with_capacity(pairs.len());
        for (engine, caller) in pairs {
            let read_only = read_only(view, &caller);
            bases.entry(engine.canonical().into_owned()).or_default().push(SeenAt { caller, read_only });
        }
        for places in bases.values_mut() {
            // In the order that they have with something beneath.
            places.sort_by_cached_key(|base| base.caller.first_beneath());
            places.dedup_by(|a, b| a.caller == b.caller);
        }
        Self { bases }
    }

    /// See [`View::restore`]: of all places where the caller has this file the one that it may write to, and of these the
    /// one by the deepest mount.
    fn restore(&self, view: &View, path: &EnginePath) -> Option<CallerPath> {
        let (mut only_read, path_bytes) = (None, path.canonical());
        for (above, rest) in ancestors(&path_bytes) {
            let Some(bases) = self.bases.get(above) else { continue };
            let rest = Rest::of_canonical(rest);
            let (mut writable, mut readable) = (Best::default(), Best::default());
            for base in bases {
                if writable.is_before(base, &rest) {
                    continue;
                }
                // Of those that may only be read the first will do.
                let enough = only_read.is_some() || readable.is_before(base, &rest);
                if enough && base.read_only == Some(true) {
                    continue;
                }
                let caller = base.caller.join(&rest);
                let is_read_only = base.read_only.unwrap_or_else(|| view.is_read_only(&caller));
                if !(is_read_only && enough) && view.leads_to(&caller, path) {
                    if is_read_only { &mut readable } else { &mut writable }.take(base, caller);
                }
            }
            if writable.path.is_some() {
                return writable.path;
            }
            only_read = only_read.or(readable.path);
        }
        only_read
    }

    /// See [`View::place_of`]. Of several places of one directory it is one that may be written to.
    fn place_of(&self, view: &View, path: &EnginePath) -> Option<CallerPath> {
        ancestors(&path.canonical()).find_map(|(above, rest)| {
            let base = self.bases.get(above)?.iter().min_by_key(|base| view.is_read_only(&base.caller))?;
            Some(base.caller.join(&Rest::of_canonical(rest)))
        })
    }
}

/// The first path in the order of paths, of those by bases of one directory of the engine's, which are in order themselves.
#[derive(Default)]
struct Best<'a> {
    first: Option<&'a SeenAt>,
    path: Option<CallerPath>,
}

impl<'a> Best<'a> {
    /// Whether what it has is before what is by this base. What is beneath the first base may be before it nonetheless:
    /// `/a/b` and `c` is before `/a` and `c`.
    fn is_before(&self, base: &SeenAt, rest: &Rest) -> bool {
        match &self.path {
            Some(path) if rest.is_empty() => *path < base.caller,
            _ => self.first.is_some_and(|first| base.caller.below(&first.caller).is_none()),
        }
    }

    fn take(&mut self, base: &'a SeenAt, path: CallerPath) {
        self.first = self.first.or(Some(base));
        if self.path.as_ref().is_none_or(|best| path < *best) {
            self.path = Some(path);
        }
    }
}

/// Whether all that the caller has at a place and beneath may only be read, where one mount has all of it.
fn read_only(view: &View, caller: &CallerPath) -> Option<bool> {
    let table = view.table()?;
    let mount = table.at(caller)?;
    table.beneath(caller).next().is_none().then_some(mount.read_only)
}

#[cfg(test)]
mod tests;
