//! Why a running Hostward is not replaced.

use std::io;

use hostward_engine::address::Address;

/// Why a running Hostward is not replaced. It goes on serving.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// More than one serves what this one would.
    #[error("{} and {} are served by two different Hostwards; replace one at a time", .0[0], .0[1])]
    Several(Box<[Address; 2]>),
    /// The state directory cannot be read.
    #[error("cannot look for the running Hostward in its state directory: {0}")]
    Directory(io::Error),
    /// It does not speak as this one does, or has gone meanwhile.
    #[error("the running Hostward (pid {pid}) does not hand its sockets over: {error}")]
    Talk {
        /// Its process.
        pid: u32,
        /// What went wrong.
        error: io::Error,
    },
}
