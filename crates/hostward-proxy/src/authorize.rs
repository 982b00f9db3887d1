//! Step 5: may this caller have these paths?
//!
//! Without a policy the one rule is that nobody unknown names a path, save what an explicit map says.

use hostward::origin::Origin;
use hostward::plan;
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
    if let Who::Unknown { why, remote } = &guest.who {
        let unmapped = resolved.sites().find(|(site, reading)| {
            !matches!(
                plan::meaning(&site.asked, &reading.resolved, guest.sight.view()),
                Origin::Mapped { .. }
            )
        });
        if let Some((site, _)) = unmapped {
            let reason = Reason::Stranger { why: why.clone(), remote: *remote };
            return Err(Refusal { asked: site.asked.clone(), reason }.into());
        }
    }
    Ok(Permit(resolved))
}
