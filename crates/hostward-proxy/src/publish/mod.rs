//! Published ports where the caller looks for them: on its localhost, and where it has Hostward's own address for the engine's,
//! there.
//!
//! A client on a machine of its own finds the ports of the containers that it starts on localhost. In a container it does
//! not: the engine opens them on its own machine. So Hostward opens the same ones in the network of the container that
//! calls, as long as the container that publishes them runs.

mod bounds; // how much they may take, and what is left of it
mod connections; // TCP
mod datagrams; // UDP
mod lingering; // connections that are over
mod made; // whose containers are whose
mod namespace; // sockets in the networks of containers
mod port; // one that is open
mod said; // what is not said again and again
mod senders; // who is to be answered by UDP
mod target; // where what comes goes

use std::collections::HashMap;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hostward::cgroup::ContainerId;
use hostward::inspect::Container;
use hostward::network::Published;
use tokio::task::AbortHandle;

pub(crate) use bounds::Bounds;
use bounds::{Met, Room, Share, Taken};
use made::Made;
pub(crate) use namespace::Namespace;
use port::{Place, Port};
use target::{Target, is_short};

use crate::identify::{Ends, Identify, Process, first_process};

/// How long an engine that does not answer is left alone, and a burst of events is let go by.
const PAUSE: Duration = Duration::from_secs(1);
const BURST: Duration = Duration::from_millis(20);

/// How often an engine is asked which container was started.
const TRIES: u32 = 10;

/// Keeps the ports of all containers that callers have started.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    keepers: Arc<Mutex<HashMap<Pair, Keeping>>>,
    made: Arc<Mutex<Made>>,
    room: Arc<Room>,
}

/// The ids of the container that publishes and of the one that calls.
type Pair = (String, String);

/// Who keeps the ports of a pair.
#[derive(Debug)]
struct Keeping {
    task: AbortHandle,
    /// The container was started again: its keeper, which may just be done, has to look once more.
    again: bool,
}

/// What an answer to a start says of who has started the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Started {
    /// The one who asked (204). That may be anybody's container: who starts it, or starts it again, wants to use it.
    Now,
    /// Somebody, before (304). To ask for what runs already is a habit of tools with their own containers; of others' it
    /// would be a way to have their ports on the own localhost, and in the way there.
    Before,
}

impl Started {
    /// None where nothing was started.
    fn by(status: u16) -> Option<Self> {
        match status {
            204 => Some(Self::Now),
            304 => Some(Self::Before),
            _ => None,
        }
    }
}

