//! One client connection, a request at a time.

use std::ops::ControlFlow;
use std::sync::Arc;

use hostward::api::endpoint::{self, Endpoint};
use hostward_engine::address::Address;
use hostward_engine::http1::{HeadEnd, HeadError};
use hostward_engine::stream::Stream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::about;
use crate::answer::{Answered, Expected};
use crate::audit::{Arrived, Audit, Judged, Pending};
use crate::caller::{Caller, Guest, Who};
use crate::decision::{HostProcess, Ruling};
use crate::forward::Upstream;
use crate::identify::Identify;
use crate::limits::Limits;
use crate::listen::Acceptor;
use crate::lookups::on_behalf_of;
use crate::metrics::METRICS;
use crate::outage::Outage;
use crate::outgoing::Outgoing;
use crate::peer::{Accepted, Peer};
use crate::phase::Phase;
use crate::pool::{Lease, Tenant};
use crate::pools::Pools;
use crate::profiles::Profiles;
use crate::publish::Publisher;
use crate::refuse::{self, Refused};
use crate::relay::{Cut, Side, wait};
use crate::request::{Manner, Request};
use crate::request_id::RequestId;
use crate::route::{Asks, Route, Treatment, Way, route};
use crate::sending::Sending;
use crate::taking::Taking;
use crate::tunnel::{Outcome, Tunnel};

mod state; // what a connection remembers, and how it goes on

pub(crate) use state::Parted;
use state::{Allowed, Next, Remembered};

/// So much of a head is held without being counted: few are longer.
const USUAL_HEAD: usize = 16 << 10;

/// What the connections of a socket share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Address,
    pub(crate) outage: Arc<Outage>,
    pub(crate) identify: Arc<Identify>,
    pub(crate) publisher: Option<Publisher>,
    pub(crate) tls: Option<Acceptor>,
    pub(crate) pools: Arc<Pools>,
    pub(crate) limits: Limits,
    pub(crate) audit: Arc<Audit>,
}

/// A client's connection.
pub(crate) struct Connection {
    client: Side,
    upstream: Upstream,
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
    peer: Peer,
    accepted: Accepted,
    /// Who has it, as far as that is known before anything is asked.
    tenant: Tenant,
    /// Who calls, once it was asked.
    known: Remembered,
    /// The profiles by which that was found out.
    profiles: Arc<Profiles>,
}

impl Connection {
    pub(crate) fn new(
        stream: Stream,
        peer: Peer,
        accepted: Accepted,
        tenant: Tenant,
        shared: Arc<Shared>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let upstream = Upstream::new(shared.engine.clone(), Arc::clone(&shared.outage));
        let client = Side::new(stream);
        let (known, profiles) = (Remembered::Nothing, shared.identify.profiles());
        Self { client, upstream, shared, phase, peer, accepted, tenant, known, profiles }
    }

    pub(crate) fn stream(&self) -> &Stream {
        self.client.stream()
    }

    /// Serves the connection until one side or the proxy ends it.
    pub(crate) async fn run(&mut self) -> Parted {
        loop {
            let next = match self.next_request().await {
                Some(Ok((request, _held))) => {
                    let operation = Treatment::of(request.method(), request.target());
                    METRICS.came(operation.kind());
                    let id = RequestId::next();
                    let span = id.span(operation, matches!(self.known, Remembered::Host));
                    // In memory of its own: what a request takes, a connection that waits for its next one has not.
                    Box::pin(self.serve(request, operation, id)).instrument(span).await
                }
                Some(Err(refused)) => self.refuse(&refused).await,
                None if self.client.ended() => return Parted::Ended,
                None => return Parted::Waiting,
            };
            match next {
                Ok(Next::Request) if !self.phase.borrow().leaves(self.client.held() > 0) => {}
                Ok(next) => {
                    // The last answer still has to leave.
                    let left = self.client.flush_all().await;
                    return if left.is_ok() && next == Next::Request {
                        Parted::Waiting
                    } else {
                        Parted::Ended
                    };
                }
                Err(Cut) => return Parted::Ended,
            }
        }
    }

