//! An answer on its way: what the request wants of it, and how it is taken from the engine.

use std::sync::Arc;

use hostward_engine::http1::{Framing, HeadEnd, HeadError, ResponseHead, with_length};
use tokio::sync::oneshot;

use crate::limits::Limits;
use crate::lines::Lines;
use crate::pool::{Lease, Tenant};
use crate::pools::Pools;
use crate::refuse::Refused;
use crate::restore::{Restore, Take, Withheld};

/// So much of an answer is held without being counted: it comes also where all that one may have is taken. What a create has made
/// is not to be lost for that.
const USUAL_ANSWER: usize = 16 << 10;
/// What a request means for the answer to it.
#[derive(Debug)]
pub(crate) struct Expected {
    /// A HEAD, whose answer has no body.
    pub(crate) head_only: bool,
    /// A 200 without a length is a raw stream both ways: attach, exec start, or the client asked to upgrade.
    pub(crate) hijacks: bool,
    /// The client means to send more requests.
    pub(crate) persistent: bool,
    /// What to put into the caller's words.
    pub(crate) restore: Restore,
    pub(crate) pools: Arc<Pools>,
    pub(crate) limits: Limits,
}

/// What the engine's answer tells beside what the client gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    /// The final status, if one came.
    pub(crate) status: Option<u16>,
    /// The container that was created.
    pub(crate) created: Option<String>,
}

impl Answered {
    /// What is told by an answer of Hostward's own.
    pub(crate) fn of(refused: &Refused) -> Self {
        Self { status: Some(refused.status), created: None }
    }
}

/// The answer's direction.
#[derive(Debug)]
pub(crate) enum Down {
    Head(HeadEnd),
    Body(Framing),
    /// An answer that is held until it is whole, to be restored.
    Held(Box<HeldAnswer>),
    /// A whole answer that is being restored.
    Restoring(oneshot::Receiver<Result<WholeAnswer, Withheld>>),
    /// An endless answer that is restored line by line.
    Lines(Lines),
    /// A raw stream.
    Raw,
    /// The answer has been sent. The engine may still close before the request has ended.
    Done,
    /// The engine's end has been carried to the client.
    Closed,
}

/// A whole answer in the caller's words, and what it takes of what callers share.
pub(crate) type WholeAnswer = (Vec<u8>, Lease);

/// An answer that is held until it is whole.
#[derive(Debug)]
pub(crate) struct HeldAnswer {
    pub(crate) status: u16,
    pub(crate) head_len: usize,
    /// Head and body as they came.
    pub(crate) bytes: Vec<u8>,
    /// The body, as the head says.
    pub(crate) framing: Framing,
    /// What of the body is still to come.
    pub(crate) rest: Framing,
    pub(crate) lease: Lease,
}

/// The length of the interim heads that `bytes` begin with, and the final head with its end.
pub(crate) fn find_heads(
    bytes: &[u8],
    end: &mut HeadEnd,
) -> Result<(usize, Option<(ResponseHead, usize)>), HeadError> {
    let mut interim = 0;
    while let Some(len) = end.find(&bytes[interim..])? {
        let body = interim + len;
        let head = ResponseHead::parse(&bytes[interim..body])?;
        if !head.is_interim() {
            return Ok((interim, Some((head, body))));
        }
        (interim, *end) = (body, HeadEnd::default());
    }
    Ok((interim, None))
}

impl Expected {
    /// What to do with an answer of this head, and how many of the first `bytes` of its body are done with.
    pub(crate) fn answer(
        &self,
        head: &ResponseHead,
        head_bytes: &[u8],
        bytes: &[u8],
    ) -> Result<(Down, usize), Withheld> {
        let mut framing = head.framing(self.head_only);
        let hijacked = self.hijacks && matches!(head.status, 200..=299) && framing == Framing::UntilClose;
        if head.status == 101 || hijacked {
            return Ok((Down::Raw, bytes.len()));
        }
        let take = if framing.is_done() { Take::Pass } else { self.restore.take(head.status) };
        if take != Take::Pass && head.encoded {
            return Err(Withheld::Encoded);
        }
        match (take, framing) {
            (Take::Pass, _) => {}
            (Take::Lines, Framing::Chunked(_) | Framing::UntilClose) => {
                return Ok((Down::Lines(Lines::new(framing, self.limits.line_bytes)), 0));
            }
            (Take::Whole | Take::Lines, Framing::Length(length)) if length > self.limits.answer_bytes => {
                return Err(Withheld::TooLarge(self.limits.answer_bytes));
            }
            (Take::Whole | Take::Lines, _) => {
                let bytes = head_bytes.to_vec();
                let tenant = self.restore.tenant().unwrap_or(Tenant::Strangers);
                let lease = self.pools.held.none(tenant);
                let answer = HeldAnswer {
                    status: head.status,
                    head_len: bytes.len(),
                    bytes,
                    framing,
                    rest: framing,
                    lease,
                };
                return Ok((Down::Held(Box::new(answer)), 0));
            }
        }
        Ok(match framing.advance(bytes) {
            Ok(step) if step.done => (Down::Done, step.used),
            Ok(step) => (Down::Body(framing), step.used),
            // The next step meets the error again, with the head on its way.
            Err(_) => (Down::Body(head.framing(self.head_only)), 0),
        })
    }
}

impl HeldAnswer {
    /// Holds more of it.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<(), Withheld> {
        let over = (self.bytes.len() + bytes.len()).saturating_sub(USUAL_ANSWER) as u64;
        self.lease.grow(over.saturating_sub(self.lease.amount()))?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The whole answer in the caller's words.
    pub(crate) fn restored(mut self, restore: &Restore) -> Result<WholeAnswer, Withheld> {
        let (start, end) = self.bytes.split_at(self.head_len);
        let body = match self.framing {
            Framing::Chunked(_) => {
                let (mut body, mut framing) = (Vec::new(), self.framing);
                framing.decode(end, &mut body).map_err(|_| Withheld::Unreadable)?;
                restore.body(self.status, &body)?
            }
            Framing::None | Framing::Length(_) | Framing::UntilClose => restore.body(self.status, end)?,
        };
        let answer = match body {
            Some(body) => [with_length(start, body.len() as u64), body].concat(),
            None => std::mem::take(&mut self.bytes),
        };
        Ok((answer, self.lease))
    }
}
