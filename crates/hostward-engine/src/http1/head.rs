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
    #[error("only HTTP/1.1 is spoken here; HTTP/2 comes by an upgrade (h2c) alone")]
    Version,
    /// The head is too long.
    #[error("the message's head is longer than 1 MiB")]
    TooLarge,
    /// The head leaves open where the body ends.
    #[error("the message's length is not clear: {0}")]
    Length(&'static str),
}

impl HeadError {
    /// The status that a client gets for it.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed(_) | Self::Length(_) => 400,
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
        while let Some(n) = bytes[self.seen..].iter().position(|&b| b == b'\n') {
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
            return Err(HeadError::Malformed("its first line holds control characters"));
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
    /// The client asks to leave HTTP behind: `Upgrade`, or `Connection: upgrade`.
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
                    upgrade: facts.upgrade,
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
                    framing: facts.response_framing(),
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
            httparse::Error::HeaderName => HeadError::Malformed("a header's name is not one"),
            httparse::Error::HeaderValue => HeadError::Malformed("a header's value holds control characters"),
            httparse::Error::NewLine => HeadError::Malformed("a line does not end where it must"),
            httparse::Error::Status => HeadError::Malformed("its status is not one"),
            httparse::Error::Token => HeadError::Malformed("its first line is not one"),
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
struct Facts {
    /// HTTP/1.1 rather than 1.0.
    minor: bool,
    length: Option<u64>,
    encoding: Option<bool>,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    expects_continue: bool,
    encoded: bool,
}

impl Facts {
    fn gather(headers: &[httparse::Header<'_>], minor: bool) -> Result<Self, HeadError> {
        let mut facts = Self { minor, ..Self::default() };
        for header in headers {
            facts.note(header.name, header.value)?;
        }
        Ok(facts)
    }

    fn note(&mut self, name: &str, value: &[u8]) -> Result<(), HeadError> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("content-length") {
            let length = digits(value).ok_or(HeadError::Length("Content-Length is not a number"))?;
            if self.length.is_some_and(|other| other != length) {
                return Err(HeadError::Length("two Content-Lengths differ"));
            }
            self.length = Some(length);
        } else if is("transfer-encoding") {
            if self.encoding.is_some() {
                return Err(HeadError::Length("Transfer-Encoding comes twice"));
            }
            self.encoding = Some(value.eq_ignore_ascii_case(b"chunked"));
        } else if is("connection") {
            self.close |= has_token(value, "close");
            self.keep_alive |= has_token(value, "keep-alive");
            self.upgrade |= has_token(value, "upgrade");
        } else if is("upgrade") {
            self.upgrade = true;
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
        match (self.encoding, self.length) {
            (Some(_), Some(_)) => Err(HeadError::Length("it has both Content-Length and Transfer-Encoding")),
            // Go ignores the header on HTTP/1.0.
            (Some(_), None) if !self.minor => Err(HeadError::Length("Transfer-Encoding in HTTP/1.0")),
            (Some(true), None) => Ok(Framing::Chunked(Chunked::default())),
            (Some(false), None) => {
                Err(HeadError::Length("the only Transfer-Encoding that is understood is chunked"))
            }
            (None, Some(length)) => Ok(Framing::Length(length)),
            (None, None) => Ok(Framing::None),
        }
    }

    /// The engine is trusted to mean what it says, and RFC 9112 6.3 says how to read it.
    fn response_framing(&self) -> Framing {
        match (self.encoding, self.length) {
            (Some(true), _) => Framing::Chunked(Chunked::default()),
            (None, Some(length)) => Framing::Length(length),
            (Some(false), _) | (None, None) => Framing::UntilClose,
        }
    }
}

/// Digits alone: `parse` would also take `+1`.
fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(text: &str) -> Result<RequestHead, HeadError> {
        RequestHead::parse(text.as_bytes())
    }

    #[test]
    fn a_request_says_what_it_is() {
        let text = "POST /v1.43/containers/a/attach?x=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n\
                    Upgrade: tcp\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
        let head = request(text).unwrap();
        assert_eq!(&text[head.method.clone()], "POST");
        assert_eq!(&text[head.target.clone()], "/v1.43/containers/a/attach?x=1");
        assert_eq!(head.framing, Framing::Length(5));
        assert!(head.persistent && head.upgrade && head.expects_continue);
    }

    #[test]
    fn persistence_follows_version_and_header() {
        for (text, persistent) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: Keep-Alive, Close\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(request(text).unwrap().persistent, persistent, "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for lines in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "A: b\r\n folded\r\n",
            "A: b\rc\r\n",
            "A: b\0c\r\n",
            "A b\r\n",
        ] {
            let text = format!("POST / HTTP/1.1\r\n{lines}\r\n");
            assert_eq!(request(&text).unwrap_err().status(), 400, "{lines:?}");
        }
        assert!(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(request("POST  / HTTP/1.1\r\n\r\n").is_err());
        assert!(request("POST /a b HTTP/1.1\r\n\r\n").is_err());
        assert_eq!(request("PRI * HTTP/2.0\r\n\r\n").unwrap_err().status(), 505);
        assert_eq!(request("GET / HTTP/3.0\r\n\r\n").unwrap_err().status(), 505);
    }

    #[test]
    fn equal_lengths_and_many_headers_are_taken() {
        assert_eq!(
            request("POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n").unwrap().framing,
            Framing::Length(5)
        );
        let text = format!("GET / HTTP/1.1\r\n{}\r\n", "X-A: b\r\n".repeat(1000));
        assert_eq!(request(&text).unwrap().framing, Framing::None);
    }

    #[test]
    fn answers_have_the_body_that_their_request_and_status_allow() {
        let parse = |text: &str| ResponseHead::parse(text.as_bytes()).unwrap();
        let ok = parse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
        assert_eq!((ok.framing(false), ok.framing(true)), (Framing::Length(3), Framing::None));
        assert_eq!(parse("HTTP/1.1 200 OK\r\n\r\n").framing(false), Framing::UntilClose);
        assert_eq!(parse("HTTP/1.1 304 \r\nContent-Length: 3\r\n\r\n").framing(false), Framing::None);
        assert_eq!(parse("HTTP/1.1 204 No Content\r\n\r\n").framing(false), Framing::None);
        assert!(parse("HTTP/1.1 100 Continue\r\n\r\n").is_interim());
        assert!(!parse("HTTP/1.1 101 UPGRADED\r\n\r\n").is_interim());
        assert!(!parse("HTTP/1.0 200 OK\r\n\r\n").persistent);
    }

    #[test]
    fn what_is_asked_to_be_compressed_is_asked_as_it_is() {
        let asked =
            b"GET /accept-encoding:x HTTP/1.1\r\nHost: d\r\naccept-encoding: gzip, br\r\nB: 2\r\n\r\n";
        let plain = "GET /accept-encoding:x HTTP/1.1\r\nHost: d\r\nAccept-Encoding: identity\r\nB: 2\r\n\r\n";
        assert_eq!(String::from_utf8(asking_identity(asked)).unwrap(), plain);
        assert_eq!(asking_identity(b"GET / HTTP/1.1\r\n\r\n"), b"GET / HTTP/1.1\r\n\r\n");
        let parse = |text: &str| ResponseHead::parse(text.as_bytes()).unwrap().encoded;
        assert!(parse("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
        assert!(!parse("HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\n\r\n"));
    }

    #[test]
    fn a_new_length_stands_where_the_old_framing_stood() {
        let check = |head: &str, expected: &str| {
            assert_eq!(String::from_utf8(with_length(head.as_bytes(), 7)).unwrap(), expected);
        };
        check(
            "POST /expect:1 HTTP/1.1\r\nA: 1\r\ncontent-length: 5\r\nB: 2\r\nExpect: 100-continue\r\n\r\n",
            "POST /expect:1 HTTP/1.1\r\nA: 1\r\nContent-Length: 7\r\nB: 2\r\n\r\n",
        );
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nB: 2\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 7\r\nB: 2\r\n\r\n",
        );
        check("POST / HTTP/1.1\r\nA: 1\r\n\r\n", "POST / HTTP/1.1\r\nA: 1\r\nContent-Length: 7\r\n\r\n");
        check("A\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "A\r\nContent-Length: 7\r\n\r\n");
    }

    #[test]
    fn heads_end_at_their_empty_line_alone() {
        let find = |bytes: &[u8]| HeadEnd::default().find(bytes);
        assert_eq!(find(b"GET / HTTP/1.1\r\n\r\nrest"), Ok(Some(18)));
        assert_eq!(find(b"GET / HTTP/1.1\r\n\r"), Ok(None));
        assert!(find(b"GET / HTTP/1.1\n\n").is_err());
        assert!(find(b"\n").is_err());
        assert!(find(b"\x16\x03\x01\x02").is_err(), "a TLS hello");
        assert_eq!(find(&vec![b'a'; MAX_HEAD + 1]), Err(HeadError::TooLarge));
    }

    proptest! {
        #[test]
        fn any_split_finds_the_same_end(
            lines in prop::collection::vec("[A-Za-z:/ ]{1,20}", 0..5),
            rest in "[a-z\r\n]{0,8}",
            step in 1_usize..7,
        ) {
            let bytes = format!("{}\r\n\r\n{rest}", lines.join("\r\n")).into_bytes();
            let whole = HeadEnd::default().find(&bytes);
            let mut end = HeadEnd::default();
            let mut found = Ok(None);
            for len in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
                found = end.find(&bytes[..len]);
                if found != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(found, whole);
        }

        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = RequestHead::parse(&bytes);
            let _ = ResponseHead::parse(&bytes);
            let _ = HeadEnd::default().find(&bytes);
        }
    }
}
