//! What the stub engine describes: the calling container, others, and lists of them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::container::Container;

/// The folder of the proxies' sockets in a container.
pub(crate) const SOCKETS: &str = "/run/hostward";

/// Mount number so-and-so of a container: where it is, in the container.
pub(crate) fn mount_point(number: usize) -> PathBuf {
    PathBuf::from(format!("/data/{number:05}"))
}

/// And of what, below this folder on the host.
pub(crate) fn source(srv: &Path, number: usize) -> PathBuf {
    srv.join(format!("{number:05}"))
}

/// Describes a container to those who inspect it, as dockerd does.
pub(crate) fn inspected(container: &Container, pid: u32) -> String {
    let mounts: Vec<Value> = container.mounts.iter().map(|(at, source)| mount(source, at)).collect();
    let binds: Vec<String> = container
        .mounts
        .iter()
        .map(|(at, source)| format!("{}:{}", source.display(), at.display()))
        .collect();
    describe(&container.id, pid, &container.root, &binds, &mounts)
}

/// Describes another container, which has these mounts of the same host folders.
pub(crate) fn other(id: &str, srv: &Path, mounts: usize) -> String {
    let pairs: Vec<_> = (0..mounts).map(|number| (source(srv, number), mount_point(number))).collect();
    let binds: Vec<String> =
        pairs.iter().map(|(source, at)| format!("{}/sub:{}", source.display(), at.display())).collect();
    let mounts: Vec<Value> = pairs.iter().map(|(source, at)| mount(&source.join("sub"), at)).collect();
    describe(id, 0, Path::new("/var/lib/docker/overlay2/other/merged"), &binds, &mounts)
}

fn describe(id: &str, pid: u32, root: &Path, binds: &[String], mounts: &[Value]) -> String {
    let environment: Vec<String> =
        (0..20).map(|number| format!("VARIABLE_{number}=a value of usual length")).collect();
    json!({
        "Id": id,
        "Created": "2026-11-23T17:00:00.000000000Z",
        "Path": "python3",
        "Args": ["-m", "http.server"],
        "State": {
            "Status": "running", "Running": true, "Pid": pid,
            "StartedAt": "2026-11-23T17:00:00.000000000Z", "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "Image": "sha256:0000000000000000000000000000000000000000000000000000000000000001",
        "Name": "/caller",
        "Driver": "overlay2",
        "HostConfig": {
            "Binds": binds, "NetworkMode": "none", "ReadonlyRootfs": false,
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "Devices": [], "Memory": 0, "CpuShares": 0,
        },
        "GraphDriver": {"Name": "overlay2", "Data": {"MergedDir": root}},
        "Mounts": mounts,
        "Config": {"Hostname": &id[..12], "Env": environment, "Image": "python:3.11", "Labels": {}},
        "NetworkSettings": {"Networks": {}},
    })
    .to_string()
}

fn mount(source: &Path, at: &Path) -> Value {
    json!({"Type": "bind", "Source": source, "Destination": at, "Mode": "", "RW": true, "Propagation": "rprivate"})
}

/// A list of so many containers with so many mounts each, taken in turn from the first `sources` folders.
pub(crate) fn list(containers: usize, mounts: usize, srv: &Path, sources: usize) -> String {
    let one = |number: usize| {
        let mounts = (0..mounts).map(|at| {
            let source = source(srv, (number * mounts + at) % sources.max(1));
            mount(&source.join("sub"), &mount_point(at))
        });
        json!({
            "Id": format!("{number:064x}"),
            "Names": [format!("/web-{number}")],
            "Image": "python:3.11",
            "ImageID": format!("sha256:{:064x}", 1),
            "Command": "python3 -m http.server",
            "Created": 1_700_000_000,
            "Ports": [],
            "Labels": {"com.docker.compose.project": "web", "com.docker.compose.service": format!("web-{number}")},
            "State": "running",
            "Status": "Up 3 hours",
            "HostConfig": {"NetworkMode": "none"},
            "NetworkSettings": {"Networks": {}},
            "Mounts": mounts.collect::<Vec<_>>(),
        })
    };
    Value::Array((0..containers).map(one).collect()).to_string()
}

/// A list of eight kilobytes.
pub(crate) fn list_of_8_kilobytes() -> String {
    let mut list = list(10, 0, Path::new("/"), 0);
    list.pop();
    let missing = 8192_usize.saturating_sub(list.len() + "{\"Id\":\"\"}".len() + 2);
    let _ = write!(list, ",{{\"Id\":\"{}\"}}]", "x".repeat(missing));
    list
}

/// A request that creates a container with so many binds, each of a folder in a mount of its own as far as there are some.
pub(crate) fn create(binds: usize, mounts: usize) -> String {
    let binds: Vec<String> = (0..binds)
        .map(|number| format!("{}/sub:/target/{number}", mount_point(number % mounts.max(1)).display()))
        .collect();
    let environment: Vec<String> =
        (0..20).map(|number| format!("VARIABLE_{number}=a value of usual length")).collect();
    let body = json!({
        "Image": "python:3.11", "Cmd": ["python", "/code.py"], "Env": environment, "Labels": {},
        "AttachStdout": true, "AttachStderr": true, "Tty": false,
        "HostConfig": {"Binds": binds, "NetworkMode": "default", "RestartPolicy": {"Name": "no"}, "AutoRemove": false},
    })
    .to_string();
    request("POST", "/v1.51/containers/create", &body)
}

/// A request as clients write it.
pub(crate) fn request(method: &str, target: &str, body: &str) -> String {
    let content = match body.len() {
        0 => String::new(),
        length => format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
    };
    format!("{method} {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: bench\r\n{content}\r\n{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_described_with_its_pid_mounts_and_root() {
        let container = Container {
            id: format!("{:064x}", 5),
            root: "/b/root".into(),
            mounts: vec![(mount_point(0), source(Path::new("/b/srv"), 0))],
            cgroup: "/sys/fs/cgroup/docker/5".into(),
        };
        let described: Value = serde_json::from_str(&inspected(&container, 42)).unwrap();
        assert_eq!(described["Id"], container.id);
        assert_eq!(described["State"]["Pid"], 42);
        assert_eq!(described["GraphDriver"]["Data"]["MergedDir"], "/b/root");
        assert_eq!(described["Mounts"][0]["Source"], "/b/srv/00000");
        assert_eq!(described["Mounts"][0]["Destination"], "/data/00000");
        assert_eq!(described["HostConfig"]["Binds"][0], "/b/srv/00000:/data/00000");
    }

    #[test]
    fn lists_have_the_size_that_they_are_named_by() {
        assert_eq!(list_of_8_kilobytes().len(), 8192);
        assert!(serde_json::from_str::<Value>(&list_of_8_kilobytes()).unwrap().is_array());
        let list: Value = serde_json::from_str(&list(3, 5, Path::new("/srv"), 4)).unwrap();
        assert_eq!(list.as_array().unwrap().len(), 3);
        assert_eq!(list[2]["Mounts"][1]["Source"], "/srv/00003/sub");
    }

    #[test]
    fn a_create_asks_for_its_binds_in_the_callers_paths() {
        let text = create(3, 2);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        let body: Value = serde_json::from_str(body).unwrap();
        let binds = body["HostConfig"]["Binds"].as_array().unwrap();
        assert_eq!(binds[1..], [json!("/data/00001/sub:/target/1"), json!("/data/00000/sub:/target/2")]);
    }
}
