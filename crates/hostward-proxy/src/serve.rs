//! The proxy as a whole: its settings, its connections, its end.

use std::sync::Arc;
use std::time::Duration;

use hostward::explicit::Map;
use hostward_engine::address::Address;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::accept::{accept, raise_descriptor_limit};
use crate::exchange::Connection;
use crate::identify::{Containers, Identify, Sockets};
use crate::listen::{ListenError, Listener};
use crate::shutdown::Shutdown;

/// How long running requests may take to finish after the first signal.
const GRACE: Duration = Duration::from_secs(10);

/// What a proxy serves, and in front of what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The socket to serve.
    pub listen: Address,
    /// The engine behind it.
    pub engine: Address,
    /// All callers are this container, by name or id; otherwise the kernel says who calls.
    pub for_container: Option<String>,
    /// Explicit maps, which win over what is discovered (T15).
    pub maps: Vec<Map>,
    /// How long running requests may take to finish after the first signal.
    pub grace: Duration,
}

impl Settings {
    /// Serves `listen` in front of `engine`, and lets the kernel say who calls.
    pub fn new(listen: Address, engine: Address) -> Self {
        Self { listen, engine, for_container: None, maps: Vec::new(), grace: GRACE }
    }
}

/// Why the proxy does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The socket and the engine are the same.
    #[error("{0} is both the socket to serve and the engine; give the engine's own address with --engine")]
    Loop(Address),
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Address,
    pub(crate) identify: Identify,
}

/// Serves until `shutdown` asks for the end. Runs best on tokio's `current_thread` runtime.
pub async fn serve(settings: Settings, mut shutdown: Shutdown) -> Result<(), ServeError> {
    let Settings { listen, engine, for_container, maps, grace } = settings;
    if listen == engine {
        return Err(ServeError::Loop(engine));
    }
    raise_descriptor_limit();
    let listener = Listener::bind(&listen).await?;
    // By another name, too: /var/run is a link to /run.
    if let Address::Unix(path) = &engine
        && listener.is_at(path)
    {
        return Err(ServeError::Loop(engine));
    }
    tracing::info!(%listen, %engine, "serving");
    let containers = Containers::new(engine.clone());
    let identify = Identify::new(for_container, maps, containers, Sockets::new(listen));
    let shared = Arc::new(Shared { engine, identify });
    let (drain, draining) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            stream = accept(&listener) => {
                let connection = Connection::new(stream, Arc::clone(&shared), draining.clone());
                connections.spawn(connection.run());
            }
            Some(_) = connections.join_next() => {}
            () = shutdown.pulled() => break,
        }
    }
    // From here on new clients are refused at once instead of waiting in vain.
    drop(listener);
    tracing::info!(connections = connections.len(), "draining");
    let _ = drain.send(true);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = tokio::time::sleep(grace) => tracing::warn!(connections = connections.len(), "cutting off"),
        () = shutdown.pulled() => {}
    }
    Ok(())
}
