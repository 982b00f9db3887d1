use super::*;
use crate::api::operations;
use proptest::prelude::*;

/// What a request asks for, a text each: `About key place = said`.
fn asked(line: &str, body: &str) -> Result<Vec<String>, (u16, String)> {
    let told = |claim: Claim| {
        let key = claim.key.map(|key| format!(" {key}")).unwrap_or_default();
        let said = match claim.said {
            Said::Text(text) => text,
            Said::Flag(flag) => flag.to_string(),
            Said::Number(number) => number.to_string(),
            Said::Present => "present".to_owned(),
        };
        format!("{:?}{key} {} = {said}", claim.about, claim.place)
    };
    let (method, target) = line.split_once(' ').unwrap();
    let found = operations::find(method.as_bytes(), target.as_bytes()).unwrap();
    let body = Some(body.as_bytes());
    let claims = read(&found, target.as_bytes(), Some(b"application/json"), body);
    claims
        .map(|claims| claims.into_iter().map(told).collect())
        .map_err(|error| (error.status(), error.to_string()))
}

fn created(body: &str) -> Result<Vec<String>, (u16, String)> {
    asked("POST /containers/create", body)
}

fn status(line: &str, body: &str) -> u16 {
    asked(line, body).map_or_else(|(status, _)| status, |_| 200)
}

#[test]
fn a_container_asks_for_what_its_host_part_says() {
    let body = r#"{
        "Image": "python:3.11", "User": "1000", "Labels": {"a": "b", "c": null}, "Env": ["A=b"], "Cmd": "sh",
        "Volumes": {"/data": {}}, "ExposedPorts": {"80/tcp": {}}, "StopTimeout": null,
        "HostConfig": {
            "Privileged": true, "CapAdd": ["NET_ADMIN", null], "Memory": 1024, "MemorySwap": 0, "PidsLimit": 0,
            "NetworkMode": "host", "PidMode": "", "OomKillDisable": false, "MaskedPaths": [], "ReadonlyPaths": null,
            "Sysctls": {"net.core.somaxconn": "1"}, "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}],
            "LogConfig": {"Type": "syslog", "Config": {"syslog-address": "udp://a"}},
            "Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse"}],
            "DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"], "Capabilities": [["gpu"]]}],
            "BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 5}],
            "VolumesFrom": ["other:ro"], "Links": ["db:database"], "CpusetCpus": "0", "MemorySwappiness": -1
        },
        "NetworkingConfig": {"EndpointsConfig": {"net": {
            "IPAMConfig": {"IPv4Address": "10.0.0.2"}, "Aliases": ["a"], "MacAddress": "02:42:00:00:00:01",
            "DriverOpts": {"com.docker.network.endpoint.sysctls": "net.ipv4.a=1,net.ipv4.b=2", "x": "y"}
        }}}
    }"#;
    assert_eq!(
        asked("POST /v1.41/containers/create?name=web&platform=linux%2Famd64", body).unwrap(),
        [
            "ContainerName the query's name = web",
            "Image Image = python:3.11",
            "User User = 1000",
            r#"Label a Labels["a"] = b"#,
            r#"Label c Labels["c"] = "#,
            r#"AnonymousVolume Volumes["/data"] = /data"#,
            "Privileged HostConfig.Privileged = true",
            "Capability HostConfig.CapAdd[0] = NET_ADMIN",
            "Capability HostConfig.CapAdd[1] = ",
            "Memory HostConfig.Memory = 1024",
            "Pids HostConfig.PidsLimit = 0",
            "NetworkMode HostConfig.NetworkMode = host",
            "MaskedPaths HostConfig.MaskedPaths = present",
            r#"Sysctl net.core.somaxconn HostConfig.Sysctls["net.core.somaxconn"] = 1"#,
            "Ulimit nofile HostConfig.Ulimits[0] = 2",
            "LogDriver HostConfig.LogConfig.Type = syslog",
            r#"LogOption syslog-address HostConfig.LogConfig.Config["syslog-address"] = udp://a"#,
            "Device HostConfig.Devices[0].PathOnHost = /dev/fuse",
            "DeviceRequest HostConfig.DeviceRequests[0] = cdi",
            "DeviceRequest nvidia.com/gpu=0 HostConfig.DeviceRequests[0].DeviceIDs[0] = cdi",
            "Resource HostConfig.BlkioDeviceReadBps[0].Rate = 5",
            "VolumesFrom HostConfig.VolumesFrom[0] = other",
            "Link HostConfig.Links[0] = db",
            "Resource HostConfig.CpusetCpus = 0",
            r#"Network NetworkingConfig.EndpointsConfig["net"] = net"#,
            r#"StaticAddress net NetworkingConfig.EndpointsConfig["net"].IPAMConfig.IPv4Address = 10.0.0.2"#,
            r#"MacAddress net NetworkingConfig.EndpointsConfig["net"].MacAddress = 02:42:00:00:00:01"#,
            r#"Sysctl net.ipv4.a NetworkingConfig.EndpointsConfig["net"].DriverOpts["com.docker.network.endpoint.sysctls"] = 1"#,
            r#"Sysctl net.ipv4.b NetworkingConfig.EndpointsConfig["net"].DriverOpts["com.docker.network.endpoint.sysctls"] = 2"#,
            r#"NetworkOption x NetworkingConfig.EndpointsConfig["net"].DriverOpts["x"] = y"#,
        ]
    );
}

