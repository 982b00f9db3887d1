//! Each rule, with the spellings that would get around it.

use super::*;
use crate::policy::denial::RULES;
use crate::policy::keys::{KEYS, named};
use crate::policy::pattern::Pattern;
use crate::policy::preset::PRESETS;

/// Everything that a claim can be about. The match keeps a new one from being forgotten.
fn all_abouts() -> Vec<About> {
    use About::*;
    let all = [
        Container,
        Exec,
        Image,
        ImagePulled,
        ImagePushed,
        ImageNamed,
        ImportSource,
        Registry,
        Volume,
        Network,
        Cluster,
        ContainerName,
        Label,
        Privileged,
        Capability,
        SecurityOption,
        PidMode,
        IpcMode,
        UtsMode,
        UserNamespace,
        CgroupNamespace,
        CgroupOf,
        CgroupParent,
        Runtime,
        Isolation,
        Sysctl,
        Ulimit,
        OomScore,
        OomKill,
        MaskedPaths,
        ReadonlyPaths,
        Annotation,
        Group,
        User,
        ReadOnlyRoot,
        StorageOption,
        RestartPolicy,
        Device,
        DeviceRule,
        DeviceRequest,
        MountType,
        AnonymousVolume,
        VolumeDriver,
        VolumeOption,
        VolumesFrom,
        TmpfsOption,
        NetworkMode,
        StaticAddress,
        MacAddress,
        Link,
        Port,
        PublishAll,
        ExtraHost,
        Dns,
        NetworkDriver,
        NetworkOption,
        NetworkAddresses,
        NetworkKind,
        LogDriver,
        LogOption,
        Memory,
        MemorySwap,
        Cpus,
        Pids,
        SharedMemory,
        Resource,
        BuildRemote,
        BuildSource,
        BuildNetwork,
        BuildKit,
        BuildSetting,
    ];
    for about in all {
        match about {
            Container | Exec | Image | ImagePulled | ImagePushed | ImageNamed | ImportSource | Registry
            | Volume | Network | Cluster | ContainerName | Label | Privileged | Capability
            | SecurityOption | PidMode | IpcMode | UtsMode | UserNamespace | CgroupNamespace | CgroupOf
            | CgroupParent | Runtime | Isolation | Sysctl | Ulimit | OomScore | OomKill | MaskedPaths
            | ReadonlyPaths | Annotation | Group | User | ReadOnlyRoot | StorageOption | RestartPolicy
            | Device | DeviceRule | DeviceRequest | MountType | AnonymousVolume | VolumeDriver
            | VolumeOption | VolumesFrom | TmpfsOption | NetworkMode | StaticAddress | MacAddress | Link
            | Port | PublishAll | ExtraHost | Dns | NetworkDriver | NetworkOption | NetworkAddresses
            | NetworkKind | LogDriver | LogOption | Memory | MemorySwap | Cpus | Pids | SharedMemory
            | Resource | BuildRemote | BuildSource | BuildNetwork | BuildKit | BuildSetting => {}
        }
    }
    all.to_vec()
}

/// Claims that ask for something, of each kind that its value may have.
fn asking(about: About) -> Vec<Claim> {
    let text = |text: &str| Said::Text(text.to_owned());
    let said = match about {
        About::Privileged | About::OomKill | About::PublishAll => vec![Said::Flag(true), Said::Present],
        About::MaskedPaths | About::ReadonlyPaths => vec![Said::Present],
        About::OomScore => vec![Said::Number(-500), Said::Number(500)],
        About::Memory
        | About::MemorySwap
        | About::Cpus
        | About::Pids
        | About::SharedMemory
        | About::Resource
        | About::Ulimit => {
            vec![Said::Number(1), Said::Number(-1), Said::Number(i64::MAX), Said::Number(i64::MIN)]
        }
        About::BuildSource => vec![text("x"), text("*"), Said::Present],
        About::BuildKit => vec![text("2"), text("x"), Said::Present],
        _ => vec![text("x"), text("*"), text("host"), text("/"), text("..")],
    };
    said.into_iter()
        .map(|said| Claim { about, place: "HostConfig.X".to_owned(), key: Some("x".to_owned()), said })
        .collect()
}

#[test]
fn nothing_is_allowed_that_no_key_allows() {
    let profile = Profile { operations: ["*"].into_iter().collect(), ..Profile::default() };
    for about in all_abouts().into_iter().filter(|about| *about != About::ReadOnlyRoot) {
        for claim in asking(about) {
            let claims = [claim];
            let action = Action { operation: "container.create", claims: &claims };
            let denial = profile.judge(action).expect_err(&format!("{claims:?}"));
            assert_eq!(denial.status, 403);
            assert!(!denial.what.is_empty() && !denial.remedy.is_empty());
            assert!(RULES.iter().any(|(rule, _)| *rule == denial.rule), "{}", denial.rule);
        }
    }
    for operation in ["container.create", "container.list", "system.info", "x", "*", ""] {
        let action = Action { operation, claims: &[] };
        assert_eq!(Profile::default().judge(action).unwrap_err().rule, "operation", "{operation}");
    }
    for operation in OPEN {
        Profile::default().judge(Action { operation, claims: &[] }).unwrap();
    }
}

#[test]
fn a_profile_that_is_unrestricted_allows_everything() {
    let trusted = Profile::preset("trusted").unwrap();
    for claim in all_abouts().into_iter().flat_map(asking) {
        let claims = [claim];
        trusted.judge(Action { operation: "buildkit.session", claims: &claims }).unwrap();
    }
}

