//! Engines that are reached in other ways than by a unix socket.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, Proxy};
use hostward_tests::{World, host_dir, on_each_engine};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Stands in for `ssh`: writes down what it is called with, and runs here what it is asked to run there.
const SSH: &str = r#"#!/bin/sh
echo "$@" >> "$SSH_CALLS"
while [ "$1" != -- ]; do shift; done
shift 2
exec sh -c "$*"
"#;

/// A world whose proxy reaches the engine through the stand-in, and what that was called with.
fn world_by_ssh(engine: &Engine, folder: &Path) -> World {
    let ssh = folder.join("ssh");
    fs::write(&ssh, SSH).expect("the stand-in can be written");
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).expect("the stand-in can be made a program");
    let cli = engine.cli.parent().expect("the CLI is in a folder");
    let path = format!("{}:{}:/usr/bin:/bin", folder.display(), cli.display());
    let calls = folder.join("calls");
    let address = format!("ssh://me@engine.test:2222{}", engine.socket.display());
    let environment = [("PATH", path.as_ref()), ("SSH_CALLS", calls.as_os_str())];
    let proxy = Proxy::start_at(&address, &environment).unwrap_or_else(|error| panic!("{error}"));
    let storage = host_dir();
    let caller =
        Caller::start(engine, &proxy.socket(), storage.path()).unwrap_or_else(|error| panic!("{error}"));
    World { engine: engine.clone(), proxy, caller, storage }
}

#[test]
fn an_engine_behind_ssh_mounts_what_the_caller_sees() {
    on_each_engine(|engine| {
        let folder = tempfile::tempdir().unwrap();
        let world = world_by_ssh(engine, folder.path());
        world.write("tmp/file", "by ssh\n");
        assert_eq!(world.sh("docker run --rm -v /app/storage/tmp/file:/f busybox cat /f"), "by ssh\n");
        assert_eq!(world.sh("echo hi | docker run -i --rm busybox cat"), "hi\n");
        let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
        let expected = format!(
            "-o BatchMode=yes -o ConnectTimeout=30 -T -l me -p 2222 -- engine.test docker --host unix://{} system dial-stdio",
            engine.socket.display()
        );
        assert!(calls.lines().all(|call| call == expected) && !calls.is_empty(), "{calls}");
    });
}

#[test]
fn an_engine_behind_tls_mounts_what_the_caller_sees() {
    on_each_engine(|engine| {
        let (address, files) = engine.tls().unwrap();
        let verified = [("DOCKER_TLS_VERIFY", "1".as_ref()), ("DOCKER_CERT_PATH", files.as_os_str())];
        // A context of the engine's own docker CLI.
        let config = tempfile::tempdir().unwrap();
        let endpoint = ["ca", "cert", "key"].map(|name| format!("{name}={}/{name}.pem", files.display()));
        let endpoint = format!("host={address},{}", endpoint.join(","));
        let mut create = engine.docker(&["context", "create", "lab", "--docker", &endpoint]);
        create.env("DOCKER_CONFIG", config.path()).env_remove("DOCKER_HOST").output().unwrap().succeeded();
        let context = [("DOCKER_CONTEXT", "lab".as_ref()), ("DOCKER_CONFIG", config.path().as_os_str())];
        for proxy in [Proxy::start_at(&address, &verified), Proxy::start_by(&context)] {
            let proxy = proxy.unwrap_or_else(|error| panic!("{error}"));
            let storage = host_dir();
            let caller = Caller::start(engine, &proxy.socket(), storage.path()).unwrap();
            let world = World { engine: engine.clone(), proxy, caller, storage };
            world.write("tmp/file", "by TLS\n");
            assert_eq!(world.sh("docker run --rm -v /app/storage/tmp/file:/f busybox cat /f"), "by TLS\n");
            assert_eq!(world.sh("echo hi | docker run -i --rm busybox cat"), "hi\n");
        }
        // Never in the clear, and never with another than was meant.
        let other = tempfile::tempdir().unwrap();
        let mut doctor = Command::new(hostward_testkit::proxy::program().unwrap());
        doctor.args(["doctor", "--engine", &address]).env("DOCKER_TLS_VERIFY", "1");
        let said = doctor.env("DOCKER_CERT_PATH", other.path()).output().unwrap();
        assert!(said.failed().out().contains("TLS: invalid peer certificate"), "{}", said.out());
    });
}
