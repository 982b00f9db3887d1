//! The proxy as a whole: its settings, its sockets, its connections, its end.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hostward::api::lenders::VolumesFrom;
use hostward::explicit::{Map, Unmapped};
use hostward::inspect::Container;
use hostward::network::Publish;
use hostward::seal::Key;
use hostward_engine::address::Address;
use hostward_engine::stream::Stream;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};

use crate::accept::{accept, raise_descriptor_limit};
use crate::admin::{Served, Standing, serve_admin};
use crate::control::{Control, Order};
use crate::exchange::Connection;
use crate::holder::holder;
use crate::identify::{Accepted, Containers, Identify, Peer, Whereabouts};
use crate::key;
use crate::limits::Limits;
use crate::listen::{Acceptor, Callers, Inherited, Listen, ListenError, Listener, On};
use crate::pool::{Full, Holder};
use crate::pools::Pools;
use crate::publish::{Bounds, Publisher};
use crate::refuse::Refused;
use crate::sys;

/// How long running requests may take to finish after the first signal, where nobody says otherwise.
pub const GRACE: Duration = Duration::from_secs(10);

/// What a proxy serves, and in front of what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The engine.
    pub engine: Address,
    /// The sockets to serve.
    pub listen: Vec<Listen>,
    /// What the user says about paths.
    pub rules: Rules,
    /// How long running requests may take to finish after the first signal.
    pub grace: Duration,
    /// Where to answer whether the service is well.
    pub admin: Option<On>,
    /// What anybody may take of this process.
    pub limits: Limits,
    /// The directory in which the key is kept that Hostward signs with; without one, a key lasts as long as the process.
    pub state: Option<PathBuf>,
}

/// What the user says about paths, for all callers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Explicit maps, which win over what is discovered (T15).
    pub maps: Vec<Map>,
    /// What a path is that nothing maps (T17), where the user says so.
    pub unmapped: Option<Unmapped>,
    /// What a container hands over to those that take over its volumes (T20).
    pub volumes_from: VolumesFrom,
    /// Where published ports are found.
    pub publish: Publish,
}

impl Rules {
    /// What a path is that nothing maps, to a caller in this container: what its label says, which whoever may create
    /// containers can write, unless the user has said that it is refused.
    pub fn unmapped(&self, container: &Container) -> Unmapped {
        match self.unmapped {
            Some(Unmapped::Refuse) => Unmapped::Refuse,
            setting => container.unmapped.or(setting).unwrap_or_default(),
        }
    }
}

impl Settings {
    /// Serves these sockets in front of `engine`.
    pub fn new(engine: Address, listen: Vec<Listen>) -> Self {
        Self {
            engine,
            listen,
            rules: Rules::default(),
            grace: GRACE,
            admin: None,
            limits: Limits::default(),
            state: None,
        }
    }
}

/// Why the proxy does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A socket cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A socket and the engine are the same.
    #[error("{0} is both the socket to serve and the engine; give the engine's own address with --engine")]
    Loop(Address),
    /// Two sockets are the same.
    #[error("{0} is to be served twice")]
    Twice(Address),
    /// It does not serve any more.
    #[error("the proxy is about to end")]
    Ended,
}

/// What the connections of a socket share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Address,
    pub(crate) identify: Arc<Identify>,
    pub(crate) publisher: Option<Publisher>,
    pub(crate) tls: Option<Acceptor>,
    pub(crate) pools: Arc<Pools>,
    pub(crate) limits: Limits,
}

