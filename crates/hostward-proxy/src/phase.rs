//! How long a socket's connections go on.

use std::sync::Arc;

use hostward_engine::address::Address;

use crate::handover::Successor;

/// Whether a socket is served, and what becomes of its connections once it is not.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// Connections are accepted.
    Serving,
    /// None is accepted. Each ends when it has no request.
    Draining,
    /// None is accepted here. Each goes on in another process when it has no request.
    Replaced {
        by: Arc<Successor>,
        /// Where that accepts them.
        address: Address,
    },
}

impl Phase {
    pub(crate) fn is_serving(&self) -> bool {
        matches!(self, Self::Serving)
    }

    /// Whether a connection is left between two requests; `begun` says that something of the next one was read, which no other
    /// process could read again.
    pub(crate) fn leaves(&self, begun: bool) -> bool {
        match self {
            Self::Serving => false,
            Self::Draining => true,
            Self::Replaced { .. } => !begun,
        }
    }
}
