//! Why it is not known who calls, or what a container has.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hostward::cgroup::ContainerId;
use hostward::inspect::InspectError;
use hostward::refusal::Reason;
use hostward_engine::address::Address;
use hostward_engine::ask::AskError;
use hostward_engine::client::ClientError;
use hostward_engine::discover::DiscoverError;
use hostward_engine::select::{SelectError, Selector};

/// Why it is not known who calls, or what a container has. It can be cloned, as one answer of an engine is for all who
/// wait for it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifyError {
    /// The socket does not tell who is at its other end.
    #[error("cannot tell which process connected: {0}")]
    Peer(Arc<io::Error>),
    /// The kernel gives no pid.
    #[error("the kernel does not report the pid of the calling process")]
    NoPid,
    /// There is no handle on the calling process.
    #[error("cannot open a handle on the calling process (pid {pid}): {error}")]
    Handle {
        /// Its pid.
        pid: u32,
        /// Why not.
        error: Arc<io::Error>,
    },
    /// A process has ended.
    #[error("the calling process (pid {0}) has ended")]
    Ended(u32),
    /// The calling process has ended, and its pid was given to another.
    #[error("the calling process (pid {0}) has ended, and another process has its pid now")]
    Reused(u32),
    /// There is no such process here.
    #[error("process {0} has ended, or is not visible from here")]
    NoProcess(u32),
    /// A file in `/proc` cannot be read.
    #[error("cannot read {path}: {error}")]
    Proc {
        /// The file.
        path: String,
        /// Why not.
        error: Arc<io::Error>,
    },
    /// A file in `/proc` does not have what the kernel writes there.
    #[error("{0} does not have the format that the kernel writes")]
    Unreadable(String),
    /// The process has changed its root directory.
    #[error("the calling process (pid {pid}) has its own root directory, not that of {of}")]
    OwnRoot {
        /// Its pid.
        pid: u32,
        /// Whose root directory it should be.
        of: String,
    },
    /// The process's root directory is of no container that is known.
    #[error(
        "the calling process (pid {0}) has its own root directory, and nothing tells which container it is in"
    )]
    Unplaced(u32),
    /// The process's mounts are its own doing.
    #[error(
        "the calling process (pid {0}) has mounts of its own, in a mount namespace that belongs to another user \
         namespace (as with unshare --user, bubblewrap or rootless containers)"
    )]
    UserNamespace(u32),
    /// The container whose mount namespace the process is in cannot be told for sure.
    #[error(
        "the calling process (pid {pid}) is in the mount namespace of the process that the engine names as the first of \
         the container {container}, but that process is not in that container's cgroup, and was not started as a \
         container's first process is"
    )]
    Moved {
        /// Its pid.
        pid: u32,
        /// The container's name.
        container: String,
    },
    /// The engine does not know the container that the caller is in.
    #[error("the caller is in the container {name}, which the engine at {engine} does not know")]
    UnknownContainer {
        /// Its name or id.
        name: String,
        /// The engine.
        engine: Address,
    },
    /// A name that looks like an id.
    #[error("no container has the id {0}, although one has it as its name")]
    NotAnId(ContainerId),
    /// The container that the socket is for does not run.
    #[error("the container {0} is not running")]
    NotRunning(Selector),
    /// A name has gone to another container while the one that had it is still there.
    #[error(
        "the name {name} now belongs to the container {}, but it belonged to the container {}, which is now called \
         {} and still exists; rename them back, or remove the container {}",
        .after.short(), .before.short(), .called, .called
    )]
    Renamed {
        /// The name.
        name: String,
        /// The container that had it.
        before: ContainerId,
        /// What that is called now.
        called: String,
        /// The container that has it now.
        after: ContainerId,
    },
    /// A certificate's names mean two callers.
    #[error(
        "the client's certificate stands for two callers: {} (as {}) and {} (as {}); give each caller its own \
         certificate", .0.1, .0.0, .1.1, .1.0
    )]
    TwoNamed((String, Selector), (String, Selector)),
    /// A relay hides who calls.
    #[error("a relay connects here for others (`relay = true`), so the caller cannot be identified")]
    Relayed,
    /// A container was started too late to be the one that connected.
    #[error("the container {container} was started after the connection was made{}", .error.as_ref().map(|error| format!(": {error}")).unwrap_or_default())]
    StartedLater {
        /// The container's name.
        container: String,
        /// Why the engine's events do not say otherwise.
        error: Option<Arc<AskError>>,
    },
    /// No container has the address.
    #[error(
        "no running container has the address {0}, from which the connection comes (the host, containers in its \
         network, and clients behind NAT have no address of their own); {ADDRESS_REMEDIES}"
    )]
    NoAddress(IpAddr),
    /// Several containers have the address.
    #[error("several containers have the address {address}: {}; {ADDRESS_REMEDIES}", .names.join(", "))]
    SharedAddress {
        /// The address.
        address: IpAddr,
        /// The containers' names.
        names: Vec<String>,
    },
    /// The container that has the address has no such connection.
    #[error(
        "the connection comes from {remote}, the address of the container {container}, which has no such connection"
    )]
    NoConnection {
        /// Where the connection comes from.
        remote: SocketAddr,
        /// The container's name.
        container: String,
    },
    /// The caller's process is not visible, and neither is the socket's place.
    #[error(
        "the calling process is not visible from here, and it is unknown where the socket is; {MOUNTING_REMEDIES}"
    )]
    NoSocket,
    /// The caller's process is not visible, and no container mounts the socket.
    #[error(
        "the calling process is not visible from here, and no running container mounts {0}; {MOUNTING_REMEDIES}"
    )]
    NobodyMounts(String),
    /// The caller's process is not visible, and several containers mount the socket.
    #[error(
        "the calling process is not visible from here, and several containers mount {socket}: {}; \
         {MOUNTING_REMEDIES}", .names.join(", ")
    )]
    SeveralMount {
        /// The socket.
        socket: String,
        /// The containers' names.
        names: Vec<String>,
    },
    /// A container's network cannot be entered.
    #[error("cannot enter the network of the container {container}: {error}")]
    Network {
        /// The container's name.
        container: String,
        /// Why not.
        error: Arc<io::Error>,
    },
    /// A container has no process here.
    #[error("the processes of the container {0} are not visible from here")]
    Unseen(String),
    /// A caller's files cannot be looked at.
    #[error("{whose}: {reason}")]
    Files {
        /// Whose they are.
        whose: String,
        /// Why not.
        reason: Reason,
    },
    /// Looking took too long, or could not be begun.
    #[error("{0}")]
    Look(String),
    /// The engine's description of a container cannot be read.
    #[error("the container {name}: {error}")]
    Described {
        /// The container.
        name: String,
        /// What is wrong with it.
        error: Arc<InspectError>,
    },
    /// The engine does not say where the files of a container are.
    #[error("the files of the container {name}: {error}")]
    Incomplete {
        /// The container.
        name: String,
        /// Why not.
        error: Arc<AskError>,
    },
    /// The engine answers a question about a container by an error.
    #[error("the engine at {engine} answered {status} when asked about the container {name}")]
    Status {
        /// The engine.
        engine: Address,
        /// The status.
        status: u16,
        /// The container.
        name: String,
    },
    /// The engine does not answer.
    #[error(transparent)]
    Client(Arc<ClientError>),
    /// The engine's answer is of no use.
    #[error(transparent)]
    Ask(Arc<AskError>),
    /// No container is meant.
    #[error(transparent)]
    Select(Arc<SelectError>),
    /// It is not known where Hostward itself is.
    #[error(transparent)]
    Discover(Arc<DiscoverError>),
}

