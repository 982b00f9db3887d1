//! Every decision can be read back: a line of the target `audit` for each judged request.
//!
//! It names paths and nothing else of a body, which holds the secrets of `Env` as well.

use std::fmt::{self, Display};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use hostward::plan::Give;
use hostward::reading::Words;
use hostward_sight::Change;

use crate::caller::Caller;
use crate::refuse::Refused;
use crate::route::Operation;

/// What all lines about a request have in common: an id that no other request has.
///
/// At the level of the least that can be said: a log that holds nothing but errors has it as well. What streams through, of which
/// there is much and nothing to say, costs nothing (5 µs of a ping's 30 otherwise), and so does all that comes from a process of
/// the host, once it is known to be one.
pub(crate) fn request(operation: Operation, of_host: bool) -> tracing::Span {
    match operation {
        Operation::Judge(_)
        | Operation::Restore(_)
        | Operation::Commit
        | Operation::Untranslated(_)
        | Operation::About
        | Operation::Explain
            if !of_host =>
        {
            tracing::error_span!("request", id = %RequestId::next())
        }
        _ => tracing::debug_span!("request", id = %RequestId::next()),
    }
}

/// Of a request: no other has the same.
struct RequestId(u64);

impl RequestId {
    fn next() -> Self {
        static REQUESTS: AtomicU64 = AtomicU64::new(1);
        Self(REQUESTS.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Tells requests of this process from those of one before, whose lines may be in the same log.
        static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()) & 0xffff);
        write!(f, "{:04x}-{}", *PROCESS, self.0)
    }
}

/// A judged request was forwarded.
pub(crate) fn forwarded(caller: &Caller, request: &str, changes: &[Change]) {
    if changes.is_empty() {
        tracing::info!(target: "audit", %caller, request, decision = "unchanged");
        return;
    }
    let line = |decision, before: &dyn Display, words: Words, after: &Give, read_only| {
        // That it is the caller's own goes without saying.
        let read_as = (words != Words::Callers).then(|| tracing::field::display(words));
        tracing::info!(target: "audit", %caller, request, decision, %before, read_as, %after, read_only);
    };
    for Change { asked, words, given, .. } in changes {
        line("translated", asked, *words, &given.source, given.read_only);
        for beneath in &given.beneath {
            line("brought along", &beneath.at, Words::Callers, &beneath.source, beneath.read_only);
        }
    }
}

/// A judged request was refused.
pub(crate) fn refused(caller: &Caller, request: &str, refused: &Refused) {
    let (status, reason) = (refused.status, &refused.message);
    tracing::info!(target: "audit", %caller, request, decision = "refused", status, reason);
}
