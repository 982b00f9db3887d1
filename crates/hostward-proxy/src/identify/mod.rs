//! Step 2: who is calling.
//!
//! The kernel names the process at the other end of the socket, `/proc` the container it is in, and the engine
//! what that container has mounted. It is asked at the first request that must be judged, not before. Whoever
//! cannot be told gets no guess: a request that names a path is refused then.
//!
//! Threat model: a caller may end between two look-ups, so that its pid names another process, and it may sit
//! in a container that this engine does not know. Its cgroup it may have named itself
//! where it has some to write to; what it cannot do is to have another container's root directory.

mod certificate;
mod containers;
mod events;
mod mounting;
mod network;
mod process;
mod vantage;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hostward::abilities::Abilities;
use hostward::api::answer::Reader;
use hostward::api::lenders::Borrowing;
use hostward::cgroup::ContainerId;
use hostward::explicit::Map;
use hostward::inspect::Container;
use hostward_engine::connect::Stream;
use hostward_engine::select::Selector;
use hostward_engine::{events as engine_events, list};

pub(crate) use containers::Containers;
pub use mounting::{Known, known};
pub(crate) use process::{Accepted, Process};
pub(crate) use vantage::Whereabouts;

use crate::lend::{self, Lending};
use crate::listen::Callers;
use crate::publish::Namespace;
use crate::serve::Rules;
use crate::sight::{Sight, look};
use process::{Files, Place};

/// What a socket tells of the one at its other end.
#[derive(Debug)]
pub(crate) enum Peer {
    /// The kernel knows its process (`SO_PEERCRED`).
    Process,
    /// It is at the far end of a connection in a network.
    Address(Ends),
    /// It has shown a certificate.
    Certificate {
        /// The names in it that mean a caller, and which.
        named: Vec<(String, Selector)>,
        /// Where it is.
        ends: Ends,
    },
}

impl Peer {
    /// The connection, where it is one in a network.
    pub(crate) fn ends(&self) -> Option<Ends> {
        match self {
            Self::Process => None,
            Self::Address(ends) | Self::Certificate { ends, .. } => Some(*ends),
        }
    }
}

/// A connection in a network, as the kernel has it on either side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    /// The client's address.
    pub(crate) remote: SocketAddr,
    /// Hostward's.
    pub(crate) local: SocketAddr,
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A process of the engine's machine itself: nothing of its requests changes, not a byte (T14).
    Host,
    /// Anyone else.
    Guest(Arc<Guest>),
}

/// A caller whose paths are not the engine's.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) who: Who,
    /// How it sees files.
    pub(crate) sight: Sight,
    /// What the engine can do for it.
    pub(crate) abilities: Abilities,
}

impl Guest {
    /// It, as the one who reads answers.
    pub(crate) fn reader(&self) -> Reader<'_> {
        let caller = match &self.who {
            Who::Container(container) => container.id.as_str(),
            Who::Unknown { .. } => "",
        };
        Reader { view: self.sight.view(), caller }
    }
}

/// A guest's name.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// A container of the engine.
    Container(Arc<Container>),
    /// Nobody that is known.
    Unknown {
        /// Why not.
        why: String,
        /// Whether the engine may be on another machine.
        remote: bool,
    },
}

impl Caller {
    /// Whether the answer is worth keeping. The engine that could not be asked now can be later.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::Guest(guest) if matches!(guest.who, Who::Unknown { .. }))
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Guest(guest) => match &guest.who {
                Who::Container(container) => write!(f, "{} ({})", container.name, container.id.short()),
                Who::Unknown { why, .. } => write!(f, "unknown ({why})"),
            },
        }
    }
}

/// How callers are told from each other.
#[derive(Debug)]
pub(crate) struct Identify {
    callers: Callers,
    rules: Rules,
    containers: Containers,
    whereabouts: Whereabouts,
    /// Those that only the engine shows, by their containers' ids: finding their mounts takes it a second.
    remote: Mutex<HashMap<String, Arc<Guest>>>,
}

/// How long after a container's processes run an engine may say that it was started.
const START_TAKES: Duration = Duration::from_secs(30);

/// More such callers than this at once are unlikely; then they are asked for again.
const MAX_REMOTE: usize = 256;

impl Identify {
    pub(crate) fn new(
        callers: Callers,
        rules: Rules,
        containers: Containers,
        whereabouts: Whereabouts,
    ) -> Self {
        Self { callers, rules, containers, whereabouts, remote: Mutex::default() }
    }

