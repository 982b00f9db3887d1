//! A caller that is in no container has the identity view (T14): the engine receives its bytes as they were sent. So has
//! one in a mount namespace of its own, for paths at which it sees what the machine has there.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Engine, OutputText, Proxy, unique};
use hostward_tests::recorder::Recorder;
use hostward_tests::{Removed, docker, host_dir, on_each_engine, shell};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What an engine receives of some commands, by way of a proxy or without one.
fn received(engine: &Engine, name: &str, through: bool) -> Vec<Vec<u8>> {
    let recorder = Recorder::of(&engine.socket);
    let proxy = through.then(|| Proxy::start_to(&recorder.socket, &[] as &[&str]).unwrap());
    let socket = proxy.as_ref().map_or(recorder.socket.clone(), Proxy::socket);
    recorder.take(); // what starting the proxy asked
    let container = Removed::new(engine, name);
    let create = [
        "create",
        "--name",
        name,
        "-v",
        "/etc/../etc/hostname:/h:ro",
        "--mount",
        "type=bind,src=/etc,dst=/e",
    ];
    docker(engine, &socket, &[&create[..], &["busybox", "cat", "/h"]].concat());
    let shown = docker(engine, &socket, &["start", "--attach", name]);
    assert!(!shown.is_empty());
    docker(engine, &socket, &["ps", "--all", "--filter", &format!("name={name}")]);
    drop(container);
    // Hostward asks questions of its own meanwhile, on connections of their own.
    let own = b"\r\nUser-Agent: hostward/";
    let is_own = |bytes: &Vec<u8>| bytes.windows(own.len()).any(|window| window == own);
    recorder.take().into_iter().filter(|bytes| !is_own(bytes)).collect()
}

#[test]
fn t14_a_host_process_is_passed_on_to_the_byte() {
    on_each_engine(|engine| {
        let name = unique("hw-host");
        let direct = received(engine, &name, false);
        let through = received(engine, &name, true);
        let text = |bytes: &[Vec<u8>]| {
            bytes.iter().map(|b| String::from_utf8_lossy(b).into_owned()).collect::<Vec<_>>()
        };
        assert!(direct.iter().any(|bytes| bytes.windows(17).any(|w| w == b"/containers/creat")));
        assert_eq!(sorted(without_ids(text(&through))), sorted(without_ids(text(&direct))));
    });
}

fn sorted(mut connections: Vec<String>) -> Vec<String> {
    connections.sort();
    connections
}

/// Container ids differ from one run to the next, wherever they stand.
fn without_ids(connections: Vec<String>) -> Vec<String> {
    let hidden = |text: String| {
        let mut hidden = String::new();
        for word in text.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
            let digits = word.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
            hidden.push_str(if digits.len() == 64 { "ID" } else { digits });
            hidden.push_str(&word[digits.len()..]);
        }
        hidden
    };
    connections.into_iter().map(hidden).collect()
}

