//! The mount table: what the caller's view is made of, and what covers a path in it.
//!
//! Looking a path up is total and never fails: [`View::locate`] gives the fact, [`plan`](crate::plan::plan)
//! decides.

use crate::explicit::Map;
use crate::mountinfo::Line;
use crate::origin::{Origin, is_machine, is_private};
use crate::path::{CallerPath, EnginePath};
use std::collections::BTreeMap;

/// Where the files of a mount come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A directory or file of the engine's machine.
    Bind(EnginePath),
    /// A volume: its name and driver.
    Volume {
        /// The volume's name, for anonymous volumes the long random one.
        name: String,
        /// The volume driver, `local` for the engine's own.
        driver: String,
    },
    /// Memory, which has no path on any machine.
    Tmpfs,
    /// The content of an image (API 1.47).
    Image,
    /// A kind of mount that has no rule, by its own name: npipe, cluster, a file system that the engine does
    /// not list.
    Other(String),
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

/// A caller's mounts, deepest destination first, so that the first match is the longest (T1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table(Vec<Mount>);

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
        self.0.retain(|m| m.destination != mount.destination);
        let depth = |m: &Mount| m.destination.as_bytes().len();
        let at = self.0.partition_point(|m| depth(m) >= depth(&mount));
        self.0.insert(at, mount);
    }

    /// The mount that covers `path`: the longest destination that it is beneath, by component.
    pub fn covering(&self, path: &CallerPath) -> Option<&Mount> {
        self.0.iter().find(|m| path.below(&m.destination).is_some())
    }

    /// The mounts strictly beneath `path`, shallow before deep.
    pub fn beneath(&self, path: &CallerPath) -> impl Iterator<Item = &Mount> {
        self.0
            .iter()
            .rev()
            .filter(move |m| path.below(&m.destination).is_none() && m.destination.below(path).is_some())
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
        for (point, lines) in points {
            let known = match table.covering(&point).map(|mount| (&mount.destination, &mount.source)) {
                Some((destination, _)) if *destination == point => true,
                Some((_, Source::Bind(_) | Source::Volume { .. })) => true,
                Some(_) => false,
                None => is_machine(&point),
            };
            if let (false, Some(top)) = (known, lines.last()) {
                let source = Source::Other(top.kind.clone());
                table.add(Mount { destination: point, source, read_only: top.read_only });
            }
        }
        table
    }

    /// All mounts, shallow before deep.
    pub fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.0.iter().rev()
    }
}

/// How a caller sees files: what explicit maps say first (T15), then what is known of it.
#[derive(Debug, Clone)]
pub struct View {
    maps: Vec<Map>,
    base: Base,
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
        Self { maps: Vec::new(), base: Base::Identity }
    }

    /// A container with the given mounts; explicit maps win over them (T15).
    pub fn container(table: Table, maps: Vec<Map>) -> Self {
        Self { maps, base: Base::Container(table) }
    }

    /// A caller of which nothing is known but explicit maps (T15).
    pub fn explicit(maps: Vec<Map>) -> Self {
        Self { maps, base: Base::Unknown }
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
        self.table().and_then(|table| table.covering(path)).is_some_and(|mount| mount.read_only)
    }

    /// The caller's mounts strictly beneath `path`, shallow before deep.
    pub fn submounts(&self, path: &CallerPath) -> impl Iterator<Item = &Mount> {
        self.table().into_iter().flat_map(|table| table.beneath(path))
    }

    /// What `path` is made of. Symlinks must have been followed before ([`crate::walk`]).
    pub fn locate(&self, path: &CallerPath) -> Origin<'_> {
        if let Some((map, source)) = Map::find(&self.maps, path) {
            return Origin::Mapped { map, source };
        }
        match &self.base {
            Base::Identity => Origin::Host,
            Base::Unknown => Origin::Nothing,
            Base::Container(table) => match table.covering(path) {
                Some(mount) => Origin::of(mount, path),
                None if is_private(path) => Origin::Private,
                None if is_machine(path) => Origin::Machine,
                None => Origin::RootFs,
            },
        }
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
        let lines = b"1 0 0:1 / / rw - overlay overlay rw\n2 1 0:2 / /proc rw - proc proc rw\n\
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
        assert_eq!(at("/proc/1"), None);
        assert_eq!(at("/etc"), None);
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
    }
}