    /// Reads the next request, with what its head takes of what callers share; none when the client has ended, or the
    /// connection is left.
    async fn next_request(&mut self) -> Option<Result<(Request, Lease), Refused>> {
        let mut end = HeadEnd::default();
        let mut lease = self.shared.pools.held.none(self.tenant.clone());
        let counted = |read: Result<Request, HeadError>, mut lease: Lease| {
            let request = read?;
            count_head(request.head_len(), &mut lease)?;
            Ok((request, lease))
        };
        if self.client.held() > 0
            && let Some(request) = self.client.use_held(|bytes| Request::parse(bytes, &mut end))
        {
            return Some(counted(request, lease));
        }
        // From a head's first byte on.
        let mut begun = (self.client.held() > 0).then(Instant::now);
        loop {
            match self.client.read(|bytes| Request::parse(bytes, &mut end)) {
                Some(Some(request)) => return Some(counted(request, lease)),
                Some(None) => {
                    begun.get_or_insert_with(Instant::now);
                    if let Err(refused) = count_head(self.client.held(), &mut lease) {
                        return Some(Err(refused));
                    }
                }
                None if self.client.ended() => return None,
                None => {
                    let patience = self.shared.limits.head();
                    let late = async {
                        match begun {
                            Some(begun) => tokio::time::sleep_until(begun + patience).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        biased;
                        () = wait(&self.client, true, None) => {}
                        _ = self.phase.wait_for(|phase| phase.leaves(begun.is_some())) => return None,
                        () = late => {
                            return Some(Err(Refused::late_head(patience)));
                        }
                    }
                }
            }
        }
    }

    async fn serve(&mut self, request: Request, operation: Treatment, id: RequestId) -> Result<Next, Cut> {
        if request.method() == b"CONNECT" {
            return self.refuse(&Refused::connect()).await;
        }
        let manner = request.manner();
        let profiles = self.shared.identify.profiles();
        let Allowed { caller, outgoing, manner, pending } = match route(request, operation, &profiles) {
            Route::Streams(streams) => {
                Allowed { caller: None, outgoing: Outgoing::Streams(streams), manner, pending: None }
            }
            // In memory of its own, which is free before the answer comes: that may have no end.
            Route::Asks(asks) => match Box::pin(self.ask(asks, manner, Arrived::now(id))).await? {
                ControlFlow::Continue(allowed) => allowed,
                ControlFlow::Break(next) => return Ok(next),
            },
        };
        let sending = outgoing.into_sending();
        let starts = match operation {
            Treatment::Judge(Endpoint::ContainerStart) | Treatment::Restore(Endpoint::ContainerRestart) => {
                endpoint::container(sending.request.target())
            }
            _ => None,
        };
        let mut answered = Answered::default();
        let next = self.forward(sending, manner, &mut answered).await;
        if let Some(pending) = pending {
            pending.answered(&answered);
        }
        let next = next?;
        if let Some(Caller::Guest(guest)) = caller {
            self.publish(&guest, starts, &answered);
        }
        Ok(next)
    }

    /// What may be sent of a request of which it matters who sends it. All others are answered here.
    async fn ask(
        &mut self,
        asks: Asks,
        manner: Manner,
        arrived: Arrived,
    ) -> Result<ControlFlow<Next, Allowed>, Cut> {
        let caller = self.caller(asks.must_be_fresh()).await?;
        let judged = |endpoint, request| Judged { arrived, caller: caller.clone(), endpoint, request };
        let names_paths = asks.judged().filter(|_| matches!(caller, Caller::Host));
        // What only the log hears of is written down as well.
        let named = names_paths.or_else(|| caller.is_warned_only().then(|| asks.named()));
        let next = match asks.by(caller.clone(), &self.shared.identify).await {
            Way::Streams(mut streams) => {
                let ruling = streams.take_warned().map(Ruling::warned);
                let ruling = ruling.or_else(|| matches!(caller, Caller::Host).then_some(Ruling::Passed));
                let decided = named.zip(ruling);
                let pending = decided
                    .and_then(|((endpoint, line), ruling)| self.decided(judged(endpoint, line), ruling));
                let outgoing = Outgoing::Streams(streams);
                let allowed = Allowed { caller: Some(caller), outgoing, manner, pending };
                return Ok(ControlFlow::Continue(allowed));
            }
            Way::Judge(to_judge) => {
                let judged = judged(to_judge.endpoint, to_judge.request.line());
                match self.taking().judged(to_judge).await? {
                    (Ok(mut written), manner) => {
                        let verdict = Ruling::Forwarded(written.take_forwarded());
                        let pending = self.decided(judged, verdict);
                        let outgoing = Outgoing::Written(written);
                        let allowed = Allowed { caller: Some(caller), outgoing, manner, pending };
                        return Ok(ControlFlow::Continue(allowed));
                    }
                    (Err(refused), manner) => self.refuse_judged(judged, &refused, manner).await?,
                }
            }
            Way::About(caller) => {
                let publishes = self.shared.publisher.is_some()
                    && about::may_publish_for(&self.shared.identify, &caller).await;
                let about = about::about(&caller, &self.shared.limits, publishes);
                let about = about::mounts_through(&self.shared.engine, about).await;
                self.say_json(about.map(|about| serde_json::json!(about).to_string()), manner).await?
            }
            Way::Explain(request, caller) => {
                let tenant = self.tenant.clone();
                let (explained, manner) = self.taking().explained(request, caller, tenant).await?;
                self.say_json(explained, manner).await?
            }
            Way::Refused(request, refused) => {
                let judged = judged(request.endpoint(), request.line());
                self.refuse_judged(judged, &refused, manner).await?
            }
        };
        Ok(ControlFlow::Break(next))
    }

    /// Answers a request about which something was decided instead of the engine.
    async fn refuse_judged(
        &mut self,
        judged: Judged,
        refused: &Refused,
        manner: Manner,
    ) -> Result<Next, Cut> {
        // The audit has all of it.
        let told = judged.caller.told(refused);
        match self.decided(judged, Ruling::Refused(refused.clone())) {
            Some(pending) => pending.answered(&Answered::of(refused)),
            // Nobody else says so.
            None if refused.rule.is_some() => tracing::warn!(rule = refused.rule, "{}", refused.message),
            None => {}
        }
        self.refuse_instead(&told, manner).await
    }

    /// Has a decision written once its answer has come, where it is to be written.
    fn decided(&self, judged: Judged, verdict: Ruling) -> Option<Pending> {
        let process = || HostProcess::of(self.client.stream());
        self.shared.audit.decided(judged, verdict, process)
    }

    /// Does what follows from an answer: a container that was started has its ports opened where the caller looks for them.
    fn publish(&self, guest: &Guest, starts: Option<String>, answered: &Answered) {
        if let (Some(publisher), Who::Container(caller)) = (&self.shared.publisher, &guest.who)
            && let (Some(name), Some(status)) = (starts, answered.status)
        {
            let identify = Arc::clone(&self.shared.identify);
            publisher.started(identify, name, Arc::clone(caller), self.peer.ends(), status);
        }
    }

    /// Who calls: found out at the first request that must be judged, and kept for the connection. A client that goes meanwhile
    /// is not waited for: its handles on processes would be kept for as long as its container's files do not answer.
    async fn caller(&mut self, must_be_fresh: bool) -> Result<Caller, Cut> {
        let identify = &self.shared.identify;
        let profiles = identify.profiles();
        if !Arc::ptr_eq(&profiles, &self.profiles) {
            (self.known, self.profiles) = (Remembered::Nothing, profiles);
        }
        match &self.known {
            Remembered::Host => return Ok(Caller::Host),
            Remembered::Guest(guest) => {
                let still =
                    |guest: &Guest| identify.still(self.client.stream(), &self.peer, self.accepted, guest);
                if let Some(guest) = guest.upgrade().filter(|guest| !must_be_fresh || still(guest)) {
                    return Ok(Caller::Guest(guest));
                }
            }
            Remembered::Nothing => {}
        }
        // It is large, and a connection that waits for its next request has no need of it.
        let identify = Box::pin(identify.identify(self.client.stream(), &self.peer, self.accepted));
        let caller = tokio::select! {
            caller = on_behalf_of(self.tenant.clone(), identify) => caller,
            () = self.client.closed() => return Err(Cut),
        };
        self.known = match &caller {
            Caller::Host => Remembered::Host,
            Caller::Guest(guest) if caller.is_known() => Remembered::Guest(Arc::downgrade(guest)),
            Caller::Guest(_) => Remembered::Nothing,
        };
        Ok(caller)
    }

    /// What it takes to read a body whole.
    fn taking(&mut self) -> Taking<'_> {
        let Shared { engine, identify, pools, limits, .. } = &*self.shared;
        Taking { client: &mut self.client, engine, identify, pools, limits: *limits }
    }

