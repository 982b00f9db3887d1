//! The proxy as a whole: its settings, its sockets, its connections, its end.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use hostward::network::Publish;
use hostward::seal::Key;
use hostward_engine::address::Address;
use hostward_engine::stream::Stream;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle, JoinSet};

use crate::accept::{accept, raise_descriptor_limit};
use crate::admin::{Served, Standing, serve_admin};
use crate::clash::apart;
use crate::control::{Control, Order, ServeError};
use crate::exchange::{Connection, Shared};
use crate::identify::{Containers, Identify, OwnVantage};
use crate::key;
use crate::limits::Limits;
use crate::links::Sweeper;
use crate::listen::{Acceptor, Inherited, ListenError, Listener};
use crate::open::{Open, OpenOne};
use crate::peer::{Accepted, Peer};
use crate::pool::{Full, Lease, Tenant};
use crate::pools::Pools;
use crate::publish::{PortBounds, Publisher};
use crate::refuse::Refused;
use crate::settings::{Callers, Listen, On, Settings};
use crate::sys;
use crate::tenant::tenant;

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
    sys::return_program_pages();
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
    /// One for each directory that may have links.
    sweepers: Vec<Sweeper>,
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
struct NewSockets {
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
            sweepers: Vec::new(),
            publisher: Publisher::new(PortBounds::from(&settings.limits)),
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
        if fitted.connections != limits.connections {
            let (descriptors, connections) = (self.descriptors, fitted.connections);
            // The default is far more than most need; a number that somebody has set is not.
            let why = "too few file descriptors for that many connections: raise LimitNOFILE=";
            if limits.connections == Limits::default().connections {
                tracing::info!(descriptors, connections, wanted = limits.connections, "{why}");
            } else {
                tracing::warn!(descriptors, connections, wanted = limits.connections, "{why}");
            }
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
        let vantages: Vec<_> = listen.iter().map(|one| OwnVantage::of(&one.on, &listen)).collect();
        let directories: BTreeSet<_> = vantages.iter().filter_map(OwnVantage::own).collect();
        let sweep = |own: &Path| self.pools.links.sweep(own, engine.clone(), self.containers.changes());
        self.sweepers = directories.into_iter().filter_map(sweep).collect();
        let callers: Vec<_> = listen.iter().map(|one| one.callers.clone()).collect();
        let mut before = std::mem::take(&mut self.doors);
        for (((Listen { on, callers }, listener), tls), vantage) in
            listen.into_iter().zip(made.listeners).zip(made.acceptors).zip(vantages)
        {
            let key = Arc::clone(&self.key);
            let containers = self.containers.clone();
            let identify = Identify::new(callers, rules.clone(), containers, vantage, key, &self.pools);
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
                (None, None) => unreachable!("created a socket that did not exist before"),
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
    async fn make(&mut self, settings: &Settings) -> Result<NewSockets, ServeError> {
        let Settings { engine, listen, admin, .. } = settings;
        let all: Vec<&On> = listen.iter().map(|one| &one.on).chain(admin).collect();
        for (at, on) in all.iter().enumerate() {
            apart(on, &all[..at], Some(engine)).await?;
        }
        let acceptors = listen.iter().map(|one| Acceptor::of(&one.on)).collect::<Result<_, _>>()?;
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
        Ok(NewSockets { listeners, acceptors, admin })
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
                let tenant = tenant(&stream, &peer);
                let lease = match shared.pools.connections.take(tenant.clone(), 1) {
                    Ok(lease) => lease,
                    Err(full) => {
                        turn_away(&stream, &shared, full);
                        continue;
                    }
                };
                let counted = (open.one(), lease);
                // Not within another future, which would have room for this one twice.
                connections.spawn(serve_connection(stream, peer, tenant, shared, draining.clone(), counted));
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

/// Serves a connection, which counts as one until it has ended.
async fn serve_connection(
    stream: Stream,
    peer: Peer,
    tenant: Tenant,
    shared: Arc<Shared>,
    draining: watch::Receiver<bool>,
    _counted: (OpenOne, Lease),
) {
    let accepted = Accepted::of(&stream);
    if let (Some(tls), Peer::Address(ends)) = (&shared.tls, &peer) {
        let end = draining.clone();
        let serve = |stream, peer| async {
            let shared = Arc::clone(&shared);
            Connection::new(stream, peer, accepted, tenant, shared, draining).run().await;
        };
        // Not in the memory of those that speak no TLS.
        return Box::pin(tls.serve(stream, *ends, end, serve)).await;
    }
    let mut connection = Connection::new(stream, peer, accepted, tenant, shared, draining);
    connection.run().await;
}
