//! One request and its answer, both ways at once.
//!
//! Both directions move whenever they can: the engine may answer in the middle of an upload, say `100 Continue`,
//! or leave HTTP behind (101, or 200 without a length for attach and exec). Ends are carried as they come: a
//! client's half-close becomes one at the engine, so that `echo hi | docker exec -i` still gets its answer; a
//! client that has gone takes the engine's connection with it, which ends its `logs -f`.

use std::sync::Arc;

use hostward_engine::http1::{Framing, HeadEnd, HeadError};
use tokio::sync::oneshot;

use crate::answer::{Answered, Down, Expected, WholeAnswer, find_heads};
use crate::carry::carry;
use crate::metrics::METRICS;
use crate::pool::{Lease, Tenant};
use crate::relay::{Cut, Side, wait};
use crate::restore::Withheld;
use crate::spooled::Archive;

/// So many bytes of pipelined requests are read before their turn; reading goes on so far to see the client's end.
const MAX_PIPELINED: usize = 64 << 10;
/// An answer is restored at once where that takes less than a moment; longer ones by a thread of their own.
const RESTORED_AT_ONCE: usize = 64 << 10;
/// So much of an archive is on its way at a time.
const PIECE: usize = 64 << 10;

/// How an exchange ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Both connections can take the next request.
    Next,
    /// The client's connection has to be closed, as HTTP or the engine wants it.
    Close,
    /// The engine's connection ended before an answer came. The client has not been told anything final.
    NoAnswer,
    /// The engine's answer is not HTTP. The client has not been told anything final.
    BadAnswer(HeadError),
    /// The answer cannot be put into the caller's words. The client has not been told anything final.
    Withheld(Withheld),
}

/// The request's direction.
#[derive(Debug)]
enum Up {
    /// The request's body.
    Body(Framing),
    /// An archive that was judged.
    Archive(Box<Archive>),
    /// The request has been sent; the client is watched for its end.
    Sent,
    /// A raw stream.
    Raw,
    /// The client's end has been carried to the engine, or the engine takes no more.
    Closed,
}

pub(crate) struct Tunnel<'a> {
    client: &'a mut Side,
    engine: &'a mut Side,
    expected: &'a Expected,
    up: Up,
    down: Down,
    /// The engine means to answer more requests.
    persistent: bool,
    answered: Answered,
    /// Of the request, until the engine has taken it.
    unsent: Option<Lease>,
    /// Of a whole answer, until the client has taken it: it may never read.
    untaken: Option<Lease>,
}

impl<'a> Tunnel<'a> {
    /// A request whose head was sent to the engine, and of whose body `rest` is still to come, or this archive. `unsent` is what
    /// it takes of what callers share until the engine has it.
    pub(crate) fn new(
        client: &'a mut Side,
        engine: &'a mut Side,
        expected: &'a Expected,
        rest: Framing,
        archive: Option<Archive>,
        unsent: Option<Lease>,
    ) -> Self {
        let up = match archive {
            Some(archive) => Up::Archive(Box::new(archive)),
            None if rest.is_done() => Up::Sent,
            None => Up::Body(rest),
        };
        let down = Down::Head(HeadEnd::default());
        let (persistent, answered, untaken) = (true, Answered::default(), None);
        Self { client, engine, expected, up, down, persistent, answered, unsent, untaken }
    }

    /// What the answer tells, so far.
    pub(crate) fn answered(&self) -> Answered {
        self.answered.clone()
    }

    /// What a request that the engine has not taken takes of what callers share.
    pub(crate) fn take_unsent(&mut self) -> Option<Lease> {
        self.unsent.take()
    }