/// Serves until `control` asks for the end. `ready` is called once all sockets take connections. Runs best on tokio's
/// `current_thread` runtime.
///
/// # Errors
/// Where a socket cannot be had: half a service is harder to see than none.
pub async fn serve(
    settings: Settings,
    inherited: Inherited,
    mut control: Control,
    ready: impl FnOnce(),
) -> Result<(), ServeError> {
    sys::return_memory_soon();
    let descriptors = raise_descriptor_limit();
    let mut service = Service::new(&settings, descriptors, inherited);
    service.apply(settings).await?;
    ready();
    loop {
        let order = tokio::select! {
            order = control.next() => order,
            Some(ended) = service.serving.join_next() => {
                // A connection's fault ends that connection alone; without whoever accepts them, a socket would be dead and
                // the process alive. A service manager starts what has ended again.
                if let Err(fault) = ended.map_err(JoinError::try_into_panic) && let Ok(fault) = fault {
                    resume_unwind(fault);
                }
                continue;
            }
        };
        match order {
            Order::End => break,
            Order::Reload(settings, done) => {
                let outcome = service.apply(*settings).await;
                service.standing.reloaded(outcome.as_ref().err().map(ToString::to_string));
                // Whoever asked may have gone.
                let _ = done.send(outcome);
            }
            Order::Keep(why) => service.standing.reloaded(Some(why)),
        }
    }
    service.drain(control).await;
    Ok(())
}

/// All that is served at this moment.
struct Service {
    inherited: Inherited,
    containers: Containers,
    publisher: Publisher,
    grace: Duration,
    doors: Vec<Door>,
    /// A task for each socket; those that were taken away go on until their last request is done.
    serving: JoinSet<()>,
    connections: Open,
    standing: Standing,
    admin: Option<Admin>,
    /// How many descriptors this process may have.
    descriptors: u64,
    pools: Arc<Pools>,
    key: Arc<Key>,
}

/// The admin socket. Dropping it ends its task.
struct Admin {
    on: On,
    listener: Arc<Listener>,
    task: JoinHandle<()>,
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The sockets that new settings need and that are not served yet; none for those that are.
struct Made {
    listeners: Vec<Option<Listener>>,
    /// By the files of this moment, for those that are served already as well.
    acceptors: Vec<Option<Acceptor>>,
    admin: Option<Listener>,
}

/// A socket that is served.
struct Door {
    on: On,
    /// By which new connections are served.
    shared: watch::Sender<Arc<Shared>>,
    drain: watch::Sender<bool>,
    listener: Weak<Listener>,
}

impl Service {
    fn new(settings: &Settings, descriptors: u64, inherited: Inherited) -> Self {
        let connections = Open::default();
        Self {
            descriptors,
            pools: Arc::new(Pools::new(&settings.limits.fitted(descriptors))),
            key: Arc::new(key::load(settings.state.as_deref())),
            standing: Standing::new(settings.engine.clone(), connections.clone()),
            admin: None,
            inherited,
            containers: Containers::new(settings.engine.clone()),
            publisher: Publisher::new(Bounds::from(&settings.limits)),
            grace: settings.grace,
            doors: Vec::new(),
            serving: JoinSet::new(),
            connections,
        }
    }

    /// Makes these the settings; nothing changes where that fails.
    async fn apply(&mut self, settings: Settings) -> Result<(), ServeError> {
        let made = self.make(&settings).await?;
        let Settings { engine, listen, rules, grace, admin, limits, state: _ } = settings;
        let fitted = limits.fitted(self.descriptors);
        if fitted != limits {
            let (descriptors, connections) = (self.descriptors, fitted.connections);
            tracing::warn!(
                descriptors,
                connections,
                "fewer connections are taken, for want of descriptors (LimitNOFILE=)"
            );
        }
        self.pools.resize(&fitted);
        if *self.containers.engine() != engine {
            self.containers = Containers::new(engine.clone());
        }
        self.grace = grace;
        if rules.publish == Publish::Machine {
            self.publisher.close();
        }
        let publisher = (rules.publish == Publish::Caller).then(|| self.publisher.clone());
        let whereabouts: Vec<_> = listen.iter().map(|one| Whereabouts::of(&one.on, &listen)).collect();
        let callers: Vec<_> = listen.iter().map(|one| one.callers.clone()).collect();
        let mut before = std::mem::take(&mut self.doors);
        for (((Listen { on, callers }, listener), tls), whereabouts) in
            listen.into_iter().zip(made.listeners).zip(made.acceptors).zip(whereabouts)
        {
            let key = Arc::clone(&self.key);
            let lookups = Arc::clone(&self.pools.lookups);
            let containers = self.containers.clone();
            let identify = Identify::new(callers, rules.clone(), containers, whereabouts, key, lookups);
            let shared = Arc::new(Shared {
                engine: engine.clone(),
                identify: Arc::new(identify),
                publisher: publisher.clone(),
                tls,
                pools: Arc::clone(&self.pools),
                limits: fitted,
            });
            let known = before.iter().position(|door| door.on.address() == on.address());
            let door = match (listener, known) {
                (None, Some(at)) => {
                    let door = before.swap_remove(at);
                    door.shared.send_replace(shared);
                    Door { on, ..door }
                }
                (Some(listener), _) => {
                    tracing::info!(listen = %on, %engine, "serving");
                    self.open(on, listener, shared)
                }
                (None, None) => unreachable!("a socket that was not there before was made"),
            };
            self.doors.push(door);
        }
        for door in before {
            tracing::info!(listen = %door.on, "no longer serving");
            door.drain.send_replace(true);
        }
        let served = self.doors.iter().zip(callers).map(|(door, callers)| door.served(callers)).collect();
        self.standing.serves(engine, served);
        self.administer(admin, made.admin);
        Ok(())
    }

