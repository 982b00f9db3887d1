//! What a path in the caller's view turned out to be.

use crate::explicit::Map;
use crate::path::{CallerPath, EnginePath, Rest, components};
use crate::table::{Mount, Source};
use std::fmt;

/// The fact about a path; what follows from it is decided in [`plan`](crate::plan).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin<'a> {
    /// The caller is on the engine's machine: the path is the engine's (T14).
    Host,
    /// An explicit map covers it (T15).
    Mapped {
        /// The map.
        map: &'a Map,
        /// Where the map leads.
        source: EnginePath,
    },
    /// A bind mount covers it (T2).
    Bind {
        /// The caller's mount.
        mount: &'a Mount,
        /// The mount's source plus the rest.
        source: EnginePath,
    },
    /// A volume covers it (T3).
    Volume {
        /// The caller's mount.
        mount: &'a Mount,
        /// The volume's name.
        name: &'a str,
        /// Where in the volume.
        rest: Rest,
    },
    /// A tmpfs covers it (T6).
    Tmpfs(&'a Mount),
    /// An image mount covers it (T6).
    Image(&'a Mount),
    /// A mount without a rule covers it.
    Other {
        /// The caller's mount.
        mount: &'a Mount,
        /// Its kind, in the engine's or the kernel's word.
        kind: &'a str,
    },
    /// The caller's root filesystem holds it: no mount covers it (T5).
    RootFs,
    /// A path that means the engine's machine in every view, as no mount covers it: `/dev`, `/proc` and the
    /// like (T19).
    Machine,
    /// A path of that kind that is the caller's own all the same: its shared memory, its processes.
    Private,
    /// Nothing is known about it.
    Nothing,
}

impl<'a> Origin<'a> {
    /// What `path` is, given the mount that covers it.
    pub(crate) fn of(mount: &'a Mount, path: &CallerPath) -> Self {
        let Some(rest) = path.below(&mount.destination) else { return Self::Nothing };
        match &mount.source {
            Source::Bind(source) => Self::Bind { mount, source: source.join(&rest) },
            Source::Volume { name, .. } => Self::Volume { mount, name, rest },
            Source::Tmpfs => Self::Tmpfs(mount),
            Source::Image => Self::Image(mount),
            Source::Other(kind) => Self::Other { mount, kind },
        }
    }
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => write!(f, "the engine's own machine"),
            Self::Mapped { map, source } => write!(f, "{source} on the engine's machine, by the map {map}"),
            Self::Bind { mount, source } => {
                write!(f, "{source} on the engine's machine, by the bind mount at {}", mount.destination)
            }
            Self::Volume { mount, name, rest } if rest.is_empty() => {
                write!(f, "the volume {name}, mounted at {}", mount.destination)
            }
            Self::Volume { mount, name, rest } => {
                write!(f, "{rest} in the volume {name}, mounted at {}", mount.destination)
            }
            Self::Tmpfs(mount) => write!(f, "in memory: a tmpfs is mounted at {}", mount.destination),
            Self::Image(mount) => write!(f, "in an image that is mounted at {}", mount.destination),
            Self::Other { mount, kind } => write!(f, "in a mount of type {kind} at {}", mount.destination),
            Self::RootFs => write!(f, "in the container's own root filesystem, no mount covers it"),
            Self::Machine => write!(f, "a path of the engine's machine"),
            Self::Private => write!(f, "in the container's own shared memory or processes"),
            Self::Nothing => write!(f, "not covered by any known mount or map"),
        }
    }
}

/// Whether a path of the machine's kind is each container's own: what lies in its shared memory, and `/proc` of a
/// process, which the engine would take for its own process.
pub(crate) fn is_private(path: &CallerPath) -> bool {
    let mut names = components(path.as_bytes());
    match (names.next(), names.next(), names.next()) {
        (Some(b"dev"), Some(b"shm" | b"mqueue"), Some(_))
        | (Some(b"dev"), Some(b"fd" | b"stdin" | b"stdout" | b"stderr"), _) => true,
        (Some(b"proc"), Some(process), _) => {
            matches!(process, b"self" | b"thread-self") || process.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

/// Whether a path means the engine's machine wherever it is asked from (T19); `/` itself does.
pub(crate) fn is_machine(path: &CallerPath) -> bool {
    const MACHINE: [&[u8]; 6] =
        [b"/dev", b"/proc", b"/sys", b"/lib/modules", b"/run/udev", b"/etc/localtime"];
    let beneath = |base: &[u8]| {
        path.as_bytes().strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    *path == CallerPath::root() || MACHINE.into_iter().any(beneath)
}