    /// Sends the request to the engine and brings the answer back.
    async fn forward(
        &mut self,
        sending: Sending,
        manner: Manner,
        answered: &mut Answered,
    ) -> Result<Next, Cut> {
        let Sending { mut request, mut archive, hijacks, restore, lease: mut unsent, links, pins, quota } =
            sending;
        // They last until the engine has answered.
        let _kept = (links, pins, quota);
        let expected = Expected {
            head_only: manner.head_only,
            hijacks,
            persistent: request.head.persistent,
            restore,
            pools: Arc::clone(&self.shared.pools),
            limits: self.shared.limits,
        };
        let (rest, is_safe) = (request.rest, request.is_safe());
        let whole = rest.is_done() && archive.is_none();
        let mut bytes = request.take_bytes();
        drop(request);
        loop {
            let (engine, served_before) = match self.upstream.open().await {
                Ok(open) => open,
                Err(refused) => return self.instead(&refused, manner, answered).await,
            };
            // The engine may close in the middle of a request and still have answered it: reading tells.
            let may_repeat = served_before && whole;
            let again = if may_repeat && is_safe {
                // Where that fails, reading tells why.
                let _ = engine.send(&bytes);
                Some(bytes)
            } else {
                engine.send_all(bytes).err().filter(|_| may_repeat)
            };
            let mut tunnel =
                Tunnel::new(&mut self.client, engine, &expected, rest, archive.take(), unsent.take());
            let outcome = tunnel.run().await;
            *answered = tunnel.answered();
            let outcome = outcome?;
            unsent = tunnel.take_unsent();
            match (outcome, again) {
                (Outcome::Next, _) => return Ok(Next::Request),
                (Outcome::Close, _) => return Ok(Next::Close),
                // The engine closed between two requests, and this one was the first to notice.
                (Outcome::NoAnswer, Some(again)) => {
                    self.upstream.close();
                    bytes = again;
                }
                (outcome, _) => {
                    self.upstream.close();
                    let refused = match outcome {
                        Outcome::BadAnswer(error) => self.upstream.garbled(&error),
                        Outcome::Withheld(why) => self.upstream.withheld(&why),
                        _ => self.upstream.lost(),
                    };
                    return self.instead(&refused, manner, answered).await;
                }
            }
        }
    }

