//! Why a path is not given to the engine: every reason, in one voice.
//!
//! A refusal is a value, not a failure. Its text says what was asked, in the caller's words, and what was found;
//! [`Refusal::remedy`] says what to do.

mod remedy; // what to do about it

use crate::mount::{Mount, Volume};
use crate::path::{AskedPath, CallerPath, EnginePath, MOST_ADDRESS_BYTES};
use crate::policy::denial::Denial;
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
    /// It lies in a volume, and neither the engine nor the volume's driver gives a way to that place.
    Volume {
        /// The volume's name.
        name: String,
        /// Its driver.
        driver: String,
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
    /// It lies in the caller's own root filesystem, and the engine does not say where it has that.
    RootFs,
    /// It is missing in the caller's own root filesystem, where nothing is made.
    Missing {
        /// Further paths of the request of which that is true.
        also: Vec<AskedPath>,
    },
    /// Another mount of the caller lies beneath it and cannot come along.
    Submount {
        /// Where the caller has it.
        at: CallerPath,
        /// Why it cannot.
        reason: Box<Reason>,
    },
    /// Other mounts of the caller lie beneath it, and this form of request has no room for them.
    NoRoom(CallerPath),
    /// It may only be read by the caller, and something is mounted beneath that would not stay so.
    Beneath(CallerPath),
    /// It means the engine's socket, and Hostward has none of its own on the host.
    Socket,
    /// It is the caller's own shared memory, or a process of it.
    Private,
    /// It is missing, and the caller may not make it.
    MissingReadOnly,
    /// What the engine would mount is not what the caller sees there.
    Differs {
        /// The path on the host.
        source: EnginePath,
        /// Where beneath the path that was asked, if not at it.
        beneath: Option<CallerPath>,
    },
    /// What the caller sees is no more where the caller has it from: its directory was moved or removed since the container
    /// started.
    Moved {
        /// The path on the host.
        source: EnginePath,
        /// Where the caller sees it.
        at: CallerPath,
        /// Why the host cannot look at the source, where that is not because nothing is there.
        why: Option<String>,
    },
    /// What the caller has there is a directory or file that was removed since the container started, whatever the host has
    /// there by now.
    Removed {
        /// Where the caller has it mounted.
        at: CallerPath,
        /// Whether it is a directory.
        is_directory: bool,
    },
    /// The directory could not be made.
    NotMade(String),
    /// Something else has come to its place since it was judged.
    Exchanged,
    /// It is asked for as a directory, and is none.
    NotADirectory,
    /// It must be contained, and there is no way to that.
    Uncontained {
        /// Why not.
        why: String,
    },
    /// It is a socket, to which the engine connects, and its path on the host is too long for that.
    LongAddress {
        /// The path on the host.
        source: EnginePath,
        /// Why Hostward has no shorter way to it.
        why: String,
    },
    /// The caller is a process on the host in a mount namespace of its own, and sees something else there
    /// than the machine.
    Apart {
        /// Where beneath the path that was asked, if not at it.
        beneath: Option<CallerPath>,
    },
    /// Nothing that is known covers it.
    Unmapped,
    /// It is in the caller's own root filesystem, and a path of the host that the caller was shown in an inspect (T26).
    Shown,
    /// It leads nowhere.
    Nowhere(WalkError),
    /// The caller's files could not be looked at.
    Unseen(String),
    /// The engine cannot look into the caller's container, since something is mounted there through an absolute link. Docker 28.5
    /// cannot.
    ThroughLink(String),
    /// The request takes more looks at files than one may have.
    Budget {
        /// How many it may have.
        most: u32,
        /// What is counted.
        of: &'static str,
    },
    /// Nobody waits for the answer any more: the client has gone, or the time is over.
    Stopped,
    /// Who asks is not known.
    Stranger {
        /// Why not.
        why: String,
        /// Whether the engine may be on another machine.
        remote: bool,
    },
    /// A profile does not allow it.
    Denied(Denial),
    /// The source on the host cannot be spelled in this form of request.
    Spelling {
        /// The source, for people.
        source: String,
        /// What of it cannot be spelled.
        what: &'static str,
    },
}

impl Reason {
    /// For a path in a volume.
    pub fn volume(volume: &Volume, mount: &Mount) -> Self {
        Self::Volume {
            name: volume.name.clone(),
            driver: volume.driver.clone(),
            at: mount.destination.clone(),
        }
    }

