//! An endless answer, line by line: what the engine says of its events is restored as it comes.
//!
//! A line leaves as soon as its end is there, and nothing is held but a line that has none yet. Lines change their
//! length, so a chunked answer is cut into chunks anew, one for all lines that came at once.

use hostward_engine::http1::{Advance, Framing, FramingError};

use crate::restore::Withheld;

/// An answer of which no more is held than the line that is not whole yet.
#[derive(Debug)]
pub(crate) struct Lines {
    framing: Framing,
    /// The longest line: an event of Docker's is a few hundred bytes; labels and command lines can make it longer.
    most: u64,
    /// The beginning of a line.
    begun: Vec<u8>,
}

/// Why an endless answer ends.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    #[error(transparent)]
    Framing(#[from] FramingError),
    #[error(transparent)]
    Withheld(#[from] Withheld),
}

impl Lines {
    /// An answer of this framing, which must be one that does not say the length.
    pub(crate) fn new(framing: Framing, most: u64) -> Self {
        Self { framing, most, begun: Vec::new() }
    }

    /// Follows the answer over `bytes`, and appends what the client gets instead to `out`: each line as `restore` says
    /// it, or as it came.
    pub(crate) fn advance(
        &mut self,
        bytes: &[u8],
        restore: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Withheld>,
        out: &mut Vec<u8>,
    ) -> Result<Advance, LineError> {
        let step = self.framing.decode(bytes, &mut self.begun)?;
        let mut data = self.whole_lines(&restore)?;
        if step.done {
            data.extend(self.last_line(&restore)?);
        }
        if self.begun.len() as u64 > self.most {
            return Err(Withheld::LongLine(self.most).into());
        }
        if !matches!(self.framing, Framing::Chunked(_)) {
            out.append(&mut data);
            return Ok(step);
        }
        if !data.is_empty() {
            out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
            out.append(&mut data);
            out.extend_from_slice(b"\r\n");
        }
        if step.done {
            out.extend_from_slice(b"0\r\n\r\n");
        }
        Ok(step)
    }

    /// The engine has closed: what is left of an answer that ends so; `None` where it was cut short.
    pub(crate) fn close(
        &mut self,
        restore: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Withheld>,
    ) -> Result<Option<Vec<u8>>, Withheld> {
        if matches!(self.framing, Framing::UntilClose) {
            self.last_line(&restore).map(Some)
        } else {
            Ok(None)
        }
    }

    fn whole_lines(
        &mut self,
        restore: &impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Withheld>,
    ) -> Result<Vec<u8>, Withheld> {
        let Some(end) = self.begun.iter().rposition(|&b| b == b'\n') else { return Ok(Vec::new()) };
        let mut lines = Vec::with_capacity(end + 1);
        for line in self.begun[..=end].split_inclusive(|&b| b == b'\n') {
            match restore(&line[..line.len() - 1])? {
                Some(restored) => {
                    lines.extend_from_slice(&restored);
                    lines.push(b'\n');
                }
                None => lines.extend_from_slice(line),
            }
        }
        // Not `drain`: a stream that says nothing for days holds no buffer.
        self.begun = self.begun[end + 1..].to_vec();
        Ok(lines)
    }

    /// What is behind the last line feed.
    fn last_line(
        &mut self,
        restore: &impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Withheld>,
    ) -> Result<Vec<u8>, Withheld> {
        let line = std::mem::take(&mut self.begun);
        Ok(restore(&line)?.unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostward_engine::http1::Chunked;

    const MOST: u64 = 1 << 20;

    /// The path of the engine's in the place of the caller's.
    #[allow(clippy::unnecessary_wraps, reason = "as what restores a line does")]
    fn restore(line: &[u8]) -> Result<Option<Vec<u8>>, Withheld> {
        assert!(!line.contains(&b'\n'));
        let text = std::str::from_utf8(line).unwrap();
        Ok(text.contains("/srv").then(|| text.replace("/srv", "/app/in/the/container").into_bytes()))
    }

    fn chunked() -> Lines {
        Lines::new(Framing::Chunked(Chunked::default()), MOST)
    }

    fn feed(mut lines: Lines, pieces: &[&[u8]]) -> (Vec<u8>, Lines) {
        let mut out = Vec::new();
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            assert_eq!(lines.advance(piece, restore, &mut out).unwrap().used, piece.len());
        }
        (out, lines)
    }

    fn body(chunks: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        let mut framing = Framing::Chunked(Chunked::default());
        assert_eq!(framing.decode(chunks, &mut body).unwrap().used, chunks.len());
        body
    }

    const WIRE: &[u8] =
        b"9\r\n{\"/srv/a\"\r\n1a;x=y\r\n}\n{\"b\":1}\n\n[1,2]\n{\"/srv\":1\r\n2\r\n}\n\r\n4\r\nlast\r\n0\r\n\r\n";
    const RESTORED: &[u8] =
        b"{\"/app/in/the/container/a\"}\n{\"b\":1}\n\n[1,2]\n{\"/app/in/the/container\":1}\nlast";

    #[test]
    fn any_cut_gives_the_same_lines() {
        for first in 0..=WIRE.len() {
            for second in [first, (first + 1).min(WIRE.len()), (first + 7).min(WIRE.len()), WIRE.len()] {
                let pieces = [&WIRE[..first], &WIRE[first..second], &WIRE[second..]];
                let (out, _) = feed(chunked(), &pieces);
                assert_eq!(body(&out), RESTORED, "cut at {first} and {second}");
            }
        }
        let single: Vec<&[u8]> = WIRE.chunks(1).collect();
        assert_eq!(body(&feed(chunked(), &single).0), RESTORED);
    }

    #[test]
    fn a_line_leaves_as_soon_as_it_is_whole_and_nothing_else_is_held() {
        let (out, lines) = feed(chunked(), &[b"e\r\n{\"/srv\":1}\n{\"b\r\n"]);
        assert_eq!(out, b"1c\r\n{\"/app/in/the/container\":1}\n\r\n");
        assert_eq!(lines.begun, b"{\"b");
        let (out, lines) = feed(lines, &[b"3\r\n\"}\n\r\n"]);
        assert_eq!((out.as_slice(), lines.begun.capacity()), (&b"6\r\n{\"b\"}\n\r\n"[..], 0));
    }

    #[test]
    fn an_answer_until_the_end_is_restored_to_its_last_byte() {
        let (out, mut lines) = feed(Lines::new(Framing::UntilClose, MOST), &[b"/srv/a\nx", b"\n/s", b"rv/b"]);
        assert_eq!(out, b"/app/in/the/container/a\nx\n");
        assert_eq!(lines.close(restore).unwrap().unwrap(), b"/app/in/the/container/b");
        assert_eq!(chunked().close(restore), Ok(None));
    }

    #[test]
    fn a_line_without_an_end_in_sight_ends_the_answer() {
        let mut lines = chunked();
        let long = format!("{:x}\r\n{}\r\n", MOST, "x".repeat(1 << 20));
        let mut out = Vec::new();
        lines.advance(long.as_bytes(), restore, &mut out).unwrap();
        let more = lines.advance(b"4\r\n/srv\r\n", restore, &mut out);
        assert_eq!(more, Err(LineError::Withheld(Withheld::LongLine(MOST))));
        assert!(out.is_empty());
    }
}
