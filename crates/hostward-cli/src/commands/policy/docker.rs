//! A docker command as the request that the docker CLI sends for it: of several requests, the one that asks for most.

mod container; // what creates containers
mod flags; // flags, taken apart as that CLI does

use serde_json::json;

use super::recorded::PlainRequest;
use crate::report::Failure;
use container::{create, update};
use flags::{CommandWords, escaped, given, unknown};

/// The request of these words, `docker` left out.
pub(super) fn request(words: &[String]) -> Result<PlainRequest, Failure> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (command, rest) = match &words[..] {
        // The long names of the same commands.
        ["container", "ls" | "list" | "ps", rest @ ..] => ("ps", rest),
        ["image", "ls" | "list", rest @ ..] => ("images", rest),
        ["image", "rm" | "remove", rest @ ..] => ("rmi", rest),
        ["container" | "image" | "builder", command, rest @ ..] | [command, rest @ ..] => (*command, rest),
        [] => return Err(Failure::usage("docker: no command is given")),
    };
    match (command, rest) {
        ("run" | "create", _) => create(rest),
        ("update", _) => update(rest),
        ("exec", _) => exec(rest),
        ("build", _) => build(rest),
        ("network", [command, rest @ ..]) => network(command, rest),
        ("volume", [command, rest @ ..]) => volume(command, rest),
        _ => simple(command, rest),
    }
}

/// Commands that name what they are about, and whose flags ask for nothing more.
fn simple(command: &str, words: &[&str]) -> Result<PlainRequest, Failure> {
    let names: Vec<_> = words.iter().filter(|word| !word.starts_with('-')).copied().collect();
    let first = || {
        names
            .first()
            .copied()
            .ok_or_else(|| Failure::usage(format_args!("docker {command}: a name is missing")))
    };
    let second = || {
        names
            .get(1)
            .copied()
            .ok_or_else(|| Failure::usage(format_args!("docker {command}: a second name is missing")))
    };
    let of = |method: &str, path: &str| {
        Ok(PlainRequest::bare(method, format!("/containers/{}/{path}", escaped(first()?))))
    };
    match command {
        "ps" => Ok(PlainRequest::bare("GET", "/containers/json")),
        "images" => Ok(PlainRequest::bare("GET", "/images/json")),
        "info" => Ok(PlainRequest::bare("GET", "/info")),
        "version" => Ok(PlainRequest::bare("GET", "/version")),
        "events" => Ok(PlainRequest::bare("GET", "/events")),
        "login" => {
            let address = names.first().copied().unwrap_or("https://index.docker.io/v1/");
            Ok(PlainRequest::json("POST", "/auth", &json!({ "serveraddress": address })))
        }
        "start" | "stop" | "restart" | "kill" | "pause" | "unpause" | "wait" | "attach" => {
            of("POST", command)
        }
        "logs" => of("GET", "logs?stdout=1"),
        "top" => of("GET", "top"),
        "stats" => of("GET", "stats"),
        "diff" => of("GET", "changes"),
        "export" => of("GET", "export"),
        "inspect" => of("GET", "json"),
        "cp" => copy(first()?, second()?),
        "rm" => Ok(PlainRequest::bare("DELETE", format!("/containers/{}", escaped(first()?)))),
        "rename" => {
            let (container, name) = (escaped(first()?), escaped(second()?));
            Ok(PlainRequest::bare("POST", format!("/containers/{container}/rename?name={name}")))
        }
        "pull" => {
            let (name, tag) = parted(first()?);
            let query = format!("fromImage={}&tag={}", escaped(name), escaped(tag));
            Ok(PlainRequest::bare("POST", format!("/images/create?{query}")))
        }
        "push" => {
            let (name, tag) = parted(first()?);
            Ok(PlainRequest::bare("POST", format!("/images/{name}/push?tag={}", escaped(tag))))
        }
        "tag" => {
            let (source, (name, tag)) = (first()?, parted(second()?));
            let query = format!("repo={}&tag={}", escaped(name), escaped(tag));
            Ok(PlainRequest::bare("POST", format!("/images/{source}/tag?{query}")))
        }
        "commit" => {
            let container = escaped(first()?);
            let image = names.get(1).map(|name| parted(name));
            let image = image.map(|(name, tag)| format!("&repo={}&tag={}", escaped(name), escaped(tag)));
            let target = format!("/commit?container={container}{}", image.unwrap_or_default());
            Ok(PlainRequest::json("POST", target, &json!({})))
        }
        "rmi" => Ok(PlainRequest::bare("DELETE", format!("/images/{}", first()?))),
        "load" => Ok(PlainRequest::bare("POST", "/images/load")),
        "save" => Ok(PlainRequest::bare("GET", format!("/images/get?names={}", escaped(first()?)))),
        "import" => {
            let source = first()?;
            let source = if source.contains("://") { source } else { "-" };
            let image = names.get(1).map(|name| format!("&repo={}", escaped(name))).unwrap_or_default();
            Ok(PlainRequest::bare("POST", format!("/images/create?fromSrc={}{image}", escaped(source))))
        }
        _ => Err(unknown(&format!("docker {command}"))),
    }
}

