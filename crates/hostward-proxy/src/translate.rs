//! Step 5: the engine's paths in the places of the caller's.

use crate::authorize::Permit;
use crate::refuse::Refused;
use crate::resolve::Resolved;
use crate::sight::Sight;
use hostward::api::answer::Restore;
use hostward::api::request;
use hostward::path::{AskedPath, EnginePath};
use hostward::plan::{Plan, Wish, plan};
use hostward::walk;

/// A request in the engine's paths. Only [`translate`] makes one.
#[derive(Debug)]
pub(crate) struct Translated {
    body: Vec<u8>,
    restore: Restore,
    binds: Vec<Bind>,
}

/// A path for which the engine is given another.
#[derive(Debug)]
pub(crate) struct Bind {
    pub(crate) asked: AskedPath,
    pub(crate) resolved: walk::Resolved,
    pub(crate) wish: Wish,
    pub(crate) source: EnginePath,
}

impl Translated {
    /// What was translated.
    pub(crate) fn binds(&self) -> &[Bind] {
        &self.binds
    }

    /// The body, the caller's own to the byte where no path had to change, and how to say the answer in the caller's
    /// words.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Restore) {
        (self.body, self.restore)
    }
}

/// Plans every path, and writes what the engine is given.
///
/// # Errors
/// A path for which nothing faithful can be given.
pub(crate) fn translate(sight: &Sight, permit: Permit<Resolved>) -> Result<Translated, Refused> {
    let (body, sites) = permit.into_inner().into_parts();
    let (mut restore, mut binds) = (Restore::default(), Vec::new());
    let mut planned = Vec::with_capacity(sites.len());
    for (site, resolved) in sites {
        let plan = plan(&site.asked, &resolved, &sight.view, site.wish)?;
        if let Plan::Bind { source, .. } = &plan {
            restore.note(source.clone(), site.asked.clone());
            binds.push(Bind { asked: site.asked.clone(), resolved, wish: site.wish, source: source.clone() });
        }
        planned.push((site, plan));
    }
    let body = if restore.is_empty() { body } else { request::rewrite(&body, &planned)? };
    Ok(Translated { body, restore, binds })
}
