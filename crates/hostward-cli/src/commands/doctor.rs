use crate::args::Doctor;
use crate::report::{Failure, Status};
pub(crate) async fn run(_args: Doctor) -> Result<Status, Failure> {
    Err(Failure::failed("not yet"))
}
