//! Step 3: the body, read once.

use std::collections::BTreeSet;
use std::io::Seek;
use std::sync::Arc;

use hostward::api::archive::Config;
use hostward::api::endpoint::Endpoint;
use hostward::api::lenders::Lenders;
use hostward::api::read::{self, Site, Terms};
use hostward::path::CallerPath;

use crate::body::{HeldBody, WholeBody};
use crate::refuse::Refused;
use crate::spooled::Archive;

/// A request that was read, and the body that it was read from. Only [`read`] makes one.
#[derive(Debug)]
pub(crate) struct ReadRequest {
    read: read::Read,
    rest: ReadFrom,
}

/// The body that a request was read from.
#[derive(Debug)]
pub(crate) enum ReadFrom {
    /// How a body in memory came, and what it takes of what callers share.
    Held(HeldBody),
    /// The archive that a plugin is in, or an image is built from.
    Archive(Archive),
}

impl ReadRequest {
    pub(crate) fn sites(&self) -> impl ExactSizeIterator<Item = &Site> {
        self.read.sites()
    }

    /// Which of the paths are mounted: all but devices, and what a log driver writes to.
    pub(crate) fn mounted(&self) -> impl Iterator<Item = bool> {
        self.read.mounted()
    }

    /// Which request it is.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.read.endpoint()
    }

    /// What it takes from other containers.
    pub(crate) fn lenders(&self) -> Lenders {
        self.read.lenders()
    }

    /// The image of a container that is to be created.
    pub(crate) fn image(&self) -> Option<&str> {
        self.read.image()
    }

    /// Says where that image has volumes.
    pub(crate) fn set_image_volumes(&mut self, volumes: &Arc<BTreeSet<CallerPath>>) {
        self.read.set_image_volumes(volumes);
    }

    /// What was read, and what there is beside it.
    pub(crate) fn into_parts(self) -> (read::Read, ReadFrom) {
        (self.read, self.rest)
    }
}

/// Reads a body. It may take a while: some have many megabytes.
///
/// # Errors
/// A body that cannot be judged.
pub(crate) fn read(endpoint: Endpoint, body: WholeBody, terms: Terms) -> Result<ReadRequest, Refused> {
    match body {
        // Nothing in it is a path, and it need not be JSON.
        WholeBody::Held(mut held) if endpoint == Endpoint::Other => {
            let read = read::Read::unread(std::mem::take(&mut held.bytes));
            Ok(ReadRequest { read, rest: ReadFrom::Held(held) })
        }
        WholeBody::Held(mut held) => {
            let bytes = std::mem::take(&mut held.bytes);
            let read = read::Read::of(endpoint, bytes, terms)?;
            Ok(ReadRequest { read, rest: ReadFrom::Held(held) })
        }
        WholeBody::Spooled(spooled) if endpoint == Endpoint::Other => {
            let read = read::Read::unread(Vec::new());
            Ok(ReadRequest { read, rest: ReadFrom::Archive(Archive::of(spooled)) })
        }
        WholeBody::Spooled(spooled) => {
            let mut archive = Archive::of(spooled);
            archive.file().rewind().map_err(|error| Refused::lost_archive(&error))?;
            let read = match Config::find(archive.file())? {
                Some(config) => read::Read::of_plugin(config, terms)?,
                // The engine's to refuse.
                None => read::Read::of(endpoint, Vec::new(), terms)?,
            };
            Ok(ReadRequest { read, rest: ReadFrom::Archive(archive) })
        }
    }
}
