//! Looking at callers' files, each look on a thread of its own: they may be on a server that has gone, and whoever serves goes on.
//!
//! A look that hangs keeps its thread, whatever became of the request: the kernel lets nobody take it back. So a caller has only
//! so many of them, and what they take leaves as much for others ([`Pool`]). The thread is made for the look where none has
//! just ended another ([`Lookers`]), by a call that can fail: where the system has none to give (`pids.max`), the one request is
//! told so.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::limits::Limits;
use crate::lookers::Lookers;
use crate::metrics::METRICS;
use crate::pool::{Full, Lease, Pool, Size, Tenant};
use crate::refuse::Refused;

/// So many at a time leave memory behind when they have ended.
const MANY: u64 = 16;

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    /// Others that do not end are in the way.
    #[error(
        "{0} earlier look-ups have not finished within {1} s, so hostward looks up nothing more for this caller; its \
         files may be on a server that does not answer"
    )]
    Busy(u64, u64),
    /// The files do not answer.
    #[error("looking at the calling container's files took longer than {0} s")]
    Late(u64),
    /// The system has no thread to look with.
    #[error("cannot start a thread to look at the calling container's files: {0}")]
    NoThread(io::Error),
    /// A mistake of Hostward's own.
    #[error("looking at the calling container's files failed; the log says why")]
    Failed,
}

/// Says that nobody waits any more. What looks asks now and then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Whether nobody waits any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// Cancels when whoever waits is gone: the client, or the time that it had.
struct Waiting(Cancel);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

tokio::task_local! {
    /// Whose looks those are that a task asks for.
    static TENANT: Tenant;
}

/// Does this for a caller: what is looked at meanwhile takes of its share.
pub(crate) async fn on_behalf_of<T>(tenant: Tenant, work: impl Future<Output = T>) -> T {
    TENANT.scope(tenant, work).await
}

/// For whom this task asks.
pub(crate) fn whose_looks() -> Tenant {
    TENANT.try_with(Tenant::clone).unwrap_or(Tenant::Machine)
}

/// All looks at callers' files.
#[derive(Debug)]
pub(crate) struct Lookups {
    pool: Arc<Pool>,
    ended: Arc<Notify>,
    patience: Mutex<Duration>,
    lookers: Arc<Lookers>,
}

/// The right to look. It is given back when the look has ended.
struct Slot {
    lease: Option<Lease>,
    ended: Arc<Notify>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.lease = None;
        self.ended.notify_waiters();
    }
}

impl Lookups {
    pub(crate) fn new(limits: &Limits) -> Self {
        let pool = Pool::new(["lookups", "lookups_per_caller"], MANY, size(limits));
        Self { pool, ended: Arc::default(), patience: Mutex::new(limits.lookup()), lookers: Arc::default() }
    }

    /// From now on these limits hold.
    pub(crate) fn resize(&self, limits: &Limits) {
        self.pool.resize(size(limits));
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) = limits.lookup();
    }

    /// As of a [`Pool`].
    pub(crate) fn usage(&self) -> (&'static str, u64, u64) {
        self.pool.usage()
    }

    /// Looks, for a caller.
    ///
    /// # Errors
    /// Files that do not answer in time, and where there is nobody to look.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        tenant: Tenant,
        work: impl FnOnce(&Cancel) -> T + Send + 'static,
    ) -> Result<T, LookError> {
        self.look_for(tenant, Duration::ZERO, work).await
    }

    /// Looks, where that may take so much longer.
    ///
    /// # Errors
    /// As with [`look`](Self::look).
    pub(crate) async fn look_for<T: Send + 'static>(
        &self,
        tenant: Tenant,
        longer: Duration,
        work: impl FnOnce(&Cancel) -> T + Send + 'static,
    ) -> Result<T, LookError> {
        let patience = *self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = patience.saturating_add(longer);
        let begun = Instant::now();
        let deadline = begun + patience;
        let slot = timeout_at(deadline, self.slot(tenant)).await;
        let slot = slot.map_err(|_| LookError::Busy(self.pool.taken(), patience.as_secs()))?;
        let waiting = Waiting(Cancel::default());
        let (cancel, runtime) = (waiting.0.clone(), Handle::current());
        let (done, outcome) = oneshot::channel();
        // What it says is said of the same request.
        let span = tracing::Span::current();
        let work = move || {
            let _slot = slot;
            let _runtime = runtime.enter();
            let looked = catch_unwind(AssertUnwindSafe(|| span.in_scope(|| work(&cancel))));
            // Whoever asked may have gone.
            let _ = done.send(looked);
        };
        self.lookers.start(Box::new(work)).map_err(LookError::NoThread)?;
        let outcome = timeout_at(deadline, outcome).await;
        METRICS.looked(begun.elapsed());
        match outcome {
            Ok(Ok(Ok(seen))) => Ok(seen),
            Ok(_) => Err(LookError::Failed),
            Err(_) => Err(LookError::Late(patience.as_secs())),
        }
    }

    /// Looks on behalf of whoever that is.
    ///
    /// # Errors
    /// As with [`look`](Self::look).
    pub(crate) async fn look_for_caller<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, LookError> {
        self.look(whose_looks(), move |_| work()).await
    }

    /// Waits until the caller may look.
    async fn slot(&self, tenant: Tenant) -> Slot {
        loop {
            let ended = self.ended.notified();
            match self.pool.take(tenant.clone(), 1) {
                Ok(lease) => return Slot { lease: Some(lease), ended: Arc::clone(&self.ended) },
                Err(Full { .. }) => ended.await,
            }
        }
    }
}

