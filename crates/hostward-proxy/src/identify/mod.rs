//! Step 2: who is calling.
//!
//! The kernel names the process at the other end of the socket, `/proc` the container it is in, and the engine
//! what that container has mounted. It is asked at the first request that must be judged, not before. Whoever
//! cannot be told gets no guess: a request that names a path is refused then.
//!
//! Threat model: a caller may end between two look-ups, so that its pid names another process, and it may sit
//! in a container that this engine does not know. Its cgroup it may have named itself
//! where it has some to write to, and have made any directory that it sees its root; what it cannot do is to leave its
//! mount namespace for one that somebody else has made ([`home`]).
//!
//! Whatever looks at a process's root directory runs within [`look`]: it may be on a server that has gone.

mod certificate;
mod containers;
mod error;
mod events;
mod home;
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
use hostward::api::lenders::Borrowing;
use hostward::api::reader::Reader;
use hostward::cgroup::ContainerId;
use hostward::explicit::Map;
use hostward::inspect::Container;
use hostward::seal::Key;
use hostward_engine::select::Selector;
use hostward_engine::stream::Stream;
use hostward_engine::{events as engine_events, list};

pub(crate) use containers::Containers;
pub use error::IdentifyError;
pub use mounting::{Known, known};
pub(crate) use process::{Accepted, Process};
pub(crate) use vantage::Whereabouts;

use crate::lend::{self, Lending};
use crate::listen::Callers;
use crate::lookups::Lookups;
use crate::pool::Holder;
use crate::publish::Namespace;
use crate::serve::Rules;
use home::{File, Files, Home};
use hostward_sight::{Machine, Sight};
use process::Place;

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
    /// What is written down for it is signed with this.
    pub(crate) key: Arc<Key>,
}

impl Guest {
    /// It, as the one who reads answers.
    pub(crate) fn reader(&self) -> Reader<'_> {
        let caller = match &self.who {
            Who::Container(container) => container.id.as_str(),
            Who::Apart { .. } | Who::Unknown { .. } => "",
        };
        Reader { view: self.sight.view(), caller, key: &self.key }
    }

    /// Whose share of what callers share its requests take.
    pub(crate) fn holder(&self) -> Holder {
        match &self.who {
            Who::Container(container) => Holder::Container(container.id.clone()),
            Who::Apart { .. } => Holder::Machine,
            Who::Unknown { .. } => Holder::Strangers,
        }
    }

    /// Whether it is a process of the machine in a mount namespace of its own: what it may name goes on to the byte, and
    /// its answers come back so.
    pub(crate) fn is_apart(&self) -> bool {
        matches!(self.who, Who::Apart { .. })
    }
}

