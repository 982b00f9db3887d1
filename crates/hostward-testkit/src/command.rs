//! Run a command, and say what it was when it fails.

use std::process::{Command, Output, Stdio};

use crate::error::{Error, Result, doing};

/// Lines of a failed command's output that an error shows.
pub(crate) const SHOWN_LINES: usize = 25;
/// Lines of a daemon's log that an error about it shows.
pub(crate) const LOG_LINES: usize = 30;

/// Runs a command to its end, without a standard input. Anything but success is an error that shows the
/// command and the end of what it said.
pub fn run(command: &mut Command) -> Result<Output> {
    let shown = shown(command);
    let output = command.stdin(Stdio::null()).output().map_err(doing(format!("run `{shown}`")))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = format!("{}{}", output.out(), output.err());
    Err(Error::Command { command: shown, status: output.status, said: last_lines(&said, SHOWN_LINES) })
}

/// Runs a command as [`run`] does; its standard output without white space at the ends.
pub fn stdout_of(command: &mut Command) -> Result<String> {
    Ok(run(command)?.out().trim().to_owned())
}

/// Readable parts of an [`Output`], and a check for tests.
pub trait OutputText {
    /// Standard output as text.
    fn out(&self) -> String;
    /// Standard error as text.
    fn err(&self) -> String;
    /// Panics with both outputs unless the command succeeded.
    #[track_caller]
    fn succeeded(&self) -> &Self;
    /// Panics with both outputs if the command succeeded.
    #[track_caller]
    fn failed(&self) -> &Self;
}

impl OutputText for Output {
    fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    fn succeeded(&self) -> &Self {
        assert!(
            self.status.success(),
            "expected success: {}\nstdout: {}\nstderr: {}",
            self.status,
            self.out(),
            self.err()
        );
        self
    }

    fn failed(&self) -> &Self {
        assert!(!self.status.success(), "expected a failure\nstdout: {}\nstderr: {}", self.out(), self.err());
        self
    }
}

/// The command as one could type it, near enough to read.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// The end of a text.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_command_and_what_it_said() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("echo why >&2; exit 3"), "{error}");
        assert!(error.ends_with(":\nwhy"), "{error}");
    }

    #[test]
    fn last_lines_of_a_short_text_are_all_of_it() {
        assert_eq!(last_lines("a\nb\n", 5), "a\nb");
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
