//! The host's part of a container: `HostConfig`, and the resources that an update may change.

use super::kind::{
    BodyField, FieldList, Json, ObjectShape, Special, claim, free, list, object, objects, path, refused,
    special,
};
use crate::policy::claim::About;

/// `HostConfig`.
pub(super) const HOST: ObjectShape = ObjectShape { lists: HOST_LISTS };

/// The fields of `HostConfig`.
pub(super) const HOST_LISTS: &[FieldList] = &[list(HOST_FIELDS), list(RESOURCES), list(RESTART), list(GONE)];

/// The body of `POST /containers/{id}/update`.
pub(super) const UPDATE: ObjectShape = ObjectShape { lists: &[list(RESOURCES), list(RESTART)] };

/// All but resources and the restart policy.
pub(super) const HOST_FIELDS: &[BodyField] = &[
    special("Binds", Special::Binds),
    // The client writes it.
    free("ContainerIDFile", Json::Text),
    object("LogConfig", &LOG),
    claim("NetworkMode", About::NetworkMode, Json::Text),
    special("PortBindings", Special::PortBindings),
    free("AutoRemove", Json::Flag),
    claim("VolumeDriver", About::VolumeDriver, Json::Text),
    special("VolumesFrom", Special::VolumesFrom),
    special("Mounts", Special::Mounts),
    free("ConsoleSize", Json::Numbers),
    claim("Annotations", About::Annotation, Json::Map),
    claim("CapAdd", About::Capability, Json::Texts),
    free("CapDrop", Json::Texts),
    claim("CgroupnsMode", About::CgroupNamespace, Json::Text),
    claim("Dns", About::Dns, Json::Texts),
    claim("DnsOptions", About::Dns, Json::Texts),
    claim("DnsSearch", About::Dns, Json::Texts),
    claim("ExtraHosts", About::ExtraHost, Json::Texts),
    claim("GroupAdd", About::Group, Json::Texts),
    claim("IpcMode", About::IpcMode, Json::Text),
    claim("Cgroup", About::CgroupOf, Json::Text),
    special("Links", Special::Links),
    claim("OomScoreAdj", About::OomScore, Json::Number),
    claim("PidMode", About::PidMode, Json::Text),
    claim("Privileged", About::Privileged, Json::Flag),
    claim("PublishAllPorts", About::PublishAll, Json::Flag),
    claim("ReadonlyRootfs", About::ReadOnlyRoot, Json::Flag),
    claim("SecurityOpt", About::SecurityOption, Json::Texts),
    claim("StorageOpt", About::StorageOption, Json::Map),
    claim("Tmpfs", About::TmpfsOption, Json::Map),
    claim("UTSMode", About::UtsMode, Json::Text),
    claim("UsernsMode", About::UserNamespace, Json::Text),
    claim("ShmSize", About::SharedMemory, Json::Number),
    claim("Sysctls", About::Sysctl, Json::Map),
    claim("Runtime", About::Runtime, Json::Text),
    claim("Isolation", About::Isolation, Json::Text),
    claim("MaskedPaths", About::MaskedPaths, Json::List),
    claim("ReadonlyPaths", About::ReadonlyPaths, Json::List),
];

/// What a container may use (`Resources` in the engine).
pub(super) const RESOURCES: &[BodyField] = &[
    claim("CpuShares", About::Resource, Json::Number),
    claim("Memory", About::Memory, Json::Number),
    claim("NanoCpus", About::Cpus, Json::Number),
    claim("CgroupParent", About::CgroupParent, Json::Text),
    claim("BlkioWeight", About::Resource, Json::Number),
    objects("BlkioWeightDevice", &WEIGHT),
    objects("BlkioDeviceReadBps", &RATE),
    objects("BlkioDeviceWriteBps", &RATE),
    objects("BlkioDeviceReadIOps", &RATE),
    objects("BlkioDeviceWriteIOps", &RATE),
    claim("CpuPeriod", About::Cpus, Json::Number),
    claim("CpuQuota", About::Cpus, Json::Number),
    claim("CpuRealtimePeriod", About::Resource, Json::Number),
    claim("CpuRealtimeRuntime", About::Resource, Json::Number),
    claim("CpusetCpus", About::Resource, Json::Text),
    claim("CpusetMems", About::Resource, Json::Text),
    objects("Devices", &DEVICE),
    claim("DeviceCgroupRules", About::DeviceRule, Json::Texts),
    special("DeviceRequests", Special::DeviceRequests),
    // Until API 1.42, and 1.52.
    claim("KernelMemory", About::Resource, Json::Number),
    claim("KernelMemoryTCP", About::Resource, Json::Number),
    claim("MemoryReservation", About::Resource, Json::Number),
    claim("MemorySwap", About::MemorySwap, Json::Number),
    // How soon it swaps; clients send -1 for what the host does.
    free("MemorySwappiness", Json::Number),
    claim("OomKillDisable", About::OomKill, Json::Flag),
    claim("PidsLimit", About::Pids, Json::Pointer),
    // Changes nothing of a container that is there.
    free("Init", Json::Flag),
    special("Ulimits", Special::Ulimits),
    // Of Windows.
    claim("CpuCount", About::Resource, Json::Number),
    claim("CpuPercent", About::Resource, Json::Number),
    claim("IOMaximumIOps", About::Resource, Json::Number),
    claim("IOMaximumBandwidth", About::Resource, Json::Number),
];

