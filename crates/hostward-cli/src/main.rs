//! The program `hostward`: what a container's paths are to the engine outside, asked and served.
//!
//! In reading order: [`args`] is the one table of commands and flags, [`variables`] and [`config`] the other two
//! places where settings come from, [`viewpoint`] finds out whose paths are meant, [`finding`] looks a path up,
//! [`commands`] does what was asked, [`draw`], [`limits`], [`printer`], [`log`] and [`report`] say it.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod args;
mod commands;
mod completing;
mod config;
mod draw;
mod engine_failure;
mod limits;
mod log;
mod manual;
#[cfg(test)]
mod messages;
mod near;
mod printer;
mod report;
mod runtime;
mod serving;
mod variables;
mod viewpoint;

use std::process::ExitCode;

use clap::Parser;
use clap_complete::CompleteEnv;

fn main() -> ExitCode {
    CompleteEnv::with_factory(completing::command).var(variables::COMPLETE).complete();
    let args = args::Args::parse();
    if !matches!(args.command, args::Command::WrapPart(_)) {
        for warning in variables::unknown() {
            report::say(format_args!("warning: {warning}"), &[]);
        }
    }
    match commands::run(args.command) {
        Ok(status) => status.into(),
        Err(failure) => report::report(&failure),
    }
}
