//! A running Hostward is replaced by another, which takes its sockets over: nobody who calls notices.
//!
//! ```text
//! new                                   old, which serves
//!  ask ───────────────────────────────►
//!      ◄──────── each socket, and where they meet
//!  binds what is new, starts to accept
//!  serving ───────────────────────────►
//!                                       accepts no more
//!      ◄──────── released
//!                                       finishes what runs
//!      ◄──────── whose ports are open, and each connection that waits for its next request
//! ```
//!
//! Until the new one says that it serves, nothing has changed for the old one: where the new one fails, the old one goes on.
//! Both accept for a moment; either one serves whom it accepts.
//!
//! Threat model: who has these sockets can do what Hostward can. They meet in the state directory, which only Hostward's user
//! can enter, and each looks at the user of the other besides (`SO_PEERCRED`).

mod adopted; // a connection that changes hands
mod error;
mod message; // what they say
mod packets; // how

mod attend; // to one who comes
mod meeting; // where they meet
mod predecessor; // as the new one sees the old one
mod successor; // as the old one sees the new one

pub(crate) use adopted::Adopted;
pub(crate) use attend::{HandoverRequest, Offer, Reception};
pub use error::HandoverError;
pub(crate) use meeting::Meeting;
pub(crate) use message::PortsOf;
pub use predecessor::Predecessor;
pub(crate) use successor::Successor;
