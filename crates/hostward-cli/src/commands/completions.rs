//! `hostward completions`: the script by which a shell asks this program what can follow.

use clap_complete::Shell;
use clap_complete::env::Shells;

use crate::printer;
use crate::report::{Failure, Status};
use crate::variables;

/// The program's name, and the command by which the script calls it.
const PROGRAM: &str = "hostward";

pub(crate) fn run(shell: Shell) -> Result<Status, Failure> {
    let shells = Shells::builtins();
    let writer = shells
        .completer(&shell.to_string())
        .ok_or_else(|| Failure::usage(format_args!("there are no completions for {shell}")))?;
    let mut text = Vec::new();
    writer.write_registration(variables::COMPLETE, PROGRAM, PROGRAM, PROGRAM, &mut text)?;
    printer::bytes(&text)?;
    Ok(Status::Done)
}
