//! Requests one after the other, each as soon as the answer before it is there.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustix::fd::OwnedFd;

use super::{PATIENCE, Steps, WARMING, answer, connect, nanoseconds, outcome, succeeded};
use crate::job::Outcome;
use crate::message::Message;

const BUFFER: usize = 256 << 10;

/// On one connection, or on a `fresh` one for each.
pub(super) fn alone(
    socket: &Path,
    request: &[u8],
    fresh: bool,
    seconds: f64,
    mut steps: Steps<'_>,
) -> io::Result<Outcome> {
    let (mut message, mut buffer) = (Message::keeping_body(), vec![0; BUFFER]);
    let mut stream = connect(socket)?;
    // The first tells the proxy who is calling. More of them make caches warm.
    let begun = Instant::now();
    for _ in 0..3 {
        stream.write_all(request)?;
        answer(&stream, &mut message, &mut buffer)?;
        if begun.elapsed() > WARMING {
            break;
        }
    }
    let mut message = Message::default();
    steps.ready()?;
    let (begun, limit) = (Instant::now(), Duration::from_secs_f64(seconds));
    let mut latencies = Vec::with_capacity(1 << 16);
    while begun.elapsed() < limit {
        let sent = Instant::now();
        if fresh {
            stream = connect(socket)?;
        }
        stream.write_all(request)?;
        answer(&stream, &mut message, &mut buffer)?;
        latencies.push(nanoseconds(sent));
    }
    Ok(outcome(latencies, begun.elapsed().as_secs_f64()))
}

/// A connection of many, with a request on its way.
struct Connection {
    stream: UnixStream,
    message: Message,
    sent: Instant,
}

/// On many connections, by one thread: each has one request on its way at any time.
pub(super) fn many(
    socket: &Path,
    request: &[u8],
    connections: usize,
    seconds: f64,
    mut steps: Steps<'_>,
) -> io::Result<Outcome> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut buffer = vec![0; BUFFER];
    let mut all = Vec::with_capacity(connections);
    for number in 0..connections {
        let mut stream = connect(socket)?;
        stream.write_all(request)?;
        answer(&stream, &mut Message::keeping_body(), &mut buffer)?;
        epoll::add(&poll, &stream, epoll::EventData::new_u64(number as u64), epoll::EventFlags::IN)?;
        all.push(Connection { stream, message: Message::default(), sent: Instant::now() });
    }
    steps.ready()?;
    for connection in &mut all {
        connection.sent = Instant::now();
        connection.stream.write_all(request)?;
    }
    let (begun, limit) = (Instant::now(), Duration::from_secs_f64(seconds));
    let mut latencies = Vec::with_capacity(1 << 18);
    while begun.elapsed() < limit {
        for number in readable(&poll, connections)? {
            let connection = &mut all[number];
            if connection.read(&mut buffer)? {
                latencies.push(nanoseconds(connection.sent));
                connection.message.clear();
                connection.sent = Instant::now();
                connection.stream.write_all(request)?;
            }
        }
    }
    Ok(outcome(latencies, begun.elapsed().as_secs_f64()))
}

/// The connections that have something to read.
fn readable(poll: &OwnedFd, connections: usize) -> io::Result<Vec<usize>> {
    let mut events = Vec::with_capacity(connections);
    let patience = rustix::event::Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
    let waited = epoll::wait(poll, rustix::buffer::spare_capacity(&mut events), Some(&patience));
    match waited {
        Ok(0) => Err(io::ErrorKind::TimedOut.into()),
        Ok(_) => Ok(events
            .iter()
            .filter_map(|event: &epoll::Event| usize::try_from(event.data.u64()).ok())
            .collect()),
        Err(rustix::io::Errno::INTR) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

impl Connection {
    /// Reads what is there; whether the answer is complete.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        match self.stream.read(buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => self.message.feed(&buffer[..read])?,
        };
        if self.message.is_done() {
            succeeded(&self.message)?;
        }
        Ok(self.message.is_done())
    }
}
