//! What each command does, a file each.

mod completions;
mod config;
mod doctor;
mod explain;
mod health;
mod man;
mod next_program;
mod policy;
mod proxy;
mod translate;
mod wrap;

use hostward_proxy::Inherited;

use crate::args::Command;
use crate::report::{Failure, Status};
use crate::runtime::block_on;

/// Does what was asked.
pub(crate) fn run(command: Command) -> Result<Status, Failure> {
    match command {
        Command::Proxy(args) => {
            // Before anything else opens a descriptor, or starts a thread.
            let inherited = Inherited::of_process().map_err(|error| {
                Failure::failed(format_args!("the sockets passed by the service manager: {error}"))
            })?;
            block_on(proxy::run(args, inherited))?
        }
        Command::Wrap(args) => wrap::run(&args),
        Command::WrapPart(part) => wrap::run_part(part),
        Command::Translate(args) => block_on(translate::run(args))?,
        Command::Health(args) => block_on(health::run(args))?,
        Command::Explain(args) => block_on(explain::run(args))?,
        Command::Doctor(args) => block_on(doctor::run(args))?,
        Command::Policy(command) => policy::run(command),
        Command::Config(args) => block_on(config::run(args))?,
        Command::Completions { shell } => completions::run(shell),
        Command::Man(args) => man::run(&args),
    }
}
