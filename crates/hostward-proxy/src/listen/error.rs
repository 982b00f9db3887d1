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
    #[error("{0} is in use: another process serves it; stop that, or choose another {place}", place = place(.0))]
    InUse(Address),
    /// Something else than a socket has the name.
    #[error("{} exists and is not a socket; choose another path", .0.display())]
    NoSocket(PathBuf),
    /// The kernel takes no path of that length.
    #[error("{} is {} bytes long; the path of a unix socket can have {MOST} bytes", .0.display(), .0.as_os_str().len())]
    TooLong(PathBuf),
    /// Its file cannot be given to whom it is to be open.
    #[error("cannot set the owner and group of {}: {error}", path.display())]
    Owner {
        /// The socket's file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
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

/// So many bytes fit into `sun_path`, beside the NUL at its end.
pub(super) const MOST: usize = 107;

/// What clients would find another socket by.
fn place(address: &Address) -> &'static str {
    if address.socket().is_some() { "path" } else { "port" }
}
