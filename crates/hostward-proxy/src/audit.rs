//! Every decision can be read back: a line for each request that names paths, written when its answer has come.
//!
//! Which are written is a setting: those that change nothing, and those of processes of the host, on request only. Where they
//! are written is another, which no filter of the log touches.

mod journal;
mod line;
mod sink;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hostward::api::endpoint::Endpoint;

use crate::answer::Answered;
use crate::caller::Caller;
use crate::decision::{Decision, HostProcess, Ruling};
use crate::metrics::METRICS;
use crate::request_id::RequestId;
use crate::settings::{AuditSettings, AuditTo};
use journal::{Journal, Trouble};
pub(crate) use sink::Sink;

/// Who is told of decisions.
#[derive(Debug, Default)]
pub(crate) struct Audit(Mutex<AuditState>);

#[derive(Debug, Default)]
struct AuditState {
    settings: AuditSettings,
    /// What writes, since something was first to be written.
    journal: Option<Journal>,
}

/// When a request came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived {
    id: RequestId,
    time: SystemTime,
    begun: Instant,
}

/// A request of which something is decided.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) arrived: Arrived,
    pub(crate) caller: Caller,
    pub(crate) endpoint: Endpoint,
    /// Method and target.
    pub(crate) request: String,
}

/// A decision whose answer has not come yet. Dropping it has it written as it is: the client or the proxy has gone.
#[derive(Debug)]
pub(crate) struct Pending {
    audit: Arc<Audit>,
    begun: Instant,
    decision: Option<Decision>,
}

/// How the audit does, for those who watch.
#[derive(Debug)]
pub(crate) struct AuditHealth {
    pub(crate) to: AuditTo,
    pub(crate) trouble: Trouble,
}

impl Audit {
    /// Follows these settings from now on; `sink` is what they name, open.
    ///
    /// # Errors
    /// Where the system has no thread to write with.
    pub(crate) fn turn_to(&self, settings: &AuditSettings, sink: Option<Sink>) -> io::Result<()> {
        let mut state = self.state();
        if state.journal.is_none() && sink.is_some() {
            state.journal = Some(Journal::start()?);
        }
        if let Some(journal) = &state.journal {
            journal.turn_to(sink);
        }
        state.settings = settings.clone();
        Ok(())
    }

    pub(crate) fn health(&self) -> AuditHealth {
        let state = self.state();
        let trouble = state.journal.as_ref().map(Journal::trouble).unwrap_or_default();
        AuditHealth { to: state.settings.to.clone(), trouble }
    }

    /// A decision to be written once its answer has come. `process` is asked where the caller is a process of the host.
    pub(crate) fn decided(
        self: &Arc<Self>,
        judged: Judged,
        verdict: Ruling,
        process: impl FnOnce() -> Option<HostProcess>,
    ) -> Option<Pending> {
        METRICS.decided(verdict.name(), verdict.translated());
        let Judged { arrived: Arrived { id, time, begun }, caller, endpoint, request } = judged;
        if !self.state().settings.wants(&verdict) {
            return None;
        }
        let process = if matches!(caller, Caller::Host) { process() } else { None };
        let (status, created, took) = (None, None, Duration::ZERO);
        let decision =
            Decision { id, time, caller, process, endpoint, request, verdict, status, created, took };
        Some(Pending { audit: Arc::clone(self), begun, decision: Some(decision) })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, AuditState> {
        // Nothing in here leaves it half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditSettings {
    fn wants(&self, verdict: &Ruling) -> bool {
        let is_asked = match verdict {
            Ruling::Passed => self.host,
            Ruling::Forwarded(forwarded) => {
                self.unchanged || !forwarded.paths.is_empty() || forwarded.warned.is_some()
            }
            Ruling::Refused(_) => true,
        };
        is_asked && self.to != AuditTo::Off
    }
}

impl Arrived {
    /// Its head has just been read.
    pub(crate) fn now(id: RequestId) -> Self {
        Self { id, time: SystemTime::now(), begun: Instant::now() }
    }
}

impl Pending {
    /// The client has this answer.
    pub(crate) fn answered(mut self, answered: &Answered) {
        if let Some(decision) = &mut self.decision {
            (decision.status, decision.created) = (answered.status, answered.created.clone());
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(mut decision) = self.decision.take() else { return };
        decision.took = self.begun.elapsed();
        if let Some(journal) = &self.audit.state().journal {
            journal.add(decision);
        }
    }
}

#[cfg(test)]
mod tests;
