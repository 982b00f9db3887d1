//! Where a message's body ends. Bytes go through in whatever pieces they come; nothing is buffered here.

/// The longest chunk-size line with its extensions and its end: Go's net/http reads no longer ones.
const MAX_CHUNK_LINE: u32 = 4095;
/// All trailers together, with the empty line: as many as fit the buffer of a server of Go. Docker's API has none.
const MAX_TRAILERS: u32 = 4096;
/// What a trailer must not say: it would speak of a head that was read already. A reader that believes it would read another
/// request than the one that was judged.
const NEVER_TRAILERS: [&[u8]; 8] = [
    b"content-length",
    b"transfer-encoding",
    b"content-type",
    b"content-encoding",
    b"host",
    b"connection",
    b"upgrade",
    b"trailer",
];

/// How a body is delimited, and how much of it is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks, of which some may have passed already.
    Chunked(Chunked),
    /// All bytes until the sender closes.
    UntilClose,
}

/// What some bytes meant to a [`Framing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// So many of the bytes belong to this message.
    pub used: usize,
    /// The message ends behind them. What follows belongs to the next one.
    pub done: bool,
}

/// The chunks are not what RFC 9112 says, so nobody can tell where the message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// A chunk does not begin with its size in hexadecimal digits.
    #[error("a chunk's size is not a hexadecimal number")]
    BadChunkSize,
    /// A line ends in a bare LF or CR, or a chunk is longer than its size.
    #[error("a chunk does not end in CR LF where its size says")]
    BadChunkEnd,
    /// A chunk's extensions or the trailers have no end.
    #[error("a chunk's extensions or the trailers are too long")]
    TooLong,
    /// A trailer that is none, or one that only a head may have.
    #[error("a trailer has no valid name, or one that only a head may have")]
    BadTrailer,
}

impl Framing {
    /// Whether the message has ended. What ends by close never says so.
    pub fn is_done(&self) -> bool {
        match self {
            Self::None | Self::Length(0) => true,
            Self::Length(_) | Self::UntilClose => false,
            Self::Chunked(chunked) => chunked.state == ChunkState::End,
        }
    }

    /// How many of the bytes to come are data, whatever they are: nobody has to look at them to follow the body.
    pub fn run(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Length(left) => *left,
            Self::Chunked(chunked) => chunked.run(),
            Self::UntilClose => u64::MAX,
        }
    }

    /// Follows the body over `len` bytes that nobody looked at, which are no more than its [`run`](Self::run).
    pub fn pass(&mut self, len: u64) {
        match self {
            Self::Length(left) => *left -= len,
            Self::Chunked(chunked) => chunked.pass(len),
            Self::None | Self::UntilClose => {}
        }
    }

    /// Follows the body over `bytes`.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Advance, FramingError> {
        self.walk(bytes, |_| {})
    }

    /// Follows the body over `bytes` and appends what it holds, free of chunk sizes, to `body`.
    pub fn decode(&mut self, bytes: &[u8], body: &mut Vec<u8>) -> Result<Advance, FramingError> {
        self.walk(bytes, |data| body.extend_from_slice(data))
    }

    fn walk(&mut self, bytes: &[u8], mut data: impl FnMut(&[u8])) -> Result<Advance, FramingError> {
        let used = match self {
            Self::None => 0,
            Self::Length(left) => {
                let used = shorter(bytes.len(), *left);
                *left -= used as u64;
                data(&bytes[..used]);
                used
            }
            Self::Chunked(chunked) => chunked.walk(bytes, data)?,
            Self::UntilClose => {
                data(bytes);
                bytes.len()
            }
        };
        Ok(Advance { used, done: self.is_done() })
    }
}

