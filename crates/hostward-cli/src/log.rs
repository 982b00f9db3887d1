//! What is said while serving: lines on stderr, as text or as JSON.

use std::io::{self, IsTerminal};

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
        Ok(Handle(handle))
    }
}

impl Handle {
    pub(crate) fn change(&self, log: &Log) -> Result<(), Failure> {
        // It fails for a log that is gone, which this one is not before the process is.
        self.0.reload(log.filter()?).map_err(Failure::failed)
    }
}
