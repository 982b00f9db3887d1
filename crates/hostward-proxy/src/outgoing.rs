//! What the engine gets. Nothing else can be forwarded, and there are two ways to have one: what streams by
//! [`route`](crate::route), and what was judged by [`write`](crate::write).

use crate::pool::Lease;
use crate::request::Request;
use crate::restore::Restore;
use crate::route::Streams;
use crate::spooled::Archive;
use crate::write::Written;

/// A request that may go to the engine.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Its body streams.
    Streams(Streams),
    /// Its body was judged.
    Written(Written),
}

/// What is sent of it, and what is done with the answer.
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
}

impl Outgoing {
    pub(crate) fn into_sending(self) -> Sending {
        match self {
            Self::Streams(streams) => streams.into_sending(),
            Self::Written(written) => written.into_sending(),
        }
    }
}