    /// Runs until the exchange has ended.
    pub(crate) async fn run(&mut self) -> Result<Outcome, Cut> {
        loop {
            let moved = self.move_up().and_then(|()| self.move_down());
            self.count();
            if let Some(outcome) = moved? {
                return Ok(outcome);
            }
            if let Some(outcome) = self.ended() {
                return Ok(outcome);
            }
            if self.has_work() {
                continue;
            }
            let (up, down) = (self.reads_up(), self.reads_down());
            if let Down::Restoring(restored) = &mut self.down {
                let restored = tokio::select! {
                    restored = restored => restored,
                    () = wait(self.client, up, Some((self.engine, down))) => continue,
                };
                let gone =
                    || Err(Withheld::Unlooked("the answer was not restored; the log says why".to_owned()));
                match restored.unwrap_or_else(|_| gone()) {
                    Ok(answer) => self.give_restored(answer)?,
                    Err(why) => return Ok(Outcome::Withheld(why)),
                }
            } else {
                wait(self.client, up, Some((self.engine, down))).await;
            }
        }
    }

    /// Counts what has come from both sides.
    fn count(&mut self) {
        for (side, counter) in
            [(&mut *self.client, &METRICS.to_engine), (&mut *self.engine, &METRICS.to_client)]
        {
            let received = side.take_received();
            if received > 0 {
                counter.inc_by(received);
            }
        }
    }

    /// Whether bytes that were read before can move now, as after a head that turned the rest into a raw stream.
    fn has_work(&self) -> bool {
        let waits = match self.up {
            Up::Body(_) | Up::Raw => self.client.held() > 0,
            Up::Archive(_) => true,
            Up::Sent | Up::Closed => false,
        };
        let up = waits && self.engine.is_flushed();
        let down = !matches!(self.down, Down::Head(_) | Down::Restoring(_) | Down::Closed)
            && self.engine.held() > 0
            && self.client.is_flushed();
        up || down
    }

    fn reads_up(&self) -> bool {
        match self.up {
            Up::Sent | Up::Archive(_) => self.client.held() < MAX_PIPELINED,
            Up::Body(_) | Up::Raw => self.engine.is_flushed(),
            Up::Closed => false,
        }
    }

    fn reads_down(&self) -> bool {
        self.client.is_flushed() && !matches!(self.down, Down::Closed | Down::Restoring(_))
    }

    fn ended(&self) -> Option<Outcome> {
        if !self.client.is_flushed() {
            return None;
        }
        match (&self.up, &self.down) {
            (Up::Sent, Down::Done) if self.persistent && self.expected.persistent => Some(Outcome::Next),
            (Up::Sent | Up::Closed, Down::Done | Down::Closed) => Some(Outcome::Close),
            (Up::Body(_) | Up::Archive(_) | Up::Raw, _)
            | (
                _,
                Down::Head(_)
                | Down::Body(_)
                | Down::Held(_)
                | Down::Restoring(_)
                | Down::Lines(_)
                | Down::Raw,
            ) => None,
        }
    }

    fn move_up(&mut self) -> Result<(), Cut> {
        if self.engine.flush().is_err() {
            self.up = Up::Closed;
        }
        if !self.engine.is_flushed() {
            return Ok(());
        }
        self.unsent = None;
        let pipes = self.expected.limits.pipes;
        match &mut self.up {
            Up::Closed => return Ok(()),
            Up::Sent => {
                if self.client.held() < MAX_PIPELINED {
                    self.client.read(|_| (0, ()));
                }
            }
            Up::Body(framing) => match carry(self.client, self.engine, framing, pipes) {
                // Nobody can tell where this request ends, and its beginning is with the engine already.
                Some(Err(_)) => return Err(Cut),
                Some(Ok(Err(_))) => self.up = Up::Closed,
                Some(Ok(Ok(true))) => self.up = Up::Sent,
                Some(Ok(Ok(false))) | None => {}
            },
            Up::Archive(archive) => match archive.next(PIECE) {
                Ok(piece) if piece.is_empty() => self.up = Up::Sent,
                Ok(piece) => {
                    if self.engine.send_all(piece).is_err() {
                        self.up = Up::Closed;
                    }
                }
                // Its beginning is with the engine already.
                Err(error) => {
                    tracing::warn!(%error, "an archive that is kept on disk cannot be read again");
                    return Err(Cut);
                }
            },
            Up::Raw => {
                let sent = carry(self.client, self.engine, &mut Framing::UntilClose, pipes);
                if matches!(sent, Some(Ok(Err(_)))) {
                    self.up = Up::Closed;
                }
            }
        }
        // Pipelined bytes are the next request's, or a raw stream's: the end comes behind them.
        if !matches!(self.up, Up::Archive(_))
            && self.client.ended()
            && self.client.held() == 0
            && self.engine.is_flushed()
        {
            self.carry_clients_end()?;
        }
        Ok(())
    }

