/// A row.
const fn key(
    name: &'static str,
    example: &'static str,
    what: &'static str,
    field: KeyField,
) -> ProfileKey {
    ProfileKey { name, example, what, field }
}

/// All keys, in the order in which they are documented and written.
pub const KEYS: &[ProfileKey] = &[
    key(
        "name",
        "\"builds\"",
        "How the profile is called, in messages and in the audit. It is required, and no two have the same.",
        KeyField::Name,
    ),
    key(
        "for",
        "[\"name:runner-*\", \"label:role=ci\"]",
        "Whom it is for; one that matches is enough. `name:NAME`, `image:IMAGE`, `label:KEY[=VALUE]`, `compose:PROJECT[/SERVICE]`, \
         `network:NAME`, `certificate:NAME` and `socket:PATH` match containers, `host` processes of the host. Without it, the \
         profile is for every container. The first profile of the file that matches counts.",
        KeyField::Callers,
    ),
    key(
        "preset",
        "\"ci\"",
        "The preset that it begins with: `ci`, `executor`, `observer`, `tecnativa` or `trusted`. Keys that are given replace those of \
         the preset, each as a whole. Without it, everything is refused that no key allows.",
        KeyField::Preset,
    ),
    key(
        "mode",
        "\"enforce\"",
        "`\"warn\"` lets pass what would be refused, and writes it to the log.",
        KeyField::Mode,
    ),
    key(
        "unrestricted",
        "false",
        "Allow everything, and translate paths only. No other rule has an effect.",
        KeyField::Flag(|profile| &mut profile.unrestricted),
    ),
    key(
        "show_host_paths",
        "false",
        "Show paths of the host in answers, errors and explanations.",
        KeyField::Flag(|profile| &mut profile.show_host_paths),
    ),
    key(
        "show_environment",
        "false",
        "Show the environment variables of containers that the caller does not own.",
        KeyField::Flag(|profile| &mut profile.show_environment),
    ),
    key(
        "operations",
        "[\"container.*\", \"image.list\"]",
        "Operations of the API, by their names (docs/policy.md). Here and in every list of texts, `!` in front takes out what others \
         allow: `\"!container.prune\"`.",
        KeyField::Patterns(|profile| &mut profile.operations, any),
    ),
    key(
        "containers_of",
        "\"own\"",
        "Which containers can be acted on, joined, linked and copied from: `\"own\"`, those that the caller or its children made, and \
         itself; `\"all\"`; or `\"none\"`.",
        KeyField::Owned(|profile| &mut profile.containers_of),
    ),
    key(
        "networks_of",
        "\"own\"",
        "Which networks can be acted on and joined: `\"own\"`, `\"all\"` or `\"none\"`. The default bridge is nobody's: `networks` \
         alone decides about it.",
        KeyField::Owned(|profile| &mut profile.networks_of),
    ),
    key(
        "volumes_of",
        "\"own\"",
        "Which existing volumes can be mounted and acted on: `\"own\"`, `\"all\"` or `\"none\"`.",
        KeyField::Owned(|profile| &mut profile.volumes_of),
    ),
    key(
        "image_names_of",
        "\"own\"",
        "Which names can be given to another image when an image has them already (build, tag, commit, load): with `\"own\"`, only \
         those that the caller gave.",
        KeyField::Owned(|profile| &mut profile.image_names_of),
    ),
    key(
        "roots",
        "[\"/app/storage\", \"/cache:ro\"]",
        "Directories that can be mounted with everything in them, in the caller's own paths. `:ro` makes each mount of it read-only. \
         `\"/\"` is everything that the caller sees.",
        KeyField::Roots(|profile| &mut profile.roots),
    ),
    key(
        "host_paths",
        "[\"/lib/modules:ro\"]",
        "Paths of the host that can be mounted by their name there: `/dev`, `/proc`, `/sys`, `/lib/modules`, `/run/udev`, \
         `/etc/localtime`, and what is in them.",
        KeyField::Roots(|profile| &mut profile.host_paths),
    ),
    key(
        "volumes",
        "[\"cache-*\"]",
        "Names of volumes.",
        KeyField::Patterns(|profile| &mut profile.volumes, any),
    ),
    key(
        "anonymous_volumes",
        "true",
        "Allow volumes without a name.",
        KeyField::Flag(|profile| &mut profile.anonymous_volumes),
    ),
    key(
        "volume_drivers",
        "[\"local\"]",
        "Drivers of volumes that can be named.",
        KeyField::Patterns(|profile| &mut profile.volume_drivers, any),
    ),
    key(
        "volume_options",
        "[\"type=tmpfs\", \"device=tmpfs\", \"o=size=*\"]",
        "Options of volume drivers, as `KEY=VALUE`. Of `o`, each option between the commas is looked at. With the driver `local` these \
         are options of mount(2), so `\"*\"` gives the host away.",
        KeyField::Patterns(|profile| &mut profile.volume_options, any),
    ),
    key(
        "mount_types",
        "[\"image\"]",
        "Kinds of `--mount` beside `bind`, `volume` and `tmpfs`.",
        KeyField::Patterns(|profile| &mut profile.mount_types, any),
    ),
    key(
        "tmpfs_options",
        "[\"size=*\", \"mode=*\"]",
        "Options of `--tmpfs`.",
        KeyField::Patterns(|profile| &mut profile.tmpfs_options, any),
    ),
    key(
        "volumes_from",
        "true",
        "Allow `--volumes-from` with a container that `containers_of` allows.",
        KeyField::Flag(|profile| &mut profile.volumes_from),
    ),
    key(
        "images",
        "[\"python:*\", \"registry.example/ci/*\"]",
        "Images that can be used and pulled, spelled as for docker: `busybox` is `docker.io/library/busybox:latest`. Without a tag, a \
         pattern that ends with `*` is of any tag. A reference with a digest needs a pattern with one, or one of any tag. `sha256:*` is \
         any image by its id.",
        KeyField::Images(|profile| &mut profile.images),
    ),
    key(
        "registries",
        "[\"docker.io\", \"registry.example:5000\"]",
        "Registries that the engine can be sent to (pull, push, login, search). What a Dockerfile names in `FROM` and `COPY --from` counts, too.",
        KeyField::Patterns(|profile| &mut profile.registries, registry),
    ),
    key(
        "pushes",
        "[\"registry.example/ci/*\"]",
        "Images that can be pushed, if `registries` has their registry too.",
        KeyField::Images(|profile| &mut profile.pushes),
    ),
    key(
        "image_names",
        "[\"*\"]",
        "Names that images can be given (build, tag, commit, import, load). See `image_names_of` for those that exist.",
        KeyField::Images(|profile| &mut profile.image_names),
    ),
    key(
        "import_sources",
        "[\"https://files.example/*\"]",
        "Addresses that `docker import` can make the engine fetch. The request's own body is always allowed.",
        KeyField::Patterns(|profile| &mut profile.import_sources, any),
    ),
    key(
        "privileged",
        "false",
        "Allow `--privileged`, of containers and of `docker exec`. Whoever has it has the host.",
        KeyField::Flag(|profile| &mut profile.privileged),
    ),
    key(
        "capabilities",
        "[\"default\", \"NET_ADMIN\"]",
        "Capabilities that can be added. `default` stands for the 14 that containers have anyway. `ALL` is allowed by that name only.",
        KeyField::Patterns(|profile| &mut profile.capabilities, capability),
    ),
    key(
        "security_options",
        "[\"label=type:container_t\"]",
        "Values of `--security-opt`, as `KEY=VALUE`. `no-new-privileges` is always allowed.",
        KeyField::Patterns(|profile| &mut profile.security_options, any),
    ),
    key(
        "namespaces",
        "[\"container=own\"]",
        "Namespaces that are not the container's own. `container=own` allows those of containers that `containers_of` allows; \
         `pid=host`, `ipc=host`, `network=host`, `uts=host`, `user=host` and `cgroup=host` are the host's.",
        KeyField::Patterns(|profile| &mut profile.namespaces, namespace),
    ),
    key(
        "system_paths",
        "false",
        "Allow changing what of `/proc` and `/sys` is masked and read-only (`systempaths=unconfined`).",
        KeyField::Flag(|profile| &mut profile.system_paths),
    ),
    key(
        "cgroup_parents",
        "[\"ci.slice\"]",
        "Values of `--cgroup-parent`.",
        KeyField::Patterns(|profile| &mut profile.cgroup_parents, any),
    ),
    key(
        "runtimes",
        "[\"runsc\"]",
        "Values of `--runtime` and `--isolation`.",
        KeyField::Patterns(|profile| &mut profile.runtimes, any),
    ),
    key(
        "sysctls",
        "[\"net.ipv4.ip_unprivileged_port_start\"]",
        "Kernel settings of containers and of their networks, as `KEY` or `KEY=VALUE`.",
        KeyField::Patterns(|profile| &mut profile.sysctls, any),
    ),
    key(
        "annotations",
        "[\"com.example.*\"]",
        "Annotations for the runtime, as `KEY` or `KEY=VALUE`.",
        KeyField::Patterns(|profile| &mut profile.annotations, any),
    ),
    key(
        "devices",
        "[\"/dev/fuse\"]",
        "Devices of the host, by their path there.",
        KeyField::Patterns(|profile| &mut profile.devices, device),
    ),
    key(
        "device_rules",
        "[\"c 10:229 rwm\"]",
        "Values of `--device-cgroup-rule`.",
        KeyField::Patterns(|profile| &mut profile.device_rules, any),
    ),
    key(
        "device_requests",
        "[\"nvidia\"]",
        "Drivers of `--gpus` and `--device` with CDI, as `DRIVER` or `DRIVER=DEVICE`; `gpu` where a request names none.",
        KeyField::Patterns(|profile| &mut profile.device_requests, any),
    ),
    key(
        "container_names",
        "[\"*\"]",
        "Names that containers can be given.",
        KeyField::Patterns(|profile| &mut profile.container_names, any),
    ),
    key(
        "labels",
        "[\"*\"]",
        "Labels that can be given, as `KEY` or `KEY=VALUE`. Those that begin with `hostward.` are never allowed.",
        KeyField::Patterns(|profile| &mut profile.labels, any),
    ),
    key(
        "users",
        "[\"*\"]",
        "Users that processes can run as (`--user`).",
        KeyField::Patterns(|profile| &mut profile.users, any),
    ),
    key(
        "groups",
        "[\"*\"]",
        "Groups that can be added (`--group-add`).",
        KeyField::Patterns(|profile| &mut profile.groups, any),
    ),
    key(
        "restart_policies",
        "[\"on-failure\"]",
        "Values of `--restart`, beside `no`.",
        KeyField::Patterns(|profile| &mut profile.restart_policies, any),
    ),
    key(
        "read_only_root",
        "true",
        "Give each container a read-only root filesystem, whether it asks for one or not.",
        KeyField::Flag(|profile| &mut profile.read_only_root),
    ),
    key(
        "network",
        "\"none\"",
        "The network of containers that ask for none in particular.",
        KeyField::Network,
    ),
    key(
        "networks",
        "[\"*\"]",
        "Networks that can be joined and acted on, by name. `bridge` is the engine's default one.",
        KeyField::Patterns(|profile| &mut profile.networks, any),
    ),
    key(
        "network_drivers",
        "[\"bridge\"]",
        "Drivers of networks that are created.",
        KeyField::Patterns(|profile| &mut profile.network_drivers, any),
    ),
    key(
        "network_options",
        "[\"com.docker.network.driver.mtu\"]",
        "Options of networks that are created, as `KEY` or `KEY=VALUE`.",
        KeyField::Patterns(|profile| &mut profile.network_options, any),
    ),
    key(
        "network_kinds",
        "[\"Scope=swarm\"]",
        "What makes a network special: `Ingress`, `Scope`, `ConfigOnly`, `ConfigFrom`.",
        KeyField::Patterns(|profile| &mut profile.network_kinds, any),
    ),
    key(
        "network_addresses",
        "[\"172.16.0.0/12\", \"fc00::/7\"]",
        "Blocks that the addresses of created networks can be in. The host gets a route to each, so keep addresses out that it uses.",
        KeyField::Blocks(|profile| &mut profile.network_addresses),
    ),
    key(
        "static_addresses",
        "[\"172.16.0.0/12\"]",
        "Blocks that the fixed address of a container can be in (`--ip`).",
        KeyField::Blocks(|profile| &mut profile.static_addresses),
    ),
    key(
        "mac_addresses",
        "[\"02:42:*\"]",
        "Values of `--mac-address`.",
        KeyField::Patterns(|profile| &mut profile.mac_addresses, any),
    ),
    key(
        "links",
        "true",
        "Allow `--link` with a container that `containers_of` allows.",
        KeyField::Flag(|profile| &mut profile.links),
    ),
    key(
        "ports",
        "[\"127.0.0.1:1024-65535\", \"*:0\"]",
        "Ports of the host that can be published, as `ADDRESS:PORTS`. `*` is every address, and a request without an address means all of \
         them; port 0 is one that the engine picks.",
        KeyField::Ports,
    ),
    key(
        "extra_hosts",
        "[\"*:host-gateway\"]",
        "Values of `--add-host`.",
        KeyField::Patterns(|profile| &mut profile.extra_hosts, any),
    ),
    key(
        "dns",
        "[\"10.0.0.53\"]",
        "Values of `--dns`, `--dns-option` and `--dns-search`.",
        KeyField::Patterns(|profile| &mut profile.dns, any),
    ),
    key(
        "log_drivers",
        "[\"json-file\", \"none\"]",
        "Drivers of logs that can be named.",
        KeyField::Patterns(|profile| &mut profile.log_drivers, any),
    ),
    key(
        "log_options",
        "[\"max-size\", \"max-file\"]",
        "Options of logs, as `KEY` or `KEY=VALUE`.",
        KeyField::Patterns(|profile| &mut profile.log_options, any),
    ),
    key(
        "memory",
        "{ default = \"512m\", most = \"2g\" }",
        "Memory of a container: a size is the most, `\"any\"` is without end. A table has `default`, which is written into requests that \
         say nothing, `most`, which is written where there is no default, and `required`, which refuses such requests instead.",
        KeyField::Bound(|profile| &mut profile.memory, Measure::Bytes),
    ),
    key(
        "memory_swap",
        "\"4g\"",
        "Memory and swap together, as for `memory`. Nothing is written into requests without a `default`: the engine takes twice the memory.",
        KeyField::Bound(|profile| &mut profile.memory_swap, Measure::Bytes),
    ),
    key(
        "cpus",
        "2",
        "Processors of a container, as for `memory`; a quota and its period count too.",
        KeyField::Bound(|profile| &mut profile.cpus, Measure::Cpus),
    ),
    key(
        "pids",
        "{ default = 512, most = 4096 }",
        "Processes of a container, as for `memory`.",
        KeyField::Bound(|profile| &mut profile.pids, Measure::Count),
    ),
    key(
        "shared_memory",
        "\"1g\"",
        "Size of `/dev/shm`, as for `memory_swap`.",
        KeyField::Bound(|profile| &mut profile.shared_memory, Measure::Bytes),
    ),
    key(
        "storage",
        "\"10g\"",
        "Size of the root filesystem (`--storage-opt size`), as for `memory_swap`. Not every engine can limit it.",
        KeyField::Bound(|profile| &mut profile.storage, Measure::Bytes),
    ),
    key(
        "containers",
        "20",
        "Containers that one owner can have at a time.",
        KeyField::Bound(|profile| &mut profile.containers, Measure::Count),
    ),
    key(
        "run_time",
        "\"2h\"",
        "How long a container can run until it is stopped.",
        KeyField::Bound(|profile| &mut profile.run_time, Measure::Seconds),
    ),
    key(
        "ulimits",
        "[\"nofile\", \"core\"]",
        "Names that `--ulimit` can set.",
        KeyField::Patterns(|profile| &mut profile.ulimits, any),
    ),
    key(
        "resources",
        "[\"CpuShares\", \"CpusetCpus\"]",
        "Other settings of what a container can use, by their names in the API.",
        KeyField::Patterns(|profile| &mut profile.resources, any),
    ),
    key(
        "oom_score",
        "0",
        "The lowest `--oom-score-adj`. A negative one protects a container at the cost of the host.",
        KeyField::OomScore,
    ),
    key(
        "oom_kill_disable",
        "false",
        "Allow `--oom-kill-disable`.",
        KeyField::Flag(|profile| &mut profile.oom_kill_disable),
    ),
    key(
        "build_remotes",
        "[\"https://git.example/*\"]",
        "Addresses that the engine can fetch for a build: its context, and what `ADD` in its Dockerfile names. What is in such a context is not looked at.",
        KeyField::Patterns(|profile| &mut profile.build_remotes, any),
    ),
    key(
        "build_settings",
        "[\"platform\"]",
        "Other settings of a build, by their names in the query, as `KEY` or `KEY=VALUE`.",
        KeyField::Patterns(|profile| &mut profile.build_settings, any),
    ),
    key(
        "cluster",
        "[]",
        "Services, nodes, secrets, configs and plugins that can be acted on. What a service mounts and may do is judged as for containers.",
        KeyField::Patterns(|profile| &mut profile.cluster, any),
    ),
];
