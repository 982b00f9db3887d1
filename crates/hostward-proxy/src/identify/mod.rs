//! Step 2: who is calling.
//!
//! The kernel names the process at the other end of the socket, `/proc` the container it is in, and the engine
//! what that container has mounted. It is asked at the first request that must be judged, not before. Whoever
//! cannot be told gets no guess: a request that names a path is refused then.
//!
//! Threat model: a caller may end between two look-ups, so that its pid names another process, and it may sit
//! in a container that this engine does not know. What it cannot do is leave its cgroup without being root on
//! the machine already.

mod containers;
mod events;
mod process;
mod sockets;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hostward::abilities::Abilities;
use hostward::api::answer::Reader;
use hostward::explicit::Map;
use hostward::inspect::Container;
use hostward_engine::connect::Stream;

pub(crate) use containers::Containers;
pub(crate) use process::Accepted;
pub(crate) use sockets::Sockets;

use crate::sight::{Sight, look};
use process::{Found, Process};

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
            Who::Unknown(_) => "",
        };
        Reader { view: self.sight.view(), caller }
    }
}

/// A guest's name.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// A container of the engine.
    Container(Arc<Container>),
    /// Nobody that is known, and why.
    Unknown(String),
}

impl Caller {
    /// Whether the answer is worth keeping. The engine that could not be asked now can be later.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::Guest(guest) if matches!(guest.who, Who::Unknown(_)))
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Guest(guest) => match &guest.who {
                Who::Container(container) => write!(f, "{} ({})", container.name, container.id.short()),
                Who::Unknown(why) => write!(f, "unknown ({why})"),
            },
        }
    }
}

/// How callers are told from each other.
#[derive(Debug)]
pub(crate) struct Identify {
    /// The socket is one container's: its name or id.
    for_container: Option<String>,
    maps: Vec<Map>,
    containers: Containers,
    sockets: Sockets,
    /// Those that only the engine shows, by their containers' ids: finding their mounts takes it a second.
    remote: Mutex<HashMap<String, Arc<Guest>>>,
}

/// More such callers than this at once are unlikely; then they are asked for again.
const MAX_REMOTE: usize = 256;

impl Identify {
    pub(crate) fn new(
        for_container: Option<String>,
        maps: Vec<Map>,
        containers: Containers,
        sockets: Sockets,
    ) -> Self {
        Self { for_container, maps, containers, sockets, remote: Mutex::default() }
    }

    /// Says who is at the other end of a connection.
    pub(crate) async fn identify(&self, client: &Stream, accepted: Accepted) -> Caller {
        let peer = Process::of_peer(client, accepted);
        let found = match &self.for_container {
            Some(name) => self.named(name, peer).await.map(Some),
            None => self.peer(peer).await,
        };
        let guest = match found {
            Ok(None) => return Caller::Host,
            Ok(Some(guest)) => guest,
            Err(why) => {
                tracing::warn!(%why, "a caller is not known");
                let sight = Sight::of_maps(self.maps.clone());
                Arc::new(Guest { who: Who::Unknown(why), sight, abilities: Abilities::least() })
            }
        };
        Caller::Guest(guest)
    }

    /// The process at the other end; none when it is a process of the host.
    async fn peer(&self, peer: Result<Process, String>) -> Result<Option<Arc<Guest>>, String> {
        let process = peer?;
        let id = match process.container()? {
            Found::Container(id) => id,
            Found::Host => return Ok(None),
        };
        let container = self.containers.get(id.as_str()).await?;
        self.guest(container, Some(process)).await.map(Some)
    }

    /// The container that the socket was made for. Its files are seen through the peer where that is one of its
    /// processes, else (a relay, another machine's peer) through its first process, or the engine.
    async fn named(&self, name: &str, peer: Result<Process, String>) -> Result<Arc<Guest>, String> {
        let container = self.containers.get(name).await?;
        let inside =
            |process: &Process| matches!(process.container(), Ok(Found::Container(id)) if id == container.id);
        let process = if let Some(peer) = peer.ok().filter(inside) {
            Some(peer)
        } else {
            let pid = container.pid.ok_or_else(|| format!("the container {name} is not running"))?;
            Process::open(pid).ok().filter(inside)
        };
        self.guest(container, process).await
    }

    async fn guest(&self, container: Arc<Container>, process: Option<Process>) -> Result<Arc<Guest>, String> {
        if let Some(guest) = self.kept(&container) {
            return Ok(guest);
        }
        let abilities = self.containers.abilities().await?;
        let socket = self.sockets.get(&self.containers).await;
        let complete = socket.own.is_some();
        let (engine, maps) = (self.containers.engine().clone(), self.maps.clone());
        let guest = look(move || {
            let pid = process.as_ref().map(Process::pid);
            let sight = Sight::of_container(pid, &engine, &container, maps)
                .map_err(|reason| format!("the container {}: {reason}", container.name))?;
            // What was read by the pid was this process's only if it still has the pid.
            process.as_ref().map_or(Ok(()), Process::check)?;
            let sight = sight.with_socket(socket);
            Ok::<_, String>(Arc::new(Guest { who: Who::Container(container), sight, abilities }))
        })
        .await??;
        if complete && guest.sight.is_by_the_engine() {
            self.keep(&guest);
        }
        Ok(guest)
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
