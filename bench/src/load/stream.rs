//! Bytes as fast as they go, one way.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Steps, connect};
use crate::job::{Outcome, Way};
use crate::message::{Message, invalid};

const BUFFER: usize = 256 << 10;
/// What docker's client and dockerd write at a time.
const PIECE: usize = 32 << 10;

/// Streams for so long.
pub(super) fn run(socket: &Path, way: Way, seconds: f64, mut steps: Steps<'_>) -> io::Result<Outcome> {
    let (stream, early) = start(socket, way)?;
    steps.ready()?;
    let limit = Duration::from_secs_f64(seconds);
    match way {
        Way::DownByLength | Way::DownChunked | Way::HijackedDown => down(&stream, early.len(), limit),
        Way::HijackedUp => up(stream, early, limit),
    }
}

/// Asks for the stream; the connection, and what has come of it already.
fn start(socket: &Path, way: Way) -> io::Result<(UnixStream, Vec<u8>)> {
    let (request, status) = match way {
        Way::DownByLength => ("GET /images/zeros/get HTTP/1.1\r\nHost: docker\r\n\r\n", 200),
        Way::DownChunked => ("GET /images/zeros/get?chunked=1 HTTP/1.1\r\nHost: docker\r\n\r\n", 200),
        Way::HijackedDown => (hijack!("source"), 101),
        Way::HijackedUp => (hijack!("sink"), 101),
    };
    let mut stream = connect(socket)?;
    stream.write_all(request.as_bytes())?;
    let (mut message, mut buffer) = (Message::default(), vec![0; 4096]);
    loop {
        let read = match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        let used = message.feed(&buffer[..read])?;
        if message.has_head() {
            return match message.status() {
                answered if answered == status => Ok((stream, buffer[used..read].to_vec())),
                answered => Err(invalid(format!("the stream was answered {answered}"))),
            };
        }
    }
}

fn down(mut stream: &UnixStream, early: usize, limit: Duration) -> io::Result<Outcome> {
    let (mut buffer, mut count) = (vec![0; BUFFER], early as u64);
    let begun = Instant::now();
    while begun.elapsed() < limit {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => count += read as u64,
        }
    }
    Ok(Outcome { count, seconds: begun.elapsed().as_secs_f64(), ..Outcome::default() })
}

/// It counts only when the far end has all of it, and says so after this end was closed.
fn up(mut stream: UnixStream, early: Vec<u8>, limit: Duration) -> io::Result<Outcome> {
    let (piece, mut count) = (vec![0; PIECE], 0_u64);
    let begun = Instant::now();
    while begun.elapsed() < limit {
        stream.write_all(&piece)?;
        count += PIECE as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    let mut said = early;
    stream.read_to_end(&mut said)?;
    let seconds = begun.elapsed().as_secs_f64();
    let arrived = String::from_utf8_lossy(&said).trim().parse::<u64>().ok();
    if arrived != Some(count) {
        return Err(invalid(format!("{count} bytes were sent, and the far end has counted {arrived:?}")));
    }
    Ok(Outcome { count, seconds, ..Outcome::default() })
}

/// A request that hijacks its connection.
macro_rules! hijack {
    ($mode:literal) => {
        concat!(
            "POST /containers/",
            $mode,
            "/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
}
use hijack;
