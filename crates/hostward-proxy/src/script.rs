//! A peer without a socket, for tests: they say what it sends, when it ends or goes, and how much it takes, and see what came to
//! it. Nothing happens but what a script says, so that each order of things can be played, and the same one each time.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};

use hostward_engine::stream::Stream;

/// So much of it goes through a pipe at a time.
const PIECE: usize = 64 << 10;

/// The peer. Its clones are the same one: a test has one, the side of the connection that it plays another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    peer: Arc<Mutex<PlayedPeer>>,
    /// For code that asks the kernel who it is: somebody in this process.
    stream: Arc<OnceLock<Stream>>,
}

#[derive(Debug)]
struct PlayedPeer {
    /// What it has sent and nobody has read.
    sent: VecDeque<u8>,
    /// It sends no more.
    ended: bool,
    /// It has closed both directions.
    gone: bool,
    /// How much it still takes.
    room: usize,
    /// What came to it.
    came: Vec<u8>,
    /// It was told that no more comes.
    told_end: bool,
    /// How much of what it sent has gone through a pipe.
    spliced: usize,
    waiting: Vec<Waker>,
}

impl Default for PlayedPeer {
    fn default() -> Self {
        let (sent, came, waiting) = (VecDeque::new(), Vec::new(), Vec::new());
        let room = usize::MAX;
        Self { sent, ended: false, gone: false, room, came, told_end: false, spliced: 0, waiting }
    }
}

/// What a test has it do.
impl Script {
    /// It sends this.
    pub(crate) fn says(&self, bytes: impl AsRef<[u8]>) {
        self.act(|peer| peer.sent.extend(bytes.as_ref()));
    }

    /// It sends no more, and goes on to read.
    pub(crate) fn ends(&self) {
        self.act(|peer| peer.ended = true);
    }

    /// It closes the connection.
    pub(crate) fn goes(&self) {
        self.act(|peer| (peer.ended, peer.gone) = (true, true));
    }

    /// From now on it takes so many bytes more.
    pub(crate) fn takes(&self, room: usize) {
        self.act(|peer| peer.room = room);
    }

    /// How much of what it sent has gone through a pipe.
    pub(crate) fn is_spliced(&self) -> usize {
        self.peer().spliced
    }

    /// What has come to it since it was last asked.
    pub(crate) fn hears(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.peer().came)).unwrap()
    }

    /// Whether it was told that no more comes.
    pub(crate) fn is_told_the_end(&self) -> bool {
        self.peer().told_end
    }

    fn act(&self, act: impl FnOnce(&mut PlayedPeer)) {
        let mut peer = self.peer();
        act(&mut peer);
        let waiting = std::mem::take(&mut peer.waiting);
        drop(peer);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn peer(&self) -> MutexGuard<'_, PlayedPeer> {
        self.peer.lock().unwrap()
    }
}

/// What the side of a connection does that it plays.
impl Script {
    pub(crate) fn stream(&self) -> &Stream {
        self.stream.get_or_init(|| tokio::net::UnixStream::pair().unwrap().0.into())
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut peer = self.peer();
        if peer.sent.is_empty() {
            return if peer.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let n = buffer.len().min(peer.sent.len());
        for (to, from) in buffer.iter_mut().zip(peer.sent.drain(..n)) {
            *to = from;
        }
        Ok(n)
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut peer = self.peer();
        match bytes.len().min(peer.room) {
            _ if peer.gone => Err(io::ErrorKind::BrokenPipe.into()),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => {
                peer.room -= n;
                peer.came.extend_from_slice(&bytes[..n]);
                Ok(n)
            }
        }
    }

    pub(crate) fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let peer = self.peer();
        if peer.sent.is_empty() {
            return if peer.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let n = buffer.len().min(peer.sent.len());
        for (to, from) in buffer.iter_mut().zip(&peer.sent) {
            *to = *from;
        }
        Ok(n)
    }

    /// Moves what it sends into a pipe, as a socket does.
    pub(crate) fn splice_into(&self, pipe: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        let mut bytes = vec![0; most.min(PIECE)];
        let n = self.peek(&mut bytes)?;
        if n == 0 {
            return Ok(0);
        }
        let n = rustix::io::write(pipe, &bytes[..n])?;
        self.peer().spliced += n;
        self.read(&mut bytes[..n])
    }

    /// Takes what is in a pipe.
    pub(crate) fn splice_from(&self, pipe: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        let room = self.peer().room;
        // It says why it takes nothing.
        let mut bytes = vec![0; most.min(room).clamp(1, PIECE)];
        if room == 0 || self.is_gone() {
            return self.write(&bytes);
        }
        let n = rustix::io::read(pipe, &mut bytes)?;
        self.write(&bytes[..n])
    }

    pub(crate) fn shut_down(&self) {
        self.peer().told_end = true;
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.peer().gone
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, |peer| !peer.sent.is_empty() || peer.ended)
    }

    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx, |peer| peer.room > 0 || peer.gone)
    }

    fn poll(&self, cx: &mut Context<'_>, is_ready: impl FnOnce(&PlayedPeer) -> bool) -> Poll<()> {
        let mut peer = self.peer();
        if is_ready(&peer) {
            return Poll::Ready(());
        }
        peer.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}
