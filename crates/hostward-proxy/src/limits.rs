//! What anybody may take of this process: each limit with its default, and what a client sees that meets it. docs/limits.md is
//! made of this table.
//!
//! Real clients meet none of them. What is over one is told so, with a status of its own and a line in the log; nobody else loses
//! anything by it. Where many want the same, no one caller gets so much that nothing is left for the next one: see
//! [`Pool`](crate::pool::Pool).

#[cfg(test)]
mod page;
mod sense;

use std::fmt;
use std::time::Duration;

use hostward_sight::Most;

pub use sense::Conflict;

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
}

/// A number of bytes, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= GIB && bytes.is_multiple_of(GIB) => write!(f, "{} GiB", bytes / GIB),
            bytes if bytes >= MIB && bytes.is_multiple_of(MIB) => write!(f, "{} MiB", bytes / MIB),
            bytes if bytes >= KIB && bytes.is_multiple_of(KIB) => write!(f, "{} KiB", bytes / KIB),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

impl Unit {
    /// The largest value of a limit of this unit: more can be neither counted nor waited for.
    pub const fn most(self) -> u64 {
        match self {
            Self::Count => u32::MAX as u64,
            Self::Bytes => 1 << 50,
            Self::Seconds => 365 * 24 * 60 * 60,
        }
    }

    /// A value, for people.
    pub fn shown(self, value: u64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Bytes => Bytes(value).to_string(),
            Self::Seconds => format!("{value} s"),
        }
    }
}

/// A limit, as it is set and told.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Its key in `[limits]`.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Without a word of the user's.
    pub default: u64,
    /// What is limited.
    pub what: &'static str,
    /// What a client sees that meets it.
    pub met: &'static str,
}

