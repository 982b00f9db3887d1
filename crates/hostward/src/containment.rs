//! Contained sources: what the engine mounts stays what was judged, however often and whenever it mounts it.
//!
//! An engine resolves a bind's source on the host each time that it mounts it: at every start, and when files are copied into a
//! container that does not run. Whoever may write to a directory on the way can exchange it for a link to anything. So each
//! source is split in two: the outermost directory that the caller has ([`RootedSource::root`]), which it cannot exchange, since its own
//! mount of it is not part of it; and what lies beneath, where nothing that it does may lead out of the root.

use crate::mount::Source;
use crate::path::{CallerPath, EnginePath, Rest};
use crate::seal::Key;
use crate::view::View;
use std::fmt;

/// A source that nobody can exchange for something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contained {
    /// What it is on the host.
    pub source: EnginePath,
    /// How the engine gets there.
    pub by: Containment,
}

/// What keeps a source from being exchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Containment {
    /// A volume of the engine that is its root. The engine looks for the subpath beneath it at every mount, and follows no link
    /// out of it (API 1.45).
    Volume {
        /// The volume's name: [`managed_name`].
        name: String,
        /// The root, which is the volume's device.
        root: EnginePath,
        /// Where beneath it.
        subpath: Rest,
    },
    /// A mount of exactly the file or directory that was judged, in a directory that only Hostward uses.
    Pin(EnginePath),
}

impl fmt::Display for Contained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            Containment::Volume { name, subpath, .. } => {
                write!(f, "{} (as {subpath} in the volume {name})", self.source)
            }
            Containment::Pin(pin) => write!(f, "{} (pinned at {pin})", self.source),
        }
    }
}

/// How the names of managed volumes begin. No caller may name a volume so.
pub const MANAGED_PREFIX: &str = "hostward-";

/// The label of managed volumes.
pub const MANAGED_LABEL: &str = "hostward.managed";

/// How many digits follow the prefix.
const MANAGED_DIGITS: usize = 32;

/// The options with which the engine's own driver mounts a root, with all that is mounted in it.
pub const MANAGED_OPTIONS: [(&str, &str); 2] = [("type", "none"), ("o", "rbind")];

/// The name of the managed volume of a root. Nobody can tell it, or make one for another root, without Hostward's key.
pub fn managed_name(root: &EnginePath, key: &Key) -> String {
    let mut digits = key.seal(&format!("managed volume {root}"));
    digits.truncate(MANAGED_DIGITS);
    format!("{MANAGED_PREFIX}{digits}")
}