    fn administer(&mut self, on: Option<On>, made: Option<Listener>) {
        match (on, made) {
            (None, _) => self.admin = None,
            (Some(on), Some(listener)) => {
                tracing::info!(admin = %on, "serving");
                let listener = Arc::new(listener);
                let task = tokio::spawn(serve_admin(Arc::clone(&listener), self.standing.clone()));
                self.admin = Some(Admin { on, listener, task });
            }
            (Some(on), None) => self.admin.iter_mut().for_each(|admin| admin.on = on.clone()),
        }
    }

    /// Makes the sockets that are not served yet, and gives those that are to whom they are to be open.
    async fn make(&mut self, settings: &Settings) -> Result<Made, ServeError> {
        let Settings { engine, listen, admin, .. } = settings;
        let all: Vec<&On> = listen.iter().map(|one| &one.on).chain(admin).collect();
        for (at, on) in all.iter().enumerate() {
            if all[..at].iter().any(|other| other.address() == on.address()) {
                return Err(ServeError::Twice(on.address()));
            }
            if on.is_reached_by(engine).await {
                return Err(ServeError::Loop(on.address()));
            }
        }
        let acceptors = listen.iter().map(|one| one.on.acceptor()).collect::<Result<_, _>>()?;
        let mut listeners = Vec::new();
        for Listen { on, .. } in listen {
            listeners.push(match self.door(on) {
                Some(door) => {
                    door.listener.upgrade().map_or(Ok(()), |one| not_the_engine(&one, engine))?;
                    None
                }
                None => Some(self.bind(on, engine).await?),
            });
        }
        let admin = match admin {
            Some(on) => match self.admin.as_ref().filter(|admin| admin.on.address() == on.address()) {
                Some(admin) => not_the_engine(&admin.listener, engine).map(|()| None)?,
                None => Some(self.bind(on, engine).await?),
            },
            None => None,
        };
        self.adjust(&all)?;
        Ok(Made { listeners, acceptors, admin })
    }

    async fn bind(&self, on: &On, engine: &Address) -> Result<Listener, ServeError> {
        let listener = Listener::bind(on, &self.inherited).await?;
        not_the_engine(&listener, engine)?;
        Ok(listener)
    }

    /// The one through which this is served.
    fn door(&self, on: &On) -> Option<&Door> {
        self.doors.iter().find(|door| door.on.address() == on.address())
    }