/// Where in a chunked body we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chunked {
    state: ChunkState,
    /// Bytes of the current line, or of all trailers, so that both have an end.
    line: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChunkState {
    /// In a chunk's size; at most 16 digits fit a `u64`.
    Size { size: u64, digits: u8 },
    /// In blanks behind the size's digits. Go takes them at the line's end alone, not before an extension.
    Blanks { size: u64 },
    /// In extensions, which mean nothing to us.
    Extension { size: u64 },
    /// Behind the CR of the size line.
    SizeLf { size: u64 },
    /// In the data.
    Data { left: u64 },
    /// Behind the data, before its CR.
    DataCr,
    /// Behind the data's CR.
    DataLf,
    /// At the start of a trailer line, or of the empty line that ends the message.
    TrailerStart,
    /// In a trailer's name, of which so many bytes have come. A bit is set for each of [`NEVER_TRAILERS`] that begins so.
    TrailerName { len: u8, never: u8 },
    /// In a trailer's value.
    Trailer,
    /// Behind a trailer line's CR.
    TrailerLf,
    /// Behind the CR of the empty line.
    EndLf,
    /// The message has ended.
    End,
}

impl Default for ChunkState {
    fn default() -> Self {
        Self::Size { size: 0, digits: 0 }
    }
}

impl ChunkState {
    fn after_data(left: u64) -> Self {
        if left == 0 { Self::DataCr } else { Self::Data { left } }
    }
}

impl Chunked {
    fn run(&self) -> u64 {
        if let ChunkState::Data { left } = self.state { left } else { 0 }
    }

    fn pass(&mut self, len: u64) {
        if let ChunkState::Data { left } = self.state {
            self.state = ChunkState::after_data(left - len);
        }
    }

