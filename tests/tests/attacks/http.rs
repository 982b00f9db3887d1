//! Requests by hand: a client would correct what an attacker sends.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::case::{Packing, Request};

/// How long an engine may take to answer.
const LIMIT: Duration = Duration::from_secs(20);
/// What goes on longer than this without a word is a stream that does not end.
const QUIET: Duration = Duration::from_millis(600);

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// The error's text, or the body.
    pub(crate) fn said(&self) -> String {
        let said = self.json()["message"].as_str().map(str::to_owned);
        said.unwrap_or_else(|| self.body.clone())
    }

    /// A text of it, by its name.
    pub(crate) fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// A request's bytes.
pub(crate) fn bytes(request: &Request) -> Vec<u8> {
    let mut head = format!("{} HTTP/1.1\r\nHost: docker\r\n", request.send);
    let mut body = Vec::new();
    let mut kind = None;
    if let Some(json) = &request.json {
        body = json.clone().into_bytes();
        kind = Some("application/json");
    } else if let Some(text) = &request.text {
        body = text.clone().into_bytes();
    } else if let Some(files) = &request.tar {
        body = archive(files.iter().map(|(name, content)| (name.as_str(), content.as_str())));
        body = match request.packing {
            None => body,
            Some(Packing::Gzip) => zipped(&body),
            Some(Packing::GzipInTwo) => {
                let (one, two) = body.split_at(body.len() / 2);
                [zipped(one), zipped(two)].concat()
            }
        };
        kind = Some("application/x-tar");
    }
    let named = |name: &str| request.headers.keys().any(|key| key.eq_ignore_ascii_case(name));
    if let Some(kind) = kind.filter(|_| !named("content-type")) {
        let _ = write!(head, "Content-Type: {kind}\r\n");
    }
    if !request.send.starts_with("GET ") && !request.send.starts_with("HEAD ") {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    if !named("connection") {
        head.push_str("Connection: close\r\n");
    }
    for (name, value) in &request.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", &body].concat()
}

/// Sends a request and reads what is answered.
pub(crate) fn ask(socket: &Path, request: &Request) -> Answer {
    send(socket, &bytes(request)).unwrap_or_else(|error| panic!("{}: {error}", request.send))
}

/// What is at a target.
pub(crate) fn get(socket: &Path, target: &str) -> Answer {
    plain(socket, "GET", target, None)
}

/// A request without anything special.
pub(crate) fn plain(socket: &Path, method: &str, target: &str, json: Option<String>) -> Answer {
    let send = format!("{method} {target}");
    ask(socket, &Request { send, headers: BTreeMap::new(), json, text: None, tar: None, packing: None })
}

fn send(socket: &Path, bytes: &[u8]) -> std::io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(QUIET))?;
    stream.set_write_timeout(Some(LIMIT))?;
    // Who refuses a body may close before all of it has come.
    let _ = stream.write_all(bytes);
    let start = Instant::now();
    let (mut answer, mut buffer) = (Vec::new(), [0; 16384]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                answer.extend_from_slice(&buffer[..length]);
                if is_whole(&answer) {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // All else ends by itself: `Connection: close` was asked for.
                if answer.starts_with(b"HTTP/1.1 101") || start.elapsed() > LIMIT {
                    break;
                }
            }
            Err(error) if answer.is_empty() => return Err(error),
            Err(_) => break,
        }
        if start.elapsed() > LIMIT {
            break;
        }
    }
    let Some(end) = head_of(&answer) else {
        // A connection that is closed without an answer is a refusal, too.
        return Ok(Answer { status: 0, body: String::from_utf8_lossy(&answer).into_owned() });
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = &answer[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_vec() };
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Whether all of an answer with a length is there: after a request to upgrade the connection may stay open.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = head_of(answer) else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length
        .and_then(|length| length.trim().parse().ok())
        .is_some_and(|length: usize| answer.len() >= end + 4 + length)
}

fn head_of(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|window| window == b"\r\n\r\n")
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let size =
            std::str::from_utf8(&body[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size @ 1..) = size else { break };
        let rest = &body[end + 2..];
        whole.extend_from_slice(&rest[..size.min(rest.len())]);
        body = rest.get(size + 2..).unwrap_or_default();
    }
    whole
}

/// What gzip makes of it.
fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap()
}

/// A tar archive, as simple as they come. `SHOWN <pax> NAME` and `SHOWN <gnu> NAME` are entries whose name is said before them, and
/// `behind the end: NAME` stands where nobody should look.
fn archive<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let (mut tar, mut behind) = (Vec::new(), Vec::new());
    for (name, content) in files {
        if let Some(name) = name.strip_prefix("behind the end: ") {
            entry(&mut behind, name, b"0", "", content);
            continue;
        }
        let mut shown = name;
        if let Some((name, long)) = name.split_once(" <pax> ") {
            let length = format!("00 path={long}\n").len();
            entry(&mut tar, name, b"x", "", &format!("{length} path={long}\n"));
            shown = name;
        } else if let Some((name, long)) = name.split_once(" <gnu> ") {
            entry(&mut tar, name, b"L", "", &format!("{long}\0"));
            shown = name;
        }
        match (content.strip_prefix("-> "), content.strip_prefix("=> ")) {
            (Some(target), _) => entry(&mut tar, shown, b"2", target, ""),
            (_, Some(target)) => entry(&mut tar, shown, b"1", target, ""),
            _ if shown.ends_with('/') => entry(&mut tar, shown, b"5", "", content),
            _ => entry(&mut tar, shown, b"0", "", content),
        }
    }
    tar.resize(tar.len() + 1024, 0);
    if !behind.is_empty() {
        tar.extend(behind);
        tar.resize(tar.len() + 1024, 0);
    }
    tar
}

/// One entry of it.
fn entry(tar: &mut Vec<u8>, name: &str, kind: &[u8], link: &str, content: &str) {
    let mut header = [0u8; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000755\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, kind);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(&header);
    tar.extend_from_slice(content.as_bytes());
    tar.resize(tar.len().next_multiple_of(512), 0);
}
