//! What commands say where an engine answers: recorded ones, and none.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::world::{World, status, stderr, stdout};

/// An engine that gives the answers of a file in `crates/hostward/tests/answers`, and has a directory at every path.
fn engine(world: &World, name: &str) {
    let file = format!("{}/../hostward/tests/answers/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let recorded: toml::Table = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let listener = UnixListener::bind(world.path().join("engine.sock")).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut request = [0; 1024];
            let mut client = client.unwrap();
            let read = client.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let told = |key: &str| recorded[key].as_str().unwrap().to_owned();
            let (status, body) = match request.split(' ').nth(1).unwrap_or_default() {
                "/version" => (200, r#"{"Version":"28.5.2","ApiVersion":"1.51","Os":"linux"}"#.to_owned()),
                "/info" => (200, told("info")),
                "/volumes/cache" => (200, told("volume")),
                path if path.contains("/archive?") => (200, String::new()),
                path if path.starts_with("/containers/") => (200, told("inspect")),
                _ => (404, "{}".to_owned()),
            };
            // Go's mode of a directory.
            let stat = "eyJtb2RlIjoyMTQ3NDg0MTQxfQ==";
            let head = format!("Content-Length: {}\r\nX-Docker-Container-Path-Stat: {stat}", body.len());
            let _ = client.write_all(format!("HTTP/1.1 {status} X\r\n{head}\r\n\r\n{body}").as_bytes());
        }
    });
}

/// What a command says of the container of a recorded engine.
fn told_of(name: &str, args: &[&str]) -> String {
    let world = World::new();
    engine(&world, name);
    let address = format!("unix://{}", world.path().join("engine.sock").display());
    let told = world.told(&[args, &["--engine", &address, "--for", "caller"]].concat());
    // Of this machine, and of what the test may have of it.
    let (_, limits) = parted(&told);
    told.lines()
        .filter(|line| !line.contains("  process  ") && !limits.contains(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What a doctor says besides limits, and of these.
fn parted(told: &str) -> (Vec<&str>, Vec<&str>) {
    let mut is_limit = false;
    told.lines().partition(|line| {
        // What belongs to a line is indented beneath it.
        is_limit = if line.starts_with("       ") { is_limit } else { line.contains("  limits   ") };
        !is_limit
    })
}

#[test]
fn the_doctor_lists_all_limits_and_what_there_is_for_them() {
    let world = World::new().with("HOSTWARD_LIMIT_PATHS", "50");
    let doctor = |more: &[&str]| {
        let mut command = Command::new("prlimit");
        command.args(["--nofile=1024:1024", env!("CARGO_BIN_EXE_hostward"), "doctor"]).args(more);
        let asked = world.command(&[]);
        command.env_clear().envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))));
        // Where it is.
        command.env("PATH", "/usr/bin:/bin").output().unwrap()
    };
    let said = doctor(&[]);
    insta::assert_snapshot!(parted(stdout(&said)).1.join("\n"));
    let checks: serde_json::Value = serde_json::from_str(stdout(&doctor(&["--json"]))).unwrap();
    let limits = checks.as_array().unwrap().iter().find(|check| check["name"] == "limits").unwrap();
    let paths = limits["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == "paths").unwrap();
    assert_eq!(
        *paths,
        serde_json::json!({"name": "paths", "value": 50, "default": 1000, "unit": "count", "met": "413"})
    );
}

#[test]
fn explain_has_the_path_as_its_user_wrote_it() {
    for name in ["docker-desktop-mac", "docker-desktop-windows", "docker-desktop-wsl2", "docker-rootless"] {
        insta::assert_snapshot!(format!("explain_on_{name}"), told_of(name, &["explain", "/app/src"]));
    }
}

#[test]
fn the_doctor_names_the_kind_of_engine() {
    for name in
        ["docker-desktop-mac", "docker-desktop-windows", "docker-wsl2", "docker-rootless", "podman-rootless"]
    {
        insta::assert_snapshot!(format!("doctor_on_{name}"), told_of(name, &["doctor"]));
    }
}

#[test]
fn without_an_engine_and_maps_nothing_is_guessed() {
    let output = World::new().run(&["translate", "/app"]);
    assert_eq!((status(&output), stdout(&output)), (1, ""));
    assert!(stderr(&output).contains("unix:///nonexistent/engine.sock"), "{}", stderr(&output));
    assert!(stderr(&output).contains("\nhint: "), "{}", stderr(&output));
}

#[test]
fn the_doctor_ends_with_1_when_something_is_wrong() {
    let output = World::new().run(&["doctor"]);
    assert_eq!(status(&output), 1);
    assert!(stdout(&output).contains("WRONG  engine"), "{}", stdout(&output));
    let json = World::new().run(&["doctor", "--json"]);
    let checks: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(checks.as_array().unwrap().iter().any(|check| check["state"] == "wrong"), "{checks}");
}

#[test]
fn a_socket_that_is_no_socket_or_another_programs_is_wrong() {
    let world = World::new();
    engine(&world, "docker-rootless");
    world.write("plain", "");
    let address = |name: &str| format!("unix://{}", world.path().join(name).display());
    let listens = |name: &str| {
        let output = world.run(&["doctor", "--engine", &address("engine.sock"), "--listen", &address(name)]);
        let said = stdout(&output).lines().filter(|line| line.contains("  listen   ")).map(str::to_owned);
        said.collect::<Vec<_>>().join("\n")
    };
    for (name, wrong) in [
        ("plain", Some("exists and is not a socket")),
        ("plain/h.sock", Some("ot a directory")),
        ("engine.sock", Some("is served by an engine or another program, not hostward")),
        ("new.sock", None),
    ] {
        let said = listens(name);
        assert_eq!(said.starts_with("WRONG"), wrong.is_some(), "{name}: {said}");
        assert!(said.contains(wrong.unwrap_or_default()), "{name}: {said}");
    }
}

#[test]
fn a_program_that_is_no_engine_has_a_hint_of_its_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            // The alert of a server that speaks TLS.
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(b"\x15\x03\x01\x00\x02\x02\x16\r\n\r\n");
        }
    });
    for args in [&["translate", "--for", "web", "/a"][..], &["explain", "--for", "web", "/a"], &["doctor"]] {
        let output = World::new().run(&[args, &["--engine", &address]].concat());
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert!(said.contains("if the engine speaks TLS, set DOCKER_TLS_VERIFY=1"), "{args:?}: {said}");
        assert!(!said.contains("give the engine's address with --engine"), "{args:?}: {said}");
    }
}
