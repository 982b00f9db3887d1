//! Docker without root (`rootless` in engines.toml): containers in no cgroup of their own, a storage driver that mounts nothing, an
//! engine in a mount namespace of its own. Hostward runs wherever its user may run it.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::rootless::{self, Side};
use hostward_testkit::{Caller, Engine, OutputText, Proxy, images, unique};
use hostward_tests::{Removed, docker, host_dir, wait_until};
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

/// Where Hostward may run.
const SIDES: [Side; 3] = [Side::Root, Side::User, Side::Engine];

/// The engine, Hostward before it, and a docker client that its containers can have: vfs copies an image for each container, so
/// that is busybox.
struct Place {
    side: Side,
    engine: Engine,
    proxy: Proxy,
    client: tempfile::TempDir,
}

/// Runs a case with Hostward on each side of the engine's user namespace.
fn on_each_side(case: impl Fn(&Place)) {
    for side in SIDES {
        eprintln!("--- hostward as {side:?}");
        let engine = rootless::engine().unwrap();
        let (proxy, client) = (Proxy::start_on(&engine, side).unwrap(), users_dir());
        fs::copy(&engine.cli, client.path().join("docker")).unwrap();
        case(&Place { side, engine, proxy, client });
    }
}

impl Place {
    fn caller(&self, flags: &[String]) -> Caller {
        let folder = self.proxy.socket().parent().unwrap().display().to_string();
        let mut all = vec![
            format!("--volume={folder}:/run/hostward"),
            "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            format!("--volume={}/docker:/bin/docker:ro", self.client.path().display()),
        ];
        all.extend(["/lib64", "/lib/x86_64-linux-gnu"].map(|path| format!("--volume={path}:{path}:ro")));
        all.extend_from_slice(flags);
        Caller::start_image(&self.engine, images::BUSYBOX, unique("hw-caller"), &all).unwrap()
    }
}

/// A directory of the engine's user, who can only give away what is its own.
fn users_dir() -> tempfile::TempDir {
    let dir = host_dir();
    let user = Some(rootless::engine_user().unwrap());
    chown(dir.path(), user, user).unwrap();
    dir
}

fn write(dir: &Path, file: &str, text: &str) {
    let file = dir.join(file);
    fs::write(&file, text).unwrap();
    let user = Some(rootless::engine_user().unwrap());
    chown(file, user, user).unwrap();
}

fn run(caller: &Caller, script: &str) -> String {
    caller.sh(script).unwrap().succeeded().out()
}

#[test]
fn a_caller_gets_its_binds_its_volumes_and_its_root_filesystem() {
    on_each_side(|place| {
        let engine = &place.engine;
        let (dir, volume) = (users_dir(), unique("hw-volume"));
        write(dir.path(), "f", "bind\n");
        docker(engine, &engine.socket, &["volume", "create", &volume]);
        let flags = [
            format!("--volume={}:/app", dir.path().display()),
            format!("--volume={volume}:/app/vol"),
            format!("--volume={volume}:/ro:ro"),
        ];
        let caller = place.caller(&flags);
        run(&caller, "echo volume >/app/vol/f; mkdir /own; echo root >/own/f; ln -s /own /app/link");
        let cat = |source: &str| {
            run(&caller, &format!("docker run --rm -v {source}:/x busybox sh -c 'cat /x || cat /x/f'"))
        };
        assert_eq!(cat("/app/f"), "bind\n");
        assert_eq!(cat("/app/vol/f"), "volume\n");
        assert_eq!(cat("/own/f"), "root\n");
        assert_eq!(cat("/app/link/f"), "root\n");
        let both = "docker run --rm -v /app:/x busybox cat /x/f /x/vol/f";
        assert_eq!(run(&caller, both), "bind\nvolume\n");
        // Both ways, and not where the caller itself may only read.
        run(&caller, "docker run --rm -v /own:/x busybox sh -c 'echo back >/x/g'");
        assert_eq!(run(&caller, "cat /own/g"), "back\n");
        let refused = caller.sh("docker run --rm -v /ro:/x busybox sh -c 'echo no >/x/f'").unwrap();
        assert!(refused.failed().err().contains("Read-only file system"));
        let missing = caller.sh("docker run --rm -v /new/dir:/x busybox true").unwrap();
        assert!(missing.failed().err().contains("cannot mount /new/dir: "));
        // What it is told is its own.
        let (name, web) = (unique("hw-child"), unique("hw-web"));
        let served = Removed::new(engine, web.clone());
        let _child = Removed::new(engine, name.clone());
        run(&caller, &format!("docker create --name {name} -v /app/f:/x -v /own/f:/y busybox"));
        let binds = run(&caller, &format!("docker inspect -f '{{{{.HostConfig.Binds}}}}' {name}"));
        assert_eq!(binds, "[/app/f:/x /own/f:/y]\n");
        // Published ports there are none in these networks; what is in the caller's network is on its localhost.
        let web = format!(
            "docker run -d --name {web} -p 18088:80 --network container:{} busybox httpd -f",
            caller.name
        );
        assert!(caller.sh(&web).unwrap().failed().err().contains("conflicting options"));
        run(&caller, &web.replace("-p 18088:80 ", ""));
        wait_until("its pages come", || {
            caller
                .sh("wget -qO- http://127.0.0.1/bin/busybox | head -c 4")
                .is_ok_and(|page| page.out().contains("ELF"))
        });
        drop(served);
        drop(caller);
        engine.remove(&format!("volumes/{volume}")).unwrap();
    });
}

