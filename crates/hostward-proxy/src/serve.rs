//! The proxy as a whole: its settings, its sockets, its connections, its end.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hostward::network::Publish;
use hostward::seal::Key;
use hostward_engine::address::Address;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::accept::raise_descriptor_limit;
use crate::admin::serve_admin;
use crate::audit::{Audit, Sink};
use crate::clash::apart;
use crate::control::{Control, Order, ServeError};
use crate::door::Door;
use crate::exchange::Shared;
use crate::handover::{Meeting, Predecessor, Reception};
use crate::identify::{Containers, Identify, OwnVantage};
use crate::key;
use crate::limits::Limits;
use crate::links::Sweeper;
use crate::listen::{Acceptor, Inherited, ListenError, Listener};
use crate::managed::{self, VolumeSweeper};
use crate::open::Open;
use crate::outage::Outage;
use crate::phase::Phase;
use crate::pins::PinSweeper;
use crate::pools::Pools;
use crate::profiles::{ProfileBook, ProfileChoice};
use crate::publish::{PortBounds, Publisher};
use crate::quota::Quota;
use crate::run_time::RunTimes;
use crate::settings::{Listen, On, Settings};
use crate::standing::{ServiceParts, Standing};
use crate::sys;

/// What a proxy finds when it starts.
#[derive(Debug, Default)]
pub struct Start {
    /// Sockets that were opened for it.
    pub inherited: Inherited,
    /// The Hostward that it replaces, which serves until this one does.
    pub predecessor: Option<Predecessor>,
}

