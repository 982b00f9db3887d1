//! A proxy in front of a stub engine, both in this process, on sockets in a directory of their own.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "this is a module of tests, which clippy does not see"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hostward::explicit::Map;
use hostward::network::Publish;
use hostward_engine::address::Address;
use hostward_engine::select::Selector;
use hostward_proxy::{
    Access, Callers, Control, Inherited, Listen, On, ServeError, Settings, Start, Trigger, serve,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// Asks for a description of the calling container.
pub const INSPECT: &str = "GET /v1.41/containers/x/json HTTP/1.1\r\nHost: d\r\nAccept-Encoding: gzip\r\n\r\n";
/// One, as an engine gives it.
pub const ANSWER: &str =
    r#"{"Id":"x","Mounts":[{"Type":"bind","Source":"/srv/ws/a","Destination":"/x"}],"N":1.50}"#;
/// The same in the words of the calling container.
pub const RESTORED: &str =
    r#"{"Id":"x","Mounts":[{"Type":"bind","Source":"/ws/a","Destination":"/x"}],"N":1.50}"#;

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test on one thread, as the proxy runs, and ends it when it hangs.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("the test hangs") });
}

pub struct World {
    dir: tempfile::TempDir,
    pub trigger: Trigger,
    pub proxy: JoinHandle<Result<(), ServeError>>,
    /// How many connections the engine has seen.
    pub engine_connections: Arc<AtomicUsize>,
    engine: Option<JoinHandle<()>>,
}

impl World {
    /// A proxy, with an engine that serves each connection with `engine`. The caller is this process of the host.
    pub async fn new<F, Fut>(engine: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::set_up(|_| Inherited::default(), engine).await
    }

    /// The same for a caller of which nothing is known but that its /app is the engine's /srv/app.
    pub async fn of_stranger<F, Fut>(engine: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let set = |settings: &mut Settings| {
            // No stub answers this inspect.
            settings.listen[0].callers = Callers::One(Selector::Name("stranger".into()));
            settings.rules.maps = vec![Map::parse(b"/app=/srv/app").unwrap()];
            Inherited::default()
        };
        Self::set_up(set, engine).await
    }

