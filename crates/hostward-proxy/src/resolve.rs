//! Step 3: every path of a request, followed through the caller's symlinks.

use crate::refuse::Refused;
use crate::sight::Sight;
use hostward::api::endpoint::Endpoint;
use hostward::api::request::{self, Site};
use hostward::reading::Reading;
use hostward::refusal::Refusal;

/// A request's body and its paths after symlinks, in the caller's view. Only [`resolve`] makes one.
#[derive(Debug)]
pub(crate) struct Resolved {
    body: Vec<u8>,
    sites: Vec<(Site, Reading)>,
}

impl Resolved {
    /// The paths, and where they lead.
    pub(crate) fn sites(&self) -> &[(Site, Reading)] {
        &self.sites
    }

    /// The body, and the paths in it.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Vec<(Site, Reading)>) {
        (self.body, self.sites)
    }
}

/// Finds the paths in a body and follows each.
///
/// # Errors
/// A body that cannot be judged, or a path that leads nowhere.
pub(crate) fn resolve(sight: &Sight, endpoint: Endpoint, body: Vec<u8>) -> Result<Resolved, Refused> {
    let follow = |site: Site| match sight.resolve(&site.asked) {
        Ok(reading) => Ok((site, reading)),
        Err(reason) => Err(Refusal { asked: site.asked, reason }),
    };
    let sites = request::sites(endpoint, &body)?.into_iter().map(follow).collect::<Result<_, _>>()?;
    Ok(Resolved { body, sites })
}
