//! What is known of the service as a whole, for those who ask on the admin socket.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use hostward_engine::address::Address;
use hostward_engine::client;
use hostward_engine::version::version;
use serde_json::{Value, json};

use crate::audit::Audit;
use crate::listen::Listener;
use crate::metrics::{METRICS, Now};
use crate::open::Open;
use crate::pools::Pools;
use crate::publish::Publisher;
use crate::settings::{AuditTo, Callers, On};

/// How long the engine may take to show that it is there. Whoever asks has a limit as well, often of a few seconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is known of the service.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    inner: Arc<Mutex<Inner>>,
    started: Instant,
    parts: ServiceParts,
}

/// What tells of itself.
#[derive(Debug, Clone)]
pub(crate) struct ServiceParts {
    pub(crate) connections: Open,
    pub(crate) pools: Arc<Pools>,
    pub(crate) publisher: Publisher,
    pub(crate) audit: Arc<Audit>,
}

#[derive(Debug)]
struct Inner {
    engine: Address,
    served: Vec<Served>,
    reload: Option<Reload>,
    draining: bool,
}

/// A socket that is served.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) on: On,
    pub(crate) callers: Callers,
    /// Gone when its task has ended.
    pub(crate) listener: Weak<Listener>,
}

/// How the last change of the settings came out.
#[derive(Debug)]
struct Reload {
    at: Instant,
    /// Why the old settings stayed.
    error: Option<String>,
}

/// Whether a client that came now would be served.
#[derive(Debug)]
pub(crate) struct ReadyAnswer {
    pub(crate) is_ready: bool,
    pub(crate) body: Value,
}

impl Standing {
    pub(crate) fn new(engine: Address, parts: ServiceParts) -> Self {
        let inner = Inner { engine, served: Vec::new(), reload: None, draining: false };
        Self { inner: Arc::new(Mutex::new(inner)), started: Instant::now(), parts }
    }

    /// From now on these are served.
    pub(crate) fn serves(&self, engine: Address, served: Vec<Served>) {
        self.change(|inner| (inner.engine, inner.served) = (engine, served));
    }

    /// Other settings were asked for, and came to be or not.
    pub(crate) fn reloaded(&self, error: Option<String>) {
        self.change(|inner| inner.reload = Some(Reload { at: Instant::now(), error }));
    }

