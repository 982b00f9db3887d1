//! Published ports where the caller looks for them: on its localhost, and where it has Hostward's own address for the engine's,
//! there.
//!
//! A client on a machine of its own finds the ports of the containers that it starts on localhost. In a container it does
//! not: the engine opens them on its own machine. So Hostward opens the same ones in the network of the container that
//! calls, as long as the container that publishes them runs.

mod lingering;
mod namespace;
mod port;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hostward::inspect::Container;
use hostward::network::Published;
use tokio::task::AbortHandle;

pub(crate) use namespace::Namespace;
use port::{Place, Port, Target};

use crate::identify::{Ends, Identify, Process, first_process};

/// How long an engine that does not answer is left alone, and a burst of events is let go by.
const PAUSE: Duration = Duration::from_secs(1);
const BURST: Duration = Duration::from_millis(20);

/// How often an engine is asked which container was started.
const TRIES: u32 = 10;

/// Keeps the ports of all containers that callers have started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Publisher {
    keepers: Arc<Mutex<HashMap<Pair, Keeping>>>,
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

impl Publisher {
    /// A caller has started a container, of this name or id, or asked for it; if by a network, on this
    /// connection.
    pub(crate) fn started(
        &self,
        identify: Arc<Identify>,
        name: String,
        caller: Arc<Container>,
        by: Option<Ends>,
    ) {
        // Its localhost is the engine's machine's, where they are open already.
        if caller.network.is_the_machines() {
            return;
        }
        let publisher = self.clone();
        tokio::spawn(async move {
            for _ in 0..TRIES {
                match identify.containers().named(&name).await {
                    Ok(Some(container)) => return publisher.keep(identify, &container, caller, by),
                    Ok(None) => return,
                    Err(why) => tracing::warn!(container = name, why, "its ports are not known"),
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    fn keep(&self, identify: Arc<Identify>, container: &Container, caller: Arc<Container>, by: Option<Ends>) {
        let pair = (container.id.to_string(), caller.id.to_string());
        match self.keepers().entry(pair.clone()) {
            Entry::Occupied(mut keeping) => keeping.get_mut().again = true,
            Entry::Vacant(place) => {
                let publisher = self.clone();
                let keeper = Keeper { identify, caller, by, first: None, open: HashMap::new() };
                let task = tokio::spawn(keeper.run(pair, publisher)).abort_handle();
                place.insert(Keeping { task, again: false });
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
        // Nothing in here leaves the map half-changed.
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When to look again.
enum Next {
    /// When something has changed.
    Change,
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
    /// The container's first process, where that can be seen: it is known to have ended before the engine says so.
    first: Option<Process>,
    /// What is open, and of which first process; nothing where it was said that it cannot be.
    open: HashMap<(u32, Published), Vec<Port>>,
}

impl Keeper {
    /// Until the container has gone, or the caller.
    async fn run(mut self, pair: Pair, publisher: Publisher) {
        let id = &pair.0;
        let mut changes = self.identify.containers().changes();
        loop {
            changes.mark_unchanged();
            match self.look(id).await {
                Ok(Next::Change) => {
                    tokio::select! {
                        _ = changes.changed() => tokio::time::sleep(BURST).await,
                        () = ended(self.first.as_ref()) => {}
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
        let caller = containers.find(self.caller.id.as_str()).await?;
        if caller.is_none_or(|caller| caller.pid != self.caller.pid) {
            return Ok(Next::Nothing);
        }
        let Some(container) = containers.find(id).await? else { return Ok(Next::Nothing) };
        let Some(pid) = container.pid else {
            (self.first, self.open) = (None, HashMap::new());
            return Ok(if container.restarts { Next::Change } else { Next::Nothing });
        };
        if self.first.as_ref().is_none_or(|first| first.pid() != pid) {
            self.first = first_process(&container);
        }
        if self.first.as_ref().is_some_and(|first| first.check().is_err()) {
            self.open.clear();
            containers.forget(id);
            return Ok(Next::Soon);
        }
        self.open.retain(|(of, published), _| *of == pid && container.network.published.contains(published));
        for published in &container.network.published {
            if !self.open.contains_key(&(pid, *published)) {
                let opened = self.publish(&container, *published).await;
                self.open.insert((pid, *published), opened);
            }
        }
        Ok(Next::Change)
    }

    /// Opens one wherever the caller looks for it.
    async fn publish(&self, container: &Container, published: Published) -> Vec<Port> {
        let target =
            self.target(container, published).await.ok_or("nothing leads to that container from here");
        let localhost = self.identify.network(&self.caller).await.map(Place::localhost);
        let places = [Some(localhost), self.own().await.map(Ok)];
        let (caller, container, port) = (&*self.caller.name, &*container.name, published.outside);
        let _said_of = tracing::info_span!("publish", caller, container, port).entered();
        let open = |place: Result<Place, String>| Ok(Port::open(place?, target.clone()?, published));
        let say = |why: &String| tracing::info!(why, "not opened for the caller");
        places.into_iter().flatten().filter_map(|place| open(place).inspect_err(say).ok()).collect()
    }

    /// Hostward's address, where the caller takes that for the engine's machine's and it is another: there the engine has
    /// opened nothing.
    async fn own(&self) -> Option<Place> {
        let container = self.identify.container().await?;
        self.by.filter(|_| !container.network.is_the_machines()).map(Place::own)
    }

    /// How to come to the port: from within the container's network, or else as who is here would.
    async fn target(&self, container: &Container, published: Published) -> Option<Target> {
        let own = container.network.joined.values().next().map(|joined| joined.address);
        if let Ok(network) = self.identify.network(container).await {
            let address = own.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            return Some(Target::within(network, SocketAddr::new(address, published.inside)));
        }
        let here = self.identify.container().await.unwrap_or_else(|| Arc::clone(&self.caller));
        let address = match here.network.reaches(&container.network) {
            Some(address) => SocketAddr::new(address, published.inside),
            None => SocketAddr::new(here.network.machine()?, published.outside),
        };
        Some(Target::within(Namespace::Own, address))
    }
}
