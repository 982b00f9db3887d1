//! What a container has of files: its mounts, its devices, its root filesystem.

use crate::path::{CallerPath, EnginePath, Rest};

/// Where the files of a mount come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A directory or file of the host.
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
    /// The directory on the host that has the volume's files, where that is known and sure
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

/// A device of the host that a container has (`--device`), or a directory of such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Where the container has it.
    pub at: CallerPath,
    /// Where the host has it.
    pub path: EnginePath,
    /// Whether it may not be written to.
    pub read_only: bool,
}

/// A container's root filesystem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Root {
    /// Where the host has it (overlay2's `MergedDir`), if the engine says so: a live view while the
    /// container runs (T5).
    pub path: Option<EnginePath>,
    /// Where it is likely to be, if the engine does not say so: to be used by those who can make sure that it is this
    /// container's.
    pub presumed: Option<EnginePath>,
    /// Whether the container may only read it (`--read-only`).
    pub read_only: bool,
}
