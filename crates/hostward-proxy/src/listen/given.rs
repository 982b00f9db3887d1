//! A socket that listens already when this process starts, and who has opened it.

use std::fs::Metadata;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use hostward_engine::address::Address;
use serde::{Deserialize, Serialize};

/// A socket that listens already.
#[derive(Debug)]
pub(crate) struct GivenSocket {
    pub(crate) address: Address,
    pub(crate) socket: OwnedFd,
    pub(crate) giver: Giver,
}

/// Who has opened a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Giver {
    /// Whoever started this process, or the Hostward before it: it stays open there, and its file is not ours.
    Starter,
    /// The Hostward that this one replaces. The file of a unix socket is ours once that has ended.
    Predecessor(Option<SocketFileId>),
}

impl GivenSocket {
    /// The same once more.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { address: self.address.clone(), socket: self.socket.try_clone()?, giver: self.giver })
    }
}

/// A socket's file, whatever its name is by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SocketFileId {
    device: u64,
    inode: u64,
}

impl SocketFileId {
    pub(super) fn new(device: u64, inode: u64) -> Self {
        Self { device, inode }
    }

    pub(super) fn of(meta: &Metadata) -> Self {
        Self::new(meta.dev(), meta.ino())
    }
}
