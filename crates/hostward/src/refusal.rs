//! Why a path is not given to the engine: every reason, in one voice.
//!
//! A refusal is a value, not a failure. Its text says what was asked, in the caller's words, and what was found;
//! [`Refusal::remedy`] says what to do.

use crate::path::{AskedPath, CallerPath, EnginePath};
use crate::table::Mount;
use crate::walk::WalkError;
use std::fmt;

/// A path that was asked for, and why the engine does not get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The path as it was asked.
    pub asked: AskedPath,
    /// What stands against it.
    pub reason: Reason,
}

/// What stands against a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It lies in a volume.
    Volume {
        /// The volume's name.
        name: String,
        /// Where the caller has it mounted.
        at: CallerPath,
    },
    /// It lies in a tmpfs mounted there.
    Tmpfs(CallerPath),
    /// It lies in an image mounted there.
    Image(CallerPath),
    /// It lies in a mount that has no rule.
    Other {
        /// The mount's kind.
        kind: String,
        /// Where the caller has it mounted.
        at: CallerPath,
    },
    /// It lies in the caller's own root filesystem.
    RootFs {
        /// Whether something is there.
        exists: bool,
    },
    /// Other mounts of the caller lie beneath it.
    Submounts(Vec<CallerPath>),
    /// It is the caller's own shared memory, or a process of it.
    Private,
    /// It is missing, and the caller may not make it.
    MissingReadOnly,
    /// What the engine would mount is not what the caller sees there.
    Differs {
        /// The path on the engine's machine.
        source: EnginePath,
        /// Where beneath the path that was asked, if not at it.
        beneath: Option<CallerPath>,
    },
    /// Nothing that is known covers it.
    Unmapped,
    /// It leads nowhere.
    Nowhere(WalkError),
    /// The caller's files could not be looked at.
    Unseen(String),
    /// Who asks is not known.
    Stranger(String),
    /// The source on the engine's machine cannot be spelled in this form of request.
    Spelling {
        /// The source, for people.
        source: String,
        /// What of it cannot be spelled.
        what: &'static str,
    },
}

impl Reason {
    pub(crate) fn volume(name: &str, mount: &Mount) -> Self {
        Self::Volume { name: name.to_owned(), at: mount.destination.clone() }
    }

    pub(crate) fn other(kind: &str, mount: &Mount) -> Self {
        Self::Other { kind: kind.to_owned(), at: mount.destination.clone() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume { name, at } => write!(
                f,
                "it is in the volume {name:?}, mounted at {at} in the calling container, and paths in volumes are not translated yet"
            ),
            Self::Tmpfs(at) => write!(
                f,
                "it is in a tmpfs, mounted at {at} in the calling container: memory has no path on the engine's machine"
            ),
            Self::Image(at) => write!(
                f,
                "it is in an image, mounted at {at} in the calling container, which has no path on the engine's machine"
            ),
            Self::Other { kind, at } => {
                write!(
                    f,
                    "it is in a mount of type {kind} at {at} in the calling container, for which there is no translation"
                )
            }
            Self::RootFs { exists: true } => {
                write!(
                    f,
                    "it is in the calling container's own root filesystem: no mount of the container covers it"
                )
            }
            Self::RootFs { exists: false } => write!(
                f,
                "it does not exist in the calling container, and no mount of the container covers it"
            ),
            Self::Submounts(inside) => {
                write!(f, "other mounts of the calling container lie beneath it and would be missing: ")?;
                for (n, path) in inside.iter().enumerate() {
                    write!(f, "{}{path}", if n == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Private => write!(f, "it is in the calling container's own shared memory or processes"),
            Self::MissingReadOnly => {
                write!(
                    f,
                    "it does not exist in the calling container, which may only read there and so cannot make it"
                )
            }
            Self::Differs { source, beneath: None } => write!(
                f,
                "the calling container sees something else there than what is at {source} on the engine's machine, \
                 so a mount has come between"
            ),
            Self::Differs { source, beneath: Some(path) } => write!(
                f,
                "beneath it, at {path}, the calling container sees something else than what is below {source} on the \
                 engine's machine, so a mount has come between"
            ),
            Self::Unmapped => write!(f, "no map covers it and nothing else is known of the caller's files"),
            Self::Nowhere(error) => write!(f, "{error} in the calling container"),
            Self::Unseen(error) => write!(f, "the calling container's files cannot be looked at: {error}"),
            Self::Stranger(why) => write!(f, "it is not known who asks, so whose path it is: {why}"),
            Self::Spelling { source, what } => {
                write!(
                    f,
                    "it is {source} on the engine's machine, and this form of request cannot spell {what}"
                )
            }
        }
    }
}

impl Refusal {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match &self.reason {
            Reason::Volume { .. } => {
                "mount the volume by its name (-v NAME:/target), or give the calling container a bind mount of a directory there"
            }
            Reason::MissingReadOnly => {
                "make it on the engine's machine first, or mount that directory writable"
            }
            Reason::Differs { .. } => {
                "ask for a directory without such a mount in it, or give the mount to the calling container when it is created"
            }
            Reason::Private
            | Reason::Tmpfs(_)
            | Reason::Image(_)
            | Reason::RootFs { .. }
            | Reason::Other { .. } => {
                "put the file beneath a bind mount of the calling container, or start that container with -v HOST_DIR:DIR for its directory"
            }
            Reason::Submounts(_) => {
                "mount each of them by itself, or ask for a non-recursive bind (--mount …,bind-recursive=disabled)"
            }
            Reason::Unmapped => "say where it is with --map CALLER_DIR=ENGINE_DIR",
            Reason::Nowhere(_) => "look at the path inside the calling container",
            Reason::Unseen(_) | Reason::Stranger(_) => {
                "run `hostward doctor` where hostward runs; --for NAME serves one container, --map says where paths are"
            }
            Reason::Spelling { .. } => {
                "use --mount type=bind,source=…,target=… instead of -v, or rename the directory"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot mount {}: {}", self.asked, self.reason)
    }
}

impl std::error::Error for Refusal {}