    /// Gives the files of sockets that are served to whom they are to be open by now, or all back where one cannot be.
    fn adjust(&self, all: &[&On]) -> Result<(), ListenError> {
        let doors = self.doors.iter().filter_map(|door| Some((&door.on, door.listener.upgrade()?)));
        let admin = self.admin.iter().map(|admin| (&admin.on, Arc::clone(&admin.listener)));
        let mut changed = Vec::new();
        for (before, listener) in doors.chain(admin) {
            let Some(on) = all.iter().find(|on| on.address() == before.address()).filter(|on| **on != before)
            else {
                continue;
            };
            changed.push((before, Arc::clone(&listener)));
            if let Err(error) = listener.adjust(on) {
                for (before, listener) in changed {
                    // It is as it was, or is the one that cannot be changed.
                    let _ = listener.adjust(before);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn open(&mut self, on: On, listener: Listener, shared: Arc<Shared>) -> Door {
        let (shared, serve_by) = watch::channel(shared);
        let (drain, draining) = watch::channel(false);
        let listener = Arc::new(listener);
        let seen = Arc::downgrade(&listener);
        self.serving.spawn(serve_door(listener, serve_by, draining, self.connections.clone()));
        Door { on, shared, drain, listener: seen }
    }

    /// Takes no more connections, and gives those that there are the time to finish.
    async fn drain(mut self, mut control: Control) {
        for door in &self.doors {
            door.drain.send_replace(true);
        }
        self.standing.drains();
        tracing::info!(connections = self.connections.count(), "draining");
        let again = async { while !matches!(control.next().await, Order::End) {} };
        tokio::select! {
            () = async { while self.serving.join_next().await.is_some() {} } => {}
            () = tokio::time::sleep(self.grace) => {
                tracing::warn!(connections = self.connections.count(), "cutting off");
            }
            () = again => {}
        }
    }
}

/// Whether the engine's socket is this one, by whatever name: `/var/run` is a link to `/run`.
fn not_the_engine(listener: &Listener, engine: &Address) -> Result<(), ServeError> {
    match engine.socket() {
        Some(path) if listener.is_at(path) => Err(ServeError::Loop(engine.clone())),
        _ => Ok(()),
    }
}

impl Door {
    fn served(&self, callers: Callers) -> Served {
        Served { on: self.on.clone(), callers, listener: Weak::clone(&self.listener) }
    }
}

async fn serve_door(
    listener: Arc<Listener>,
    serve_by: watch::Receiver<Arc<Shared>>,
    draining: watch::Receiver<bool>,
    open: Open,
) {
    let mut connections = JoinSet::new();
    let mut end = draining.clone();
    loop {
        tokio::select! {
            (stream, peer) = accept(&listener) => {
                let shared = Arc::clone(&serve_by.borrow());
                let holder = holder(&stream, &peer);
                let lease = match shared.pools.connections.take(holder.clone(), 1) {
                    Ok(lease) => lease,
                    Err(full) => {
                        turn_away(&stream, &shared, full);
                        continue;
                    }
                };
                let serving = serve_connection(stream, peer, holder, shared, draining.clone());
                let open = open.one();
                connections.spawn(async move {
                    serving.await;
                    drop((open, lease));
                });
            }
            Some(_) = connections.join_next() => {}
            _ = end.wait_for(|end| *end) => break,
        }
    }
    // From here on new clients are refused at once instead of waiting in vain.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Tells a client that there are too many. It gets as much of that as its socket takes at once.
fn turn_away(stream: &Stream, shared: &Shared, full: Full) {
    if shared.tls.is_none() {
        let _ = stream.try_write(&Refused::from(full).answer(true, false));
    }
}

async fn serve_connection(
    stream: Stream,
    peer: Peer,
    holder: Holder,
    shared: Arc<Shared>,
    draining: watch::Receiver<bool>,
) {
    let accepted = Accepted::of(&stream);
    let end = draining.clone();
    let serve =
        |stream, peer| Connection::new(stream, peer, accepted, holder, Arc::clone(&shared), draining).run();
    match (&shared.tls, &peer) {
        (Some(tls), Peer::Address(ends)) => {
            // Not in the memory of those that speak no TLS.
            Box::pin(tls.serve(stream, *ends, end, serve)).await;
        }
        _ => serve(stream, peer).await,
    }
}

/// Counts connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Open(Arc<AtomicUsize>);

/// One that is open.
struct OpenOne(Arc<AtomicUsize>);

impl Open {
    fn one(&self) -> OpenOne {
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

impl Callers {
    /// Whether a created container that connects to the socket is a caller in its turn, with its own view.
    pub(crate) fn are_told_apart(&self) -> bool {
        matches!(self, Self::Each)
    }
}
