//! The sockets that clients connect to.

mod error;
mod given; // sockets that listen already
mod inherited; // from a service manager, or from the Hostward before
mod listener;
mod tcp;
mod tls;
mod unix;

pub use error::ListenError;
pub(crate) use given::{GivenSocket, Giver};
pub use inherited::Inherited;
pub(crate) use listener::Listener;
pub(crate) use tls::Acceptor;
