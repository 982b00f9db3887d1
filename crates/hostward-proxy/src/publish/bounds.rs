//! How much published ports may take of Hostward, and what is left of it.
//!
//! A container that a caller has started decides what becomes of a connection to its port, and its caller how many there are.
//! Both may be hostile, so that each thing of which there can be many is counted before it is made.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::senders::Senders;
use crate::limits::Limits;

/// The most of everything that published ports take.
///
/// They are taken at their word up to a quarter of the descriptors that this process may have (`RLIMIT_NOFILE`). Where that is
/// less, all of them shrink alike: see [`PortBounds::within`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PortBounds {
    /// Ports that are open for one caller. Its next ones are not there (`Connection refused`) until others of its
    /// ports are closed; the log says so.
    pub(crate) ports_per_caller: usize,
    /// Ports that are open in all. Seen as above.
    pub(crate) ports: usize,
    /// Connections to the ports of one caller. The next ones are made, as far as the kernel's queue goes, and nothing
    /// comes of them until others end.
    pub(crate) connections_per_caller: usize,
    /// Connections in all. Seen as above.
    pub(crate) connections: usize,
    /// Addresses that send datagrams to one port, and may be answered. The one that has been silent for longest makes
    /// room for the next; what is answered to it later is lost, and when it sends again it comes from another port.
    pub(crate) senders_per_port: usize,
    /// The same in all. Room is made by the port that has most of them.
    pub(crate) senders: usize,
}

#[cfg(test)]
impl Default for PortBounds {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

impl From<&Limits> for PortBounds {
    fn from(limits: &Limits) -> Self {
        let count = |limit: u64| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            ports_per_caller: count(limits.ports_per_caller),
            ports: count(limits.ports),
            connections_per_caller: count(limits.port_connections_per_caller),
            connections: count(limits.port_connections),
            senders_per_port: count(limits.port_senders_per_port),
            senders: count(limits.port_senders),
        }
    }
}

/// The descriptors of a port: two listeners, and files for the networks of the caller and of the container.
const PORT: usize = 4;
/// Of a connection: its two ends.
const CONNECTION: usize = 2;

impl PortBounds {
    /// These, or as much of them as a process of so many descriptors can have without being in anybody's way: a quarter.
    pub(super) fn within(self, descriptors: usize) -> Self {
        let (all, most) = (self.descriptors(), descriptors / 4);
        if all <= most {
            return self;
        }
        let part = |bound: usize| (bound.saturating_mul(most) / all).max(1);
        let (ports, connections, senders) = (part(self.ports), part(self.connections), part(self.senders));
        // One caller, or one port, has half of what little there is at most.
        let share = |bound: usize, all: usize| bound.min(all.div_ceil(2));
        Self {
            ports_per_caller: share(self.ports_per_caller, ports),
            ports,
            connections_per_caller: share(self.connections_per_caller, connections),
            connections,
            senders_per_port: share(self.senders_per_port, senders),
            senders,
        }
    }

    /// How many descriptors all of it takes.
    fn descriptors(&self) -> usize {
        let ports = self.ports.saturating_mul(PORT);
        let connections = self.connections.saturating_mul(CONNECTION);
        ports.saturating_add(connections).saturating_add(self.senders)
    }
}

/// A place in each of the bounds that something comes under. Dropping it gives them back.
#[derive(Debug)]
pub(super) struct Taken {
    _of_the_caller: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// What is left for everybody.
#[derive(Debug)]
pub(super) struct Room {
    bounds: PortBounds,
    ports: Arc<Semaphore>,
    connections: Arc<Semaphore>,
    senders: Senders,
    /// By the ids of callers. Those that have nothing open any more are dropped when another comes.
    callers: Mutex<HashMap<String, Weak<Share>>>,
    /// Whether another process opens them from now on.
    left: watch::Sender<bool>,
}

/// What is left for one caller.
#[derive(Debug)]
pub(super) struct Share {
    room: Arc<Room>,
    ports: Arc<Semaphore>,
    connections: Arc<Semaphore>,
}

impl Room {
    /// All of these, as far as the descriptors go that this process may have.
    pub(super) fn new(bounds: PortBounds) -> Arc<Self> {
        let limit = getrlimit(Resource::Nofile).current;
        let descriptors = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let within = bounds.within(descriptors);
        if within != bounds {
            tracing::info!(
                descriptors,
                ?within,
                "few files may be open: published ports get a quarter of them"
            );
        }
        Arc::new(Self::of(within))
    }

    /// All of these.
    pub(super) fn of(bounds: PortBounds) -> Self {
        Self {
            bounds,
            ports: places(bounds.ports),
            connections: places(bounds.connections),
            senders: Senders::new(bounds.senders_per_port, bounds.senders),
            callers: Mutex::default(),
            left: watch::Sender::default(),
        }
    }

