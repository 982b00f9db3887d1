//! Self-discovery: in which container does this process run, and what does its engine know of it?
//!
//! A wrong answer here translates paths by somebody else's mounts, so nothing is guessed: a candidate for the own
//! id counts when the engine knows it and its mounts are this process's own.
//!
//! - `/proc/self/cgroup` names the container, unless the container has a cgroup namespace of its own (the default
//!   on cgroup v2), where it reads `0::/`.
//! - `/proc/self/mountinfo` names the container whose `/etc/hostname` this is. That is another's in a container
//!   that was started with `--network container:NAME`.
//! - The host name is the id's beginning, unless somebody chose another.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::collections::HashSet;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hostward::cgroup::{self, ContainerId};
use hostward::inspect::Container;
use hostward::mount::Mount;
use hostward::mountinfo;
use hostward::table::Table;

use crate::address::Address;
use crate::ask::AskError;
use crate::connect;
use crate::inspect;
use crate::list;
use crate::stream::Stream;

/// Where this process runs, as seen from an engine.
#[derive(Debug, Clone)]
pub enum Place {
    /// On the host, in no container: its paths are the engine's.
    Host,
    /// In this container of the engine.
    Container(Box<Container>),
}

/// What the process itself can see of the container that it runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// By `/proc/self/cgroup`.
    pub cgroup: Option<ContainerId>,
    /// By the engine's files in `/proc/self/mountinfo`.
    pub mountinfo: Option<ContainerId>,
    /// The host name, where it looks like the beginning of an id.
    pub hostname: Option<String>,
    /// The mount points of this process.
    mount_points: HashSet<Vec<u8>>,
}

/// Why it is not known where this process runs.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// A file in /proc cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Proc {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The engine does not answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The engine cannot be reached.
    #[error("cannot connect to the engine at {engine}: {error}")]
    Connect {
        /// The engine.
        engine: Address,
        /// Why not.
        error: io::Error,
    },
    /// This process is in a container of another engine.
    #[error("this process is in the container {id}, which the engine at {engine} does not know")]
    AnotherEngine {
        /// The container.
        id: ContainerId,
        /// The engine.
        engine: Address,
    },
    /// The engine is outside this process's container, and nothing says which container that is.
    #[error(
        "this process is in a container, but nothing in it tells which container of the engine at {engine} it is"
    )]
    Unidentified {
        /// The engine.
        engine: Address,
    },
    /// Several containers share a network, and their mounts do not tell them apart.
    #[error("this process may be in any of the containers that share the network of {id}")]
    Ambiguous {
        /// The container whose network it is.
        id: ContainerId,
    },
}

impl Traces {
    /// Reads them from `/proc/self`.
    pub fn of_process() -> Result<Self, DiscoverError> {
        let read = |path: &str| {
            fs::read(path).map_err(|error| DiscoverError::Proc { path: PathBuf::from(path), error })
        };
        let hostname = read("/proc/sys/kernel/hostname").unwrap_or_default();
        Ok(Self::of(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?, &hostname))
    }

    /// Reads them from the texts of those files.
    pub fn of(cgroup: &[u8], mountinfo: &[u8], hostname: &[u8]) -> Self {
        Self {
            cgroup: cgroup::container_id(cgroup),
            mountinfo: mountinfo::container_id(mountinfo),
            hostname: str::from_utf8(hostname)
                .ok()
                .map(str::trim)
                .filter(|name| is_id(name))
                .map(str::to_owned),
            mount_points: mountinfo::lines(mountinfo)
                .map(|line| line.mount_point.as_bytes().to_vec())
                .collect(),
        }
    }

    /// Whether the mounts of this table are this process's. A destination may go through a symlink (`/var/run`),
    /// which the kernel's list has followed.
    fn fit(&self, table: &Table) -> bool {
        table.iter().all(|Mount { destination, .. }| {
            let written = destination.as_bytes();
            self.mount_points.contains(written)
                || fs::canonicalize(Path::new(std::ffi::OsStr::from_bytes(written)))
                    .is_ok_and(|path| self.mount_points.contains(path.as_os_str().as_bytes()))
        })
    }
}

/// Finds out where this process runs, with the engine's help.
pub async fn place(engine: &Address) -> Result<Place, DiscoverError> {
    place_of(engine, &Traces::of_process()?).await
}

/// Like [`place`], for traces that were read before.
pub async fn place_of(engine: &Address, traces: &Traces) -> Result<Place, DiscoverError> {
    if let Some(id) = &traces.cgroup {
        return match inspect::container(engine, id.as_str()).await {
            Ok(container) => Ok(Place::Container(Box::new(container))),
            Err(error) if error.is_unknown() => not_this_engines(engine, id).await,
            Err(error) => Err(error.into()),
        };
    }
    let hinted = traces.mountinfo.as_ref().map(ContainerId::as_str).or(traces.hostname.as_deref());
    if let Some(hint) = hinted {
        match inspect::container(engine, hint).await {
            // A host name is compared with the id: a container's name could be anybody's.
            Ok(container) if container.id.as_str().starts_with(hint) => {
                return among_guests(engine, traces, container).await;
            }
            Ok(_) => {}
            Err(error) if !error.is_unknown() => return Err(error.into()),
            Err(_) => {
                if let Some(id) = &traces.mountinfo {
                    return not_this_engines(engine, id).await;
                }
            }
        }
    }
    match whereabouts(engine).await? {
        Whereabouts::Same { .. } => Ok(Place::Host),
        Whereabouts::Outside | Whereabouts::Unknown => {
            Err(DiscoverError::Unidentified { engine: engine.clone() })
        }
    }
}