/// A guest's name.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// A container of the engine.
    Container(Arc<Container>),
    /// A process of the engine's machine in a mount namespace of its own: its paths are the engine's where both see one
    /// file.
    Apart {
        /// Its pid.
        pid: u32,
    },
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
                Who::Apart { pid } => write!(f, "host (pid {pid}, in a mount namespace of its own)"),
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
    /// What is written down for callers is signed with this.
    key: Arc<Key>,
    lookups: Arc<Lookups>,
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
        key: Arc<Key>,
        lookups: Arc<Lookups>,
    ) -> Self {
        Self { callers, rules, containers, whereabouts, key, lookups, remote: Mutex::default() }
    }

    /// Says who is at the other end of a connection.
    pub(crate) async fn identify(&self, client: &Stream, peer: &Peer, accepted: Accepted) -> Caller {
        let found = match (&self.callers, peer) {
            (Callers::One(selector), Peer::Process) => {
                let process = Process::of_peer(client, accepted).ok().flatten();
                self.one(selector, process).await.map(Some)
            }
            (Callers::One(selector), _) => self.one(selector, None).await.map(Some),
            (Callers::Relayed, _) => Err(IdentifyError::Relayed),
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
                let why = why.to_string();
                tracing::warn!(why, "a caller is not known");
                let sight = Sight::of_maps(self.rules.maps.clone());
                let remote = self.containers.engine().socket().is_none();
                // What the engine is must be known of Podman, which reads some requests in its own way.
                let abilities = self.containers.abilities().await;
                let abilities = abilities.unwrap_or(Abilities::least().as_podman());
                let key = Arc::clone(&self.key);
                Arc::new(Guest { who: Who::Unknown { why, remote }, sight, abilities, key })
            }
        };
        Caller::Guest(guest)
    }

    /// The process at the other end of a unix socket; none when it is a process of the engine's machine.
    async fn process(
        &self,
        client: &Stream,
        accepted: Accepted,
    ) -> Result<Option<Arc<Guest>>, IdentifyError> {
        let Some(process) = Process::of_peer(client, accepted)? else {
            let container = self.mounting(accepted).await?;
            return self.guest(container, None).await.map(Some);
        };
        let Some(id) = process.container_id()? else { return self.outside(process).await };
        let container = self.containers.get(id.as_str()).await?;
        if container.id != id {
            return Err(IdentifyError::NotAnId(id));
        }
        let first = first_process(&container);
        self.guest_by(container, move || match process.files(first.as_ref())? {
            Files::Container => Ok(Some(Some(process))),
            Files::Machine => Ok(None),
        })
        .await
    }

    /// A process of which no cgroup says that it is in a container; none when it is one of the engine's machine.
    async fn outside(&self, process: Process) -> Result<Option<Arc<Guest>>, IdentifyError> {
        let placed =
            self.lookups.look_for_caller(move || Ok::<_, IdentifyError>((process.place()?, process))).await;
        let (place, process) = placed.map_err(IdentifyError::look)??;
        let here = match &place {
            Place::Here | Place::Beside => &self.whereabouts.get(&self.containers).await?.container,
            Place::Machine | Place::Apart | Place::Joined { .. } => &None,
        };
        let container = match (place, here) {
            (Place::Machine, _) | (Place::Here, None) => return Ok(None),
            (Place::Apart, _) | (Place::Beside, None) => return self.apart(process).await.map(Some),
            // It has mounts that came since.
            (Place::Here | Place::Beside, Some(container)) => {
                self.containers.get(container.id.as_str()).await?
            }
            (Place::Joined { home, hint }, _) => self.joined(&process, &home, hint.as_ref()).await?,
        };
        self.guest(container, Some(process)).await.map(Some)
    }

    /// A process of the machine in a mount namespace of its own.
    async fn apart(&self, process: Process) -> Result<Arc<Guest>, IdentifyError> {
        let vantage = self.whereabouts.get(&self.containers).await.cloned().unwrap_or_default();
        let abilities = self.containers.abilities().await?;
        let pid = process.pid();
        let seen = self.lookups.look_for_caller(move || {
            let sight = Sight::of_host_process(pid, vantage.socket);
            process.check().map(|()| sight)
        });
        let sight = seen.await.map_err(IdentifyError::look)??;
        let sight =
            sight.map_err(|reason| IdentifyError::Files { whose: format!("process {pid}"), reason })?;
        let key = Arc::clone(&self.key);
        Ok(Arc::new(Guest { who: Who::Apart { pid }, sight, abilities, key }))
    }

    /// Makes sure that a container had its place when a connection was accepted: what had it then may be gone by now.
    ///
    /// Engines say that a container was started when its processes run already, and may call. So one that is said to have
    /// been started just after counts, if none has died since: whoever called is there still.
    async fn was_there(&self, accepted: Accepted, container: &Container) -> Result<(), IdentifyError> {
        let later = |error| IdentifyError::StartedLater { container: container.name.clone(), error };
        let late = container
            .started
            .ok_or_else(|| later(None))?
            .duration_since(accepted.clock())
            .unwrap_or_default();
        if late.is_zero() {
            return Ok(());
        }
        if late > START_TAKES {
            return Err(later(None));
        }
        let engine = self.containers.engine();
        match engine_events::started_and_none_died(engine, &container.id, accepted.clock()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(later(None)),
            Err(error) => Err(later(Some(Arc::new(error)))),
        }
    }

    async fn address(&self, ends: Ends, accepted: Accepted) -> Result<Arc<Guest>, IdentifyError> {
        let (container, process) = self.at_address(ends, accepted).await?;
        self.guest(container, process).await
    }

    /// The container whose mount namespace a process is in that has its files there: `hint`, one that lives in its network
    /// and so has its files in /etc, or any.
    async fn joined(
        &self,
        process: &Process,
        home: &Home,
        hint: Option<&ContainerId>,
    ) -> Result<Arc<Container>, IdentifyError> {
        let engine = self.containers.engine();
        let mut likely: Vec<_> = hint.cloned().into_iter().collect();
        if let Some(hint) = hint {
            likely.extend(list::network_guests(engine, hint).await?);
        }
        let mut found = self.holder(process, home.namespace(), likely).await?;
        // A `chroot` hides the files in /etc. The engine's pids mean nothing here where its machine is another.
        if found.is_none() && self.whereabouts.get(&self.containers).await?.machine == Machine::Seen {
            let running = list::running(engine).await?.into_iter().map(|one| one.id);
            found = self.holder(process, home.namespace(), running).await?;
        }
        match found {
            Some(container) if home.is_top() => Ok(container),
            Some(container) => Err(process.has_own_root(format!("the container {}", container.name))),
            None if home.is_of_another_user_namespace() => Err(IdentifyError::UserNamespace(process.pid())),
            None => Err(IdentifyError::Unplaced(process.pid())),
        }
    }

    /// The one of these containers whose first process is in a mount namespace.
    async fn holder(
        &self,
        process: &Process,
        namespace: File,
        containers: impl IntoIterator<Item = ContainerId>,
    ) -> Result<Option<Arc<Container>>, IdentifyError> {
        for id in containers {
            let Ok(container) = self.containers.get(id.as_str()).await else { continue };
            let first = container.pid.and_then(|pid| Process::open(pid).ok());
            let Some(first) = first.filter(|first| first.is_in(namespace)) else { continue };
            // The pid is the engine's word, and may mean somebody else here.
            if first.container_id()?.as_ref() == Some(&container.id) {
                return Ok(Some(container));
            }
            let (pid, container) = (process.pid(), container.name.clone());
            return Err(IdentifyError::Moved { pid, container });
        }
        Ok(None)
    }

    /// The container that the socket was made for, or that a certificate names. Its files are seen through the peer where
    /// that is one of its processes, else (a relay, a network's peer) through its first process, or the engine.
    async fn one(&self, selector: &Selector, peer: Option<Process>) -> Result<Arc<Guest>, IdentifyError> {
        let name = selector.name(self.containers.engine()).await?;
        let container = self.containers.called(&name).await?;
        if container.pid.is_none() {
            return Err(IdentifyError::NotRunning(selector.clone()));
        }
        let first = first_process(&container);
        let is_of_it =
            |peer: &Process| peer.container_id().is_ok_and(|id| id.as_ref() == Some(&container.id));
        let peer = peer.filter(is_of_it);
        let guest = self.guest_by(container, move || {
            let is_inside = |peer: &Process| matches!(peer.files(first.as_ref()), Ok(Files::Container));
            Ok(Some(peer.filter(is_inside).or(first)))
        });
        guest.await?.ok_or_else(|| IdentifyError::NotRunning(selector.clone()))
    }

    async fn guest(
        &self,
        container: Arc<Container>,
        process: Option<Process>,
    ) -> Result<Arc<Guest>, IdentifyError> {
        let name = container.name.clone();
        let guest = self.guest_by(container, move || Ok(Some(process))).await?;
        guest.ok_or(IdentifyError::Unseen(name))
    }

    /// The guest in a container, through the process that `eyes` gives, which may block; none where that gives none.
    async fn guest_by(
        &self,
        container: Arc<Container>,
        eyes: impl FnOnce() -> Result<Option<Option<Process>>, IdentifyError> + Send + 'static,
    ) -> Result<Option<Arc<Guest>>, IdentifyError> {
        if let Some(guest) = self.kept(&container) {
            let is_of_it = self.lookups.look_for_caller(move || eyes().map(|eyes| eyes.is_some())).await;
            return Ok(is_of_it.map_err(IdentifyError::look)??.then_some(guest));
        }
        let abilities = self.containers.abilities().await?;
        let Some(sight) = self.sight(&container, eyes, self.rules.maps.clone()).await? else {
            return Ok(None);
        };
        let sight = sight.with_unmapped(self.rules.unmapped(&container));
        let key = Arc::clone(&self.key);
        let guest = Arc::new(Guest { who: Who::Container(container), sight, abilities, key });
        let complete = guest.sight.view().socket().is_some_and(|socket| socket.own.is_some());
        if complete && guest.sight.is_by_the_engine() {
            self.keep(&guest);
        }
        Ok(Some(guest))
    }

    /// How files are seen in a container, through the process that `eyes` gives, or the engine where that gives a
    /// container without one.
    async fn sight(
        &self,
        container: &Arc<Container>,
        eyes: impl FnOnce() -> Result<Option<Option<Process>>, IdentifyError> + Send + 'static,
        maps: Vec<Map>,
    ) -> Result<Option<Sight>, IdentifyError> {
        let vantage = self.whereabouts.get(&self.containers).await.cloned().unwrap_or_default();
        let (engine, described) = (self.containers.engine().clone(), Arc::clone(container));
        let own = self.whereabouts.own().map(Path::to_owned);
        let whose = format!("the container {} ({})", container.name, container.id.short());
        let seen = self.lookups.look_for_caller(move || {
            let Some(process) = eyes()? else { return Ok(None) };
            let pid = process.as_ref().map(Process::pid);
            let sight = Sight::of_container(pid, &engine, &described, maps, vantage.machine);
            // What was read by the pid was this process's only if it still has the pid. What the engine says of a
            // container whose process has ended is of no use either.
            process.as_ref().map_or(Ok(()), Process::check)?;
            let sight = sight.map_err(|reason| IdentifyError::Files { whose, reason })?;
            Ok(Some(sight.with_socket(vantage.socket, own.as_deref())))
        });
        seen.await.map_err(IdentifyError::look)?
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
    pub(crate) async fn network(&self, container: &Container) -> Result<Namespace, IdentifyError> {
        let vantage = self.whereabouts.get(&self.containers).await?;
        if vantage.container.as_ref().is_some_and(|own| own.id == container.id) {
            return Ok(Namespace::Own);
        }
        let name = || container.name.clone();
        let first = first_process(container).ok_or_else(|| IdentifyError::Unseen(name()))?;
        let namespace = Namespace::of(first.pid())
            .map_err(|error| IdentifyError::Network { container: name(), error: Arc::new(error) })?;
        first.check()?;
        Ok(namespace)
    }

    /// The containers that a request takes mounts from. What the engine does not know it refuses by itself.
    ///
    /// # Errors
    /// Where it is not known what one of them has.
    pub(crate) async fn lending(&self, borrowing: Borrowing) -> Result<Lending, IdentifyError> {
        let mut lenders: Vec<lend::Lender> = Vec::new();
        for asked in borrowing.lenders {
            // A name that stands there again means the same container, which is looked into once.
            if let Some(known) = lenders.iter().find(|known| known.asked.name == asked.name) {
                let (container, sight) = (Arc::clone(&known.container), Arc::clone(&known.sight));
                lenders.push(lend::Lender { asked, container, sight });
                continue;
            }
            let Some(container) = self.containers.named(&asked.name).await? else { continue };
            let first = first_process(&container);
            // It hands over what the engine mounted; a map says nothing of that.
            let Some(sight) = self.sight(&container, move || Ok(Some(first)), Vec::new()).await? else {
                continue;
            };
            lenders.push(lend::Lender { asked, container, sight: Arc::new(sight) });
        }
        Ok(Lending { lenders, directory: borrowing.directory, how: self.rules.volumes_from })
    }

    /// The names of the labels that come with an image, of a container that is to be created. By the time that the engine
    /// creates it the name may mean another image: nothing that is allowed may hang on this.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub(crate) async fn image_labels(&self, image: Option<&str>) -> Result<Vec<String>, IdentifyError> {
        match image {
            Some(image) => self.containers.image_labels(image).await,
            None => Ok(Vec::new()),
        }
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
    process.container_id().is_ok_and(|id| id.as_ref() == Some(&container.id)).then_some(process)
}
