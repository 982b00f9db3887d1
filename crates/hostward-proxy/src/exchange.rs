//! One client connection, a request at a time.

use std::sync::Arc;

use hostward_engine::connect::Stream;
use hostward_engine::http1::{
    Framing, FramingError, HeadEnd, HeadError, RequestHead, asking_identity, with_length,
};
use tokio::sync::watch;
use tracing::Instrument;

use hostward::api::endpoint::{self, Endpoint};
use hostward::api::request;
use hostward::api::version::ApiVersion;

use crate::about;
use crate::audit;
use crate::forward::Upstream;
use crate::identify::{Accepted, Caller, Guest, Peer, Who};
use crate::judge::judge;
use crate::pin::Pinned;
use crate::refuse::Refused;
use crate::relay::{Side, wait};
use crate::restore::Restore;
use crate::route::{Route, route};
use crate::serve::Shared;
use crate::sight::look;
use crate::tunnel::{Cut, Expected, Outcome, Tunnel};

/// The longest body that is judged, a limit against those without end: the usual ones are a few KiB, and 8 MB of
/// `Env` or labels are no mistake.
const MAX_JUDGED: usize = 16 << 20;
/// The same for the one body that is an archive: of a plugin, with its root filesystem.
const MAX_PLUGIN: usize = 256 << 20;

/// A client's connection.
pub(crate) struct Connection {
    client: Side,
    upstream: Upstream,
    shared: Arc<Shared>,
    draining: watch::Receiver<bool>,
    peer: Peer,
    accepted: Accepted,
    /// Who calls, once it was asked.
    caller: Option<Caller>,
}

/// Whether a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Request,
    Close,
}

/// A request, with its head and as much of its body as came with it.
struct Request {
    head: RequestHead,
    head_len: usize,
    /// Head and body as they came.
    bytes: Vec<u8>,
    /// The body that is still to come.
    rest: Framing,
}

impl Request {
    /// Reads a head off the front of `bytes`, with what there is of its body; gives the bytes that it took.
    fn parse(bytes: &[u8], end: &mut HeadEnd) -> (usize, Option<Result<Self, HeadError>>) {
        let head_len = match end.find(bytes) {
            Ok(Some(len)) => len,
            Ok(None) => return (0, None),
            Err(error) => return (0, Some(Err(error))),
        };
        match RequestHead::parse(&bytes[..head_len]) {
            Err(error) => (0, Some(Err(error))),
            Ok(head) => {
                let mut rest = head.framing;
                let Ok(body) = rest.advance(&bytes[head_len..]) else {
                    return (0, Some(Err(HeadError::Length("its chunks are malformed"))));
                };
                let len = head_len + body.used;
                (len, Some(Ok(Self { head, head_len, bytes: bytes[..len].to_vec(), rest })))
            }
        }
    }

    fn method(&self) -> &[u8] {
        &self.bytes[self.head.method.clone()]
    }

    fn target(&self) -> &[u8] {
        &self.bytes[self.head.target.clone()]
    }

    /// Method and target, for people.
    fn line(&self) -> String {
        let (method, target) = (self.method(), self.target());
        format!("{} {}", String::from_utf8_lossy(method), String::from_utf8_lossy(target))
    }

    /// Asks for an answer that can be read. Nothing else of it changes.
    fn ask_identity(&mut self) {
        let head = asking_identity(&self.bytes[..self.head_len]);
        self.bytes.splice(..self.head_len, head.iter().copied());
        self.head_len = head.len();
    }

    /// Whether sending it twice is as good as once.
    fn is_safe(&self) -> bool {
        matches!(self.method(), b"GET" | b"HEAD" | b"OPTIONS")
    }
}

impl Connection {
    pub(crate) fn new(
        stream: Stream,
        peer: Peer,
        accepted: Accepted,
        shared: Arc<Shared>,
        draining: watch::Receiver<bool>,
    ) -> Self {
        let (client, upstream) = (Side::new(stream), Upstream::new(shared.engine.clone()));
        Self { client, upstream, shared, draining, peer, accepted, caller: None }
    }

    /// Serves the connection until one side or the proxy ends it.
    pub(crate) async fn run(mut self) {
        loop {
            let next = match self.next_request().await {
                Some(Ok(request)) => {
                    let route = route(request.method(), request.target());
                    self.serve(request, route).instrument(audit::request(route)).await
                }
                Some(Err(error)) => self.refuse(&Refused::new(error.status(), error.to_string())).await,
                None => return,
            };
            match next {
                Ok(Next::Request) if !*self.draining.borrow() => {}
                Ok(Next::Request | Next::Close) => {
                    // The last answer still has to leave.
                    let _ = self.client.flush_all().await;
                    return;
                }
                Err(Cut) => return,
            }
        }
    }

