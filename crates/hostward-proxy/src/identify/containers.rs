//! The engine's descriptions of containers and of itself, kept as long as its events say that they hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hostward::abilities::Abilities;
use hostward::inspect::{self, Container};
use hostward_engine::address::Address;
use hostward_engine::{client, version, volume};
use tokio::sync::OnceCell;

use super::events;

/// More callers than this at once are unlikely; then the cache starts again.
const MAX_KEPT: usize = 4096;

/// Asks the engine about containers, once for all that ask at a time.
#[derive(Debug, Clone)]
pub(crate) struct Containers {
    engine: Address,
    kept: Arc<Mutex<Kept>>,
}

/// What is known, while the engine's events are followed.
#[derive(Debug, Default)]
pub(super) struct Kept {
    following: Following,
    /// Running ones, by what was asked for: an id, or a name.
    by_name: HashMap<String, Arc<Container>>,
    /// What the engine is being asked for.
    questions: HashMap<String, Arc<Question>>,
    /// What the engine can do.
    abilities: Option<Abilities>,
    /// Counts the drops: an answer that was on its way meanwhile may be old already.
    drops: u64,
}

/// A question to the engine, for all who wait for its answer.
#[derive(Debug)]
struct Question {
    /// The drops when it was put.
    drops: u64,
    answer: OnceCell<Result<Arc<Container>, String>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Following {
    #[default]
    No,
    /// Asked, not answered: nothing may be kept yet.
    Asked,
    Yes,
}

impl Containers {
    pub(crate) fn new(engine: Address) -> Self {
        Self { engine, kept: Arc::default() }
    }

    /// The container of this id or name.
    pub(super) async fn get(&self, name: &str) -> Result<Arc<Container>, String> {
        let question = match self.known(name) {
            Ok(container) => return Ok(container),
            Err(question) => question,
        };
        // Whoever put it may have gone; then the next one puts it.
        let answer =
            question.answer.get_or_init(async || self.inspect(name).await.map(Arc::new)).await.clone();
        let mut kept = lock(&self.kept);
        if kept.questions.get(name).is_some_and(|asked| Arc::ptr_eq(asked, &question)) {
            kept.questions.remove(name);
        }
        let container = answer?;
        // One that is stopped may be started with other mounts, and is known by them before the event tells.
        if kept.following == Following::Yes && kept.drops == question.drops && container.pid.is_some() {
            if kept.by_name.len() >= MAX_KEPT {
                kept.by_name.clear();
            }
            kept.by_name.insert(name.to_owned(), Arc::clone(&container));
        }
        Ok(container)
    }

    /// What is known of it, or the question whose answer will say; none that was put before the last change.
    fn known(&self, name: &str) -> Result<Arc<Container>, Arc<Question>> {
        let mut kept = lock(&self.kept);
        if let Some(container) = kept.by_name.get(name) {
            return Ok(Arc::clone(container));
        }
        if kept.following == Following::No {
            kept.following = Following::Asked;
            tokio::spawn(events::follow(self.engine.clone(), Follower(Arc::clone(&self.kept))));
        }
        let drops = kept.drops;
        if let Some(question) = kept.questions.get(name).filter(|question| question.drops == drops) {
            return Err(Arc::clone(question));
        }
        let question = Arc::new(Question { drops, answer: OnceCell::new() });
        kept.questions.insert(name.to_owned(), Arc::clone(&question));
        Err(question)
    }

    /// What the engine can do. Asked again once its events end: it may be another then.
    pub(super) async fn abilities(&self) -> Result<Abilities, String> {
        let drops = {
            let kept = lock(&self.kept);
            if let Some(abilities) = kept.abilities {
                return Ok(abilities);
            }
            kept.drops
        };
        let version = version::version(&self.engine).await.map_err(|error| error.to_string())?;
        let mut kept = lock(&self.kept);
        if kept.following == Following::Yes && kept.drops == drops {
            kept.abilities = Some(version.abilities());
        }
        Ok(version.abilities())
    }

    pub(crate) fn engine(&self) -> &Address {
        &self.engine
    }

    /// The container with the directories of its volumes.
    async fn inspect(&self, name: &str) -> Result<Container, String> {
        let mut container = self.describe(name).await?;
        volume::complete(&self.engine, &mut container)
            .await
            .map_err(|error| format!("the volumes of the container {name}: {error}"))?;
        Ok(container)
    }

    async fn describe(&self, name: &str) -> Result<Container, String> {
        let path = format!("/containers/{}/json", client::escape(name.as_bytes(), b""));
        let answer =
            client::get(&self.engine, &path, client::PATIENCE).await.map_err(|error| error.to_string())?;
        let engine = &self.engine;
        match answer.status {
            200 => inspect::parse(&answer.body).map_err(|error| format!("the container {name}: {error}")),
            404 => Err(format!(
                "the caller is in the container {name}, which the engine at {engine} does not know"
            )),
            status => {
                Err(format!("the engine at {engine} answers {status} when asked about the container {name}"))
            }
        }
    }
}

/// What the follower of the events tells. When it is dropped, nobody follows, and nothing is kept.
#[derive(Debug)]
pub(super) struct Follower(Arc<Mutex<Kept>>);

impl Follower {
    /// From now on every change is told.
    pub(super) fn connected(&self) {
        lock(&self.0).following = Following::Yes;
    }

    /// Something about this container has changed.
    pub(super) fn changed(&self, id: &str) {
        let mut kept = lock(&self.0);
        kept.drops += 1;
        kept.by_name.retain(|_, container| container.id.as_str() != id);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut kept = lock(&self.0);
        *kept = Kept { drops: kept.drops + 1, ..Kept::default() };
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    // Nothing in here leaves the map half-changed.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_one_component() {
        assert_eq!(client::escape(b"my-app_1.x", b""), "my-app_1.x");
        assert_eq!(client::escape(b"../x?y", b""), "..%2Fx%3Fy");
    }
}
