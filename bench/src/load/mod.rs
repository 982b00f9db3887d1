//! The load generator: does jobs, one after the other, until its standard input ends. On the host or, with `--container`, as the
//! first process of a container.

mod hold;
mod requests;
mod stream;

use std::io::{self, BufRead, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::container;
use crate::job::{Job, Outcome, Said};
use crate::message::{Message, invalid};

/// Nothing that is measured takes this long.
const PATIENCE: Duration = Duration::from_mins(1);
/// So long at most a connection is warmed.
const WARMING: Duration = Duration::from_millis(300);

/// How the load generator is started.
#[derive(clap::Args)]
pub(crate) struct Load {
    /// The container to be in, a file that describes it
    #[arg(long)]
    container: Option<PathBuf>,
}

/// The steps of a job, which wait for each other.
pub(crate) struct Steps<'a> {
    input: &'a mut dyn BufRead,
}

impl Steps<'_> {
    /// Says that what follows is to be measured, and waits for the word to go on.
    fn ready(&mut self) -> io::Result<()> {
        say(&Said::Ready)?;
        match self.input.read_line(&mut String::new())? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Does jobs until there are no more.
pub(crate) fn run(load: &Load) -> io::Result<()> {
    if let Some(file) = &load.container {
        container::enter(file)?;
    }
    say(&Said::Ready)?;
    let mut input = io::stdin().lock();
    let mut line = String::new();
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let job = serde_json::from_str(&line)?;
        let done = perform(&job, Steps { input: &mut input });
        say(&done.unwrap_or_else(|error| Said::Failed(error.to_string())))?;
    }
}

fn perform(job: &Job, steps: Steps<'_>) -> io::Result<Said> {
    let outcome = match job {
        Job::Requests { socket, connections: 1, seconds, request, fresh } => {
            requests::alone(socket, request.as_bytes(), *fresh, *seconds, steps)
        }
        Job::Requests { socket, connections, seconds, request, .. } => {
            requests::many(socket, request.as_bytes(), *connections, *seconds, steps)
        }
        Job::Stream { socket, way, seconds } => stream::run(socket, *way, *seconds, steps),
        Job::Hold { socket, connections, held } => hold::run(socket, *connections, *held, steps),
        Job::Ask { socket, request } => return ask(socket, request.as_bytes()),
    };
    outcome.map(Said::Done)
}

fn ask(socket: &Path, request: &[u8]) -> io::Result<Said> {
    let (mut stream, mut message) = (connect(socket)?, Message::keeping_body());
    stream.write_all(request)?;
    answer(&stream, &mut message, &mut vec![0; 64 << 10])?;
    Ok(Said::Answered(String::from_utf8_lossy(message.body()).into_owned()))
}

fn say(said: &Said) -> io::Result<()> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// Connects; while the peer's queue is full, again.
fn connect(socket: &Path) -> io::Result<UnixStream> {
    let begun = Instant::now();
    loop {
        match UnixStream::connect(socket) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(1));
            }
            connected => {
                let stream = connected?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
        }
    }
}

/// Reads one answer to its end.
fn answer(mut stream: &UnixStream, message: &mut Message, buffer: &mut [u8]) -> io::Result<()> {
    message.clear();
    while !message.is_done() {
        match io::Read::read(&mut stream, buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => message.feed(&buffer[..read])?,
        };
    }
    succeeded(message)
}

/// That an answer is no refusal: a fast one would look good.
fn succeeded(message: &Message) -> io::Result<()> {
    match message.status() {
        100..400 => Ok(()),
        status => Err(invalid(format!(
            "an answer with status {status}: {}",
            String::from_utf8_lossy(message.body())
        ))),
    }
}

/// An outcome of latencies in nanoseconds.
fn outcome(mut latencies: Vec<u64>, seconds: f64) -> Outcome {
    latencies.sort_unstable();
    let at = |share: f64| crate::fold::quantile(&latencies, share) / 1000.0;
    Outcome { count: latencies.len() as u64, seconds, p50: at(0.5), p99: at(0.99) }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
