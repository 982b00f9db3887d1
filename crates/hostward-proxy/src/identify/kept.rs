//! What the engine has said of containers and of itself, as long as it holds. Who asks (`containers.rs`) and who follows the
//! engine's events (`events.rs`) both have it.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use hostward::abilities::Abilities;
use hostward::inspect::{Container, Image};
use hostward::path::CallerPath;
use hostward_engine::address::Address;
use tokio::sync::{OnceCell, watch};
use tokio::task::AbortHandle;

use super::error::IdentifyError;
use super::found::FoundCallers;

/// How long what an engine elsewhere has said holds without a word. Its events come over a network, which may go without
/// saying so.
const UNHEARD: Duration = Duration::from_secs(10);

/// What is known, while the engine's events are followed.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) following: Following,
    /// What follows them.
    pub(super) task: Option<Task>,
    /// Running ones, by what was asked for: an id, or a name.
    pub(super) by_name: HashMap<String, Heard<Arc<Container>>>,
    /// Callers that were found by these descriptions.
    pub(super) found: FoundCallers,
    /// What images give their containers, by the image's name in a request.
    pub(super) images: HashMap<String, Heard<Arc<ImageFacts>>>,
    /// What the engine is being asked for.
    pub(super) questions: HashMap<String, Arc<Question>>,
    /// Why nobody is known at an address.
    pub(super) strangers: HashMap<IpAddr, Heard<IdentifyError>>,
    /// What the engine can do.
    pub(super) abilities: Option<Heard<Abilities>>,
    /// Counts the drops: an answer that was on its way meanwhile may be old already.
    pub(super) drops: u64,
    /// The same for who has which address.
    pub(super) moves: u64,
}

impl Kept {
    /// Something about this container has changed.
    pub(super) fn changed(&mut self, id: &str) {
        self.drops += 1;
        self.addresses_changed();
        self.by_name.retain(|_, Heard(container, _)| container.id.as_str() != id);
        self.found.changed(id);
    }

    /// Some address may be another container's, or the first one's.
    fn addresses_changed(&mut self) {
        self.moves += 1;
        self.strangers.clear();
    }

    /// Some name may mean another image, or none.
    fn images_changed(&mut self) {
        self.drops += 1;
        self.images.clear();
    }
}

/// What an image gives its containers.
#[derive(Debug, Default)]
pub(crate) struct ImageFacts {
    /// The names of its labels.
    pub(crate) labels: Box<[String]>,
    /// Where it has volumes.
    pub(crate) volumes: Arc<BTreeSet<CallerPath>>,
}

impl ImageFacts {
    /// How many bytes of names and paths these are.
    pub(super) fn size(&self) -> usize {
        let volumes = self.volumes.iter().map(|volume| volume.as_bytes().len());
        self.labels.iter().map(String::len).chain(volumes).sum()
    }
}

impl From<Image> for ImageFacts {
    fn from(image: Image) -> Self {
        Self { labels: image.labels.into_keys().collect(), volumes: Arc::new(image.volumes) }
    }
}

/// What the engine has said, and when.
#[derive(Debug)]
pub(super) struct Heard<T>(T, Instant);

impl<T: Clone> Heard<T> {
    pub(super) fn now(what: T) -> Self {
        Self(what, Instant::now())
    }

    /// It, if it holds: as long as the events say so, of an engine on this machine.
    pub(super) fn holds(&self, engine: &Address) -> Option<T> {
        let heard = matches!(engine, Address::Unix(_)) || self.1.elapsed() < UNHEARD;
        heard.then(|| self.0.clone())
    }
}

/// A task that ends with this.
#[derive(Debug)]
pub(super) struct Task(pub(super) AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A question to the engine, for all who wait for its answer.
#[derive(Debug)]
pub(super) struct Question {
    /// The drops when it was put.
    pub(super) drops: u64,
    pub(super) answer: OnceCell<Result<Option<Arc<Container>>, IdentifyError>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Following {
    #[default]
    No,
    /// Asked, not answered: nothing may be kept yet.
    Asked,
    Yes,
}

/// What the follower of the events tells, as long as somebody wants to know. When it is dropped, nobody follows, and
/// nothing is kept.
#[derive(Debug)]
pub(super) struct Follower {
    pub(super) kept: Weak<Mutex<Kept>>,
    pub(super) changes: watch::Sender<()>,
}

impl Follower {
    /// From now on every change is told.
    pub(super) fn connected(&self) {
        let Some(kept) = self.kept.upgrade() else { return };
        let mut kept = lock(&kept);
        kept.following = Following::Yes;
        // What is being answered may be from before.
        kept.drops += 1;
        kept.addresses_changed();
        self.changes.send_replace(());
    }

    /// Something about this container has changed.
    pub(super) fn changed(&self, id: &str) {
        let Some(kept) = self.kept.upgrade() else { return };
        lock(&kept).changed(id);
        self.changes.send_replace(());
    }

    /// Some address may be another container's, or the first one's.
    pub(super) fn addresses_changed(&self) {
        let Some(kept) = self.kept.upgrade() else { return };
        lock(&kept).addresses_changed();
    }

    /// Some name may mean another image, or none.
    pub(super) fn images_changed(&self) {
        let Some(kept) = self.kept.upgrade() else { return };
        lock(&kept).images_changed();
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let Some(kept) = self.kept.upgrade() else { return };
        {
            let mut kept = lock(&kept);
            *kept = Kept { drops: kept.drops + 1, moves: kept.moves + 1, ..Kept::default() };
        }
        self.changes.send_replace(());
    }
}

pub(super) fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here leaves a map half-changed.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_elsewhere_is_asked_again_after_a_while() {
        let here = Address::Unix("/e".into());
        let elsewhere = Address::Tcp { host: "e".to_owned(), port: 2375 };
        assert_eq!(Heard::now(1).holds(&elsewhere), Some(1));
        let before = Instant::now().checked_sub(UNHEARD).expect("the machine runs longer");
        assert_eq!(Heard(1, before).holds(&elsewhere), None);
        assert_eq!(Heard(1, before).holds(&here), Some(1));
    }
}