    pub(crate) fn other(kind: &str, mount: &Mount) -> Self {
        Self::Other { kind: kind.to_owned(), at: mount.destination.clone() }
    }

    /// Its name, for those who count refusals.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Volume { .. } => "volume",
            Self::Tmpfs(_) => "tmpfs",
            Self::Image(_) => "image",
            Self::Other { .. } => "other_mount",
            Self::RootFs => "root_filesystem",
            Self::Missing { .. } => "missing",
            Self::Submount { .. } => "submount",
            Self::NoRoom(_) => "no_room",
            Self::Beneath(_) => "read_only_beneath",
            Self::Socket => "socket",
            Self::Private => "private",
            Self::MissingReadOnly => "missing_read_only",
            Self::Differs { .. } => "differs",
            Self::Moved { .. } => "moved",
            Self::Apart { .. } => "apart",
            Self::Shown => "shown_by_the_engine",
            Self::ThroughLink(_) => "through_link",
            Self::Removed { .. } => "removed",
            Self::NotMade(_) => "not_made",
            Self::Exchanged => "exchanged",
            Self::NotADirectory => "not_a_directory",
            Self::Uncontained { .. } => "uncontained",
            Self::LongAddress { .. } => "long_address",
            Self::Unmapped => "unmapped",
            Self::Nowhere(_) => "nowhere",
            Self::Unseen(_) => "unseen",
            Self::Budget { .. } => "budget",
            Self::Stopped => "stopped",
            Self::Stranger { .. } => "unknown_caller",
            Self::Denied(_) => "policy",
            Self::Spelling { .. } => "spelling",
        }
    }
}

