//! The process that becomes the command.

use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use super::{log, place, signals};
use crate::args::ExecuteArgs;
use crate::report::{Failure, Status, say};

/// As shells have it.
const CANNOT_BE_RUN: i32 = 126;
const NOT_FOUND: i32 = 127;

pub(super) fn run(part: &ExecuteArgs) -> Result<Status, Failure> {
    let (program, arguments) =
        part.command.split_first().ok_or_else(|| Failure::usage("no command is given"))?;
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Failure::failed(format_args!("cannot tie the command to this process: {error}")))?;
    // It may have ended before.
    if getppid().map(|pid| pid.as_raw_pid().unsigned_abs()) != Some(part.parent) {
        return Err(Failure::failed(""));
    }
    log::start(part.log.as_ref());
    let mut command = Command::new(program);
    place::lead(command.args(arguments), &part.socket, part.engine.as_deref());
    signals::unblock_all();
    let error = command.exec();
    say(format_args!("cannot run {}: {error}", program.to_string_lossy()), &[]);
    exit(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { CANNOT_BE_RUN })
}
