//! `hostward proxy`: serves the engine's API in the caller's paths.

use crate::args::Proxy;
use crate::report::{Failure, Status};

pub(crate) fn run(_args: Proxy) -> Result<Status, Failure> {
    Err(Failure::failed("not yet"))
}