#[test]
fn no_preset_but_trusted_reaches_the_host() {
    for (name, _) in PRESETS.into_iter().filter(|(name, _)| *name != "trusted") {
        let mut profile = Profile::preset(name).unwrap();
        assert!(profile.roots.is_empty() && profile.host_paths.is_empty(), "{name}");
        profile.operations = ["*"].into_iter().collect();
        for (about, key, text) in [
            (About::Capability, None, "SYS_ADMIN"),
            (About::Capability, None, "ALL"),
            (About::Capability, None, "cap_all"),
            (About::PidMode, None, "host"),
            (About::NetworkMode, None, "host"),
            (About::NetworkMode, None, "ns:/proc/1/ns/net"),
            (About::Network, None, "host"),
            (About::BuildNetwork, None, "host"),
            (About::IpcMode, None, "host"),
            (About::UtsMode, None, "host"),
            (About::UserNamespace, None, "host"),
            (About::CgroupNamespace, None, "host"),
            (About::SecurityOption, None, "seccomp=unconfined"),
            (About::SecurityOption, None, "apparmor:unconfined"),
            (About::Device, None, "/dev/sda"),
            (About::DeviceRule, None, "a *:* rwm"),
            (About::DeviceRequest, None, ""),
            (About::CgroupParent, None, "/"),
            (About::Runtime, None, "crun"),
            (About::Sysctl, Some("kernel.core_pattern"), "|/x"),
            (About::LogDriver, None, "syslog"),
            (About::LogOption, Some("syslog-address"), "unix:///x"),
            (About::NetworkDriver, None, "macvlan"),
            (About::NetworkOption, Some("parent"), "eth0"),
            (About::NetworkOption, Some("com.docker.network.bridge.name"), "docker0"),
            (About::NetworkOption, Some("com.docker.network.bridge.host_binding_ipv4"), "0.0.0.0"),
            (About::NetworkAddresses, None, "8.8.8.0/24"),
            (About::NetworkAddresses, None, "0.0.0.0/0"),
            (About::VolumeDriver, None, "nfs"),
            (About::VolumeOption, Some("device"), "/etc"),
            (About::VolumeOption, Some("o"), "bind"),
            (About::VolumeOption, Some("o"), "size=1g,bind"),
            (About::VolumeOption, Some("type"), "none"),
            (About::Registry, None, "169.254.169.254"),
            (About::ImagePulled, None, "169.254.169.254/x"),
            (About::ImportSource, None, "http://169.254.169.254/"),
            (About::BuildRemote, None, "http://169.254.169.254/"),
            (About::BuildSource, None, "http://169.254.169.254/"),
            (About::Port, None, ":22/tcp"),
            (About::Label, Some("hostward.owner"), "x"),
            (About::Resource, None, "x"),
            (About::Cluster, None, "x"),
        ] {
            let claim = claim(about, key, text);
            let claims = [claim];
            let judged = profile.judge(Action { operation: "container.create", claims: &claims });
            judged.expect_err(&format!("{name}: {claims:?}"));
        }
        for about in
            [About::Privileged, About::MaskedPaths, About::ReadonlyPaths, About::OomKill, About::BuildKit]
        {
            let claims = [Claim { about, place: String::new(), key: None, said: Said::Present }];
            profile.judge(Action { operation: "container.create", claims: &claims }).unwrap_err();
        }
    }
}

#[test]
fn presets_name_operations_that_there_are() {
    for (name, _) in PRESETS {
        for pattern in Profile::preset(name).unwrap().operations.iter() {
            let pattern = Pattern::new(pattern.as_str().trim_start_matches('!'));
            let found = crate::api::operations::all().any(|one| pattern.matches(one.name));
            assert!(found, "{name}: {pattern}");
        }
    }
}

/// A claim of a text.
fn claim(about: About, key: Option<&str>, text: &str) -> Claim {
    Claim { about, place: "Place".to_owned(), key: key.map(str::to_owned), said: Said::Text(text.to_owned()) }
}

/// Whether a profile of these lines allows a claim.
fn allows(toml: &str, claim: Claim) -> bool {
    let profile = Profile::parse(&format!("operations = ['*']\n{toml}")).unwrap();
    let operation = if claim.about == About::NetworkDriver { "network.create" } else { "container.create" };
    let claims = [claim];
    profile.judge(Action { operation, claims: &claims }).is_ok()
}

/// A profile's lines, and what they allow of texts.
fn holds(toml: &str, about: About, allowed: &[&str], refused: &[&str]) {
    for (texts, expected) in [(allowed, true), (refused, false)] {
        for text in texts {
            assert_eq!(allows(toml, claim(about, None, text)), expected, "{toml}: {about:?} {text:?}");
        }
    }
}

/// The same of pairs.
fn holds_pairs(toml: &str, about: About, allowed: &[(&str, &str)], refused: &[(&str, &str)]) {
    for (pairs, expected) in [(allowed, true), (refused, false)] {
        for (key, value) in pairs {
            assert_eq!(
                allows(toml, claim(about, Some(key), value)),
                expected,
                "{toml}: {about:?} {key}={value}"
            );
        }
    }
}

