//! Step 2: who is calling.
//!
//! The kernel names the process at the other end of the socket, `/proc` the container it is in, and the engine
//! what that container has mounted. It is asked at the first request that must be judged, not before. Whoever
//! cannot be told gets no guess: a request that names a path is refused then.
//!
//! Threat model: a caller may end between two look-ups, so that its pid names another process, and it may sit
//! in a container that this engine does not know. Its cgroup it may have named itself
//! where it has some to write to, and have made any directory that it sees its root; what it cannot do is to leave its
//! mount namespace for one that somebody else has made ([`home`]).
//!
//! Whatever looks at a process's root directory runs within [`Lookups`](crate::lookups::Lookups): it may be on a server that has gone.

// What is known.
mod containers; // the engine's descriptions
mod error;
mod events; // whether they still hold
mod found; // callers that were found before
mod home; // whose files a process sees
mod kept; // descriptions that hold
mod process;
mod through; // what a container's files are seen through
mod vantage; // where Hostward itself is

// Who it is.
mod guests; // what a caller in a container is to the steps behind
mod lenders; // what else of the engine a request needs
mod mandated; // by which profile it is judged

mod certificate;
mod mounting; // a process that cannot be seen
mod network; // by an address
mod peers; // a process that can be seen
mod warned; // of whom the log has said that it is unknown
mod who; // by whichever of these

pub(crate) use containers::Containers;
pub use error::IdentifyError;
pub(crate) use guests::{Identify, first_process};
pub(crate) use lenders::NamedLenders;
pub use mounting::{Known, known};
pub(crate) use process::Process;
pub(crate) use vantage::OwnVantage;
