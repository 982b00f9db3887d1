//! What is said while serving: lines on stderr, as text or as JSON.

use std::io::{self, IsTerminal};
use std::panic;

use clap::ValueEnum;
use serde::Deserialize;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::report::Failure;

/// What is served, refused and translated; not each connection.
const DEFAULT: &str = "info";

/// How a line is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one object a line.
    Json,
}

/// What to say, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) filter: Option<String>,
    pub(crate) format: Format,
}

/// Changes the filter of a log that runs.
#[derive(Debug)]
pub(crate) struct Handle(reload::Handle<EnvFilter, Registry>);

/// Reads a filter, such as `info` or `hostward_proxy=debug`.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(text).map_err(|error| format!("the log filter {text:?}: {error}"))
}

impl Log {
    fn filter(&self) -> Result<EnvFilter, Failure> {
        filter(self.filter.as_deref().unwrap_or(DEFAULT)).map_err(Failure::usage)
    }

    /// Writes from now on.
    pub(crate) fn start(&self) -> Result<Handle, Failure> {
        let (filter, handle) = reload::Layer::new(self.filter()?);
        let lines = fmt::layer().with_writer(io::stderr);
        let registry = tracing_subscriber::registry().with(filter);
        match self.format {
            Format::Text => registry.with(lines.with_ansi(io::stderr().is_terminal())).init(),
            Format::Json => registry.with(lines.json().with_span_list(false)).init(),
        }
        say_faults();
        Ok(Handle(handle))
    }
}

/// Has a panic said in the log, where it was and what. It ends the connection or the look-up that met it, and all others go on.
pub(crate) fn say_faults() {
    panic::set_hook(Box::new(|fault| {
        let at = fault.location().map(ToString::to_string).unwrap_or_default();
        let what = fault.payload_as_str().unwrap_or_default();
        tracing::error!(at, what, "a bug in Hostward ended this operation: please report it");
    }));
}

impl Handle {
    pub(crate) fn change(&self, log: &Log) -> Result<(), Failure> {
        // It fails for a log that is gone, which this one is not before the process is.
        self.0.reload(log.filter()?).map_err(Failure::failed)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tokio::task::JoinSet;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_fault_is_logged_and_ends_only_the_task_that_met_it() {
        let lines = Lines::default();
        let seen = lines.clone();
        let log = tracing_subscriber::fmt().with_writer(move || lines.clone()).with_ansi(false).finish();
        let _logging = tracing::subscriber::set_default(log);
        say_faults();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcomes = runtime.block_on(async {
            let mut tasks = JoinSet::new();
            let meet = |fault: bool| async move { assert!(!fault, "on purpose") };
            for fault in [true, false] {
                tasks.spawn(meet(fault));
            }
            tasks.spawn_blocking(|| ());
            let mut outcomes = Vec::new();
            while let Some(outcome) = tasks.join_next().await {
                outcomes.push(outcome.is_err_and(|error| error.is_panic()));
            }
            outcomes
        });
        drop(panic::take_hook());
        assert_eq!(outcomes.iter().filter(|panicked| **panicked).count(), 1);
        assert_eq!(outcomes.len(), 3);
        let said = String::from_utf8(seen.0.lock().unwrap().clone()).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("ERROR") && said.contains("on purpose") && said.contains(file!()), "{said}");
    }
}
