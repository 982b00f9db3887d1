//! A caller whose process cannot be seen from here (Hostward in a container without the machine's pid namespace): the one
//! running container that mounts the socket.

use std::path::Path;
use std::sync::Arc;

use hostward::inspect::Container;
use hostward::path::EnginePath;
use hostward_engine::address::Address;
use hostward_engine::list;

use super::containers::Containers;
use super::error::IdentifyError;
use super::guests::Identify;
use super::vantage::{OwnVantage, Vantage};
use crate::peer::Accepted;

/// How the callers at a unix socket are known that is served for whoever connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// By their processes.
    Processes,
    /// As the one running container that mounts the socket, which can be these.
    Mounting(Vec<String>),
}

/// Finds out how callers at the unix socket `path` would be known to a proxy that runs where this process does.
///
/// # Errors
/// Where it is not known where the socket is on the engine's machine.
pub async fn known(engine: &Address, path: &Path) -> Result<Known, IdentifyError> {
    let containers = Containers::new(engine.clone());
    let own = OwnVantage::of_socket(path);
    let vantage = own.get(&containers).await?;
    if vantage.machine.is_seen() {
        return Ok(Known::Processes);
    }
    let own = socket(vantage)?;
    let mut names: Vec<_> =
        mounting(&containers, vantage, own).await?.iter().map(|one| one.name.clone()).collect();
    names.sort_unstable();
    Ok(Known::Mounting(names))
}

impl Identify {
    /// The only container that mounts the socket. It must have been running when the connection was accepted: what
    /// mounted the socket then and is gone by now, nobody knows.
    pub(super) async fn mounting(&self, accepted: Accepted) -> Result<Arc<Container>, IdentifyError> {
        let vantage = self.vantage().await?;
        let own = socket(vantage)?;
        let mut mounting = mounting(&self.containers, vantage, own).await?;
        let container = mounting.pop().ok_or_else(|| IdentifyError::NobodyMounts(own.to_string()))?;
        if !mounting.is_empty() {
            let mut names: Vec<_> = mounting.iter().chain([&container]).map(|one| one.name.clone()).collect();
            names.sort_unstable();
            return Err(IdentifyError::SeveralMount { socket: own.to_string(), names });
        }
        self.was_there(accepted, &container).await?;
        Ok(container)
    }
}

fn socket(vantage: &Vantage) -> Result<&EnginePath, IdentifyError> {
    vantage.socket.own.as_ref().ok_or(IdentifyError::NoSocket)
}

/// The running containers that have the socket by one of their mounts, but Hostward's own.
async fn mounting(
    containers: &Containers,
    vantage: &Vantage,
    own: &EnginePath,
) -> Result<Vec<Arc<Container>>, IdentifyError> {
    let itself = vantage.container.as_ref().map(|container| &container.id);
    let mut found = Vec::new();
    // One that calls may still be being started: the list does not tell, but the container itself does.
    for one in list::all(containers.engine()).await? {
        if Some(&one.id) != itself && one.sources.iter().any(|source| own.within(source).is_some()) {
            found.extend(containers.find(one.id.as_str()).await?.filter(|container| container.pid.is_some()));
        }
    }
    Ok(found)
}