/// A shell script on the host in a mount namespace of its own, in which a tmpfs covers a directory; its `docker` speaks to
/// a socket.
fn apart(engine: &Engine, socket: &Path, covered: &Path, script: &str, flags: &[&str]) -> Output {
    let inner = shell(engine, socket, &format!("mount -t tmpfs tmpfs {} && {script}", covered.display()));
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).args(flags);
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_host_process_in_a_mount_namespace_of_its_own_gets_what_it_sees_or_nothing() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let (folder, socket) = (host_dir(), proxy.socket());
        let (shared, private) = (folder.path().join("shared"), folder.path().join("private"));
        for (directory, file) in [(&shared, "who"), (&private, "hidden")] {
            fs::create_dir(directory).unwrap();
            fs::write(directory.join(file), "the host's\n").unwrap();
        }
        let run = |mount: &str, command: &str| {
            let script = format!(
                "echo own > {}/own; docker run --rm {mount} busybox sh -c '{command}'",
                private.display()
            );
            apart(engine, &socket, &private, &script, &[])
        };
        let is_seen = |mount: &str, command: &str, content: &str| {
            assert_eq!(run(mount, command).succeeded().out(), content, "{mount}");
        };
        let is_refused = |mount: &str| {
            let output = run(mount, "echo started");
            let said = output.failed().err();
            assert!(said.contains("cannot mount ") && said.contains("its own mount namespace"), "{said}");
            assert_eq!(output.out(), "", "{mount}");
        };
        let (shared, private, folder) = (
            shared.display().to_string(),
            private.display().to_string(),
            folder.path().display().to_string(),
        );
        is_seen(&format!("-v {shared}:/x"), "cat /x/who", "the host's\n");
        is_seen(&format!("--mount type=bind,src={folder}/./shared/who,dst=/x"), "cat /x", "the host's\n");
        is_seen(&format!("-v {shared}/new/deep:/x"), "echo made > /x/f", "");
        assert_eq!(fs::read_to_string(format!("{shared}/new/deep/f")).unwrap(), "made\n");
        // By that name the machine's is meant.
        is_seen("-v /:/x", &format!("cat /x{private}/hidden"), "the host's\n");
        is_seen("-v /dev:/x", "ls -d /x/null", "/x/null\n");
        let volume = Removed::volume(engine, unique("hw-apart"));
        is_seen(&format!("-v {}:/x", volume.name()), "ls /x", "");
        is_refused(&format!("-v {private}:/x"));
        is_refused(&format!("--mount type=bind,src={private}/own,dst=/x"));
        is_refused(&format!("--mount type=bind,src={private}/hidden,dst=/x"));
        is_refused(&format!("-v {private}/new:/x"));
        is_refused(&format!("-v {shared}/../private/new:/x"));
        // What is mounted beneath would be another thing.
        is_refused(&format!("-v {folder}:/x"));
        assert!(!Path::new(&private).join("new").exists());
    });
}

#[test]
fn what_a_host_process_in_a_mount_namespace_of_its_own_sends_and_gets_is_not_changed() {
    on_each_engine(|engine| {
        let recorder = Recorder::of(&engine.socket);
        let proxy = Proxy::start_to(&recorder.socket, &[] as &[&str]).unwrap();
        let covered = host_dir();
        let name = Removed::new(engine, unique("hw-apart"));
        // The lender has the engine's own socket, in the place of which a container would get Hostward's.
        let lender = Removed::new(engine, unique("hw-lender"));
        let raw = format!("{}:/raw.sock", engine.socket.display());
        docker(engine, &engine.socket, &["create", "--name", lender.name(), "-v", &raw, "busybox"]);
        let create = format!(
            "docker create --name {} --label hostward.asked=mine --volume /etc/../etc/hostname:/h:ro --volumes-from {} busybox",
            name.name(),
            lender.name()
        );
        let inspect = format!("docker inspect {}", name.name());
        apart(engine, &proxy.socket(), covered.path(), &create, &[]).succeeded();
        let bodies = |connections: Vec<Vec<u8>>| {
            let mut texts: Vec<_> =
                connections.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
            texts.retain(|text| text.contains("/containers/create"));
            let text = texts.pop().unwrap();
            let at = text.find("/containers/create").unwrap();
            let body = &text[at..];
            body[..body.find("GET ").unwrap_or(body.len())].to_owned()
        };
        let through = bodies(recorder.take());
        let answer = apart(engine, &proxy.socket(), covered.path(), &inspect, &[]).succeeded().out();
        // The engine lists mounts in any order.
        let lines =
            |text: &str| sorted(text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect());
        assert_eq!(lines(&answer), lines(&docker(engine, &engine.socket, &["inspect", name.name()])));
        docker(engine, &engine.socket, &["rm", name.name()]);
        recorder.take();
        apart(engine, &recorder.socket, covered.path(), &create, &[]).succeeded();
        assert_eq!(through, bodies(recorder.take()));
    });
}

#[test]
fn who_has_made_a_user_namespace_to_mount_in_is_not_the_host() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let covered = host_dir();
        let script = "docker run --rm --mount type=bind,src=/etc,dst=/x busybox echo started";
        let flags = ["--user", "--map-root-user"];
        let refused = apart(engine, &proxy.socket(), covered.path(), script, &flags);
        let said = refused.failed().err();
        assert!(said.contains("cannot mount /etc: ") && said.contains("user namespace"), "{said}");
        assert_eq!(refused.out(), "");
        let streams = apart(engine, &proxy.socket(), covered.path(), "docker version", &flags);
        assert!(streams.succeeded().out().contains("Server"));
    });
}
