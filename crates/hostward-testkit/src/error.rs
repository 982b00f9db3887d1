use std::io;
use std::process::ExitStatus;

/// What went wrong, in words for the person who started the tests.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, socket or process operation failed.
    #[error("cannot {aim}: {source}")]
    Io {
        /// What was to be done, as a verb phrase.
        aim: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A command ended with an error.
    #[error("`{command}` failed ({status}){}", quoted(said))]
    Command {
        /// The command as one could type it.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote.
        said: String,
    },
    /// Something is not as it must be; the text says what and what to do.
    #[error("{0}")]
    State(String),
}

/// The testkit's result.
pub type Result<T> = std::result::Result<T, Error>;

/// `.map_err(doing("read the list"))`
pub(crate) fn doing(aim: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { aim: aim.into(), source }
}

fn quoted(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(":\n{said}") }
}
