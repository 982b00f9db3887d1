//! Asks an engine one question: one connection, one request, one answer in memory.
//!
//! For Hostward's own questions (inspect, version, what stands at a path). What callers ask goes through the proxy's
//! data path, never through here.

use std::error::Error;
use std::path::Path;
use std::time::Duration;
use std::{fmt, io};

use crate::address::Address;
use crate::connect;
use crate::http1::{Framing, FramingError, HeadEnd, HeadError, ResponseHead};
use crate::stream::Stream;

/// How long an engine may take for one of Hostward's own questions. A busy one can need a second to inspect.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// No answer that Hostward asks for is near this; an endless one must not fill the memory.
const MAX_ANSWER: usize = 16 << 20;

/// As much of it is read at a time.
const READ: usize = 8 << 10;

/// An engine's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status: 200, 404, ….
    pub status: u16,
    /// The body, with any chunking removed; empty for a HEAD.
    pub body: Vec<u8>,
    /// The head as it came.
    pub(crate) head: Vec<u8>,
}

impl Answer {
    /// The value of a header, the first where it stands twice.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.head.split(|&b| b == b'\n').skip(1).find_map(|line| {
            let colon = line.iter().position(|&b| b == b':')?;
            line[..colon].eq_ignore_ascii_case(name.as_bytes()).then(|| line[colon + 1..].trim_ascii())
        })
    }
}

