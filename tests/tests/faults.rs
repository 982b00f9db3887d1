//! The engine goes away in the middle of a stream, and comes back, behind a proxy that stays.
//!
//! Alone in its binary, and alone on the machine while it runs (`.config/nextest.toml`): it kills engines.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::catalog::{Catalog, EngineSpec, Kind};
use hostward_testkit::{Caller, Engine, OutputText, Proxy, daemon, engines, unique};
use hostward_tests::{Removed, docker, host_dir, wait_until};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A second by the contract, and as much again for a busy machine.
const LIMIT: Duration = Duration::from_secs(2);

/// Kills an engine's daemon without a word of warning.
fn kill(engine: &Engine) {
    let pid = std::fs::read_to_string(engine.socket.with_file_name("dockerd.pid")).unwrap();
    assert!(Command::new("kill").args(["-9", pid.trim()]).status().unwrap().success());
}

/// Waits for a client's end, and says how long it took.
fn ends(child: &mut Child, what: &str) {
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("{what} still waits {LIMIT:?} after its engine was killed");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Of the engines to test on, all of which must be engines.toml's, those that may be killed.
fn may_be_killed(catalog: &Catalog) -> Vec<&EngineSpec> {
    let spec = |engine: Engine| {
        let spec = catalog.engines.iter().find(|spec| spec.name == engine.name);
        spec.expect(
            "this test kills its engines, so it does not run on yours: leave it out with -E 'not binary(faults)'",
        )
    };
    engines().unwrap().into_iter().map(spec).collect()
}

#[test]
fn a_killed_engine_ends_its_streams_and_the_next_one_is_served() {
    let catalog = Catalog::load().unwrap();
    for spec in may_be_killed(&catalog) {
        let engine = Engine::of(spec).unwrap();
        let proxy = Proxy::start(&engine, &[] as &[&str]).unwrap();
        let container = Removed::new(&engine, unique("hw-fault"));
        let name = container.name();
        let says = "while true; do echo tick; sleep 0.1; done";
        docker(&engine, &proxy.socket(), &["run", "-d", "--name", name, "busybox", "sh", "-c", says]);

        let through = |args: &[&str]| {
            let mut command = engine.docker_at(&proxy.socket(), args);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let mut logs = through(&["logs", "-f", name]);
        let mut exec = through(&["exec", "-i", name, "sh", "-c", "echo ready; cat"]);
        let mut lines = [&mut logs, &mut exec].map(|child| BufReader::new(child.stdout.take().unwrap()));
        for stream in &mut lines {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            assert!(matches!(line.trim(), "tick" | "ready"), "{line:?}");
        }

        kill(&engine);
        ends(&mut logs, "logs -f");
        ends(&mut exec, "exec -i");
        for stream in &mut lines {
            let mut rest = String::new();
            stream.read_to_string(&mut rest).unwrap();
        }
        let gone = engine.docker_at(&proxy.socket(), &["ps"]).output().unwrap();
        let said = gone.failed().err();
        assert!(said.contains("hostward cannot reach the engine at unix://"), "{said}");

        daemon::up(&catalog, spec).unwrap();
        let again = ["run", "--rm", "busybox", "echo", "back"];
        assert_eq!(docker(&engine, &proxy.socket(), &again), "back\n");
    }
}

#[test]
fn callers_are_known_anew_when_their_engine_is_back() {
    let catalog = Catalog::load().unwrap();
    // The tests' Podman begins without containers.
    for spec in may_be_killed(&catalog).into_iter().filter(|spec| spec.kind == Kind::Docker) {
        let engine = Engine::of(spec).unwrap();
        let proxy = Proxy::start(&engine, &[] as &[&str]).unwrap();
        let run = proxy.socket();
        let start = |name: &str, content: &str| {
            let storage = host_dir();
            std::fs::write(storage.path().join("who"), content).unwrap();
            (Caller::start_called(&engine, name.to_owned(), &run, storage.path()).unwrap(), storage)
        };
        let sees = |caller: &Caller| {
            let see =
                "docker run --rm --mount type=bind,source=/app/storage/who,target=/who busybox cat /who";
            caller.sh(see).unwrap().succeeded().out()
        };
        let name = unique("hw-replaced");
        let (kept, _storage) = start(&unique("hw-kept"), "kept\n");
        let (replaced, _storage) = start(&name, "before\n");
        assert_eq!(sees(&kept), "kept\n");
        assert_eq!(sees(&replaced), "before\n");

        kill(&engine);
        daemon::up(&catalog, spec).unwrap();
        // An engine that was killed has stopped its containers when it is back.
        docker(&engine, &engine.socket, &["start", &kept.id]);
        drop(replaced);
        let (successor, _storage) = start(&name, "after\n");
        assert_eq!(sees(&successor), "after\n");
        assert_eq!(sees(&kept), "kept\n");
    }
}

#[test]
fn an_engine_that_was_killed_starts_a_container_again_with_what_was_judged() {
    let catalog = Catalog::load().unwrap();
    for spec in may_be_killed(&catalog).into_iter().filter(|spec| spec.kind == Kind::Docker) {
        let engine = Engine::of(spec).unwrap();
        let proxy = Proxy::start(&engine, &["--preset", "ci", "--allow-root", "/"]).unwrap();
        let (storage, secret) = (host_dir(), host_dir());
        let at = |name: &str| storage.path().join(name);
        std::fs::create_dir(at("d")).unwrap();
        std::fs::write(at("d/who"), "the caller's\n").unwrap();
        std::fs::write(secret.path().join("who"), "the host's\n").unwrap();
        let caller = Caller::start(&engine, &proxy.socket(), storage.path()).unwrap();
        let run = "docker run -d --restart always -v /app/storage/d:/x busybox sh -c 'cat /x/who; sleep 600'";
        let id = caller.sh_ok(run).unwrap();
        let _removed = Removed::new(&engine, &id);
        let said = |times: usize| {
            let logs = docker(&engine, &engine.socket, &["logs", &id]);
            assert!(!logs.contains("the host's"), "{logs}");
            logs.matches("the caller's").count() >= times
        };
        wait_until("it has started", || said(1));

        kill(&engine);
        std::fs::rename(at("d"), at("away")).unwrap();
        std::os::unix::fs::symlink(secret.path(), at("d")).unwrap();
        daemon::up(&catalog, spec).unwrap();
        // By a pin it starts with what was judged; a subpath that leads out of its volume keeps it from starting.
        let state = || {
            docker(
                &engine,
                &engine.socket,
                &["inspect", "--format", "{{.State.Status}} {{.State.Error}}", &id],
            )
        };
        wait_until("the engine has tried to start it", || said(2) || state().contains("escapes the base"));

        std::fs::remove_file(at("d")).unwrap();
        std::fs::rename(at("away"), at("d")).unwrap();
        docker(&engine, &engine.socket, &["restart", "-t", "0", &id]);
        wait_until("it has started again", || said(2));
    }
}
