//! What a connection remembers from one request to the next, what becomes of a request, and how the connection goes on.

use std::sync::Weak;

use crate::audit::Pending;
use crate::caller::{Caller, Guest};
use crate::outgoing::Outgoing;
use crate::request::Manner;

/// Who calls, as far as a connection remembers it. A guest is kept by [`Identify`](crate::identify::Identify), for as long as it
/// is as it was found: a
/// connection that waits holds nothing of it.
#[derive(Debug, Clone)]
pub(super) enum Remembered {
    Nothing,
    Host,
    Guest(Weak<Guest>),
}

/// A request that may go to the engine.
pub(super) struct Allowed {
    /// Who sends it, where that matters.
    pub(super) caller: Option<Caller>,
    pub(super) outgoing: Outgoing,
    pub(super) manner: Manner,
    /// What was decided about it, until its answer has come.
    pub(super) pending: Option<Pending>,
}

/// How a connection was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parted {
    /// It is over.
    Ended,
    /// Its client may have another request, of which nothing was read.
    Waiting,
}

/// Whether a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Request,
    Close,
}
