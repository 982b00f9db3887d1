//! What is known of whoever calls, made into a guest: its container, how it sees files, what the engine can do for it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hostward::api::asked;
use hostward::explicit::Map;
use hostward::inspect::Container;
use hostward::path::EnginePath;
use hostward::seal::Key;
use hostward_engine::events;
use hostward_engine::select::Selector;
use hostward_engine::stream::Stream;
use hostward_sight::{HeldSource, Machine, Sight, visible_pid};

use super::containers::Containers;
use super::error::IdentifyError;
use super::found::{CallerFinder, FoundCaller};
use super::home::Home;
use super::process::Process;
use super::through::Through;
use super::vantage::{OwnVantage, Vantage};
use super::warned::Warned;
use crate::caller::{Guest, Who};
use crate::links::{HeldLink, LinkDirectory, Links};
use crate::lookups::Lookups;
use crate::peer::{Accepted, Peer};
use crate::pins::{self, HeldPin, Pins};
use crate::pools::Pools;
use crate::profiles::ProfileChoice;
use crate::quota::Quota;
use crate::settings::{Callers, Rules};
use crate::shown::Shown;

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
    /// What callers have read of the engine's own paths.
    pub(super) shown: Arc<Shown>,
    /// Short ways to sockets.
    links: Links,
    /// Mounts of what was judged.
    pins: Pins,
    pub(super) warned: Warned,
    /// How callers get their profiles.
    pub(super) choice: ProfileChoice,
    finder: CallerFinder,
}

/// How long after a container's processes run an engine may say that it was started.
const START_TAKES: Duration = Duration::from_secs(30);

impl Drop for Identify {
    fn drop(&mut self) {
        self.containers.forget_found(self.finder);
    }
}

impl Identify {
    pub(crate) fn new(
        callers: Callers,
        rules: Rules,
        choice: ProfileChoice,
        containers: Containers,
        vantage: OwnVantage,
        key: Arc<Key>,
        pools: &Pools,
    ) -> Self {
        static FINDERS: AtomicU64 = AtomicU64::new(0);
        let finder = CallerFinder(FINDERS.fetch_add(1, Ordering::Relaxed));
        let (lookups, shown) = (Arc::clone(&pools.lookups), Arc::clone(&pools.shown));
        let (links, pins) = (pools.links.clone(), pools.pins.clone());
        let warned = Warned::default();
        Self { callers, rules, containers, vantage, key, lookups, shown, links, pins, warned, choice, finder }
    }

    /// What is known of containers.
    pub(crate) fn containers(&self) -> &Containers {
        &self.containers
    }

