//! Every decision can be read back: a line of the target `audit` for each judged request.
//!
//! It names paths and nothing else of a body, which holds the secrets of `Env` as well.

use std::fmt::Display;

use hostward::plan::Give;

use crate::identify::Caller;
use crate::refuse::Refused;
use crate::sight::Change;

/// A judged request was forwarded.
pub(crate) fn forwarded(caller: &Caller, request: &str, changes: &[Change]) {
    if changes.is_empty() {
        tracing::info!(target: "audit", %caller, request, decision = "unchanged");
        return;
    }
    let line = |decision, before: &dyn Display, after: &Give, read_only| {
        tracing::info!(target: "audit", %caller, request, decision, %before, %after, read_only);
    };
    for Change { asked, given, .. } in changes {
        line("translated", asked, &given.source, given.read_only);
        for beneath in &given.beneath {
            line("brought along", &beneath.at, &beneath.source, beneath.read_only);
        }
    }
}

/// A judged request was refused.
pub(crate) fn refused(caller: &Caller, request: &str, refused: &Refused) {
    let (status, reason) = (refused.status, &refused.message);
    tracing::info!(target: "audit", %caller, request, decision = "refused", status, reason);
}
