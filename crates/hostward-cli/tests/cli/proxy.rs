//! `proxy` and `health`: it serves until it is told to end.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::world::{World, get, status, stderr, stdout, without_limits};

/// Starts `hostward proxy`, waits until all these sockets are there, and ends it as a service manager does.
fn served(world: &World, args: &[&str], sockets: &[&str], ask: impl FnOnce()) -> Output {
    let mut command = world.command(&[&["proxy"], args].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let there = || sockets.iter().all(|socket| UnixStream::connect(world.path().join(socket)).is_ok());
    let limit = Instant::now() + Duration::from_secs(10);
    while !there() && child.try_wait().unwrap().is_none() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(10));
    }
    ask();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_proxy_serves_until_it_is_told_to_end() {
    let world = World::new();
    let listen = format!("unix://{}", world.path().join("h.sock").display());
    let mut answer = String::new();
    let output = served(&world, &["--listen", &listen], &["h.sock"], || {
        let mut client = UnixStream::connect(world.path().join("h.sock")).unwrap();
        client.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").unwrap();
        client.read_to_string(&mut answer).unwrap();
    });
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert_eq!((status(&output), stdout(&output)), (0, ""), "{}", stderr(&output));
    assert!(!world.path().join("h.sock").exists());
}

/// An engine that answers every request with nothing.
fn stand_in(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut asked = [0; 1024];
            let _ = client.read(&mut asked);
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK");
        }
    });
}

#[test]
fn an_engine_that_is_down_has_a_line_at_the_start_and_few_at_failures() {
    let world = World::new();
    let address = |name: &str| format!("unix://{}", world.path().join(name).display());
    let (listen, engine) = (address("h.sock"), address("e.sock"));
    let args = ["--listen", &listen, "--engine", &engine];
    let ping = || get(&world.path().join("h.sock"), "/_ping").0;
    let output = served(&world, &args, &["h.sock"], || {
        for _ in 0..20 {
            assert!(ping().starts_with("HTTP/1.1 502 "));
        }
        stand_in(&world.path().join("e.sock"));
        assert!(ping().starts_with("HTTP/1.1 200 "));
        assert!(ping().starts_with("HTTP/1.1 200 "));
    });
    let said = stderr(&output);
    let lines = |words: &str| said.lines().filter(|line| line.contains(words)).collect::<Vec<_>>();
    let warned = lines("the engine does not answer");
    assert!((1..=2).contains(&warned.len()) && warned.iter().all(|line| line.contains("WARN")), "{said}");
    assert!(warned[0].contains("e.sock") && warned[0].contains("No such file"), "{said}");
    assert_eq!(lines("the engine answers again").len(), 1, "{said}");
}

#[test]
fn the_proxy_serves_every_socket_of_the_configuration() {
    let world = World::new();
    let listen = |name: &str| format!("[[listen]]\naddress = \"{}\"\n", world.path().join(name).display());
    let text = format!("log = \"error\"\n{}{}for = \"web\"\n", listen("a.sock"), listen("b.sock"));
    world.write(".config/hostward/hostward.toml", &text);
    let output = served(&world, &[], &["a.sock", "b.sock"], || {});
    assert_eq!((status(&output), stderr(&output)), (0, ""));
}

#[test]
fn the_proxy_keeps_its_key_where_it_is_told() {
    let world = World::new().with("HOSTWARD_STATE", "");
    let listen = format!("unix://{}", world.path().join("h.sock").display());
    let serve = |more: &[&str]| served(&world, &[&["--listen", &listen], more].concat(), &["h.sock"], || {});
    let named = world.path().join("named").display().to_string();
    world.write("h.toml", &format!("state = \"{}/of-file\"\n", world.path().display()));
    for (flags, directory) in [(&["--state", &named][..], "named"), (&["--config", "h.toml"], "of-file")] {
        assert_eq!(status(&serve(flags)), 0);
        let key = fs::metadata(world.path().join(directory).join("key")).unwrap();
        assert_eq!((key.permissions().mode() & 0o777, key.len()), (0o600, 32), "{directory}");
    }
    let relative = world.run(&["proxy", "--listen", &listen, "--state", "named"]);
    assert_eq!(status(&relative), 2);
    assert!(stderr(&relative).contains("\"named\" is not an absolute path"), "{}", stderr(&relative));
}

