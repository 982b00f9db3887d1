//! The data path of Hostward's proxy, a file a step.
//!
//! ```text
//! accept → identify → route → read → resolve → authorize → plan → pin → write → forward → restore
//! ```
//!
//! Each step is a plain function whose result is the next one's only parameter, and only its own file can make that.
//!
//! The proxy serves each client connection by one task and one connection to the engine. Nothing is parsed but
//! heads and the few bodies that can carry a path; all else passes through one buffer that all connections
//! share, so that an idle or slow connection holds none.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

// In the order of the data path.
mod accept;
mod admin; // what those who watch are told
mod clash; // two sockets in one place
mod control;
mod door; // a socket, and its connections
mod handover; // to a Hostward that replaces this one
mod listen;
mod obstacles; // what would keep it from serving
mod open; // how many connections there are
mod phase; // how long they go on
mod replaced; // by another process
mod serve;
mod settings;
mod standing; // whether all is well

mod exchange; // one client connection, a request at a time
mod request;

mod caller;
mod identify;
mod peer; // what the socket tells
mod route;

mod body; // all of it, before anybody judges it
mod judge; // the steps from there to one that may be forwarded, in their order
mod spooled; // an archive on disk
mod taking; // a request with that body, off the thread that serves

mod read;
mod resolve;

mod claim; // what is asked beside paths
mod context; // the archive that an image is built from
mod owners; // and of whose things

mod authorize;

mod loan; // what those whose volumes are taken over have
mod plan;

mod contain; // so that nobody can exchange it
mod links; // short ways to sockets
mod managed; // volumes of which containers get parts
mod pin;
mod pins; // mounts of what was judged

mod write;

mod answer; // as the engine gives it
mod carry; // a body from one side to the other
mod forward; // the engine's side of a connection
mod lines; // an endless answer
mod outage; // what the log says of an engine that is away
mod outgoing;
mod pace; // whether that is bulk
mod pipe; // through which bulk moves
mod relay; // moving bytes
mod restore;
#[cfg(test)]
mod script; // a peer without a socket
mod sending;
#[cfg(test)]
mod stage; // what is played there
mod tunnel; // one request and its answer, both ways at once
mod wire; // what a side is reached by

mod publish; // ports on the caller's localhost

mod image_names; // which names of images it has given
mod mandate; // what a caller may ask for
mod profiles; // by which of them
mod quota; // how many containers it is about to have
mod run_time; // and how long these run

mod about;
mod audit; // who is told of decisions
mod decision;
mod key;
mod metrics; // what is counted
mod refuse;
mod request_id; // what all that is said of a request has in common

mod limits; // how much anybody may take
mod lookers;
mod lookups; // looking where it may hang
mod pool;
mod pools;
mod shown; // what callers have read of the engine's own paths
mod tenant; // who shares

mod sys;

#[cfg(test)]
mod messages; // what users read of all this

pub use control::{Control, ServeError, Trigger};
pub use handover::{HandoverError, Predecessor};
pub use identify::{IdentifyError, Known, known};
pub use limits::{Bytes, Conflict, Limit, LimitError, Limits, Unit};
pub use listen::{Inherited, ListenError};
pub use obstacles::{Which, obstacles, unwritable};
pub use pins::may_pin;
pub use publish::may_publish;
pub use serve::{Start, serve};
pub use settings::{
    Access, AuditSettings, AuditTo, Callers, GRACE, LineFormat, Listen, On, Rules, Settings, Tls,
};