/// What is asked for: the whole answer, or its head alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
    Post,
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        })
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub struct ClientError {
    engine: Box<Address>,
    method: Method,
    path: String,
    reason: NoAnswer,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { engine, method, path, reason } = self;
        match reason {
            // What would have been asked does not matter.
            NoAnswer::Connect(error) => write!(f, "cannot connect to the engine at {engine}: {error}"),
            reason => write!(f, "{method} {path} at {engine}: {reason}"),
        }
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.reason)
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    #[error("the answer is cut short")]
    CutShort,
    #[error("the answer is larger than {} MiB", MAX_ANSWER >> 20)]
    TooLarge,
    #[error("the answer is not HTTP/1.1: {0}")]
    Head(#[from] HeadError),
    #[error("the answer is not HTTP/1.1: {0}")]
    Framing(#[from] FramingError),
}

#[cfg(test)]
impl ClientError {
    /// As if a question had met this.
    pub(crate) fn of(engine: &Address, path: &str, reason: NoAnswer) -> Self {
        Self { engine: Box::new(engine.clone()), method: Method::Get, path: path.to_owned(), reason }
    }
}

impl ClientError {
    /// True when not even a connection came about: the engine is not there, or the socket may not be opened.
    pub fn is_connect(&self) -> bool {
        matches!(self.reason, NoAnswer::Connect(_))
    }

    /// The engine's socket, when its file is there and nobody listens.
    pub fn abandoned_socket(&self) -> Option<&Path> {
        let refused = matches!(&self.reason, NoAnswer::Connect(error) if error.kind() == io::ErrorKind::ConnectionRefused);
        self.engine.socket().filter(|_| refused)
    }

    /// True when nothing comes from there, or nothing that an engine says: the address may be another program's, or speak TLS.
    pub fn is_no_engine(&self) -> bool {
        matches!(self.reason, NoAnswer::Late(_) | NoAnswer::Head(_) | NoAnswer::Framing(_))
    }

    /// True when the socket is there and this user may not open it.
    pub fn is_permission_denied(&self) -> bool {
        matches!(&self.reason, NoAnswer::Connect(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Asks `GET path` and reads the whole answer, within `patience`.
///
/// `path` is sent as it is: check a name before you build a path from it.
pub async fn get(engine: &Address, path: &str, patience: Duration) -> Result<Answer, ClientError> {
    ask(engine, Method::Get, path, "", patience).await
}

/// Asks `POST path` with a body in JSON, like [`get`].
pub async fn post(
    engine: &Address,
    path: &str,
    body: &str,
    patience: Duration,
) -> Result<Answer, ClientError> {
    ask(engine, Method::Post, path, body, patience).await
}

/// Bytes in a URL: the unreserved ones (RFC 3986) and those of `kept` stand for themselves.
pub fn escape(bytes: &[u8], kept: &[u8]) -> String {
    use fmt::Write;
    let mut escaped = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) || kept.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Asks `HEAD path`, like [`get`]; the answer has no body.
pub async fn head(engine: &Address, path: &str, patience: Duration) -> Result<Answer, ClientError> {
    ask(engine, Method::Head, path, "", patience).await
}

/// Asks `DELETE path`, like [`get`].
pub async fn delete(engine: &Address, path: &str, patience: Duration) -> Result<Answer, ClientError> {
    ask(engine, Method::Delete, path, "", patience).await
}

async fn ask(
    engine: &Address,
    method: Method,
    path: &str,
    body: &str,
    patience: Duration,
) -> Result<Answer, ClientError> {
    tokio::time::timeout(patience, exchange(engine, method, path, body))
        .await
        .unwrap_or(Err(NoAnswer::Late(patience)))
        .map_err(|reason| ClientError {
            engine: Box::new(engine.clone()),
            method,
            path: path.to_owned(),
            reason,
        })
}

async fn exchange(engine: &Address, method: Method, path: &str, body: &str) -> Result<Answer, NoAnswer> {
    let stream = connect::connect(engine).await.map_err(NoAnswer::Connect)?;
    stream.write_all(request(engine, method, path, body).as_bytes()).await?;
    read_answer(&stream, method).await
}

fn request(engine: &Address, method: Method, path: &str, body: &str) -> String {
    let host = match engine {
        // Go's server wants a Host that looks like one; the docker CLI sends a name of no meaning as well.
        Address::Unix(_) | Address::Ssh { .. } => "docker".to_owned(),
        Address::Tcp { .. } | Address::Tls { .. } => {
            engine.to_string().trim_start_matches("tcp://").to_owned()
        }
    };
    let version = env!("CARGO_PKG_VERSION");
    let length = match method {
        Method::Get | Method::Head | Method::Delete => String::new(),
        Method::Post => format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: hostward/{version}\r\n\
         Accept: application/json\r\n{length}Connection: close\r\n\r\n{body}"
    )
}

/// Reads heads until one that is final, then its body. A proxy in between may keep the connection open in spite of
/// `Connection: close`, so the body's own end counts.
async fn read_answer(stream: &Stream, method: Method) -> Result<Answer, NoAnswer> {
    let mut bytes = Vec::new();
    let (head, head_bytes) = loop {
        let mut end = HeadEnd::default();
        let length = loop {
            match end.find(&bytes)? {
                Some(length) => break length,
                None if read_more(stream, &mut bytes).await? => {}
                None => {
                    return Err(ResponseHead::parse(&bytes).err().map_or(NoAnswer::CutShort, NoAnswer::Head));
                }
            }
        };
        let head = ResponseHead::parse(&bytes[..length])?;
        let head_bytes: Vec<u8> = bytes.drain(..length).collect();
        if !head.is_interim() {
            break (head, head_bytes);
        }
    };
    let answer = |body| Answer { status: head.status, body, head: head_bytes };
    let mut framing = head.framing(method == Method::Head);
    let mut body = Vec::new();
    loop {
        framing.decode(&bytes, &mut body)?;
        if body.len() > MAX_ANSWER {
            return Err(NoAnswer::TooLarge);
        }
        bytes.clear();
        if framing.is_done() {
            return Ok(answer(body));
        }
        if !read_more(stream, &mut bytes).await? {
            return match framing {
                Framing::UntilClose => Ok(answer(body)),
                _ => Err(NoAnswer::CutShort),
            };
        }
    }
}

/// Appends what comes next; false at the end.
async fn read_more(stream: &Stream, bytes: &mut Vec<u8>) -> Result<bool, NoAnswer> {
    let had = bytes.len();
    bytes.resize(had + READ, 0);
    let read = stream.read(&mut bytes[had..]).await?;
    bytes.truncate(had + read);
    Ok(read > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::{self, Reply, block_on};

    /// An engine that answers every connection with the same bytes, and then closes or waits.
    fn answer_of(bytes: &'static [u8], close: bool) -> Result<Answer, ClientError> {
        answer_to(Method::Get, bytes, close)
    }

    fn answer_to(method: Method, bytes: &'static [u8], close: bool) -> Result<Answer, ClientError> {
        let reply = move |request: &str| {
            let asked = format!("{method} /version HTTP/1.1\r\nHost: docker\r\n");
            assert!(request.starts_with(&asked), "{request}");
            Reply { bytes: bytes.to_vec(), close }
        };
        stub::ask(reply, async |engine| {
            super::ask(&engine, method, "/version", "", Duration::from_millis(300)).await
        })
    }

    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    const COUNTED: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nabcde";
    const CONTINUED: &[u8] =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";
    const UNTIL_END: &[u8] = b"HTTP/1.0 200 OK\r\n\r\nabcde";

    #[test]
    fn all_three_kinds_of_body_are_read() {
        for (bytes, status) in [(CHUNKED, 200), (COUNTED, 404), (CONTINUED, 200), (UNTIL_END, 200)] {
            let answer = answer_of(bytes, true).unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (status, &b"abcde"[..]));
        }
    }

    #[test]
    fn a_head_has_headers_and_no_body() {
        let bytes = b"HTTP/1.1 200 OK\r\nx-docker-container-path-stat:  e30= \r\nContent-Length: 99\r\n\r\n";
        let answer = answer_to(Method::Head, bytes, false).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]));
        assert_eq!(answer.header("X-Docker-Container-Path-Stat"), Some(&b"e30="[..]));
        assert_eq!(answer.header("HTTP/1.1 200 OK"), None);
    }

    #[test]
    fn a_connection_that_stays_open_does_not_hold_up_the_answer() {
        assert!(answer_of(CHUNKED, false).is_ok());
        assert!(answer_of(COUNTED, false).is_ok());
    }

    #[test]
    fn an_answer_that_never_ends_is_late() {
        let error = answer_of(UNTIL_END, false).unwrap_err();
        assert!(error.to_string().ends_with("no answer within 0.3 s"), "{error}");
        assert!(error.is_no_engine(), "that accepts and says nothing");
    }

    #[test]
    fn every_answer_cut_short_is_an_error() {
        for bytes in [CHUNKED, COUNTED] {
            for end in 0..bytes.len() {
                assert!(answer_of(&bytes[..end], true).is_err(), "{end} bytes of {bytes:?}");
            }
        }
        assert!(answer_of(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", true).is_err());
    }

    #[test]
    fn what_is_not_http_says_so() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n",
        ] {
            let error = answer_of(bytes, true).unwrap_err();
            assert!(error.to_string().contains("not HTTP/1.1"), "{error}");
        }
    }

    #[test]
    fn an_engine_that_is_not_there_is_named() {
        let nowhere = Address::Unix("/nonexistent/engine.sock".into());
        let error = block_on(get(&nowhere, "/version", PATIENCE)).unwrap_err();
        assert!(error.is_connect());
        assert!(error.to_string().contains("unix:///nonexistent/engine.sock"), "{error}");
    }
}
