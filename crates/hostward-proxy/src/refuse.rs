//! The one voice in which Hostward itself answers: `{"message": …}`, which every Docker client shows.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::time::Duration;

use hostward::api::endpoint::Endpoint;
use hostward::api::json::BodyError;
use hostward::policy::denial::Denial;
use hostward::refusal::{Reason, Refusal};
use hostward_engine::http1::HeadError;
use serde_json::json;

/// Why, for those who count what profiles refuse.
pub(crate) const POLICY: &str = "policy";

/// An answer that Hostward gives instead of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The status that the engine would have used.
    pub(crate) status: u16,
    /// What was asked, what was found and what to do.
    pub(crate) message: String,
    /// Why, in a word, for those who count.
    pub(crate) reason: &'static str,
    /// The rule of a profile by which it is refused.
    pub(crate) rule: Option<&'static str>,
}

impl Refused {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), reason: reason_of(status), rule: None }
    }

    /// The same, for this reason: what its status alone does not tell.
    pub(crate) fn because(self, reason: &'static str) -> Self {
        Self { reason, ..self }
    }

    /// For a request in which paths stand that are not translated.
    pub(crate) fn untranslated(endpoint: Endpoint) -> Self {
        let why = if endpoint == Endpoint::CheckpointDirectory {
            "hostward: the directory of checkpoints is a path of the host, which hostward does not translate; leave \
             it out, so that the engine keeps the checkpoints itself"
        } else {
            "hostward: requests of Podman's own API (/libpod) contain paths, and hostward translates only those of \
             the Docker-compatible API; use a Docker client (docker, compose, docker-py), or podman on the host"
        };
        Self::new(501, why)
    }

    /// For a request of which the engine or the kernel does not tell what must be known.
    pub(crate) fn not_told(why: impl Display) -> Self {
        Self::new(502, format!("hostward: {why}")).because("engine_silent")
    }

    /// For a request whose client has gone, or whose time is over.
    pub(crate) fn nobody_waits(why: impl Display) -> Self {
        Self::new(504, format!("hostward: {why}"))
    }

    /// For a head that has not come in time.
    pub(crate) fn late_head(patience: Duration) -> Self {
        let seconds = patience.as_secs();
        Self::new(408, format!("hostward: the request's head did not arrive within {seconds} s"))
    }

    /// For a body of which only so many bytes have come in time.
    pub(crate) fn late_body(patience: Duration, came: u64) -> Self {
        let seconds = patience.as_secs();
        let why =
            format!("hostward: the request's body did not arrive within {seconds} s: {came} bytes arrived");
        Self::new(408, why)
    }

    /// For a body that is longer than this.
    pub(crate) fn long_body(most: impl Display) -> Self {
        Self::new(413, format!("hostward: a body with paths may have at most {most} (docs/limits.md)"))
    }

    /// For an archive to build from that is longer than this, as it is or unpacked.
    pub(crate) fn long_context(most: impl Display) -> Self {
        let why = format!(
            "hostward: the archive of a build may have at most {most} (the limit `context_bytes`, docs/limits.md); leave \
             out by .dockerignore what the build does not need"
        );
        Self::new(413, why)
    }

    /// For an archive where Hostward's own disk does not answer in time.
    pub(crate) fn slow_disk(place: &Path, seconds: u64) -> Self {
        let place = place.display();
        Self::new(
            504,
            format!(
                "hostward cannot keep the archive while it is judged: {place} does not answer within {seconds} s; check \
                 that disk, or set TMPDIR to another directory"
            ),
        )
    }

    /// For an archive that Hostward's own disk does not take.
    pub(crate) fn full_disk(place: &Path, error: &io::Error) -> Self {
        let place = place.display();
        Self::new(
            503,
            format!(
                "hostward cannot keep the archive while it is judged: {error} in {place}; free some space there, or set \
                 TMPDIR to another directory"
            ),
        )
    }

    /// For an archive on Hostward's own disk that cannot be read again.
    pub(crate) fn lost_archive(error: &io::Error) -> Self {
        Self::new(503, format!("hostward cannot read the archive that it keeps: {error}"))
    }

    /// For something that is not the caller's, in the engine's own words for what is not there.
    pub(crate) fn not_there(message: impl Into<String>) -> Self {
        Self { rule: Some("owner"), ..Self::new(404, message).because(POLICY) }
    }

    /// For a request to connect to another server.
    pub(crate) fn connect() -> Self {
        Self::new(405, "hostward is not a proxy for other servers: CONNECT is not supported")
    }

    /// The answer's bytes. `close` says that the connection ends with it; `head_only`, that it answers a HEAD,
    /// after which a body would be taken for the next answer.
    pub(crate) fn answer(&self, close: bool, head_only: bool) -> Vec<u8> {
        let body = json!({ "message": self.message }).to_string();
        answer(self.status, body, close, head_only)
    }
}

/// The bytes of an answer of Hostward's own, with a body in JSON.
pub(crate) fn answer(status: u16, mut body: String, close: bool, head_only: bool) -> Vec<u8> {
    // Go's encoder ends with a line feed, and so do the engine's answers.
    body.push('\n');
    let connection = if close { "Connection: close\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status} {}\r\nContent-Type: application/json\r\n{connection}Content-Length: {}\r\n\r\n",
        phrase(status),
        body.len()
    );
    let body = if head_only { "" } else { &body };
    [head.as_bytes(), body.as_bytes()].concat()
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Self {
        let Denial { rule, status, what, remedy } = denial;
        Self { rule: Some(rule), ..Self::new(status, format!("hostward: {what}; {remedy}")).because(POLICY) }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        if let Reason::Denied(denial) = refusal.reason {
            return denial.into();
        }
        let status = if matches!(refusal.reason, Reason::Stranger { .. }) { 403 } else { 400 };
        Self::new(status, format!("hostward: {refusal}; {}", refusal.remedy())).because(refusal.reason.name())
    }
}

impl From<HeadError> for Refused {
    fn from(error: HeadError) -> Self {
        Self::new(error.status(), error.to_string())
    }
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        let status = if error.is_too_much() { 413 } else { 400 };
        Self::new(status, format!("hostward: {error}"))
    }
}

/// What a status means where nothing more is known.
fn reason_of(status: u16) -> &'static str {
    match status {
        400 | 505 => "malformed",
        403 => "unknown_caller",
        405 => "method",
        408 => "slow_request",
        413 | 431 => "too_large",
        429 => "limit",
        501 => "untranslated",
        502 => "engine",
        503 => "busy",
        504 => "late",
        _ => "fault",
    }
}

/// A status in words, as HTTP has them.
fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Request Entity Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_json_of_the_length_it_says() {
        let bytes = Refused::new(502, "no \"engine\"\nhere").answer(true, false);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 502 Bad Gateway\r\n") && head.contains("Connection: close"));
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert!(Refused::new(502, "x").answer(false, true).ends_with(b"\r\n\r\n"));
        assert_eq!(body, "{\"message\":\"no \\\"engine\\\"\\nhere\"}\n");
    }
}