const RESTART: &[BodyField] = &[object("RestartPolicy", &RESTART_POLICY)];

const RESTART_POLICY: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Name", About::RestartPolicy, Json::Text),
        free("MaximumRetryCount", Json::Number),
    ])],
};

/// Fields that only older engines read, or engines between two releases.
const GONE: &[BodyField] = &[
    refused("LxcConf", "engines have had no LXC since 1.10"),
    refused("InitPath", "it names a program on the host; Init says whether there is to be one"),
    refused("Capabilities", "use CapAdd and CapDrop, which every engine reads"),
    refused("DiskQuota", "use StorageOpt"),
    refused("Cpuset", "use CpusetCpus"),
];

/// `LogConfig`.
pub(super) const LOG: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Type", About::LogDriver, Json::Text),
        claim("Config", About::LogOption, Json::Map),
    ])],
};

/// A limit on a block device: `api::read` finds the device.
const RATE: ObjectShape =
    ObjectShape { lists: &[list(&[path("Path", Json::Text), claim("Rate", About::Resource, Json::Number)])] };

const WEIGHT: ObjectShape = ObjectShape {
    lists: &[list(&[path("Path", Json::Text), claim("Weight", About::Resource, Json::Number)])],
};

/// A device is translated by `api::read`; whether it may be had is a profile's to say.
const DEVICE: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("PathOnHost", About::Device, Json::Text),
        free("PathInContainer", Json::Text),
        free("CgroupPermissions", Json::Text),
    ])],
};

/// An element of `Mounts`. Its `Type` and `Source` have a rule of their own.
pub(crate) const MOUNT: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("Type", Json::Text),
        free("Source", Json::Text),
        free("Target", Json::Text),
        free("ReadOnly", Json::Flag),
        free("Consistency", Json::Text),
        object("BindOptions", &BIND_OPTIONS),
        object("VolumeOptions", &VOLUME_OPTIONS),
        object("ImageOptions", &IMAGE_OPTIONS),
        object("TmpfsOptions", &TMPFS_OPTIONS),
        object("ClusterOptions", &CLUSTER_OPTIONS),
    ])],
};

/// Read by `api::read`, together with the source.
const BIND_OPTIONS: ObjectShape = ObjectShape {
    lists: &[list(&[
        path("Propagation", Json::Text),
        path("NonRecursive", Json::Flag),
        path("CreateMountpoint", Json::Flag),
        path("ReadOnlyNonRecursive", Json::Flag),
        path("ReadOnlyForceRecursive", Json::Flag),
    ])],
};

const VOLUME_OPTIONS: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("NoCopy", Json::Flag),
        claim("Labels", About::Label, Json::Map),
        object("DriverConfig", &VOLUME_DRIVER),
        // Beneath the volume: engines follow no link out of it.
        free("Subpath", Json::Text),
    ])],
};

const VOLUME_DRIVER: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Name", About::VolumeDriver, Json::Text),
        claim("Options", About::VolumeOption, Json::Map),
    ])],
};

const IMAGE_OPTIONS: ObjectShape = ObjectShape { lists: &[list(&[free("Subpath", Json::Text)])] };

const TMPFS_OPTIONS: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("SizeBytes", About::TmpfsOption, Json::Number),
        free("Mode", Json::Number),
        claim("Options", About::TmpfsOption, Json::TextLists),
    ])],
};

const CLUSTER_OPTIONS: ObjectShape = ObjectShape { lists: &[] };

/// An element of `Ulimits`.
pub(crate) const ULIMIT: ObjectShape = ObjectShape {
    lists: &[list(&[free("Name", Json::Text), free("Soft", Json::Number), free("Hard", Json::Number)])],
};

/// An element of `DeviceRequests`.
pub(crate) const DEVICE_REQUEST: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("Driver", Json::Text),
        free("Count", Json::Number),
        free("DeviceIDs", Json::Texts),
        free("Capabilities", Json::TextLists),
        free("Options", Json::Map),
    ])],
};

/// An element of the lists in `PortBindings`.
pub(crate) const PORT_BINDING: ObjectShape =
    ObjectShape { lists: &[list(&[free("HostIp", Json::Text), free("HostPort", Json::Text)])] };

/// An element of `EndpointSpec.Ports`.
pub(crate) const SERVICE_PORT: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("Name", Json::Text),
        free("Protocol", Json::Text),
        free("TargetPort", Json::Number),
        free("PublishedPort", Json::Number),
        free("PublishMode", Json::Text),
    ])],
};
