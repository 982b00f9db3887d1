//! What the stub answers to which request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::message::Message;

/// Begins the target of a request that tells the stub an answer: the body is what the rest of the target is answered with.
pub(crate) const TELL: &str = "/_bench";
/// More than a socket's buffer takes is not written by the thread that serves all.
const SHORT: usize = 64 << 10;

/// The headers of every answer, as dockerd has them.
const COMMON: &str = "Api-Version: 1.51\r\nDocker-Experimental: false\r\nOstype: linux\r\nServer: Docker/28.5.2 (linux)\r\n\
                      Date: Mon, 23 Nov 2026 17:00:00 GMT\r\n";
const VERSION: &str = r#"{"Platform":{"Name":""},"Components":[{"Name":"Engine","Version":"28.5.2"}],"Version":"28.5.2","ApiVersion":"1.51","MinAPIVersion":"1.24","Os":"linux","Arch":"amd64","KernelVersion":"6.1.0"}"#;
const INFO: &str = r#"{"OperatingSystem":"Debian GNU/Linux 12 (bookworm)","Driver":"overlay2","DockerRootDir":"/var/lib/docker"}"#;
const EVENT: &str = "{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"0\"}}\n";
const IMAGE: &str = r#"{"Id":"sha256:1","Config":{"Labels":null}}"#;

/// A stream that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    ZerosByLength,
    ZerosInChunks,
    /// Hijacked: from the engine.
    Source,
    /// Hijacked: to the engine, which says how many bytes came.
    Sink,
}

/// What a request is answered with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<'a> {
    Short(&'a [u8]),
    Long(Arc<[u8]>),
    Stream(Stream),
}

/// All that is answered, heads included, by method and target.
#[derive(Debug)]
pub(super) struct Answers {
    by_target: HashMap<String, Arc<[u8]>>,
    created: Vec<u8>,
    events: Vec<u8>,
    image: Vec<u8>,
    told: Vec<u8>,
    unknown: Vec<u8>,
}

impl Default for Answers {
    fn default() -> Self {
        let mut by_target = HashMap::new();
        for (target, content, body) in [
            ("/_ping", "text/plain; charset=utf-8", "OK"),
            ("/version", "application/json", VERSION),
            ("/info", "application/json", INFO),
        ] {
            by_target.insert(target.to_owned(), answer("200 OK", content, body.as_bytes()).into());
        }
        let json = |status, body: &str| answer(status, "application/json", body.as_bytes());
        let events = format!(
            "HTTP/1.1 200 OK\r\n{COMMON}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{EVENT}\r\n",
            EVENT.len()
        );
        Self {
            by_target,
            created: json("201 Created", &format!("{{\"Id\":\"{:064x}\",\"Warnings\":[]}}\n", 7)),
            events: events.into_bytes(),
            image: json("200 OK", IMAGE),
            told: json("200 OK", ""),
            unknown: json("404 Not Found", "{\"message\":\"page not found\"}\n"),
        }
    }
}

impl Answers {
    /// What this request is answered with; or it tells an answer.
    pub(super) fn answer(&mut self, request: &Message) -> Answer<'_> {
        let (method, target) = request.target();
        if let Some(told) = target.strip_prefix(TELL) {
            let bytes = answer("200 OK", "application/json", request.body());
            self.by_target.insert(told.to_owned(), bytes.into());
            return Answer::Short(&self.told);
        }
        let target = without_version(target);
        if let Some(bytes) = self.by_target.get(target) {
            return if bytes.len() > SHORT { Answer::Long(Arc::clone(bytes)) } else { Answer::Short(bytes) };
        }
        let path = target.split('?').next().unwrap_or_default();
        match (method, path) {
            ("POST", "/containers/create") => Answer::Short(&self.created),
            ("GET", "/events") => Answer::Short(&self.events),
            ("GET", "/images/zeros/get") if target != path => Answer::Stream(Stream::ZerosInChunks),
            ("GET", "/images/zeros/get") => Answer::Stream(Stream::ZerosByLength),
            ("GET", image) if image.starts_with("/images/") => Answer::Short(&self.image),
            ("POST", "/containers/source/attach") => Answer::Stream(Stream::Source),
            ("POST", "/containers/sink/attach") => Answer::Stream(Stream::Sink),
            _ => Answer::Short(&self.unknown),
        }
    }
}

