//! Who is taken for a caller's container, and that nobody is taken for who was there before: every process of a container
//! by whatever way it came into it, and each caller after what held its container has changed.
//!
//! Judged by the content of the caller's own `/app/storage/who`. Paths are asked for in the long form, so that an engine
//! that gets one as it is refuses it.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, Proxy, unique};
use hostward_tests::recorder::Recorder;
use hostward_tests::{Removed, World, cgroups, docker, feed, host_dir, on_each_engine, on_every_engine};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Prints the caller's own file, from a container that it makes.
const SEE: &str = "docker run --rm --mount type=bind,source=/app/storage/who,target=/who busybox cat /who";

/// The pid of a container's first process on the host.
fn first(engine: &Engine, container: &str) -> u32 {
    let pid = docker(engine, &engine.socket, &["inspect", "--format", "{{.State.Pid}}", container]);
    pid.trim().parse().unwrap()
}

/// A process of the host that is put into a container's namespaces, in the cgroups of the host.
fn put_into(pid: u32, script: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid.to_string(), "--mount", "--net", "--pid", "sh", "-c", script]);
    command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("DOCKER_HOST", "unix:///run/hostward/docker.sock");
    command
}

/// Starts a script in a container that waits for a line, moves it to these cgroups, and gives what it prints then.
fn moved(world: &World, directories: &[std::path::PathBuf], script: &str) -> String {
    let mark = unique("moved");
    let script = format!(": {mark}; echo ready; read go; {script}; true");
    let mut child = world
        .caller
        .exec(&["sh", "-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let top = docker(&world.engine, &world.engine.socket, &["top", &world.caller.id, "-eo", "pid,args"]);
    let found = top.lines().find(|line| line.contains(&mark)).unwrap();
    let pid = found.split_whitespace().next().unwrap().parse().unwrap();
    cgroups::enter(directories, pid);
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let mut printed = String::new();
    lines.read_to_string(&mut printed).unwrap();
    child.wait().unwrap();
    printed
}

#[test]
fn every_process_of_a_container_is_the_containers() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("who", "the caller's\n");
        assert_eq!(world.sh(SEE), "the caller's\n", "by docker exec");

        let flags = [
            format!("--volume={}:/app/storage", world.storage.path().display()),
            format!("--volume={}:/run/hostward", world.proxy.socket().parent().unwrap().display()),
            "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
        ];
        let name = Removed::new(engine, unique("hw-grandchild"));
        let mut run = engine.docker(&["run", "--name", name.name()]);
        let script = format!("sh -c '{SEE}; true'; true");
        run.args(&flags).args(["hostward/caller", "sh", "-c", &script]);
        assert_eq!(run.output().unwrap().succeeded().out(), "the caller's\n", "a grandchild");

        let pid = first(engine, &world.caller.id);
        let output = put_into(pid, SEE).output().unwrap();
        assert_eq!(output.succeeded().out(), "the caller's\n", "put into its namespaces");

        let own = cgroups::beneath(&cgroups::of(pid), "own");
        assert_eq!(moved(&world, &own, SEE), "the caller's\n", "in a cgroup beneath the container's");
        let host = cgroups::of(std::process::id());
        assert_eq!(moved(&world, &host, SEE), "the caller's\n", "in the host's cgroups");
    });
}

#[test]
fn a_process_with_no_containers_root_is_in_none() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("who", "the caller's\n");
        // The same directory as a root, in the host's namespaces: nothing tells what is mounted there.
        let pid = first(engine, &world.caller.id);
        let root = format!("/proc/{pid}/root");
        let script = "curl --silent --unix-socket /run/hostward/docker.sock -H 'Content-Type: application/json' \
                      -d '{\"Image\":\"busybox\",\"HostConfig\":{\"Binds\":[\"/app/storage/who:/who\"]}}' \
                      http://docker/v1.41/containers/create";
        let mut command = Command::new("chroot");
        command.args([&root, "sh", "-c", script]).env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        let said = command.output().unwrap().succeeded().out();
        assert!(said.contains("cannot mount /app/storage/who") && !said.contains("\"Id\""), "{said}");
    });
}

/// Asks for a mount of its own `/etc/mark`, which its container does not have.
const JAILED: &str = r#"
import os, socket
client = socket.socket(socket.AF_UNIX)
client.connect('/run/hostward/docker.sock')
os.makedirs('/opt/jail/etc')
open('/opt/jail/etc/mark', 'w').close()
os.chroot('/opt/jail')
body = '{"Image": "busybox", "HostConfig": {"Binds": ["/etc/mark:/mark"]}}'
head = 'POST /v1.41/containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n'
client.sendall((head + 'Content-Length: %d\r\n\r\n' % len(body) + body).encode())
print(client.recv(65536).decode())
"#;

