//! A byte relay: what the least is that a proxy in this place can cost. One thread, which reads nothing of what it moves.
//!
//! By `copy` through one buffer for all connections, or by `splice` through a pipe for each direction.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::io::Errno;

mod way;
use way::Way;

const LISTENER: u64 = u64::MAX;
/// As much is moved at a time.
pub(crate) const PIECE: usize = 64 << 10;

/// How the relay is started.
#[derive(clap::Args)]
pub(crate) struct Relay {
    /// Its socket
    #[arg(long)]
    listen: PathBuf,
    /// The engine's
    #[arg(long)]
    to: PathBuf,
    /// Move bytes by splice(2)
    #[arg(long)]
    splice: bool,
}

/// Two sockets, and what is on its way between them: from the first to the second, and back.
struct Pair {
    ends: [UnixStream; 2],
    ways: [Way; 2],
    /// What each end is watched for.
    watched: [epoll::EventFlags; 2],
}

struct Server<'a> {
    relay: &'a Relay,
    poll: OwnedFd,
    pairs: Vec<Option<Pair>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
}

/// Relays until it is ended.
pub(crate) fn run(relay: &Relay) -> io::Result<()> {
    let listener = UnixListener::bind(&relay.listen)?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut server = Server { relay, poll, pairs: Vec::new(), free: Vec::new(), buffer: vec![0; PIECE] };
    let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
    loop {
        events.clear();
        match epoll::wait(&server.poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let number = event.data.u64();
            if number == LISTENER {
                server.accept(&listener)?;
            } else {
                server.serve(usize::try_from(number / 2).unwrap_or(usize::MAX), (number % 2) as usize);
            }
        }
    }
}

impl Server<'_> {
    fn accept(&mut self, listener: &UnixListener) -> io::Result<()> {
        while let Ok((client, _)) = listener.accept() {
            let engine = UnixStream::connect(&self.relay.to)?;
            let ends = [client, engine];
            let number = self.free.pop().unwrap_or(self.pairs.len());
            if number == self.pairs.len() {
                self.pairs.push(None);
            }
            for (side, end) in ends.iter().enumerate() {
                end.set_nonblocking(true)?;
                let data = epoll::EventData::new_u64((number * 2 + side) as u64);
                epoll::add(&self.poll, end, data, epoll::EventFlags::IN)?;
            }
            let way = || if self.relay.splice { Way::by_pipe() } else { Ok(Way::by_copy()) };
            let ways = [way()?, way()?];
            self.pairs[number] = Some(Pair { ends, ways, watched: [epoll::EventFlags::IN; 2] });
        }
        Ok(())
    }

    /// Something can be read from an end of a pair, or written to it.
    fn serve(&mut self, number: usize, side: usize) {
        let Some(pair) = self.pairs.get_mut(number).and_then(Option::as_mut) else { return };
        let moved = pair.moved(side, &mut self.buffer).and_then(|()| pair.watch(&self.poll, number));
        if moved.is_err() || pair.ways.iter().all(Way::has_ended) {
            // Closing takes them off the list.
            self.pairs[number] = None;
            self.free.push(number);
        }
    }
}

impl Pair {
    fn moved(&mut self, side: usize, buffer: &mut [u8]) -> io::Result<()> {
        let other = 1 - side;
        // What waits for this end comes first, so that its way is free.
        self.ways[other].flush(&self.ends[side])?;
        self.ways[side].forward(&self.ends[side], &self.ends[other], buffer)
    }

    /// Watches each end for what can be done with it.
    fn watch(&mut self, poll: &OwnedFd, number: usize) -> io::Result<()> {
        for side in 0..2 {
            let mut wanted = epoll::EventFlags::empty();
            if self.ways[side].can_read() {
                wanted |= epoll::EventFlags::IN;
            }
            if self.ways[1 - side].is_waiting() {
                wanted |= epoll::EventFlags::OUT;
            }
            if wanted != self.watched[side] {
                let data = epoll::EventData::new_u64((number * 2 + side) as u64);
                epoll::modify(poll, &self.ends[side], data, wanted)?;
                self.watched[side] = wanted;
            }
        }
        Ok(())
    }
}
