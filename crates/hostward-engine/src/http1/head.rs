//! Heads: where one ends, what it says, and the one change that is ever made to it, its length.

use std::ops::Range;

use super::framing::{Chunked, Framing};

/// The longest head that is read, as Go's net/http has it.
pub const MAX_HEAD: usize = 1 << 20;
/// The headers of nearly every message; more than these take a second, slower parse.
const USUAL_HEADERS: usize = 48;
/// More headers than this are refused.
const MAX_HEADERS: usize = 8192;

/// Why bytes are no head that the proxy and the engine are sure to read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// No HTTP/1 at all, or a head that breaks its grammar.
    #[error("this is not an HTTP/1.1 message: {0}")]
    Malformed(&'static str),
    /// HTTP/2 without an upgrade, or another version.
    #[error("only HTTP/1.1 is supported; HTTP/2 only through an upgrade (h2c)")]
    Version,
    /// The head is too long.
    #[error("the message's head is longer than 1 MiB")]
    TooLarge,
    /// The head leaves open where the body ends.
    #[error("the message's length is ambiguous: {0}")]
    Length(&'static str),
    /// An answer that leaves HTTP behind where the request did not ask for that.
    #[error("it switches protocols (101), which was not asked for")]
    Unasked,
}

impl HeadError {
    /// The status that a client gets for it.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Length(_) | Self::Unasked => 400,
            Self::TooLarge => 431,
            Self::Version => 505,
        }
    }
}

/// Looks for the end of a head that arrives in pieces, each byte once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeadEnd {
    /// Where the line that is not whole yet begins.
    line: usize,
    /// Bytes before this one have been looked at.
    seen: usize,
}

impl HeadEnd {
    /// The length of the head that `bytes` begin with, once its empty line is there. Give the same bytes again
    /// with more behind them.
    pub fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, HeadError> {
        while let Some(n) = memchr::memchr(b'\n', &bytes[self.seen..]) {
            let lf = self.seen + n;
            if lf == self.line || bytes[lf - 1] != b'\r' {
                return Err(HeadError::Malformed("a line ends without a carriage return"));
            }
            let empty = lf == self.line + 1;
            *self = Self { line: lf + 1, seen: lf + 1 };
            if empty {
                return not_large(lf + 1).map(|()| Some(lf + 1));
            }
        }
        let new = &bytes[self.seen..];
        if self.line == 0 && new.iter().any(|&b| b < b' ' && b != b'\r') {
            // Most likely TLS. Waiting for a line's end would leave the client waiting for ever.
            return Err(HeadError::Malformed("its first line contains control characters"));
        }
        self.seen = bytes.len();
        not_large(bytes.len()).map(|()| None)
    }
}

fn not_large(len: usize) -> Result<(), HeadError> {
    if len > MAX_HEAD { Err(HeadError::TooLarge) } else { Ok(()) }
}

/// What the proxy needs to know of a request's head. Positions are in the bytes that were parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// The method's place.
    pub method: Range<usize>,
    /// The request target's place: path and query as they came.
    pub target: Range<usize>,
    /// The body.
    pub framing: Framing,
    /// The client means to send more requests on this connection.
    pub persistent: bool,
    /// The client asks to leave HTTP behind: `Upgrade`, or `Connection: upgrade`. Not for HTTP/2 by RFC 7540's upgrade
    /// (`HTTP2-Settings`), which Java's client offers with each first request: on the connection after it nobody would judge.
    /// Docker's own `h2c`, for `BuildKit`, comes without that.
    pub upgrade: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
}

impl RequestHead {
    /// Reads a whole head, its empty line included.
    pub fn parse(head: &[u8]) -> Result<Self, HeadError> {
        if head.starts_with(b"PRI * HTTP/2") {
            return Err(HeadError::Version);
        }
        with_headers(|headers| {
            let mut request = httparse::Request::new(&mut []);
            let status = request.parse_with_uninit_headers(head, headers)?;
            Ok((status.is_complete() && status == httparse::Status::Complete(head.len())).then(|| {
                let (method, path) = (request.method.unwrap_or(""), request.path.unwrap_or(""));
                let facts = Facts::gather(request.headers, request.version == Some(1))?;
                Ok(Self {
                    method: place(head, method.as_bytes()),
                    target: place(head, path.as_bytes()),
                    framing: facts.request_framing()?,
                    persistent: facts.persistent(),
                    upgrade: facts.upgrade && !facts.settings,
                    expects_continue: facts.expects_continue && facts.minor,
                })
            }))
        })
    }
}

