//! Step 1: taking connections, whatever happens.

use std::io;
use std::time::Duration;

use hostward_engine::stream::Stream;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::listen::Listener;
use crate::peer::Peer;

/// How long to wait for descriptors to become free. Waiting clients stay in the backlog meanwhile.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The next connection. A proxy that ended because of one failed accept would take all others with it.
pub(crate) async fn accept(listener: &Listener) -> (Stream, Peer) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The client has gone again.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::NotConnected) => {
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

/// Each connection takes two descriptors, and the usual soft limit is 1024. Gives how many there may be.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
    {
        tracing::warn!(%error, "the limit of open files stays low");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
