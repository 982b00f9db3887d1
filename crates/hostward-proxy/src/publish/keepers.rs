//! Who keeps ports: a task for each container that publishes and each caller that has started it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

use crate::handover::PortsOf;

/// The ids of the container that publishes and of the one that calls, and the first process of that: when it starts again, it is
/// in another network.
pub(super) type KeeperId = (String, String, Option<u32>);

/// All of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Keepers(Arc<Mutex<HashMap<KeeperId, Keeping>>>);

/// Who keeps the ports of a pair.
#[derive(Debug)]
struct Keeping {
    ports: PortsOf,
    task: AbortHandle,
    /// The container was started again: its keeper, which may just be done, has to look once more.
    again: bool,
}

impl Keepers {
    /// Has somebody keep the ports of a pair: the one who does, who looks once more, or else a task that `start` starts.
    pub(super) fn keep(&self, id: KeeperId, ports: PortsOf, start: impl FnOnce(KeeperId) -> AbortHandle) {
        let mut keepers = self.lock();
        match keepers.get_mut(&id) {
            // One whose task has panicked keeps nothing any more.
            Some(keeping) if !keeping.task.is_finished() => keeping.again = true,
            _ => {
                let task = start(id.clone());
                keepers.insert(id, Keeping { ports, task, again: false });
            }
        }
    }

    /// Whether the keeper of a pair is done.
    pub(super) fn is_done(&self, id: &KeeperId) -> bool {
        let mut keepers = self.lock();
        let again = keepers.get_mut(id).is_some_and(|keeping| std::mem::take(&mut keeping.again));
        if !again {
            keepers.remove(id);
        }
        !again
    }

    /// Whose ports are kept.
    pub(super) fn all(&self) -> Vec<PortsOf> {
        self.lock().values().map(|keeping| keeping.ports.clone()).collect()
    }

    /// Ends all of them.
    pub(super) fn end(&self) {
        self.lock().drain().for_each(|(_, keeping)| keeping.task.abort());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeeperId, Keeping>> {
        // Nothing in here leaves it half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
