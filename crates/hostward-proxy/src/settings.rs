//! What a proxy is told to do: its sockets and who calls there, the engine, what the user says about paths, its limits.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostward::api::lenders::VolumesFrom;
use hostward::explicit::{Map, Missing, Unmapped};
use hostward::inspect::Container;
use hostward::network::Publish;
use hostward::policy::profile::Profile;
use hostward_engine::address::Address;
use hostward_engine::select::Selector;

use crate::limits::Limits;

/// How long running requests may take to finish after the first signal, where nobody says otherwise.
pub const GRACE: Duration = Duration::from_secs(10);

/// What a proxy serves, and in front of what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The engine.
    pub engine: Address,
    /// The sockets to serve.
    pub listen: Vec<Listen>,
    /// What the user says about paths.
    pub rules: Rules,
    /// How long running requests may take to finish after the first signal.
    pub grace: Duration,
    /// Where to answer whether the service is well.
    pub admin: Option<On>,
    /// What anybody may take of this process.
    pub limits: Limits,
    /// The directory in which the key is kept that Hostward signs with; without one, a key lasts as long as the process.
    pub state: Option<PathBuf>,
    /// Whether another Hostward of the same user, with the same state directory, may take the sockets over.
    pub replaceable: bool,
    /// Where decisions are written, and which.
    pub audit: AuditSettings,
    /// By which callers are judged, in this order. Where there is none, everybody may do what can be translated.
    pub profiles: Vec<Profile>,
}

/// Where decisions about requests are written, and which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditSettings {
    /// Where.
    pub to: AuditTo,
    /// Those too by which nothing changed.
    pub unchanged: bool,
    /// Those too about processes of the host, whose requests go on as they are.
    pub host: bool,
}

/// Where decisions are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditTo {
    /// To stderr, as lines of the log that no filter leaves out.
    Log(LineFormat),
    /// To the end of this file, an object of JSON a line. It is opened again when settings are read again, so that it may have
    /// been moved away.
    File(PathBuf),
    /// Nowhere.
    Off,
}

impl Default for AuditTo {
    fn default() -> Self {
        Self::Log(LineFormat::default())
    }
}

/// How the log's lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one object a line.
    Json,
}

/// What the user says about paths, for all callers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Explicit maps, which win over what is discovered (T15).
    pub maps: Vec<Map>,
    /// What a path is that nothing maps (T17), where the user says so.
    pub unmapped: Option<Unmapped>,
    /// What happens to what is missing in a caller's root filesystem (T10), where the user says so.
    pub missing: Option<Missing>,
    /// What a container hands over to those that take over its volumes (T20).
    pub volumes_from: VolumesFrom,
    /// Where published ports are found.
    pub publish: Publish,
    /// What callers mount is contained: it stays what was judged, at every later mount too.
    pub contained: bool,
}

impl Rules {
    /// What a path is that nothing maps, to a caller in this container.
    pub fn unmapped(&self, container: &Container) -> Unmapped {
        Unmapped::settle(self.unmapped, container.unmapped)
    }

    /// What happens to what is missing in the root filesystem of this container: the same holds for its label.
    pub fn missing(&self, container: &Container) -> Missing {
        Missing::settle(self.missing, container.missing)
    }
}

impl Settings {
    /// Serves these sockets in front of `engine`.
    pub fn new(engine: Address, listen: Vec<Listen>) -> Self {
        Self {
            engine,
            listen,
            rules: Rules::default(),
            grace: GRACE,
            admin: None,
            limits: Limits::default(),
            state: None,
            replaceable: false,
            audit: AuditSettings::default(),
            profiles: Vec::new(),
        }
    }
}

/// A socket to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where.
    pub on: On,
    /// Who calls there.
    pub callers: Callers,
}

/// Where clients connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// A unix socket.
    Unix {
        /// Its file, by an absolute path.
        path: PathBuf,
        /// Who may connect.
        access: Access,
    },
    /// Plain TCP: whoever can reach the address may connect.
    Tcp(SocketAddr),
    /// TLS on TCP.
    Tls {
        /// Where.
        address: SocketAddr,
        /// The certificates, and whom they name.
        tls: Tls,
    },
}

/// Who calls at a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Callers {
    /// Whoever connects: the kernel or the network says who that is.
    Each,
    /// Always this container, whoever connects.
    One(Selector),
    /// Nobody knows: a relay connects for others, which names itself alone (T23).
    Relayed,
}

/// Who may connect to a unix socket: the owner, group and mode of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The owner's id; none is the user whose process this is.
    pub owner: Option<u32>,
    /// The group's id; none is the group `docker` where there is one, which docker's own socket belongs to, and where
    /// this process may give it to that; else the group of this process.
    pub group: Option<u32>,
    /// The permissions, such as `0o660`.
    pub mode: u32,
}

impl Default for Access {
    fn default() -> Self {
        Self { owner: None, group: None, mode: 0o660 }
    }
}

/// How TLS is spoken at a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The own certificate and those that vouch for it, a PEM file.
    pub certificate: PathBuf,
    /// The certificate's private key, a PEM file.
    pub key: PathBuf,
    /// Whose certificates clients must show, a PEM file. None: whoever can reach the address may connect.
    pub client_ca: Option<PathBuf>,
    /// The callers that names in clients' certificates mean. Without such a name a client is known by its address.
    pub callers: BTreeMap<String, Selector>,
}

impl On {
    /// Where that is, as clients write it in `DOCKER_HOST`.
    pub fn address(&self) -> Address {
        match self {
            Self::Unix { path, .. } => Address::Unix(path.clone()),
            Self::Tcp(address) | Self::Tls { address, .. } => {
                Address::Tcp { host: address.ip().to_string(), port: address.port() }
            }
        }
    }

    /// How profiles name it: a unix socket by its path, others by their address.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Unix { path, .. } => path.to_string_lossy().into_owned(),
            Self::Tcp(_) | Self::Tls { .. } => self.address().to_string(),
        }
    }

    /// The file of a unix socket.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Unix { path, .. } => Some(path),
            Self::Tcp(_) | Self::Tls { .. } => None,
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address().fmt(f)
    }
}

impl Callers {
    /// Whether a created container that connects to the socket is a caller in its turn, with its own view.
    pub(crate) fn are_told_apart(&self) -> bool {
        matches!(self, Self::Each)
    }
}
