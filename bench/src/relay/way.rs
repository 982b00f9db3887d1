//! One direction of a relayed connection: what was read and could not be written yet, and whether more will come.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};

use super::PIECE;

/// Where bytes wait that the far end does not take yet.
#[derive(Debug)]
pub(super) enum Buffer {
    /// In memory; mostly there are none.
    Copy(Vec<u8>),
    /// In a pipe that takes so many.
    Pipe { read: OwnedFd, write: OwnedFd, waiting: usize },
}

/// One direction.
#[derive(Debug)]
pub(super) struct Way {
    buffer: Buffer,
    /// Nothing more comes from the near end.
    at_end: bool,
    /// And the far end was told.
    ended: bool,
}

impl Way {
    pub(super) fn by_copy() -> Self {
        Self { buffer: Buffer::Copy(Vec::new()), at_end: false, ended: false }
    }

    pub(super) fn by_pipe() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        Ok(Self { buffer: Buffer::Pipe { read, write, waiting: 0 }, at_end: false, ended: false })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn is_waiting(&self) -> bool {
        match &self.buffer {
            Buffer::Copy(held) => !held.is_empty(),
            Buffer::Pipe { waiting, .. } => *waiting > 0,
        }
    }

    pub(super) fn can_read(&self) -> bool {
        !self.at_end && !self.is_waiting()
    }

    /// Reads once from the near end, and writes what the far end takes.
    pub(super) fn forward(
        &mut self,
        from: &UnixStream,
        to: &UnixStream,
        scratch: &mut [u8],
    ) -> io::Result<()> {
        if !self.can_read() {
            return Ok(());
        }
        let read = match &mut self.buffer {
            Buffer::Copy(_) => rustix::io::read(from, &mut *scratch),
            Buffer::Pipe { write, .. } => splice(from, None, write, None, PIECE, SpliceFlags::NONBLOCK),
        };
        let read = match read {
            Ok(read) => read,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.at_end = read == 0;
        match &mut self.buffer {
            Buffer::Copy(held) => {
                let taken = written(rustix::io::write(to, &scratch[..read]))?;
                held.extend_from_slice(&scratch[taken..read]);
            }
            Buffer::Pipe { waiting, .. } => *waiting += read,
        }
        self.flush(to)
    }

    /// Writes what waits, as far as the far end takes it, and tells it the end.
    pub(super) fn flush(&mut self, to: &UnixStream) -> io::Result<()> {
        if self.is_waiting() {
            match &mut self.buffer {
                Buffer::Copy(held) => {
                    let taken = written(rustix::io::write(to, held))?;
                    held.drain(..taken);
                }
                Buffer::Pipe { read, waiting, .. } => {
                    *waiting -= written(splice(read, None, to, None, *waiting, SpliceFlags::NONBLOCK))?;
                }
            }
        }
        if self.at_end && !self.ended && !self.is_waiting() {
            self.ended = true;
            // Who has gone need not be told.
            let _ = to.shutdown(Shutdown::Write);
        }
        Ok(())
    }
}

/// How much was written; nothing is no error.
fn written(result: rustix::io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        written => Ok(written?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn nothing_is_lost_where_the_far_end_takes_it_slowly() {
        for mut way in [Way::by_copy(), Way::by_pipe().unwrap()] {
            let (mut near, from) = UnixStream::pair().unwrap();
            let (to, mut far) = UnixStream::pair().unwrap();
            for end in [&from, &to, &far] {
                end.set_nonblocking(true).unwrap();
            }
            let sent: Vec<u8> = (0..1_000_000_u32).map(|byte| byte.to_le_bytes()[0]).collect();
            let writer = std::thread::spawn({
                let sent = sent.clone();
                move || near.write_all(&sent).unwrap()
            });
            let (mut scratch, mut arrived, mut waited) = (vec![0; PIECE], Vec::new(), false);
            while !way.has_ended() || arrived.len() < sent.len() {
                way.forward(&from, &to, &mut scratch).unwrap();
                way.flush(&to).unwrap();
                waited |= way.is_waiting();
                if way.is_waiting() || way.has_ended() {
                    let read = far.read(&mut scratch).unwrap_or(0);
                    arrived.extend_from_slice(&scratch[..read]);
                }
            }
            writer.join().unwrap();
            assert!(waited && arrived == sent);
            assert_eq!(far.read(&mut scratch).unwrap(), 0);
        }
    }
}
