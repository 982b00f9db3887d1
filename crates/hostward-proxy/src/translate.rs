//! Step 5: the engine's paths in the places of the caller's.

use crate::authorize::Permit;
use crate::refuse::Refused;
use crate::resolve::Resolved;
use crate::sight::Sight;
use hostward::api::answer::Restore;
use hostward::api::request;
use hostward::plan::{Plan, plan};

/// What the engine is given. Only [`translate`] makes one, and only a judged request can be forwarded as one.
#[derive(Debug)]
pub(crate) struct Translated {
    /// The body, the caller's own to the byte where no path had to change.
    pub(crate) body: Vec<u8>,
    /// How to say the answer in the caller's words.
    pub(crate) restore: Restore,
}

/// Plans every path, and writes what the engine is given.
///
/// # Errors
/// A path for which nothing faithful can be given.
pub(crate) fn translate(sight: &Sight, permit: Permit<Resolved>) -> Result<Translated, Refused> {
    let (body, sites) = permit.into_inner().into_parts();
    let mut restore = Restore::default();
    let mut planned = Vec::with_capacity(sites.len());
    for (site, resolved) in sites {
        let plan = plan(&site.asked, &resolved, &sight.view, site.wish)?;
        if let Plan::Bind { source, .. } = &plan {
            restore.note(source.clone(), site.asked.clone());
        }
        planned.push((site, plan));
    }
    let body = if restore.is_empty() { body } else { request::rewrite(&body, &planned)? };
    Ok(Translated { body, restore })
}
