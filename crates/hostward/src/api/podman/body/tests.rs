//! Bodies that Podman reads as the API says, and those that it does not.

use super::*;

fn check(endpoint: Endpoint, body: &[u8]) -> Result<(), BodyError> {
    super::check(endpoint, Value::of(body)?, &Objects::default())
}

fn holds(body: &str) -> bool {
    check(Endpoint::ContainerCreate, body.as_bytes()).is_ok()
}

#[test]
fn what_podman_reads_as_the_api_says_is_let_through() {
    assert!(holds(
        r#"{"Volumes":{"/t":{}},"HostConfig":{"Binds":["/a,b:/t","v:/x","v:/y:O"],"Mounts":[null,
            {"Type":"bind","Source":"/a b","Target":"/t","BindOptions":{"Propagation":"rprivate"}},
            {"Type":"volume","Source":"v","Target":"/v"},{"Type":"volume","Target":"/w"},{"Type":"tmpfs","Target":"/m"}],
            "NetworkMode":"container:/web","PidMode":"","IpcMode":"shareable","UTSMode":"host","UsernsMode":"keep-id",
            "CgroupnsMode":"private","ContainerIDFile":"","Annotations":{"a.b/c":"/d"},
            "SecurityOpt":["no-new-privileges","seccomp=unconfined","label=disable","apparmor=unconfined","unmask=/proc/x",
                "seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\"}"],
            "LogConfig":{"Type":"json-file","Config":{"max-size":"1m","tag":"a/b","path":""}},
            "Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/fuse","CgroupPermissions":"rwm"}],
            "DeviceRequests":[{"Driver":"cdi","DeviceIDs":["v.com/gpu=all"]},{"Driver":"","DeviceIDs":["0"]}],
            "BlkioDeviceReadBps":[{"Path":"/dev/sda","Rate":1}]}}"#
    ));
    assert!(holds("{}") && holds(r#"{"HostConfig":null}"#));
    assert!(check(Endpoint::VolumeCreate, br#"{"Volumes":{"/etc:/t":{}}}"#).is_ok());
}

#[test]
fn its_own_ways_to_the_machine_are_shut() {
    for body in [
        r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a,src=/etc","Target":"/t"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Target":"/t,src=/etc"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"bind,src=/etc","Target":"/t"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Target":"/t"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Target":"/t","BindOptions":{"Propagation":"rprivate,src=/etc"}}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a\u002csrc=/etc","Target":"/t"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"../etc","Target":"/t"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"/etc","Target":"/t"}]}}"#,
        r#"{"HostConfig":{"Binds":["../../etc:/t"]}}"#,
        r#"{"hostconfig":{"binds":[".:/t"]}}"#,
        r#"{"Volumes":{"/etc:/t":{}}}"#,
        r#"{"HostConfig":{"Binds":["v:/t:O,upperdir=/etc,workdir=/srv"]}}"#,
    ] {
        assert!(!holds(body), "{body}");
    }
}

#[test]
fn fields_that_are_files_to_podman_alone_are_refused_by_their_names() {
    assert!(!holds(r#"{"Image":"containers-storage:[vfs@/srv/a+/srv/b]busybox"}"#));
    assert!(holds(r#"{"Image":"localhost:5000/dir:latest"}"#));
    for (field, named) in [
        (r#""SecurityOpt":["seccomp=/etc/p.json"]"#, "SecurityOpt[0]"),
        (r#""SecurityOpt":[null,"seccomp:/etc/p.json"]"#, "SecurityOpt[1]"),
        (r#""SecurityOpt":["seccomp=p.json"]"#, "SecurityOpt[0]"),
        (r#""SecurityOpt":["seccomp={/../p.json"]"#, "SecurityOpt[0]"),
        (r#""securityopt":["\u0073eccomp=\/etc\/p.json"]"#, "SecurityOpt[0]"),
        (r#""LogConfig":{"Type":"k8s-file","Config":{"path":"/srv/log"}}"#, "LogConfig.Config[\"path\"]"),
        (r#""LogConfig":{"Config":{"PATH":"log"}}"#, "LogConfig.Config[\"PATH\"]"),
        (r#""LogConfig":{"Config":{"path=/srv/log":""}}"#, "LogConfig.Config[\"path=/srv/log\"]"),
        (r#""NetworkMode":"ns:/proc/1/ns/net""#, "NetworkMode"),
        (r#""NetworkMode":"pasta:--pcap,/srv/p""#, "NetworkMode"),
        (r#""PidMode":"ns:/proc/1/ns/pid""#, "PidMode"),
        (r#""IpcMode":"ns:ipc""#, "IpcMode"),
        (r#""UTSMode":"ns:/proc/1/ns/uts""#, "UTSMode"),
        (r#""UsernsMode":"ns:/proc/1/ns/user""#, "UsernsMode"),
        (r#""CgroupnsMode":"ns:/proc/1/ns/cgroup""#, "CgroupnsMode"),
        (r#""Devices":[{"PathOnHost":"../dev/sda"}]"#, "Devices[0].PathOnHost"),
        (r#""Devices":[{"PathOnHost":"/a:/dev/sda"}]"#, "Devices[0].PathOnHost"),
        (r#""BlkioDeviceReadBps":[{"Path":"dev/sda","Rate":1}]"#, "BlkioDeviceReadBps[0].Path"),
        (r#""DeviceRequests":[{"Driver":"cdi","DeviceIDs":["v/c=d","/dev/sda"]}]"#, "DeviceRequests[0]"),
        (r#""ContainerIDFile":"/srv/id""#, "ContainerIDFile"),
        (r#""Annotations":{"run.oci.hooks.stdout":"/srv/out"}"#, "Annotations[\"run.oci"),
    ] {
        let body = format!(r#"{{"HostConfig":{{{field}}}}}"#);
        let error = check(Endpoint::ContainerCreate, body.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(named), "{field}: {error}");
    }
}

#[test]
fn a_volume_is_a_bind_by_what_the_table_sees_or_no_file_on_the_host() {
    let holds = |options: &str| {
        check(Endpoint::VolumeCreate, format!(r#"{{"Name":"v","DriverOpts":{options}}}"#).as_bytes()).is_ok()
    };
    for options in [
        "null",
        "{}",
        r#"{"type":"none","o":"ro,bind","device":"/srv"}"#,
        r#"{"type":"bind","o":"rbind","device":"/srv"}"#,
        r#"{"type":"tmpfs","device":"tmpfs","o":"size=1m"}"#,
        r#"{"type":"nfs","device":":/export","o":"addr=10.0.0.1"}"#,
        r#"{"type":"nfs4","device":"server:/export"}"#,
        r#"{"type":"cifs","device":"//server/share"}"#,
    ] {
        assert!(holds(options), "{options}");
    }
    for options in [
        r#"{"type":"bind","device":"/etc"}"#,
        r#"{"type":"none","device":"/etc","type":"bind"}"#,
        r#"{"o":"bind","device":"--source=/etc"}"#,
        r#"{"o":"bind","device":"etc"}"#,
        r#"{"o":"ro","device":"/srv/image.ext4"}"#,
        r#"{"type":"ext4","device":"/dev/sda1"}"#,
        r#"{"type":"ext4","device":"LABEL=a:b"}"#,
        r#"{"type":"ext4","device":"UUID=1"}"#,
        r#"{"type":"none","device":"--types=none:/x"}"#,
        r#"{"type":"none","device":"//etc"}"#,
    ] {
        assert!(!holds(options), "{options}");
    }
    let images = |image: &str| {
        let body = format!(r#"{{"Driver":"image","DriverOpts":{{"image":"{image}"}}}}"#);
        check(Endpoint::VolumeCreate, body.as_bytes()).is_ok()
    };
    assert!(images("docker.io/library/busybox:latest") && !images("containers-storage:[vfs@/a+/b]x"));
    let others = br#"{"Driver":"rclone","DriverOpts":{"type":"bind","device":"/etc"}}"#;
    assert!(check(Endpoint::VolumeCreate, others).is_ok());
}

#[test]
fn depth_costs_no_stack_and_hides_nothing() {
    let mount = |deep: &str| {
        let (open, close) = ("[".repeat(9_990), "]".repeat(9_990));
        let deep = format!(r#"{{"Type":"tmpfs","Target":"/t","x":{open}{deep}{close}}}"#);
        holds(&format!(r#"{{"HostConfig":{{"Mounts":[{deep}]}}}}"#))
    };
    assert!(mount("") && mount(r#""a\\b\t\u00e9""#) && mount("1,2"));
    for text in [r#""a,b""#, r#""a\u002Cb""#, r#""a\"b""#, r#""a\nb""#, r#""a\u000db""#, r#""\\\u0022""#] {
        assert!(!mount(text), "{text}");
    }
}
