//! Why a profile does not allow something: in the caller's words, with what is allowed and what to do.
//!
//! A denial never names a path of the host, nor anything of somebody else's: the caller that reads it may be an attacker.

use std::fmt;

/// Every rule by its id, and the keys of a profile that decide. The last ones are of the proxy, which asks the engine.
pub const RULES: &[(&str, &str)] = &[
    ("operation", "`operations`, or the request is none that Hostward knows"),
    (
        "request",
        "the request cannot be read exactly, or has a field or a query key that Hostward does not know",
    ),
    ("buildkit", "BuildKit: use `DOCKER_BUILDKIT=0`"),
    ("mount", "`roots`"),
    ("host-path", "`host_paths`"),
    ("volume", "`volumes`, `anonymous_volumes`"),
    ("volume-driver", "`volume_drivers`"),
    ("volume-option", "`volume_options`"),
    ("volumes-from", "`volumes_from`"),
    ("mount-type", "`mount_types`"),
    ("tmpfs-option", "`tmpfs_options`"),
    ("image", "`images`"),
    ("image-name", "`image_names`, `image_names_of`"),
    ("push", "`pushes`"),
    ("registry", "`registries`"),
    ("import", "`import_sources`"),
    ("privileged", "`privileged`"),
    ("capability", "`capabilities`"),
    ("security-option", "`security_options`"),
    ("namespace", "`namespaces`"),
    ("system-paths", "`system_paths`"),
    ("cgroup-parent", "`cgroup_parents`"),
    ("runtime", "`runtimes`"),
    ("isolation", "`runtimes`"),
    ("sysctl", "`sysctls`"),
    ("annotation", "`annotations`"),
    ("device", "`devices`"),
    ("device-rule", "`device_rules`"),
    ("device-request", "`device_requests`"),
    ("container", "`containers_of`"),
    ("name", "`container_names`"),
    ("label", "`labels`"),
    ("user", "`users`"),
    ("group", "`groups`"),
    ("restart-policy", "`restart_policies`"),
    ("network", "`networks`, `networks_of`"),
    ("network-driver", "`network_drivers`"),
    ("network-option", "`network_options`"),
    ("network-kind", "`network_kinds`"),
    ("network-address", "`network_addresses`"),
    ("static-address", "`static_addresses`"),
    ("mac-address", "`mac_addresses`"),
    ("link", "`links`"),
    ("port", "`ports`"),
    ("extra-host", "`extra_hosts`"),
    ("dns", "`dns`"),
    ("log-driver", "`log_drivers`"),
    ("log-option", "`log_options`"),
    ("memory", "`memory`"),
    ("memory-swap", "`memory_swap`"),
    ("cpus", "`cpus`"),
    ("pids", "`pids`"),
    ("shared-memory", "`shared_memory`"),
    ("storage", "`storage`"),
    ("resource", "`resources`"),
    ("ulimit", "`ulimits`"),
    ("oom", "`oom_score`, `oom_kill_disable`"),
    ("build-remote", "`build_remotes`: the context's address, or one that `ADD` names"),
    ("build-setting", "`build_settings`"),
    ("cluster", "`cluster`"),
    ("containers", "`containers`"),
    (
        "owner",
        "`containers_of`, `networks_of`, `volumes_of`, `image_names_of`: it belongs to others, or is not there",
    ),
    ("profile", "no profile is for this caller"),
];

/// A request that a profile does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Which rule it was, for programs: `privileged`, `capability`, `mount` … They are listed in docs/policy.md.
    pub rule: &'static str,
    /// The status that the client gets.
    pub status: u16,
    /// What was asked, and what is allowed instead.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Denial {
    /// A denial with the status that all have which are no question of whether something is there.
    pub fn new(rule: &'static str, what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self { rule, status: 403, what: what.to_string(), remedy: remedy.to_string() }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Denial {}
