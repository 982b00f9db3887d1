//! A connection that has a thread of its own: endless streams, and answers longer than a socket's buffer.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use super::answers::{Answer, Answers, Stream, head, lock};
use crate::message::Message;

/// A length that no measurement comes to the end of.
const ENDLESS: u64 = 1 << 50;
/// dockerd copies by as much at a time.
const PIECE: usize = 32 << 10;
const BUFFER: usize = 256 << 10;

/// What is to be written.
enum Next {
    Answer(Arc<[u8]>),
    Stream(Stream),
}

impl From<Answer<'_>> for Next {
    fn from(answer: Answer<'_>) -> Self {
        match answer {
            Answer::Short(bytes) => Self::Answer(bytes.into()),
            Answer::Long(bytes) => Self::Answer(bytes),
            Answer::Stream(stream) => Self::Stream(stream),
        }
    }
}

/// Answers the request that has come, and all after it. That the client goes is the end that a stream has.
pub(super) fn serve(mut stream: UnixStream, mut message: Message, rest: Vec<u8>, answers: &Mutex<Answers>) {
    let _ = try_serve(&mut stream, &mut message, rest, answers);
}

fn try_serve(
    stream: &mut UnixStream,
    message: &mut Message,
    mut rest: Vec<u8>,
    answers: &Mutex<Answers>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        // The answers are others' again before anything is written.
        let next: Next = lock(answers).answer(message).into();
        match next {
            Next::Answer(bytes) => stream.write_all(&bytes)?,
            Next::Stream(asked) => return streamed(stream, asked, &rest),
        }
        message.clear();
        loop {
            let used = message.feed(&rest)?;
            rest.drain(..used);
            if message.is_done() {
                break;
            }
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                read => rest.extend_from_slice(&buffer[..read]),
            }
        }
    }
}

fn streamed(stream: &mut UnixStream, asked: Stream, early: &[u8]) -> io::Result<()> {
    let tar = "application/x-tar";
    match asked {
        Stream::ZerosByLength => {
            stream.write_all(head("200 OK", tar, &format!("Content-Length: {ENDLESS}")).as_bytes())?;
            repeat(stream, &vec![0; PIECE])
        }
        Stream::ZerosInChunks => {
            stream.write_all(head("200 OK", tar, "Transfer-Encoding: chunked").as_bytes())?;
            let mut chunk = format!("{PIECE:x}\r\n").into_bytes();
            chunk.resize(chunk.len() + PIECE, 0);
            chunk.extend_from_slice(b"\r\n");
            repeat(stream, &chunk)
        }
        Stream::Source => {
            hijacked(stream)?;
            repeat(stream, &vec![0; PIECE])
        }
        Stream::Sink => {
            hijacked(stream)?;
            let (mut buffer, mut count) = (vec![0; BUFFER], early.len());
            loop {
                match stream.read(&mut buffer)? {
                    0 => return stream.write_all(count.to_string().as_bytes()),
                    read => count += read,
                }
            }
        }
    }
}

fn hijacked(stream: &mut UnixStream) -> io::Result<()> {
    let framing = "Connection: Upgrade\r\nUpgrade: tcp";
    stream.write_all(head("101 UPGRADED", "application/vnd.docker.raw-stream", framing).as_bytes())
}

fn repeat(stream: &mut UnixStream, piece: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(piece)?;
    }
}