#[test]
fn mounts_that_are_no_paths_are_claims() {
    let body = r#"{"HostConfig": {
        "Binds": ["/app:/a:ro", "data:/b", "/c"],
        "VolumeDriver": "local",
        "Tmpfs": {"/t": "size=1m"},
        "Mounts": [
            {"Type": "bind", "Source": "/app", "Target": "/a", "BindOptions": {"Propagation": "rshared"}},
            {"Type": "volume", "Source": "v", "Target": "/v", "VolumeOptions": {
                "Labels": {"l": "1"}, "Subpath": "s", "DriverConfig": {"Name": "local", "Options": {"o": "bind"}}}},
            {"Type": "volume", "Target": "/w"},
            {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 5, "Mode": 511, "Options": [["noexec"], ["size", "1"]]}},
            {"Type": "image", "Source": "alpine", "Target": "/i"},
            {"Type": "npipe", "Source": "x", "Target": "/n"}
        ]
    }}"#;
    assert_eq!(
        created(body).unwrap(),
        [
            "Volume HostConfig.Binds[1] = data",
            "AnonymousVolume HostConfig.Binds[2] = /c",
            "VolumeDriver HostConfig.VolumeDriver = local",
            r#"TmpfsOption /t HostConfig.Tmpfs["/t"] = size=1m"#,
            r#"Label l HostConfig.Mounts[1].VolumeOptions.Labels["l"] = 1"#,
            "VolumeDriver HostConfig.Mounts[1].VolumeOptions.DriverConfig.Name = local",
            r#"VolumeOption o HostConfig.Mounts[1].VolumeOptions.DriverConfig.Options["o"] = bind"#,
            "Volume HostConfig.Mounts[1].Source = v",
            "AnonymousVolume HostConfig.Mounts[2] = /w",
            "TmpfsOption HostConfig.Mounts[3].TmpfsOptions.SizeBytes = 5",
            "TmpfsOption HostConfig.Mounts[3].TmpfsOptions.Options[0] = noexec",
            "TmpfsOption HostConfig.Mounts[3].TmpfsOptions.Options[1] = size=1",
            "Image HostConfig.Mounts[4].Source = alpine",
            "MountType HostConfig.Mounts[4].Type = image",
            "MountType HostConfig.Mounts[5].Type = npipe",
        ]
    );
    for mount in [
        r#""Binds": ["../x:/a"]"#,
        r#""Binds": ["~/x:/a"]"#,
        r#""Binds": ["\\x:/a"]"#,
        r#""Binds": ["a:b:c:d"]"#,
        r#""Binds": [5]"#,
        r#""Mounts": [{"Type": "bind", "Source": "x", "Target": "/a"}]"#,
        r#""Mounts": [{"Type": "bind", "Target": "/a"}]"#,
        r#""Mounts": [{"Type": "volume", "Source": "/x", "Target": "/a"}]"#,
        r#""Mounts": [null]"#,
        r#""Mounts": {}"#,
    ] {
        assert_eq!(
            status("POST /containers/create", &format!(r#"{{"HostConfig": {{{mount}}}}}"#)),
            400,
            "{mount}"
        );
    }
}

#[test]
fn ports_are_told_with_address_and_protocol() {
    let ports = |bindings: &str| created(&format!(r#"{{"HostConfig": {{"PortBindings": {bindings}}}}}"#));
    let texts = |bindings: &str| -> Vec<String> {
        let claims = ports(bindings).unwrap();
        claims.iter().map(|claim| claim.rsplit(" = ").next().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(r#"{"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}"#), ["127.0.0.1:8080/tcp"]);
    assert_eq!(
        texts(r#"{"80": [{"HostPort": "8000-8010"}], "53/udp": [{"HostIp": "::1"}]}"#),
        [":8000-8010/tcp", "[::1]:/udp"]
    );
    // Engines publish it at a port of theirs.
    assert_eq!(texts(r#"{"80/tcp": null, "81/tcp": [], "82/tcp": [null]}"#), [":/tcp", ":/tcp", ":/tcp"]);
    for wrong in [
        r#"{"80/tcp": [{"HostIp": "localhost"}]}"#,
        r#"{"80/tcp": [{"HostIp": "127.1"}]}"#,
        r#"{"80/tcp": [{"HostIp": "127.0.0.01"}]}"#,
        r#"{"80/tcp": [{"HostPort": "+80"}]}"#,
        r#"{"80/tcp": [{"HostPort": "1-2-3"}]}"#,
        r#"{"80/tcp": [{"HostPort": "70000"}]}"#,
        r#"{"80/tcp": [{"HostPort": 80}]}"#,
        r#"{"80/TCP": [{}]}"#,
        r#"{"80-81/tcp": [{}]}"#,
        r#"{"80/tcp": {}}"#,
    ] {
        assert_eq!(ports(wrong).map_err(|(status, _)| status), Err(400), "{wrong}");
    }
}

#[test]
fn what_engines_read_differently_is_an_error() {
    for body in [
        r#"{"HostConfig": {"Privileged": true, "privileged": false}}"#,
        r#"{"HostConfig": {}, "ho\u017ftConfig": {}}"#,
        r#"{"HostConfig": {"Sysctls": {"a": "1", "a": "2"}}}"#,
        r#"{"Labels": {"a": "1", "\u0061": "2"}}"#,
        r#"{"HostConfig": {"Memory": 1e9}}"#,
        r#"{"HostConfig": {"Memory": 1.0}}"#,
        r#"{"HostConfig": {"Memory": 9223372036854775808}}"#,
        r#"{"HostConfig": {"Memory": "1"}}"#,
        r#"{"HostConfig": {"Privileged": "true"}}"#,
        r#"{"HostConfig": {"CapAdd": "ALL"}}"#,
        r#"{"HostConfig": []}"#,
        r#"{"HostConfig": {"Sysctls": {"a": 1}}}"#,
        r#"{"HostConfig": {"PidMode": "\ud800"}}"#,
        r#"{"Env": {}}"#,
        r#"{"Cmd": 5}"#,
        "{}{}",
        "[]",
        "\u{feff}{}",
        "{",
    ] {
        assert_eq!(status("POST /containers/create", body), 400, "{body}");
    }
    let deep = format!(r#"{{"Volumes": {{"/a": {}{}}}}}"#, "[".repeat(40), "]".repeat(40));
    assert_eq!(status("POST /containers/create", &deep), 400);
    let found = operations::find(b"POST", b"/containers/create").unwrap();
    let invalid =
        read(&found, b"/containers/create", None::<&[u8]>, Some(b"{\"Image\":\"\xff\"}")).unwrap_err();
    assert_eq!(invalid.status(), 400);
}

#[test]
fn names_match_as_go_folds_them() {
    assert_eq!(
        created(r#"{"hostconfig": {"PRIVILEGED": true, "secur\u0131tyOpt": ["x"]}}"#).unwrap_err().0,
        403,
        "a dotless i is another letter"
    );
    assert_eq!(
        created("{\"ho\u{17f}tConfig\": {\"\u{17f}ecurityOpt\": [\"x\"], \"Networ\u{212a}Mode\": \"host\"}}")
            .unwrap(),
        ["SecurityOption HostConfig.SecurityOpt[0] = x", "NetworkMode HostConfig.NetworkMode = host"]
    );
}

#[test]
fn what_is_not_in_the_table_is_refused() {
    for body in [
        r#"{"Colour": 1}"#,
        r#"{"HostConfig": {"Colour": 1}}"#,
        r#"{"HostConfig": {"Mounts": [{"Type": "bind", "Source": "/a", "BindOptions": {"Colour": 1}}]}}"#,
        r#"{"NetworkingConfig": {"EndpointsConfig": {"a": {"Colour": 1}}}}"#,
        r#"{"HostConfig": {"LxcConf": ["a"]}}"#,
        // Of engines before 28.
        r#"{"Privileged": true}"#,
        r#"{"Binds": ["/:/host"]}"#,
        r#"{"Memory": 5}"#,
        r#"{"RestartPolicy": {"Name": "always"}}"#,
    ] {
        assert_eq!(status("POST /containers/create", body), 403, "{body}");
    }
    // What says nothing, clients send.
    assert_eq!(
        created(r#"{"Memory": 0, "Binds": null, "Dns": [ ], "Privileged": false, "Cpuset": ""}"#),
        Ok(vec![])
    );
    assert_eq!(status("POST /containers/web/start", r#"{"Binds": ["/:/host"]}"#), 403);
    assert_eq!(status("POST /containers/web/start", "{}"), 200);
    assert_eq!(status("POST /containers/web/start?checkpoint=a", ""), 403);
    assert_eq!(status("GET /containers/web/checkpoints?dir=/c", ""), 403);
    assert_eq!(status("GET /containers/json?colour=1", ""), 403);
    assert_eq!(status("GET /containers/json?ALL=1", ""), 403);
    assert_eq!(status(r#"GET /containers/json?filters={"colour":["x"]}"#, ""), 403);
}

#[test]
fn a_query_is_read_as_go_reads_it() {
    for query in [
        "all=1&all=0",
        "all=1;limit=2",
        "=1",
        "all=%",
        "all=%4",
        "all=%zz",
        "all=%00",
        "all=%ff",
        "all=\u{e9}",
        "all=1#x",
        "all=1 2",
        "filters=x",
        "filters=[]",
        r#"filters={"name":"x"}"#,
        r#"filters={"name":["x"],"name":["y"]}"#,
        r#"filters={"name":{"x":1}}"#,
    ] {
        assert_eq!(status(&format!("GET /containers/json?{query}"), ""), 400, "{query}");
    }
    for query in [
        "",
        "&",
        "all=1&&limit=2&",
        "all",
        r#"filters={"name":{"x":true},"label":["a=b"]}"#,
        "fil%74ers=%7B%7D",
    ] {
        assert_eq!(status(&format!("GET /containers/json?{query}"), ""), 200, "{query}");
    }
    assert_eq!(asked("GET /containers/web%2B1/json", "").unwrap(), ["Container the request's path = web+1"]);
    assert_eq!(
        asked("POST /containers/web/rename?name=a+b%2Bc", "").unwrap(),
        ["Container the request's path = web", "ContainerName the query's name = a b+c"]
    );
}

#[test]
fn images_are_told_with_their_tag_and_registry() {
    for (line, claims) in [
        ("POST /images/create?fromImage=alpine&tag=3", vec!["ImagePulled the query's fromImage = alpine:3"]),
        (
            "POST /images/create?fromImage=r.example:5000/a&tag=sha256:00",
            vec!["ImagePulled the query's fromImage = r.example:5000/a@sha256:00"],
        ),
        ("POST /images/create?fromImage=alpine", vec!["ImagePulled the query's fromImage = alpine"]),
        (
            "POST /images/create?fromSrc=http://a/b&repo=i&tag=1&changes=ENV+a&changes=CMD+b",
            vec!["ImportSource the query's fromSrc = http://a/b", "ImageNamed the query's repo = i:1"],
        ),
        ("POST /images/r.example/a/push?tag=1", vec!["ImagePushed the request's path = r.example/a:1"]),
        (
            "POST /images/a:1/tag?repo=b&tag=2",
            vec!["Image the request's path = a:1", "ImageNamed the query's repo = b:2"],
        ),
        (
            "POST /commit?container=web&repo=a&tag=1",
            vec!["Container the query's container = web", "ImageNamed the query's repo = a:1"],
        ),
        (
            "GET /images/get?names=a&names=b:1",
            vec!["Image the query's names = a", "Image the query's names = b:1"],
        ),
        ("POST /images/load?quiet=1", vec!["ImageNamed image.load = present"]),
        ("GET /distribution/r.example:5000/a/json", vec!["Registry the request's path = r.example:5000"]),
        ("GET /distribution/index.docker.io/library/a/json", vec!["Registry the request's path = docker.io"]),
        ("GET /images/search?term=localhost/a", vec!["Registry the query's term = localhost"]),
        ("GET /images/search?term=a/b", vec!["Registry the query's term = docker.io"]),
    ] {
        assert_eq!(asked(line, "").unwrap(), claims, "{line}");
    }
    assert_eq!(status("POST /images/create?fromImage=alpine:3&tag=4", ""), 400);
    assert_eq!(status("POST /images/create?fromImage=alpine&tag=3&tag=4", ""), 400);
    assert_eq!(
        asked("POST /auth", r#"{"username": "u", "serveraddress": "https://index.docker.io/v1/"}"#).unwrap(),
        ["Registry serveraddress = docker.io"]
    );
    assert_eq!(asked("POST /auth", "{}").unwrap(), ["Registry serveraddress = docker.io"]);
}

#[test]
fn a_build_asks_by_its_query() {
    let line = "POST /build?t=a&t=b&dockerfile=Dockerfile&remote=https://a/b.git&memory=5&cpuquota=1&version=1\
                &networkmode=host&cachefrom=[%22c%22]&extrahosts=a:1&extrahosts=b:2&cgroupparent=/x\
                &ulimits=[{%22Name%22:%22nofile%22,%22Hard%22:5}]&buildargs={}&labels={}&rm=1";
    assert_eq!(
        asked(line, "").unwrap(),
        [
            "ImageNamed the query's t = a",
            "ImageNamed the query's t = b",
            "BuildRemote the query's remote = https://a/b.git",
            "Memory the query's memory = 5",
            "Cpus the query's cpuquota = 1",
            "BuildNetwork the query's networkmode = host",
            "Image the query's cachefrom[0] = c",
            "ExtraHost the query's extrahosts = a:1",
            "ExtraHost the query's extrahosts = b:2",
            "CgroupParent the query's cgroupparent = /x",
            "Ulimit nofile ulimits[0] = 5",
        ]
    );
    assert_eq!(asked("POST /build?version=2&session=x", "").unwrap().len(), 2);
    assert_eq!(asked("POST /session", "").unwrap(), ["BuildKit buildkit.session = present"]);
    assert_eq!(status("POST /build?memory=1g", ""), 400);
    assert_eq!(status("POST /build?cachefrom=x", ""), 400);
}

#[test]
fn other_things_are_told_too() {
    for (line, body, claims) in [
        (
            "POST /volumes/create",
            r#"{"Name": "v", "Driver": "local", "DriverOpts": {"type": "nfs"}, "Labels": {"a": "b"}}"#,
            vec![
                "Volume Name = v",
                "VolumeDriver Driver = local",
                r#"VolumeOption type DriverOpts["type"] = nfs"#,
                r#"Label a Labels["a"] = b"#,
            ],
        ),
        ("POST /volumes/create", "{}", vec!["AnonymousVolume Name = "]),
        (
            "POST /networks/create",
            r#"{"Name": "n", "CheckDuplicate": true, "Driver": "macvlan", "Attachable": false, "Options": {"parent": "eth0"},
                "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.0.0.0/8", "AuxiliaryAddresses": {"r": "10.0.0.5"}}]}}"#,
            vec![
                "Network Name = n",
                "NetworkDriver Driver = macvlan",
                r#"NetworkOption parent Options["parent"] = eth0"#,
                "NetworkAddresses IPAM.Driver = default",
                "NetworkAddresses IPAM.Config[0].Subnet = 10.0.0.0/8",
                r#"NetworkAddresses r IPAM.Config[0].AuxiliaryAddresses["r"] = 10.0.0.5"#,
            ],
        ),
        (
            "POST /networks/n/connect",
            r#"{"Container": "web", "EndpointConfig": {"Links": ["db:x"]}}"#,
            vec![
                "Network the request's path = n",
                "Container Container = web",
                "Link EndpointConfig.Links[0] = db",
            ],
        ),
        (
            "POST /containers/web/exec",
            r#"{"Cmd": ["sh"], "Privileged": true, "User": "root", "Container": "web"}"#,
            vec!["Container the request's path = web", "Privileged Privileged = true", "User User = root"],
        ),
        ("POST /exec/abc/start", r#"{"Detach": false, "Tty": true}"#, vec!["Exec the request's path = abc"]),
        (
            "POST /containers/web/update",
            r#"{"Memory": 5, "RestartPolicy": {"Name": "always"}}"#,
            vec![
                "Container the request's path = web",
                "Memory Memory = 5",
                "RestartPolicy RestartPolicy.Name = always",
            ],
        ),
        (
            "POST /services/create",
            r#"{"Name": "s", "TaskTemplate": {"ContainerSpec": {"Image": "i", "Mounts": [{"Type": "volume", "Source": "v"}],
                "Privileges": {"Seccomp": {"Mode": "unconfined"}}}, "Runtime": "container"},
                "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 8080}, {"Protocol": "udp"}]}}"#,
            vec![
                "Cluster Name = s",
                "Image TaskTemplate.ContainerSpec.Image = i",
                "Volume TaskTemplate.ContainerSpec.Mounts[0].Source = v",
                "SecurityOption TaskTemplate.ContainerSpec.Privileges.Seccomp.Mode = unconfined",
                "Cluster TaskTemplate.Runtime = container",
                "Port EndpointSpec.Ports[0] = :8080/tcp",
                "Port EndpointSpec.Ports[1] = :/udp",
            ],
        ),
        (
            "POST /plugins/pull?remote=a/b",
            r#"[{"Name": "network", "Value": ["host"]}]"#,
            vec![
                "Privileged plugin.pull = present",
                "ImagePulled the query's remote = a/b",
                "Privileged [0].Name = network",
            ],
        ),
        (
            "POST /plugins/a/b/set",
            r#"["DEBUG=1"]"#,
            vec!["Privileged plugin.set = present", "Cluster the request's path = a/b"],
        ),
    ] {
        assert_eq!(asked(line, body).unwrap(), claims, "{line}");
    }
}

#[test]
fn a_form_is_no_body() {
    let found = operations::find(b"POST", b"/containers/web/rename").unwrap();
    let target = b"/containers/web/rename?name=a";
    for form in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded; charset=utf-8",
        "multipart/form-data; boundary=x",
    ] {
        let error = read(&found, target, Some(form.as_bytes()), Some(b"name=b")).unwrap_err();
        assert!(matches!(error, ClaimError::Form), "{form}");
        // Nothing is nothing, which `curl -d ''` sends.
        assert!(read(&found, target, Some(form.as_bytes()), Some(b"")).is_ok());
        assert!(read(&found, target, Some(form.as_bytes()), None).is_err());
    }
    // docker-modem sends the query's keys as a body, too.
    assert!(read(&found, target, Some(b"application/json"), Some(br#"{"name":"b"}"#)).is_ok());
    // An engine reads one of them: none may be a form.
    assert!(read(&found, target, ["application/json", "application/x-tar"], Some(b"{}")).is_ok());
    let form = "application/x-www-form-urlencoded";
    for types in [["application/json", form], [form, "application/json"]] {
        assert!(matches!(read(&found, target, types, Some(b"{}")), Err(ClaimError::Form)), "{types:?}");
    }
}

#[test]
fn what_clients_send_twice_counts_where_engines_read_it() {
    // dockerode.
    assert_eq!(
        asked(
            "POST /containers/create?name=web&Image=other&Cmd=a&Cmd=b&HostConfig=%7B%22Privileged%22%3Atrue%7D",
            r#"{"name": "api", "Image": "app", "HostConfig": {"Privileged": false}}"#
        )
        .unwrap(),
        ["ContainerName the query's name = web", "Image Image = app"]
    );
    assert_eq!(
        asked("POST /commit?container=web&repo=a", r#"{"container": "db", "repo": "b", "pause": false}"#)
            .unwrap(),
        ["Container the query's container = web", "ImageNamed the query's repo = a"]
    );
    assert_eq!(status("POST /containers/create", r#"{"Name": "web"}"#), 403);
    assert_eq!(status("POST /containers/create", r#"{"HostConfig": {"name": "web"}}"#), 403);
    assert_eq!(status("POST /containers/create?Colour=1", "{}"), 403);
    // docker-py.
    assert_eq!(created(r#"{"NetworkingConfig": {"net": null}}"#), Ok(vec![]));
}

#[test]
fn there_is_an_end_to_it() {
    let many = vec![r#""A""#; MOST_CLAIMS + 1].join(",");
    assert_eq!(
        status("POST /containers/create", &format!(r#"{{"HostConfig": {{"CapAdd": [{many}]}}}}"#)),
        413
    );
    let pairs = "t=a&".repeat(5000);
    assert_eq!(status(&format!("POST /build?{pairs}"), ""), 413);
}

proptest! {
    /// Whatever is sent, it is read or refused.
    #[test]
    fn any_body_is_read(body in r#"[\[\]{}"\\:, a1é]{0,48}"#) {
        let _ = created(&body);
    }

    /// A privilege is seen under every spelling of the names that lead to it, or refused.
    #[test]
    fn no_spelling_hides_a_privilege(
        host in "[hH][oO][sS\u{17f}][tT][cC][oO][nN][fF][iI][gG]",
        name in "[pP][rR][iI][vV][iI][lL][eE][gG][eE][dD]",
        other in "[a-zA-Z]{1,8}",
        before: bool,
    ) {
        let more = format!(r#""{other}": null"#);
        let privileged = format!(r#""{name}": true"#);
        let members = if before { format!("{more}, {privileged}") } else { format!("{privileged}, {more}") };
        if let Ok(claims) = created(&format!(r#"{{"{host}": {{{members}}}}}"#)) {
            prop_assert!(claims.iter().any(|claim| claim.starts_with("Privileged")));
        }
    }
}
