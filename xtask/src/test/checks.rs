//! The checks of one run: which are wanted, which have passed, and how long each took.

use std::process::Command;
use std::time::{Duration, Instant};

use hostward_testkit::{Error, Result, say};

/// The checks that are to be run, and those that have passed.
pub(super) struct Checks {
    begun: Instant,
    only: Option<String>,
    passed: Vec<(&'static str, Duration)>,
}

impl Checks {
    /// All, or the one of this name.
    pub(super) fn new(only: Option<String>) -> Self {
        Self { begun: Instant::now(), only, passed: Vec::new() }
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }

    /// A check that is a command, if it is wanted.
    pub(super) fn check(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        if self.wants(name) { self.run(name, command) } else { Ok(()) }
    }

    /// A check that is more than a command, if it is wanted.
    pub(super) fn by(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        if !self.wants(name) {
            return Ok(());
        }
        say(name);
        let begun = Instant::now();
        work()?;
        self.passed.push((name, begun.elapsed()));
        Ok(())
    }

    /// A check that is a command, whatever is wanted: others need it.
    pub(super) fn run(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        let words = command.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        say(format_args!("{name}: cargo {words}"));
        let begun = Instant::now();
        let status =
            command.status().map_err(|source| Error::Io { aim: format!("run the {name} check"), source })?;
        if !status.success() {
            return Err(Error::State(format!("the {name} check failed ({status})")));
        }
        self.passed.push((name, begun.elapsed()));
        Ok(())
    }

    /// A check that was run beside others.
    pub(super) fn passed(&mut self, name: &'static str, took: Duration) {
        self.passed.push((name, took));
    }

    /// Prints a line for each check that has passed, with its seconds.
    pub(super) fn print(&self) {
        println!();
        for (name, took) in &self.passed {
            println!("{:>6} s  {name}", took.as_secs());
        }
        println!("{:>6} s  in total, {} checks passed", self.begun.elapsed().as_secs(), self.passed.len());
    }

    /// The one check that was asked for has passed.
    ///
    /// # Errors
    /// Where it is none of these.
    pub(super) fn must_have_run(&self) -> Result<()> {
        match &self.only {
            Some(only) if !self.passed.iter().any(|(name, _)| name == only) => Err(Error::State(format!(
                "unknown check \"{only}\": without `--only`, the table at the end lists them all"
            ))),
            _ => Ok(()),
        }
    }
}

/// A command of cargo.
pub(super) fn cargo(args: &[&str]) -> Command {
    let mut command = hostward_testkit::cargo::command();
    command.args(args);
    command
}

/// nextest gives each test a process and a time limit; without it cargo's own runner does.
pub(super) fn tests(args: &[&str]) -> Command {
    let mut command = if installed("nextest") { cargo(&["nextest", "run"]) } else { cargo(&["test"]) };
    command.args(args);
    command
}

/// Whether cargo has this command.
pub(super) fn installed(subcommand: &str) -> bool {
    cargo(&[subcommand, "--version"]).output().is_ok_and(|output| output.status.success())
}