    /// A short way for the engine to a path of the host.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn shorten(&self, guest: &Guest, path: &EnginePath) -> Result<(EnginePath, HeldLink), String> {
        let on_host = guest.sight.view().socket().and_then(|socket| socket.own.as_ref());
        let directory =
            self.vantage.own().zip(on_host).and_then(|(own, on_host)| LinkDirectory::beside(own, on_host));
        let directory =
            directory.ok_or("hostward has no directory that the engine sees, for a link to it")?;
        let made = self.links.make(&directory, path, &guest.key);
        made.map_err(|error| format!("hostward cannot make a link to it: {error}"))
    }

    /// How many containers owners are about to have.
    pub(crate) fn quota(&self) -> &Quota {
        &self.choice.quota
    }

    /// Whether the engine sees mounts of this process.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn may_pin(&self) -> Result<(), String> {
        pins::are_possible(self.containers.engine())
    }

    /// A mount of exactly what a handle is for, which the engine sees.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) fn pin(&self, source: &HeldSource, recursive: bool) -> io::Result<(EnginePath, HeldPin)> {
        self.pins.make(self.containers.engine(), source, recursive)
    }

    /// What is written down for callers is signed with this.
    pub(crate) fn key(&self) -> &Key {
        &self.key
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

    /// Whether the engine's machine can be looked at from here.
    pub(crate) async fn machine(&self) -> Machine {
        self.vantage().await.map(|vantage| vantage.machine).unwrap_or_default()
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
        names: &[String],
    ) -> Result<Arc<Guest>, IdentifyError> {
        let name = selector.name(self.containers.engine()).await?;
        let container = self.containers.called(&name).await?;
        if container.pid.is_none() {
            return Err(IdentifyError::NotRunning(selector.clone()));
        }
        let first = first_process(&container, self.machine().await);
        let is_of_it =
            |peer: &Process| peer.container_id().is_ok_and(|id| id.as_ref() == Some(&container.id));
        let peer = peer.filter(is_of_it);
        self.guest(container, names, move || {
            let inside = peer.and_then(|peer| Through::of(peer, first.as_ref()).ok().flatten());
            inside.unwrap_or_else(|| Through::first(first))
        })
        .await
    }

    /// The guest in a container, seen through what `eyes` gives, which may block. Its certificate has these names.
    pub(super) async fn guest(
        &self,
        container: Arc<Container>,
        names: &[String],
        eyes: impl FnOnce() -> Through + Send + 'static,
    ) -> Result<Arc<Guest>, IdentifyError> {
        let name = container.name.clone();
        let guest = self.guest_by(container, names, move || Ok(Some(eyes()))).await?;
        guest.ok_or(IdentifyError::Unseen(name))
    }

    /// The same; none where `eyes` gives none.
    pub(super) async fn guest_by(
        &self,
        container: Arc<Container>,
        certified: &[String],
        eyes: impl FnOnce() -> Result<Option<Through>, IdentifyError> + Send + 'static,
    ) -> Result<Option<Arc<Guest>>, IdentifyError> {
        let abilities = self.containers.abilities().await?;
        let profiles = self.profiles();
        // Who has a certificate may have another profile than the container's other processes.
        let is_shared = profiles.is_empty() || certified.is_empty();
        let before = self.containers.found(self.finder, &container);
        let before = before.filter(|found| is_shared && Arc::ptr_eq(&found.guest.profiles, &profiles));
        let mandate = match &before {
            Some(found) => found.guest.mandate.clone(),
            None => self.mandate_of(&profiles, &container, certified).await?,
        };
        let look = self.sight_look(&container, self.rules.maps.clone()).await;
        let (key, shown, is_contained) =
            (Arc::clone(&self.key), Arc::clone(&self.shown), self.rules.contained);
        // Whoever may create containers writes their labels.
        let (unmapped, missing) = if mandate.is_free() {
            (self.rules.unmapped(&container), self.rules.missing(&container))
        } else {
            (self.rules.unmapped.unwrap_or_default(), self.rules.missing.unwrap_or_default())
        };
        let asked = container.asked.as_deref();
        let names = asked.map_or_else(Vec::new, |asked| asked::names(asked, &container.table, &key));
        let described = Arc::clone(&container);
        let found = self.lookups.look_for_caller(move || {
            let Some(through) = eyes()? else { return Ok(None) };
            if let Some(guest) = before.and_then(|before| before.through(&through)) {
                return Ok(Some((guest, None)));
            }
            let home = through.home();
            let sight = look(through.into_process())?;
            let sight = sight.with_unmapped(unmapped).with_missing(missing).with_names(names);
            // It may have entered another root directory meanwhile: then nobody else has this one.
            let home = home.filter(|home| sight.root().is_some_and(|root| home.has_root(root)));
            let who = Who::Container(described);
            let guest =
                Guest { who, sight, abilities, key, shown, contained: is_contained, mandate, profiles };
            let guest = Arc::new(guest);
            let found = FoundCaller { guest: Arc::clone(&guest), home };
            Ok::<_, IdentifyError>(Some((guest, Some(found))))
        });
        let Some((guest, found)) = found.await.map_err(IdentifyError::look)?? else { return Ok(None) };
        let complete = guest.sight.view().socket().is_some_and(|socket| socket.own.is_some());
        let is_common = |found: &FoundCaller| found.home.is_some() || guest.sight.is_by_the_engine();
        if let Some(found) = found.filter(|found| complete && is_shared && is_common(found)) {
            self.containers.keep_found(self.finder, &container, found);
        }
        Ok(Some(guest))
    }

    /// Whether it is still this caller that a connection is of, and still as it was found: the process that connected is there,
    /// with the mount namespace and the root directory that it had, and neither the engine nor the kernel says that its container
    /// has changed. A caller that is not kept, or was found by anything else than its process, must be found again.
    pub(crate) fn still(&self, client: &Stream, peer: &Peer, accepted: Accepted, guest: &Guest) -> bool {
        let (Callers::Each, Peer::Process, Who::Container(container)) = (&self.callers, peer, &guest.who)
        else {
            return false;
        };
        let Ok(Some(process)) = Process::of_peer(client, accepted) else { return false };
        let is_at_home = |home: Home| process.is_in(home.namespace()) && process.is_at_top();
        self.containers.holds(container)
            && self.containers.found(self.finder, container).is_some_and(|found| {
                std::ptr::eq(&raw const *found.guest, guest) && found.home.is_none_or(is_at_home)
            })
    }

    /// The look that finds out how files are seen in a container, through a process of it, or the engine. It blocks, and may
    /// ask the engine on a thread that waits: it is for a thread that looks, and never for a task.
    pub(super) async fn sight_look(
        &self,
        container: &Arc<Container>,
        maps: Vec<Map>,
    ) -> impl FnOnce(Option<Process>) -> Result<Sight, IdentifyError> + Send + 'static {
        let vantage = self.vantage().await.cloned().unwrap_or_default();
        let (engine, described) = (self.containers.engine().clone(), Arc::clone(container));
        let own = self.vantage.own().map(Path::to_owned);
        move |process: Option<Process>| {
            let pid = process.as_ref().map(Process::pid);
            let sight = Sight::of_container(pid, &engine, &described, maps.clone(), vantage.machine);
            let sight = sight.or_else(|reason| match vantage.sight() {
                Some(Ok(own)) => Sight::of_common_mounts(own, &engine, &described, maps, reason),
                Some(Err(_)) | None => Err(reason),
            });
            // What was read by the pid was this process's only if it still has the pid. What the engine says of a
            // container whose process has ended is of no use either.
            process.as_ref().map_or(Ok(()), Process::check)?;
            let sight = sight.map_err(|reason| IdentifyError::Files {
                whose: format!("the container {} ({})", described.name, described.id.short()),
                reason,
            })?;
            Ok(sight.with_socket(vantage.socket, own.as_deref()))
        }
    }
}

/// The first process of a container, where it can be seen from here ([`visible_pid`]).
pub(crate) fn first_process(container: &Container, machine: Machine) -> Option<Process> {
    let process = Process::open(container.pid?).ok()?;
    // What was read by the pid was of this process if it still is there.
    (visible_pid(container, machine).is_some() && process.check().is_ok()).then_some(process)
}
