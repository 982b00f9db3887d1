//! Published ports where the caller looks for them: on its localhost, and where it has Hostward's own address for the engine's,
//! there.
//!
//! A client on a machine of its own finds the ports of the containers that it starts on localhost. In a container it does
//! not: the engine opens them on its own machine. So Hostward opens the same ones in the network of the container that
//! calls, as long as the container that publishes them runs.

mod bounds; // how much they may take, and what is left of it
mod said; // what is not said again and again
mod senders; // who is to be answered by UDP

mod localhost; // where a port is opened
mod namespace; // sockets in the networks of containers
mod target; // where what comes goes

mod connections; // TCP
mod datagrams; // UDP
mod lingering; // connections that are over
mod port; // one that is open

mod keeper; // the ports of one container, for one caller
mod keepers; // which of them there are
mod publisher;

#[cfg(test)]
pub(crate) use bounds::Met;
pub(crate) use bounds::PortBounds;
pub(crate) use namespace::is_able;
pub use namespace::may_publish;
pub(crate) use publisher::Publisher;
