//! Processes that a run starts, and ends by their ids.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hostward_testkit::{Error, Result};

use crate::leftovers;
use crate::message::Message;

const START_LIMIT: Duration = Duration::from_secs(20);
const END_LIMIT: Duration = Duration::from_secs(5);

/// A process. Drop ends it.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    pub(crate) child: Child,
}

impl Process {
    /// Starts this program again as another part of the benchmark.
    pub(crate) fn own(part: &str) -> Result<Command> {
        let program = std::env::current_exe().map_err(io("find the benchmark's program"))?;
        let mut command = Command::new(program);
        command.arg(part);
        Ok(command)
    }

    /// A foreign program, so that it ends with the benchmark.
    pub(crate) fn foreign(program: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = Process::own("keep")?;
        command.arg("--").arg(program);
        Ok(command)
    }

    /// Starts it; what it says on standard error goes to a file.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Process> {
        let log = File::create(log).map_err(io("make a log"))?;
        let child = command.stderr(log).spawn().map_err(io(format!("start {name}")))?;
        leftovers::process(child.id());
        Ok(Process { name: name.to_owned(), child })
    }

    /// Starts one that listens on a socket, and waits until it answers a ping there.
    pub(crate) fn listening(name: &str, command: &mut Command, socket: &Path, log: &Path) -> Result<Process> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut process = Process::start(name, command, log)?;
        let begun = Instant::now();
        while begun.elapsed() < START_LIMIT {
            if get(socket, "/_ping").is_ok_and(|answer| answer.status() == 200) {
                return Ok(process);
            }
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(said(name, &format!("has ended ({status})"), log));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(said(name, "does not answer", log))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let pid = self.pid();
        leftovers::signal(pid, rustix::process::Signal::TERM);
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if begun.elapsed() > END_LIMIT {
                eprintln!("{} (pid {pid}) does not end on SIGTERM: killing it", self.name);
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        leftovers::has_ended(pid);
    }
}

/// Asks for one thing on a connection of its own.
pub(crate) fn get(socket: &Path, target: &str) -> std::io::Result<Message> {
    ask(socket, format!("GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n").as_bytes())
}

/// Sends one request on a connection of its own.
pub(crate) fn ask(socket: &Path, request: &[u8]) -> std::io::Result<Message> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(END_LIMIT))?;
    stream.write_all(request)?;
    let (mut answer, mut buffer) = (Message::keeping_body(), vec![0; 64 << 10]);
    while !answer.is_done() {
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => answer.feed(&buffer[..read])?,
        };
    }
    Ok(answer)
}

fn said(name: &str, what: &str, log: &Path) -> Error {
    let log = std::fs::read_to_string(log).unwrap_or_default();
    Error::State(format!("{name} {what}; it said:\n{log}"))
}

/// `.map_err(io("read a file"))`
pub(crate) fn io(aim: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { aim: aim.into(), source }
}
