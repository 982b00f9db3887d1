//! A caller whose process cannot be seen from here (Hostward in a container without the machine's pid namespace): the one
//! running container that mounts the socket.

use std::path::Path;

use hostward::path::EnginePath;
use hostward_engine::address::Address;

use super::process::Accepted;
use super::vantage::Vantage;
use super::{Arc, Container, Containers, Identify, Whereabouts, list};
use crate::sight::Machine;

const REMEDIES: &str = "run hostward with --pid host to see who calls, or give each caller a socket of its own: \
                        [[listen]] with `for`";

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
pub async fn known(engine: &Address, path: &Path) -> Result<Known, String> {
    let containers = Containers::new(engine.clone());
    let whereabouts = Whereabouts::of_socket(path);
    let vantage = whereabouts.get(&containers).await?;
    if vantage.machine == Machine::Seen {
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
    pub(super) async fn mounting(&self, accepted: Accepted) -> Result<Arc<Container>, String> {
        let vantage = self.whereabouts.get(&self.containers).await?;
        let own = socket(vantage)?;
        let mut mounting = mounting(&self.containers, vantage, own).await?;
        let container = mounting.pop().ok_or_else(|| {
            format!("the calling process cannot be seen from here, and no running container mounts {own}; {REMEDIES}")
        })?;
        if !mounting.is_empty() {
            let mut names: Vec<_> = mounting.iter().chain([&container]).map(|one| &*one.name).collect();
            names.sort_unstable();
            return Err(format!(
                "the calling process cannot be seen from here, and several containers mount {own}: {}; {REMEDIES}",
                names.join(", ")
            ));
        }
        self.was_there(accepted, &container).await?;
        Ok(container)
    }
}

fn socket(vantage: &Vantage) -> Result<&EnginePath, String> {
    vantage.socket.own.as_ref().ok_or_else(|| {
        format!(
            "the calling process cannot be seen from here, nor is it known where the socket is; {REMEDIES}"
        )
    })
}

/// The running containers that have the socket by one of their mounts, but Hostward's own.
async fn mounting(
    containers: &Containers,
    vantage: &Vantage,
    own: &EnginePath,
) -> Result<Vec<Arc<Container>>, String> {
    let itself = vantage.container.as_ref().map(|container| &container.id);
    let mut found = Vec::new();
    // One that calls may still be being started: the list does not tell, but the container itself does.
    for one in list::all(containers.engine()).await.map_err(|error| error.to_string())? {
        if Some(&one.id) != itself && one.sources.iter().any(|source| brings(source, own)) {
            found.extend(containers.find(one.id.as_str()).await?.filter(|container| container.pid.is_some()));
        }
    }
    Ok(found)
}

/// Whether a mount of `source` has the socket `own` in it. Both are spelled as somebody wrote them to the engine, and may
/// lead through `/var/run`, a link to `/run` on most machines.
fn brings(source: &EnginePath, own: &EnginePath) -> bool {
    own.below(source).is_some() || past_var_run(own).below(&past_var_run(source)).is_some()
}

fn past_var_run(path: &EnginePath) -> EnginePath {
    let (Ok(link), Ok(run)) = (EnginePath::parse(b"/var/run"), EnginePath::parse(b"/run")) else {
        unreachable!("both are absolute");
    };
    path.below(&link).map_or_else(|| path.clone(), |rest| run.join(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_brings_the_socket_by_any_parent_and_by_both_names_of_run() {
        let brings = |source: &str, own: &str| {
            let path = |text: &str| EnginePath::parse(text.as_bytes()).unwrap();
            brings(&path(source), &path(own))
        };
        for (source, own) in [
            ("/run/hostward/docker.sock", "/run/hostward/docker.sock"),
            ("/run/hostward", "/var/run/hostward/docker.sock"),
            ("/var/run/", "/run/hostward/docker.sock"),
            ("/var", "/var/run/hostward/docker.sock"),
            ("/", "/srv/hostward.sock"),
        ] {
            assert!(brings(source, own), "{source} {own}");
        }
        for (source, own) in [
            ("/run/hostward2", "/run/hostward/docker.sock"),
            ("/var/run/docker.sock", "/run/hostward/docker.sock"),
            ("/var", "/run/hostward/docker.sock"),
        ] {
            assert!(!brings(source, own), "{source} {own}");
        }
    }
}
