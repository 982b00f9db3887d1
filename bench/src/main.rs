//! Measures what Hostward costs: `cargo xtask bench` builds and runs it.
//!
//! One program for all parts, each of which is a process: the run, which starts the others and measures them from outside; the
//! stub engine; the byte relay; the load generator, which is a caller on the host or in a container.

mod caller; // a load generator's process
mod container; // a container without an engine
mod core_figures; // the micro-benchmarks of the library
mod docs; // the generated part of docs/performance.md
mod engine; // the stub engine's process
mod fold; // many measurements become one figure
mod goals; // what the project wants of itself
mod growth; // curves
mod job; // what a load generator is told to do
mod keep; // programs that end with the benchmark
mod leftovers; // what goes at the end, however that comes
mod load; // the load generator
mod machine; // what it was measured on
mod measure; // one workload on all peers
mod memory; // resident memory with connections
mod message; // where an HTTP message ends
mod peer; // Hostward, and others in its place
mod process; // processes that end by their ids
mod relay; // a byte relay
mod report; // tables
mod run; // a whole run
mod stub; // the stub engine
mod svg; // pictures
mod usage; // processor time and memory
mod workloads; // what is measured
mod world; // what the stub engine describes

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "hostward-bench", about = "Measures what Hostward costs, beside other proxies")]
struct Args {
    #[command(subcommand)]
    command: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Measure
    Run(run::Run),
    /// Show what the library's micro-benchmarks have measured
    Core(core_figures::Core),
    /// The stub engine
    #[command(hide = true)]
    Stub(stub::Stub),
    /// The byte relay
    #[command(hide = true)]
    Relay(relay::Relay),
    /// The load generator
    #[command(hide = true)]
    Load(load::Load),
    /// Become a program that ends with the benchmark
    #[command(hide = true)]
    Keep(keep::Keep),
}

fn main() -> ExitCode {
    let done: Result<(), Box<dyn std::error::Error>> = match Args::parse().command {
        Part::Run(run) => run::run(&run).map_err(Into::into),
        Part::Core(core) => core_figures::run(&core).map_err(Into::into),
        Part::Stub(stub) => keep::end_with_parent().and_then(|()| stub::run(&stub)).map_err(Into::into),
        Part::Relay(relay) => keep::end_with_parent().and_then(|()| relay::run(&relay)).map_err(Into::into),
        Part::Load(load) => keep::end_with_parent().and_then(|()| load::run(&load)).map_err(Into::into),
        Part::Keep(keep) => keep::run(&keep).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hostward-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
