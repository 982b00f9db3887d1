//! An engine that does nothing: it answers at once with what it was told to answer, so that what is measured is the way there and
//! back. Nothing of it is on the measured way but one thread.
//!
//! Short answers come from one thread for all connections. A connection that asks for a stream, or for a long answer, gets a
//! thread of its own and keeps it.

mod answers;
mod streams;

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustix::event::epoll;
use rustix::fd::OwnedFd;

use crate::message::Message;
use answers::{Answer, Answers};

/// The listener's number among the connections'.
const LISTENER: u64 = u64::MAX;

/// How the stub is started.
#[derive(clap::Args)]
pub(crate) struct Stub {
    /// Its socket
    #[arg(long)]
    listen: PathBuf,
}

struct Connection {
    stream: UnixStream,
    message: Message,
}

/// What becomes of a connection after something came.
enum Then {
    Stays,
    Ends,
    /// It needs a thread of its own, which has yet to answer the request; and what came behind that.
    Moves(Vec<u8>),
}

struct Server {
    poll: OwnedFd,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    answers: Arc<Mutex<Answers>>,
    buffer: Vec<u8>,
}

/// Answers until it is ended.
pub(crate) fn run(stub: &Stub) -> io::Result<()> {
    let listener = UnixListener::bind(&stub.listen)?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut server = Server {
        poll,
        connections: Vec::new(),
        free: Vec::new(),
        answers: Arc::default(),
        buffer: vec![0; 64 << 10],
    };
    let mut events: Vec<epoll::Event> = Vec::with_capacity(256);
    loop {
        events.clear();
        match epoll::wait(&server.poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            match event.data.u64() {
                LISTENER => server.accept(&listener)?,
                number => server.serve(usize::try_from(number).unwrap_or(usize::MAX)),
            }
        }
    }
}

impl Server {
    fn accept(&mut self, listener: &UnixListener) -> io::Result<()> {
        while let Ok((stream, _)) = listener.accept() {
            let number = self.free.pop().unwrap_or(self.connections.len());
            if number == self.connections.len() {
                self.connections.push(None);
            }
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&self.poll, &stream, data, epoll::EventFlags::IN)?;
            self.connections[number] = Some(Connection { stream, message: Message::keeping_body() });
        }
        Ok(())
    }

    fn serve(&mut self, number: usize) {
        let Some(connection) = self.connections.get_mut(number).and_then(Option::as_mut) else { return };
        let then = connection.read(&mut self.buffer, &self.answers).unwrap_or(Then::Ends);
        if matches!(then, Then::Stays) {
            return;
        }
        let Some(Connection { stream, message }) = self.connections[number].take() else { return };
        self.free.push(number);
        let _ = epoll::delete(&self.poll, &stream);
        if let Then::Moves(rest) = then {
            let answers = Arc::clone(&self.answers);
            std::thread::spawn(move || streams::serve(stream, message, rest, &answers));
        }
    }
}

impl Connection {
    /// Reads what is there, which does not wait as there is something, and answers what is complete.
    fn read(&mut self, buffer: &mut [u8], answers: &Mutex<Answers>) -> io::Result<Then> {
        let read = self.stream.read(buffer)?;
        if read == 0 {
            return Ok(Then::Ends);
        }
        let mut used = 0;
        while used < read {
            used += self.message.feed(&buffer[used..read])?;
            if !self.message.is_done() {
                break;
            }
            match answers::lock(answers).answer(&self.message) {
                Answer::Short(bytes) => self.stream.write_all(bytes)?,
                Answer::Long(_) | Answer::Stream(_) => return Ok(Then::Moves(buffer[used..read].to_vec())),
            }
            self.message.clear();
        }
        Ok(Then::Stays)
    }
}
