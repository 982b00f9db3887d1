//! What a path in the caller's view turned out to be.

use crate::explicit::Map;
use crate::mount::{Device, Mount, Source, Volume};
use crate::path::{CallerPath, EnginePath, Rest};
use std::borrow::Cow;
use std::fmt;

/// The fact about a path; what follows from it is decided in [`plan`](crate::plan).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin<'a> {
    /// The caller is on the host: the path is the engine's (T14).
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
    /// It means the engine's socket. Hostward's own is given instead, if there is one (T11).
    Socket(Option<&'a EnginePath>),
    /// A device that the container was given.
    Device {
        /// The device, or the directory of such.
        device: &'a Device,
        /// Where the host has it.
        source: EnginePath,
    },
    /// A path that means the host in every view, as no mount covers it: `/dev`, `/proc` and the
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

    /// Where the file is on the host, if it has a path there that the caller does not know itself.
    pub fn path(&self) -> Option<EnginePath> {
        self.on_host().map(Cow::into_owned)
    }

    /// The same, to be looked at.
    pub(crate) fn on_host(&self) -> Option<Cow<'_, EnginePath>> {
        match self {
            Self::Mapped { source, .. } | Self::Bind { source, .. } | Self::Device { source, .. } => {
                Some(Cow::Borrowed(source))
            }
            Self::RootFs { source } => source.as_ref().map(Cow::Borrowed),
            Self::Socket(own) => own.map(Cow::Borrowed),
            Self::Volume { volume, within, .. } => {
                volume.path.as_ref().map(|path| Cow::Owned(path.join(within)))
            }
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
            Self::Host => write!(f, "the host"),
            Self::Mapped { map, source } => write!(f, "{source} on the host, through the map {map}"),
            Self::Bind { mount, source } => {
                write!(f, "{source} on the host, through the bind mount at {}", mount.destination)
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
                write!(f, "in the container's own root filesystem; no mount covers it")
            }
            Self::RootFs { source: Some(source) } => {
                write!(f, "{source} on the host: the container's own root filesystem; no mount covers it")
            }
            Self::Socket(Some(own)) => {
                write!(f, "the engine's socket; a container gets hostward's socket {own} instead")
            }
            Self::Socket(None) => write!(f, "the engine's socket"),
            Self::Device { source, .. } => write!(f, "the device {source} of the host"),
            Self::Machine => write!(f, "a path of the host"),
            Self::Private => write!(f, "in the container's own shared memory or processes"),
            Self::Nothing => write!(f, "not covered by any known mount or map"),
        }
    }
}
