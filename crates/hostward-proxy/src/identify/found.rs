//! Callers that were found in containers before: what a container's processes have in common need not be found out for each of
//! them, nor for each of their requests.
//!
//! It holds for as long as the engine's description of the container does, and the kernel says that nothing was mounted in it
//! since. Whoever calls from the same container sees the same if it has the same root directory in the same mount namespace; a
//! process with mounts of its own is looked at by itself each time.
//!
//! What is kept of one holds its container's mounts ([`Sight`](hostward_sight::Sight) has their list open). So it goes as soon as
//! the engine says that the container has ended, and when nobody hears any more what the engine says.

use std::collections::HashMap;
use std::sync::Arc;

use hostward::cgroup::ContainerId;
use hostward::inspect::Container;

use super::home::Home;
use super::through::Through;
use crate::caller::{Guest, Who};
use crate::limits::MOST_FOUND;

/// So many mounts are kept of all of them together: a container may have ten thousand.
const MOST_MOUNTS: usize = 50_000;

/// Who has found something: an [`Identify`](super::Identify) with rules and a socket of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CallerFinder(pub(super) u64);

/// A caller that was found.
#[derive(Debug, Clone)]
pub(super) struct FoundCaller {
    pub(super) guest: Arc<Guest>,
    /// Of whom it was found; none where the engine alone shows the container's files.
    pub(super) home: Option<Home>,
}

impl FoundCaller {
    /// The same caller, where it is found through this too.
    pub(super) fn through(self, through: &Through) -> Option<Arc<Guest>> {
        let same = match through {
            Through::Engine(_) => self.home.is_none(),
            Through::Container(_, home) => self.home == Some(*home),
            Through::Own(_) => false,
        };
        same.then_some(self.guest)
    }

    fn is_of(&self, container: &Arc<Container>) -> bool {
        matches!(&self.guest.who, Who::Container(known) if Arc::ptr_eq(known, container))
    }
}

/// All that were found.
#[derive(Debug, Default)]
pub(super) struct FoundCallers(HashMap<(CallerFinder, ContainerId), FoundCaller>);

impl FoundCallers {
    /// The caller that was found in this container, by this description of it.
    pub(super) fn get(&self, by: CallerFinder, container: &Arc<Container>) -> Option<FoundCaller> {
        let found = self.0.get(&(by, container.id.clone()))?;
        (found.is_of(container) && found.guest.sight.holds()).then(|| found.clone())
    }

    /// Keeps one, in the place of another where there are too many; none that has too many mounts by itself.
    pub(super) fn put(&mut self, by: CallerFinder, container: &Container, found: FoundCaller) {
        let key = (by, container.id.clone());
        self.0.remove(&key);
        let mounts = |found: &FoundCaller| found.guest.sight.mounts();
        if mounts(&found) > MOST_MOUNTS {
            return;
        }
        let mut all: usize = self.0.values().map(mounts).sum::<usize>() + mounts(&found);
        while self.0.len() >= MOST_FOUND || all > MOST_MOUNTS {
            let Some(other) = self.0.keys().next().cloned() else { break };
            all -= self.0.remove(&other).as_ref().map_or(0, mounts);
        }
        self.0.insert(key, found);
    }

    /// Something about this container has changed.
    pub(super) fn changed(&mut self, container: &str) {
        self.0.retain(|(_, id), _| id.as_str() != container);
    }

    /// Nobody will ask for what this one has found.
    pub(super) fn forget(&mut self, by: CallerFinder) {
        self.0.retain(|(finder, _), _| *finder != by);
    }
}
