//! What is sent to the engine of a request that may go there.

use crate::links::HeldLink;
use crate::pins::HeldPin;
use crate::pool::Lease;
use crate::quota::QuotaLease;
use crate::request::Request;
use crate::restore::Restore;
use crate::spooled::Archive;

/// What is sent of a request, and what is done with the answer.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) request: Request,
    /// What follows behind the request's bytes.
    pub(crate) archive: Option<Archive>,
    /// The engine may answer with a raw stream under status 200.
    pub(crate) hijacks: bool,
    pub(crate) restore: Restore,
    /// What the body takes of what callers share, until it is sent.
    pub(crate) lease: Option<Lease>,
    /// Links that the engine is told of: they stay until it has answered.
    pub(crate) links: Vec<HeldLink>,
    /// Pins as well.
    pub(crate) pins: Vec<HeldPin>,
    /// Its place among the containers that its owner may have, until the engine has answered.
    pub(crate) quota: Option<QuotaLease>,
}
