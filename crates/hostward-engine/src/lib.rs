//! Speaks to Docker engines: where they are, how to connect, what they answer.
//!
//! In reading order: [`address`] names an engine, [`context`] chooses one as the docker CLI would, [`connect`] opens a
//! [`stream`] to it (through `ssh`, or in TLS by [`credentials`], where it is asked to), [`http1`] reads and writes HTTP
//! without I/O, [`client`] asks one question, [`ask`] one whose answer is JSON, [`version`], [`inspect`], [`list`],
//! [`events`], [`exec`], [`things`], [`archive`] and [`changes`] understand the answers, [`complete`] puts several together for one container, [`select`] finds
//! the container that a user means, [`discover`] where this process runs, and [`about`] whether Hostward stands before the
//! engine.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod about;
pub mod address;
pub mod archive;
pub mod ask;
pub mod bridge;
pub mod changes;
pub mod client;
pub mod complete;
pub mod connect;
pub mod context;
pub mod credentials;
pub mod discover;
pub mod events;
pub mod exec;
pub mod http1;
pub mod inspect;
pub mod list;
#[cfg(test)]
mod messages;
pub mod select;
mod ssh;
pub mod stream;
#[cfg(test)]
mod stub;
pub mod things;
pub mod tls;
pub mod version;