fn copy(from: &str, to: &str) -> Result<PlainRequest, Failure> {
    let archive = |container: &str, path: &str| {
        format!("/containers/{}/archive?path={}", escaped(container), escaped(path))
    };
    match (from.split_once(':'), to.split_once(':')) {
        (_, Some((container, path))) => Ok(PlainRequest::bare("PUT", archive(container, path))),
        (Some((container, path)), None) => Ok(PlainRequest::bare("GET", archive(container, path))),
        (None, None) => Err(Failure::usage("docker cp: neither side is CONTAINER:PATH")),
    }
}

fn exec(words: &[&str]) -> Result<PlainRequest, Failure> {
    const SWITCHES: &[&str] = &["d", "detach", "i", "interactive", "t", "tty", "privileged"];
    const VALUES: &[&str] = &["e", "env", "env-file", "u", "user", "w", "workdir", "detach-keys"];
    let CommandWords { flags, names } = given("docker exec", words, SWITCHES, VALUES)?;
    let [container, command @ ..] = &names[..] else {
        return Err(Failure::usage("docker exec: a container is missing"));
    };
    let mut body = json!({ "Cmd": command, "AttachStdout": true });
    for (name, value) in flags {
        match name {
            "privileged" => body["Privileged"] = json!(value != "false"),
            "u" | "user" => body["User"] = json!(value),
            _ => {}
        }
    }
    Ok(PlainRequest::json("POST", format!("/containers/{}/exec", escaped(container)), &body))
}

/// The classic builder, unless the words say otherwise.
fn build(words: &[&str]) -> Result<PlainRequest, Failure> {
    const SWITCHES: &[&str] = &["q", "quiet", "no-cache", "pull", "rm", "force-rm", "squash", "compress"];
    const VALUES: &[&str] = &[
        "t",
        "tag",
        "f",
        "file",
        "build-arg",
        "label",
        "target",
        "platform",
        "network",
        "add-host",
        "memory",
        "m",
        "memory-swap",
        "cgroup-parent",
        "security-opt",
        "shm-size",
        "cpu-quota",
        "cpu-period",
        "cpu-shares",
        "cpuset-cpus",
        "cpuset-mems",
        "isolation",
        "cache-from",
        "output",
        "o",
        "secret",
        "ssh",
        "progress",
    ];
    let CommandWords { flags, names } = given("docker build", words, SWITCHES, VALUES)?;
    let mut query = Vec::new();
    let mut add = |key: &str, value: &str| query.push(format!("{key}={}", escaped(value)));
    for (name, value) in flags {
        match name {
            "t" | "tag" => add("t", &value),
            "network" => add("networkmode", &value),
            "add-host" => add("extrahosts", &value),
            "m" | "memory" => add("memory", &container::bytes("memory", &value)?.to_string()),
            "memory-swap" => add("memswap", &container::bytes("memory-swap", &value)?.to_string()),
            "shm-size" => add("shmsize", &container::bytes("shm-size", &value)?.to_string()),
            "cgroup-parent" | "cpu-quota" | "cpu-period" | "cpu-shares" | "cpuset-cpus" | "cpuset-mems" => {
                add(&name.replace('-', ""), &value);
            }
            "security-opt" => add("securityopt", &value),
            "isolation" | "platform" | "target" => add(name, &value),
            "cache-from" => add("cachefrom", &json!([value]).to_string()),
            "output" | "o" => add("outputs", &json!([{ "Type": value }]).to_string()),
            "secret" | "ssh" | "progress" => add("version", "2"),
            _ => {}
        }
    }
    let context = names.first().copied().unwrap_or(".");
    if context.contains("://") || context.starts_with("git@") || context.starts_with("github.com/") {
        add("remote", context);
    }
    Ok(PlainRequest::bare("POST", format!("/build?{}", query.join("&"))))
}

