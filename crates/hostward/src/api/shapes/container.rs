//! The bodies of requests that make containers, change them or run something in them.

use super::host::{HOST, HOST_FIELDS, HOST_LISTS, RESOURCES};
use super::kind::{
    BodyField, FieldKind, Json, ObjectShape, Special, claim, free, list, named, object, path, refused,
    refused_list, special,
};
use crate::policy::claim::About;

/// `POST /containers/create`.
pub(crate) const CREATE: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[
        list(CONFIG_FIELDS),
        list(&[object("HostConfig", &HOST), object("NetworkingConfig", &NETWORKING)]),
        // Engines before 28 read these where HostConfig is missing, and some of them even where it is not.
        refused_list(HOST_FIELDS, AT_THE_TOP),
        refused_list(RESOURCES, AT_THE_TOP),
        refused_list(OLD_HOST_FIELDS, AT_THE_TOP),
    ],
});

/// `POST /containers/{id}/start`, below API 1.24.
pub(crate) const START: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[
        refused_list(HOST_LISTS[0].fields, AT_A_START),
        refused_list(HOST_LISTS[1].fields, AT_A_START),
        refused_list(HOST_LISTS[2].fields, AT_A_START),
        refused_list(HOST_LISTS[3].fields, AT_A_START),
        // Clients of Node send the query's keys a second time, as a body that no engine reads.
        list(&[free("detachKeys", Json::Text)]),
    ],
});

/// `POST /containers/{id}/update`.
pub(crate) const UPDATE: FieldKind = FieldKind::Object(&super::host::UPDATE);

/// `POST /commit`: what the image is to be configured with.
pub(crate) const COMMIT: FieldKind = FieldKind::Object(&ObjectShape { lists: &[list(CONFIG_FIELDS)] });

/// `POST /containers/{id}/exec`.
pub(crate) const EXEC_CREATE: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        claim("User", About::User, Json::Text),
        claim("Privileged", About::Privileged, Json::Flag),
        free("Tty", Json::Flag),
        free("ConsoleSize", Json::Numbers),
        free("AttachStdin", Json::Flag),
        free("AttachStdout", Json::Flag),
        free("AttachStderr", Json::Flag),
        free("DetachKeys", Json::Text),
        free("Env", Json::Texts),
        free("Cmd", Json::Words),
        free("WorkingDir", Json::Text),
        // Sent by clients, read by no engine: the container is the one in the target.
        free("Container", Json::Text),
        free("Detach", Json::Flag),
    ])],
});

/// `POST /exec/{id}/start`.
pub(crate) const EXEC_START: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        free("Detach", Json::Flag),
        free("Tty", Json::Flag),
        free("ConsoleSize", Json::Numbers),
        // Sent by clients, read by no engine.
        free("stdin", Json::Flag),
        free("hijack", Json::Flag),
    ])],
});

/// `POST /containers/{id}/copy`, below API 1.24: the path is the container's own.
pub(crate) const COPY: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[free("Resource", Json::Text), free("HostPath", Json::Text)])],
});

/// `POST /containers/{id}/checkpoints`.
pub(crate) const CHECKPOINT: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        free("CheckpointID", Json::Text),
        path("CheckpointDir", Json::Text),
        free("Exit", Json::Flag),
    ])],
});

const AT_THE_TOP: &str = "it belongs into HostConfig; at the top of the body only engines before 28 read it";
const AT_A_START: &str = "a container gets its HostConfig when it is created";

/// What an image and a container have in common (`Config` in the engine).
const CONFIG_FIELDS: &[BodyField] = &[
    free("Hostname", Json::Text),
    free("Domainname", Json::Text),
    claim("User", About::User, Json::Text),
    free("AttachStdin", Json::Flag),
    free("AttachStdout", Json::Flag),
    free("AttachStderr", Json::Flag),
    free("ExposedPorts", Json::Keys),
    free("PortSpecs", Json::Texts),
    free("Tty", Json::Flag),
    free("OpenStdin", Json::Flag),
    free("StdinOnce", Json::Flag),
    free("Env", Json::Texts),
    free("Cmd", Json::Words),
    object("Healthcheck", &HEALTH),
    free("ArgsEscaped", Json::Flag),
    claim("Image", About::Image, Json::Text),
    claim("Volumes", About::AnonymousVolume, Json::Keys),
    free("WorkingDir", Json::Text),
    free("Entrypoint", Json::Words),
    free("NetworkDisabled", Json::Flag),
    claim("MacAddress", About::MacAddress, Json::Text),
    special("OnBuild", Special::Triggers),
    claim("Labels", About::Label, Json::Map),
    free("StopSignal", Json::Text),
    free("StopTimeout", Json::Number),
    free("Shell", Json::Words),
];

/// Of the host's part at the top, what is not in today's.
const OLD_HOST_FIELDS: &[BodyField] = &[
    refused("RestartPolicy", AT_THE_TOP),
    refused("LxcConf", AT_THE_TOP),
    refused("Cpuset", AT_THE_TOP),
    refused("InitPath", AT_THE_TOP),
    refused("Capabilities", AT_THE_TOP),
];

/// `Healthcheck`, of containers and services.
pub(super) const HEALTH: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("Test", Json::Texts),
        free("Interval", Json::Number),
        free("Timeout", Json::Number),
        free("Retries", Json::Number),
        free("StartPeriod", Json::Number),
        free("StartInterval", Json::Number),
        free("NoWait", Json::Flag),
    ])],
};

const NETWORKING: ObjectShape =
    ObjectShape { lists: &[list(&[named("EndpointsConfig", About::Network, &ENDPOINT)])] };

/// How a container is in a network.
pub(super) const ENDPOINT: ObjectShape =
    ObjectShape { lists: &[list(ENDPOINT_FIELDS), list(ENDPOINT_STATE)] };

const ENDPOINT_FIELDS: &[BodyField] = &[
    object("IPAMConfig", &ENDPOINT_ADDRESSES),
    special("Links", Special::Links),
    claim("MacAddress", About::MacAddress, Json::Text),
    free("Aliases", Json::Texts),
    special("DriverOpts", Special::EndpointOptions),
    free("GwPriority", Json::Number),
];

/// What engines tell of an endpoint. Clients send it back as they have read it, and engines set it anew.
const ENDPOINT_STATE: &[BodyField] = &[
    claim("NetworkID", About::Network, Json::Text),
    free("EndpointID", Json::Text),
    free("Gateway", Json::Text),
    claim("IPAddress", About::StaticAddress, Json::Text),
    free("IPPrefixLen", Json::Number),
    free("IPv6Gateway", Json::Text),
    claim("GlobalIPv6Address", About::StaticAddress, Json::Text),
    free("GlobalIPv6PrefixLen", Json::Number),
    free("DNSNames", Json::Texts),
];

const ENDPOINT_ADDRESSES: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("IPv4Address", About::StaticAddress, Json::Text),
        claim("IPv6Address", About::StaticAddress, Json::Text),
        claim("LinkLocalIPs", About::StaticAddress, Json::Texts),
    ])],
};