    fn carry_clients_end(&mut self) -> Result<(), Cut> {
        if matches!(self.up, Up::Closed) {
            return Ok(());
        }
        if self.client.gone() {
            return Err(Cut);
        }
        self.engine.shutdown_write();
        self.up = Up::Closed;
        Ok(())
    }

    fn move_down(&mut self) -> Result<Option<Outcome>, Cut> {
        self.client.flush().map_err(|_| Cut)?;
        if !self.client.is_flushed() {
            return Ok(None);
        }
        self.untaken = None;
        let pipes = self.expected.limits.pipes;
        match &mut self.down {
            Down::Head(_) => {
                if let Some(outcome) = self.read_heads()? {
                    return Ok(Some(outcome));
                }
            }
            Down::Body(framing) => match carry(self.engine, self.client, framing, pipes) {
                Some(Err(_) | Ok(Err(_))) => return Err(Cut),
                Some(Ok(Ok(true))) => self.down = Down::Done,
                Some(Ok(Ok(false))) | None => {}
            },
            Down::Held(_) => {
                if let Some(outcome) = self.hold()? {
                    return Ok(Some(outcome));
                }
            }
            Down::Lines(lines) => {
                let step = self.engine.take(|bytes| {
                    let mut restored = Vec::new();
                    let line = |line: &[u8]| self.expected.restore.line(line);
                    match lines.advance(bytes, line, &mut restored) {
                        Ok(step) => {
                            (step.used, self.client.send(&restored).map(|()| step.done).map_err(|_| Cut))
                        }
                        // Its beginning is with the client already: that it was cut off says that something is missing.
                        Err(why) => {
                            tracing::warn!(%why, "an endless answer is cut off");
                            (0, Err(Cut))
                        }
                    }
                });
                if step.transpose()? == Some(true) {
                    self.down = Down::Done;
                }
            }
            Down::Raw => {
                let sent = carry(self.engine, self.client, &mut Framing::UntilClose, pipes);
                if matches!(sent, Some(Ok(Err(_)))) {
                    return Err(Cut);
                }
            }
            Down::Done => {
                // Bytes that nobody asked for: the connection cannot be trusted with another request.
                if self.engine.take(|bytes| (bytes.len(), ())).is_some() {
                    self.persistent = false;
                }
            }
            Down::Restoring(_) | Down::Closed => return Ok(None),
        }
        if self.engine.ended() { self.carry_engines_end() } else { Ok(None) }
    }

    /// Passes interim heads on, and the final one with what came of its body.
    fn read_heads(&mut self) -> Result<Option<Outcome>, Cut> {
        let Down::Head(end) = &mut self.down else { return Ok(None) };
        let (client, expected, status) = (&mut *self.client, self.expected, &mut self.answered.status);
        let read = self.engine.read(|bytes| match find_heads(bytes, end) {
            Err(error) => (0, Err(Outcome::BadAnswer(error))),
            Ok((interim, None)) => (interim, Ok((client.send(&bytes[..interim]), None))),
            Ok((interim, Some((head, body)))) => {
                // What leaves HTTP behind is judged no more: only what a request asked for may.
                if head.status == 101 && !expected.hijacks {
                    return (interim, Err(Outcome::BadAnswer(HeadError::Unasked)));
                }
                *status = Some(head.status);
                match expected.answer(&head, &bytes[interim..body], &bytes[body..]) {
                    Err(withheld) => (interim, Err(Outcome::Withheld(withheld))),
                    Ok((down, used)) => {
                        // A held answer's head waits with it.
                        let passed = if matches!(down, Down::Held(_)) { interim } else { body + used };
                        let sent = client.send(&bytes[..passed]);
                        (body + used, Ok((sent, Some((head.persistent, down)))))
                    }
                }
            }
        });
        match read {
            None => return Ok(None),
            Some(Err(outcome)) => return Ok(Some(outcome)),
            Some(Ok((sent, answer))) => {
                sent.map_err(|_| Cut)?;
                if let Some((persistent, down)) = answer {
                    if matches!(down, Down::Raw) && !matches!(self.up, Up::Closed) {
                        self.up = Up::Raw;
                    }
                    (self.persistent, self.down) = (persistent, down);
                }
            }
        }
        Ok(None)
    }

