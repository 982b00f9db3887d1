//! Step 8: the bytes for the engine.

use std::mem;
use std::sync::Arc;

use hostward::api::amend::Amend;
use hostward::api::endpoint::{self, Endpoint};
use hostward::api::write::{self, Gives, Output, WriteError};
use hostward::policy::ownership::Ownership;

use crate::authorize::Grant;
use crate::caller::Guest;
use crate::decision::Forwarded;
use crate::pin::{HeldPaths, PinnedRequest};
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
    let (Parts { read, plans, loan, grant, paths, lent: _ }, HeldPaths { links, pins }) = pinned.into_parts();
    grant.write_line(&mut request)?;
    let Grant { amendments, owner, warned, quota, operation, .. } = grant;
    let mut amendments: Vec<_> =
        amendments.iter().map(|one| Amend { names: one.names, json: &one.json }).collect();
    let labels: Vec<_> = owner.iter().map(|owner| (Ownership::LABEL, &**owner)).collect();
    let quoted = owner.as_deref().map(|owner| serde_json::json!(owner).to_string());
    if let (Some(json), true) = (&quoted, operation.is_some_and(|it| it.name == "network.create")) {
        amendments.push(Amend { names: &["Labels", Ownership::LABEL], json });
    }
    let (image, name) = (read.image().map(str::to_owned), endpoint::created_name(request.target()));
    let name = name.filter(|_| endpoint == Endpoint::ContainerCreate);
    let (read, rest) = read.into_parts();
    let for_podman = guest.abilities.is_podman();
    let gives = Gives {
        plans: &plans,
        loan: &loan,
        image_labels,
        for_podman,
        amendments: &amendments,
        labels: &labels,
    };
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
    let hijacks = operation.is_some_and(|it| it.hijacks);
    let sending = Sending { request, archive, hijacks, restore, lease, links, pins, quota };
    Ok(WrittenRequest { sending, forwarded: Forwarded { image, name, paths, warned } })
}

impl From<WriteError> for Refused {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Body(error) => error.into(),
            WriteError::Refusal(refusal) => refusal.into(),
        }
    }
}
