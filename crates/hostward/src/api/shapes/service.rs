//! The bodies of requests for services.

use super::container::HEALTH;
use super::kind::{
    BodyField, FieldKind, Json, ObjectShape, Special, claim, free, list, object, objects, special,
};
use super::plugin::PRIVILEGE;
use crate::policy::claim::About;

/// `POST /services/create` and `/services/{id}/update`.
pub(crate) const SERVICE: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        claim("Name", About::Cluster, Json::Text),
        claim("Labels", About::Label, Json::Map),
        object("TaskTemplate", &TASK),
        object("Mode", &MODE),
        object("UpdateConfig", &UPDATE_CONFIG),
        object("RollbackConfig", &UPDATE_CONFIG),
        objects("Networks", &NETWORK),
        object("EndpointSpec", &ENDPOINT_SPEC),
    ])],
});

const TASK: ObjectShape = ObjectShape {
    lists: &[list(&[
        object("PluginSpec", &PLUGIN),
        object("ContainerSpec", &CONTAINER),
        object("NetworkAttachmentSpec", &ATTACHMENT),
        object("Resources", &RESOURCES),
        object("RestartPolicy", &RESTART),
        object("Placement", &PLACEMENT),
        free("ForceUpdate", Json::Number),
        claim("Runtime", About::Cluster, Json::Text),
        objects("Networks", &NETWORK),
        object("LogDriver", &LOG_DRIVER),
    ])],
};

const PLUGIN: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Name", About::Cluster, Json::Text),
        claim("Remote", About::ImagePulled, Json::Text),
        free("Disabled", Json::Flag),
        objects("PluginPrivilege", &PRIVILEGE),
        objects("Privileges", &PRIVILEGE),
        free("Env", Json::Texts),
    ])],
};

const CONTAINER: ObjectShape = ObjectShape { lists: &[list(CONTAINER_FIELDS)] };

const CONTAINER_FIELDS: &[BodyField] = &[
    claim("Image", About::Image, Json::Text),
    claim("Labels", About::Label, Json::Map),
    free("Command", Json::Texts),
    free("Args", Json::Texts),
    free("Hostname", Json::Text),
    free("Env", Json::Texts),
    free("Dir", Json::Text),
    claim("User", About::User, Json::Text),
    claim("Groups", About::Group, Json::Texts),
    object("Privileges", &PRIVILEGES),
    free("TTY", Json::Flag),
    free("OpenStdin", Json::Flag),
    claim("ReadOnly", About::ReadOnlyRoot, Json::Flag),
    special("Mounts", Special::Mounts),
    free("StopSignal", Json::Text),
    free("StopGracePeriod", Json::Number),
    object("HealthCheck", &HEALTH),
    claim("Hosts", About::ExtraHost, Json::Texts),
    object("DNSConfig", &DNS),
    objects("Secrets", &SECRET),
    claim("OomScoreAdj", About::OomScore, Json::Number),
    objects("Configs", &CONFIG),
    claim("Isolation", About::Isolation, Json::Text),
    free("Init", Json::Flag),
    claim("Sysctls", About::Sysctl, Json::Map),
    claim("CapabilityAdd", About::Capability, Json::Texts),
    free("CapabilityDrop", Json::Texts),
    special("Ulimits", Special::Ulimits),
];

const PRIVILEGES: ObjectShape = ObjectShape {
    lists: &[list(&[
        object("CredentialSpec", &CREDENTIALS),
        object("SELinuxContext", &SELINUX),
        object("Seccomp", &SECCOMP),
        object("AppArmor", &APPARMOR),
        // That a program gains nothing is no privilege.
        free("NoNewPrivileges", Json::Flag),
    ])],
};

const CREDENTIALS: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Config", About::SecurityOption, Json::Text),
        claim("File", About::SecurityOption, Json::Text),
        claim("Registry", About::SecurityOption, Json::Text),
    ])],
};

const SELINUX: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Disable", About::SecurityOption, Json::Flag),
        claim("User", About::SecurityOption, Json::Text),
        claim("Role", About::SecurityOption, Json::Text),
        claim("Type", About::SecurityOption, Json::Text),
        claim("Level", About::SecurityOption, Json::Text),
    ])],
};

const SECCOMP: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Mode", About::SecurityOption, Json::Text),
        claim("Profile", About::SecurityOption, Json::Text),
    ])],
};

const APPARMOR: ObjectShape =
    ObjectShape { lists: &[list(&[claim("Mode", About::SecurityOption, Json::Text)])] };

const DNS: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Nameservers", About::Dns, Json::Texts),
        claim("Search", About::Dns, Json::Texts),
        claim("Options", About::Dns, Json::Texts),
    ])],
};