#[test]
fn a_process_of_a_container_with_another_root_is_not_translated() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let said = world.caller.exec(&["python3", "-c", JAILED]).output().unwrap().succeeded().out();
        assert!(said.contains("has its own root directory") && !said.contains("\"Id\""), "{said}");
    });
}

/// Makes a caller of this name with `content` in a storage of its own.
fn caller(engine: &Engine, proxy: &Path, name: &str, content: &str) -> (Caller, tempfile::TempDir) {
    let storage = host_dir();
    std::fs::write(storage.path().join("who"), content).unwrap();
    (Caller::start_called(engine, name.to_owned(), proxy, storage.path()).unwrap(), storage)
}

#[test]
fn callers_are_known_anew_after_the_proxy_was_killed() {
    on_each_engine(|engine| {
        let mut proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let (name, socket) = (unique("hw-kept"), proxy.socket());
        let (kept, _storage) = caller(engine, &socket, &unique("hw-kept"), "kept\n");
        let (replaced, _storage) = caller(engine, &socket, &name, "before\n");
        assert_eq!(kept.sh(SEE).unwrap().succeeded().out(), "kept\n");
        assert_eq!(replaced.sh(SEE).unwrap().succeeded().out(), "before\n");
        drop(replaced);
        let (successor, _storage) = caller(engine, &socket, &name, "after\n");
        proxy.kill_and_start().unwrap();
        assert_eq!(successor.sh(SEE).unwrap().succeeded().out(), "after\n");
        assert_eq!(kept.sh(SEE).unwrap().succeeded().out(), "kept\n");
    });
}

#[test]
fn callers_are_known_anew_after_the_events_were_cut() {
    on_each_engine(|engine| {
        let recorder = Recorder::of(&engine.socket);
        let proxy = Proxy::start_to(&recorder.socket, &[] as &[&str]).unwrap();
        let (name, socket) = (unique("hw-kept"), proxy.socket());
        let (kept, _storage) = caller(engine, &socket, &unique("hw-kept"), "kept\n");
        let (replaced, _storage) = caller(engine, &socket, &name, "before\n");
        for _ in 0..2 {
            assert_eq!(kept.sh(SEE).unwrap().succeeded().out(), "kept\n");
            assert_eq!(replaced.sh(SEE).unwrap().succeeded().out(), "before\n");
        }
        assert_eq!(recorder.cut("/events?"), 1);
        drop(replaced);
        let (successor, _storage) = caller(engine, &socket, &name, "after\n");
        assert_eq!(successor.sh(SEE).unwrap().succeeded().out(), "after\n");
        assert_eq!(kept.sh(SEE).unwrap().succeeded().out(), "kept\n");
        // They are followed again.
        assert_eq!(recorder.cut("/events?"), 2);
    });
}