fn network(command: &str, words: &[&str]) -> Result<PlainRequest, Failure> {
    const SWITCHES: &[&str] =
        &["attachable", "internal", "ingress", "ipv6", "config-only", "f", "force", "q", "quiet"];
    const VALUES: &[&str] = &[
        "d",
        "driver",
        "o",
        "opt",
        "label",
        "subnet",
        "gateway",
        "ip-range",
        "scope",
        "ip",
        "ip6",
        "alias",
        "link",
        "filter",
        "format",
        "ipam-driver",
    ];
    let CommandWords { flags, names } = given("docker network", words, SWITCHES, VALUES)?;
    let name = || names.first().copied().ok_or_else(|| Failure::usage("docker network: a name is missing"));
    match command {
        "ls" | "list" => Ok(PlainRequest::bare("GET", "/networks")),
        "inspect" => Ok(PlainRequest::bare("GET", format!("/networks/{}", escaped(name()?)))),
        "rm" | "remove" => Ok(PlainRequest::bare("DELETE", format!("/networks/{}", escaped(name()?)))),
        "prune" => Ok(PlainRequest::bare("POST", "/networks/prune")),
        "connect" | "disconnect" => {
            let container = names.get(1).copied().unwrap_or_default();
            let mut body = json!({ "Container": container });
            for (flag, value) in flags {
                match flag {
                    "ip" => body["EndpointConfig"]["IPAMConfig"]["IPv4Address"] = json!(value),
                    "ip6" => body["EndpointConfig"]["IPAMConfig"]["IPv6Address"] = json!(value),
                    "link" => body["EndpointConfig"]["Links"] = json!([value]),
                    _ => {}
                }
            }
            Ok(PlainRequest::json("POST", format!("/networks/{}/{command}", escaped(name()?)), &body))
        }
        "create" => {
            let mut body = json!({ "Name": name()?, "Driver": "bridge" });
            let mut addresses = json!({});
            for (flag, value) in flags {
                let pair = || container::pair(&value);
                match flag {
                    "d" | "driver" => body["Driver"] = json!(value),
                    "o" | "opt" => body["Options"][pair().0] = json!(pair().1),
                    "label" => body["Labels"][pair().0] = json!(pair().1),
                    "subnet" => addresses["Subnet"] = json!(value),
                    "gateway" => addresses["Gateway"] = json!(value),
                    "ip-range" => addresses["IPRange"] = json!(value),
                    "ipam-driver" => body["IPAM"]["Driver"] = json!(value),
                    "scope" => body["Scope"] = json!(value),
                    "attachable" => body["Attachable"] = json!(true),
                    "internal" => body["Internal"] = json!(true),
                    "ingress" => body["Ingress"] = json!(true),
                    "ipv6" => body["EnableIPv6"] = json!(true),
                    "config-only" => body["ConfigOnly"] = json!(true),
                    _ => {}
                }
            }
            if addresses != json!({}) {
                body["IPAM"]["Config"] = json!([addresses]);
            }
            Ok(PlainRequest::json("POST", "/networks/create", &body))
        }
        _ => Err(unknown(&format!("docker network {command}"))),
    }
}