impl fmt::Display for Reason {
    #[allow(clippy::too_many_lines, reason = "a sentence for each")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Volume { name, driver, at } => write!(
                f,
                "it is in the volume {name:?} (driver {driver:?}), mounted at {at} in the calling container: this \
                 request cannot mount a part of a volume (that needs API 1.45 in the engine and in the request, and \
                 no bind options), and the volume has no directory of its own on the host"
            ),
            Self::Tmpfs(at) => write!(
                f,
                "it is in a tmpfs, mounted at {at} in the calling container: a tmpfs has no path on the host"
            ),
            Self::Image(at) => write!(
                f,
                "it is in an image, mounted at {at} in the calling container: an image has no path on the host"
            ),
            Self::Other { kind, at } => {
                write!(
                    f,
                    "it is in a mount of type {kind} at {at} in the calling container, which hostward cannot \
                     translate"
                )
            }
            Self::RootFs => {
                write!(
                    f,
                    "it is in the calling container's own root filesystem, and the engine does not say where that is \
                     on the host"
                )
            }
            Self::Missing { also } => {
                let (do_not_exist, all) =
                    if also.is_empty() { ("it does not exist", "it") } else { ("they do not exist", "them") };
                write!(
                    f,
                    "{do_not_exist} in the calling container, and no mount of the container covers {all}"
                )
            }
            Self::Submount { at, reason } => {
                write!(
                    f,
                    "the calling container has a mount at {at} below it that cannot come along: {reason}"
                )
            }
            Self::NoRoom(at) => write!(
                f,
                "the calling container has a mount at {at} below it, and this form of request can carry only one \
                 path"
            ),
            Self::Beneath(at) => {
                write!(f, "a read-only mount at {at} lies below it and would become writable")
            }
            Self::Socket => write!(
                f,
                "it means the engine's socket, and hostward has no socket on the host to give instead"
            ),
            Self::Private => {
                write!(f, "it belongs to the calling container's own shared memory or processes")
            }
            Self::MissingReadOnly => {
                write!(
                    f,
                    "it does not exist in the calling container, and cannot be created because the container may \
                     only read there"
                )
            }
            Self::Differs { source, beneath: None } => write!(
                f,
                "the calling container sees another file there than the host has at {source}: another mount lies in \
                 between, or the directory was replaced since the container started"
            ),
            Self::Differs { source, beneath: Some(path) } => write!(
                f,
                "at {path} below it, the calling container sees another file than the host has below {source}: \
                 another mount lies in between, or the directory was replaced since the container started"
            ),
            Self::Moved { source, at, why: None } => write!(
                f,
                "the calling container sees {at}, but {source} is gone from the host: it was moved or removed since the \
                 container started"
            ),
            Self::Moved { source, at, why: Some(why) } => write!(
                f,
                "the calling container sees {at}, but hostward cannot look at {source} on the host ({why}): it was \
                 moved or replaced since the container started"
            ),
            Self::Removed { at, is_directory } => {
                let what = if *is_directory { "directory" } else { "file" };
                write!(
                    f,
                    "the {what} that {at} was mounted from is gone: it was removed from the host since the calling \
                     container started, even if there is another one in its place"
                )
            }
            Self::NotMade(error) => {
                write!(
                    f,
                    "it does not exist in the calling container, and hostward cannot create it: {error}"
                )
            }
            Self::Exchanged => {
                write!(f, "something else has taken its place while hostward was looking at it")
            }
            Self::NotADirectory => write!(f, "it is not a directory in the calling container"),
            Self::Uncontained { why } => write!(
                f,
                "the calling container could exchange it for another file of the host after it was judged, and hostward \
                 cannot prevent that here: {why}"
            ),
            Self::LongAddress { source, why } => write!(
                f,
                "it is {source} on the host, which is longer than the {MOST_ADDRESS_BYTES} bytes of a socket's address, \
                 and {why}"
            ),
            Self::Apart { beneath: None } => write!(
                f,
                "the calling process runs on the host in its own mount namespace, and sees another file there than \
                 the host does"
            ),
            Self::Apart { beneath: Some(path) } => write!(
                f,
                "the calling process runs on the host in its own mount namespace, and at {path} below it sees \
                 another file than the host does"
            ),
            Self::Unmapped => {
                write!(f, "no map covers it, and nothing else is known about the caller's files")
            }
            Self::Shown => write!(
                f,
                "it exists in the calling container's own root filesystem, and the container has also read it as a \
                 host path in an inspect of something else, so it is unclear which of the two is meant"
            ),
            Self::Nowhere(error) => write!(f, "{error} in the calling container"),
            Self::Unseen(error) => write!(f, "cannot look at the calling container's files: {error}"),
            Self::ThroughLink(error) => write!(
                f,
                "cannot look at the calling container's files: {error} (the engine cannot look into a container that has \
                 something mounted at a path through an absolute symbolic link, as at /var/run/docker.sock in most \
                 images: mount the socket at /run/docker.sock there)"
            ),
            Self::Budget { most, of } => {
                write!(f, "the paths of this request need more than {most} {of}, the limit for one request")
            }
            Self::Stopped => {
                write!(
                    f,
                    "hostward stopped looking at the calling container's files, because nobody waits for the answer \
                     any more"
                )
            }
            Self::Stranger { why, .. } => {
                write!(f, "the caller is unknown, so it is unclear whose path this is: {why}")
            }
            Self::Denied(denial) => denial.fmt(f),
            Self::Spelling { source, what } => {
                write!(f, "it is {source} on the host, and this form of request cannot express {what}")
            }
        }
    }
}

/// The paths of a request that are missing, to be told at once.
#[derive(Debug, Default)]
pub struct MissingPaths(Vec<AskedPath>);

impl MissingPaths {
    /// What is planned for a path, if anything: a refusal because it is missing waits for others.
    ///
    /// # Errors
    /// A refusal for another reason.
    pub fn or_planned<T>(&mut self, planned: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
        match planned {
            Err(Refusal { asked, reason: Reason::Missing { .. } }) => {
                if !self.0.contains(&asked) {
                    self.0.push(asked);
                }
                Ok(None)
            }
            planned => planned.map(Some),
        }
    }

    /// Refuses them, if there are any. They are in the order of paths: some clients keep none.
    ///
    /// # Errors
    /// The refusal.
    pub fn refuse(mut self) -> Result<(), Refusal> {
        self.0.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        let mut paths = self.0.into_iter();
        let Some(asked) = paths.next() else { return Ok(()) };
        Err(Refusal { asked, reason: Reason::Missing { also: paths.collect() } })
    }
}

/// So many paths are named of which the same is true.
const MOST_NAMED: usize = 100;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot mount {}", self.asked)?;
        if let Reason::Missing { also } = &self.reason {
            let (named, unnamed) = also.split_at(also.len().min(MOST_NAMED - 1));
            named.iter().try_for_each(|path| write!(f, ", {path}"))?;
            if !unnamed.is_empty() {
                write!(f, " and {} more", unnamed.len())?;
            }
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Refusal {}
