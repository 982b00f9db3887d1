//! What a caller asks for takes no more than it may, and what it writes is not taken for Hostward's own: on engines.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, unique};
use hostward_tests::{Removed, World, docker, host_dir, on_each_engine};
use std::fs;
use std::io::Write;
use std::process::Stdio;

/// Sends a create whose body is made by a line of Python, and prints the answer's first line.
const CREATE: &str = r"
import socket, sys
body = eval(sys.stdin.readline()).encode()
connection = socket.socket(socket.AF_UNIX)
connection.connect('/run/hostward/docker.sock')
connection.sendall(b'POST /v1.41/containers/create HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n'
    b'Content-Length: %d\r\n\r\n' % len(body))
try:
    connection.sendall(body)
except OSError:
    pass
print(connection.recv(4096).decode().split('\r\n')[0], flush=True)
";

/// The status line of the answer to a create of this body, a line of Python.
fn create(caller: &Caller, body: &str) -> String {
    let mut command = caller.exec(&["python3", "-c", CREATE]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{body}").unwrap();
    child.wait_with_output().unwrap().succeeded().out().trim().to_owned()
}

/// The memory of a process that is its own, in KiB: now, and at most so far.
fn memory(pid: u32) -> [u64; 2] {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    })
}

#[test]
fn bodies_that_ask_for_too_much_are_refused_and_take_little() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("file", "content\n");
        let works = || {
            assert_eq!(world.sh("docker run --rm -v /app/storage/file:/f busybox cat /f"), "content\n");
        };
        works();
        let [before, _] = memory(world.proxy.pid());
        let volumes = r#"','.join('"/t/%d":{}' % n for n in range(20000))"#;
        for (body, status) in [
            // Targets times sites took 2.2 GB and 17 s.
            (
                format!(r#"'{{"Image":"busybox","HostConfig":{{"Binds":[' + ','.join(['"/a:/t"']*1000) + ']}},"Volumes":{{' + {volumes} + '}}}}'"#),
                "413",
            ),
            (r#"'{"Image":"busybox","HostConfig":{"Binds":[' + ','.join(['"/a:/t"']*1001) + ']}}'"#.to_owned(), "413"),
            // Three million look-ups, here and at the engine.
            (r#"'{"Image":"busybox","HostConfig":{"Binds":["' + '/a/..'*3000000 + ':/t"]}}'"#.to_owned(), "400"),
            // What the engine says of it: here it is passed over.
            (r#"'{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"bind","x":' + '['*300000 + ']'*300000 + '}]}}'"#.to_owned(), ""),
            (r#"'{"Image":"busybox","Env":["' + 'x'*(17<<20) + '"]}'"#.to_owned(), "413"),
        ] {
            let answer = create(&world.caller, &body);
            let short: String = body.chars().take(60).collect();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{short}: {answer}");
        }
        works();
        let [_, most] = memory(world.proxy.pid());
        assert!(most < before + (96 << 10), "{before} KiB before and {most} KiB at most");
    });
}

/// A caller of its own at the same proxy.
fn another(engine: &Engine, world: &World) -> (Caller, tempfile::TempDir) {
    let storage = host_dir();
    (Caller::start(engine, &world.proxy.socket(), storage.path()).unwrap(), storage)
}

#[test]
fn what_others_write_in_hostwards_name_is_not_believed() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        fs::create_dir(world.storage.path().join("real")).unwrap();
        let (reader, _storage) = another(engine, &world);
        let (forged, volume) = (unique("hw-forged"), Removed::volume(engine, unique("hw-forged")));
        let forged = Removed::new(engine, forged);
        // In the reader's name: that nothing is mounted there, and something that is no mount.
        for asked in ["[]", "5", r#""/app/storage:/x""#] {
            let source = world.storage.path().join("real");
            let label = serde_json::json!({
                "caller": reader.id,
                "mounts": {"/x": {"asked": serde_json::from_str::<serde_json::Value>(asked).unwrap(), "given": source}},
                "beneath": {"/x": source},
            });
            let name = forged.name();
            world.sh(&format!(
                "docker create --name {name} --label 'hostward.asked={label}' -v /app/storage/real:/x busybox true"
            ));
            let binds = format!("docker inspect {name} --format '{{{{json .HostConfig.Binds}}}}'");
            let read = reader.sh_ok(&binds).unwrap();
            let truth =
                docker(engine, &engine.socket, &["inspect", name, "--format", "{{json .HostConfig.Binds}}"]);
            assert_eq!(read, truth.trim(), "{asked}");
            assert!(truth.contains(&format!("{}:/x", source.display())), "{truth}");
            world.sh(&format!("docker rm {name}"));
        }
        // By somebody on the engine's own socket.
        let label = format!(
            r#"hostward.asked={{"caller":"{}","mounts":{{"device":{{"asked":5,"given":"/"}}}}}}"#,
            reader.id
        );
        let device = format!("device={}", world.storage.path().display());
        let options = ["--opt=type=none", "--opt=o=bind", "--opt", &device];
        let create = [&["volume", "create", "--label", &label][..], &options, &[volume.name()]].concat();
        docker(engine, &engine.socket, &create);
        assert!(reader.sh_ok("docker volume ls -q").unwrap().contains(volume.name()));
        // A setting of a container is refused, so that nobody wonders why it does not hold.
        let refused = world.try_sh("docker create --label hostward.unmapped=host busybox true");
        let said = refused.failed().err();
        assert!(said.contains("hostward.unmapped") && said.contains("engine's own socket"), "{said}");
    });
}

#[test]
fn what_an_image_says_in_hostwards_name_does_not_count() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("real/f", "real\n");
        let image = Removed::image(engine, unique("hw-labelled"));
        let (kept, made) = (Removed::new(engine, unique("hw-kept")), Removed::new(engine, unique("hw-made")));
        let (image, kept, made) = (image.name(), kept.name(), made.name());
        let labelled = r#"LABEL hostward.unmapped="host""#;
        let import = format!("docker export {kept} | docker import --change '{labelled}' - {image}");
        world.sh(&format!("docker create --name {kept} busybox true; {import}; docker rm {kept}"));
        world.sh(&format!("docker create --name {made} {image} true"));
        let label = ["inspect", made, "--format", r#"{{index .Config.Labels "hostward.unmapped"}}"#];
        assert_eq!(docker(engine, &engine.socket, &label).trim(), "");
        world.sh(&format!("docker rm {made}; docker rmi {image}"));
        // Of an image that was made of a container, neither what that container was asked for.
        world.sh(&format!(
            "ln -s real /app/storage/link; docker create --name {kept} -v /app/storage/link:/x busybox true;
            docker commit {kept} {image}; docker create --name {made} -v /app/storage/real:/x {image} true"
        ));
        let binds =
            |name: &str| world.sh(&format!("docker inspect {name} --format '{{{{.HostConfig.Binds}}}}'"));
        assert_eq!(binds(kept).trim(), "[/app/storage/link:/x]");
        assert_eq!(binds(made).trim(), "[/app/storage/real:/x]");
    });
}