fn volume(command: &str, words: &[&str]) -> Result<PlainRequest, Failure> {
    const VALUES: &[&str] = &["d", "driver", "o", "opt", "label", "filter", "format"];
    let CommandWords { flags, names } =
        given("docker volume", words, &["f", "force", "q", "quiet", "a", "all"], VALUES)?;
    let name = names.first().copied().unwrap_or_default();
    match command {
        "ls" | "list" => Ok(PlainRequest::bare("GET", "/volumes")),
        "inspect" => Ok(PlainRequest::bare("GET", format!("/volumes/{}", escaped(name)))),
        "rm" | "remove" => Ok(PlainRequest::bare("DELETE", format!("/volumes/{}", escaped(name)))),
        "prune" => Ok(PlainRequest::bare("POST", "/volumes/prune")),
        "create" => {
            let mut body = json!({ "Name": name });
            for (flag, value) in flags {
                let (key, of_key) = container::pair(&value);
                match flag {
                    "d" | "driver" => body["Driver"] = json!(value),
                    "o" | "opt" => body["DriverOpts"][key] = json!(of_key),
                    "label" => body["Labels"][key] = json!(of_key),
                    _ => {}
                }
            }
            Ok(PlainRequest::json("POST", "/volumes/create", &body))
        }
        _ => Err(unknown(&format!("docker volume {command}"))),
    }
}

/// A name, and its tag or digest.
fn parted(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, digest);
    }
    let last = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[last..].find(':') {
        Some(colon) => (&image[..last + colon], &image[last + colon + 1..]),
        None => (image, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(line: &str) -> PlainRequest {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        request(&words).unwrap_or_else(|failure| panic!("{line}: {}", failure.message()))
    }

    #[test]
    fn commands_are_requests() {
        for (line, method, target) in [
            ("ps -a", "GET", "/containers/json"),
            ("container ls", "GET", "/containers/json"),
            ("rm -f web", "DELETE", "/containers/web"),
            ("pull busybox", "POST", "/images/create?fromImage=busybox&tag=latest"),
            (
                "pull h.example:5000/a@sha256:ab",
                "POST",
                "/images/create?fromImage=h.example%3A5000%2Fa&tag=sha256%3Aab",
            ),
            ("push me/app:1", "POST", "/images/me/app/push?tag=1"),
            ("tag a b:2", "POST", "/images/a/tag?repo=b&tag=2"),
            ("cp x web:/tmp", "PUT", "/containers/web/archive?path=%2Ftmp"),
            ("cp web:/tmp x", "GET", "/containers/web/archive?path=%2Ftmp"),
            ("build -t app --network host .", "POST", "/build?t=app&networkmode=host"),
            ("build https://git.example/x", "POST", "/build?remote=https%3A%2F%2Fgit.example%2Fx"),
            ("network rm x", "DELETE", "/networks/x"),
            ("volume ls", "GET", "/volumes"),
            ("rename web ä", "POST", "/containers/web/rename?name=%C3%A4"),
        ] {
            let request = sent(line);
            assert_eq!((&*request.method, &*request.target), (method, target), "{line}");
        }
        let body = |line: &str| serde_json::from_slice::<serde_json::Value>(&sent(line).body).unwrap();
        assert_eq!(body("exec --privileged -it web sh -c x")["Privileged"], json!(true));
        assert_eq!(body("exec -it web sh -c x")["Cmd"], json!(["sh", "-c", "x"]));
        assert_eq!(
            body("network create -d macvlan -o parent=eth0 x")["Options"],
            json!({ "parent": "eth0" })
        );
        assert_eq!(body("volume create -o type=nfs x")["DriverOpts"], json!({ "type": "nfs" }));
        for wrong in ["", "swarm init", "run", "exec", "cp a b", "rm"] {
            let words: Vec<_> = wrong.split_whitespace().map(str::to_owned).collect();
            request(&words).unwrap_err();
        }
    }
}
