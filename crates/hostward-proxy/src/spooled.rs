//! An archive on disk, and what the engine gets of it.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::pool::Lease;

/// A body in a file that nobody else has.
#[derive(Debug)]
pub(crate) struct Spooled {
    pub(crate) file: File,
    pub(crate) length: u64,
    /// What it takes of what callers share, as long as it is there.
    pub(crate) lease: Lease,
}

/// An archive, with other bytes in the place of some.
#[derive(Debug)]
pub(crate) struct Archive {
    spooled: Spooled,
    pieces: VecDeque<Piece>,
}

/// What is sent of it.
#[derive(Debug)]
enum Piece {
    /// Bytes of the file.
    File(Range<u64>),
    /// Others.
    Bytes(Vec<u8>),
}

impl Archive {
    /// As it came.
    pub(crate) fn of(spooled: Spooled) -> Self {
        let pieces = VecDeque::from([Piece::File(0..spooled.length)]);
        Self { spooled, pieces }
    }

    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.spooled.file
    }

    /// Other bytes in the place of some.
    pub(crate) fn replace(&mut self, replaced: Range<u64>, by: Vec<u8>) {
        let rest = replaced.end..self.spooled.length;
        self.pieces = [Piece::File(0..replaced.start), Piece::Bytes(by), Piece::File(rest)].into();
    }

    /// What is still to be sent, in bytes.
    pub(crate) fn len(&self) -> u64 {
        let length = |piece: &Piece| match piece {
            Piece::File(range) => range.end.saturating_sub(range.start),
            Piece::Bytes(bytes) => bytes.len() as u64,
        };
        self.pieces.iter().map(length).sum()
    }

    /// The next bytes, of which there are some as long as [`len`](Self::len) says so. They were written a moment ago, so that the
    /// system has them in memory.
    pub(crate) fn next(&mut self, most: usize) -> io::Result<Vec<u8>> {
        loop {
            match self.pieces.pop_front() {
                None => return Ok(Vec::new()),
                Some(Piece::Bytes(bytes)) if bytes.is_empty() => {}
                Some(Piece::Bytes(bytes)) => return Ok(bytes),
                Some(Piece::File(range)) if range.is_empty() => {}
                Some(Piece::File(Range { start, end })) => {
                    let length = (end - start).min(most as u64);
                    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
                    self.spooled.file.read_exact_at(&mut bytes, start)?;
                    self.pieces.push_front(Piece::File(start + length..end));
                    return Ok(bytes);
                }
            }
        }
    }
}
