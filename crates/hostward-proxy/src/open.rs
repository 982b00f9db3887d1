//! How many connections are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::metrics::METRICS;

/// Counts connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Open(Arc<AtomicUsize>);

/// One that is open.
pub(crate) struct OpenOne(Arc<AtomicUsize>);

impl Open {
    pub(crate) fn one(&self) -> OpenOne {
        METRICS.connections.inc();
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenOne(Arc::clone(&self.0))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for OpenOne {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
