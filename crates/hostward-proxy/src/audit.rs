//! Every decision can be read back: a line of the target `audit` for each judged request.
//!
//! It names paths and nothing else of a body, which holds the secrets of `Env` as well.

use crate::identify::Caller;
use crate::refuse::Refused;
use hostward::api::answer::Restore;

/// A judged request was forwarded.
pub(crate) fn forwarded(caller: &Caller, request: &str, changes: &Restore) {
    if changes.is_empty() {
        tracing::info!(target: "audit", %caller, request, decision = "unchanged");
        return;
    }
    for (engine, asked) in changes.pairs() {
        tracing::info!(target: "audit", %caller, request, decision = "translated", before = %asked, after = %engine);
    }
}

/// A judged request was refused.
pub(crate) fn refused(caller: &Caller, request: &str, refused: &Refused) {
    let (status, reason) = (refused.status, &refused.message);
    tracing::info!(target: "audit", %caller, request, decision = "refused", status, reason);
}