/// The start of a container with other mounts, which only the API before 1.24 has.
fn start_with(engine: &Engine, container: &str, binds: &[String]) {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--unix-socket"]).arg(&engine.socket);
    curl.args(["-H", "Content-Type: application/json", "--data-binary", "@-"]);
    curl.arg(format!("http://docker/v1.23/containers/{container}/start"));
    feed(curl, format!(r#"{{"Binds":{binds:?}}}"#).into_bytes()).succeeded();
}

#[test]
fn a_container_that_is_started_with_other_mounts_is_seen_anew() {
    on_each_engine(|engine| {
        // Newer ones do not speak API 1.23 any more, and with it went the only way to start a container otherwise.
        if engine.api >= (1, 44) {
            return;
        }
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let (one, two) = (host_dir(), host_dir());
        std::fs::write(one.path().join("who"), "one\n").unwrap();
        std::fs::write(two.path().join("who"), "two\n").unwrap();
        let name = Removed::new(engine, unique("hw-legacy"));
        let run = proxy.socket();
        let create = [
            "create",
            "--name",
            name.name(),
            "--network=none",
            "--env=DOCKER_HOST=unix:///run/hostward/docker.sock",
            "hostward/caller",
            "sleep",
            "infinity",
        ];
        docker(engine, &engine.socket, &create);
        for (storage, content) in [(&one, "one\n"), (&two, "two\n"), (&one, "one\n")] {
            let mut binds = Vec::new();
            for (source, target) in
                [(storage.path(), "/app/storage"), (run.parent().unwrap(), "/run/hostward")]
            {
                binds.push(format!("{}:{target}", source.display()));
            }
            start_with(engine, name.name(), &binds);
            for _ in 0..2 {
                assert_eq!(docker(engine, &engine.socket, &["exec", name.name(), "sh", "-c", SEE]), content);
            }
            docker(engine, &engine.socket, &["stop", "-t", "0", name.name()]);
        }
    });
}

// T23.
#[test]
fn behind_a_relay_nobody_is_taken_for_the_caller() {
    on_every_engine(|engine| {
        let storage = host_dir();
        fs::write(storage.path().join("f"), "mine\n").unwrap();
        let proxy = Proxy::start_configured(|socket| {
            let (engine, socket) = (engine.socket.display(), socket.display());
            format!("engine = 'unix://{engine}'\n[[listen]]\naddress = 'unix://{socket}'\nrelay = true\n")
        })
        .unwrap();
        let relay = Caller::start(engine, &proxy.socket(), storage.path()).unwrap();
        let refused = relay.sh("docker run --rm -v /app/storage:/x busybox cat /x/f").unwrap();
        assert!(refused.failed().err().contains("a relay connects here for others"), "{}", refused.err());
        assert_eq!(refused.out(), "");
        assert_eq!(relay.sh("docker run --rm busybox echo without").unwrap().succeeded().out(), "without\n");
    });
}

/// Moves itself to the cgroups of the host, makes the host's root directory its own, which is mounted at /host, and asks
/// for a mount by a path of the host.
const DISGUISED: &str = r#"
import glob, os, socket, sys
for tasks in glob.glob('/cg/*/tasks') + glob.glob('/cg/cgroup.procs'):
    with open(tasks, 'w') as cgroup:
        cgroup.write('0')
os.chroot('/host')
os.chdir('/')
def ask(request, body=''):
    client = socket.socket(socket.AF_UNIX)
    client.connect(sys.argv[1])
    head = ' HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: application/json\r\n'
    client.sendall((request + head + 'Content-Length: %d\r\n\r\n' % len(body) + body).encode())
    answer = b''
    while True:
        part = client.recv(65536)
        if not part: break
        answer += part
    print(answer.decode(), flush=True)
ask('POST /v1.41/containers/create?name=' + sys.argv[2],
    '{"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/disguised"}]}}')
ask('GET /_hostward')
"#;

#[test]
fn a_container_that_makes_the_hosts_root_its_own_is_not_the_host() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let socket = proxy.socket().display().to_string();
        let flags = ["--volume=/:/host", "--volume=/sys/fs/cgroup:/cg"];
        let made = Removed::new(engine, unique("hw-disguised"));
        let caller = Caller::start_with(engine, &flags).unwrap();
        let beside = ["python3", "-c", DISGUISED, &socket, made.name()];
        let beside = caller.exec(&beside).output().unwrap().succeeded().out();
        // The container's first process itself, so that its cgroup does not tell either.
        let name = Removed::new(engine, unique("hw-disguise"));
        let mut first = engine.docker(&["run", "--name", name.name()]);
        first.args(flags).args(["hostward/caller", "python3", "-c", DISGUISED, &socket, made.name()]);
        let first = first.output().unwrap().succeeded().out();
        for said in [beside, first] {
            assert!(said.starts_with("HTTP/1.1 403 ") && said.contains("cannot mount /etc: "), "{said}");
            assert!(said.contains("has its own root directory"), "{said}");
            assert!(!said.contains(r#""host""#) && !said.contains(r#""Id""#), "{said}");
        }
    });
}

#[test]
fn a_name_stays_the_containers_that_had_it_while_that_is_there() {
    on_each_engine(|engine| {
        let (name, elsewhere) = (unique("hw-bound"), unique("hw-bound"));
        let proxy = Proxy::start(engine, &["--for", &name]).unwrap();
        let socket = proxy.socket();
        let (one, _storage) = caller(engine, &socket, &name, "one's\n");
        let (mut two, _storage) = caller(engine, &socket, &elsewhere, "two's\n");
        assert_eq!(one.sh(SEE).unwrap().succeeded().out(), "one's\n");
        let rename = |from: &str, to: &str| docker(engine, &engine.socket, &["rename", from, to]);
        let aside = unique("hw-aside");
        rename(&name, &aside);
        rename(&elsewhere, &name);
        let id = |caller: &Caller| caller.id.clone();
        let by_id = |id: &str| engine.docker(&["exec", id, "sh", "-c", SEE]).output().unwrap();
        for id in [id(&one), id(&two)] {
            let refused = by_id(&id);
            let said = refused.failed().err();
            assert!(said.contains(&name) && said.contains(&aside), "{said}");
            assert_eq!(refused.out(), "");
        }
        // It may be stopped meanwhile.
        docker(engine, &engine.socket, &["stop", "-t", "0", &one.id]);
        assert!(by_id(&two.id).failed().err().contains(&aside));
        // As a container is replaced by another of its name.
        docker(engine, &engine.socket, &["rm", "-f", &one.id]);
        assert_eq!(by_id(&two.id).succeeded().out(), "two's\n");
        two.name = name;
    });
}

#[test]
fn what_the_setting_refuses_no_label_allows() {
    on_each_engine(|engine| {
        let storage = host_dir();
        let folder = host_dir();
        fs::write(folder.path().join("f"), "the host's\n").unwrap();
        let see = format!(
            "docker run --rm --mount type=bind,source={},target=/d busybox cat /d/f",
            folder.path().display()
        );
        for (setting, seen) in [(None, true), (Some("host"), true), (Some("refuse"), false)] {
            let setting = setting.map(|setting| ("HOSTWARD_UNMAPPED", std::ffi::OsStr::new(setting)));
            let address = format!("unix://{}", engine.socket.display());
            let proxy = Proxy::start_at(&address, setting.as_slice()).unwrap();
            let caller = Caller::start_with(
                engine,
                &[
                    format!("--volume={}:/app/storage", storage.path().display()),
                    format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
                    "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
                    "--label=hostward.unmapped=host".to_owned(),
                ],
            )
            .unwrap();
            let output = caller.sh(&see).unwrap();
            if seen {
                assert_eq!(output.succeeded().out(), "the host's\n", "{setting:?}");
            } else {
                assert_eq!(output.failed().out(), "", "{setting:?}");
            }
        }
    });
}

#[test]
fn what_is_missing_is_made_by_the_label_or_the_setting_unless_the_setting_refuses() {
    on_each_engine(|engine| {
        let address = format!("unix://{}", engine.socket.display());
        for (setting, label, made) in [
            (None, None, false),
            (None, Some("make"), true),
            (Some("make"), None, true),
            (Some("make"), Some("refuse"), false),
            (Some("refuse"), Some("make"), false),
        ] {
            let setting = setting.map(|setting| ("HOSTWARD_MISSING", std::ffi::OsStr::new(setting)));
            let proxy = Proxy::start_at(&address, setting.as_slice()).unwrap();
            let mut flags = vec![
                format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            ];
            flags.extend(label.map(|label| format!("--label=hostward.missing={label}")));
            let caller = Caller::start_with(engine, &flags).unwrap();
            let ask = "docker run --rm -v /root/.m2:/m -v /root/.npm:/n busybox sh -c 'echo kept > /m/f'; cat /root/.m2/f";
            let (output, case) = (caller.sh(ask).unwrap(), (setting, label));
            if made {
                assert_eq!(output.succeeded().out(), "kept\n", "{case:?}");
                continue;
            }
            let said = output.failed().err();
            let command = "create them there (mkdir -p /root/.m2 /root/.npm)";
            assert!(said.contains("cannot mount /root/.m2, /root/.npm: they do not exist"), "{said}");
            assert!(said.contains(command) && said.contains("hostward.unmapped=host"), "{said}");
            assert!(caller.sh("test -e /root/.m2").unwrap().err().is_empty());
        }
    });
}

#[test]
fn a_label_that_comes_with_the_image_does_not_count() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let folder = host_dir();
        fs::write(folder.path().join("f"), "the host's\n").unwrap();
        let see = format!(
            "docker run --rm --mount type=bind,source={},target=/d busybox cat /d/f",
            folder.path().display()
        );
        let image = Removed::image(engine, unique("hw-labelled"));
        let change = "--change=LABEL hostward.unmapped=host";
        docker(engine, &engine.socket, &["commit", change, &world.caller.name, image.name()]);
        let flags = [
            format!("--volume={}:/run/hostward", world.proxy.socket().parent().unwrap().display()),
            "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
        ];
        // Whoever may tag an image could have moved the tag a moment before the container was created.
        let by_image = Caller::start_image(engine, image.name(), unique("hw-caller"), &flags).unwrap();
        let label =
            ["inspect", &*by_image.name, "--format", r#"{{index .Config.Labels "hostward.unmapped"}}"#];
        assert_eq!(docker(engine, &engine.socket, &label).trim(), "host");
        let refused = by_image.sh(&see).unwrap().failed().err();
        assert!(refused.contains("bind source path does not exist"), "{refused}");
        // By its own label the same caller may.
        let labelled = [&flags[..], &["--label=hostward.unmapped=host".to_owned()]].concat();
        let by_label = Caller::start_with(engine, &labelled).unwrap();
        assert_eq!(by_label.sh_ok(&see).unwrap(), "the host's");
    });
}
