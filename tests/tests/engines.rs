//! Engines that are reached in other ways than by a unix socket.

use hostward_testkit::{Caller, Engine, Proxy};
use hostward_tests::{World, host_dir, on_each_engine};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

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
            "-o ConnectTimeout=30 -T -l me -p 2222 -- engine.test docker --host unix://{} system dial-stdio",
            engine.socket.display()
        );
        assert!(calls.lines().all(|call| call == expected) && !calls.is_empty(), "{calls}");
    });
}
