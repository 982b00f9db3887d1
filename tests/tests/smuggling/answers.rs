//! Answers that two readers take for different ones: an engine that is played, behind Hostward.

use crate::lenient;
use crate::raw;
use hostward_testkit::Proxy;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

/// What the engine answers, to a `GET` if nothing else is said; what comes of it for the client, whose second request has an
/// answer of its own.
const CASES: [(&str, &str, &str, &str); 24] = [
    ("a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", "200 201"),
    (
        "chunks",
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        "200 201",
    ),
    (
        "both lengths",
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nEVIL",
        "502 201",
    ),
    (
        "two lengths",
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 4\r\n\r\nEVIL",
        "502 201",
    ),
    ("a list of lengths", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\nEVIL", "502 201"),
    ("a negative length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nEVIL", "502 201"),
    ("another encoding", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nEVIL", "502 201"),
    ("chunks of 1.0", "GET", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nEVIL", "502 201"),
    ("a bare LF", "GET", "HTTP/1.1 200 OK\nContent-Length: 4\n\nEVIL", "502 201"),
    ("a folded line", "GET", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 4\r\n\r\nEVIL", "502 201"),
    ("a blank before the colon", "GET", "HTTP/1.1 200 OK\r\nContent-Length : 4\r\n\r\nEVIL", "502 201"),
    ("a NUL in a header", "GET", "HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 4\r\n\r\nEVIL", "502 201"),
    ("no HTTP", "GET", "EVIL\r\n\r\n", "502 201"),
    ("another version", "GET", "HTTP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nEVIL", "502 201"),
    ("a body behind a HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL", "200 201"),
    ("a body behind a 204", "GET", "HTTP/1.1 204 No Content\r\n\r\nEVIL", "204 201"),
    ("a length of a 204", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nEVIL", "204 201"),
    ("a body behind a 304", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nEVIL", "304 201"),
    (
        "a second answer",
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbodyHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL",
        "200 201",
    ),
    (
        "an interim answer",
        "GET",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        "102 200 201",
    ),
    (
        "an interim answer with a body",
        "GET",
        "HTTP/1.1 100 Continue\r\nContent-Length: 4\r\n\r\nEVILHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        "502 201",
    ),
    ("another protocol", "GET", "HTTP/1.1 101 UPGRADED\r\nUpgrade: h2c\r\n\r\nEVIL", "502 201"),
    (
        "HTTP/2, offered as Java's client does",
        "H2C",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\nEVIL",
        "502 201",
    ),
    (
        "chunks that are none",
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-4\r\nEVIL",
        "200 close",
    ),
];

#[test]
fn an_answer_that_could_be_read_in_two_ways_reaches_no_client() {
    let folder = hostward_tests::host_dir();
    let socket = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            thread::spawn(|| serve(client.unwrap()));
        }
    });
    let proxy = Proxy::start_to(&socket, &[] as &[&str]).unwrap();
    let sent: Vec<_> = CASES
        .iter()
        .enumerate()
        .map(|(n, (_, kind, ..))| {
            let (method, upgrade) = match *kind {
                "H2C" => (
                    "GET",
                    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n",
                ),
                method => (method, ""),
            };
            let first = format!("{method} /played/{n} HTTP/1.1\r\nHost: d\r\n{upgrade}\r\n");
            let second = "GET /second HTTP/1.1\r\nHost: d\r\n\r\n";
            ([first.as_str(), second].concat().into_bytes(), false)
        })
        .collect();
    let mut wrong = Vec::new();
    for ((name, .., expected), heard) in CASES.iter().zip(raw::send(&proxy.socket(), &sent)) {
        let said = heard.summary();
        if said != *expected || lenient::contains(&heard.bytes, b"EVIL") {
            let text = String::from_utf8_lossy(&heard.bytes).into_owned();
            wrong.push(format!("{name}: expected `{expected}`, heard `{said}`: {text:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Answers what is asked, request by request.
fn serve(mut client: UnixStream) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..length]);
        while let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = bytes.drain(..end + 4).collect();
            let head = String::from_utf8_lossy(&head).into_owned();
            let target = head.split(' ').nth(1).unwrap_or_default();
            let played = target.strip_prefix("/played/").and_then(|n| CASES.get(n.parse::<usize>().ok()?));
            let answer = match played {
                Some((_, _, answer, _)) => *answer,
                None if target == "/second" => "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
                None => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            };
            if client.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}