/// Whether a volume of this name is a managed one.
pub fn is_managed(name: &str) -> bool {
    let digits = name.strip_prefix(MANAGED_PREFIX);
    digits.is_some_and(|digits| {
        digits.len() == MANAGED_DIGITS && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// How a caller reaches a source on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootedSource {
    /// The outermost directory or file that the caller has, and that has the source.
    pub root: EnginePath,
    /// Where the caller has it.
    pub at: CallerPath,
    /// Where the source is beneath it: what the caller can exchange.
    pub rest: Rest,
    /// Something else of the caller's is mounted in there, so that it has not all of the root by this mount.
    pub is_covered: bool,
    /// One of these may only be read, unlike the source.
    pub is_narrowed: bool,
}

impl RootedSource {
    /// The way to a file in a directory that only Hostward and those have who call it.
    pub fn of_own(file: &EnginePath) -> Option<Self> {
        let root = file.parent()?;
        let rest = file.below(&root)?;
        Some(Self { root, at: CallerPath::root(), rest, is_covered: false, is_narrowed: false })
    }
}

impl View {
    /// How the caller reaches a source on the host, which it is to get with this access; `None` where no part of it is the
    /// caller's. Of several roots it is the outermost that the caller may write to, and thereby exchange the others; where it may
    /// write to none, the innermost: no other would be a way to more.
    pub fn reach(&self, source: &EnginePath, read_only: bool) -> Option<RootedSource> {
        let roots = self.roots().into_iter();
        let reaching = roots.filter_map(|(root, at)| Some((source.within(&root)?, root, at)));
        let (read, written): (Vec<_>, Vec<_>) = reaching.partition(|(_, _, at)| self.is_read_only(at));
        let outermost = written.into_iter().max_by_key(|(rest, ..)| rest.depth());
        let innermost = read.into_iter().min_by_key(|(rest, ..)| rest.depth());
        let (rest, root, at) = outermost.or(innermost)?;
        let beneath = if at == CallerPath::root() { Vec::new() } else { self.beneath(&at) };
        let is_narrowed = !read_only && beneath.iter().any(|at| self.is_read_only(at));
        let is_covered = !beneath.is_empty() || self.has_a_part(&at);
        Some(RootedSource { root, at, rest, is_covered, is_narrowed })
    }

    /// Whether the caller has only what a volume has at a subpath there. The whole volume is the root then: other containers of
    /// the same owner may have it.
    fn has_a_part(&self, at: &CallerPath) -> bool {
        let mount = self.table().and_then(|table| table.at(at));
        matches!(mount.map(|mount| &mount.source), Some(Source::Volume(volume)) if !volume.subpath.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::{Mount, Root};
    use crate::table::Table;

    fn path(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    fn engine(text: &str) -> EnginePath {
        EnginePath::parse(text.as_bytes()).unwrap()
    }

    fn view(mounts: &[(&str, &str, bool)]) -> View {
        let mounts = mounts.iter().map(|(source, at, read_only)| Mount {
            destination: path(at),
            source: Source::Bind(engine(source)),
            read_only: *read_only,
        });
        let mut table = Table::new(mounts);
        table.set_root(Root { path: Some(engine("/overlay/merged")), ..Root::default() });
        View::container(table, Vec::new())
    }

    fn reach(view: &View, source: &str, read_only: bool) -> Option<(String, String)> {
        let RootedSource { root, rest, .. } = view.reach(&engine(source), read_only)?;
        Some((root.to_string(), rest.to_string()))
    }

    fn view_of_two() -> View {
        view(&[("/", "/host", true), ("/srv/app", "/app", true)])
    }

    fn found(root: &str, rest: &str) -> (String, String) {
        (root.to_owned(), rest.to_owned())
    }

    #[test]
    fn the_root_is_the_outermost_mount_that_the_caller_has() {
        let view = view(&[("/srv/app", "/app", false), ("/srv/app/inner", "/inner", false)]);
        assert_eq!(reach(&view, "/srv/app/d/f", false), Some(found("/srv/app", "d/f")));
        assert_eq!(reach(&view, "/srv/app", false), Some(found("/srv/app", "")));
        // What is a mount of its own at /inner can be exchanged by way of /app.
        assert_eq!(reach(&view, "/srv/app/inner", false), Some(found("/srv/app", "inner")));
        assert_eq!(reach(&view, "/overlay/merged/tmp/x", false), Some(found("/overlay/merged", "tmp/x")));
        assert_eq!(reach(&view, "/srv/application", false), None);
        assert_eq!(reach(&view, "/etc", false), None);
    }

    #[test]
    fn what_may_only_be_read_is_no_root_of_what_may_be_written_to() {
        let view = view(&[("/srv", "/all", true), ("/srv/app", "/app", false)]);
        assert_eq!(reach(&view, "/srv/app/d", false), Some(found("/srv/app", "d")));
        assert_eq!(reach(&view, "/srv/app/d", true), Some(found("/srv/app", "d")));
        assert_eq!(reach(&view, "/srv/other", true), Some(found("/srv", "other")));
        let view = view_of_two();
        assert_eq!(reach(&view, "/srv/app/d", true), Some(found("/srv/app", "d")));
    }

    #[test]
    fn a_mount_that_covers_a_part_of_the_root_is_told() {
        let view = view(&[("/srv", "/app", false), ("/srv/git", "/app/git", true)]);
        let one = view.reach(&engine("/srv/d"), false).unwrap();
        assert!(one.is_covered && one.is_narrowed);
        let read = view.reach(&engine("/srv/d"), true).unwrap();
        assert!(read.is_covered && !read.is_narrowed);
        // A root filesystem has mount points in it, and nothing beneath them.
        assert!(!view.reach(&engine("/overlay/merged/d"), false).unwrap().is_covered);
    }

    #[test]
    fn a_managed_volume_is_named_by_its_root_and_the_key() {
        let (key, other) = (Key::new([1; Key::LEN]), Key::new([2; Key::LEN]));
        let name = managed_name(&engine("/srv/app"), &key);
        assert!(is_managed(&name) && name.len() == 41);
        assert_eq!(name, managed_name(&engine("/srv/app"), &key));
        assert_ne!(name, managed_name(&engine("/srv/app"), &other));
        assert_ne!(name, managed_name(&engine("/srv/apps"), &key));
        for other in ["hostward-x", "hostward-", "x", &name.to_uppercase(), &format!("{name}0")] {
            assert!(!is_managed(other), "{other}");
        }
    }
}