const SECRET: ObjectShape = ObjectShape {
    lists: &[list(&[
        object("File", &FILE),
        claim("SecretID", About::Cluster, Json::Text),
        claim("SecretName", About::Cluster, Json::Text),
    ])],
};

const CONFIG: ObjectShape = ObjectShape {
    lists: &[list(&[
        object("File", &FILE),
        free("Runtime", Json::Any),
        claim("ConfigID", About::Cluster, Json::Text),
        claim("ConfigName", About::Cluster, Json::Text),
    ])],
};

/// Where in the container it is.
const FILE: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("Name", Json::Text),
        free("UID", Json::Text),
        free("GID", Json::Text),
        free("Mode", Json::Number),
    ])],
};

const ATTACHMENT: ObjectShape =
    ObjectShape { lists: &[list(&[claim("ContainerID", About::Container, Json::Text)])] };

const RESOURCES: ObjectShape = ObjectShape {
    lists: &[list(&[
        object("Limits", &LIMITS),
        object("Reservations", &RESERVATIONS),
        claim("SwapBytes", About::MemorySwap, Json::Number),
        free("MemorySwappiness", Json::Number),
    ])],
};

const LIMITS: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("NanoCPUs", About::Cpus, Json::Number),
        claim("MemoryBytes", About::Memory, Json::Number),
        claim("Pids", About::Pids, Json::Number),
    ])],
};

/// What a node must have for a task: less than its limits, or the engine refuses it.
const RESERVATIONS: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("NanoCPUs", About::Resource, Json::Number),
        claim("MemoryBytes", About::Resource, Json::Number),
        objects("GenericResources", &GENERIC),
    ])],
};

const GENERIC: ObjectShape = ObjectShape {
    lists: &[list(&[
        object("NamedResourceSpec", &GENERIC_NAMED),
        object("DiscreteResourceSpec", &GENERIC_COUNT),
    ])],
};

const GENERIC_NAMED: ObjectShape =
    ObjectShape { lists: &[list(&[claim("Kind", About::Resource, Json::Text), free("Value", Json::Text)])] };

const GENERIC_COUNT: ObjectShape = ObjectShape {
    lists: &[list(&[claim("Kind", About::Resource, Json::Text), free("Value", Json::Number)])],
};

const RESTART: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Condition", About::RestartPolicy, Json::Text),
        free("Delay", Json::Number),
        free("MaxAttempts", Json::Number),
        free("Window", Json::Number),
    ])],
};

const PLACEMENT: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Constraints", About::Cluster, Json::Texts),
        objects("Preferences", &PREFERENCE),
        free("MaxReplicas", Json::Number),
        objects("Platforms", &PLATFORM),
    ])],
};

const PREFERENCE: ObjectShape = ObjectShape { lists: &[list(&[object("Spread", &SPREAD)])] };

const SPREAD: ObjectShape = ObjectShape { lists: &[list(&[free("SpreadDescriptor", Json::Text)])] };

const PLATFORM: ObjectShape =
    ObjectShape { lists: &[list(&[free("Architecture", Json::Text), free("OS", Json::Text)])] };

const NETWORK: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Target", About::Network, Json::Text),
        free("Aliases", Json::Texts),
        special("DriverOpts", Special::EndpointOptions),
    ])],
};

/// How a task's output is kept.
pub(super) const LOG_DRIVER: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Name", About::LogDriver, Json::Text),
        claim("Options", About::LogOption, Json::Map),
    ])],
};

const MODE: ObjectShape = ObjectShape {
    lists: &[list(&[
        object("Replicated", &REPLICATED),
        object("Global", &NOTHING),
        object("ReplicatedJob", &REPLICATED_JOB),
        object("GlobalJob", &NOTHING),
    ])],
};

const REPLICATED: ObjectShape = ObjectShape { lists: &[list(&[free("Replicas", Json::Number)])] };

const REPLICATED_JOB: ObjectShape = ObjectShape {
    lists: &[list(&[free("MaxConcurrent", Json::Number), free("TotalCompletions", Json::Number)])],
};

const NOTHING: ObjectShape = ObjectShape { lists: &[] };

const UPDATE_CONFIG: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("Parallelism", Json::Number),
        free("Delay", Json::Number),
        free("FailureAction", Json::Text),
        free("Monitor", Json::Number),
        free("MaxFailureRatio", Json::Real),
        free("Order", Json::Text),
    ])],
};

const ENDPOINT_SPEC: ObjectShape =
    ObjectShape { lists: &[list(&[free("Mode", Json::Text), special("Ports", Special::ServicePorts)])] };
