//! `hostward completions`: a shell's completions, from the table of flags.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::printer;
use crate::report::{Failure, Status};

pub(crate) fn run(shell: Shell) -> Result<Status, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "hostward", &mut text);
    printer::bytes(&text)?;
    Ok(Status::Done)
}
