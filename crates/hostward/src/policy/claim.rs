//! What a request asks for beside paths, in single claims: one for each thing that a profile has a say about.
//!
//! `api::claims` reads them of a request line, a query and a body; the rules of a
//! profile judge them. What is no claim is free; what is not known is refused before it becomes one.

/// One thing that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is about: which rule judges it.
    pub about: About,
    /// Where the request says it, for people: `HostConfig.CapAdd[0]`, or `the query's remote`.
    pub place: String,
    /// The name that it is said for, where the field is a map (`Sysctls`, `DriverOpts`, `LogConfig.Config`).
    pub key: Option<String>,
    /// What is said.
    pub said: Said,
}

/// What a claim says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A text.
    Text(String),
    /// A switch.
    Flag(bool),
    /// A whole number. Others are refused where the API wants a number.
    Number(i64),
    /// Something that only its being there matters of, such as an object that no rule looks into.
    Present,
}

/// What a claim is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum About {
    // What is acted on: names in the target, in the query or in the body.
    /// An existing container, by name, id or a beginning of it.
    Container,
    /// An exec instance, by id.
    Exec,
    /// An existing image, by reference or id, that is looked at or used.
    Image,
    /// An image that is pulled.
    ImagePulled,
    /// An image that is pushed.
    ImagePushed,
    /// The name that an image gets: by tag, build, commit, import, load.
    ImageNamed,
    /// Where an import comes from (`fromSrc`): an address, or `-` for the body.
    ImportSource,
    /// A registry that is asked, by its address (`auth`, `distribution`, `search`).
    Registry,
    /// A volume, by name.
    Volume,
    /// A network, by name or id: acted on or joined.
    Network,
    /// A service, task, node, secret, config, plugin or the swarm.
    Cluster,

    // The container's own.
    /// The name that a container gets.
    ContainerName,
    /// A label (key and value).
    Label,
    /// `Privileged`, of a container or an exec.
    Privileged,
    /// A capability that is added, in any spelling.
    Capability,
    /// `SecurityOpt`.
    SecurityOption,
    /// `PidMode`.
    PidMode,
    /// `IpcMode`.
    IpcMode,
    /// `UTSMode`.
    UtsMode,
    /// `UsernsMode`.
    UserNamespace,
    /// `CgroupnsMode`.
    CgroupNamespace,
    /// `Cgroup`: the cgroup of another container.
    CgroupOf,
    /// `CgroupParent`.
    CgroupParent,
    /// `Runtime`.
    Runtime,
    /// `Isolation`, of Windows.
    Isolation,
    /// `Sysctls`, of a container or of an endpoint.
    Sysctl,
    /// `Ulimits`.
    Ulimit,
    /// `OomScoreAdj`.
    OomScore,
    /// `OomKillDisable`.
    OomKill,
    /// `MaskedPaths`: present when a request sets it.
    MaskedPaths,
    /// `ReadonlyPaths`: present when a request sets it.
    ReadonlyPaths,
    /// `Annotations`.
    Annotation,
    /// `GroupAdd`.
    Group,
    /// `User`.
    User,
    /// `ReadonlyRootfs`.
    ReadOnlyRoot,
    /// `StorageOpt`.
    StorageOption,
    /// `RestartPolicy.Name`.
    RestartPolicy,

    // Devices.
    /// `Devices[].PathOnHost`.
    Device,
    /// `DeviceCgroupRules`.
    DeviceRule,
    /// `DeviceRequests`: the driver's name.
    DeviceRequest,

    // Mounts that are no path of the caller: those are judged as sources.
    /// `Mounts[].Type` where it is neither `bind` nor `volume` nor `tmpfs`.
    MountType,
    /// An anonymous volume.
    AnonymousVolume,
    /// A volume's driver.
    VolumeDriver,
    /// An option of a volume's driver.
    VolumeOption,
    /// `VolumesFrom`: another container.
    VolumesFrom,
    /// Options of a tmpfs.
    TmpfsOption,

    // Networks.
    /// `NetworkMode`.
    NetworkMode,
    /// A fixed address, of a container in a network.
    StaticAddress,
    /// A MAC address.
    MacAddress,
    /// A name of another container in `Links`.
    Link,
    /// A published port, as `ADDRESS:PORT/PROTOCOL`; the port is empty where the engine picks one.
    Port,
    /// `PublishAllPorts`.
    PublishAll,
    /// `ExtraHosts`.
    ExtraHost,
    /// `Dns`, `DnsOptions`, `DnsSearch`.
    Dns,
    /// The driver of a network that is created.
    NetworkDriver,
    /// An option of a network's driver.
    NetworkOption,
    /// Addresses that a network is given: `IPAM`.
    NetworkAddresses,
    /// `Ingress`, `Scope`, `ConfigOnly`, `ConfigFrom`, and what else makes a network special.
    NetworkKind,

    // Logs.
    /// `LogConfig.Type`.
    LogDriver,
    /// `LogConfig.Config`.
    LogOption,

    // Bounds: numbers in the API's own units.
    /// `Memory`, in bytes.
    Memory,
    /// `MemorySwap`, in bytes; -1 is without end.
    MemorySwap,
    /// `NanoCpus`; `CpuQuota` and `CpuPeriod` are of this kind too, by their place.
    Cpus,
    /// `PidsLimit`; 0 and -1 are without end.
    Pids,
    /// `ShmSize`, in bytes.
    SharedMemory,
    /// Other resource settings (`CpuShares`, `CpusetCpus`, `BlkioWeight`, `CpuRealtime…`, `KernelMemory`).
    Resource,

    // Builds.
    /// `remote`: an address that the engine fetches the context from.
    BuildRemote,
    /// An address that a Dockerfile's `ADD` names, or something that could become one: that is in the key, and nothing is said.
    BuildSource,
    /// `networkmode` of a build.
    BuildNetwork,
    /// `version`, `session`, `buildid`, `outputs`: `BuildKit`'s.
    BuildKit,
    /// Other settings of a build that reach the host.
    BuildSetting,
}