/// What the proxy needs to know of an answer's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// The sender means to answer more requests on this connection.
    pub persistent: bool,
    /// The body is compressed, or coded otherwise: it is not what its type says before that is undone.
    pub encoded: bool,
    /// What the headers say about the body, whether or not this answer may have one.
    framing: Framing,
}

impl ResponseHead {
    /// Reads a whole head, its empty line included.
    pub fn parse(head: &[u8]) -> Result<Self, HeadError> {
        with_headers(|headers| {
            let mut response = httparse::Response::new(&mut []);
            let config = httparse::ParserConfig::default();
            let status = config.parse_response_with_uninit_headers(&mut response, head, headers)?;
            Ok((status.is_complete() && status == httparse::Status::Complete(head.len())).then(|| {
                let facts = Facts::gather(response.headers, response.version == Some(1))?;
                Ok(Self {
                    status: response.code.unwrap_or(0),
                    persistent: facts.persistent(),
                    encoded: facts.encoded,
                    framing: facts.response_framing()?,
                })
            }))
        })
    }

    /// The body of this answer to a request, which was a HEAD or not.
    pub fn framing(&self, to_head: bool) -> Framing {
        if to_head || matches!(self.status, 100..=199 | 204 | 304) { Framing::None } else { self.framing }
    }

    /// An interim answer, after which the true one comes. 101 is final: HTTP ends with it.
    pub fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

/// Runs a parse with room for the usual number of headers, and again with much more where that was too little.
fn with_headers<'b, T>(
    mut parse: impl FnMut(
        &mut [std::mem::MaybeUninit<httparse::Header<'b>>],
    ) -> Result<Option<Result<T, HeadError>>, httparse::Error>,
) -> Result<T, HeadError> {
    let mut usual = [const { std::mem::MaybeUninit::uninit() }; USUAL_HEADERS];
    let parsed = match parse(&mut usual) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut many = Vec::new();
            many.resize_with(MAX_HEADERS, std::mem::MaybeUninit::uninit);
            parse(&mut many)
        }
        parsed => parsed,
    };
    match parsed {
        Ok(Some(result)) => result,
        Ok(None) => Err(HeadError::Malformed("its head ends before its empty line")),
        Err(error) => Err(match error {
            httparse::Error::HeaderName => HeadError::Malformed("a header has an invalid name"),
            httparse::Error::HeaderValue => {
                HeadError::Malformed("a header's value contains control characters")
            }
            httparse::Error::NewLine => HeadError::Malformed("a line ends in the wrong place"),
            httparse::Error::Status => HeadError::Malformed("its status is invalid"),
            httparse::Error::Token => HeadError::Malformed("its first line is invalid"),
            httparse::Error::TooManyHeaders => HeadError::Malformed("it has too many headers"),
            httparse::Error::Version => HeadError::Version,
        }),
    }
}

/// Where `part` lies in `whole`, of which it is a slice.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

/// What a head's headers say about its message and its connection.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one header's own yes or no")]
struct Facts<'h> {
    /// HTTP/1.1 rather than 1.0.
    minor: bool,
    /// `Content-Length`, as it stands there and what that means.
    length: Option<(&'h [u8], u64)>,
    encoding: Option<bool>,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    settings: bool,
    expects_continue: bool,
    encoded: bool,
}