/// Takes the answers for a moment.
pub(super) fn lock(answers: &Mutex<Answers>) -> MutexGuard<'_, Answers> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The head of an answer whose body has this framing.
pub(super) fn head(status: &str, content: &str, framing: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{COMMON}Content-Type: {content}\r\n{framing}\r\n\r\n")
}

fn answer(status: &str, content: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(status, content, &format!("Content-Length: {}", body.len())).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A target without the API's version in front.
fn without_version(target: &str) -> &str {
    let rest = target.strip_prefix("/v1.").and_then(|rest| Some(&rest[rest.find('/')?..]));
    rest.unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Message {
        let mut message = Message::keeping_body();
        assert_eq!(message.feed(text.as_bytes()).unwrap(), text.len());
        assert!(message.is_done());
        message
    }

    /// The status and body of an answer.
    fn answered(answers: &mut Answers, text: &str) -> (u16, String) {
        let bytes = match answers.answer(&request(text)) {
            Answer::Short(bytes) => bytes.to_vec(),
            Answer::Long(bytes) => bytes.to_vec(),
            Answer::Stream(stream) => panic!("{text} has a stream: {stream:?}"),
        };
        let mut message = Message::keeping_body();
        assert_eq!(message.feed(&bytes).unwrap(), bytes.len());
        (message.status(), String::from_utf8(message.body().to_vec()).unwrap())
    }

    #[test]
    fn it_answers_what_a_proxy_asks_an_engine() {
        let mut answers = Answers::default();
        for (text, status, body) in [
            ("GET /_ping HTTP/1.1\r\n\r\n", 200, "OK"),
            ("GET /v1.51/version HTTP/1.1\r\n\r\n", 200, "\"ApiVersion\":\"1.51\""),
            ("GET /info HTTP/1.1\r\n\r\n", 200, "overlay2"),
            ("GET /images/alpine/json HTTP/1.1\r\n\r\n", 200, "Labels"),
            ("POST /v1.51/containers/create?name=a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 201, "\"Id\""),
            ("GET /containers/none/json HTTP/1.1\r\n\r\n", 404, "message"),
        ] {
            let (answered, said) = answered(&mut answers, text);
            assert!(answered == status && said.contains(body), "{text}: {answered} {said}");
        }
    }

    #[test]
    fn it_answers_what_it_was_told() {
        let mut answers = Answers::default();
        let tell = "PUT /_bench/containers/json?all=1 HTTP/1.1\r\nContent-Length: 4\r\n\r\n[{}]";
        assert_eq!(answered(&mut answers, tell), (200, String::new()));
        let asked = "GET /v1.43/containers/json?all=1 HTTP/1.1\r\n\r\n";
        assert_eq!(answered(&mut answers, asked), (200, "[{}]".to_owned()));
        let body = "x".repeat(70_000);
        let long = format!("PUT /_bench/long HTTP/1.1\r\nContent-Length: 70000\r\n\r\n{body}");
        answered(&mut answers, &long);
        assert!(matches!(answers.answer(&request("GET /long HTTP/1.1\r\n\r\n")), Answer::Long(_)));
    }

    #[test]
    fn it_streams_what_is_asked_for_as_a_stream() {
        let mut answers = Answers::default();
        for (text, stream) in [
            ("GET /images/zeros/get HTTP/1.1\r\n\r\n", Stream::ZerosByLength),
            ("GET /images/zeros/get?chunked=1 HTTP/1.1\r\n\r\n", Stream::ZerosInChunks),
            ("POST /containers/source/attach?stream=1 HTTP/1.1\r\n\r\n", Stream::Source),
            ("POST /v1.51/containers/sink/attach?stream=1 HTTP/1.1\r\n\r\n", Stream::Sink),
        ] {
            assert_eq!(answers.answer(&request(text)), Answer::Stream(stream), "{text}");
        }
    }
}
