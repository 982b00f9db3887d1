//! The engine's descriptions of containers and of itself, kept as long as its events say that they hold.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hostward::abilities::Abilities;
use hostward::cgroup::ContainerId;
use hostward::inspect::{self, Container};
use hostward_engine::address::Address;
use hostward_engine::ask::AskError;
use hostward_engine::complete::complete;
use hostward_engine::list::{self, Listed};
use hostward_engine::{client, version};
use tokio::sync::{OnceCell, watch};

use super::error::IdentifyError;
use super::events;
use super::found::{CallerFinder, FoundCaller};
use super::kept::{Follower, Following, Heard, ImageFacts, Kept, Question, Task, lock};

/// More callers than this at once are unlikely; then the cache starts again.
const MAX_KEPT: usize = 4096;

/// More images than this are hardly in use at once; then they are asked for again.
const MAX_IMAGES: usize = 256;

/// More addresses of nobody than this are not remembered at once; then they are looked for again.
const MAX_STRANGERS: usize = 1024;

/// How long the engine may take to begin telling its events, before it is asked without.
const HEARD_SOON: Duration = Duration::from_secs(1);

/// So long is what is kept of an image, its own name and the names of all labels and volumes together.
const MAX_FACTS: usize = 4096;

/// Asks the engine about containers, once for all that ask at a time.
#[derive(Debug, Clone)]
pub(crate) struct Containers {
    engine: Address,
    kept: Arc<Mutex<Kept>>,
    /// Whose each name is by which the configuration means a caller, since it was first looked up. As many as it has names.
    bound: Arc<Mutex<HashMap<String, ContainerId>>>,
    /// Told of every change.
    changes: watch::Sender<()>,
}

/// One who waits for an answer. The last to go takes the question away, answered or not: who asks may go at any time, and
/// could ask for any name.
struct Asking<'a> {
    kept: &'a Mutex<Kept>,
    name: &'a str,
    question: Arc<Question>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut kept = lock(self.kept);
        let is_put = kept.questions.get(self.name).is_some_and(|put| Arc::ptr_eq(put, &self.question));
        // The map has it, and this one. Others take it under the lock only.
        let is_last = Arc::strong_count(&self.question) <= 2;
        if is_put && (is_last || self.question.answer.initialized()) {
            kept.questions.remove(self.name);
        }
    }
}

impl Containers {
    pub(crate) fn new(engine: Address) -> Self {
        Self { engine, kept: Arc::default(), bound: Arc::default(), changes: watch::Sender::default() }
    }

    /// Tells when something may have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The container of this id or name.
    ///
    /// # Errors
    /// Where the engine knows none, or does not tell.
    pub(super) async fn get(&self, name: &str) -> Result<Arc<Container>, IdentifyError> {
        self.find(name).await?.ok_or_else(|| IdentifyError::UnknownContainer {
            name: name.to_owned(),
            engine: self.engine.clone(),
        })
    }

    /// The container of this name by which the configuration means a caller. Once looked up, a name is bound to its
    /// container, by the id, as long as there is that container, running or not: renaming two would pass it to another
    /// otherwise. When it is gone, the name may be another's, as `compose up` makes a container anew.
    ///
    /// # Errors
    /// Where the engine knows none, or does not tell; where another has the name by now.
    pub(super) async fn called(&self, name: &str) -> Result<Arc<Container>, IdentifyError> {
        let container = self.get(name).await?;
        let bound = lock(&self.bound).get(name).cloned();
        if let Some(before) = bound.filter(|before| *before != container.id)
            && let Some(other) = self.find(before.as_str()).await?
        {
            let (name, called, after) = (name.to_owned(), other.name.clone(), container.id.clone());
            return Err(IdentifyError::Renamed { name, before, called, after });
        }
        lock(&self.bound).insert(name.to_owned(), container.id.clone());
        Ok(container)
    }

    /// The container of this id or name, if there is one.
    pub(crate) async fn find(&self, name: &str) -> Result<Option<Arc<Container>>, IdentifyError> {
        let question = match self.known(name) {
            Ok(container) => return Ok(Some(container)),
            Err(question) => question,
        };
        let asking = Asking { kept: &self.kept, name, question };
        // Whoever put it may have gone; then the next one puts it.
        let ask = async || Ok(self.inspect(name).await?.map(Arc::new));
        let answer = asking.question.answer.get_or_init(ask).await.clone();
        let drops = asking.question.drops;
        drop(asking);
        let mut kept = lock(&self.kept);
        let Some(container) = answer? else { return Ok(None) };
        // One that is stopped may be started with other mounts, and is known by them before the event tells.
        if kept.following == Following::Yes && kept.drops == drops && container.pid.is_some() {
            if kept.by_name.len() >= MAX_KEPT {
                kept.by_name.clear();
            }
            kept.by_name.insert(name.to_owned(), Heard::now(Arc::clone(&container)));
        }
        Ok(Some(container))
    }