#[test]
fn capabilities_are_allowed_by_name_in_every_spelling() {
    let about = About::Capability;
    holds(
        "capabilities = ['NET_ADMIN', 'cap_sys_ptrace']",
        about,
        &["NET_ADMIN", "CAP_NET_ADMIN", "net_admin", "cap_Net_Admin", " NET_ADMIN ", "SYS_PTRACE"],
        &[
            "SYS_ADMIN",
            "cap_sys_admin",
            "ALL",
            "all",
            "CAP_ALL",
            "",
            "NET_ADMIN,SYS_ADMIN",
            "\u{17f}YS_PTRACE",
        ],
    );
    holds("capabilities = ['default']", about, &["CHOWN", "cap_net_raw"], &["SYS_ADMIN", "ALL", "default"]);
    // A star is each of them, and not the word for all.
    holds("capabilities = ['*']", about, &["SYS_ADMIN"], &["ALL"]);
    holds("capabilities = ['ALL']", about, &["all", "CAP_ALL"], &["SYS_ADMIN"]);
}

#[test]
fn security_options_have_two_spellings() {
    holds(
        "security_options = ['label=type:svirt_t', 'apparmor=docker-default']",
        About::SecurityOption,
        &[
            "label=type:svirt_t",
            "label:type:svirt_t",
            "apparmor:docker-default",
            "no-new-privileges",
            "no-new-privileges=true",
            "no-new-privileges:true",
        ],
        &[
            "seccomp=unconfined",
            "seccomp:unconfined",
            "apparmor=unconfined",
            "apparmor:unconfined",
            "label=disable",
            "label:disable",
            "disable",
            "systempaths=unconfined",
            "no-new-privileges=false",
            "unmask=ALL",
            "SECCOMP=unconfined",
            "seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
            "",
            "apparmor=docker-default=x",
        ],
    );
}

#[test]
fn namespaces_are_the_containers_own_or_listed() {
    for about in
        [About::PidMode, About::IpcMode, About::UtsMode, About::UserNamespace, About::CgroupNamespace]
    {
        holds(
            "",
            about,
            &["", "private"],
            &["host", "container:x", "ns:/proc/1/ns/pid", "Host", " host", "keep-id"],
        );
    }
    holds("", About::IpcMode, &["shareable", "none"], &["container:x"]);
    holds("", About::CgroupOf, &[""], &["container:x", "x"]);
    holds("namespaces = ['pid=host']", About::PidMode, &["host"], &["container:x", "HOST"]);
    holds("namespaces = ['pid=host']", About::IpcMode, &[], &["host"]);
    let own = "namespaces = ['container=own']";
    for about in [About::PidMode, About::IpcMode, About::NetworkMode, About::BuildNetwork, About::CgroupOf] {
        holds(own, about, &["container:x"], &["host", "container:", "ns:/x"]);
    }
    for wrong in [
        "namespaces = ['*']",
        "namespaces = ['pid=*']",
        "namespaces = ['disk=host']",
        "namespaces = ['host']",
    ] {
        Profile::parse(wrong).unwrap_err();
    }
}

#[test]
fn networks_are_joined_by_name() {
    let some = "networks = ['bridge', 'ci-*']\nnetworks_of = 'own'";
    for about in [About::NetworkMode, About::BuildNetwork] {
        holds(
            some,
            about,
            &["", "default", "bridge", "none", "ci-1"],
            &["host", "ci", "container:x", "ci-1/x", "ns:/x"],
        );
        holds("", about, &["none"], &["", "default", "bridge", "host", "x"]);
        // A star is every network that is one, and not what else the field may say.
        let all = "networks = ['*']\nnetworks_of = 'all'";
        holds(
            all,
            about,
            &["x"],
            &["host", "container:x", "ns:/proc/1/ns/net", "slirp4netns:port_handler=x"],
        );
        holds("networks = ['*']", about, &["bridge", "default"], &["x"]);
        holds("namespaces = ['network=host']", about, &["host"], &["x"]);
    }
    holds(some, About::Network, &["bridge", "default", "ci-1", "none"], &["host", "x"]);
}

#[test]
fn a_network_that_is_given_replaces_the_default_one_only() {
    let profile =
        Profile::parse("operations = ['*']\nnetwork = 'none'\nnetworks = ['x']\nnetworks_of = 'own'")
            .unwrap();
    let judge = |operation, claims: &[Claim]| profile.judge(Action { operation, claims });
    for mode in ["", "default"] {
        let claims = [claim(About::NetworkMode, None, mode)];
        let verdict = judge("container.create", &claims).unwrap();
        assert_eq!(verdict.amendments, [Amendment::new(&["HostConfig", "NetworkMode"], "\"none\"")]);
        // A build or an update has no place for it.
        judge("image.build", &[claim(About::BuildNetwork, None, mode)]).unwrap_err();
    }
    assert_eq!(judge("container.create", &[]).unwrap().amendments.len(), 1);
    let mut endpoint = claim(About::Network, None, "default");
    endpoint.place = "NetworkingConfig.EndpointsConfig[\"default\"]".to_owned();
    let claims = [claim(About::NetworkMode, None, "default"), endpoint];
    assert_eq!(judge("container.create", &claims).unwrap().amendments.len(), 2);
    assert_eq!(
        judge("container.create", &[claim(About::NetworkMode, None, "x")]).unwrap(),
        Verdict::default()
    );
    judge("container.create", &[claim(About::NetworkMode, None, "bridge")]).unwrap_err();
}

