//! Why a socket cannot be listened on.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::io;
use std::path::PathBuf;

use hostward_engine::address::Address;
use hostward_engine::tls::UnusableFile;

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another process serves it.
    #[error("{0} is in use: something answers there; stop it, or choose another path with --listen")]
    InUse(Address),
    /// Something else than a socket has the name.
    #[error("{} exists and is not a socket; choose another path with --listen", .0.display())]
    NoSocket(PathBuf),
    /// A file of TLS is of no use.
    #[error(transparent)]
    Tls(#[from] UnusableFile),
    /// The system says no.
    #[error("cannot listen on {address}: {action}: {error}")]
    Io {
        /// Where.
        address: Address,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
}