impl<'h> Facts<'h> {
    fn gather(headers: &[httparse::Header<'h>], minor: bool) -> Result<Self, HeadError> {
        let mut facts = Self { minor, ..Self::default() };
        for header in headers {
            facts.note(header.name, header.value)?;
        }
        Ok(facts)
    }

    fn note(&mut self, name: &str, value: &'h [u8]) -> Result<(), HeadError> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("content-length") {
            let length = digits(value).ok_or(HeadError::Length("Content-Length is not a number"))?;
            // Go compares them as they are written, so that 5 and 05 differ.
            if self.length.is_some_and(|(other, _)| other != value) {
                return Err(HeadError::Length("two Content-Lengths differ"));
            }
            self.length = Some((value, length));
        } else if is("transfer-encoding") {
            if self.encoding.is_some() {
                return Err(HeadError::Length("Transfer-Encoding appears twice"));
            }
            self.encoding = Some(value.eq_ignore_ascii_case(b"chunked"));
        } else if is("connection") {
            self.close |= has_token(value, "close");
            self.keep_alive |= has_token(value, "keep-alive");
            self.upgrade |= has_token(value, "upgrade");
        } else if is("upgrade") {
            self.upgrade = true;
        } else if is("http2-settings") {
            self.settings = true;
        } else if is("expect") {
            self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
        } else if is("content-encoding") {
            self.encoded |= !value.eq_ignore_ascii_case(b"identity");
        }
        Ok(())
    }

    fn persistent(&self) -> bool {
        !self.close && (self.minor || self.keep_alive)
    }

    fn request_framing(&self) -> Result<Framing, HeadError> {
        Ok(self.framing()?.unwrap_or(Framing::None))
    }

    /// An engine is believed what it says, but a client that reads it in another way would take one answer for another.
    fn response_framing(&self) -> Result<Framing, HeadError> {
        Ok(self.framing()?.unwrap_or(Framing::UntilClose))
    }

    /// None where the head does not say it.
    fn framing(&self) -> Result<Option<Framing>, HeadError> {
        match (self.encoding, self.length) {
            (Some(_), Some(_)) => Err(HeadError::Length("it has both Content-Length and Transfer-Encoding")),
            // Go ignores the header on HTTP/1.0.
            (Some(_), None) if !self.minor => Err(HeadError::Length("Transfer-Encoding in HTTP/1.0")),
            (Some(true), None) => Ok(Some(Framing::Chunked(Chunked::default()))),
            (Some(false), None) => Err(HeadError::Length("the only supported Transfer-Encoding is chunked")),
            (None, Some((_, length))) => Ok(Some(Framing::Length(length))),
            (None, None) => Ok(None),
        }
    }
}

/// Digits alone: `parse` would also take `+1`. Go's lengths have 63 bits.
fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|length| is_number && i64::try_from(*length).is_ok())
}

fn has_token(value: &[u8], token: &str) -> bool {
    value.split(|&b| b == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// The same head for a body of `length` bytes that is sent whole: its framing header becomes `Content-Length` in
/// its place, and what spoke of chunks or of waiting goes. All other lines stay as they came.
pub fn with_length(head: &[u8], length: u64) -> Vec<u8> {
    let content_length = format!("Content-Length: {length}\r\n");
    let mut out = Vec::with_capacity(head.len() + content_length.len());
    let mut placed = false;
    for (number, line) in head.split_inclusive(|&b| b == b'\n').enumerate() {
        let name = line.split(|&b| b == b':').next().unwrap_or_default();
        let is = |other: &str| number > 0 && name.eq_ignore_ascii_case(other.as_bytes());
        let ends = line == b"\r\n";
        if is("content-length") || is("transfer-encoding") || ends {
            if !placed {
                out.extend_from_slice(content_length.as_bytes());
                placed = true;
            }
            if ends {
                out.extend_from_slice(line);
            }
        } else if !is("trailer") && !is("expect") {
            out.extend_from_slice(line);
        }
    }
    out
}

/// The same head of a request for another target. All other bytes stay as they came.
///
/// # Errors
/// A target that no request line can have.
pub fn with_target(head: &[u8], target: &[u8]) -> Result<(RequestHead, Vec<u8>), HeadError> {
    let place = RequestHead::parse(head)?.target;
    let head = [&head[..place.start], target, &head[place.end..]].concat();
    Ok((RequestHead::parse(&head)?, head))
}

/// The same head of a request that asks for an answer as it is, not compressed. All other lines stay as they came.
pub fn asking_identity(head: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len());
    for (number, line) in head.split_inclusive(|&b| b == b'\n').enumerate() {
        let name = line.split(|&b| b == b':').next().unwrap_or_default();
        if number > 0 && name.eq_ignore_ascii_case(b"accept-encoding") {
            out.extend_from_slice(b"Accept-Encoding: identity\r\n");
        } else {
            out.extend_from_slice(line);
        }
    }
    out
}

#[cfg(test)]
mod tests;
