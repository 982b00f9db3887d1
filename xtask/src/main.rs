//! The project's own commands: `cargo xtask engines | demo | test | package | bench | fuzz | docs | tidy`.

mod bench;
mod demo;
mod docs;
mod engines;
mod fuzz;
mod janitor;
mod package;
mod steps;
mod test;
mod tidy;

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
    /// Start and stop the engines that tests run on
    #[command(subcommand)]
    Engines(engines::Engines),
    /// Show the main case without Hostward, explained, and with it
    Demo(demo::Demo),
    /// Set up what is missing and run the checks
    Test(test::Test),
    /// Make the packages: docs/install.md
    Package(package::Package),
    /// Measure what Hostward costs, beside other proxies: docs/performance.md
    Bench(bench::Bench),
    /// Run the fuzz targets, for as long as you like
    Fuzz(fuzz::Fuzz),
    /// Make a site of all pages, with a search: target/docs/site
    Docs,
    /// Check the layout: import cycles, long files, names with two meanings, rules without tests, broken links
    Tidy,
    /// Clean up when standard input ends: started by the tasks above
    #[command(hide = true)]
    Janitor(janitor::Duties),
}

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Task::Engines(command) => engines::run(&command),
        Task::Demo(args) => demo::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Package(args) => package::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Docs => docs::run(),
        Task::Tidy => tidy::run(&hostward_testkit::cargo::workspace()),
        Task::Janitor(duties) => janitor::run(&duties),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