#[test]
fn callers_are_told_apart_and_nobody_is_taken_for_another_by_what_it_has_mounted() {
    on_each_side(|place| {
        let engine = &place.engine;
        let (one_dir, other_dir) = (users_dir(), users_dir());
        write(one_dir.path(), "who", "one\n");
        write(other_dir.path(), "who", "other\n");
        let at_app = |dir: &tempfile::TempDir| format!("--volume={}:/app", dir.path().display());
        let one = place.caller(&[at_app(&one_dir)]);
        // The files by which the kernel's list names a container are one's in the other.
        let data = docker(engine, &engine.socket, &["info", "--format", "{{.DockerRootDir}}"]);
        let ones = format!("{}/containers/{}", data.trim(), one.id);
        let files =
            ["hostname", "hosts", "resolv.conf"].map(|file| format!("--volume={ones}/{file}:/etc/{file}"));
        let forger = place.caller(&[&[at_app(&other_dir)][..], &files].concat());
        let guest = place.caller(&[at_app(&other_dir), format!("--network=container:{}", one.name)]);
        let see = "docker run --rm --mount type=bind,source=/app/who,target=/who busybox cat /who";
        for (caller, who) in [(&one, "one\n"), (&forger, "other\n"), (&guest, "other\n")] {
            assert_eq!(run(caller, see), who);
            assert_eq!(run(caller, see), who);
        }
    });
}

#[test]
fn a_created_container_is_a_caller_in_its_turn_and_the_host_keeps_its_paths() {
    on_each_side(|place| {
        let dir = users_dir();
        write(dir.path(), "who", "mine\n");
        let first = place.caller(&[format!("--volume={}:/app", dir.path().display())]);
        let see = "docker run --rm -v /src/who:/who busybox cat /who";
        let next = format!(
            "docker run --rm -v /app:/src -v /run/hostward/docker.sock:/var/run/docker.sock -v /bin/docker:/bin/docker:ro \
             -v /lib64:/lib64:ro -v /lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu:ro busybox {see}"
        );
        assert_eq!(run(&first, &next), "mine\n");
        // One beside Hostward, in no container.
        let docker = place.client.path().join("docker").display().to_string();
        let bind = format!("{}/who:/who", dir.path().display());
        let host = format!("unix://{}", place.proxy.socket().display());
        let start = rootless::on(place.side).unwrap();
        let mut beside = Command::new(&start[0]);
        beside
            .args(&start[1..])
            .args([&docker, "-H", &host, "run", "--rm", "-v", &bind, "busybox", "cat", "/who"]);
        assert_eq!(beside.output().unwrap().succeeded().out(), "mine\n");
    });
}

#[test]
fn doctor_finds_nothing_wrong_and_sees_into_a_caller() {
    on_each_side(|place| {
        let caller = place.caller(&[format!("--volume={}:/app", place.client.path().display())]);
        let ask = |args: &[&str]| place.proxy.ask(args).unwrap().succeeded().out();
        let (itself, other) = (ask(&["doctor"]), ask(&["doctor", "--for", &caller.name]));
        for (said, line) in [
            (&itself, "rootless Docker: "),
            (&itself, "each caller is identified by its process"),
            (&itself, "on the host, outside any container"),
            (&other, "/app  bind of "),
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
        for said in [itself, other] {
            assert!(!said.contains("hostward asks the engine"), "{said}");
        }
        let explained = ask(&["explain", "--for", &caller.name, "/bin/busybox"]);
        assert!(explained.contains("/vfs/dir/"), "{explained}");
    });
}
