//! What is said while serving: lines on stderr, as text or as JSON.

use std::io::{self, IsTerminal};
use std::panic;

use clap::ValueEnum;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use crate::near::nearest;
use crate::report::Failure;

/// What is served, refused and translated; not each connection.
const DEFAULT: LevelFilter = LevelFilter::INFO;

/// What a filter may say of how much is logged.
pub(crate) const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// What logs: the parts of Hostward. A name stands for all that begin with it, so that `hostward` means each of them.
pub(crate) const TARGETS: [&str; 4] = ["hostward", "hostward_engine", "hostward_proxy", "hostward_sight"];

/// How a line is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
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
    pub(crate) filter: Filter,
    pub(crate) format: Format,
}

/// How much is said: in general, and by parts that say more or less. A filter of parts alone leaves the rest as it is without
/// one: it would otherwise silence what nobody spoke of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// As it was written.
    text: String,
    general: Option<LevelFilter>,
    parts: Vec<(&'static str, LevelFilter)>,
}

/// Changes the filter of a log that runs.
#[derive(Debug)]
pub(crate) struct Handle(reload::Handle<Targets, Registry>);

impl Filter {
    /// Reads levels and `TARGET=LEVEL`, with commas between.
    ///
    /// # Errors
    /// For a level or target that does not exist, by name.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut filter = Self { text: text.to_owned(), ..Self::default() };
        // An empty variable is one that is not set.
        if text.is_empty() {
            return Ok(filter);
        }
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some((target, level)) => {
                    let target = one_of(&TARGETS, target.trim(), "the log has no target")?;
                    filter.parts.push((target, level_of(level.trim())?));
                }
                None if TARGETS.contains(&part) => {
                    return Err(format!("{part:?} is a target; write its level, too: {part}=debug"));
                }
                None => {
                    if filter.general.replace(level_of(part)?).is_some() {
                        return Err(format!("{part:?} is a second level for everything; give one"));
                    }
                }
            }
        }
        Ok(filter)
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// As the log takes it; `default` is how much is said in general where this says nothing about that.
    pub(crate) fn targets(&self, default: LevelFilter) -> Targets {
        Targets::new().with_targets(self.parts.iter().copied()).with_default(self.general.unwrap_or(default))
    }
}

fn level_of(text: &str) -> Result<LevelFilter, String> {
    let known = one_of(&LEVELS, text, "there is no log level")?;
    known.parse().map_err(|_| format!("{known:?} is not a log level"))
}

/// The known word, or what is wrong with this one.
fn one_of(known: &[&'static str], text: &str, missing: &str) -> Result<&'static str, String> {
    known.iter().copied().find(|word| *word == text).ok_or_else(|| {
        let all = known.join(", ");
        match nearest(text, known.iter().copied()) {
            Some(near) => format!("{missing} {text:?}; did you mean {near:?}? (known: {all})"),
            None => format!("{missing} {text:?} (known: {all})"),
        }
    })
}

impl Log {
    /// Writes from now on.
    pub(crate) fn start(&self) -> Handle {
        let (filter, handle) = reload::Layer::new(self.filter.targets(DEFAULT));
        let lines = fmt::layer().with_writer(io::stderr);
        let registry = tracing_subscriber::registry().with(filter);
        match self.format {
            Format::Text => registry.with(lines.with_ansi(io::stderr().is_terminal())).init(),
            Format::Json => registry.with(lines.json().with_span_list(false)).init(),
        }
        say_faults();
        Handle(handle)
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
        self.0.reload(log.filter.targets(DEFAULT)).map_err(Failure::failed)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tokio::task::JoinSet;
    use tracing::Level;

    use super::*;

    fn says(filter: &str, target: &str, level: Level) -> bool {
        Filter::parse(filter).unwrap().targets(DEFAULT).would_enable(target, &level)
    }

    #[test]
    fn a_filter_of_parts_leaves_the_rest_as_it_was() {
        for (filter, target, most) in [
            ("info", "hostward_proxy::serve", Level::INFO),
            ("warn", "hostward_proxy", Level::WARN),
            ("hostward_proxy=debug", "hostward_proxy::serve", Level::DEBUG),
            ("hostward_proxy=debug", "hostward_engine", Level::INFO),
            ("hostward_proxy=debug", "hostward::commands::proxy", Level::INFO),
            ("hostward=debug", "hostward_sight::eyes", Level::DEBUG),
            ("error, hostward_sight=info", "hostward_sight", Level::INFO),
            ("error, hostward_sight=info", "hostward_proxy", Level::ERROR),
            ("", "hostward_proxy", Level::INFO),
        ] {
            let less = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
            for level in less {
                assert_eq!(says(filter, target, level), level <= most, "{filter} {target} {level}");
            }
        }
        assert!(!says("off", "hostward_proxy", Level::ERROR));
    }

    #[test]
    fn what_would_silence_everything_by_mistake_is_no_filter() {
        for (text, why) in [
            ("loud", "there is no log level \"loud\" (known: error, warn, info, debug, trace, off)"),
            ("inof", "there is no log level \"inof\"; did you mean \"info\"?"),
            ("INFO", "did you mean \"info\"?"),
            ("info,", "there is no log level \"\""),
            ("info,debug", "\"debug\" is a second level for everything; give one"),
            ("hostward_proxy", "\"hostward_proxy\" is a target; write its level, too: hostward_proxy=debug"),
            (
                "hostward-proxy=debug",
                "the log has no target \"hostward-proxy\"; did you mean \"hostward_proxy\"?",
            ),
            ("hostward_proxy::serve=debug", "the log has no target \"hostward_proxy::serve\""),
            ("hostward=loud", "there is no log level \"loud\""),
            // Decisions are not filtered: `audit` says where they go.
            ("audit=info", "the log has no target \"audit\""),
            ("x=y=z", "the log has no target \"x\""),
        ] {
            let said = Filter::parse(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

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
