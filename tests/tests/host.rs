//! A caller that is in no container has the identity view (T14): the engine receives its bytes as they were sent.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Engine, Proxy, unique};
use hostward_tests::{Removed, docker, host_dir, on_each_engine};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to an engine, and keeps every byte that a client sent, a connection after the other.
fn record(at: &Path, engine: &Path) -> Arc<Mutex<Vec<Vec<u8>>>> {
    let listener = UnixListener::bind(at).unwrap();
    let engine = engine.to_owned();
    let record: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let kept = Arc::clone(&record);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(engine)) = (client, UnixStream::connect(&engine)) else { return };
            let index = {
                let mut kept = kept.lock().unwrap();
                kept.push(Vec::new());
                kept.len() - 1
            };
            let kept = Arc::clone(&kept);
            let (from, to) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
            thread::spawn(move || {
                copy(from, to, |bytes| kept.lock().unwrap()[index].extend_from_slice(bytes));
            });
            thread::spawn(move || copy(engine, client, |_| {}));
        }
    });
    record
}

fn copy(mut from: UnixStream, mut to: UnixStream, mut keep: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        keep(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// What an engine receives of some commands, by way of `front` if there is one.
fn received(engine: &Engine, name: &str, through: bool) -> Vec<Vec<u8>> {
    let folder = host_dir();
    let recorder = folder.path().join("recorder.sock");
    let record = record(&recorder, &engine.socket);
    let proxy = through.then(|| Proxy::start_to(&recorder, &[] as &[&str]).unwrap());
    let socket = proxy.as_ref().map_or(recorder, Proxy::socket);
    record.lock().unwrap().clear(); // what starting the proxy asked
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
    let received = record.lock().unwrap().clone();
    // A connection that sent nothing says nothing.
    received.into_iter().filter(|bytes| !bytes.is_empty()).collect()
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
