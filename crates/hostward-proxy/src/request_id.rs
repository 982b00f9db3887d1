//! What all that is said of one request has in common: its id, in the log's lines and in the audit.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::route::Treatment;

/// Of a request: no other has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(u64);

impl RequestId {
    pub(crate) fn next() -> Self {
        static REQUESTS: AtomicU64 = AtomicU64::new(1);
        Self(REQUESTS.fetch_add(1, Ordering::Relaxed))
    }

    /// What the log's lines about the request begin with.
    ///
    /// At the level of the least that can be said: a log that holds nothing but errors has it as well. What streams through, of
    /// which there is much and nothing to say, costs nothing (5 µs of a ping's 30 otherwise), and so does all that comes from a
    /// process of the host, once it is known to be one.
    pub(crate) fn span(self, operation: Treatment, of_host: bool) -> tracing::Span {
        match operation {
            Treatment::Judge(_)
            | Treatment::Restore(_)
            | Treatment::Commit
            | Treatment::Untranslated(_)
            | Treatment::About
            | Treatment::Explain
                if !of_host =>
            {
                tracing::error_span!("request", id = %self)
            }
            _ => tracing::debug_span!("request", id = %self),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Tells requests of this process from those of one before, whose lines may be in the same log.
        static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()) & 0xffff);
        write!(f, "{:04x}-{}", *PROCESS, self.0)
    }
}