    /// The service takes no more clients.
    pub(crate) fn drains(&self) {
        self.change(|inner| inner.draining = true);
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn read<T>(&self, read: impl FnOnce(&Inner) -> T) -> T {
        read(&self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All there is to say, whether good or bad: that it is said is the sign of life.
    pub(crate) async fn health(&self) -> Value {
        let engine = self.read(|inner| inner.engine.clone());
        let found = tokio::time::timeout(PATIENCE, version(&engine)).await;
        let engine = match found {
            Ok(Ok(found)) => json!({
                "address": engine.to_string(), "name": found.name(), "version": found.version,
                "api_version": found.api_version,
            }),
            Ok(Err(error)) => json!({ "address": engine.to_string(), "error": error.to_string() }),
            Err(_) => json!({ "address": engine.to_string(), "error": late() }),
        };
        let audit = self.parts.audit.health();
        self.read(|inner| {
            let listeners: Vec<_> = inner.served.iter().map(Served::described).collect();
            let reload = inner
                .reload
                .as_ref()
                .map(|reload| json!({ "seconds_ago": reload.at.elapsed().as_secs(), "error": reload.error }));
            json!({
                "status": if inner.draining { "draining" } else { "serving" },
                "version": env!("CARGO_PKG_VERSION"),
                "uptime_seconds": self.started.elapsed().as_secs(),
                "engine": engine,
                "listeners": listeners,
                "connections": self.parts.connections.count(),
                "last_reload": reload,
                "audit": { "to": audit.to.to_string(), "lost": audit.trouble.lost, "error": audit.trouble.error },
            })
        })
    }

    /// Whether a client that came now would be served. What only the operator must mend is a warning: a service that was taken
    /// for dead because of it would be restarted, and come back without the settings that still hold.
    pub(crate) async fn ready(&self) -> ReadyAnswer {
        let (engine, draining, mut reasons, warnings) = self.read(|inner| {
            let lost = inner.served.iter().filter_map(Served::lost).collect::<Vec<_>>();
            (inner.engine.clone(), inner.draining, lost, self.warnings(inner))
        });
        if draining {
            reasons.push("the service is shutting down".to_owned());
        }
        match client::get(&engine, "/_ping", PATIENCE).await {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => reasons.push(format!("the engine at {engine} answers with {}", answer.status)),
            Err(error) => reasons.push(error.to_string()),
        }
        let served = self.read(|inner| inner.served.len());
        let body = json!({
            "ready": reasons.is_empty(), "engine": engine.to_string(), "sockets": served, "reasons": reasons,
            "warnings": warnings,
        });
        ReadyAnswer { is_ready: reasons.is_empty(), body }
    }

    fn warnings(&self, inner: &Inner) -> Vec<String> {
        let reload = inner.reload.as_ref().and_then(|reload| {
            let (seconds, error) = (reload.at.elapsed().as_secs(), reload.error.as_ref()?);
            Some(format!(
                "the settings that were read {seconds} s ago are wrong, so the old ones stay: {error}"
            ))
        });
        let audit = self.parts.audit.health();
        let audit = audit.trouble.error.map(|error| {
            let lost = audit.trouble.lost;
            format!("the audit ({}) cannot be written, and {lost} decisions are lost: {error}", audit.to)
        });
        reload.into_iter().chain(audit).collect()
    }

    /// What is counted, as Prometheus reads it.
    pub(crate) fn metrics(&self) -> Result<String, fmt::Error> {
        let ServiceParts { connections, pools, publisher, .. } = &self.parts;
        METRICS.page(&Now {
            open_connections: connections.count() as u64,
            published_ports: publisher.open_ports() as u64,
            limits: pools.usage().to_vec(),
            reload_failed: self.read(|inner| inner.reload.as_ref().is_some_and(|last| last.error.is_some())),
        })
    }
}

impl Served {
    fn described(&self) -> Value {
        let callers = match &self.callers {
            Callers::Each => "each client separately".to_owned(),
            Callers::One(selector) => selector.to_string(),
            Callers::Relayed => "behind a relay".to_owned(),
        };
        json!({ "address": self.on.to_string(), "callers": callers })
    }

    /// Why no client can come by it.
    fn lost(&self) -> Option<String> {
        let on = &self.on;
        let Some(listener) = self.listener.upgrade() else {
            return Some(format!("{on} is no longer served"));
        };
        let path = on.path()?;
        (!listener.is_at(path))
            .then(|| format!("{on}: the socket's file is gone, or was replaced by another one"))
    }
}

impl fmt::Display for AuditTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(_) => f.write_str("log"),
            Self::File(path) => f.write_str(&path.to_string_lossy()),
            Self::Off => f.write_str("off"),
        }
    }
}

fn late() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage;

    #[tokio::test(flavor = "current_thread")]
    async fn settings_that_were_not_taken_over_are_a_warning() {
        let standing = Standing::new(Address::Unix("/e".into()), stage::parts());
        assert!(standing.metrics().unwrap().contains("hostward_reload_failed 0\n"));
        standing.reloaded(Some("h.toml:1:1: wrong".to_owned()));
        assert!(standing.metrics().unwrap().contains("hostward_reload_failed 1\n"));
        let warning = standing.ready().await.body["warnings"][0].to_string();
        assert!(warning.contains("so the old ones stay: h.toml:1:1: wrong"), "{warning}");
        assert_eq!(standing.health().await["last_reload"]["error"], "h.toml:1:1: wrong");
        standing.reloaded(None);
        assert_eq!(standing.ready().await.body["warnings"], json!([]));
    }
}
