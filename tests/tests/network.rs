//! Callers by TCP and by TLS, with the files of `examples/tcp` and `examples/tls`: each gets its own file, whom nothing
//! tells apart gets none.
//!
//! Judged by the content of the caller's own `/app/storage/who`. Paths are asked for in the long form, so that an engine
//! that gets one as it is refuses it.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, proxy, unique};
use hostward_tests::served::Served;
use hostward_tests::{Removed, docker, feed, host_dir, on_every_engine};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Prints the caller's own file, from a container that it makes.
const SEE: &str = "docker run --rm --mount type=bind,source=/app/storage/who,target=/who busybox cat /who";

/// A caller that has `who` in its file, and the certificates of a name.
fn caller(
    served: &Served,
    engine: &Engine,
    who: &str,
    certificates: Option<&str>,
    flags: &[String],
) -> Tenant {
    let folder = certificates.map(|_| Path::new("/certs"));
    let variables = served.environment(folder).into_iter();
    let mut all: Vec<_> = variables.map(|(name, value)| format!("--env={name}={value}")).collect();
    if let Some(name) = certificates {
        all.push(format!("--volume={}:/certs:ro", served.certificates_of(name).display()));
    }
    all.extend_from_slice(flags);
    tenant(engine, who, &all)
}

/// A caller that has `who` in its file.
fn tenant(engine: &Engine, who: &str, flags: &[String]) -> Tenant {
    let storage = host_dir();
    fs::write(storage.path().join("who"), who).unwrap();
    let volume = [format!("--volume={}:/app/storage", storage.path().display())];
    let caller = Caller::start_with(engine, &[&volume, flags].concat()).unwrap();
    Tenant { caller, _storage: storage }
}

struct Tenant {
    caller: Caller,
    _storage: tempfile::TempDir,
}

impl Tenant {
    fn sees(&self, who: &str) {
        assert_eq!(self.caller.sh(SEE).unwrap().succeeded().out(), who, "{}", self.caller.name);
    }

    /// It is refused for this reason, and nothing is run.
    fn is_refused(&self, reasons: &[&str]) {
        let refused = self.caller.sh(SEE).unwrap();
        let said = refused.failed().err();
        assert!(reasons.iter().all(|reason| said.contains(reason)), "{reasons:?}: {said}");
        assert_eq!(refused.out(), "");
    }
}

#[test]
fn each_address_in_the_engines_networks_is_its_containers() {
    on_every_engine(|engine| {
        let served = Served::by("tcp", engine, &[]);
        let (one, two) =
            (caller(&served, engine, "one", None, &[]), caller(&served, engine, "two", None, &[]));
        let network = Removed::network(engine, unique("hw-net"));
        docker(engine, &engine.socket, &["network", "create", network.name()]);
        let three = caller(&served, engine, "three", None, &[format!("--network={}", network.name())]);
        one.sees("one");
        two.sees("two");
        three.sees("three");
        // What it gets for the engine's socket is a unix socket, at which its child is itself.
        let child = format!(
            "docker run --rm -v /app/storage:/app/storage -v /var/run/docker.sock:/var/run/docker.sock {} {SEE}",
            hostward_testkit::images::CALLER
        );
        assert_eq!(one.caller.sh(&child).unwrap().succeeded().out(), "one");
    });
}

#[test]
fn nobody_is_guessed_at_an_address_of_several_or_of_none() {
    on_every_engine(|engine| {
        let served = Served::by("tcp", engine, &[]);
        let one = caller(&served, engine, "one", None, &[]);
        one.sees("one");
        {
            let shared = [format!("--network=container:{}", one.caller.name)];
            let guest = caller(&served, engine, "guest", None, &shared);
            for both in [&one, &guest] {
                both.is_refused(&[&one.caller.name, &guest.caller.name, "several containers"]);
            }
        }
        one.sees("one");
        // The machine's own processes, also those of containers that live in its network.
        let host = caller(&served, engine, "host", None, &["--network=host".to_owned()]);
        host.is_refused(&["no running container has the address", "unix socket"]);
        let args = ["run", "--rm", "-v", "/etc/hostname:/x", "busybox", "true"];
        let refused = served.docker(engine, None, &args).output().unwrap();
        assert!(refused.failed().err().contains("no running container has the address"), "{refused:?}");
        served.docker(engine, None, &["run", "--rm", "busybox", "true"]).output().unwrap().succeeded();
    });
}

#[test]
fn an_address_that_has_passed_on_names_nobody() {
    on_every_engine(|engine| {
        let served = Served::by("tcp", engine, &[]);
        let pid = served.proxy.pid();
        let network = subnet(engine, 64);
        passes_on(engine, &network, &served.address, || signal("STOP", pid), || signal("CONT", pid));
    });
}

