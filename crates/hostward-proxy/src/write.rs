//! Step 8: the bytes for the engine.

use std::mem;
use std::sync::Arc;

use hostward::api::endpoint::{self, Endpoint};
use hostward::api::write::{self, Gives, Output, WriteError};

use crate::caller::Guest;
use crate::decision::Forwarded;
use crate::pin::PinnedRequest;
use crate::plan::Parts;
use crate::read::ReadFrom;
use crate::refuse::Refused;
use crate::request::Request;
use crate::restore::Restore;
use crate::sending::Sending;

/// A request that was judged, as the engine gets it. Only [`write()`] makes one.
#[derive(Debug)]
pub(crate) struct WrittenRequest {
    sending: Sending,
    forwarded: Forwarded,
}

impl WrittenRequest {
    /// What the engine is given, for those who want to know.
    pub(crate) fn take_forwarded(&mut self) -> Forwarded {
        mem::take(&mut self.forwarded)
    }

    pub(crate) fn into_sending(self) -> Sending {
        self.sending
    }
}

/// Writes what the engine gets.
///
/// # Errors
/// What cannot be spelled in this form of request.
pub(crate) fn write(
    guest: &Arc<Guest>,
    endpoint: Endpoint,
    image_labels: &[String],
    mut request: Request,
    pinned: PinnedRequest,
) -> Result<WrittenRequest, Refused> {
    let (Parts { read, plans, loan, paths }, links) = pinned.into_parts();
    let (image, name) = (read.image().map(str::to_owned), endpoint::created_name(request.target()));
    let name = name.filter(|_| endpoint == Endpoint::ContainerCreate);
    let (read, rest) = read.into_parts();
    let for_podman = guest.abilities.is_podman();
    let gives = Gives { plans: &plans, loan: &loan, image_labels, for_podman };
    let write::Written { body, asked_for } = write::write(read, gives, guest.reader())?;
    // Its errors must be readable.
    request.ask_identity();
    let (archive, lease) = match (body, rest) {
        (Output::Same(body), ReadFrom::Held(held)) => {
            // As it came, chunks and all; but `Expect` was met here and must go.
            match held.wire {
                _ if request.head.expects_continue => request.replace_body(&body),
                Some(wire) => request.put_body(&wire),
                None if held.is_chunked => request.replace_body(&body),
                None => request.put_body(&body),
            }
            (None, Some(held.lease))
        }
        (Output::Other(body), ReadFrom::Held(held)) => {
            request.replace_body(&body);
            (None, Some(held.lease))
        }
        (body, ReadFrom::Archive(mut archive)) => {
            if let Output::Archive { replaced, by } = body {
                archive.replace(replaced, by);
            }
            request.replace_head(archive.len());
            (Some(archive), None)
        }
        (Output::SameArchive | Output::Archive { .. }, ReadFrom::Held(_)) => {
            return Err(Refused::new(500, "hostward: the body has become an archive, which cannot be"));
        }
    };
    let restore = Restore::judged(Arc::clone(guest), endpoint, asked_for);
    let sending = Sending { request, archive, hijacks: false, restore, lease, links };
    Ok(WrittenRequest { sending, forwarded: Forwarded { image, name, paths } })
}

impl From<WriteError> for Refused {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Body(error) => error.into(),
            WriteError::Refusal(refusal) => refusal.into(),
        }
    }
}