    /// Answers a request that was to be forwarded. What the engine may have answered is withheld; what it made stays made.
    async fn instead(
        &mut self,
        refused: &Refused,
        manner: Manner,
        answered: &mut Answered,
    ) -> Result<Next, Cut> {
        answered.status = Some(refused.status);
        self.refuse_instead(refused, manner).await
    }

    /// Answers a request that was read instead of the engine.
    async fn refuse_instead(&mut self, refused: &Refused, manner: Manner) -> Result<Next, Cut> {
        self.answer(refused, refused.answer(manner.closes, manner.head_only), manner.closes).await
    }

    /// Answers what cannot be served at all, and ends the connection.
    async fn refuse(&mut self, refused: &Refused) -> Result<Next, Cut> {
        self.answer(refused, refused.answer(true, false), true).await
    }

    async fn answer(&mut self, refused: &Refused, bytes: Vec<u8>, close: bool) -> Result<Next, Cut> {
        METRICS.refuses(refused.status, refused.reason);
        tracing::debug!(status = refused.status, reason = refused.message, "answering by ourselves");
        self.say(bytes, close).await
    }

    /// Answers what was asked of Hostward itself.
    async fn say_json(&mut self, told: Result<String, Refused>, manner: Manner) -> Result<Next, Cut> {
        let Manner { closes, head_only } = manner;
        match told {
            Ok(body) => self.say(refuse::answer(200, body, closes, head_only), closes).await,
            Err(refused) => self.refuse_instead(&refused, manner).await,
        }
    }

    /// Sends an answer that is not the engine's.
    async fn say(&mut self, bytes: Vec<u8>, close: bool) -> Result<Next, Cut> {
        self.client.send(&bytes).map_err(|_| Cut)?;
        // A client that does not read keeps nothing of ours.
        let deadline = Instant::now() + self.shared.limits.head();
        timeout_at(deadline, self.client.flush_all()).await.map_err(|_| Cut)?.map_err(|_| Cut)?;
        if !close {
            return Ok(Next::Request);
        }
        self.client.linger().await;
        Ok(Next::Close)
    }
}

/// Counts what is held of a head that is long.
fn count_head(held: usize, lease: &mut Lease) -> Result<(), Refused> {
    let over = held.saturating_sub(USUAL_HEAD) as u64;
    Ok(lease.grow(over.saturating_sub(lease.amount()))?)
}

#[cfg(test)]
mod tests;