    /// Has nothing accepted any more: another process does that.
    pub(super) fn leave(&self) {
        self.left.send_replace(true);
    }

    /// Waits until there is no connection.
    pub(super) async fn unused(&self) {
        let all = self.bounds.connections.min(Semaphore::MAX_PERMITS);
        // Nobody closes it.
        let _ = self.connections.acquire_many(u32::try_from(all).unwrap_or(u32::MAX)).await;
    }

    /// How many ports are open.
    pub(super) fn open_ports(&self) -> usize {
        self.bounds.ports.saturating_sub(self.ports.available_permits())
    }

    /// What one caller has of it.
    pub(super) fn share(self: &Arc<Self>, caller: &str) -> Arc<Share> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = callers.get(caller).and_then(Weak::upgrade) {
            return share;
        }
        callers.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Share {
            room: Arc::clone(self),
            ports: places(self.bounds.ports_per_caller),
            connections: places(self.bounds.connections_per_caller),
        });
        callers.insert(caller.to_owned(), Arc::downgrade(&share));
        share
    }
}

fn places(count: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)))
}

impl Share {
    /// A port's place.
    ///
    /// # Errors
    /// The bound that is met.
    pub(super) fn port(&self) -> Result<Taken, Met> {
        let bounds = &self.room.bounds;
        let of_the_caller = Arc::clone(&self.ports).try_acquire_owned();
        let of_all = Arc::clone(&self.room.ports).try_acquire_owned();
        Ok(Taken {
            _of_the_caller: of_the_caller.map_err(|_| Met::OfTheCaller(bounds.ports_per_caller))?,
            _of_all: of_all.map_err(|_| Met::OfAll(bounds.ports))?,
        })
    }

    /// A connection's place, as soon as there is one; `wait` is called where there is none now.
    pub(super) async fn connection(&self, wait: impl FnOnce(Met)) -> Taken {
        let bounds = &self.room.bounds;
        if self.connections.available_permits() == 0 {
            wait(Met::OfTheCaller(bounds.connections_per_caller));
        } else if self.room.connections.available_permits() == 0 {
            wait(Met::OfAll(bounds.connections));
        }
        // Its own first: who has none of these is not to stand in the way of others.
        Taken { _of_the_caller: taken(&self.connections).await, _of_all: taken(&self.room.connections).await }
    }

    /// Whether another process opens ports by now.
    pub(super) fn is_left(&self) -> bool {
        *self.room.left.borrow()
    }

    /// Waits for that.
    pub(super) async fn left(&self) {
        // It lives as long as this.
        let _ = self.room.left.subscribe().wait_for(|left| *left).await;
    }

    /// The senders of all ports.
    pub(super) fn senders(&self) -> &Senders {
        &self.room.senders
    }
}

async fn taken(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(places).acquire_owned().await.expect("nobody closes it")
}

/// A bound that leaves no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Met {
    /// The caller's own.
    #[error("the caller already has {0}, the limit for one caller")]
    OfTheCaller(usize),
    /// Everybody's.
    #[error("all callers together already have {0}, the limit")]
    OfAll(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_a_low_limit_of_descriptors_all_bounds_shrink_and_a_quarter_is_not_exceeded() {
        let bounds = PortBounds::from(&Limits::default());
        assert_eq!(bounds.within(1 << 20), bounds);
        for descriptors in [256, 1024, 4096, 20_000] {
            let within = bounds.within(descriptors);
            assert!(within.descriptors() <= descriptors / 4, "{within:?}");
            assert!(within.ports_per_caller >= 1 && within.senders_per_port >= 1, "{within:?}");
            assert!(within.ports >= 4 && within.connections >= 4 && within.senders >= 4, "{within:?}");
        }
        let none = bounds.within(0);
        assert!(none.ports_per_caller == 1 && none.connections_per_caller == 1 && none.senders_per_port == 1);
    }

    #[test]
    fn a_caller_that_has_all_of_its_ports_leaves_others_theirs() {
        let room = Arc::new(Room::of(PortBounds {
            ports_per_caller: 2,
            ports: 3,
            ..PortBounds::from(&Limits::default())
        }));
        let (one, other) = (room.share("one"), room.share("other"));
        let first = one.port().unwrap();
        let _second = room.share("one").port().unwrap();
        assert_eq!(one.port().unwrap_err(), Met::OfTheCaller(2));
        let _third = other.port().unwrap();
        assert_eq!(other.port().unwrap_err(), Met::OfAll(3));
        drop(first);
        let _fourth = other.port().unwrap();
        assert_eq!(one.port().unwrap_err(), Met::OfAll(3));
    }

    #[test]
    fn what_a_caller_had_is_forgotten_with_its_last_port() {
        let room = Arc::new(Room::of(PortBounds::from(&Limits::default())));
        for caller in 0..100 {
            drop(room.share(&caller.to_string()));
        }
        assert_eq!(room.callers.lock().unwrap().len(), 1);
    }
}
