//! The data path of Hostward's proxy, a file a step.
//!
//! ```text
//! accept → identify → route → resolve → authorize → translate → pin → forward → restore
//! ```
//!
//! The proxy serves each client connection by one task and one connection to the engine. Nothing is parsed but
//! heads and the few bodies that can carry a path; all else passes through one buffer that all connections
//! share, so that an idle or slow connection holds none.

// In the order of the data path.
mod accept;
mod admin; // whether all is well, for those who watch
mod control;
mod listen;
mod serve;

mod exchange; // one client connection, a request at a time

mod identify;
mod route;

mod authorize;
mod judge; // the steps from a body that was read to one that may be forwarded
mod lend; // what those whose volumes are taken over have
mod pin;
mod resolve;
pub mod sight; // how a caller sees files
mod translate;

mod forward; // the engine's side of a connection
mod lines; // an endless answer
mod relay; // moving bytes
mod restore;
mod tunnel; // one request and its answer, both ways at once

mod publish; // ports on the caller's localhost

mod about;
mod audit;
mod refuse;

mod sys;

pub use control::{Control, Trigger};
pub use identify::{Known, known};
pub use listen::{Access, Callers, Inherited, Listen, ListenError, On, Tls};
pub use publish::may_publish;
pub use serve::{GRACE, Rules, ServeError, Settings, serve};
