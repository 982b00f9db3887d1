//! The sockets that clients connect to.

mod error;
mod inherited; // from a service manager
mod listener;
mod tcp;
mod tls;
mod unix;

pub use error::ListenError;
pub use inherited::Inherited;
pub(crate) use listener::Listener;
pub(crate) use tls::Acceptor;
