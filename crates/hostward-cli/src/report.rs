//! What goes wrong, said once: the message and its hints on stderr, and the exit status.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// The exit statuses, for every command alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// What was asked is done.
    Done = 0,
    /// It could not be done.
    Failed = 1,
    /// It was asked in the wrong way; clap ends with the same.
    Usage = 2,
    /// A path has no translation.
    NoTranslation = 3,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

/// Why a command ends without having done its work.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Status,
    /// One line or more; empty when all has been said, or when there is nobody to read it.
    message: String,
    hints: Vec<String>,
}

impl Failure {
    pub(crate) fn failed(message: impl Display) -> Self {
        Self { status: Status::Failed, message: message.to_string(), hints: Vec::new() }
    }

    pub(crate) fn usage(message: impl Display) -> Self {
        Self { status: Status::Usage, ..Self::failed(message) }
    }

    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl From<io::Error> for Failure {
    /// Only writing to stdout ends here; a reader that left (`| head`) is no failure worth a word.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::failed(""),
            _ => Self::failed(format_args!("cannot write to the standard output: {error}")),
        }
    }
}

/// Says it on stderr and gives the exit status.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    if !failure.message.is_empty() {
        say(&failure.message, &failure.hints);
    }
    failure.status.into()
}

/// An error and its hints, each on a line of its own.
pub(crate) fn say(message: impl Display, hints: &[String]) {
    let mut stderr = io::stderr().lock();
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(stderr, "hostward: {message}");
    for hint in hints {
        let _ = writeln!(stderr, "hint: {hint}");
    }
}
