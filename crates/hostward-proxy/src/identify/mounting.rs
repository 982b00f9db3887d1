//! A caller whose process cannot be seen from here (Hostward in a container without the machine's pid namespace): the one
//! running container that mounts the socket.

use super::process::Accepted;
use super::{Arc, Container, Identify, list};

const REMEDIES: &str = "run hostward with --pid host to see who calls, or give each caller a socket of its own: \
                        [[listen]] with `for`";

impl Identify {
    /// The only container that mounts the socket. It must have been running when the connection was accepted: what
    /// mounted the socket then and is gone by now, nobody knows.
    pub(super) async fn mounting(&self, accepted: Accepted) -> Result<Arc<Container>, String> {
        let vantage = self.whereabouts.get(&self.containers).await?;
        let own = vantage.socket.own.as_ref().ok_or_else(|| {
            format!("the calling process cannot be seen from here, nor is it known where the socket is; {REMEDIES}")
        })?;
        let itself = vantage.container.as_ref().map(|container| &container.id);
        let running = list::running(self.containers.engine()).await.map_err(|error| error.to_string())?;
        let mut mounting = running.into_iter().filter(|one| {
            Some(&one.id) != itself && one.sources.iter().any(|source| own.below(source).is_some())
        });
        let (first, others) = (mounting.next(), mounting);
        let first = first.ok_or_else(|| {
            format!("the calling process cannot be seen from here, and no running container mounts {own}; {REMEDIES}")
        })?;
        let mut names: Vec<_> = others.map(|other| other.name).collect();
        if !names.is_empty() {
            names.push(first.name);
            names.sort_unstable();
            return Err(format!(
                "the calling process cannot be seen from here, and several containers mount {own}: {}; {REMEDIES}",
                names.join(", ")
            ));
        }
        let container = self.containers.get(first.id.as_str()).await?;
        if container.started.is_none_or(|started| started > accepted.clock()) {
            return Err(format!(
                "the container {} was started after the connection was made",
                container.name
            ));
        }
        Ok(container)
    }
}
