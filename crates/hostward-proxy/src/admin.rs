//! The admin socket: whether the proxy lives (`GET /health`), and whether it could serve a client now (`GET /ready`).

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use hostward_engine::address::Address;
use hostward_engine::client;
use hostward_engine::http1::{HeadEnd, RequestHead};
use hostward_engine::stream::Stream;
use hostward_engine::version::version;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::accept::accept;
use crate::listen::Listener;
use crate::open::Open;
use crate::settings::{Callers, On};

/// How long the engine may take to show that it is there. Whoever asks has a limit as well, often of a few seconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a client may take to ask and to read the answer.
const CLIENT_LIMIT: Duration = Duration::from_secs(10);

/// What is known of the service, for those who ask.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    inner: Arc<Mutex<Inner>>,
    started: Instant,
    open: Open,
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

/// An answer.
struct AdminAnswer {
    status: &'static str,
    body: Value,
}

impl Standing {
    pub(crate) fn new(engine: Address, open: Open) -> Self {
        let inner = Inner { engine, served: Vec::new(), reload: None, draining: false };
        Self { inner: Arc::new(Mutex::new(inner)), started: Instant::now(), open }
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
    async fn health(&self) -> AdminAnswer {
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
        let body = self.read(|inner| {
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
                "connections": self.open.count(),
                "last_reload": reload,
            })
        });
        AdminAnswer { status: "200 OK", body }
    }

    /// Whether a client that came now would be served.
    async fn ready(&self) -> AdminAnswer {
        let (engine, draining, mut reasons) = self.read(|inner| {
            let lost = inner.served.iter().filter_map(Served::lost).collect::<Vec<_>>();
            (inner.engine.clone(), inner.draining, lost)
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
        let status = if reasons.is_empty() { "200 OK" } else { "503 Service Unavailable" };
        let body = json!({
            "ready": reasons.is_empty(), "engine": engine.to_string(), "sockets": served, "reasons": reasons,
        });
        AdminAnswer { status, body }
    }

    async fn answer(&self, method: &str, target: &str) -> (AdminAnswer, bool) {
        let path = target.split('?').next().unwrap_or_default();
        let known = matches!(path, "/health" | "/ready");
        let answer = match (method, path) {
            ("GET" | "HEAD", "/health") => self.health().await,
            ("GET" | "HEAD", "/ready") => self.ready().await,
            _ if known => {
                AdminAnswer::error("405 Method Not Allowed", "only GET and HEAD are supported here")
            }
            _ => AdminAnswer::error("404 Not Found", "use GET /health or GET /ready"),
        };
        (answer, method == "HEAD")
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

impl AdminAnswer {
    fn error(status: &'static str, message: &str) -> Self {
        Self { status, body: json!({ "message": message }) }
    }

    fn bytes(&self, head_only: bool) -> String {
        let body = format!("{}\n", self.body);
        let mut text = format!("HTTP/1.1 {}\r\nContent-Type: application/json\r\n", self.status);
        if self.status.starts_with("405") {
            text.push_str("Allow: GET, HEAD\r\n");
        }
        // Writing to a string does not fail.
        let _ = write!(text, "Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        if !head_only {
            text.push_str(&body);
        }
        text
    }
}

fn late() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

/// Answers until it is aborted: to the very end of a drain.
pub(crate) async fn serve_admin(listener: Arc<Listener>, standing: Standing) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            (stream, _) = accept(&listener) => {
                let standing = standing.clone();
                clients.spawn(async move {
                    // A client that is too slow or has gone has no use for an error.
                    let _ = tokio::time::timeout(CLIENT_LIMIT, serve_client(&stream, &standing)).await;
                });
            }
            Some(_) = clients.join_next() => {}
        }
    }
}

/// One request and its answer: these are too few to keep connections for.
async fn serve_client(stream: &Stream, standing: &Standing) -> std::io::Result<()> {
    let (mut bytes, mut buffer, mut end) = (Vec::new(), [0; 1 << 10], HeadEnd::default());
    let head_len = loop {
        match end.find(&bytes) {
            Ok(Some(len)) => break Ok(len),
            Ok(None) => {}
            Err(error) => break Err(error),
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    };
    let head = head_len.and_then(|len| RequestHead::parse(&bytes[..len]));
    let (answer, head_only) = match head {
        Ok(head) => {
            let text = |range| String::from_utf8_lossy(&bytes[range]);
            standing.answer(&text(head.method.clone()), &text(head.target.clone())).await
        }
        Err(error) => (AdminAnswer::error("400 Bad Request", &error.to_string()), false),
    };
    stream.write_all(answer.bytes(head_only).as_bytes()).await?;
    stream.shutdown_write()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(request: &str) -> String {
        let engine = Address::Unix("/nonexistent/engine.sock".into());
        let standing = Standing::new(engine, Open::default());
        let (near, mut far) = tokio::net::UnixStream::pair().unwrap();
        let asking = async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            // In two pieces: a head may come so.
            let (first, second) = request.split_at(request.len() / 2);
            far.write_all(first.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
            far.write_all(second.as_bytes()).await.unwrap();
            let mut answer = String::new();
            far.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let near = Stream::from(near);
        let serving = async move {
            serve_client(&near, &standing).await.unwrap();
        };
        tokio::join!(asking, serving).0
    }

    #[tokio::test(flavor = "current_thread")]
    async fn whatever_is_asked_is_answered_as_http_has_it() {
        for (request, status) in [
            ("GET /health HTTP/1.1\r\nHost: h\r\n\r\n", "200 OK"),
            ("GET /ready?verbose HTTP/1.1\r\nHost: h\r\n\r\n", "503 Service Unavailable"),
            ("POST /health HTTP/1.1\r\nHost: h\r\n\r\n", "405 Method Not Allowed"),
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "404 Not Found"),
            ("nonsense\r\n\r\n", "400 Bad Request"),
        ] {
            let answer = ask(request).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}: {head}");
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{request}: {head}");
            serde_json::from_str::<Value>(body).unwrap();
        }
        assert!(ask("HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n").await.ends_with("\r\n\r\n"));
    }

    #[test]
    fn what_became_of_new_settings_is_told() {
        let standing = Standing::new(Address::Unix("/e".into()), Open::default());
        standing.reloaded(Some("h.toml:1:1: wrong".to_owned()));
        let error = standing.read(|inner| inner.reload.as_ref().and_then(|reload| reload.error.clone()));
        assert_eq!(error.as_deref(), Some("h.toml:1:1: wrong"));
    }
}