/// A value that a limit cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// There is no such limit.
    #[error("unknown limit {0:?} (see docs/limits.md for all limits)")]
    Unknown(String),
    /// Nothing would be served.
    #[error("the limit {0} must be at least 1")]
    Zero(&'static str),
    /// Nobody could count so far.
    #[error("the limit {0} must be at most {1}")]
    TooMuch(&'static str, String),
}

macro_rules! limits {
    ($($name:ident: $unit:ident = $default:expr, $what:literal, $met:literal;)*) => {
        /// All limits. They hold for the process: in all, and for each caller where the name says so.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Limits {
            $(#[doc = $what] pub $name: u64,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Limits {
            /// The table.
            pub const ALL: &[Limit] = &[$(Limit {
                name: stringify!($name),
                unit: Unit::$unit,
                default: $default,
                what: $what,
                met: $met,
            },)*];

            /// Sets the limit of this name.
            ///
            /// # Errors
            /// A name that none has, and a value of 0.
            pub fn set(&mut self, name: &str, value: u64) -> Result<(), LimitError> {
                match name {
                    $(stringify!($name) if value == 0 => return Err(LimitError::Zero(stringify!($name))),
                    stringify!($name) if value > Unit::$unit.most() => {
                        return Err(LimitError::TooMuch(stringify!($name), Unit::$unit.shown(Unit::$unit.most())));
                    }
                    stringify!($name) => self.$name = value,)*
                    _ => return Err(LimitError::Unknown(name.to_owned())),
                }
                Ok(())
            }

            /// All names, with what is set.
            pub fn each(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

limits! {
    connections: Count = 4096, "Open client connections.",
        "503, and the connection is closed";
    connections_per_caller: Count = 1024, "Open client connections of one caller.",
        "429, and the connection is closed";
    head_seconds: Seconds = 30, "Time for a request's head, from its first byte to its last.",
        "408, and the connection is closed";
    body_seconds: Seconds = 60, "Time for a body that is judged, and the same again for each 16 MiB of it.",
        "408, and the connection is closed";
    body_bytes: Bytes = 16 * MIB, "Size of a body that is judged: of a create, a service, a volume, a plugin's settings.",
        "413";
    archive_bytes: Bytes = 256 * MIB, "Size of a plugin's archive, which is kept on disk while it is judged.",
        "413";
    context_bytes: Bytes = 4 * GIB, "Size of the archive that an image is built from, as it comes and unpacked. It is kept on disk while it is judged.",
        "413";
    context_files: Count = 500_000, "Files in such an archive.",
        "413";
    stranger_bytes: Bytes = 256 * KIB, "Size of a body or archive of an unknown caller.",
        "413";
    held_bytes: Bytes = 96 * MIB, "Total size of the bodies and answers in memory.",
        "503";
    held_bytes_per_caller: Bytes = 24 * MIB, "Total size of the bodies and answers of one caller in memory.",
        "429; 502 for an answer";
    held_bytes_of_strangers: Bytes = MIB, "Total size of the bodies and answers of all unknown callers in memory.",
        "429";
    spooled_bytes: Bytes = 32 * GIB, "Total size of the archives on disk.",
        "503";
    spooled_bytes_per_caller: Bytes = 8 * GIB, "Total size of the archives of one caller on disk.",
        "429";
    paths: Count = 1000, "Paths to mount in one request.",
        "413";
    targets: Count = 4096, "Mount targets in one request, including anonymous volumes.",
        "413";
    lookups: Count = 64, "Requests whose paths are looked up at the same time, each in its own thread.",
        "503, after `lookup_seconds`";
    lookups_per_caller: Count = 8, "The same for one caller, so that a caller with files on a hanging server delays only itself.",
        "503, after `lookup_seconds`";
    lookup_seconds: Seconds = 30, "Time to look up the paths of one request.",
        "504";
    lookup_steps: Count = 20_000, "Files and links to look at for one request.",
        "400";
    engine_lookup_steps: Count = 1000, "The same if the engine must be asked about each of them.",
        "400";
    answer_bytes: Bytes = 24 * MIB, "Size of an answer whose paths are restored.",
        "502 instead of the engine's paths";
    line_bytes: Bytes = MIB, "Length of a line in an endless answer (events).",
        "the answer ends before that line";
    shown_bytes: Bytes = 4 * MIB, "Total size of the host paths that Hostward remembers because an inspect has shown them to a caller.",
        "the caller whose last inspect is longest ago must inspect again before it mounts such a path";
    shown_bytes_per_caller: Bytes = 256 * KIB, "The same for one caller.",
        "the older half is forgotten; the caller must inspect again before it mounts such a path";
    pipes: Count = 32, "Pipes for long streams; each has a stream for as long as there are bytes in it.",
        "nothing; the bytes are copied instead";
    ports: Count = 1024, "Published ports that are open on callers' localhosts.",
        "the port is not open on the caller's localhost; the log says so";
    ports_per_caller: Count = 256, "The same for one caller.",
        "the port is not open on the caller's localhost; the log says so";
    port_connections: Count = 1024, "Connections to published ports.",
        "nothing is forwarded until another connection ends";
    port_connections_per_caller: Count = 512, "The same for one caller.",
        "nothing is forwarded until another connection ends";
    port_senders: Count = 1024, "Senders of datagrams to published ports that Hostward remembers, to forward answers to them.",
        "the sender that has been silent longest is forgotten";
    port_senders_per_port: Count = 256, "The same for one port.",
        "the sender that has been silent longest is forgotten";
}

/// So many callers that were found in containers are kept at once: each has two descriptors.
pub(crate) const MOST_FOUND: usize = 64;

/// Descriptors that are for neither connections nor ports: files, listeners, Hostward's own questions, and callers.
const OTHER_DESCRIPTORS: u64 = 128 + 2 * MOST_FOUND as u64;

impl Limits {
    /// These, as far as so many descriptors let them be: a connection takes four at most, one to the client, one to the engine and
    /// handles on two processes while it is found out who calls; published ports have a quarter, and pipes, of two each, a
    /// thirty-second.
    #[must_use]
    pub fn fitted(self, descriptors: u64) -> Self {
        let ports = descriptors / 4;
        let pipes = self.pipes.min(descriptors / 64);
        let connections = descriptors.saturating_sub(OTHER_DESCRIPTORS + ports + 2 * pipes) / 4;
        Self { connections: self.connections.min(connections.max(1)), pipes, ..self }
    }

    /// For a head.
    pub(crate) fn head(&self) -> Duration {
        Duration::from_secs(self.head_seconds)
    }

    /// For a body of which so many bytes have come.
    pub(crate) fn body(&self, came: u64) -> Duration {
        Duration::from_secs(self.body_seconds.saturating_mul(1 + came / (16 * MIB)))
    }

    /// For writing a build's archive anew, beside all else that is looked at.
    pub(crate) fn rewriting(&self) -> Duration {
        Duration::from_secs(self.context_bytes / (16 * MIB))
    }

    /// What one request may look up of a caller's files.
    pub(crate) fn looks(&self) -> Most {
        let steps = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX);
        Most { files: steps(self.lookup_steps), questions: steps(self.engine_lookup_steps) }
    }

    /// For a look at a caller's files.
    pub(crate) fn lookup(&self) -> Duration {
        Duration::from_secs(self.lookup_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_set_by_its_name() {
        let mut limits = Limits::default();
        for limit in Limits::ALL {
            limits.set(limit.name, limit.default + 1).unwrap();
            assert_eq!(limits.set(limit.name, 0), Err(LimitError::Zero(limit.name)));
            let much = limits.set(limit.name, u64::MAX);
            assert!(matches!(much, Err(LimitError::TooMuch(..))), "{}", limit.name);
        }
        for ((name, value), limit) in limits.each().zip(Limits::ALL) {
            assert_eq!((name, value), (limit.name, limit.default + 1));
        }
        assert_eq!(limits.set("conections", 1), Err(LimitError::Unknown("conections".to_owned())));
    }

    #[test]
    fn a_request_may_look_as_much_by_default_as_a_command_may() {
        assert_eq!(Limits::default().looks(), Most::default());
    }

    #[test]
    fn no_more_connections_are_taken_than_there_are_descriptors_for() {
        let fitted = |descriptors| Limits::default().fitted(descriptors).connections;
        assert_eq!(fitted(1024), 120);
        assert_eq!(fitted(1 << 20), Limits::default().connections);
        assert_eq!(fitted(64), 1);
    }
}
