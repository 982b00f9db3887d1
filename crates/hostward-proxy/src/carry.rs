//! Carrying a body, or a raw stream, from one side to the other: nobody looks at it but for where it ends.
//!
//! A long stream moves through a pipe, and is not copied on its way.
//!
//! A pipe costs two system calls more than a copy, so it is for sides that have been sending much for a while ([`Pace`](crate::pace::Pace)), and
//! it is had only while there are bytes in it: a stream that is silent has none. What the other side does not take at once stays
//! in the pipe, which is part of that [`Side`] from then on, like any other bytes that wait there: so ends, errors and
//! back-pressure are the same.

use std::io;

use hostward_engine::http1::{Framing, FramingError};

use crate::pipe::{EmptyPipe, PIPE};
use crate::relay::Side;

/// Chunks go together up to so much at a time: each of them by itself would wake whoever reads, and all that come would let
/// the reader wait.
const TOGETHER: usize = 128 << 10;

/// Of a body that is sent in chunks, so much is looked at at a time: the end of one and the size of the next.
const LOOK: usize = 64;

/// Moves what has come of a body, if anything has, to the other side, by one of `pipes` where that is faster; gives whether that
/// was its end, or that the other side takes no more.
pub(crate) fn carry(
    from: &mut Side,
    to: &mut Side,
    framing: &mut Framing,
    pipes: u64,
) -> Option<Result<io::Result<bool>, FramingError>> {
    if from.sends_bulk()
        && to.is_flushed()
        && let Some(moved) = splice(from, to, framing, pipes)
    {
        return Some(Ok(moved));
    }
    from.take(|bytes| match framing.advance(bytes) {
        Ok(step) => (step.used, Ok(to.send(&bytes[..step.used]).map(|()| step.done))),
        Err(error) => (0, Err(error)),
    })
}

/// The next bytes of a body, as far as it is known what they are: those that were looked at, and the data behind them.
struct Ahead {
    seen: [u8; LOOK],
    looked: usize,
    len: usize,
}

impl Ahead {
    /// `None` where there is nothing now, or nothing that makes sense.
    fn of(from: &Side, framing: Framing) -> Option<Self> {
        if framing.is_done() {
            return None;
        }
        let mut ahead = Self { seen: [0; LOOK], looked: 0, len: 0 };
        let mut behind = framing;
        // With the end of a chunk's data the next one's size is in sight.
        if framing.run() < (LOOK / 2) as u64 {
            let peeked = from.peek(&mut ahead.seen)?;
            ahead.looked = behind.advance(&ahead.seen[..peeked]).ok()?.used;
        }
        let data = usize::try_from(behind.run()).unwrap_or(usize::MAX);
        ahead.len = data.saturating_add(ahead.looked);
        (ahead.len > 0).then_some(ahead)
    }

    /// Follows the body over so many of these bytes.
    fn pass(&self, framing: &mut Framing, len: usize) {
        let looked = self.looked.min(len);
        // They made sense before.
        let _ = framing.advance(&self.seen[..looked]);
        framing.pass((len - looked) as u64);
    }
}

/// The same by a pipe. `None` where nothing was moved: what there is has to be read.
fn splice(from: &mut Side, to: &mut Side, framing: &mut Framing, pipes: u64) -> Option<io::Result<bool>> {
    let ahead = Ahead::of(from, *framing)?;
    let Some(pipe) = EmptyPipe::take(pipes) else {
        // Not again at once.
        from.slow_down();
        return None;
    };
    let mut filled = from.fill(pipe, ahead.len.min(PIPE))?;
    ahead.pass(framing, filled.held());
    // A known length, and a chunk that is longer than what has come, have given all that there is.
    while framing.run() == 0 && filled.held() < TOGETHER {
        let Some(next) = Ahead::of(from, *framing) else { break };
        let added = from.fill_up(&mut filled, next.len.min(TOGETHER));
        next.pass(framing, added);
        if added < next.len {
            break;
        }
    }
    from.saw(filled.held());
    Some(to.send_piped(filled).map(|()| framing.is_done()))
}

#[cfg(test)]
mod tests;
