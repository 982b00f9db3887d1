//! What the parts of wrap log: among what the command writes.

use std::io::{self, IsTerminal, Write};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::log::{self, Filter};

/// Little, since the terminal is the command's.
const DEFAULT: LevelFilter = LevelFilter::WARN;

/// Writes from now on, by this filter if there is one.
pub(super) fn start(filter: Option<&Filter>) {
    let filter = filter.cloned().unwrap_or_default().targets(DEFAULT);
    let ansi = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(|| WhatFits).with_ansi(ansi);
    // It would tell by `eprintln!` that the standard error takes nothing any more, which panics.
    tracing_subscriber::registry().with(filter).with(lines.log_internal_errors(false)).init();
    log::say_faults();
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
