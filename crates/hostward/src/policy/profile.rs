//! A profile: what one kind of caller may ask for.
//!
//! Everything is refused that no key allows. The keys, as they are in a file, are listed once, in [`keys`](super::keys); each
//! fills one field here.

use super::bound::Bound;
use super::chooser::Chooser;
use super::image::ImagePatterns;
use super::pattern::Patterns;
use super::port::{AddressBlock, AllowedPorts};
use crate::path::CallerPath;

/// What a caller may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub struct Profile {
    /// How it is called, in messages and in the audit.
    pub name: String,
    /// Whom it is for: one that matches is enough. Where there is none, everybody but processes of the host.
    pub callers: Vec<Chooser>,
    /// What happens to what it does not allow.
    pub mode: Enforcement,
    /// Everything is allowed, and only paths are translated: nothing else here has an effect.
    pub unrestricted: bool,
    /// Whether answers and explanations show paths of the host.
    pub show_host_paths: bool,
    /// Whether answers show the environments of containers that the caller does not own.
    pub show_environment: bool,

    /// Operations, by their names in the table of the API.
    pub operations: Patterns,
    /// Which containers may be acted on.
    pub containers_of: Owned,
    /// Which networks may be acted on and joined, the engine's own apart.
    pub networks_of: Owned,
    /// Which volumes may be acted on and mounted.
    pub volumes_of: Owned,
    /// Which image names may be given anew when an image has them already.
    pub image_names_of: Owned,

    /// Directories of the caller that may be mounted.
    pub roots: Vec<AllowedRoot>,
    /// Paths of the host that may be mounted by their names there, where the caller has nothing of its own.
    pub host_paths: Vec<AllowedRoot>,

    /// Names of volumes.
    pub volumes: Patterns,
    /// Whether volumes without a name may be made.
    pub anonymous_volumes: bool,
    /// Drivers of volumes.
    pub volume_drivers: Patterns,
    /// Options of those drivers.
    pub volume_options: Patterns,
    /// Kinds of mounts beside `bind`, `volume` and `tmpfs`.
    pub mount_types: Patterns,
    /// Options of a tmpfs.
    pub tmpfs_options: Patterns,
    /// Whether the volumes of another container may be taken over, if that may be acted on.
    pub volumes_from: bool,

    /// Images that may be used and looked at.
    pub images: ImagePatterns,
    /// Registries that the engine may be sent to.
    pub registries: Patterns,
    /// Images that may be pushed.
    pub pushes: ImagePatterns,
    /// Names that images may be given.
    pub image_names: ImagePatterns,
    /// Addresses that images may be imported from.
    pub import_sources: Patterns,

    /// Whether containers and execs may be privileged.
    pub privileged: bool,
    /// Capabilities that may be added, without `CAP_` and in capitals.
    pub capabilities: Patterns,
    /// Options for security modules.
    pub security_options: Patterns,
    /// Namespaces that are not the container's own: `pid=host`, `container=own`.
    pub namespaces: Patterns,
    /// Whether what is masked and read-only in `/proc` and `/sys` may be changed.
    pub system_paths: bool,
    /// Cgroups that containers may be put beneath.
    pub cgroup_parents: Patterns,
    /// Runtimes that may be named.
    pub runtimes: Patterns,
    /// Kernel settings.
    pub sysctls: Patterns,
    /// Annotations for the runtime.
    pub annotations: Patterns,
    /// Devices of the host.
    pub devices: Patterns,
    /// Rules for the device cgroup.
    pub device_rules: Patterns,
    /// Drivers that give devices, such as those of graphics cards.
    pub device_requests: Patterns,

    /// Names of containers that are made.
    pub container_names: Patterns,
    /// Labels that may be given.
    pub labels: Patterns,
    /// Users that processes may run as.
    pub users: Patterns,
    /// Additional groups of processes.
    pub groups: Patterns,
    /// Policies of starting again.
    pub restart_policies: Patterns,
    /// Whether every container gets a read-only root filesystem, asked for or not.
    pub read_only_root: bool,

    /// The network of containers that ask for none in particular; the engine's own choice where there is none.
    pub network: Option<String>,
    /// Networks that may be joined and acted on, by name.
    pub networks: Patterns,
    /// Drivers of networks that are made.
    pub network_drivers: Patterns,
    /// Options of those drivers.
    pub network_options: Patterns,
    /// What makes a network special: `Ingress`, `Scope=…`, `ConfigOnly` …
    pub network_kinds: Patterns,
    /// Blocks that a network's addresses may be in.
    pub network_addresses: Vec<AddressBlock>,
    /// Fixed addresses of containers.
    pub static_addresses: Vec<AddressBlock>,
    /// MAC addresses of containers.
    pub mac_addresses: Patterns,
    /// Whether containers that may be acted on may be linked.
    pub links: bool,
    /// Ports of the host.
    pub ports: Vec<AllowedPorts>,
    /// Lines for `/etc/hosts`.
    pub extra_hosts: Patterns,
    /// DNS servers, options and search domains.
    pub dns: Patterns,

    /// Drivers of logs.
    pub log_drivers: Patterns,
    /// Their options.
    pub log_options: Patterns,

    /// Bytes of memory; none where nothing may be said of it.
    pub memory: Option<Bound>,
    /// Bytes of memory and swap together.
    pub memory_swap: Option<Bound>,
    /// Billionths of processors.
    pub cpus: Option<Bound>,
    /// Processes.
    pub pids: Option<Bound>,
    /// Bytes in `/dev/shm`.
    pub shared_memory: Option<Bound>,
    /// Bytes in the root filesystem.
    pub storage: Option<Bound>,
    /// Containers of one owner at a time.
    pub containers: Option<Bound>,
    /// Seconds until a container is stopped.
    pub run_time: Option<Bound>,
    /// Limits of processes.
    pub ulimits: Patterns,
    /// Other settings of what a container may use.
    pub resources: Patterns,
    /// The lowest value of `OomScoreAdj` that may be asked for.
    pub oom_score: Option<i64>,
    /// Whether a container may be spared when memory runs out.
    pub oom_kill_disable: bool,

    /// Addresses that the engine may fetch a build's context from.
    pub build_remotes: Patterns,
    /// Other settings of builds that reach the host.
    pub build_settings: Patterns,
    /// Services, nodes, secrets, configs and plugins.
    pub cluster: Patterns,
}

