//! When ports are opened: whoever starts a container has them on its localhost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hostward::cgroup::ContainerId;
use hostward::inspect::Container;

use super::bounds::{PortBounds, Room};
use super::keeper::{Keeper, PAUSE};
use super::keepers::Keepers;
use super::made::Made;
use crate::identify::Identify;
use crate::peer::Ends;

/// How often an engine is asked which container was started.
const TRIES: u32 = 10;

/// Keeps the ports of all containers that callers have started.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    keepers: Keepers,
    made: Arc<Mutex<Made>>,
    room: Arc<Room>,
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
    pub(crate) fn new(bounds: PortBounds) -> Self {
        Self { keepers: Keepers::default(), made: Arc::default(), room: Room::new(bounds) }
    }

    /// The engine has said that a caller has made a container: the id in its answer (201) to a create. What is no id is none
    /// of a container.
    pub(crate) fn made(&self, caller: &ContainerId, created: &str) {
        if let Some(created) = ContainerId::parse(created.as_bytes()) {
            self.known().add(caller, &created);
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
                    Err(why) => tracing::warn!(container = name, %why, "its ports are unknown"),
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Whether a container's ports are to be opened for a caller. What was forgotten is not: see [`Made`].
    fn is_to_open(&self, started: Started, caller: &ContainerId, container: &ContainerId) -> bool {
        match started {
            Started::Now => true,
            Started::Before => self.known().has(caller, container),
        }
    }

    fn keep(&self, identify: Arc<Identify>, container: &Container, caller: Arc<Container>, by: Option<Ends>) {
        let (id, keepers) = ((container.id.to_string(), caller.id.to_string()), self.keepers.clone());
        self.keepers.keep(id, |id| {
            let share = self.room.share(caller.id.as_str());
            let keeper = Keeper::new(identify, caller, by, share);
            tokio::spawn(keeper.run(id, keepers)).abort_handle()
        });
    }

    /// Closes all of them.
    pub(crate) fn close(&self) {
        self.keepers.end();
    }

    fn known(&self) -> MutexGuard<'_, Made> {
        // Nothing in here leaves it half-changed.
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
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
        let publisher = Publisher::new(PortBounds::default());
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