    /// Goes on with an answer that is held until it is whole.
    fn hold(&mut self) -> Result<Option<Outcome>, Cut> {
        let Down::Held(held) = &mut self.down else { return Ok(None) };
        let most = self.expected.limits.answer_bytes;
        let step = self.engine.take(|bytes| match held.rest.advance(bytes) {
            Ok(step) => match held.add(&bytes[..step.used]) {
                Ok(()) => (step.used, Ok(Ok(step.done))),
                Err(why) => (0, Ok(Err(why))),
            },
            Err(_) => (0, Err(Cut)),
        });
        match step.transpose()? {
            Some(Err(why)) => Ok(Some(Outcome::Withheld(why))),
            Some(Ok(true)) => self.restore(),
            _ if held.bytes.len() as u64 > most => Ok(Some(Outcome::Withheld(Withheld::TooLarge(most)))),
            _ => Ok(None),
        }
    }

    /// Puts a whole answer into the caller's words, or begins to.
    fn restore(&mut self) -> Result<Option<Outcome>, Cut> {
        let Down::Held(held) = std::mem::replace(&mut self.down, Down::Done) else { return Ok(None) };
        let restore = &self.expected.restore;
        // What was made is told in a short answer.
        if held.bytes.len() <= RESTORED_AT_ONCE {
            self.answered.created = restore.created(held.status, &held.bytes[held.head_len..]);
            return match held.restored(restore) {
                Ok(answer) => self.give_restored(answer).map(|()| None),
                Err(why) => Ok(Some(Outcome::Withheld(why))),
            };
        }
        let (done, restored) = oneshot::channel();
        let (restore, pools) = (restore.clone(), Arc::clone(&self.expected.pools));
        tokio::spawn(async move {
            let tenant = restore.tenant().unwrap_or(Tenant::Strangers);
            let answer = pools.lookups.look(tenant, move |_| held.restored(&restore)).await;
            // The client may have gone.
            let _ = done.send(answer.unwrap_or_else(|why| Err(Withheld::Unlooked(why.to_string()))));
        });
        self.down = Down::Restoring(restored);
        Ok(None)
    }

    fn give_restored(&mut self, (answer, lease): WholeAnswer) -> Result<(), Cut> {
        self.down = Down::Done;
        self.client.send_all(answer).map_err(|_| Cut)?;
        self.untaken = (!self.client.is_flushed()).then_some(lease);
        Ok(())
    }

    fn carry_engines_end(&mut self) -> Result<Option<Outcome>, Cut> {
        self.persistent = false;
        match &mut self.down {
            Down::Head(_) => return Ok(Some(Outcome::NoAnswer)),
            // Cut short: the client sees it by the missing end, and at once.
            Down::Body(Framing::Length(_) | Framing::Chunked(_)) => return Err(Cut),
            Down::Held(held) => {
                if !matches!(held.framing, Framing::UntilClose) {
                    return Ok(Some(Outcome::Withheld(Withheld::CutShort)));
                }
                return self.restore();
            }
            Down::Lines(lines) => {
                let last = lines.close(|line| self.expected.restore.line(line));
                let last = last.ok().flatten().ok_or(Cut)?;
                self.client.send(&last).map_err(|_| Cut)?;
                return Ok(Some(Outcome::Close));
            }
            Down::Closed | Down::Restoring(_) => return Ok(None),
            Down::Body(_) | Down::Raw | Down::Done => {}
        }
        if self.engine.gone() {
            return Ok(Some(Outcome::Close));
        }
        self.client.shutdown_write();
        self.down = Down::Closed;
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
