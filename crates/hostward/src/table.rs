//! The mount table: the caller's mounts over its root filesystem, and which of them covers a path.

use crate::alias::Alias;
use crate::mount::{Device, Mount, Root, Source};
use crate::mountinfo::Line;
use crate::path::{CallerPath, EnginePath, Rest};
use crate::places::{is_fixture, is_machine};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A caller's mounts, and the root filesystem beneath them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// By destination: what covers a path is found by the path's own ancestors, however many mounts there are.
    mounts: BTreeMap<CallerPath, Mount>,
    /// What no mount covers is in here. The engine's description says where the host has it, or it is only presumed
    /// ([`presume_root`](Self::presume_root)) until somebody has compared both sides ([`confirm_root`](Self::confirm_root)).
    root: Root,
    /// By `HostConfig.Devices`, in its order: of two at one place the later one counts.
    devices: Vec<Device>,
    /// What users call the sources of binds that have another path in the engine: above all those of Docker Desktop.
    aliases: Vec<Alias>,
    /// Where the engine keeps its own files (`/var/lib/docker`), if its description shows that.
    engine_directory: Option<EnginePath>,
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

    /// The devices that it has been given.
    pub(crate) fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The device that a path is, where it is one that was given, or in a directory of such.
    pub fn device(&self, path: &CallerPath) -> Option<(&Device, Rest)> {
        self.devices.iter().rev().find_map(|device| Some((device, path.below(&device.at)?)))
    }

    /// Says what its users call the directories of its binds.
    pub fn set_aliases(&mut self, aliases: Vec<Alias>) {
        self.aliases = aliases;
    }

    /// Says where the engine keeps its own files.
    pub fn set_engine_directory(&mut self, directory: EnginePath) {
        self.engine_directory = Some(directory);
    }

    /// Where the engine keeps its own files, among them the caller's root filesystem and volumes.
    pub fn engine_directory(&self) -> Option<&EnginePath> {
        self.engine_directory.as_ref()
    }

    /// What its users call the directories of its binds.
    pub(crate) fn aliases(&self) -> &[Alias] {
        &self.aliases
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

    /// Where a path in the root filesystem is likely to be. Mount it only in a way that fails if it is not there.
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

    /// Says which directory on the host has the files of a volume.
    pub fn set_volume_path(&mut self, name: &str, path: &EnginePath) {
        for mount in self.mounts.values_mut() {
            if let Source::Volume(volume) = &mut mount.source
                && volume.name == name
            {
                volume.path = Some(path.clone());
            }
        }
    }

    /// Says what is mounted at the places that only the kernel knows of ([`confirmed`](Self::confirmed)), where `is_it` says so
    /// of one.
    pub(crate) fn set_unknown(&mut self, source: &Source, is_it: impl Fn(&CallerPath) -> bool) {
        let unknown = self.mounts.values_mut().filter(|mount| matches!(mount.source, Source::Other(_)));
        for mount in unknown.filter(|mount| is_it(&mount.destination)) {
            mount.source = source.clone();
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
        let mut at = Cow::Borrowed(path);
        loop {
            // What is above a path is before it, and the deepest is the last; but what begins alike may be between them, such as
            // `/app-2` between `/app` and `/app/f`.
            let (destination, mount) = self.mounts.range::<CallerPath, _>(..=at.as_ref()).next_back()?;
            if at.is_beneath(destination) {
                return Some(mount);
            }
            at.to_mut().pop();
        }
    }

    /// The mount that has this destination.
    pub(crate) fn at(&self, destination: &CallerPath) -> Option<&Mount> {
        self.mounts.get(destination)
    }

    /// The mounts strictly beneath `path`, each after those above it.
    pub fn beneath(&self, path: &CallerPath) -> impl Iterator<Item = &Mount> {
        let from_there = self.mounts.range(path.first_beneath()..).map(|(_, mount)| mount);
        // What begins with the path and a slash stands together in the order of bytes.
        from_there.take_while(|mount| mount.destination.is_beneath(path))
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
        table.engine_directory = self.engine_directory;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn of_all_destinations_above_a_path_the_longest_covers(
            destinations in prop::collection::vec("/([ab]/|-|a){0,5}", 0..6), path in "/([ab]/|-|a){0,6}",
        ) {
            let table = Table::new(destinations.iter().map(|at| bind(at, "/")));
            let above = table.iter().filter(|mount| caller(&path).below(&mount.destination).is_some());
            let longest = above.max_by_key(|mount| mount.destination.as_bytes().len());
            prop_assert_eq!(table.covering(&caller(&path)), longest);
            let beneath: Vec<_> = table.beneath(&caller(&path)).collect();
            let is_beneath = |mount: &&Mount| mount.destination.below(&caller(&path)).is_some_and(|rest| !rest.is_empty());
            prop_assert_eq!(beneath, table.iter().filter(is_beneath).collect::<Vec<_>>());
        }
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
}
