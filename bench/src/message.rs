//! Where an HTTP/1.1 message ends: as much of the protocol as a client and a stub need, fed with whatever comes.

use std::io;

/// A head longer than this is no head.
const MAX_HEAD: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes are missing.
    Length(u64),
    /// The size so far.
    ChunkSize(u64, Digits),
    Chunk(u64),
    /// So many bytes of the line end after a chunk are missing.
    ChunkEnd(u8),
    /// After the last chunk; the length of the line so far.
    Trailer(usize),
    Done,
}

/// Whether a size is still being read, or its extension, which does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    Read,
    Over,
}

/// A request or an answer, as far as it has come.
#[derive(Debug)]
pub(crate) struct Message {
    state: State,
    head: Vec<u8>,
    /// The body, where it is to be kept.
    body: Option<Vec<u8>>,
}

impl Default for Message {
    fn default() -> Self {
        Self { state: State::Head, head: Vec::new(), body: None }
    }
}

impl Message {
    /// One whose body is kept.
    pub(crate) fn keeping_body() -> Self {
        Self { body: Some(Vec::new()), ..Self::default() }
    }

    /// Ready for the next message. What was allocated is kept.
    pub(crate) fn clear(&mut self) {
        self.state = State::Head;
        self.head.clear();
        if let Some(body) = &mut self.body {
            body.clear();
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(crate) fn has_head(&self) -> bool {
        self.state != State::Head
    }

    /// The body, if it is kept.
    pub(crate) fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// An answer's status.
    pub(crate) fn status(&self) -> u16 {
        let code = self.head.get(9..12).and_then(|code| std::str::from_utf8(code).ok());
        code.and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// A request's method and target.
    pub(crate) fn target(&self) -> (&str, &str) {
        let line = self.head.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let mut words = std::str::from_utf8(line).unwrap_or_default().split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    /// Takes what belongs to this message; how much that was.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut used = 0;
        while used < bytes.len() && !self.is_done() {
            used += self.step(&bytes[used..])?;
        }
        Ok(used)
    }

    fn step(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.state {
            State::Head => self.head(bytes),
            State::Length(missing) => {
                let taken = self.take(bytes, missing);
                self.state = match missing - taken as u64 {
                    0 => State::Done,
                    missing => State::Length(missing),
                };
                Ok(taken)
            }
            State::Chunk(missing) => {
                let taken = self.take(bytes, missing);
                self.state = match missing - taken as u64 {
                    0 => State::ChunkEnd(2),
                    missing => State::Chunk(missing),
                };
                Ok(taken)
            }
            State::ChunkSize(..) | State::ChunkEnd(_) | State::Trailer(_) => {
                self.state = between(self.state, bytes[0])?;
                Ok(1)
            }
            State::Done => Ok(0),
        }
    }

    fn take(&mut self, bytes: &[u8], missing: u64) -> usize {
        let taken = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len());
        if let Some(body) = &mut self.body {
            body.extend_from_slice(&bytes[..taken]);
        }
        taken
    }

    fn head(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let had = self.head.len();
        self.head.extend_from_slice(bytes);
        let from = had.saturating_sub(3);
        let Some(at) = self.head[from..].windows(4).position(|end| end == b"\r\n\r\n") else {
            return if self.head.len() > MAX_HEAD {
                Err(invalid("a head without an end"))
            } else {
                Ok(bytes.len())
            };
        };
        let end = from + at + 4;
        self.head.truncate(end);
        self.state = self.framing()?;
        Ok(end - had)
    }

    fn framing(&self) -> io::Result<State> {
        let mut framing = State::Done;
        for line in self.head.split(|&byte| byte == b'\n').skip(1) {
            let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                let length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                framing = match length.ok_or_else(|| invalid("a length that is none"))? {
                    0 => State::Done,
                    length => State::Length(length),
                };
            } else if name.eq_ignore_ascii_case(b"transfer-encoding")
                && value.eq_ignore_ascii_case(b"chunked")
            {
                return Ok(State::ChunkSize(0, Digits::Read));
            }
        }
        Ok(framing)
    }
}

/// What follows a byte between two chunks.
fn between(state: State, byte: u8) -> io::Result<State> {
    Ok(match (state, byte) {
        (State::ChunkSize(0, _), b'\n') => State::Trailer(0),
        (State::ChunkSize(size, _), b'\n') => State::Chunk(size),
        (State::ChunkSize(size, Digits::Read), digit) if digit.is_ascii_hexdigit() => {
            let digit = (digit as char).to_digit(16).unwrap_or_default();
            let size = size.checked_mul(16).ok_or_else(|| invalid("a chunk without an end"))?;
            State::ChunkSize(size + u64::from(digit), Digits::Read)
        }
        (State::ChunkSize(size, _), _) => State::ChunkSize(size, Digits::Over),
        (State::ChunkEnd(2), _) => State::ChunkEnd(1),
        (State::ChunkEnd(_), _) => State::ChunkSize(0, Digits::Read),
        (State::Trailer(0), b'\n') => State::Done,
        (State::Trailer(_), b'\n') => State::Trailer(0),
        (State::Trailer(length), b'\r') => State::Trailer(length),
        (State::Trailer(length), _) => State::Trailer(length + 1),
        (state, _) => state,
    })
}

/// An error about what came.
pub(crate) fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds it in pieces of this size; what was used and the body.
    fn fed(text: &str, piece: usize) -> (usize, String) {
        let (mut message, mut used) = (Message::keeping_body(), 0);
        for piece in text.as_bytes().chunks(piece) {
            used += message.feed(piece).unwrap();
            if message.is_done() {
                break;
            }
        }
        assert!(message.is_done(), "{text}");
        (used, String::from_utf8(message.body().to_vec()).unwrap())
    }

    #[test]
    fn a_message_ends_where_it_says_however_it_is_cut() {
        for (text, body) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", ""),
            ("HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\n\r\nhello", "hello"),
            ("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", ""),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n\
                 1a;x=1\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nA: b\r\n\r\n",
                "ababcdefghijklmnopqrstuvwxyz",
            ),
        ] {
            for piece in [1, 2, 3, 7, 1000] {
                let fed = fed(&format!("{text}HTTP/1.1 200 OK\r\n"), piece);
                assert_eq!(fed, (text.len(), body.to_owned()), "{text} by {piece}");
            }
        }
    }

    #[test]
    fn the_first_line_tells_status_or_target() {
        let mut message = Message::default();
        message.feed(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n").unwrap();
        assert!(message.has_head() && !message.is_done());
        assert_eq!(message.status(), 404);
        message.feed(b"x").unwrap();
        message.clear();
        message.feed(b"GET /v1.51/info?a HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(message.target(), ("GET", "/v1.51/info?a"));
    }

    #[test]
    fn what_is_no_length_is_an_error() {
        assert!(Message::default().feed(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").is_err());
    }
}