    /// Reads the next request; none when the client has ended, or the proxy drains.
    async fn next_request(&mut self) -> Option<Result<Request, HeadError>> {
        let mut end = HeadEnd::default();
        if self.client.held() > 0
            && let Some(request) = self.client.use_held(|bytes| Request::parse(bytes, &mut end))
        {
            return Some(request);
        }
        loop {
            match self.client.read(|bytes| Request::parse(bytes, &mut end)) {
                Some(Some(request)) => return Some(request),
                Some(None) => {}
                None if self.client.ended() => return None,
                None => tokio::select! {
                    biased;
                    () = wait(&self.client, true, None) => {}
                    _ = self.draining.wait_for(|draining| *draining) => return None,
                },
            }
        }
    }

    /// What a container has mounted changes while its connection lasts.
    fn see_anew(&mut self) {
        self.caller = self.caller.take().filter(|caller| matches!(caller, Caller::Host));
    }

    async fn serve(&mut self, mut request: Request, route: Route) -> Result<Next, Cut> {
        let mut expected = Expected {
            head_only: request.method() == b"HEAD",
            hijacks: request.head.upgrade,
            persistent: request.head.persistent,
            restore: Restore::default(),
        };
        if request.method() == b"CONNECT" {
            let refused = Refused::new(405, "hostward is no proxy for other servers: CONNECT is not served");
            return self.refuse(&refused).await;
        }
        match route {
            Route::Stream { hijacks } => expected.hijacks |= hijacks,
            Route::Judge(endpoint) => {
                self.see_anew();
                if let Caller::Guest(guest) = self.caller().await {
                    match self.judged(&mut request, endpoint, guest).await? {
                        Ok(restore) => expected.restore = restore,
                        Err(refused) => {
                            return self.refuse_instead(&refused, &request, &expected).await;
                        }
                    }
                }
            }
            Route::Restore(endpoint) => {
                self.see_anew();
                if let Caller::Guest(guest) = self.caller().await {
                    expected.restore = Restore::to(guest, endpoint);
                }
            }
            Route::About => {
                let caller = self.caller().await;
                let close = must_close(&request, &expected);
                return self.say(about::answer(&caller, close, expected.head_only), close).await;
            }
            Route::Untranslated(endpoint) => {
                if let Caller::Guest(guest) = self.caller().await {
                    let refused = Refused::untranslated(endpoint);
                    audit::refused(&Caller::Guest(guest), &request.line(), &refused);
                    return self.refuse_instead(&refused, &request, &expected).await;
                }
            }
        }
        let starts = match route {
            Route::Judge(Endpoint::ContainerStart) | Route::Restore(Endpoint::ContainerRestart) => {
                endpoint::container(request.target())
            }
            _ => None,
        };
        if expected.restore.is_asked() {
            request.ask_identity();
        }
        let next = self.forward(request, &expected).await?;
        if let Some(name) = starts {
            self.publish(name).await;
        }
        Ok(next)
    }

    /// Opens the ports of a container that the caller has started where the caller looks for them.
    async fn publish(&mut self, name: String) {
        if let Some(publisher) = self.shared.publisher.clone()
            && let Caller::Guest(guest) = self.caller().await
            && let Who::Container(caller) = &guest.who
        {
            publisher.started(Arc::clone(&self.shared.identify), name, Arc::clone(caller), self.peer.ends());
        }
    }

    /// Who calls: found out at the first request that must be judged, and kept for the connection.
    async fn caller(&mut self) -> Caller {
        if let Some(caller) = &self.caller {
            return caller.clone();
        }
        let caller = self.shared.identify.identify(self.client.stream(), &self.peer, self.accepted).await;
        if caller.is_known() {
            self.caller = Some(caller.clone());
        }
        caller
    }

    /// Reads the body whole, judges it, and makes the request into the one that the engine gets.
    async fn judged(
        &mut self,
        request: &mut Request,
        endpoint: Endpoint,
        guest: Arc<Guest>,
    ) -> Result<Result<Restore, Refused>, Cut> {
        let limit = if endpoint == Endpoint::PluginCreate { MAX_PLUGIN } else { MAX_JUDGED };
        let body = match self.read_body(request, limit).await? {
            Ok(body) => body,
            Err(refused) => return Ok(Err(refused)),
        };
        let version = endpoint::version(request.target());
        let judged = self.judge(&guest, endpoint, version, body).await;
        let caller = Caller::Guest(Arc::clone(&guest));
        match judged {
            Ok(Pinned { body, restore, changes }) => {
                audit::forwarded(&caller, &request.line(), &changes);
                // What did not change goes on as it came, chunks and all. `Expect` was met here and must go.
                if !changes.is_empty() || request.head.expects_continue {
                    let mut bytes = with_length(&request.bytes[..request.head_len], body.len());
                    request.head_len = bytes.len();
                    bytes.extend_from_slice(&body);
                    request.bytes = bytes;
                }
                Ok(Ok(Restore::judged(guest, endpoint, restore)))
            }
            Err(refused) => {
                audit::refused(&caller, &request.line(), &refused);
                Ok(Err(refused))
            }
        }
    }