fn size(limits: &Limits) -> Size {
    let each = limits.lookups_per_caller;
    Size { most: limits.lookups, each, strangers: each }
}

impl From<LookError> for Refused {
    fn from(error: LookError) -> Self {
        let status = match error {
            LookError::Busy(..) | LookError::NoThread(_) => 503,
            LookError::Late(_) => 504,
            LookError::Failed => 500,
        };
        Self::new(status, format!("hostward: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookups(most: u64, each: u64, seconds: u64) -> Lookups {
        let limits =
            Limits { lookups: most, lookups_per_caller: each, lookup_seconds: seconds, ..Limits::default() };
        Lookups::new(&limits)
    }

    fn caller(n: u8) -> Tenant {
        Tenant::Address([10, 0, 0, n].into())
    }

    /// A look that hangs until its sender is dropped.
    fn hang() -> (std::sync::mpsc::Sender<()>, impl FnOnce(&Cancel) + Send + 'static) {
        let (sender, receiver) = std::sync::mpsc::channel();
        (sender, move |_: &Cancel| {
            let _ = receiver.recv();
        })
    }

    #[tokio::test(flavor = "current_thread")]
    async fn one_callers_hung_files_hold_up_nobody_else() {
        let lookups = lookups(8, 2, 1);
        let (holds, works): (Vec<_>, Vec<_>) = (0..3).map(|_| hang()).unzip();
        let mut works = works.into_iter();
        let mut next = || lookups.look(caller(1), works.next().unwrap());
        let (one, two) = tokio::join!(next(), next());
        assert!(matches!((one, two), (Err(LookError::Late(1)), Err(LookError::Late(1)))));
        // Its threads hang on, and it gets no more.
        assert!(matches!(next().await, Err(LookError::Busy(2, 1))));
        assert_eq!(lookups.look(caller(2), |_| 7).await.unwrap(), 7);
        drop(holds);
        assert_eq!(lookups.look(caller(1), |_| 8).await.unwrap(), 8);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_nobody_waits_for_is_told_so() {
        let lookups = lookups(8, 2, 20);
        let (told, tells) = std::sync::mpsc::channel();
        let look = lookups.look(caller(1), move |cancel: &Cancel| {
            while !cancel.is_cancelled() {
                std::thread::yield_now();
            }
            told.send(()).unwrap();
        });
        // The client goes.
        assert!(tokio::time::timeout(Duration::from_millis(50), look).await.is_err());
        tells.recv().unwrap();
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_look_that_fails_fails_alone() {
        let lookups = lookups(8, 2, 20);
        let failed = lookups.look(caller(1), |_| panic!("as if a mistake had been made")).await;
        assert!(matches!(failed, Err::<(), _>(LookError::Failed)));
        assert_eq!(lookups.look(caller(1), |_| 1).await.unwrap(), 1);
    }
}
