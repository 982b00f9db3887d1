//! One request and its answer, both ways at once.
//!
//! Both directions move whenever they can: the engine may answer in the middle of an upload, say `100 Continue`,
//! or leave HTTP behind (101, or 200 without a length for attach and exec). Ends are carried as they come: a
//! client's half-close becomes one at the engine, so that `echo hi | docker exec -i` still gets its answer; a
//! client that has gone takes the engine's connection with it, which ends its `logs -f`.

use hostward_engine::http1::{Framing, HeadEnd, HeadError, ResponseHead, with_length};

use crate::lines::Lines;
use crate::relay::{Side, wait};
use crate::restore::{Restore, Take};

/// So many bytes of pipelined requests are read before their turn; reading goes on so far to see the client's end.
const MAX_PIPELINED: usize = 64 << 10;
/// The longest answer that is held to be restored. A list of ten thousand containers is a quarter of it.
const MAX_RESTORED: usize = 64 << 20;

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
}

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

/// Why an answer that names paths cannot be put into the caller's words. As it is it must not be passed on: the caller
/// would take the engine's paths for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Withheld {
    #[error("it is longer than {} MiB", MAX_RESTORED >> 20)]
    TooLarge,
    #[error("it is compressed, though nobody asked for that")]
    Encoded,
    #[error("the connection ended in the middle of it")]
    CutShort,
}

/// The request's direction.
#[derive(Debug)]
enum Up {
    /// The request's body.
    Body(Framing),
    /// The request has been sent; the client is watched for its end.
    Sent,
    /// A raw stream.
    Raw,
    /// The client's end has been carried to the engine, or the engine takes no more.
    Closed,
}

/// The answer's direction.
#[derive(Debug)]
enum Down {
    Head(HeadEnd),
    Body(Framing),
    /// An answer that is held until it is whole, to be restored.
    Held(Box<Held>),
    /// An endless answer that is restored line by line.
    Lines(Lines),
    /// A raw stream.
    Raw,
    /// The answer has been sent. The engine may still close before the request has ended.
    Done,
    /// The engine's end has been carried to the client.
    Closed,
}

#[derive(Debug)]
struct Held {
    status: u16,
    head_len: usize,
    /// Head and body as they came.
    bytes: Vec<u8>,
    /// The body, as the head says.
    framing: Framing,
    /// What of the body is still to come.
    rest: Framing,
}

/// The client or the engine cannot go on: both connections end.
#[derive(Debug)]
pub(crate) struct Cut;

pub(crate) struct Tunnel<'a> {
    client: &'a mut Side,
    engine: &'a mut Side,
    expected: &'a Expected,
    up: Up,
    down: Down,
    /// The engine means to answer more requests.
    persistent: bool,
}

impl<'a> Tunnel<'a> {
    /// A request whose head was sent to the engine, and of whose body `rest` is still to come.
    pub(crate) fn new(
        client: &'a mut Side,
        engine: &'a mut Side,
        expected: &'a Expected,
        rest: Framing,
    ) -> Self {
        let up = if rest.is_done() { Up::Sent } else { Up::Body(rest) };
        Self { client, engine, expected, up, down: Down::Head(HeadEnd::default()), persistent: true }
    }

    /// Runs until the exchange has ended.
    pub(crate) async fn run(&mut self) -> Result<Outcome, Cut> {
        loop {
            self.move_up()?;
            if let Some(outcome) = self.move_down()? {
                return Ok(outcome);
            }
            if let Some(outcome) = self.ended() {
                return Ok(outcome);
            }
            if !self.has_work() {
                let (up, down) = (self.reads_up(), self.reads_down());
                wait(self.client, up, Some((self.engine, down))).await;
            }
        }
    }

    /// Whether bytes that were read before can move now, as after a head that turned the rest into a raw stream.
    fn has_work(&self) -> bool {
        let up =
            matches!(self.up, Up::Body(_) | Up::Raw) && self.client.held() > 0 && self.engine.is_flushed();
        let down = !matches!(self.down, Down::Head(_) | Down::Closed)
            && self.engine.held() > 0
            && self.client.is_flushed();
        up || down
    }

    fn reads_up(&self) -> bool {
        match self.up {
            Up::Sent => self.client.held() < MAX_PIPELINED,
            Up::Body(_) | Up::Raw => self.engine.is_flushed(),
            Up::Closed => false,
        }
    }

    fn reads_down(&self) -> bool {
        self.client.is_flushed() && !matches!(self.down, Down::Closed)
    }

    fn ended(&self) -> Option<Outcome> {
        if !self.client.is_flushed() {
            return None;
        }
        match (&self.up, &self.down) {
            (Up::Sent, Down::Done) if self.persistent && self.expected.persistent => Some(Outcome::Next),
            (Up::Sent | Up::Closed, Down::Done | Down::Closed) => Some(Outcome::Close),
            (Up::Body(_) | Up::Raw, _)
            | (_, Down::Head(_) | Down::Body(_) | Down::Held(_) | Down::Lines(_) | Down::Raw) => None,
        }
    }

