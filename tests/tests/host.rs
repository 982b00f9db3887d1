//! A caller that is in no container has the identity view (T14): the engine receives its bytes as they were sent.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Engine, Proxy, unique};
use hostward_tests::recorder::Recorder;
use hostward_tests::{Removed, docker, on_each_engine};

/// What an engine receives of some commands, by way of `front` if there is one.
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
    recorder.take()
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
