//! T11: whoever mounts the engine's socket, by any of its names, gets Hostward's, and is a caller in its turn.
//!
//! Every caller has its own `/app/storage`: that the content is its own tells whose view a path was read in. Paths are
//! asked for in the long form, so that an engine that gets one as it is refuses it, and makes nothing on the host.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, unique};
use hostward_tests::{Removed, World, docker, on_each_engine};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Output;

/// A script in a container, by the engine's own socket.
fn sh(engine: &Engine, container: &str, script: &str) -> Output {
    engine.docker(&["exec", container, "sh", "-c", script]).output().unwrap()
}

/// The same, which must succeed, and what it printed.
fn printed(engine: &Engine, container: &str, script: &str) -> String {
    sh(engine, container, script).succeeded().out()
}

/// Prints files by way of a container that the docker client `docker` makes.
fn cat(docker: &str, paths: &[&str]) -> String {
    let mounts =
        paths.iter().enumerate().map(|(n, path)| format!("--mount type=bind,source={path},target=/f{n} "));
    let targets: Vec<_> = (0..paths.len()).map(|n| format!("/f{n}")).collect();
    format!("{docker} run --rm {}busybox cat {}", mounts.collect::<String>(), targets.join(" "))
}

/// A tree in which every level has the next: `who` says which it is.
fn nest(world: &World, levels: usize) {
    for level in 1..=levels {
        world.write(&format!("{}who", "next/".repeat(level - 1)), &format!("storage of {level}\n"));
    }
}

#[test]
fn four_callers_deep_each_has_its_own_view() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        nest(&world, 4);
        // The last created goes first.
        let mut levels: Vec<Removed<'_>> = Vec::new();
        let mut name = world.caller.name.clone();
        for level in 1..=4 {
            let own = "mkdir -p /own && hostname > /own/name && cat /own/name";
            let hostname = printed(engine, &name, own);
            let seen = printed(engine, &name, &cat("docker", &["/app/storage/who", "/own/name"]));
            assert_eq!(seen, format!("storage of {level}\n{hostname}"));
            // Directories too, and what is not in the view is not there.
            let ls = "docker run --rm -v /app/storage:/d busybox ls /d";
            let expected = if level == 4 { "who\n" } else { "next\nwho\n" };
            assert_eq!(printed(engine, &name, ls), expected);
            let host = world.storage.path().join("who").display().to_string();
            let refused = sh(engine, &name, &cat("docker", &[&host]));
            if level > 1 {
                // It is beneath no mount of its own.
                assert_eq!(refused.failed().out(), "");
            }
            if level == 4 {
                break;
            }

            let next = unique("hw-level");
            let socket = if level == 1 { "/run/hostward/docker.sock" } else { "/var/run/docker.sock" };
            let mounts = format!("-v {socket}:/var/run/docker.sock -v /app/storage/next:/app/storage");
            levels.insert(0, Removed::new(engine, next.clone()));
            printed(
                engine,
                &name,
                &format!("docker run -d --name {next} {mounts} hostward/caller sleep infinity"),
            );
            let asked = ["/app/storage/next:/app/storage", &format!("{socket}:/var/run/docker.sock")];
            let inspect = format!("docker inspect --format '{{{{join .HostConfig.Binds \" \"}}}}' {next}");
            let read = printed(engine, &name, &inspect);
            // The client of 28 sends them in any order, to the bare engine too.
            let mut read: Vec<_> = read.split_whitespace().collect();
            read.sort_unstable();
            assert_eq!(read, asked);
            // It knows itself by its own paths.
            let itself = printed(engine, &next, &format!("docker inspect {next}"));
            let storage = world.storage.path().display().to_string();
            for absent in [&storage, "hwproxy-", "hostward.asked"] {
                assert!(!itself.contains(absent), "{absent} in {itself}");
            }
            name = next;
        }
    });
}

#[test]
fn by_every_name_it_is_hostwards() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        nest(&world, 2);
        let own = fs::metadata(world.proxy.socket()).unwrap().ino();
        let child = "docker -H unix:///t.sock";
        let script = format!("stat -c %i /t.sock; {}", cat(child, &["/app/storage/who"]));
        let mut containers = Vec::new();
        for socket in [
            "/var/run/docker.sock",
            "/run/docker.sock",
            "/var/run/docker-host.sock",
            "//var/run/docker.sock",
            "/run/hostward/docker.sock",
        ] {
            for mount in
                [format!("-v {socket}:/t.sock"), format!("--mount type=bind,source={socket},target=/t.sock")]
            {
                let name = Removed::new(engine, unique("hw-named"));
                let run = format!(
                    "docker run -d --name {} {mount} -v /app/storage/next:/app/storage hostward/caller sh -c '{script}'",
                    name.name()
                );
                world.sh(&run);
                containers.push((name, mount));
            }
        }
        for (name, mount) in containers {
            docker(engine, &engine.socket, &["wait", name.name()]);
            let output = engine.docker(&["logs", name.name()]).output().unwrap();
            assert_eq!(output.out(), format!("{own}\nstorage of 2\n"), "{mount}: {}", output.err());
        }
    });
}

#[test]
fn who_has_the_engines_own_socket_hands_on_hostwards() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        nest(&world, 2);
        let (raw, own) =
            (fs::metadata(&engine.socket).unwrap().ino(), fs::metadata(world.proxy.socket()).unwrap().ino());
        let caller = Caller::start_with(
            engine,
            &[
                format!("--volume={}:/app/storage", world.storage.path().display()),
                format!("--volume={}:/run/hostward", world.proxy.socket().parent().unwrap().display()),
                format!("--volume={}:/raw.sock", engine.socket.display()),
                format!("--volume={}:/run/docker.sock", engine.socket.display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            ],
        )
        .unwrap();
        assert_eq!(caller.sh_ok("stat -c %i /raw.sock").unwrap(), raw.to_string());
        caller.sh_ok("ln -sf /raw.sock /app/storage/link.sock").unwrap();
        let script =
            format!("stat -c %i /t.sock; {}", cat("docker -H unix:///t.sock", &["/app/storage/who"]));
        for socket in [
            "/raw.sock",
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/app/storage/link.sock",
            "/app/../raw.sock",
        ] {
            let run = format!(
                "docker run --rm -v {socket}:/t.sock -v /app/storage/next:/app/storage hostward/caller sh -c '{script}'"
            );
            assert_eq!(caller.sh_ok(&run).unwrap(), format!("{own}\nstorage of 2"), "{socket}");
        }
    });
}