    fn move_up(&mut self) -> Result<(), Cut> {
        if self.engine.flush().is_err() {
            self.up = Up::Closed;
        }
        if !self.engine.is_flushed() {
            return Ok(());
        }
        match &mut self.up {
            Up::Closed => return Ok(()),
            Up::Sent => {
                if self.client.held() < MAX_PIPELINED {
                    self.client.read(|_| (0, ()));
                }
            }
            Up::Body(framing) => {
                let step = self.client.take(|bytes| match framing.advance(bytes) {
                    Ok(step) => (step.used, Ok((step.done, self.engine.send(&bytes[..step.used])))),
                    Err(error) => (0, Err(error)),
                });
                match step {
                    // Nobody can tell where this request ends, and its beginning is with the engine already.
                    Some(Err(_)) => return Err(Cut),
                    Some(Ok((_, Err(_)))) => self.up = Up::Closed,
                    Some(Ok((true, Ok(())))) => self.up = Up::Sent,
                    Some(Ok((false, Ok(())))) | None => {}
                }
            }
            Up::Raw => {
                let sent = self.client.take(|bytes| (bytes.len(), self.engine.send(bytes)));
                if matches!(sent, Some(Err(_))) {
                    self.up = Up::Closed;
                }
            }
        }
        // Pipelined bytes are the next request's, or a raw stream's: the end comes behind them.
        if self.client.ended() && self.client.held() == 0 && self.engine.is_flushed() {
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
        match &mut self.down {
            Down::Head(_) => {
                if let Some(outcome) = self.read_heads()? {
                    return Ok(Some(outcome));
                }
            }
            Down::Body(framing) => {
                let step = self.engine.take(|bytes| match framing.advance(bytes) {
                    Ok(step) => (
                        step.used,
                        self.client.send(&bytes[..step.used]).map(|()| step.done).map_err(|_| Cut),
                    ),
                    Err(_) => (0, Err(Cut)),
                });
                if step.transpose()? == Some(true) {
                    self.down = Down::Done;
                }
            }
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
                        Err(_) => (0, Err(Cut)),
                    }
                });
                if step.transpose()? == Some(true) {
                    self.down = Down::Done;
                }
            }
            Down::Raw => {
                let sent = self.engine.take(|bytes| (bytes.len(), self.client.send(bytes)));
                sent.transpose().map_err(|_| Cut)?;
            }
            Down::Done => {
                // Bytes that nobody asked for: the connection cannot be trusted with another request.
                if self.engine.take(|bytes| (bytes.len(), ())).is_some() {
                    self.persistent = false;
                }
            }
            Down::Closed => return Ok(None),
        }
        if self.engine.ended() { self.carry_engines_end() } else { Ok(None) }
    }

    /// Passes interim heads on, and the final one with what came of its body.
    fn read_heads(&mut self) -> Result<Option<Outcome>, Cut> {
        let Down::Head(end) = &mut self.down else { return Ok(None) };
        let (client, expected) = (&mut *self.client, self.expected);
        let read = self.engine.read(|bytes| match find_heads(bytes, end) {
            Err(error) => (0, Err(Outcome::BadAnswer(error))),
            Ok((interim, None)) => (interim, Ok((client.send(&bytes[..interim]), None))),
            Ok((interim, Some((head, body)))) => {
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
        let step = self.engine.take(|bytes| match held.rest.advance(bytes) {
            Ok(step) => {
                held.bytes.extend_from_slice(&bytes[..step.used]);
                (step.used, Ok(step.done))
            }
            Err(_) => (0, Err(Cut)),
        });
        if step.transpose()? == Some(true) {
            self.client.send(&self.expected.restored(held)?).map_err(|_| Cut)?;
            self.down = Down::Done;
        } else if held.bytes.len() > MAX_RESTORED {
            return Ok(Some(Outcome::Withheld(Withheld::TooLarge)));
        }
        Ok(None)
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
                self.client.send(&self.expected.restored(held)?).map_err(|_| Cut)?;
                return Ok(Some(Outcome::Close));
            }
            Down::Lines(lines) => {
                let last = lines.close(|line| self.expected.restore.line(line)).ok_or(Cut)?;
                self.client.send(&last).map_err(|_| Cut)?;
                return Ok(Some(Outcome::Close));
            }
            Down::Closed => return Ok(None),
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

/// The length of the interim heads that `bytes` begin with, and the final head with its end.
fn find_heads(bytes: &[u8], end: &mut HeadEnd) -> Result<(usize, Option<(ResponseHead, usize)>), HeadError> {
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
    fn answer(
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
                return Ok((Down::Lines(Lines::new(framing)), 0));
            }
            (Take::Whole | Take::Lines, Framing::Length(length)) if length > MAX_RESTORED as u64 => {
                return Err(Withheld::TooLarge);
            }
            (Take::Whole | Take::Lines, _) => {
                let bytes = head_bytes.to_vec();
                let answer =
                    Held { status: head.status, head_len: bytes.len(), bytes, framing, rest: framing };
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

    /// A whole answer in the caller's words.
    fn restored(&self, held: &Held) -> Result<Vec<u8>, Cut> {
        let (start, end) = held.bytes.split_at(held.head_len);
        let (mut body, mut framing) = (Vec::new(), held.framing);
        framing.decode(end, &mut body).map_err(|_| Cut)?;
        Ok(match self.restore.body(held.status, &body) {
            Some(body) => [with_length(start, body.len()), body].concat(),
            None => held.bytes.clone(),
        })
    }
}
