//! What a load generator is told to do, and what it says: a line of JSON each, over its standard input and output.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Job {
    /// One request after the other on each of so many connections.
    Requests {
        socket: PathBuf,
        connections: usize,
        seconds: f64,
        /// The bytes of one request.
        request: String,
        /// Whether each request has a connection of its own.
        fresh: bool,
    },
    /// One endless body or hijacked connection.
    Stream { socket: PathBuf, way: Way, seconds: f64 },
    /// One request, whose answer's body is wanted.
    Ask { socket: PathBuf, request: String },
    /// Opens connections and keeps them until told to go on.
    Hold { socket: PathBuf, connections: usize, held: Held },
}

/// A stream's direction and framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    /// An answer's body with a length, as `docker save` of a file.
    DownByLength,
    /// A chunked one, as dockerd streams.
    DownChunked,
    /// From the engine, on a hijacked connection (`docker attach`).
    HijackedDown,
    /// To the engine, on a hijacked connection, with its end.
    HijackedUp,
}

/// What a connection that is held has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Held {
    /// It has had one answer, and may ask again.
    Idle,
    /// It has had an event, and waits for more.
    Events,
}

/// What a load generator says. A job has one `Ready`, after which it waits for an empty line, and one `Done`; or it fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Said {
    /// Connected and warm: what follows is measured.
    Ready,
    Done(Outcome),
    /// The body that was asked for.
    Answered(String),
    Failed(String),
}

/// What was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Requests, or bytes of a stream.
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    /// Microseconds from a request's first byte to its answer's last; none for streams.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}
