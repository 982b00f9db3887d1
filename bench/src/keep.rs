//! Programs that end with the benchmark, however that ends.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::SigSet;
use rustix::process::{Signal, set_parent_process_death_signal};

/// A program to become.
#[derive(clap::Args)]
pub(crate) struct Keep {
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<OsString>,
}

/// The kernel ends this process when the one that started it has ended. No signal is held back, as the benchmark does.
pub(crate) fn end_with_parent() -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::TERM))?;
    SigSet::all().thread_unblock()?;
    // It may have ended before.
    match rustix::process::getppid() {
        Some(parent) if !parent.is_init() => Ok(()),
        _ => Err(io::Error::other("the benchmark has ended")),
    }
}

/// Becomes the program.
pub(crate) fn run(keep: &Keep) -> io::Result<()> {
    end_with_parent()?;
    let (program, arguments) = keep.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Err(Command::new(program).args(arguments).exec())
}
