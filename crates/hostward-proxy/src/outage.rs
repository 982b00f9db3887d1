//! An engine that does not answer, in the log: when a request meets that, at most once a minute, and when it is back.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hostward_engine::address::Address;

/// So often that it is still away is said.
const AGAIN: Duration = Duration::from_mins(1);

/// Whether an engine answers, as far as connections have seen. One for all of them: a hundred clients that wait for it are no
/// reason for a hundred lines.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    /// The last line said that it does not answer. Read with each new connection to the engine, which must not wait for a lock.
    is_told: AtomicBool,
    failures: Mutex<Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    /// When that it is away was last said.
    said: Option<Instant>,
    /// Requests that have failed since.
    unsaid: u64,
}

impl Outage {
    /// A request has failed by it.
    pub(crate) fn failed(&self, engine: &Address, why: &dyn Display) {
        if let Some(requests) = self.count(Instant::now()) {
            tracing::warn!(%engine, %why, requests, "the engine does not answer: requests fail with 502");
        }
    }

    /// It has taken a connection.
    pub(crate) fn answers(&self, engine: &Address) {
        if self.is_told.load(Ordering::Relaxed) && self.is_told.swap(false, Ordering::Relaxed) {
            tracing::info!(%engine, "the engine answers again");
        }
    }

    /// Counts a failure. Gives the number of those that nobody was told of, if it is time to tell.
    fn count(&self, now: Instant) -> Option<u64> {
        let mut failures = self.failures();
        failures.unsaid += 1;
        if failures.said.is_some_and(|said| now.saturating_duration_since(said) < AGAIN) {
            return None;
        }
        failures.said = Some(now);
        self.is_told.store(true, Ordering::Relaxed);
        Some(std::mem::take(&mut failures.unsaid))
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_so_is_said_once_a_minute_with_what_it_cost() {
        let outage = Outage::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let said = [0, 1, 2, 59, 60, 61, 300].map(|seconds| outage.count(after(seconds)));
        assert_eq!(said, [Some(1), None, None, None, Some(4), None, Some(2)]);
        // One that takes connections and answers none is no more than that, either.
        outage.answers(&Address::Unix("/e".into()));
        assert!(!outage.is_told.load(Ordering::Relaxed));
        assert_eq!((outage.count(after(301)), outage.count(after(361))), (None, Some(2)));
    }
}