    async fn judge(
        &self,
        guest: &Arc<Guest>,
        endpoint: Endpoint,
        version: Option<ApiVersion>,
        body: Vec<u8>,
    ) -> Result<Pinned, Refused> {
        let borrowing = request::borrowing(endpoint, &body)?;
        let lending = self.shared.identify.lending(borrowing).await;
        let lending = lending.map_err(|why| Refused::new(502, format!("hostward: {why}")))?;
        let guest = Arc::clone(guest);
        let judge = move || judge(&guest, &lending, endpoint, version, body);
        look(judge).await.unwrap_or_else(|why| Err(Refused::new(504, format!("hostward: {why}"))))
    }

    /// The request's body, free of chunks. `request.bytes` has all of it as it came.
    async fn read_body(
        &mut self,
        request: &mut Request,
        limit: usize,
    ) -> Result<Result<Vec<u8>, Refused>, Cut> {
        let mut body = Vec::new();
        let mut framing = request.head.framing;
        let bad = |error: FramingError| Refused::new(400, format!("hostward: {error}"));
        if let Err(error) = framing.decode(&request.bytes[request.head_len..], &mut body) {
            return Ok(Err(bad(error)));
        }
        if request.head.expects_continue && !framing.is_done() && body.is_empty() {
            self.client.send(b"HTTP/1.1 100 Continue\r\n\r\n").map_err(|_| Cut)?;
            self.client.flush_all().await.map_err(|_| Cut)?;
        }
        while !framing.is_done() {
            let promised = if let Framing::Length(left) = framing { left } else { 0 };
            if promised.saturating_add(request.bytes.len() as u64) > limit as u64 {
                let message = format!("hostward: a body that carries paths may have {limit} bytes at most");
                return Ok(Err(Refused::new(413, message)));
            }
            let step = self.client.take(|bytes| match framing.decode(bytes, &mut body) {
                Ok(step) => {
                    request.bytes.extend_from_slice(&bytes[..step.used]);
                    (step.used, Ok(()))
                }
                Err(error) => (0, Err(error)),
            });
            match step {
                Some(Ok(())) => {}
                Some(Err(error)) => return Ok(Err(bad(error))),
                None if self.client.ended() => return Err(Cut),
                None => wait(&self.client, true, None).await,
            }
        }
        request.rest = framing;
        Ok(Ok(body))
    }

    /// Sends the request to the engine and brings the answer back.
    async fn forward(&mut self, mut request: Request, expected: &Expected) -> Result<Next, Cut> {
        loop {
            let (engine, served_before) = match self.upstream.open().await {
                Ok(open) => open,
                Err(refused) => return self.refuse_instead(&refused, &request, expected).await,
            };
            // The engine may close in the middle of a request and still have answered it: reading tells.
            let unsent = engine.send(&request.bytes).is_err();
            let whole = request.rest.is_done();
            let again = served_before && whole && (unsent || request.is_safe());
            if !again {
                // A stream that runs for days needs its request no more.
                request.bytes = Vec::new();
            }
            let mut tunnel = Tunnel::new(&mut self.client, engine, expected, request.rest);
            let outcome = tunnel.run().await?;
            match outcome {
                Outcome::Next => return Ok(Next::Request),
                Outcome::Close => return Ok(Next::Close),
                // The engine closed between two requests, and this one was the first to notice.
                Outcome::NoAnswer if again => self.upstream.close(),
                Outcome::NoAnswer | Outcome::BadAnswer(_) | Outcome::Withheld(_) => {
                    self.upstream.close();
                    let refused = match outcome {
                        Outcome::BadAnswer(error) => self.upstream.garbled(&error),
                        Outcome::Withheld(why) => self.upstream.withheld(why),
                        _ => self.upstream.lost(),
                    };
                    return self.refuse_instead(&refused, &request, expected).await;
                }
            }
        }
    }

    /// Answers a request that was read instead of the engine.
    async fn refuse_instead(
        &mut self,
        refused: &Refused,
        request: &Request,
        expected: &Expected,
    ) -> Result<Next, Cut> {
        let close = must_close(request, expected);
        self.answer(refused, refused.answer(close, expected.head_only), close).await
    }

    /// Answers what cannot be served at all, and ends the connection.
    async fn refuse(&mut self, refused: &Refused) -> Result<Next, Cut> {
        self.answer(refused, refused.answer(true, false), true).await
    }

    async fn answer(&mut self, refused: &Refused, bytes: Vec<u8>, close: bool) -> Result<Next, Cut> {
        tracing::debug!(status = refused.status, reason = refused.message, "answering by ourselves");
        self.say(bytes, close).await
    }

    /// Sends an answer that is not the engine's.
    async fn say(&mut self, bytes: Vec<u8>, close: bool) -> Result<Next, Cut> {
        self.client.send(&bytes).map_err(|_| Cut)?;
        self.client.flush_all().await.map_err(|_| Cut)?;
        if !close {
            return Ok(Next::Request);
        }
        self.client.linger().await;
        Ok(Next::Close)
    }
}

/// Whether a connection ends with an answer that is not the engine's: without the request's end it cannot be told where
/// the next one begins.
fn must_close(request: &Request, expected: &Expected) -> bool {
    !request.rest.is_done() || !expected.persistent
}
