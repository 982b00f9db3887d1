//! What is known of whoever calls, made into a guest: its container, how it sees files, what the engine can do for it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hostward::explicit::Map;
use hostward::inspect::Container;
use hostward::seal::Key;
use hostward_engine::events;
use hostward_engine::select::Selector;
use hostward_sight::Sight;

use super::containers::Containers;
use super::error::IdentifyError;
use super::home::Files;
use super::process::Process;
use super::vantage::{OwnVantage, Vantage};
use crate::caller::{Guest, Who};
use crate::lookups::Lookups;
use crate::peer::Accepted;
use crate::settings::{Callers, Rules};

/// How callers are told from each other.
#[derive(Debug)]
pub(crate) struct Identify {
    pub(super) callers: Callers,
    pub(super) rules: Rules,
    pub(super) containers: Containers,
    pub(super) vantage: OwnVantage,
    /// What is written down for callers is signed with this.
    pub(super) key: Arc<Key>,
    pub(super) lookups: Arc<Lookups>,
    /// Those that only the engine shows, by their containers' ids: finding their mounts takes it a second.
    remote: Mutex<HashMap<String, Arc<Guest>>>,
}

/// How long after a container's processes run an engine may say that it was started.
const START_TAKES: Duration = Duration::from_secs(30);

/// More such callers than this at once are unlikely; then they are asked for again.
const MAX_REMOTE: usize = 256;

impl Identify {
    pub(crate) fn new(
        callers: Callers,
        rules: Rules,
        containers: Containers,
        vantage: OwnVantage,
        key: Arc<Key>,
        lookups: Arc<Lookups>,
    ) -> Self {
        Self { callers, rules, containers, vantage, key, lookups, remote: Mutex::default() }
    }

    /// What is known of containers.
    pub(crate) fn containers(&self) -> &Containers {
        &self.containers
    }

    /// The container that Hostward is in.
    pub(crate) async fn container(&self) -> Option<Arc<Container>> {
        self.vantage().await.ok()?.container.clone()
    }

