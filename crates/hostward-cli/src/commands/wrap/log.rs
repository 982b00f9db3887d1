//! What the parts of wrap log: among what the command writes.

use std::io::{self, IsTerminal, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::log;
use crate::report::Failure;

/// Little, since the terminal is the command's.
const DEFAULT: &str = "warn";

/// Writes from now on, by this filter if there is one.
pub(super) fn start(filter: Option<&str>) -> Result<(), Failure> {
    let filter = log::filter(filter.unwrap_or(DEFAULT)).map_err(Failure::usage)?;
    let ansi = io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| WhatFits).with_ansi(ansi);
    // It would tell by `eprintln!` that the standard error takes nothing any more, which panics.
    lines.log_internal_errors(false).init();
    log::say_faults();
    Ok(())
}

/// The standard error, as long as it takes more: a reader that does not read must not stop the proxy.
struct WhatFits;

impl Write for WhatFits {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let stderr = io::stderr();
        let mut room = [PollFd::new(&stderr, PollFlags::OUT)];
        match poll(&mut room, Some(&Timespec::default())) {
            Ok(1) => stderr.lock().write(line),
            _ => Ok(line.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