    fn walk(&mut self, bytes: &[u8], mut data: impl FnMut(&[u8])) -> Result<usize, FramingError> {
        let mut at = 0;
        while at < bytes.len() && self.state != ChunkState::End {
            if let ChunkState::Data { left } = self.state {
                let take = shorter(bytes.len() - at, left);
                data(&bytes[at..at + take]);
                at += take;
                self.state = ChunkState::after_data(left - take as u64);
            } else {
                self.state = self.step(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// One byte outside the data.
    fn step(&mut self, byte: u8) -> Result<ChunkState, FramingError> {
        self.count()?;
        Ok(match (self.state, byte) {
            (ChunkState::Size { size, digits }, _) => size_digit(size, digits, byte)?,
            (ChunkState::Blanks { size } | ChunkState::Extension { size }, b'\r') => {
                ChunkState::SizeLf { size }
            }
            (ChunkState::Blanks { size }, b' ' | b'\t') => ChunkState::Blanks { size },
            (ChunkState::Extension { size }, b'\t' | b' '..=b'~' | 0x80..) => ChunkState::Extension { size },
            (ChunkState::SizeLf { size }, b'\n') => {
                self.line = 0;
                if size == 0 { ChunkState::TrailerStart } else { ChunkState::Data { left: size } }
            }
            (ChunkState::DataCr, b'\r') => ChunkState::DataLf,
            (ChunkState::DataLf, b'\n') => {
                self.line = 0;
                ChunkState::default()
            }
            (ChunkState::TrailerStart, b'\r') => ChunkState::EndLf,
            (ChunkState::Trailer, b'\r') => ChunkState::TrailerLf,
            (ChunkState::TrailerStart, _) => trailer_name(0, u8::MAX, byte)?,
            (ChunkState::TrailerName { len, never }, _) => trailer_name(len, never, byte)?,
            (ChunkState::Trailer, b'\t' | b' '..=b'~' | 0x80..) => ChunkState::Trailer,
            (ChunkState::TrailerLf, b'\n') => ChunkState::TrailerStart,
            (ChunkState::EndLf, b'\n') => ChunkState::End,
            _ => return Err(FramingError::BadChunkEnd),
        })
    }

    fn count(&mut self) -> Result<(), FramingError> {
        self.line += 1;
        let limit = match self.state {
            ChunkState::TrailerStart
            | ChunkState::TrailerName { .. }
            | ChunkState::Trailer
            | ChunkState::TrailerLf
            | ChunkState::EndLf => MAX_TRAILERS,
            _ => MAX_CHUNK_LINE,
        };
        if self.line > limit { Err(FramingError::TooLong) } else { Ok(()) }
    }
}

fn size_digit(size: u64, digits: u8, byte: u8) -> Result<ChunkState, FramingError> {
    let digit = match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        b'\r' if digits > 0 => return Ok(ChunkState::SizeLf { size }),
        b';' if digits > 0 => return Ok(ChunkState::Extension { size }),
        b' ' | b'\t' if digits > 0 => return Ok(ChunkState::Blanks { size }),
        _ => return Err(FramingError::BadChunkSize),
    };
    if digits == 16 {
        return Err(FramingError::BadChunkSize);
    }
    Ok(ChunkState::Size { size: size << 4 | u64::from(digit), digits: digits + 1 })
}

/// One byte of a trailer's name, before which `len` have come.
fn trailer_name(len: u8, never: u8, byte: u8) -> Result<ChunkState, FramingError> {
    let names = NEVER_TRAILERS.iter().enumerate().filter(|(n, _)| never & 1 << n != 0);
    let at = usize::from(len);
    if byte == b':' {
        let is_never = names.map(|(_, name)| name.len()).any(|length| length == at);
        return if len == 0 || is_never { Err(FramingError::BadTrailer) } else { Ok(ChunkState::Trailer) };
    }
    if !(byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)) {
        return Err(FramingError::BadTrailer);
    }
    let like = names.filter(|(_, name)| name.get(at).is_some_and(|other| other.eq_ignore_ascii_case(&byte)));
    let never = like.fold(0, |bits, (n, _)| bits | 1 << n);
    // Longer than all that are never trailers: the length does not matter any more.
    Ok(ChunkState::TrailerName { len: len.saturating_add(1), never })
}

fn shorter(len: usize, left: u64) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunked() -> Framing {
        Framing::Chunked(Chunked::default())
    }

    /// Feeds `bytes` in the given pieces; gives the body, the bytes used and whether the message ended.
    fn feed(mut framing: Framing, bytes: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, Advance), FramingError> {
        let mut body = Vec::new();
        let mut total = Advance { used: 0, done: framing.is_done() };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        for pair in cuts.windows(2) {
            if total.done {
                break;
            }
            let advance = framing.decode(&bytes[pair[0]..pair[1]], &mut body)?;
            total = Advance { used: total.used + advance.used, done: advance.done };
        }
        Ok((body, total))
    }

    #[test]
    fn a_length_ends_where_it_says() {
        let (body, advance) = feed(Framing::Length(3), b"abcGET", &[]).unwrap();
        assert_eq!(body, b"abc");
        assert_eq!(advance, Advance { used: 3, done: true });
        assert!(Framing::Length(0).is_done() && Framing::None.is_done() && !Framing::UntilClose.is_done());
        let (_, advance) = feed(Framing::Length(u64::MAX), b"abc", &[]).unwrap();
        assert_eq!(advance, Advance { used: 3, done: false });
    }

    #[test]
    fn data_can_be_passed_unseen_and_what_is_around_it_not() {
        let mut framing = chunked();
        assert_eq!(framing.run(), 0);
        framing.advance(b"20\r\nabc").unwrap();
        assert_eq!(framing.run(), 29);
        framing.pass(20);
        assert_eq!(framing.run(), 9);
        framing.pass(9);
        assert_eq!(framing.run(), 0);
        assert!(framing.clone().advance(b"x").is_err());
        assert!(framing.advance(b"\r\n0\r\n\r\n").unwrap().done);
        let mut framing = Framing::Length(3);
        framing.pass(2);
        assert_eq!((framing.run(), framing.is_done()), (1, false));
        framing.pass(1);
        assert!(framing.is_done());
        assert_eq!((Framing::None.run(), Framing::UntilClose.run()), (0, u64::MAX));
    }

    #[test]
    fn chunks_end_behind_their_trailers() {
        let bytes = b"3;a=\"b\"\r\nabc\r\n00A \t\r\n0123456789\r\n0\r\nX-Sum: 1\r\nY:\r\nHosts: :\r\n\r\nGET";
        let (body, advance) = feed(chunked(), bytes, &[]).unwrap();
        assert_eq!(body, b"abc0123456789");
        assert_eq!(advance, Advance { used: bytes.len() - 3, done: true });
    }

    #[test]
    fn what_go_and_we_could_read_differently_is_an_error() {
        for bytes in [
            &b"3\nabc\r\n0\r\n\r\n"[..],
            b"3\r\nabcd\r\n",
            b"3\r\nabc\n0\r\n\r\n",
            b"3\r\nabc0\r\n\r\n",
            b"3;x\ny\r\nabc",
            b"0\r\n\n",
            b"0\r\nX: 1\n\r\n",
            b"0\r\nX: 1\r\r\n",
            b"0x3\r\nabc\r\n",
            b"-1\r\n",
            b" 3\r\n",
            b"\r\n",
            b";a\r\n",
            b"11111111111111111\r\n",
            b"g\r\n",
            b"+3\r\nabc\r\n",
            b"0X3\r\nabc\r\n",
            b"3_\r\nabc\r\n",
            b"3,3\r\nabc\r\n",
            b"3 4\r\nabc\r\n",
            b"3 ;a\r\nabc\r\n",
            b"3\r\r\nabc\r\n",
            b"3\r\n\r\nabc\r\n",
            b"3;a\0\r\nabc\r\n",
            b"3;a=\"\r\n\"\r\nabc\r\n",
            b"3\x0b\r\nabc\r\n",
            b"\xb3\r\nabc\r\n",
            b"00000000000000000\r\n\r\n",
            b"0\r\nGET / HTTP/1.1\r\n\r\n",
            b"0\r\n X: 1\r\n\r\n",
            b"0\r\nX: 1\r\n 2\r\n\r\n",
            b"0\r\n: 1\r\n\r\n",
            b"0\r\nX : 1\r\n\r\n",
            b"0\r\nX\r\n\r\n",
            b"0\r\nX: \0\r\n\r\n",
            b"0\r\ncontent-Length: 1\r\n\r\n",
            b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"0\r\nHost: d\r\n\r\n",
            b"0\r\nTRAILER: X\r\n\r\n",
        ] {
            assert!(feed(chunked(), bytes, &[]).is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn lines_and_trailers_have_an_end() {
        let long = |start: &str, n: usize| [start.as_bytes(), &vec![b'a'; n]].concat();
        assert_eq!(feed(chunked(), &long("3;", 5000), &[]), Err(FramingError::TooLong));
        assert_eq!(feed(chunked(), &long("0\r\nX:", 70_000), &[]), Err(FramingError::TooLong));
        assert_eq!(feed(chunked(), &long("0\r\n", 5000), &[]), Err(FramingError::TooLong));
        assert!(feed(chunked(), &long("0\r\nX:", 4000), &[]).is_ok());
        assert!(feed(chunked(), &long("0\r\n", 4000), &[]).is_ok());
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_body(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
            trailers in prop::collection::vec("X-[a-zA-Z-]{1,8}: [ -~]{0,8}", 0..3),
            cuts in prop::collection::vec(any::<usize>(), 0..12),
            next in prop::collection::vec(any::<u8>(), 0..10),
        ) {
            let mut bytes = Vec::new();
            for chunk in &chunks {
                bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n");
            for trailer in &trailers {
                bytes.extend_from_slice(format!("{trailer}\r\n").as_bytes());
            }
            bytes.extend_from_slice(b"\r\n");
            let end = bytes.len();
            bytes.extend_from_slice(&next);
            let (body, advance) = feed(chunked(), &bytes, &cuts).unwrap();
            prop_assert_eq!(body, chunks.concat());
            prop_assert_eq!(advance, Advance { used: end, done: true });
        }

        #[test]
        fn any_split_of_any_bytes_gives_the_same_result(
            bytes in prop::collection::vec(prop::sample::select(&b"0123af;x: \t\r\n\r\n"[..]), 0..60),
            cuts in prop::collection::vec(any::<usize>(), 0..12),
        ) {
            prop_assert_eq!(feed(chunked(), &bytes, &[]), feed(chunked(), &bytes, &cuts));
        }
    }
}