impl Publisher {
    /// One that keeps to these.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { keepers: Arc::default(), made: Arc::default(), room: Room::new(bounds) }
    }

    /// The engine has said that a caller has made a container: the id in its answer (201) to a create. What is no id is none
    /// of a container.
    pub(crate) fn made(&self, caller: &ContainerId, created: &str) {
        if let Some(created) = ContainerId::parse(created.as_bytes()) {
            lock(&self.made).add(caller, &created);
        }
    }

    /// The engine has answered with this status to a caller that asked to start or restart a container of this name or id;
    /// if by a network, on this connection. Ports are opened where that has started it.
    pub(crate) fn started(
        &self,
        identify: Arc<Identify>,
        name: String,
        caller: Arc<Container>,
        by: Option<Ends>,
        status: u16,
    ) {
        let Some(started) = Started::by(status) else { return };
        // Its localhost is the engine's machine's, where they are open already.
        if caller.network.is_the_machines() {
            return;
        }
        let publisher = self.clone();
        tokio::spawn(async move {
            for _ in 0..TRIES {
                match identify.containers().named(&name).await {
                    Ok(Some(container)) if !publisher.is_to_open(started, &caller.id, &container.id) => {
                        return;
                    }
                    Ok(Some(container)) => return publisher.keep(identify, &container, caller, by),
                    Ok(None) => return,
                    Err(why) => tracing::warn!(container = name, %why, "its ports are not known"),
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Whether a container's ports are to be opened for a caller. What was forgotten is not: see [`Made`].
    fn is_to_open(&self, started: Started, caller: &ContainerId, container: &ContainerId) -> bool {
        match started {
            Started::Now => true,
            Started::Before => lock(&self.made).has(caller, container),
        }
    }

    fn keep(&self, identify: Arc<Identify>, container: &Container, caller: Arc<Container>, by: Option<Ends>) {
        let pair = (container.id.to_string(), caller.id.to_string());
        let mut keepers = self.keepers();
        match keepers.get_mut(&pair) {
            // One whose task has panicked keeps nothing any more.
            Some(keeping) if !keeping.task.is_finished() => keeping.again = true,
            _ => {
                let publisher = self.clone();
                let share = self.room.share(caller.id.as_str());
                let (first, open) = (None, HashMap::new());
                let keeper = Keeper { identify, caller, by, share, first, open, short: false };
                let task = tokio::spawn(keeper.run(pair.clone(), publisher)).abort_handle();
                keepers.insert(pair, Keeping { task, again: false });
            }
        }
    }

    /// Whether the keeper of a pair is done.
    fn is_done(&self, pair: &Pair) -> bool {
        let mut keepers = self.keepers();
        let again = keepers.get_mut(pair).is_some_and(|keeping| std::mem::take(&mut keeping.again));
        if !again {
            keepers.remove(pair);
        }
        !again
    }

    /// Closes all of them.
    pub(crate) fn close(&self) {
        self.keepers().drain().for_each(|(_, keeping)| keeping.task.abort());
    }

    fn keepers(&self) -> MutexGuard<'_, HashMap<Pair, Keeping>> {
        lock(&self.keepers)
    }
}

/// Nothing in here leaves what it locks half-changed.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// When something has changed.
    Change,
    /// The same, or when others may have made room.
    Room,
    /// Before the engine says so.
    Soon,
    /// Nothing more is to come.
    Nothing,
}

/// Waits for the end of a process, or for ever.
async fn ended(process: Option<&Process>) {
    match process {
        Some(process) => process.ended().await,
        None => std::future::pending().await,
    }
}

/// Whether this process may open ports in the networks of containers.
///
/// # Errors
/// Why it may not.
pub async fn may_publish() -> Result<(), String> {
    // To go where it is takes the same as to go elsewhere.
    let own = Namespace::of(std::process::id()).map_err(|error| error.to_string())?;
    own.make(|| Ok(())).await.map_err(|error| error.to_string())
}

/// Keeps the ports of one container open.
struct Keeper {
    identify: Arc<Identify>,
    caller: Arc<Container>,
    /// How the caller came to Hostward, if by a network.
    by: Option<Ends>,
    /// What the caller may have of all that published ports take.
    share: Arc<Share>,
    /// The container's first process, where that can be seen: it is known to have ended before the engine says so.
    first: Option<Process>,
    /// What is open, and of which first process; nothing where it was said that it cannot be.
    open: HashMap<(u32, Published), Vec<Port>>,
    /// There is no room for the others, which has been said.
    short: bool,
}

/// Ports of a container that are not open, and not for good.
#[derive(Debug, thiserror::Error)]
enum Short {
    #[error("{0}")]
    Met(#[from] Met),
    #[error("{0}")]
    Descriptors(std::io::Error),
}

/// Where a container is reached from here.
#[derive(Debug, Clone)]
struct Way {
    from: Namespace,
    address: IpAddr,
    /// By the number that the engine's machine has a port by.
    outside: bool,
}

impl Way {
    fn to(&self, published: Published) -> Target {
        let port = if self.outside { published.outside } else { published.inside };
        Target::within(self.from.clone(), SocketAddr::new(self.address, port))
    }
}

impl Keeper {
    /// Until the container has gone, or the caller.
    async fn run(mut self, pair: Pair, publisher: Publisher) {
        let id = &pair.0;
        let mut changes = self.identify.containers().changes();
        loop {
            changes.mark_unchanged();
            match self.look(id).await {
                Ok(next @ (Next::Change | Next::Room)) => {
                    tokio::select! {
                        _ = changes.changed() => tokio::time::sleep(BURST).await,
                        () = ended(self.first.as_ref()) => {}
                        () = tokio::time::sleep(PAUSE), if next == Next::Room => {}
                    }
                }
                Ok(Next::Soon) => tokio::time::sleep(PAUSE).await,
                Ok(Next::Nothing) if publisher.is_done(&pair) => return,
                Ok(Next::Nothing) => {}
                Err(why) => {
                    tracing::debug!(container = id, why, "its ports are not known");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Opens and closes what has to be.
    async fn look(&mut self, id: &str) -> Result<Next, String> {
        let containers = self.identify.containers();
        let caller = containers.find(self.caller.id.as_str()).await.map_err(|why| why.to_string())?;
        if caller.is_none_or(|caller| caller.pid != self.caller.pid) {
            return Ok(Next::Nothing);
        }
        let container = containers.find(id).await.map_err(|why| why.to_string())?;
        let Some(container) = container else { return Ok(Next::Nothing) };
        let Some(pid) = container.pid else {
            (self.first, self.open) = (None, HashMap::new());
            return Ok(if container.restarts { Next::Change } else { Next::Nothing });
        };
        let published = &container.network.published;
        // A handle on a process takes a descriptor, which is not for those that publish nothing.
        if !published.is_empty() && self.first.as_ref().is_none_or(|first| first.pid() != pid) {
            self.first = first_process(&container);
        }
        if self.first.as_ref().is_some_and(|first| first.check().is_err()) {
            self.open.clear();
            containers.forget(id);
            return Ok(Next::Soon);
        }
        self.open.retain(|(of, open), _| *of == pid && published.contains(open));
        if self.open.len() == published.len() {
            self.short = false;
            return Ok(Next::Change);
        }
        let Err(why) = self.publish(&container, pid).await else { return Ok(Next::Change) };
        if !std::mem::replace(&mut self.short, true) {
            let (caller, container) = (&*self.caller.name, &*container.name);
            let closed = published.len() - self.open.len();
            tracing::warn!(caller, container, closed, %why, "ports are not opened for the caller as long as that is so");
        }
        Ok(Next::Room)
    }

    /// Opens those that are not, wherever the caller looks for them.
    ///
    /// # Errors
    /// What there is too little of for one of them; then the others are not tried.
    async fn publish(&mut self, container: &Container, pid: u32) -> Result<(), Short> {
        let way = self.way(container).await.ok_or("nothing leads to that container from here");
        let localhost = self.identify.network(&self.caller).await.map_err(|why| why.to_string());
        let own = self.own().await;
        if localhost.is_err() || way.is_err() {
            // Which may be for this alone, though it does not say so.
            descriptor().map_err(Short::Descriptors)?;
        }
        for published in &container.network.published {
            if self.open.contains_key(&(pid, *published)) {
                continue;
            }
            let (caller, container, port) = (&*self.caller.name, &*container.name, published.outside);
            let _said_of = tracing::info_span!("publish", caller, container, port).entered();
            let places = [Some(localhost.clone().map(Place::localhost)), own.map(Place::own).map(Ok)];
            let say = |why: &String| tracing::info!(why, "not opened for the caller");
            let both = |place: Result<Place, String>| place.and_then(|place| Ok((place, way.clone()?)));
            let places = places.into_iter().flatten().filter_map(|place| both(place).inspect_err(say).ok());
            // All of them or none: see `Next::Room`.
            let places =
                places.map(|place| Ok((place, self.share.port()?))).collect::<Result<Vec<_>, Met>>()?;
            let open = |((place, way), taken): ((Place, Way), Taken)| {
                Port::open(place, way.to(*published), *published, Arc::clone(&self.share), taken)
            };
            let ports = places.into_iter().map(open).collect();
            self.open.insert((pid, *published), ports);
        }
        Ok(())
    }

    /// Hostward's side of a connection, where the caller takes that for the engine's machine's and it is another: there the
    /// engine has opened nothing.
    async fn own(&self) -> Option<Ends> {
        let container = self.identify.container().await?;
        self.by.filter(|_| !container.network.is_the_machines())
    }

    /// How to come to the container: from within its network, or else as who is here would.
    async fn way(&self, container: &Container) -> Option<Way> {
        let own = container.network.joined.values().next().map(|joined| joined.address);
        if let Ok(from) = self.identify.network(container).await {
            let address = own.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            return Some(Way { from, address, outside: false });
        }
        let here = self.identify.container().await.unwrap_or_else(|| Arc::clone(&self.caller));
        let from = Namespace::Own;
        Some(match here.network.reaches(&container.network) {
            Some(address) => Way { from, address, outside: false },
            None => Way { from, address: here.network.machine()?, outside: true },
        })
    }
}

/// Whether a descriptor can be had, for who was not told why something else cannot.
fn descriptor() -> std::io::Result<()> {
    match File::open("/dev/null") {
        Err(error) if is_short(&error) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> ContainerId {
        ContainerId::parse(digit.to_string().repeat(64).as_bytes()).unwrap()
    }

    #[test]
    fn who_starts_a_container_has_its_ports_and_who_asks_for_what_runs_only_those_of_its_own() {
        let publisher = Publisher::new(Bounds::default());
        let (caller, other, own, strangers) = (id('1'), id('2'), id('a'), id('b'));
        publisher.made(&caller, own.as_str());
        publisher.made(&caller, "not an id");
        let opens = |status, caller, container| {
            Started::by(status).is_some_and(|started| publisher.is_to_open(started, caller, container))
        };
        assert!(opens(204, &caller, &own) && opens(204, &caller, &strangers));
        assert!(opens(304, &caller, &own));
        assert!(!opens(304, &caller, &strangers) && !opens(304, &other, &own));
        for status in [200, 201, 400, 403, 404, 409, 500, 502] {
            assert!(!opens(status, &caller, &own), "{status}");
        }
    }
}