#[test]
fn a_proxy_without_a_socket_says_how_to_name_one() {
    let output = World::new().run(&["proxy"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("hint: hostward proxy --listen "), "{}", stderr(&output));
    let engine = World::new().run(&["proxy", "--listen", "unix:///nonexistent/engine.sock"]);
    assert_eq!(status(&engine), 2, "{}", stderr(&engine));
    assert!(stderr(&engine).contains("both the socket to serve and the engine's"), "{}", stderr(&engine));
}

#[test]
fn plain_tcp_that_other_machines_reach_must_be_meant() {
    let world = World::new();
    insta::assert_snapshot!(world.told(&["proxy", "--listen", "tcp://0.0.0.0:2375"]));
    world.write("tcp.toml", "[[listen]]\naddress = \"tcp://0.0.0.0:2375\"\n");
    insta::assert_snapshot!(world.told(&["proxy", "--config", "tcp.toml"]));
    world.write("tcp.toml", "[[listen]]\naddress = \"tcp://0.0.0.0:2375\"\nplain_tcp = true\n");
    insta::assert_snapshot!(without_limits(&world.told(&["config", "check", "tcp.toml"])));
    let admin = ["--listen", "unix:///nonexistent/h.sock", "--admin", "tcp://0.0.0.0:2380"];
    insta::assert_snapshot!(world.told(&[&["proxy"][..], &admin].concat()));
}

#[test]
fn a_socket_for_every_user_is_warned_of() {
    let world = World::new();
    world.write("open.toml", "[[listen]]\naddress = \"unix:///run/h.sock\"\nmode = \"0666\"\n");
    insta::assert_snapshot!(without_limits(&world.told(&["config", "check", "open.toml"])));
}

#[test]
fn health_says_whom_to_ask_and_when_nobody_answers() {
    let world = World::new();
    insta::assert_snapshot!(world.told(&["health"]));
    insta::assert_snapshot!(world.told(&["health", "--admin", "unix:///nonexistent/admin.sock"]));
}

#[test]
fn a_proxy_without_its_engine_is_healthy_and_not_ready() {
    let world = World::new();
    let address = |name: &str| format!("unix://{}", world.path().join(name).display());
    let (listen, admin) = (address("h.sock"), address("admin.sock"));
    let args = ["--listen", &listen, "--admin", &admin, "--log-format", "json"];
    let output = served(&world, &args, &["h.sock", "admin.sock"], || {
        insta::assert_snapshot!(world.told(&["health", "--admin", &admin]));
        let json = world.run(&["health", "--json", "--admin", &admin]);
        assert_eq!(status(&json), 1);
        let ready: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!((&ready["ready"], &ready["sockets"]), (&false.into(), &1.into()), "{ready}");
        let (head, body) = get(&world.path().join("admin.sock"), "/health");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let health: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (&health["status"], &health["version"]),
            (&"serving".into(), &env!("CARGO_PKG_VERSION").into())
        );
        assert!(health["engine"]["error"].as_str().unwrap().contains("/nonexistent/engine.sock"), "{health}");
        assert_eq!(health["listeners"][0]["address"], listen);
        assert_eq!(
            get(&world.path().join("admin.sock"), "/ready").0.lines().next(),
            Some("HTTP/1.1 503 Service Unavailable")
        );
        assert!(get(&world.path().join("admin.sock"), "/").0.starts_with("HTTP/1.1 404 "));
        // A socket that lost its file is not ready either, and whoever served it says which.
        fs::remove_file(world.path().join("h.sock")).unwrap();
        let lost = world.run(&["health", "--admin", &admin]);
        assert!(stderr(&lost).contains("/h.sock: the socket's file is gone"), "{}", stderr(&lost));
    });
    assert_eq!(status(&output), 0);
    assert!(!world.path().join("admin.sock").exists());
    for line in stderr(&output).lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(["timestamp", "level", "target", "fields"].iter().all(|key| !line[*key].is_null()), "{line}");
    }
}
