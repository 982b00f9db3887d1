//! What a path in the caller's view turned out to be.

use crate::explicit::Map;
use crate::path::{CallerPath, EnginePath, Rest, components};
use crate::table::{Device, Mount, Source, Volume};
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
        /// The volume.
        volume: &'a Volume,
        /// Where in the volume: the caller's own subpath, and the rest (T4).
        within: Rest,
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
    RootFs {
        /// Where the engine has it, if it says so.
        source: Option<EnginePath>,
    },
    /// It means the engine's socket, in the place of which Hostward's own is given, if there is one (T11).
    Socket(Option<&'a EnginePath>),
    /// A device that the container was given.
    Device {
        /// The device, or the directory of such.
        device: &'a Device,
        /// Where the engine's machine has it.
        source: EnginePath,
    },
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
            Source::Volume(volume) => Self::Volume { mount, volume, within: volume.subpath.join(&rest) },
            Source::Tmpfs => Self::Tmpfs(mount),
            Source::Image => Self::Image(mount),
            Source::Other(kind) => Self::Other { mount, kind },
        }
    }

    /// What `path` is in a root filesystem.
    pub(crate) fn root(root: Option<&EnginePath>, path: &CallerPath) -> Self {
        let rest = path.below(&CallerPath::root());
        Self::RootFs { source: root.zip(rest).map(|(root, rest)| root.join(&rest)) }
    }

    /// Where the file is on the engine's machine, if it has a path there that the caller does not know itself.
    pub fn path(&self) -> Option<EnginePath> {
        match self {
            Self::Mapped { source, .. } | Self::Bind { source, .. } | Self::Device { source, .. } => {
                Some(source.clone())
            }
            Self::RootFs { source } => source.clone(),
            Self::Socket(own) => own.cloned(),
            Self::Volume { volume, within, .. } => volume.path.as_ref().map(|path| path.join(within)),
            Self::Host
            | Self::Tmpfs(_)
            | Self::Image(_)
            | Self::Other { .. }
            | Self::Machine
            | Self::Private
            | Self::Nothing => None,
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
            Self::Volume { mount, volume, within } if within.is_empty() => {
                write!(f, "the volume {}, mounted at {}", volume.name, mount.destination)
            }
            Self::Volume { mount, volume, within } => {
                write!(f, "{within} in the volume {}, mounted at {}", volume.name, mount.destination)
            }
            Self::Tmpfs(mount) => write!(f, "in memory: a tmpfs is mounted at {}", mount.destination),
            Self::Image(mount) => write!(f, "in an image that is mounted at {}", mount.destination),
            Self::Other { mount, kind } => write!(f, "in a mount of type {kind} at {}", mount.destination),
            Self::RootFs { source: None } => {
                write!(f, "in the container's own root filesystem, no mount covers it")
            }
            Self::RootFs { source: Some(source) } => {
                write!(
                    f,
                    "{source} on the engine's machine: the container's own root filesystem, no mount covers it"
                )
            }
            Self::Socket(Some(own)) => {
                write!(f, "the engine's socket, which is hostward's at {own} to a container")
            }
            Self::Socket(None) => write!(f, "the engine's socket"),
            Self::Device { source, .. } => write!(f, "the device {source} of the engine's machine"),
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

/// Whether a path means the engine's machine wherever it is asked from (T19). `/` does by that name only.
pub fn is_machine(path: &CallerPath) -> bool {
    const MACHINE: [&[u8]; 6] =
        [b"/dev", b"/proc", b"/sys", b"/lib/modules", b"/run/udev", b"/etc/localtime"];
    MACHINE.into_iter().any(|base| is_beneath(path, base))
}

/// Whether a path is of what an engine puts into every container, and so does not come along with a directory above
/// it (T7): the kernel's file systems, and the engine's own programs and marks.
pub fn is_fixture(path: &CallerPath) -> bool {
    // The kernel lists where a link of the image led: /sbin is one on Debian and others.
    const FIXTURES: [&[u8]; 6] =
        [b"/dev", b"/proc", b"/sys", b"/sbin/docker-init", b"/usr/sbin/docker-init", b"/run/.containerenv"];
    FIXTURES.into_iter().any(|base| is_beneath(path, base))
}

fn is_beneath(path: &CallerPath, base: &[u8]) -> bool {
    path.as_bytes().strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Whether a name means the engine's socket wherever it is asked from (T11).
pub(crate) fn is_socket(path: &CallerPath) -> bool {
    let names: Vec<_> = components(path.as_bytes()).collect();
    let ([b"var", b"run", within_run @ ..] | [b"run", within_run @ ..]) = &names[..] else { return false };
    // Of a user's own engine: $XDG_RUNTIME_DIR.
    let ([b"user", _, socket @ ..] | socket) = within_run;
    matches!(
        socket,
        [b"docker.sock" | b"docker-host.sock" | b"docker.sock.raw" | b"podman.sock"]
            | [b"podman", b"podman.sock"]
    )
}
