//! A caller by the process at the other end of a unix socket.

use std::sync::Arc;

use hostward::cgroup::ContainerId;
use hostward::inspect::Container;
use hostward_engine::list;
use hostward_engine::stream::Stream;
use hostward_sight::Sight;

use super::error::IdentifyError;
use super::guests::{Identify, first_process};
use super::home::{FileId, Home};
use super::process::{Process, ProcessHome};
use super::through::Through;
use crate::caller::{Guest, Who};
use crate::peer::Accepted;

/// So many containers are asked about for a process of which nothing says in which of them it is.
const MOST_ASKED: usize = 1024;

impl Identify {
    /// The process at the other end of a unix socket; none when it is a process of the engine's machine.
    pub(super) async fn process(
        &self,
        client: &Stream,
        accepted: Accepted,
    ) -> Result<Option<Arc<Guest>>, IdentifyError> {
        let Some(process) = Process::of_peer(client, accepted)? else {
            let container = self.mounting(accepted).await?;
            return self.guest(container, &[], || Through::Engine(None)).await.map(Some);
        };
        let Some(id) = process.container_id()? else { return self.outside(process).await };
        let container = self.containers.get(id.as_str()).await?;
        if container.id != id {
            return Err(IdentifyError::NotAnId(id));
        }
        let first = first_process(&container, self.machine().await);
        self.guest_by(container, &[], move || Through::of(process, first.as_ref())).await
    }

    /// A process of which no cgroup says that it is in a container; none when it is one of the engine's machine.
    async fn outside(&self, process: Process) -> Result<Option<Arc<Guest>>, IdentifyError> {
        let placed =
            self.lookups.look_for_caller(move || Ok::<_, IdentifyError>((process.place()?, process))).await;
        let (place, process) = placed.map_err(IdentifyError::look)??;
        let here = match &place {
            ProcessHome::Here | ProcessHome::Beside => &self.vantage().await?.container,
            ProcessHome::Machine | ProcessHome::Apart | ProcessHome::Joined { .. } => &None,
        };
        let (container, through) = match (place, here) {
            (ProcessHome::Machine, _) | (ProcessHome::Here, None) => return Ok(None),
            (ProcessHome::Apart, _) | (ProcessHome::Beside, None) => {
                return self.apart(process).await.map(Some);
            }
            // It has mounts that came since.
            (ProcessHome::Here | ProcessHome::Beside, Some(container)) => {
                (self.containers.get(container.id.as_str()).await?, Through::Own(process))
            }
            (ProcessHome::Joined { home, hint }, _) => {
                (self.joined(&process, &home, hint.as_ref()).await?, Through::Container(process, home))
            }
        };
        self.guest(container, &[], || through).await.map(Some)
    }

    /// A process of the machine in a mount namespace of its own.
    async fn apart(&self, process: Process) -> Result<Arc<Guest>, IdentifyError> {
        let vantage = self.vantage().await.cloned().unwrap_or_default();
        let abilities = self.containers.abilities().await?;
        let pid = process.pid();
        let seen = self.lookups.look_for_caller(move || {
            let sight = Sight::of_host_process(pid, vantage.socket);
            process.check().map(|()| sight)
        });
        let sight = seen.await.map_err(IdentifyError::look)??;
        let sight =
            sight.map_err(|reason| IdentifyError::Files { whose: format!("process {pid}"), reason })?;
        let (key, shown) = (Arc::clone(&self.key), Arc::clone(&self.shown));
        // Its paths are the host's.
        let contained = false;
        let profiles = self.profiles();
        let (who, mandate) = (Who::Apart { pid }, self.mandate_of_host(&profiles));
        Ok(Arc::new(Guest { who, sight, abilities, key, shown, contained, mandate, profiles }))
    }

    /// The container whose mount namespace a process is in that has its files there: `hint`, one that lives in its network
    /// and so has its files in /etc, or any. A process can have whatever it likes mounted in /etc: the hint says where to look
    /// first, and nothing else.
    async fn joined(
        &self,
        process: &Process,
        home: &Home,
        hint: Option<&ContainerId>,
    ) -> Result<Arc<Container>, IdentifyError> {
        let (engine, namespace) = (self.containers.engine(), home.namespace());
        let mut found = self.holder(process, namespace, hint.cloned()).await?;
        if let (None, Some(hint)) = (&found, hint) {
            found = self.holder(process, namespace, list::network_guests(engine, hint).await?).await?;
        }
        // A `chroot` hides the files in /etc. The engine's pids mean nothing here where its machine is another.
        if found.is_none() && self.vantage().await?.machine.is_seen() {
            let running = list::running(engine).await?.into_iter().map(|one| one.id);
            found = self.holder(process, namespace, running.take(MOST_ASKED)).await?;
        }
        match found {
            Some(container) if home.is_top() => Ok(container),
            Some(container) => Err(process.has_own_root(format!("the container {}", container.name))),
            None if home.is_of_another_user_namespace() => Err(IdentifyError::UserNamespace(process.pid())),
            None => Err(IdentifyError::Unplaced(process.pid())),
        }
    }

    /// The one of these containers whose first process is in a mount namespace.
    async fn holder(
        &self,
        process: &Process,
        namespace: FileId,
        containers: impl IntoIterator<Item = ContainerId>,
    ) -> Result<Option<Arc<Container>>, IdentifyError> {
        let machine = self.machine().await;
        for id in containers {
            let Ok(container) = self.containers.get(id.as_str()).await else { continue };
            let first = container.pid.and_then(|pid| Process::open(pid).ok());
            if !first.is_some_and(|first| first.is_in(namespace)) {
                continue;
            }
            // The pid is the engine's word, and may mean somebody else here.
            if first_process(&container, machine).is_some_and(|first| first.is_in(namespace)) {
                return Ok(Some(container));
            }
            let (pid, container) = (process.pid(), container.name.clone());
            return Err(IdentifyError::Moved { pid, container });
        }
        Ok(None)
    }
}
