//! Every decision can be read back: a line of the target `audit` for each judged request.

use crate::identify::Caller;
use crate::refuse::Refused;

/// A longer body is cut in the line.
const MAX_SHOWN: usize = 8 << 10;

/// A judged request was forwarded.
pub(crate) fn forwarded(caller: &Caller, request: &str, before: &[u8], after: &[u8]) {
    if !tracing::enabled!(target: "audit", tracing::Level::INFO) {
        return;
    }
    if before == after {
        tracing::info!(target: "audit", %caller, request, decision = "unchanged");
    } else {
        let (before, after) = (shown(before), shown(after));
        tracing::info!(target: "audit", %caller, request, decision = "translated", before, after);
    }
}

/// A judged request was refused.
pub(crate) fn refused(caller: &Caller, request: &str, refused: &Refused) {
    let (status, reason) = (refused.status, &refused.message);
    tracing::info!(target: "audit", %caller, request, decision = "refused", status, reason);
}

fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(MAX_SHOWN)]).trim_end().to_owned()
}