/// What happens to what a profile does not allow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// It is refused.
    #[default]
    Enforce,
    /// It passes, and the log says that it would be refused.
    Warn,
}

/// Whose things may be acted on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Owned {
    /// Nobody's.
    #[default]
    Nothing,
    /// What the caller made, and itself.
    Own,
    /// Everybody's.
    All,
}

/// A directory that may be mounted, with all in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedRoot {
    /// Where it is.
    pub path: CallerPath,
    /// What is mounted from it is read-only, whatever the request says.
    pub read_only: bool,
}

impl AllowedRoot {
    /// Reads `PATH` or `PATH:ro`.
    ///
    /// # Errors
    /// What it would have to be.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (path, read_only) = match text.strip_suffix(":ro") {
            Some(path) => (path, true),
            None => (text.strip_suffix(":rw").unwrap_or(text), false),
        };
        let wrong =
            || format!("{text:?} is not an absolute path without . and .., with \":ro\" after it or not");
        let is_plain = !path.split('/').any(|part| part == ".." || part == ".");
        let path = CallerPath::parse(path.as_bytes()).ok().filter(|_| is_plain && path.starts_with('/'));
        Ok(Self { path: path.ok_or_else(wrong)?, read_only })
    }

    /// As it is written.
    pub fn text(&self) -> String {
        let path = String::from_utf8_lossy(self.path.as_bytes());
        format!("{path}{}", if self.read_only { ":ro" } else { "" })
    }
}