#[test]
fn an_address_that_has_passed_on_names_nobody_to_a_sidecar_without_the_machines_processes() {
    on_every_engine(|engine| {
        let network = subnet(engine, 96);
        let mounts = [
            format!("{}:/hostward:ro", proxy::program().unwrap().display()),
            format!("{}:/run/engine.sock", engine.socket.display()),
        ];
        let configuration = host_dir();
        let text = "engine = \"unix:///run/engine.sock\"\n[[listen]]\naddress = \"tcp://0.0.0.0:2375\"\nplain_tcp = true\n";
        fs::write(configuration.path().join("hostward.toml"), text).unwrap();
        let sidecar = Removed::new(engine, unique("hw-sidecar"));
        let mut run =
            engine.docker(&["run", "--detach", "--name", sidecar.name(), "--network", network.name()]);
        run.args(mounts.iter().flat_map(|mount| ["-v", mount]));
        run.arg("-v").arg(format!("{}:/etc/hostward:ro", configuration.path().display()));
        run.args(["busybox", "/hostward", "proxy"]).output().unwrap().succeeded();
        let format = format!("{{{{(index .NetworkSettings.Networks \"{}\").IPAddress}}}}", network.name());
        let address = docker(engine, &engine.socket, &["inspect", "--format", &format, sidecar.name()]);
        let does = |what: &str| drop(docker(engine, &engine.socket, &[what, sidecar.name()]));
        let address = format!("{}:2375", address.trim());
        passes_on(engine, &network, &address, || does("pause"), || does("unpause"));
    });
}

/// A network of a range that no other has, for addresses of the test's choice.
fn subnet(engine: &Engine, third: u32) -> Removed<'_> {
    let network = Removed::network(engine, unique("hw-net"));
    let subnet = format!("172.31.{}.0/24", third + engine.api.1 % 32);
    docker(engine, &engine.socket, &["network", "create", "--subnet", &subnet, network.name()]);
    network
}

/// While the proxy at `address` stands still, a request of a container arrives there, its sender goes, and another container
/// gets its address: it must not be taken for the sender.
fn passes_on(engine: &Engine, network: &Removed, address: &str, stop: impl Fn(), go_on: impl Fn()) {
    let format = ["network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", network.name()];
    let subnet = docker(engine, &engine.socket, &format);
    let own = subnet.trim().replace(".0/24", ".77");
    let tenant = |who: &str| {
        let flags = [
            format!("--network={}", network.name()),
            format!("--ip={own}"),
            format!("--env=DOCKER_HOST=tcp://{address}"),
        ];
        tenant(engine, who, &flags)
    };
    let before = tenant("before");
    before.sees("before");
    let label = unique("hw-late");
    let body = format!(
        r#"{{"Image":"busybox","Labels":{{"{label}":""}},"HostConfig":{{"Binds":["/app/storage/who:/who"]}}}}"#
    );
    let request = format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\nContent-Type: application/json\r\n\r\n{body}",
        body.len()
    );
    stop();
    let (host, port) = address.split_once(':').unwrap();
    let script = format!("exec 3<>/dev/tcp/{host}/{port}; cat >&3; echo sent");
    let sent = feed(before.caller.exec(&["bash", "-c", &script]), request.into_bytes());
    drop(before);
    let after = tenant("after");
    go_on();
    assert_eq!(sent.succeeded().out(), "sent\n");
    // The new one is served, and by then so was the old one's request.
    after.sees("after");
    let made = ["ps", "--all", "--quiet", "--filter", &format!("label={label}")].map(str::to_owned);
    assert_eq!(docker(engine, &engine.socket, &made), "");
}

#[test]
fn names_in_certificates_are_callers() {
    on_every_engine(|engine| {
        let (name, role) = (unique("hw-ci"), unique("hw-role"));
        let callers = [("\"ci\"", format!("\"{name}\"")), ("label:role=web", format!("label:role={role}"))];
        let callers = callers.each_ref().map(|(from, to)| (*from, to.as_str()));
        let served = Served::by("tls", engine, &callers);
        let ci = caller(&served, engine, "ci", Some("ci.example"), &[]);
        docker(engine, &engine.socket, &["rename", &ci.caller.name, &name]);
        let renamed = Removed::new(engine, &name);
        let exec = |script: &str| {
            engine
                .docker(&["exec", "--interactive", renamed.name(), "sh", "-c", script])
                .stdin(Stdio::null())
                .output()
        };
        assert_eq!(exec(SEE).unwrap().succeeded().out(), "ci");
        let web = caller(&served, engine, "web", Some("web.example"), &[format!("--label=role={role}")]);
        web.sees("web");
        // The certificate says who it is, wherever it is used.
        let see: Vec<_> = SEE.split(' ').skip(1).collect();
        for (who, certificate) in [("ci", "ci.example"), ("web", "web.example")] {
            let folder = served.certificates_of(certificate);
            let output = served.docker(engine, Some(&folder), &see).output().unwrap();
            assert_eq!(output.succeeded().out(), who);
        }
        // One that is nobody's name says where it comes from.
        let unlisted = caller(&served, engine, "unlisted", Some("other.example"), &[]);
        unlisted.sees("unlisted");
        let folder = served.certificates_of("other.example");
        let refused = served.docker(engine, Some(&folder), &see).output().unwrap();
        assert!(refused.failed().err().contains("no running container has the address"), "{refused:?}");
        // Plain TCP gets nothing.
        served.docker(engine, None, &["version"]).output().unwrap().failed();
    });
}

#[test]
fn input_ends_and_output_comes_through_tls() {
    on_every_engine(|engine| {
        let served = Served::by("tls", engine, &[]);
        let folder = served.certificates_of("ci.example");
        let input = vec![b'x'; 3 << 20];
        let command = served.docker(
            engine,
            Some(&folder),
            &["run", "--rm", "-i", "busybox", "sh", "-c", "cat; echo end"],
        );
        let output = feed(command, input.clone());
        let out = output.succeeded().stdout.clone();
        assert!(out.starts_with(&input) && out[input.len()..] == *b"end\n", "{} bytes", out.len());
    });
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}
