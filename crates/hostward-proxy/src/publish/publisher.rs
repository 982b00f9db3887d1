//! When ports are opened: whoever starts a container has them on its localhost, also after this process has started again, or
//! the engine has.

use std::sync::{Arc, OnceLock};

use hostward::api::asked::maker;
use hostward::inspect::Container;
use hostward::seal::LABEL;
use hostward_engine::list;

use super::bounds::{PortBounds, Room};
use super::keeper::{Keeper, PAUSE};
use super::keepers::Keepers;
use crate::handover::{PortsOf, Successor};
use crate::identify::{Identify, IdentifyError};
use crate::peer::Ends;

/// How often an engine is asked which container was started.
const TRIES: u32 = 10;

/// Keeps the ports of all containers that callers have started.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    keepers: Keepers,
    room: Arc<Room>,
    /// Who keeps them from now on, once another process does.
    successor: Arc<OnceLock<Arc<Successor>>>,
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

    /// Whether a container's ports are to be opened for a caller.
    fn is_to_open(self, identify: &Identify, caller: &Container, container: &Container) -> bool {
        let is_maker = || {
            let label = container.asked.as_deref();
            label.and_then(|label| maker(label, identify.key())).is_some_and(|maker| maker == caller.id)
        };
        self == Self::Now || is_maker()
    }
}

impl Publisher {
    /// One that keeps to these.
    pub(crate) fn new(bounds: PortBounds) -> Self {
        Self { keepers: Keepers::default(), room: Room::new(bounds), successor: Arc::default() }
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
        let publisher = self.clone();
        tokio::spawn(async move {
            for _ in 0..TRIES {
                match identify.containers().named(&name).await {
                    Ok(Some(container)) if !started.is_to_open(&identify, &caller, &container) => return,
                    Ok(Some(container)) => return publisher.keep(identify, &container, caller, by),
                    Ok(None) => return,
                    Err(why) => tracing::warn!(container = name, %why, "its ports are unknown"),
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Opens the ports of what runs already for the callers that have made it; now, and each time that the engine is back.
    pub(crate) async fn reopen(self, identify: Arc<Identify>) {
        loop {
            match self.reopen_once(&identify).await {
                Ok(()) => identify.containers().unheard().await,
                Err(why) => tracing::debug!(%why, "which ports were open is unknown"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn reopen_once(&self, identify: &Arc<Identify>) -> Result<(), IdentifyError> {
        let containers = identify.containers();
        // What starts from now on is told.
        containers.heard().await;
        for (id, label) in list::with_label(containers.engine(), LABEL).await? {
            let Some(maker) = maker(&label, identify.key()) else { continue };
            self.resume(identify, id.as_str(), maker.as_str(), None).await?;
        }
        Ok(())
    }

    /// Keeps the ports of a container for a caller, if both run; as another process did before this one.
    pub(crate) async fn resume(
        &self,
        identify: &Arc<Identify>,
        container: &str,
        caller: &str,
        by: Option<Ends>,
    ) -> Result<(), IdentifyError> {
        let containers = identify.containers();
        let Some(caller) = containers.find(caller).await? else { return Ok(()) };
        let Some(container) = containers.find(container).await? else { return Ok(()) };
        if caller.pid.is_some() && container.pid.is_some() && !container.network.published.is_empty() {
            self.keep(Arc::clone(identify), &container, caller, by);
        }
        Ok(())
    }

    fn keep(&self, identify: Arc<Identify>, container: &Container, caller: Arc<Container>, by: Option<Ends>) {
        // Its localhost is the engine's machine's, where they are open already.
        if caller.network.is_the_machines() {
            return;
        }
        let ports = PortsOf { container: container.id.to_string(), caller: caller.id.to_string(), by };
        if let Some(successor) = self.successor.get() {
            let successor = Arc::clone(successor);
            tokio::spawn(async move { successor.keep(ports).await });
            return;
        }
        let (id, keepers) =
            ((ports.container.clone(), ports.caller.clone(), caller.pid), self.keepers.clone());
        self.keepers.keep(id, ports, |id| {
            let share = self.room.share(caller.id.as_str());
            let keeper = Keeper::new(identify, caller, by, share);
            tokio::spawn(keeper.run(id, keepers)).abort_handle()
        });
    }

    /// How many ports are open.
    pub(crate) fn open_ports(&self) -> usize {
        self.room.open_ports()
    }

    /// Closes all of them.
    pub(crate) fn close(&self) {
        self.keepers.end();
    }

    /// Has another process keep them. Connections go on here until they end.
    pub(crate) fn leave(&self, to: &Arc<Successor>) {
        // A process is replaced once.
        let _ = self.successor.set(Arc::clone(to));
        self.room.leave();
        let (ports, successor) = (self.keepers.all(), Arc::clone(to));
        tokio::spawn(async move {
            for ports in ports {
                successor.keep(ports).await;
            }
        });
    }

    /// Waits until no connection to any of them is left.
    pub(crate) async fn finished(&self) {
        self.room.unused().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_what_the_engine_says_of_it() {
        assert_eq!(Started::by(204), Some(Started::Now));
        assert_eq!(Started::by(304), Some(Started::Before));
        for status in [200, 201, 400, 403, 404, 409, 500, 502] {
            assert_eq!(Started::by(status), None, "{status}");
        }
    }
}