/// Serves until `control` asks for the end, or another Hostward has replaced this one. `ready` is called once all sockets take
/// connections. Runs best on tokio's `current_thread` runtime.
///
/// # Errors
/// Where a socket cannot be had: half a service is harder to see than none.
pub async fn serve(
    settings: Settings,
    start: Start,
    mut control: Control,
    ready: impl FnOnce(),
) -> Result<(), ServeError> {
    sys::return_memory_soon();
    let descriptors = raise_descriptor_limit();
    let Start { inherited, mut predecessor } = start;
    let mut service = Service::new(&settings, descriptors, inherited);
    service.inherited.extend(predecessor.as_mut().map(Predecessor::take_sockets).unwrap_or_default());
    let found_in = settings.state.clone().filter(|_| settings.replaceable);
    service.apply(settings).await?;
    let meeting = service.replace(predecessor).await?;
    service.reception = meeting.or_else(|| Meeting::found_in(&found_in?)).map(Reception::at);
    ready();
    sys::return_program_pages();
    loop {
        let order = tokio::select! {
            order = control.next() => order,
            request = Reception::next_of(&mut service.reception) => match service.attend(request) {
                None => continue,
                Some(by) => {
                    control.replaced(by);
                    service.finish(control, None).await;
                    return Ok(());
                }
            },
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
    service.drain();
    let grace = service.grace;
    let (pins, engine) = (service.pools.pins.clone(), service.containers.engine().clone());
    service.finish(control, Some(grace)).await;
    pins.sweep_own(&engine).await;
    Ok(())
}

/// All that is served at this moment.
pub(crate) struct Service {
    pub(crate) inherited: Inherited,
    containers: Containers,
    outage: Arc<Outage>,
    pub(crate) publisher: Publisher,
    /// What opens ports on callers' localhosts, and by which it knows them; none where they are on the host alone.
    pub(crate) publishing: Option<(Publisher, Arc<Identify>)>,
    /// Opens those again of what runs already.
    pub(crate) reopening: JoinSet<()>,
    grace: Duration,
    pub(crate) doors: Vec<Door>,
    /// A task for each socket; those that were taken away go on until their last request is done.
    serving: JoinSet<()>,
    pub(crate) connections: Open,
    pub(crate) standing: Standing,
    pub(crate) admin: Option<Admin>,
    /// How many descriptors this process may have.
    descriptors: u64,
    pools: Arc<Pools>,
    key: Arc<Key>,
    profiles: ProfileBook,
    quota: Quota,
    run_times: Option<RunTimes>,
    /// One for each directory that may have links.
    pub(crate) sweepers: Vec<Sweeper>,
    /// What removes pins that are of no more use.
    pub(crate) pin_sweeper: Option<PinSweeper>,
    /// The same of managed volumes; none where no source is contained.
    pub(crate) volume_sweeper: Option<VolumeSweeper>,
    /// Where a Hostward that is to replace this one comes.
    pub(crate) reception: Option<Reception>,
    audit: Arc<Audit>,
}

/// The admin socket. Dropping it ends its task.
pub(crate) struct Admin {
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
    audit: Option<Sink>,
}

impl Service {
    fn new(settings: &Settings, descriptors: u64, inherited: Inherited) -> Self {
        let (connections, audit) = (Open::default(), Arc::<Audit>::default());
        let pools = Arc::new(Pools::new(&settings.limits.fitted(descriptors)));
        let publisher = Publisher::new(PortBounds::from(&settings.limits));
        let parts = ServiceParts {
            connections: connections.clone(),
            pools: Arc::clone(&pools),
            publisher: publisher.clone(),
            audit: Arc::clone(&audit),
        };
        Self {
            descriptors,
            pools,
            audit,
            key: Arc::new(key::load(settings.state.as_deref())),
            profiles: ProfileBook::default(),
            quota: Quota::default(),
            run_times: None,
            standing: Standing::new(settings.engine.clone(), parts),
            admin: None,
            inherited,
            containers: Containers::new(settings.engine.clone()),
            outage: Arc::default(),
            sweepers: Vec::new(),
            pin_sweeper: None,
            volume_sweeper: None,
            publisher,
            publishing: None,
            reopening: JoinSet::new(),
            grace: settings.grace,
            doors: Vec::new(),
            serving: JoinSet::new(),
            connections,
            reception: None,
        }
    }

    /// Makes these the settings; nothing changes where that fails.
    async fn apply(&mut self, settings: Settings) -> Result<(), ServeError> {
        let made = self.make(&settings).await?;
        let Settings { engine, listen, rules, grace, admin, limits, audit, profiles, .. } = settings;
        self.audit.turn_to(&audit, made.audit).map_err(ServeError::AuditThread)?;
        let contains = rules.contained || !profiles.is_empty();
        self.profiles.turn_to(profiles);
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
            self.outage = Arc::default();
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
        self.pin_sweeper = Some(self.pools.pins.sweep(engine.clone(), self.containers.changes()));
        self.volume_sweeper = contains.then(|| managed::sweep(engine.clone(), self.containers.changes()));
        let callers: Vec<_> = listen.iter().map(|one| one.callers.clone()).collect();
        let mut before = std::mem::take(&mut self.doors);
        for (((Listen { on, callers }, listener), tls), vantage) in
            listen.into_iter().zip(made.listeners).zip(made.acceptors).zip(vantages)
        {
            let key = Arc::clone(&self.key);
            let containers = self.containers.clone();
            let choice =
                ProfileChoice { book: self.profiles.clone(), socket: on.name(), quota: self.quota.clone() };
            let identify =
                Identify::new(callers, rules.clone(), choice, containers, vantage, key, &self.pools);
            let identify = Arc::new(identify);
            self.publishing = publisher.clone().map(|publisher| (publisher, Arc::clone(&identify)));
            let shared = Arc::new(Shared {
                engine: engine.clone(),
                outage: Arc::clone(&self.outage),
                identify,
                publisher: publisher.clone(),
                tls,
                pools: Arc::clone(&self.pools),
                limits: fitted,
                audit: Arc::clone(&self.audit),
            });
            let known = before.iter().position(|door| door.on.address() == on.address());
            let door = match (listener, known) {
                (None, Some(at)) => before.swap_remove(at).change(on, shared),
                (Some(listener), _) => {
                    tracing::info!(listen = %on, %engine, "serving");
                    Door::open(on, listener, shared, self.connections.clone(), &mut self.serving)
                }
                (None, None) => unreachable!("created a socket that did not exist before"),
            };
            self.doors.push(door);
        }
        for door in before {
            tracing::info!(listen = %door.on, "no longer serving");
            door.close(Phase::Draining);
        }
        let (book, key) = (self.profiles.clone(), Arc::clone(&self.key));
        self.run_times = RunTimes::of(self.containers.clone(), book, key);
        self.reopening.abort_all();
        if let Some((publisher, identify)) = self.publishing.clone() {
            self.reopening.spawn(publisher.reopen(identify));
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
        let Settings { engine, listen, admin, audit, .. } = settings;
        let all: Vec<&On> = listen.iter().map(|one| &one.on).chain(admin).collect();
        for (at, on) in all.iter().enumerate() {
            apart(on, &all[..at], Some(engine)).await?;
        }
        let acceptors = listen.iter().map(|one| Acceptor::of(&one.on)).collect::<Result<_, _>>()?;
        let mut listeners = Vec::new();
        for Listen { on, .. } in listen {
            listeners.push(match self.door(on) {
                Some(door) => {
                    door.listener().map_or(Ok(()), |one| not_the_engine(&one, engine))?;
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
        // One that another Hostward has made may have been open to others.
        for (one, listener) in listen.iter().zip(&listeners) {
            listener.iter().try_for_each(|listener| listener.adjust(&one.on))?;
        }
        let audit =
            Sink::open(&audit.to).map_err(|error| ServeError::Audit { file: audit.to.to_string(), error })?;
        self.adjust(&all)?;
        Ok(NewSockets { listeners, acceptors, admin, audit })
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
        let doors = self.doors.iter().filter_map(|door| Some((&door.on, door.listener()?)));
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

    /// The sockets that are served, and the admin socket.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = (Address, Arc<Listener>)> {
        let doors = self.doors.iter().filter_map(|door| Some((door.on.address(), door.listener()?)));
        doors.chain(self.admin.iter().map(|admin| (admin.on.address(), Arc::clone(&admin.listener))))
    }

    /// Takes no more connections, and lets those that there are finish.
    fn drain(&self) {
        for door in &self.doors {
            door.close(Phase::Draining);
        }
        self.standing.drains();
        tracing::info!(connections = self.connections.count(), "draining");
    }

    /// Waits for what runs, for so long at most. Who asks for the end of that which has all the time gives it what the settings
    /// say.
    async fn finish(self, mut control: Control, most: Option<Duration>) {
        let Self { mut serving, connections, publisher, grace, .. } = self;
        let mut deadline = most.map(|most| Instant::now() + most);
        let mut ended = pin!(async {
            while serving.join_next().await.is_some() {}
            if most.is_none() {
                publisher.finished().await;
            }
        });
        loop {
            let late = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = &mut ended => return,
                () = late => {
                    tracing::warn!(
                        connections = connections.count(),
                        "cutting off what still runs: clients of `docker exec` end with status 255; `drain` gives them \
                         more time, and `--replace` all that they need"
                    );
                    return;
                }
                order = control.next() => match (order, deadline) {
                    (Order::End, None) => deadline = Some(Instant::now() + grace),
                    (Order::End, Some(_)) => return,
                    (Order::Reload(..) | Order::Keep(_), _) => {}
                }
            }
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