    /// Says who is at the other end of a connection.
    pub(crate) async fn identify(&self, client: &Stream, peer: &Peer, accepted: Accepted) -> Caller {
        let found = match (&self.callers, peer) {
            (Callers::One(selector), Peer::Process) => {
                let process = Process::of_peer(client, accepted).ok().flatten();
                self.one(selector, process).await.map(Some)
            }
            (Callers::One(selector), _) => self.one(selector, None).await.map(Some),
            (Callers::Relayed, _) => {
                Err("a relay connects here for others (`relay = true`), and who they are nobody tells"
                    .to_owned())
            }
            (Callers::Each, Peer::Process) => self.process(client, accepted).await,
            (Callers::Each, Peer::Address(ends)) => self.address(*ends, accepted).await.map(Some),
            (Callers::Each, Peer::Certificate { named, ends }) => {
                self.certified(named, *ends, accepted).await.map(Some)
            }
        };
        let guest = match found {
            Ok(None) => return Caller::Host,
            Ok(Some(guest)) => guest,
            Err(why) => {
                tracing::warn!(%why, "a caller is not known");
                let sight = Sight::of_maps(self.rules.maps.clone());
                let remote = self.containers.engine().socket().is_none();
                Arc::new(Guest { who: Who::Unknown { why, remote }, sight, abilities: Abilities::least() })
            }
        };
        Caller::Guest(guest)
    }

    /// The process at the other end of a unix socket; none when it is a process of the engine's machine.
    async fn process(&self, client: &Stream, accepted: Accepted) -> Result<Option<Arc<Guest>>, String> {
        let Some(process) = Process::of_peer(client, accepted)? else {
            let container = self.mounting(accepted).await?;
            return self.guest(container, None).await.map(Some);
        };
        let container = match process.place()? {
            Place::Container(id) => {
                let container = self.containers.get(id.as_str()).await?;
                if container.id != id {
                    return Err(format!("no container has the id {id}, though one is called so"));
                }
                match process.files(first_process(&container).as_ref())? {
                    Files::Container => container,
                    Files::Machine => return Ok(None),
                }
            }
            Place::Machine => return Ok(None),
            Place::Here => match &self.whereabouts.get(&self.containers).await?.container {
                // It has mounts that came since.
                Some(container) => self.containers.get(container.id.as_str()).await?,
                None => return Ok(None),
            },
            Place::Joined(hint) => self.joined(&process, &hint).await?,
        };
        self.guest(container, Some(process)).await.map(Some)
    }

    /// Makes sure that a container had its place when a connection was accepted: what had it then may be gone by now.
    ///
    /// Engines say that a container was started when its processes run already, and may call. So one that is said to have
    /// been started just after counts, if none has died since: whoever called is there still.
    async fn was_there(&self, accepted: Accepted, container: &Container) -> Result<(), String> {
        let later = || format!("the container {} was started after the connection was made", container.name);
        let late = container.started.ok_or_else(later)?.duration_since(accepted.clock()).unwrap_or_default();
        if late.is_zero() {
            return Ok(());
        }
        if late > START_TAKES {
            return Err(later());
        }
        let engine = self.containers.engine();
        match engine_events::started_and_none_died(engine, &container.id, accepted.clock()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(later()),
            Err(error) => Err(format!("{}: {error}", later())),
        }
    }

    async fn address(&self, ends: Ends, accepted: Accepted) -> Result<Arc<Guest>, String> {
        let (container, process) = self.at_address(ends, accepted).await?;
        self.guest(container, process).await
    }

    /// The container whose mount namespace a process was put into from outside: `hint`, or one that lives in its network
    /// and so has its files in /etc.
    async fn joined(&self, process: &Process, hint: &ContainerId) -> Result<Arc<Container>, String> {
        let namespace = process.mount_namespace()?;
        let guests = list::network_guests(self.containers.engine(), hint).await;
        let guests = guests.map_err(|error| error.to_string())?;
        for id in std::iter::once(hint.clone()).chain(guests) {
            let Ok(container) = self.containers.get(id.as_str()).await else { continue };
            let first = first_process(&container);
            if first.and_then(|first| first.mount_namespace().ok()) == Some(namespace) {
                return Ok(container);
            }
        }
        Err(process.unplaced())
    }

    /// The container that the socket was made for, or that a certificate names. Its files are seen through the peer where
    /// that is one of its processes, else (a relay, a network's peer) through its first process, or the engine.
    async fn one(&self, selector: &Selector, peer: Option<Process>) -> Result<Arc<Guest>, String> {
        let name = selector.name(self.containers.engine()).await.map_err(|error| error.to_string())?;
        let container = self.containers.get(&name).await?;
        if container.pid.is_none() {
            return Err(format!("the container {selector} is not running"));
        }
        let first = first_process(&container);
        let inside = |peer: &Process| {
            matches!(peer.place(), Ok(Place::Container(id)) if id == container.id)
                && peer.files(first.as_ref()) == Ok(Files::Container)
        };
        let process = peer.filter(inside).or(first);
        self.guest(container, process).await
    }

