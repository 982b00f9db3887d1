//! The project's own commands: `cargo xtask engines | demo | test`.

mod engines;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Hostward's own commands")]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start and stop the Docker engines that tests run on
    #[command(subcommand)]
    Engines(engines::Engines),
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Task::Engines(command) => engines::run(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
