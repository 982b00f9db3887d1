//! Whose share of what callers share a connection takes, before anything is asked: what a look at its socket tells.
//!
//! It names nobody: a process with a cgroup tree of its own to write to may call itself otherwise, and then takes of another's
//! share, of which something is left for everybody. Who calls is found out by [`identify`](crate::identify).

use hostward::cgroup;
use hostward_engine::stream::Stream;

use crate::peer::Peer;
use crate::pool::Tenant;

/// Who has a connection.
pub(crate) fn tenant(stream: &Stream, peer: &Peer) -> Tenant {
    match (stream, peer.ends()) {
        (_, Some(ends)) => Tenant::Address(ends.remote.ip().to_canonical()),
        (Stream::Unix(socket), None) => {
            let pid = socket.peer_cred().ok().and_then(|credentials| credentials.pid());
            match pid {
                // It is in a pid namespace that cannot be seen.
                None | Some(0) => Tenant::Unseen,
                Some(pid) => match std::fs::read(format!("/proc/{pid}/cgroup")) {
                    Ok(text) => cgroup::container_id(&text).map_or(Tenant::Machine, Tenant::Container),
                    Err(_) => Tenant::Unseen,
                },
            }
        }
        (Stream::Tcp(_), None) => Tenant::Unseen,
    }
}
