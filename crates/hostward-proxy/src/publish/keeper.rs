//! The ports of one container, kept open for one caller as long as both are there.

use std::collections::HashMap;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hostward::inspect::Container;
use hostward::network::Published;

use super::bounds::{Met, Share, Taken};
use super::keepers::{KeeperId, Keepers};
use super::localhost::Localhost;
use super::namespace::Namespace;
use super::port::{Port, REMEDY};
use super::target::{Target, is_short};
use crate::identify::{Identify, IdentifyError, Process, first_process};
use crate::peer::Ends;

/// How long an engine that does not answer is left alone, and a burst of events is let go by.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
const BURST: Duration = Duration::from_millis(20);

/// Keeps the ports of one container open.
pub(super) struct Keeper {
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

/// Waits for the end of a process, or for ever.
async fn ended(process: Option<&Process>) {
    match process {
        Some(process) => process.ended().await,
        None => std::future::pending().await,
    }
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
struct Opening {
    from: Namespace,
    address: IpAddr,
    /// By the number that the engine's machine has a port by.
    outside: bool,
}

impl Opening {
    fn to(&self, published: Published) -> Target {
        let port = if self.outside { published.outside } else { published.inside };
        Target::within(self.from.clone(), SocketAddr::new(self.address, port))
    }
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookAgain {
    /// When something has changed.
    Change,
    /// The same, or when others may have made room.
    Room,
    /// Before the engine says so.
    Soon,
    /// Nothing more is to come.
    Nothing,
}

impl Keeper {
    pub(super) fn new(
        identify: Arc<Identify>,
        caller: Arc<Container>,
        by: Option<Ends>,
        share: Arc<Share>,
    ) -> Self {
        Self { identify, caller, by, share, first: None, open: HashMap::new(), short: false }
    }

    /// Until the container has gone, or the caller.
    pub(super) async fn run(mut self, pair: KeeperId, keepers: Keepers) {
        let id = &pair.0;
        let mut changes = self.identify.containers().changes();
        loop {
            changes.mark_unchanged();
            match self.look(id).await {
                Ok(next @ (LookAgain::Change | LookAgain::Room)) => {
                    tokio::select! {
                        _ = changes.changed() => tokio::time::sleep(BURST).await,
                        () = ended(self.first.as_ref()) => {}
                        () = tokio::time::sleep(PAUSE), if next == LookAgain::Room => {}
                    }
                }
                Ok(LookAgain::Soon) => tokio::time::sleep(PAUSE).await,
                Ok(LookAgain::Nothing) if keepers.is_done(&pair) => return,
                Ok(LookAgain::Nothing) => {}
                Err(why) => {
                    tracing::debug!(container = id, why, "its ports are unknown");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Opens and closes what has to be.
    async fn look(&mut self, id: &str) -> Result<LookAgain, String> {
        let containers = self.identify.containers();
        let caller = containers.find(self.caller.id.as_str()).await.map_err(|why| why.to_string())?;
        if caller.is_none_or(|caller| caller.pid != self.caller.pid) {
            return Ok(LookAgain::Nothing);
        }
        let container = containers.find(id).await.map_err(|why| why.to_string())?;
        let Some(container) = container else { return Ok(LookAgain::Nothing) };
        let Some(pid) = container.pid else {
            (self.first, self.open) = (None, HashMap::new());
            return Ok(if container.restarts { LookAgain::Change } else { LookAgain::Nothing });
        };
        let published = &container.network.published;
        // A handle on a process takes a descriptor, which is not for those that publish nothing.
        if !published.is_empty() && self.first.as_ref().is_none_or(|first| first.pid() != pid) {
            self.first = first_process(&container, self.identify.machine().await);
        }
        if self.first.as_ref().is_some_and(|first| first.check().is_err()) {
            self.open.clear();
            containers.forget(id);
            return Ok(LookAgain::Soon);
        }
        self.open.retain(|(of, open), _| *of == pid && published.contains(open));
        if self.open.len() == published.len() || self.share.is_left() {
            self.short = false;
            return Ok(LookAgain::Change);
        }
        let Err(why) = self.publish(&container, pid).await else { return Ok(LookAgain::Change) };
        if !std::mem::replace(&mut self.short, true) {
            let (caller, container) = (&*self.caller.name, &*container.name);
            let closed = published.len() - self.open.len();
            tracing::warn!(caller, container, closed, %why, "no ports are opened for the caller until that changes");
        }
        Ok(LookAgain::Room)
    }

    /// Opens those that are not, wherever the caller looks for them.
    ///
    /// # Errors
    /// What there is too little of for one of them; then the others are not tried.
    async fn publish(&mut self, container: &Container, pid: u32) -> Result<(), Short> {
        let reach = self.reach(container).await.ok_or("that container cannot be reached from here");
        let localhost = network(&self.identify, &self.caller).await.map_err(|why| why.to_string());
        let own = self.own().await;
        if localhost.is_err() || reach.is_err() {
            // Which may be for this alone, though it does not say so.
            descriptor().map_err(Short::Descriptors)?;
        }
        for published in &container.network.published {
            if self.open.contains_key(&(pid, *published)) {
                continue;
            }
            let (caller, container, port) = (&*self.caller.name, &*container.name, published.outside);
            let _said_of = tracing::info_span!("publish", caller, container, port).entered();
            let places = [Some(localhost.clone().map(Localhost::of)), own.map(Localhost::own).map(Ok)];
            let say = |why: &String| tracing::warn!(why, remedy = REMEDY, "not opened for the caller");
            let both = |place: Result<Localhost, String>| place.and_then(|place| Ok((place, reach.clone()?)));
            let places = places.into_iter().flatten().filter_map(|place| both(place).inspect_err(say).ok());
            // All of them or none: see `LookAgain::Room`.
            let places =
                places.map(|place| Ok((place, self.share.port()?))).collect::<Result<Vec<_>, Met>>()?;
            let open = |((place, reach), taken): ((Localhost, Opening), Taken)| {
                Port::open(place, reach.to(*published), *published, Arc::clone(&self.share), taken)
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
    async fn reach(&self, container: &Container) -> Option<Opening> {
        let own = container.network.joined.values().next().map(|joined| joined.address);
        if let Ok(from) = network(&self.identify, container).await {
            let address = own.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            return Some(Opening { from, address, outside: false });
        }
        let here = self.identify.container().await.unwrap_or_else(|| Arc::clone(&self.caller));
        let from = Namespace::Own;
        Some(match here.network.reaches(&container.network) {
            Some(address) => Opening { from, address, outside: false },
            None => Opening { from, address: here.network.machine()?, outside: true },
        })
    }
}

/// The network of a container, to make sockets in.
///
/// # Errors
/// Where none can be made there from here.
async fn network(identify: &Identify, container: &Container) -> Result<Namespace, IdentifyError> {
    let vantage = identify.vantage().await?;
    if vantage.container.as_ref().is_some_and(|own| own.id == container.id) {
        return Ok(Namespace::Own);
    }
    let name = || container.name.clone();
    let first = first_process(container, vantage.machine).ok_or_else(|| IdentifyError::Unseen(name()))?;
    let namespace = Namespace::of(first.pid())
        .map_err(|error| IdentifyError::Network { container: name(), error: Arc::new(error) })?;
    first.check()?;
    Ok(namespace)
}

/// Whether a descriptor can be had, for who was not told why something else cannot.
fn descriptor() -> std::io::Result<()> {
    match File::open("/dev/null") {
        Err(error) if is_short(&error) => Err(error),
        _ => Ok(()),
    }
}
