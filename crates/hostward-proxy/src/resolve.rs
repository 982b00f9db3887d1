//! Step 4: every path of a request, followed through the caller's symlinks.

use hostward::api::read::Site;
use hostward::reading::Reading;
use hostward::refusal::Refusal;
use hostward_sight::Looks;

use crate::caller::Guest;
use crate::read::ReadRequest;
use crate::refuse::Refused;

/// A request and where its paths lead in the caller's view, symlinks followed. Only [`resolve`] makes one.
#[derive(Debug)]
pub(crate) struct ResolvedRequest {
    read: ReadRequest,
    readings: Vec<Reading>,
}

impl ResolvedRequest {
    /// The paths, and where they lead.
    pub(crate) fn sites(&self) -> impl Iterator<Item = (&Site, &Reading)> {
        self.read.sites().zip(&self.readings)
    }

    /// Which of them are mounted: all but devices, and what a log driver writes to.
    pub(crate) fn mounted(&self) -> impl Iterator<Item = bool> {
        self.read.mounted()
    }

    /// The request, and where each of its paths leads.
    pub(crate) fn into_parts(self) -> (ReadRequest, Vec<Reading>) {
        (self.read, self.readings)
    }
}

/// Follows each path.
///
/// # Errors
/// A path that leads nowhere, or too far.
pub(crate) fn resolve(guest: &Guest, read: ReadRequest, looks: &Looks) -> Result<ResolvedRequest, Refused> {
    let follow = |site: &Site| {
        let reading = guest.sight.resolve(&site.asked, guest.was_shown(&site.asked), looks);
        reading.map_err(|reason| Refusal { asked: site.asked.clone(), reason })
    };
    let readings = read.sites().map(follow).collect::<Result<_, _>>()?;
    Ok(ResolvedRequest { read, readings })
}
