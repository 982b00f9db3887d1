//! What the engine gets. Nothing else can be forwarded, and there are two ways to have one: what streams by
//! [`route`](crate::route), and what was judged by [`write`](crate::write).

use crate::route::Streams;
use crate::sending::Sending;
use crate::write::WrittenRequest;

/// A request that may go to the engine.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Its body streams.
    Streams(Streams),
    /// Its body was judged.
    Written(WrittenRequest),
}

impl Outgoing {
    pub(crate) fn into_sending(self) -> Sending {
        match self {
            Self::Streams(streams) => streams.into_sending(),
            Self::Written(written) => written.into_sending(),
        }
    }
}