    async fn guest(&self, container: Arc<Container>, process: Option<Process>) -> Result<Arc<Guest>, String> {
        if let Some(guest) = self.kept(&container) {
            return Ok(guest);
        }
        let abilities = self.containers.abilities().await?;
        let sight = self.sight(&container, process, self.rules.maps.clone()).await?;
        let sight = sight.with_unmapped(container.unmapped().unwrap_or(self.rules.unmapped));
        let guest = Arc::new(Guest { who: Who::Container(container), sight, abilities });
        let complete = guest.sight.view().socket().is_some_and(|socket| socket.own.is_some());
        if complete && guest.sight.is_by_the_engine() {
            self.keep(&guest);
        }
        Ok(guest)
    }

    /// How files are seen in a container, through a process of it where there is one.
    async fn sight(
        &self,
        container: &Arc<Container>,
        process: Option<Process>,
        maps: Vec<Map>,
    ) -> Result<Sight, String> {
        let vantage = self.whereabouts.get(&self.containers).await.cloned().unwrap_or_default();
        let (engine, described) = (self.containers.engine().clone(), Arc::clone(container));
        let own = self.whereabouts.own().map(Path::to_owned);
        let meant = |error: &dyn fmt::Display| {
            format!("the container {} ({}): {error}", container.name, container.id.short())
        };
        let seen = look(move || {
            let pid = process.as_ref().map(Process::pid);
            let sight = Sight::of_container(pid, &engine, &described, maps, vantage.machine);
            // What was read by the pid was this process's only if it still has the pid. What the engine says of a
            // container whose process has ended is of no use either.
            process.as_ref().map_or(Ok(()), Process::check)?;
            Ok::<_, String>(sight.map(|sight| sight.with_socket(vantage.socket, own.as_deref())))
        });
        seen.await.map_err(|error| meant(&error))??.map_err(|reason| meant(&reason))
    }

    /// What is known of containers.
    pub(crate) fn containers(&self) -> &Containers {
        &self.containers
    }

    /// The container that Hostward is in.
    pub(crate) async fn container(&self) -> Option<Arc<Container>> {
        self.whereabouts.get(&self.containers).await.ok()?.container.clone()
    }

    /// The network of a container, to make sockets in.
    ///
    /// # Errors
    /// Where none can be made there from here.
    pub(crate) async fn network(&self, container: &Container) -> Result<Namespace, String> {
        let vantage = self.whereabouts.get(&self.containers).await?;
        if vantage.container.as_ref().is_some_and(|own| own.id == container.id) {
            return Ok(Namespace::Own);
        }
        let unseen = || format!("the processes of the container {} cannot be seen from here", container.name);
        let first = first_process(container).ok_or_else(unseen)?;
        let namespace = Namespace::of(first.pid()).map_err(|error| {
            format!("the network of the container {} cannot be entered: {error}", container.name)
        })?;
        first.check()?;
        Ok(namespace)
    }

    /// The containers that a request takes mounts from. What the engine does not know it refuses by itself.
    ///
    /// # Errors
    /// Where it is not known what one of them has.
    pub(crate) async fn lending(&self, borrowing: Borrowing) -> Result<Lending, String> {
        let mut lenders = Vec::new();
        for asked in borrowing.lenders {
            let Some(container) = self.containers.named(&asked.name).await? else { continue };
            let first = first_process(&container);
            // It hands over what the engine mounted; a map says nothing of that.
            let sight = self.sight(&container, first, Vec::new()).await?;
            lenders.push(lend::Lender { asked, container, sight: Arc::new(sight) });
        }
        Ok(Lending { lenders, directory: borrowing.directory, how: self.rules.volumes_from })
    }

    /// The guest that was found in this container before, as long as the engine's description of it holds.
    fn kept(&self, container: &Arc<Container>) -> Option<Arc<Guest>> {
        let remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        let guest = remote.get(container.id.as_str())?;
        let same = matches!(&guest.who, Who::Container(known) if Arc::ptr_eq(known, container));
        same.then(|| Arc::clone(guest))
    }

    fn keep(&self, guest: &Arc<Guest>) {
        let mut remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        if remote.len() >= MAX_REMOTE {
            remote.clear();
        }
        remote.insert(guest.reader().caller.to_owned(), Arc::clone(guest));
    }
}

/// The first process of a container, where it can be seen from here.
pub(crate) fn first_process(container: &Container) -> Option<Process> {
    let process = Process::open(container.pid?).ok()?;
    // The pid is the engine's word, and may mean somebody else here.
    matches!(process.place(), Ok(Place::Container(id)) if id == container.id).then_some(process)
}