const ADDRESS_REMEDIES: &str = "mount a unix socket of hostward instead, or give the caller its own address: \
                                [[listen]] with `for`";
const MOUNTING_REMEDIES: &str = "run hostward with --pid host to see who calls, or give each caller its own socket: \
                                 [[listen]] with `for`";

impl IdentifyError {
    /// A file in `/proc` cannot be read.
    pub(super) fn proc(path: impl Into<String>, error: impl Into<io::Error>) -> Self {
        Self::Proc { path: path.into(), error: Arc::new(error.into()) }
    }

    /// Looking took too long, or could not be begun.
    #[expect(clippy::needless_pass_by_value, reason = "`map_err` gives its error away")]
    pub(super) fn look(error: impl ToString) -> Self {
        Self::Look(error.to_string())
    }
}

impl From<ClientError> for IdentifyError {
    fn from(error: ClientError) -> Self {
        Self::Client(Arc::new(error))
    }
}

impl From<AskError> for IdentifyError {
    fn from(error: AskError) -> Self {
        Self::Ask(Arc::new(error))
    }
}

impl From<SelectError> for IdentifyError {
    fn from(error: SelectError) -> Self {
        Self::Select(Arc::new(error))
    }
}

impl From<DiscoverError> for IdentifyError {
    fn from(error: DiscoverError) -> Self {
        Self::Discover(Arc::new(error))
    }
}
