//! What can follow on a command line, where that is more than the table of flags has: asked for by the shell while somebody types.

use std::ffi::OsStr;
use std::time::Duration;

use clap::{Command, CommandFactory};
use clap_complete::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use hostward_engine::list;

use crate::args::{Args, Whose};
use crate::log::{LEVELS, TARGETS};
use crate::runtime::block_on;
use crate::{config, variables, viewpoint};

/// Whoever has pressed a key waits for no longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The table of flags, with what can follow them.
pub(crate) fn command() -> Command {
    completed(Args::command())
}

fn completed(command: Command) -> Command {
    let command = command.mut_args(|argument| match argument.get_long() {
        Some("for") => argument.add(ArgValueCandidates::new(containers)),
        Some("log") => argument.add(ArgValueCompleter::new(filter)),
        _ => argument,
    });
    command.mut_subcommands(completed)
}

/// The next part of a log filter: levels, and targets with their levels.
fn filter(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let before = &current[..current.rfind(',').map_or(0, |comma| comma + 1)];
    let part = &current[before.len()..];
    let all: Vec<_> = if let Some((target, _)) = part.split_once('=') {
        LEVELS.iter().map(|level| format!("{target}={level}")).collect()
    } else {
        let targets = TARGETS.iter().map(|target| format!("{target}="));
        LEVELS.iter().map(|level| (*level).to_owned()).chain(targets).collect()
    };
    all.into_iter()
        .filter(|one| one.starts_with(part))
        .map(|one| CompletionCandidate::new(format!("{before}{one}")))
        .collect()
}

/// The names of running containers, at the engine that variables and the configuration name. None where that does not answer:
/// there is nobody to tell.
fn containers() -> Vec<CompletionCandidate> {
    let whose = Whose {
        engine: std::env::var(variables::ENGINE).ok(),
        config: std::env::var_os(variables::CONFIG).map(Into::into),
        ..Whose::default()
    };
    let Ok(engine) = config::settle(&whose).and_then(|settings| viewpoint::choose(&settings)) else {
        return Vec::new();
    };
    let asked = block_on(async { tokio::time::timeout(PATIENCE, list::running(&engine.address)).await });
    let Ok(Ok(Ok(running))) = asked else { return Vec::new() };
    running.into_iter().map(|one| CompletionCandidate::new(one.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_completed_part_by_part() {
        let follows = |current: &str| {
            let all = filter(OsStr::new(current)).into_iter();
            all.map(|one| one.get_value().to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(follows("de"), ["debug"]);
        assert_eq!(follows("warn,hostward_p"), ["warn,hostward_proxy="]);
        assert_eq!(follows("warn,hostward_proxy=d"), ["warn,hostward_proxy=debug"]);
        assert_eq!(follows("").len(), LEVELS.len() + TARGETS.len());
        assert!(follows("x").is_empty());
        for one in follows("").into_iter().filter(|one| !one.ends_with('=')) {
            assert!(crate::log::Filter::parse(&one).is_ok(), "{one}");
        }
    }
}
