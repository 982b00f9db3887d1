//! Step 5: may this caller have these paths?
//!
//! Without a policy the one rule is that nobody unknown names a path, save what an explicit map says.

use hostward::origin::Origin;
use hostward::path::AskedPath;
use hostward::plan;
use hostward::reading::Reading;
use hostward::refusal::{Reason, Refusal};

use crate::caller::{Guest, Who};
use crate::refuse::Refused;
use crate::resolve::ResolvedRequest;

/// The proof that a request was allowed. Only [`authorize`] makes one.
#[derive(Debug)]
pub(crate) struct Permit<T>(T);

impl<T> Permit<T> {
    /// What was allowed.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

/// Judges the paths of a request.
///
/// # Errors
/// A path that the caller may not name.
pub(crate) fn authorize(
    guest: &Guest,
    resolved: ResolvedRequest,
) -> Result<Permit<ResolvedRequest>, Refused> {
    resolved.sites().try_for_each(|(site, reading)| may_have(guest, &site.asked, reading))?;
    Ok(Permit(resolved))
}

/// Judges one path.
///
/// # Errors
/// One that the caller may not name.
pub(crate) fn may_have(guest: &Guest, asked: &AskedPath, reading: &Reading) -> Result<(), Refusal> {
    let Who::Unknown { why, remote } = &guest.who else { return Ok(()) };
    let origin = plan::meaning(asked, &reading.resolved, guest.sight.view());
    if matches!(origin, Origin::Mapped { .. }) {
        return Ok(());
    }
    let reason = Reason::Stranger { why: why.clone(), remote: *remote };
    Err(Refusal { asked: asked.clone(), reason })
}