    /// The same for a caller in a container of an engine that speaks the API up to `api`. No process of the container
    /// can be seen, so the engine is asked for its files: all are directories there but those whose names begin with
    /// `missing`. Whatever else arrives is given to `engine`, with its body.
    pub async fn of_container<F, Fut>(api: &'static str, engine: F) -> Self
    where
        F: Fn(Peer, String, Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Peer> + Send + 'static,
    {
        let set = |settings: &mut Settings| {
            settings.listen[0].callers = Callers::One(Selector::Name("caller".into()));
            Inherited::default()
        };
        Self::of_containers(set, api, engine).await
    }

    /// The same with any settings.
    pub async fn of_containers<F, Fut>(
        set: impl FnOnce(&mut Settings) -> Inherited,
        api: &'static str,
        engine: F,
    ) -> Self
    where
        F: Fn(Peer, String, Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Peer> + Send + 'static,
    {
        let engine = Arc::new(engine);
        Self::set_up(set, move |peer| serve_container(peer, api, Arc::clone(&engine))).await
    }

    /// The same with any settings, and sockets that are open already.
    pub async fn set_up<F, Fut>(set: impl FnOnce(&mut Settings) -> Inherited, engine: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let dir = tempfile::tempdir().unwrap();
        let address = |name: &str| Address::Unix(dir.path().join(name));
        let (trigger, control) = Control::by_hand();
        let each = |name: &str| {
            let on = On::Unix { path: dir.path().join(name), access: Access::default() };
            Listen { on, callers: Callers::Each }
        };
        let listen = vec![each("proxy"), each("each")];
        let mut settings = Settings::new(address("engine"), listen);
        settings.grace = Duration::from_millis(500);
        // The engine is asked for nothing that no test asks for.
        settings.rules.publish = Publish::Machine;
        let inherited = set(&mut settings);
        let proxy = tokio::spawn(serve(settings, Start { inherited, predecessor: None }, control, || {}));
        let mut world = Self { dir, trigger, proxy, engine_connections: Arc::default(), engine: None };
        world.start_engine(engine);
        while UnixStream::connect(world.path("proxy")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        world
    }

    pub fn start_engine<F, Fut>(&mut self, engine: F)
    where
        F: Fn(Peer) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = UnixListener::bind(self.path("engine")).unwrap();
        let count = Arc::clone(&self.engine_connections);
        self.engine = Some(tokio::spawn(async move {
            let mut serving = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                serving.spawn(engine(Peer::new(stream)));
            }
        }));
    }

    /// Ends the engine as SIGKILL would: all its connections break.
    pub async fn kill_engine(&mut self) {
        let engine = self.engine.take().unwrap();
        engine.abort();
        let _ = engine.await;
        std::fs::remove_file(self.path("engine")).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub async fn client(&self) -> Peer {
        Peer::new(UnixStream::connect(self.path("proxy")).await.unwrap())
    }

    pub fn seen(&self) -> usize {
        self.engine_connections.load(Ordering::Relaxed)
    }
}

/// One end of a connection that speaks in plain bytes.
pub struct Peer {
    pub stream: UnixStream,
    held: Vec<u8>,
}

impl Peer {
    pub fn new(stream: UnixStream) -> Self {
        Self { stream, held: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Ends this side.
    pub async fn end(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    async fn more(&mut self) -> usize {
        let mut buffer = vec![0; 64 << 10];
        // A reset is an end too.
        let n = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.held.extend_from_slice(&buffer[..n]);
        n
    }

    /// Reads up to and with `end`; all there is where the peer ends before.
    pub async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.held.windows(end.len()).position(|w| w == end.as_bytes()) {
                return String::from_utf8(self.held.drain(..at + end.len()).collect()).unwrap();
            }
            if self.more().await == 0 {
                return String::from_utf8(std::mem::take(&mut self.held)).unwrap();
            }
        }
    }

    /// Reads a head.
    pub async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    pub async fn exactly(&mut self, len: usize) -> Vec<u8> {
        while self.held.len() < len {
            assert_ne!(self.more().await, 0, "the peer ended after {} of {len} bytes", self.held.len());
        }
        self.held.drain(..len).collect()
    }

    /// Reads until the peer ends.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await > 0 {}
        std::mem::take(&mut self.held)
    }

    /// Counts the bytes until the peer ends, without keeping them.
    pub async fn count_rest(&mut self) -> usize {
        let mut total = std::mem::take(&mut self.held).len();
        loop {
            let n = self.more().await;
            if n == 0 {
                return total;
            }
            total += n;
            self.held.clear();
        }
    }

    pub async fn ask(&mut self, request: &str) -> String {
        self.send(request).await;
        self.head().await
    }
}

pub const GET: &str = "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";
pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

pub fn content_length(head: &str) -> usize {
    let (_, value) = head.split_once("Content-Length: ").unwrap();
    value.split("\r\n").next().unwrap().parse().unwrap()
}

/// The id of the container that [`World::of_container`] knows.
pub const ID: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

/// It has a bind, a volume, and a process that no test machine has.
const CALLER: &str = r#"{"Id":"c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00","Name":"/caller",
    "State":{"Pid":999999999},"HostConfig":{},"Mounts":[
    {"Type":"bind","Source":"/srv/ws","Destination":"/ws","RW":true},
    {"Type":"volume","Name":"v","Source":"/vols/v/_data","Destination":"/v","Driver":"local","RW":true}]}"#;

async fn serve_container<F, Fut>(mut peer: Peer, api: &str, engine: Arc<F>)
where
    F: Fn(Peer, String, Vec<u8>) -> Fut,
    Fut: Future<Output = Peer>,
{
    loop {
        let head = peer.head().await;
        let Some(line) = head.split("\r\n").next().filter(|line| !line.is_empty()) else { return };
        let hostwards = head.contains("User-Agent: hostward/");
        let answer = match line.strip_suffix(" HTTP/1.1").unwrap_or(line) {
            "GET /containers/caller/json" if hostwards => ok(CALLER),
            "GET /version" if hostwards => ok(&format!(r#"{{"Version":"x","ApiVersion":"{api}"}}"#)),
            "GET /info" if hostwards => ok("{}"),
            "GET /volumes/v" if hostwards => {
                ok(r#"{"Name":"v","Driver":"local","Mountpoint":"/vols/v/_data"}"#)
            }
            line if line.starts_with("HEAD ") && hostwards => {
                // {"mode":2147483648}
                let stat = "X-Docker-Container-Path-Stat: eyJtb2RlIjoyMTQ3NDgzNjQ4fQ==\r\n";
                if line.contains("/missing") {
                    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()
                } else {
                    format!("HTTP/1.1 200 OK\r\n{stat}Content-Length: 0\r\n\r\n")
                }
            }
            // Hostward's own: nothing is kept then, and everything is asked anew.
            line if line.starts_with("GET /events?") && !head.contains("X-Client") => {
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
            _ => {
                let length = if head.contains("Content-Length: ") { content_length(&head) } else { 0 };
                let body = peer.exactly(length).await;
                peer = engine(peer, head, body).await;
                continue;
            }
        };
        peer.send(answer).await;
    }
}

/// An answer that has this body.
pub fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A request with this body.
pub fn post(target: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
