//! What each command does, a file each.

mod completions;
mod config;
mod doctor;
mod explain;
mod health;
mod man;
mod proxy;
mod translate;
mod wrap;

use crate::args::Command;
use crate::report::{Failure, Status};

/// Does what was asked.
pub(crate) fn run(command: Command) -> Result<Status, Failure> {
    match command {
        Command::Proxy(args) => block_on(proxy::run(args))?,
        Command::Wrap(args) => wrap::run(&args),
        Command::WrapPart(part) => wrap::run_part(part),
        Command::Translate(args) => block_on(translate::run(args))?,
        Command::Health(args) => block_on(health::run(args))?,
        Command::Explain(args) => block_on(explain::run(args))?,
        Command::Doctor(args) => block_on(doctor::run(args))?,
        Command::Config(args) => config::run(args),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { dir } => man::run(&dir),
    }
}

/// One thread does it all: a second one made the proxy slower on two cores, and the rest asks one question.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format_args!("cannot start: {error}")))?;
    let done = runtime.block_on(future);
    // A thread that looks at files on a server that has gone would hold up the end.
    runtime.shutdown_background();
    Ok(done)
}
