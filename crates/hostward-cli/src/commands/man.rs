//! `hostward man`: the manual pages, from the table of flags.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::path::Path;

use clap::CommandFactory;

use crate::args::Args;
use crate::report::{Failure, Status};

pub(crate) fn run(dir: &Path) -> Result<Status, Failure> {
    clap_mangen::generate_to(Args::command(), dir).map_err(|error| {
        Failure::failed(format_args!("cannot write manual pages to {}: {error}", dir.display()))
    })?;
    Ok(Status::Done)
}