#[test]
fn volume_options_are_allowed_by_list() {
    let tmpfs = "volume_options = ['type=tmpfs', 'device=tmpfs', 'o=size=*', 'o=uid=*']";
    holds_pairs(
        tmpfs,
        About::VolumeOption,
        &[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=1g"), ("o", "size=1g,uid=1000")],
        &[
            ("type", "none"),
            ("type", "overlay"),
            ("type", "proc"),
            ("type", "sysfs"),
            ("type", "cgroup2"),
            ("type", "devtmpfs"),
            ("type", "nfs"),
            ("type", "ext4"),
            ("type", "TMPFS"),
            ("Type", "tmpfs"),
            ("device", "/"),
            ("device", "/dev/sda1"),
            ("device", "/proc/1/root"),
            ("o", "bind"),
            ("o", "rbind"),
            ("o", "bind,size=1g"),
            ("o", "size=1g,bind"),
            ("o", "size=1g, bind"),
            ("o", "size=1g,,bind"),
            ("o", "BIND"),
            ("o", "lowerdir=/etc,upperdir=/x,workdir=/y"),
            ("o", "addr=10.0.0.1"),
            ("O", "size=1g"),
            ("o=size", "1g"),
            ("", ""),
        ],
    );
    holds(
        "volumes = ['cache-*']",
        About::Volume,
        &["cache-1"],
        &["cache", "/cache-1", "cache-../x", "cache-/etc", ""],
    );
    holds("volumes = ['*']", About::Volume, &["x"], &["/etc", "../x", "a/b", ""]);
    holds(
        "volume_drivers = ['local']",
        About::VolumeDriver,
        &["local", ""],
        &["nfs", "Local", "local:latest"],
    );
    holds("mount_types = ['image']", About::MountType, &["image"], &["cluster", "npipe", "Image"]);
    holds(
        "tmpfs_options = ['size=*', 'noexec']",
        About::TmpfsOption,
        &["", "size=1g", "noexec,size=1g"],
        &["exec", "size=1g,exec"],
    );
}

#[test]
fn devices_are_allowed_by_their_paths() {
    holds(
        "devices = ['/dev/fuse', '/dev/dri/*']",
        About::Device,
        &["/dev/fuse", "/dev/dri/card0"],
        &[
            "/dev/sda",
            "/dev",
            "/dev/",
            "/dev/fuse/",
            "/dev/../dev/sda",
            "/dev/dri/../sda",
            "/dev/dri//x",
            "/dev/dri/./x",
            "fuse",
        ],
    );
    holds(
        "device_rules = ['c 1:3 rwm']",
        About::DeviceRule,
        &["c 1:3 rwm", " c  1:3\trwm"],
        &["a", "b 8:0 rwm", "c *:* rwm", ""],
    );
    holds("device_requests = ['nvidia']", About::DeviceRequest, &["nvidia"], &["cdi", "", "NVIDIA"]);
    holds("device_requests = ['gpu']", About::DeviceRequest, &[""], &["cdi"]);
    let cdi = "device_requests = ['cdi=vendor.example/gpu=*']";
    holds(cdi, About::DeviceRequest, &["cdi"], &["nvidia"]);
    let of = |id: &str| claim(About::DeviceRequest, Some(id), "cdi");
    assert!(allows(cdi, of("vendor.example/gpu=0")));
    assert!(!allows(cdi, of("vendor.example/disk=0")));
}

#[test]
fn sysctls_are_names_and_no_paths() {
    let net = "sysctls = ['net.*', 'kernel.shmmax=1*']";
    holds_pairs(
        net,
        About::Sysctl,
        &[("net.core.somaxconn", "1024"), ("kernel.shmmax", "1024")],
        &[
            ("kernel.core_pattern", "|/x"),
            ("kernel.shmmax", "2"),
            ("net/core/somaxconn", "1"),
            ("net./../kernel/core_pattern", "x"),
            ("net...kernel.core_pattern", "x"),
            ("net.", "x"),
            ("Net.core.somaxconn", "1"),
            ("", ""),
        ],
    );
    let of_endpoint = |value: &str| {
        allows(
            "sysctls = ['net.ipv4.*']",
            claim(About::Sysctl, Some("com.docker.network.endpoint.sysctls"), value),
        )
    };
    assert!(of_endpoint("net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.forwarding=0"));
    assert!(!of_endpoint("net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.forwarding=1"));
    assert!(!of_endpoint("net.ipv4.conf.IFNAME.log_martians"));
}

#[test]
fn labels_of_hostward_are_nobodys_to_write() {
    let all = "labels = ['*']";
    holds_pairs(
        all,
        About::Label,
        &[("role", "ci"), ("", "")],
        &[("hostward.owner", "x"), ("hostward.asked", "")],
    );
    holds_pairs("labels = ['a=b', 'c']", About::Label, &[("a", "b"), ("c", "x")], &[("a", "c"), ("d", "")]);
}

#[test]
fn images_and_registries_are_allowed_by_pattern() {
    let some =
        "images = ['python:3.*', 'registry.example/*']\nregistries = ['docker.io', 'registry.example']";
    holds(
        some,
        About::ImagePulled,
        &["python:3.11", "docker.io/library/python:3.11", "registry.example/a/b"],
        &[
            "python",
            "python:2",
            "evil.example/python:3.11",
            "registry.example:5000/x",
            "evil/python:3.11",
            "",
            "sha256:ab",
        ],
    );
    let other = "images = ['*']\nregistries = ['docker.io']\npushes = ['*']";
    for about in [About::ImagePulled, About::ImagePushed] {
        holds(
            other,
            about,
            &["busybox"],
            &["10.0.0.1:5000/x", "localhost/x", "localhost:2375/x", "Docker.io/x", "sha256:ab"],
        );
    }
    holds(other, About::Image, &["busybox", "sha256:ab", "cafe"], &["", "a b"]);
    let registries = "registries = ['docker.io', 'https://registry.example/v2/']";
    holds(
        registries,
        About::Registry,
        &["docker.io", "https://index.docker.io/v1/", "registry.example"],
        &[
            "http://169.254.169.254/",
            "evil.example",
            "docker.io@evil.example",
            "docker.io.evil.example",
            "registry.example:1",
        ],
    );
    holds(
        "image_names = ['ci/*']",
        About::ImageNamed,
        &["ci/app:1"],
        &["busybox", "evil.example/ci/app", "x"],
    );
    holds(
        "import_sources = ['https://files.example/*']",
        About::ImportSource,
        &["-", "https://files.example/a"],
        &["http://files.example/a", "file:///etc"],
    );
}

#[test]
fn names_in_an_archive_are_any_names() {
    let load = |toml: &str| {
        let claim =
            Claim { about: About::ImageNamed, place: "image.load".into(), key: None, said: Said::Present };
        allows(toml, claim)
    };
    assert!(load("image_names = ['*']\nimage_names_of = 'all'"));
    assert!(!load("image_names = ['*']\nimage_names_of = 'own'"));
    assert!(!load("image_names = ['ci/*']\nimage_names_of = 'all'"));
}

#[test]
fn lists_of_texts_are_to_the_letter() {
    for (toml, about, allowed, refused) in [
        (
            "cgroup_parents = ['ci.slice']",
            About::CgroupParent,
            &["ci.slice", ""][..],
            &["/", "/ci.slice", "system.slice"][..],
        ),
        ("runtimes = ['runsc']", About::Runtime, &["runsc", ""], &["runc", "/usr/bin/x", "io.containerd.x"]),
        ("", About::Isolation, &["", "default"], &["process", "hyperv"]),
        ("container_names = ['ci-*']", About::ContainerName, &["ci-1"], &["web"]),
        ("users = ['1000*']", About::User, &["", "1000", "1000:1000"], &["root", "0"]),
        ("groups = ['1000']", About::Group, &["1000"], &["0", "docker"]),
        ("restart_policies = ['on-failure']", About::RestartPolicy, &["no", "", "on-failure"], &["always"]),
        ("log_drivers = ['json-file']", About::LogDriver, &["json-file", ""], &["syslog", "fluentd", "gelf"]),
        ("extra_hosts = ['*:host-gateway']", About::ExtraHost, &["a:host-gateway"], &["a:10.0.0.1"]),
        ("dns = ['10.*']", About::Dns, &["10.0.0.53"], &["8.8.8.8"]),
        (
            "mac_addresses = ['02:42:*']",
            About::MacAddress,
            &["02:42:ac:11:00:02", ""],
            &["00:00:00:00:00:00"],
        ),
        (
            "build_remotes = ['https://git.example/*']",
            About::BuildRemote,
            &["", "https://git.example/a"],
            &["http://10.0.0.1/"],
        ),
        (
            "network_drivers = ['bridge']",
            About::NetworkDriver,
            &["bridge", "", "default"],
            &["macvlan", "ipvlan", "host", "overlay"],
        ),
        ("", About::NetworkDriver, &[], &["bridge", ""]),
        ("static_addresses = ['172.16.0.0/12']", About::StaticAddress, &["172.20.0.5"], &["10.0.0.1", "x"]),
    ] {
        holds(toml, about, allowed, refused);
    }
    holds_pairs(
        "log_options = ['max-size', 'tag=ci-*']",
        About::LogOption,
        &[("max-size", "10m"), ("tag", "ci-1")],
        &[("syslog-address", "unix:///x"), ("tag", "x"), ("fluentd-address", "10.0.0.1"), ("Max-size", "1")],
    );
    holds_pairs(
        "network_options = ['com.docker.network.driver.mtu']",
        About::NetworkOption,
        &[("com.docker.network.driver.mtu", "1400")],
        &[("com.docker.network.bridge.name", "docker0"), ("parent", "eth0")],
    );
}

#[test]
fn addresses_of_a_network_are_within_the_blocks() {
    let blocks = "network_addresses = ['172.16.0.0/12']";
    let of = |place: &str, text: &str| {
        let claim = Claim { place: place.to_owned(), ..claim(About::NetworkAddresses, None, text) };
        allows(blocks, claim)
    };
    for (place, text, allowed) in [
        ("IPAM.Config[0].Subnet", "172.28.0.0/16", true),
        ("IPAM.Config[0].Gateway", "172.28.0.1", true),
        ("IPAM.Config[0].Subnet", "10.0.0.0/8", false),
        ("IPAM.Config[0].Subnet", "8.8.8.8/32", false),
        ("IPAM.Config[0].Subnet", "172.16.0.0/11", false),
        ("IPAM.Driver", "default", true),
        ("IPAM.Driver", "", true),
        ("IPAM.Driver", "dhcp", false),
        ("IPAM.Config[0].Subnet", "default", false),
    ] {
        assert_eq!(of(place, text), allowed, "{place} {text}");
    }
}

#[test]
fn networks_of_special_kinds_are_named_by_their_field() {
    let of = |toml: &str, place: &str, said: Said| {
        allows(toml, Claim { about: About::NetworkKind, place: place.to_owned(), key: None, said })
    };
    assert!(of("", "Scope", Said::Text("local".into())));
    assert!(!of("", "Scope", Said::Text("swarm".into())));
    assert!(!of("", "Attachable", Said::Flag(true)));
    assert!(of("network_kinds = ['Attachable']", "Attachable", Said::Flag(true)));
    assert!(!of("network_kinds = ['Attachable']", "Ingress", Said::Flag(true)));
    assert!(!of("network_kinds = ['Network']", "ConfigFrom.Network", Said::Text("x".into())));
    assert!(of("network_kinds = ['ConfigFrom']", "ConfigFrom.Network", Said::Text("x".into())));
}

#[test]
fn publishing_needs_the_address_and_the_port() {
    let local = "ports = ['127.0.0.1:1024-65535', '127.0.0.1:0']";
    holds(
        local,
        About::Port,
        &["127.0.0.1:8080/tcp", "127.0.0.1:/udp"],
        &[":8080/tcp", "0.0.0.0:8080/tcp", "127.0.0.1:80/tcp", "x"],
    );
    let all = |toml: &str, said| {
        allows(toml, Claim { about: About::PublishAll, place: String::new(), key: None, said })
    };
    assert!(all("", Said::Flag(false)));
    assert!(!all(local, Said::Flag(true)));
    assert!(all("ports = ['*:0']", Said::Flag(true)));
}

#[test]
fn switches_are_on_where_the_profile_says_so() {
    for (toml, about) in [
        ("privileged = true", About::Privileged),
        ("system_paths = true", About::MaskedPaths),
        ("system_paths = true", About::ReadonlyPaths),
        ("oom_kill_disable = true", About::OomKill),
        ("volumes_from = true", About::VolumesFrom),
        ("links = true", About::Link),
        ("anonymous_volumes = true", About::AnonymousVolume),
        ("containers_of = 'own'", About::Container),
        ("containers_of = 'all'", About::Exec),
    ] {
        let claim = || Claim { about, place: String::new(), key: None, said: Said::Present };
        assert!(allows(toml, claim()), "{toml}");
        assert!(
            !allows(&toml.replace("true", "false").replace("own", "none").replace("all", "none"), claim()),
            "{toml}"
        );
    }
}

/// A claim of a number.
fn number(about: About, place: &str, number: i64) -> Claim {
    Claim { about, place: place.to_owned(), key: None, said: Said::Number(number) }
}

#[test]
fn numbers_have_a_most() {
    let gib = 1_i64 << 30;
    for (toml, about, place, allowed, refused) in [
        (
            "memory = '2g'",
            About::Memory,
            "HostConfig.Memory",
            &[0, gib, 2 * gib][..],
            &[2 * gib + 1, -1, i64::MAX][..],
        ),
        ("memory = 'any'", About::Memory, "HostConfig.Memory", &[gib, -1, i64::MAX], &[]),
        ("", About::Memory, "HostConfig.Memory", &[0], &[1, -1]),
        ("memory_swap = '2g'", About::MemorySwap, "HostConfig.MemorySwap", &[0, gib], &[-1, 3 * gib]),
        ("cpus = 1.5", About::Cpus, "HostConfig.NanoCpus", &[1_500_000_000], &[1_500_000_001, -1]),
        ("cpus = 1.5", About::Cpus, "HostConfig.CpuQuota", &[150_000], &[150_001, -1]),
        ("cpus = 1.5", About::Cpus, "HostConfig.CpuPeriod", &[1000, 0], &[]),
        ("pids = 100", About::Pids, "HostConfig.PidsLimit", &[100, 0], &[101, -1]),
        ("shared_memory = '64m'", About::SharedMemory, "HostConfig.ShmSize", &[64 << 20], &[65 << 20]),
        ("oom_score = 0", About::OomScore, "HostConfig.OomScoreAdj", &[0, 500], &[-1]),
        ("", About::OomScore, "HostConfig.OomScoreAdj", &[0], &[500, -1]),
        ("resources = ['CpuShares']", About::Resource, "HostConfig.CpuShares", &[0, 5], &[]),
        ("resources = ['CpuShares']", About::Resource, "the query's cpushares", &[5], &[]),
        ("resources = ['CpuShares']", About::Resource, "HostConfig.BlkioDeviceReadBps[0].Rate", &[0], &[5]),
        ("resources = ['BlkioDevice*']", About::Resource, "HostConfig.BlkioDeviceReadBps[0].Rate", &[5], &[]),
    ] {
        for (numbers, expected) in [(allowed, true), (refused, false)] {
            for asked in numbers {
                assert_eq!(allows(toml, number(about, place, *asked)), expected, "{toml}: {place} {asked}");
            }
        }
    }
    holds_pairs(
        "storage = '10g'",
        About::StorageOption,
        &[("size", "10G"), ("size", "5gb")],
        &[("size", "11g"), ("size", "x"), ("dm.x", "1")],
    );
    let ulimit = |name: &str| Claim {
        key: Some(name.to_owned()),
        ..number(About::Ulimit, "HostConfig.Ulimits[0]", 5)
    };
    assert!(allows("ulimits = ['nofile']", ulimit("nofile")));
    assert!(!allows("ulimits = ['nofile']", ulimit("rtprio")));
}

#[test]
fn a_quota_is_of_its_period() {
    let profile = Profile::parse("operations = ['*']\ncpus = 2").unwrap();
    let judge = |operation, claims: &[Claim]| profile.judge(Action { operation, claims }).is_ok();
    let quota = |value| number(About::Cpus, "HostConfig.CpuQuota", value);
    let period = |value| number(About::Cpus, "HostConfig.CpuPeriod", value);
    assert!(judge("container.create", &[quota(20_000), period(10_000)]));
    assert!(!judge("container.create", &[quota(20_001), period(10_000)]));
    assert!(!judge("container.create", &[period(1000), quota(100_000)]));
    // The quota that the container has would be of the new period.
    assert!(!judge("container.update", &[period(1000)]));
    assert!(judge("container.update", &[period(10_000), quota(10_000)]));
}

#[test]
fn an_update_cannot_take_limits_away() {
    let profile = Profile::parse("operations = ['*']\nmemory = '1g'\npids = 100").unwrap();
    let judge =
        |claim: Claim| profile.judge(Action { operation: "container.update", claims: &[claim] }).is_ok();
    assert!(!judge(number(About::Pids, "PidsLimit", 0)));
    assert!(!judge(number(About::Pids, "PidsLimit", -1)));
    assert!(!judge(number(About::Memory, "Memory", -1)));
    assert!(!judge(number(About::Memory, "Memory", 2 << 30)));
    assert!(judge(number(About::Memory, "Memory", 1 << 20)));
}

#[test]
fn what_a_request_leaves_out_is_written_into_it() {
    let amended = |toml: &str, claims: &[Claim]| {
        let profile = Profile::parse(&format!("operations = ['*']\n{toml}")).unwrap();
        let verdict = profile.judge(Action { operation: "container.create", claims });
        verdict.map(|verdict| verdict.amendments).map_err(|denial| denial.rule)
    };
    let memory = |json: &str| Amendment::new(&["HostConfig", "Memory"], json);
    let asked = [number(About::Memory, "HostConfig.Memory", 1000)];
    assert_eq!(amended("memory = { default = 500, most = '1g' }", &[]), Ok(vec![memory("500")]));
    assert_eq!(amended("memory = { default = 500, most = '1g' }", &asked), Ok(vec![]));
    assert_eq!(amended("memory = 5000", &[]), Ok(vec![memory("5000")]));
    assert_eq!(amended("memory = 'any'", &[]), Ok(vec![]));
    assert_eq!(amended("memory = { most = '1g', required = true }", &[]), Err("memory"));
    assert_eq!(amended("memory = { most = '1g', required = true }", &asked), Ok(vec![]));
    assert_eq!(amended("shared_memory = '1g'\nmemory_swap = '1g'\nstorage = '1g'", &[]), Ok(vec![]));
    assert_eq!(
        amended("cpus = 1.5\npids = 100\nread_only_root = true", &[]),
        Ok(vec![
            Amendment::new(&["HostConfig", "NanoCpus"], 1_500_000_000),
            Amendment::new(&["HostConfig", "PidsLimit"], 100),
            Amendment::new(&["HostConfig", "ReadonlyRootfs"], true),
        ])
    );
    let storage = Amendment::new(&["HostConfig", "StorageOpt"], "{\"size\":\"1000\"}");
    assert_eq!(amended("storage = { default = 1000 }", &[]), Ok(vec![storage]));
    // A quota is a number of processors too.
    assert_eq!(amended("cpus = 2", &[number(About::Cpus, "HostConfig.CpuQuota", 1000)]), Ok(vec![]));
    // Nothing is written into other requests.
    let profile = Profile::parse("operations = ['*']\nmemory = 5000\nread_only_root = true").unwrap();
    assert_eq!(profile.judge(Action { operation: "container.start", claims: &[] }), Ok(Verdict::default()));
}

#[test]
fn buildkit_is_refused_with_the_way_that_is_there() {
    let profile = Profile::preset("ci").unwrap();
    for operation in ["buildkit.session", "buildkit.grpc"] {
        let denial = profile.judge(Action { operation, claims: &[] }).unwrap_err();
        assert_eq!(denial.rule, "buildkit");
        assert!(denial.remedy.contains("DOCKER_BUILDKIT=0"));
    }
    let build = |claim: Claim| profile.judge(Action { operation: "image.build", claims: &[claim] });
    build(Claim { place: "the query's version".into(), ..claim(About::BuildKit, None, "1") }).unwrap();
    build(Claim { place: "the query's version".into(), ..claim(About::BuildKit, None, "2") }).unwrap_err();
    build(Claim { place: "the query's session".into(), ..claim(About::BuildKit, None, "1") }).unwrap_err();
}

#[test]
fn everyday_work_passes_under_ci() {
    let profile = Profile::preset("ci").unwrap();
    for (operation, about, key, text) in [
        ("container.create", About::Image, None, "testcontainers/ryuk:0.8.1"),
        ("container.create", About::Label, Some("org.testcontainers"), "true"),
        ("container.create", About::NetworkMode, None, "default"),
        ("container.create", About::NetworkMode, None, "shop_default"),
        ("container.create", About::Network, None, "shop_default"),
        ("container.create", About::Port, None, ":/tcp"),
        ("container.create", About::Port, None, ":8080/tcp"),
        ("container.create", About::ExtraHost, None, "host.docker.internal:host-gateway"),
        ("container.create", About::RestartPolicy, None, "unless-stopped"),
        ("container.create", About::Capability, None, "SYS_PTRACE"),
        ("container.create", About::ContainerName, None, "shop-web-1"),
        ("container.create", About::Volume, None, "shop_data"),
        ("container.create", About::TmpfsOption, Some("/tmp"), "rw,size=64m"),
        ("network.create", About::NetworkDriver, None, "bridge"),
        ("network.create", About::Network, None, "shop_default"),
        ("volume.create", About::VolumeDriver, None, "local"),
        ("image.pull", About::ImagePulled, None, "postgres:16-alpine"),
        ("image.build", About::ImageNamed, None, "shop-web:latest"),
        ("image.build", About::BuildNetwork, None, "default"),
        ("image.tag", About::ImageNamed, None, "app:1"),
        ("exec.create", About::Container, None, "shop-web-1"),
        ("exec.start", About::Exec, None, "ab"),
    ] {
        let claims = [claim(about, key, text)];
        if let Err(denial) = profile.judge(Action { operation, claims: &claims }) {
            panic!("{operation} {about:?} {text}: {denial}");
        }
    }
    assert_eq!(profile.judge(Action { operation: "container.create", claims: &[] }), Ok(Verdict::default()));
}

#[test]
fn executors_containers_are_bounded_and_without_a_network() {
    let profile = Profile::preset("executor").unwrap();
    let verdict = profile.judge(Action { operation: "container.create", claims: &[] }).unwrap();
    let names: Vec<_> = verdict.amendments.iter().filter_map(|one| one.names.last().copied()).collect();
    assert_eq!(names, ["Memory", "NanoCpus", "PidsLimit", "NetworkMode", "ReadonlyRootfs"]);
    for (about, text) in
        [(About::Port, ":80/tcp"), (About::NetworkMode, "bridge"), (About::ImagePulled, "busybox")]
    {
        let claims = [claim(about, None, text)];
        profile.judge(Action { operation: "container.create", claims: &claims }).unwrap_err();
    }
}

#[test]
fn observers_change_nothing() {
    let profile = Profile::preset("observer").unwrap();
    assert!(!profile.show_environment && !profile.show_host_paths);
    for operation in [
        "container.create",
        "container.start",
        "exec.create",
        "container.archive.get",
        "container.export",
        "container.remove",
        "image.pull",
        "image.save",
        "volume.remove",
        "network.connect",
        "container.attach",
    ] {
        profile.judge(Action { operation, claims: &[] }).unwrap_err();
    }
    let claims = [claim(About::Container, None, "web")];
    profile.judge(Action { operation: "container.inspect", claims: &claims }).unwrap();
}

#[test]
fn a_profile_is_written_as_it_is_read() {
    for (name, text) in PRESETS {
        let profile = Profile::preset(name).unwrap();
        assert_eq!(profile.name, name);
        assert_eq!(Profile::parse(&profile.to_toml()).unwrap(), profile, "{name}");
        assert!(text.lines().count() <= 70, "{name} is longer than a screen");
    }
    let all = KEYS.iter().filter(|key| !key.is_preset());
    let lines: Vec<_> = all.map(|key| format!("{} = {}", key.name, key.example)).collect();
    let text = lines.join("\n");
    let profile = Profile::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(Profile::parse(&profile.to_toml()).unwrap(), profile);
    // Nothing is left out but what says nothing.
    for key in KEYS.iter().filter(|key| !key.is_preset()) {
        let says_nothing = ["false", "[]", "\"enforce\""].contains(&key.example);
        assert_eq!(key.written(&profile).is_none(), says_nothing, "{}", key.name);
    }
}

#[test]
fn a_wrong_value_is_told() {
    for (text, why) in [
        ("colour = 1", "a profile has no setting `colour`"),
        ("privileged = 'yes'", "privileged: \"yes\" is not true or false"),
        ("preset = 'root'", "unknown preset \"root\""),
        ("memory = '2x'", "memory: \"2x\" is not a number of bytes"),
        ("memory = { default = '2g', most = '1g' }", "memory: `default` is more than `most`"),
        ("memory = { least = 1 }", "memory: unknown `least`"),
        ("roots = ['app']", "roots: \"app\" is not an absolute path"),
        ("roots = '/app'", "roots: \"/app\" is not a list of directories"),
        ("ports = ['80']", "ports: \"80\" is not ADDRESS:PORTS"),
        ("for = ['runner']", "for: \"runner\" names no callers"),
        ("mode = 'log'", "mode: \"log\" is not \"enforce\" or \"warn\""),
        ("capabilities = ['NET ADMIN']", "capabilities: \"NET ADMIN\" is no capability"),
        ("namespaces = ['pid=*']", "namespaces: \"pid=*\" is no namespace"),
        ("images = [1]", "images: 1 is not text"),
        ("devices = ['/dev/../x']", "devices: \"/dev/../x\" must not contain"),
        ("network_addresses = ['10/8']", "network_addresses: \"10/8\" is no block"),
    ] {
        let error = Profile::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
    }
    assert!(named("memory").is_some() && named("Memory").is_none());
}

#[test]
fn keys_of_a_profile_replace_those_of_its_preset() {
    let profile =
        Profile::parse("name = 'mine'\npreset = 'ci'\nroots = ['/app']\ncapabilities = []").unwrap();
    assert_eq!((profile.name.as_str(), profile.roots.len()), ("mine", 1));
    assert!(profile.capabilities.is_empty() && profile.volumes_from);
}