    /// The container that the engine means by this: its name, its id or the beginning of that.
    pub(crate) async fn named(&self, name: &str) -> Result<Option<Arc<Container>>, IdentifyError> {
        if let Some(container) = self.find(name).await? {
            return Ok(Some(container));
        }
        match hostward_engine::inspect::container(&self.engine, name).await {
            Ok(container) => self.find(container.id.as_str()).await,
            Err(AskError::NotAName(_) | AskError::Unknown { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What is known of it, or the question whose answer will say; none that was put before the last change.
    fn known(&self, name: &str) -> Result<Arc<Container>, Arc<Question>> {
        let mut kept = lock(&self.kept);
        if let Some(container) = kept.by_name.get(name).and_then(|heard| heard.holds(&self.engine)) {
            return Ok(container);
        }
        self.follow(&mut kept);
        let drops = kept.drops;
        if let Some(question) = kept.questions.get(name).filter(|question| question.drops == drops) {
            return Err(Arc::clone(question));
        }
        let question = Arc::new(Question { drops, answer: OnceCell::new() });
        kept.questions.insert(name.to_owned(), Arc::clone(&question));
        Err(question)
    }

    /// Waits for a moment until the engine's events are followed: what it says before cannot be kept.
    async fn hear(&self) {
        let mut changes = self.changes();
        self.follow(&mut lock(&self.kept));
        let heard = async {
            while lock(&self.kept).following == Following::Asked && changes.changed().await.is_ok() {}
        };
        let _ = tokio::time::timeout(HEARD_SOON, heard).await;
    }

    /// The running containers, once one of them has this address. Where none had it, and nothing has changed since, the engine is
    /// not asked again: that would take a second each time, as a container that is being started is listed late.
    ///
    /// # Errors
    /// What `find` says of those that there are, and where the engine does not tell.
    pub(super) async fn at<T>(
        &self,
        address: IpAddr,
        find: impl FnOnce(&[Listed]) -> Result<T, IdentifyError>,
    ) -> Result<T, IdentifyError> {
        let known = lock(&self.kept).strangers.get(&address).and_then(|heard| heard.holds(&self.engine));
        if let Some(why) = known {
            return Err(why);
        }
        self.hear().await;
        let moves = lock(&self.kept).moves;
        let running = list::with_address(&self.engine, address).await?;
        find(&running).inspect_err(|why| {
            let mut kept = lock(&self.kept);
            if kept.following == Following::Yes && kept.moves == moves {
                if kept.strangers.len() >= MAX_STRANGERS {
                    kept.strangers.clear();
                }
                kept.strangers.insert(address, Heard::now(why.clone()));
            }
        })
    }

    /// Whether the engine's description of a container still is this.
    pub(super) fn holds(&self, container: &Arc<Container>) -> bool {
        self.holding(&lock(&self.kept), container)
    }

    fn holding(&self, kept: &Kept, container: &Arc<Container>) -> bool {
        // By whatever it was asked for.
        [container.id.as_str(), &container.name].into_iter().any(|name| {
            let heard = kept.by_name.get(name).and_then(|heard| heard.holds(&self.engine));
            heard.is_some_and(|heard| Arc::ptr_eq(&heard, container))
        })
    }

    /// The caller that was found in a container by this description, if it still is as it was.
    pub(super) fn found(&self, by: CallerFinder, container: &Arc<Container>) -> Option<FoundCaller> {
        lock(&self.kept).found.get(by, container)
    }

    /// Keeps a caller that was found in a container, as long as this description of that holds.
    pub(super) fn keep_found(&self, by: CallerFinder, container: &Arc<Container>, found: FoundCaller) {
        let mut kept = lock(&self.kept);
        if self.holding(&kept, container) {
            kept.found.put(by, container, found);
        }
    }

    /// Nobody will ask for what this one has found.
    pub(super) fn forget_found(&self, by: CallerFinder) {
        lock(&self.kept).found.forget(by);
    }

    /// What was heard of a container holds no longer, though the engine has not said so yet.
    pub(crate) fn forget(&self, id: &str) {
        lock(&self.kept).changed(id);
    }

    /// Waits until the engine's events are followed, or cannot be.
    pub(crate) async fn heard(&self) {
        let mut changes = self.changes();
        self.follow(&mut lock(&self.kept));
        while lock(&self.kept).following == Following::Asked {
            // This has the other end.
            let _ = changes.changed().await;
        }
    }

    /// Waits until they are not: the engine has ended, or the way to it.
    pub(crate) async fn unheard(&self) {
        let mut changes = self.changes();
        while lock(&self.kept).following == Following::Yes {
            let _ = changes.changed().await;
        }
    }

    /// Has the engine's events followed, if they are not.
    fn follow(&self, kept: &mut Kept) {
        if kept.following == Following::No {
            kept.following = Following::Asked;
            let follow = events::follow(self.engine.clone(), self.follower());
            kept.task = Some(Task(tokio::spawn(follow).abort_handle()));
        }
    }

    fn follower(&self) -> Follower {
        Follower { kept: Arc::downgrade(&self.kept), changes: self.changes.clone() }
    }

    /// What the engine can do. Asked again once its events end: it may be another then.
    pub(super) async fn abilities(&self) -> Result<Abilities, IdentifyError> {
        let drops = {
            let kept = lock(&self.kept);
            if let Some(abilities) = kept.abilities.as_ref().and_then(|heard| heard.holds(&self.engine)) {
                return Ok(abilities);
            }
            kept.drops
        };
        let version = version::version(&self.engine).await?;
        let mut kept = lock(&self.kept);
        if kept.following == Following::Yes && kept.drops == drops {
            kept.abilities = Some(Heard::now(version.abilities()));
        }
        Ok(version.abilities())
    }

    /// What an image gives its containers; nothing where the engine has no such image.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub(super) async fn image(&self, name: &str) -> Result<Arc<ImageFacts>, IdentifyError> {
        let drops = {
            let kept = lock(&self.kept);
            if let Some(image) = kept.images.get(name).and_then(|heard| heard.holds(&self.engine)) {
                return Ok(image);
            }
            kept.drops
        };
        let image = hostward_engine::inspect::image(&self.engine, name).await?;
        // The client is about to pull it.
        let Some(image) = image else { return Ok(Arc::default()) };
        let image = Arc::new(ImageFacts::from(image));
        let mut kept = lock(&self.kept);
        let is_short = name.len() + image.size() <= MAX_FACTS;
        if is_short && kept.following == Following::Yes && kept.drops == drops {
            if kept.images.len() >= MAX_IMAGES {
                kept.images.clear();
            }
            kept.images.insert(name.to_owned(), Heard::now(Arc::clone(&image)));
        }
        Ok(image)
    }

    pub(crate) fn engine(&self) -> &Address {
        &self.engine
    }

    /// The container with the directories of its volumes.
    async fn inspect(&self, name: &str) -> Result<Option<Container>, IdentifyError> {
        let Some(mut container) = self.describe(name).await? else { return Ok(None) };
        complete(&self.engine, &mut container)
            .await
            .map_err(|error| IdentifyError::Incomplete { name: name.to_owned(), error: Arc::new(error) })?;
        Ok(Some(container))
    }

    async fn describe(&self, name: &str) -> Result<Option<Container>, IdentifyError> {
        let path = format!("/containers/{}/json", client::escape(name.as_bytes(), b""));
        let answer = client::get(&self.engine, &path, client::PATIENCE).await?;
        match answer.status {
            200 => {
                let container = inspect::parse(&answer.body).map_err(|error| IdentifyError::Described {
                    name: name.to_owned(),
                    error: Arc::new(error),
                })?;
                // Engines take the beginning of an id for a name: `db` may be any container.
                Ok(container.is_called(name).then_some(container))
            }
            404 => Ok(None),
            status => {
                let (engine, name) = (self.engine.clone(), name.to_owned());
                Err(IdentifyError::Status { engine, status, name })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_goes_with_the_last_who_asks() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("engine.sock");
            // It takes connections, and does not answer.
            let _engine = tokio::net::UnixListener::bind(&path).unwrap();
            let containers = Containers::new(Address::Unix(path));
            let questions = || lock(&containers.kept).questions.len();
            let (mut one, mut two) = (Box::pin(containers.find("a")), Box::pin(containers.find("a")));
            tokio::select! {
                biased;
                _ = &mut one => panic!("nobody answers"),
                _ = &mut two => panic!("nobody answers"),
                () = tokio::task::yield_now() => {}
            }
            assert_eq!(questions(), 1);
            drop(one);
            assert_eq!(questions(), 1);
            drop(two);
            assert_eq!(questions(), 0);
        });
    }

    #[test]
    fn whoever_follows_the_events_ends_with_the_last_who_wants_to_know() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("engine.sock");
            let engine = tokio::net::UnixListener::bind(&path).unwrap();
            let containers = Containers::new(Address::Unix(path));
            assert!(containers.known("a").is_err());
            let (events, _) = engine.accept().await.unwrap();
            drop(containers);
            // The end of its connection, behind what it asked.
            let ended = async {
                let mut bytes = [0; 1024];
                loop {
                    events.readable().await.unwrap();
                    if matches!(events.try_read(&mut bytes), Ok(0)) {
                        break;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends");
        });
    }

    #[test]
    fn names_stay_one_component() {
        assert_eq!(client::escape(b"my-app_1.x", b""), "my-app_1.x");
        assert_eq!(client::escape(b"../x?y", b""), "..%2Fx%3Fy");
    }
}