    /// Where Hostward is, as the engine sees it.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub(crate) async fn vantage(&self) -> Result<&Vantage, IdentifyError> {
        self.vantage.get(&self.containers).await
    }

    /// Makes sure that a container had its place when a connection was accepted: what had it then may be gone by now.
    ///
    /// Engines say that a container was started when its processes run already, and may call. So one that is said to have
    /// been started just after counts, if none has died since: whoever called is there still.
    pub(super) async fn was_there(
        &self,
        accepted: Accepted,
        container: &Container,
    ) -> Result<(), IdentifyError> {
        let later = |error| IdentifyError::StartedLater { container: container.name.clone(), error };
        let late = container
            .started
            .ok_or_else(|| later(None))?
            .duration_since(accepted.clock())
            .unwrap_or_default();
        if late.is_zero() {
            return Ok(());
        }
        if late > START_TAKES {
            return Err(later(None));
        }
        let engine = self.containers.engine();
        match events::started_and_none_died(engine, &container.id, accepted.clock()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(later(None)),
            Err(error) => Err(later(Some(Arc::new(error)))),
        }
    }

    /// The container that the socket was made for, or that a certificate names. Its files are seen through the peer where
    /// that is one of its processes, else (a relay, a network's peer) through its first process, or the engine.
    pub(super) async fn one(
        &self,
        selector: &Selector,
        peer: Option<Process>,
    ) -> Result<Arc<Guest>, IdentifyError> {
        let name = selector.name(self.containers.engine()).await?;
        let container = self.containers.called(&name).await?;
        if container.pid.is_none() {
            return Err(IdentifyError::NotRunning(selector.clone()));
        }
        let first = first_process(&container);
        let is_of_it =
            |peer: &Process| peer.container_id().is_ok_and(|id| id.as_ref() == Some(&container.id));
        let peer = peer.filter(is_of_it);
        let guest = self.guest_by(container, move || {
            let is_inside = |peer: &Process| matches!(peer.files(first.as_ref()), Ok(Files::Container));
            Ok(Some(peer.filter(is_inside).or(first)))
        });
        guest.await?.ok_or_else(|| IdentifyError::NotRunning(selector.clone()))
    }

    pub(super) async fn guest(
        &self,
        container: Arc<Container>,
        process: Option<Process>,
    ) -> Result<Arc<Guest>, IdentifyError> {
        let name = container.name.clone();
        let guest = self.guest_by(container, move || Ok(Some(process))).await?;
        guest.ok_or(IdentifyError::Unseen(name))
    }

    /// The guest in a container, through the process that `eyes` gives, which may block; none where that gives none.
    pub(super) async fn guest_by(
        &self,
        container: Arc<Container>,
        eyes: impl FnOnce() -> Result<Option<Option<Process>>, IdentifyError> + Send + 'static,
    ) -> Result<Option<Arc<Guest>>, IdentifyError> {
        if let Some(guest) = self.kept(&container) {
            let is_of_it = self.lookups.look_for_caller(move || eyes().map(|eyes| eyes.is_some())).await;
            return Ok(is_of_it.map_err(IdentifyError::look)??.then_some(guest));
        }
        let abilities = self.containers.abilities().await?;
        let Some(sight) = self.sight(&container, eyes, self.rules.maps.clone()).await? else {
            return Ok(None);
        };
        let sight = sight.with_unmapped(self.rules.unmapped(&container));
        let key = Arc::clone(&self.key);
        let guest = Arc::new(Guest { who: Who::Container(container), sight, abilities, key });
        let complete = guest.sight.view().socket().is_some_and(|socket| socket.own.is_some());
        if complete && guest.sight.is_by_the_engine() {
            self.keep(&guest);
        }
        Ok(Some(guest))
    }

    /// How files are seen in a container, through the process that `eyes` gives, or the engine where that gives a
    /// container without one.
    async fn sight(
        &self,
        container: &Arc<Container>,
        eyes: impl FnOnce() -> Result<Option<Option<Process>>, IdentifyError> + Send + 'static,
        maps: Vec<Map>,
    ) -> Result<Option<Sight>, IdentifyError> {
        let look = self.sight_look(container, eyes, maps).await;
        self.lookups.look_for_caller(look).await.map_err(IdentifyError::look)?
    }

    /// The look at files that finds that out. It blocks, and may ask the engine on a thread that waits: it is for a thread that
    /// looks, and never for a task.
    pub(super) async fn sight_look(
        &self,
        container: &Arc<Container>,
        eyes: impl FnOnce() -> Result<Option<Option<Process>>, IdentifyError> + Send + 'static,
        maps: Vec<Map>,
    ) -> impl FnOnce() -> Result<Option<Sight>, IdentifyError> + Send + 'static {
        let vantage = self.vantage().await.cloned().unwrap_or_default();
        let (engine, described) = (self.containers.engine().clone(), Arc::clone(container));
        let own = self.vantage.own().map(Path::to_owned);
        let whose = format!("the container {} ({})", container.name, container.id.short());
        move || {
            let Some(process) = eyes()? else { return Ok(None) };
            let pid = process.as_ref().map(Process::pid);
            let sight = Sight::of_container(pid, &engine, &described, maps, vantage.machine);
            // What was read by the pid was this process's only if it still has the pid. What the engine says of a
            // container whose process has ended is of no use either.
            process.as_ref().map_or(Ok(()), Process::check)?;
            let sight = sight.map_err(|reason| IdentifyError::Files { whose, reason })?;
            Ok(Some(sight.with_socket(vantage.socket, own.as_deref())))
        }
    }

    /// The guest that was found in this container before, as long as the engine's description of it holds.
    fn kept(&self, container: &Arc<Container>) -> Option<Arc<Guest>> {
        let remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        let guest = remote.get(container.id.as_str())?;
        let same = matches!(&guest.who, Who::Container(known) if Arc::ptr_eq(known, container));
        same.then(|| Arc::clone(guest))
    }

    fn keep(&self, guest: &Arc<Guest>) {
        let mut remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        if remote.len() >= MAX_REMOTE {
            remote.clear();
        }
        remote.insert(guest.reader().caller.to_owned(), Arc::clone(guest));
    }
}

/// The first process of a container, where it can be seen from here.
pub(crate) fn first_process(container: &Container) -> Option<Process> {
    let process = Process::open(container.pid?).ok()?;
    // The pid is the engine's word, and may mean somebody else here.
    process.container_id().is_ok_and(|id| id.as_ref() == Some(&container.id)).then_some(process)
}