/// An engine that runs in the same container as this process (docker in docker) shares its files. One that this process
/// only sees, out of another runtime's container, does not.
async fn not_this_engines(engine: &Address, id: &ContainerId) -> Result<Place, DiscoverError> {
    match whereabouts(engine).await? {
        Whereabouts::Same { listener: Some(pid) } if has_our_files(pid) => Ok(Place::Host),
        _ => Err(DiscoverError::AnotherEngine { id: id.clone(), engine: engine.clone() }),
    }
}

/// Whether a process has this process's root directory, in its mount namespace: a directory that is mounted elsewhere as
/// well can be the root of others, who see other mounts in it.
fn has_our_files(pid: i32) -> bool {
    let is_ours = |file: &str| {
        let of = |process: &str| {
            fs::metadata(format!("/proc/{process}/{file}")).map(|meta| (meta.dev(), meta.ino()))
        };
        of("self").is_ok_and(|own| of(&pid.to_string()).is_ok_and(|theirs| theirs == own))
    };
    is_ours("ns/mnt") && is_ours("root")
}

/// The mountinfo and the host name are shared with containers in the same network; the mounts tell them apart.
async fn among_guests(
    engine: &Address,
    traces: &Traces,
    container: Container,
) -> Result<Place, DiscoverError> {
    let id = container.id.clone();
    let guests = list::network_guests(engine, &id).await?;
    let mut fitting = Vec::from_iter(traces.fit(&container.table).then_some(container));
    for guest in guests {
        let guest = inspect::container(engine, guest.as_str()).await?;
        if traces.fit(&guest.table) {
            fitting.push(guest);
        }
    }
    // All of a container's mounts are in this process. So are those of one that has fewer: the most win.
    let size = |container: &Container| container.table.iter().count();
    fitting.sort_by_key(|container| std::cmp::Reverse(size(container)));
    match &fitting[..] {
        [_] => {}
        [first, second, ..] if size(first) > size(second) => {}
        _ => return Err(DiscoverError::Ambiguous { id }),
    }
    Ok(Place::Container(Box::new(fitting.swap_remove(0))))
}

/// Where the engine's process is, as seen from this one.
enum Whereabouts {
    /// In this process's pid namespace, or one beneath it.
    Same {
        /// Who listens on the engine's socket, where the kernel says that.
        listener: Option<i32>,
    },
    /// Outside of it: this process is in a container.
    Outside,
    /// Nothing tells.
    Unknown,
}

/// Looks for the pid that listens on the engine's socket (`SO_PEERCRED`): it is 0 where the listener has none in
/// this pid namespace. TCP and ssh have no such thing; there, only a process of the machine's first pid namespace is
/// surely in no container.
async fn whereabouts(engine: &Address) -> Result<Whereabouts, DiscoverError> {
    let failed = |error| DiscoverError::Connect { engine: engine.clone(), error };
    let stream = connect::connect(engine).await.map_err(failed)?;
    match (engine, stream) {
        (Address::Unix(_), Stream::Unix(stream)) => Ok(match stream.peer_cred().map_err(failed)?.pid() {
            Some(0) => Whereabouts::Outside,
            listener @ Some(_) => Whereabouts::Same { listener },
            None => Whereabouts::Unknown,
        }),
        // The peer of a TLS connection's socket is this process, of an ssh connection's the `ssh` that it started: they
        // say nothing.
        _ if is_first_pid_namespace() => Ok(Whereabouts::Same { listener: None }),
        _ => Ok(Whereabouts::Unknown),
    }
}

/// Whether the engine's process is in this process's pid namespace, or beneath it: then `/proc` here shows the engine's
/// machine. Of an engine on another machine it is never true.
pub async fn sees_engine(engine: &Address) -> bool {
    match engine {
        Address::Unix(_) => {}
        Address::Tcp { host, .. } | Address::Tls { host, .. } if is_loopback(host) => {}
        Address::Tcp { .. } | Address::Tls { .. } | Address::Ssh { .. } => return false,
    }
    matches!(whereabouts(engine).await, Ok(Whereabouts::Same { .. }))
}

/// Whether the engine's process is in this process's own pid namespace, so that its pids mean the same processes here. Where
/// nothing tells, they may not: an engine in a container is seen from outside too, and counts its processes by itself.
pub async fn shares_pids(engine: &Address) -> bool {
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    match engine {
        Address::Unix(_) => {}
        Address::Tcp { .. } | Address::Tls { .. } | Address::Ssh { .. } => return false,
    }
    match whereabouts(engine).await {
        Ok(Whereabouts::Same { listener: Some(pid) }) => {
            let theirs = namespace(&pid.to_string());
            theirs.is_some() && theirs == namespace("self")
        }
        _ => false,
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The kernel gives its first pid namespace a fixed inode (`PROC_PID_INIT_INO` in `linux/proc_ns.h`).
pub fn is_first_pid_namespace() -> bool {
    fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.as_os_str() == "pid:[4026531836]")
}

/// A beginning of an id that is long enough to be one: docker takes 12 digits for the host name.
fn is_id(text: &str) -> bool {
    (12..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
