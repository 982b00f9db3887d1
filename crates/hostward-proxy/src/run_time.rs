//! Containers that may run for so long and no longer, as their profile says: what runs longer is killed.
//!
//! Nothing is kept of them here. The engine says which run and since when, so that a Hostward that starts again goes on where
//! the one before has ended.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hostward::policy::ownership::Ownership;
use hostward::seal::Key;
use hostward_engine::client::{self, PATIENCE};
use hostward_engine::list;
use tokio::task::JoinHandle;

use crate::identify::{Containers, IdentifyError};
use crate::profiles::ProfileBook;

/// How long nothing is looked at where nothing is due.
const AT_MOST: Duration = Duration::from_mins(1);
/// And between two looks in any case: an engine that is busy stays able to do something else.
const AT_LEAST: Duration = Duration::from_secs(1);

/// Kills what has run for too long, until it is dropped.
#[derive(Debug)]
pub(crate) struct RunTimes(JoinHandle<()>);

impl Drop for RunTimes {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RunTimes {
    /// Where a profile has such a bound.
    pub(crate) fn of(containers: Containers, book: ProfileBook, key: Arc<Key>) -> Option<Self> {
        let is_bound = book.now().iter().any(|profile| profile.run_time.is_some());
        is_bound.then(|| Self(tokio::spawn(watch(containers, book, key))))
    }
}

async fn watch(containers: Containers, book: ProfileBook, key: Arc<Key>) {
    let mut changes = containers.changes();
    loop {
        let next = match end_what_is_due(&containers, &book, &key).await {
            Ok(next) => next,
            Err(error) => {
                tracing::debug!(%error, "which containers run for too long is unknown");
                AT_MOST
            }
        };
        tokio::time::sleep(AT_LEAST).await;
        tokio::select! {
            () = tokio::time::sleep(next.min(AT_MOST)) => {}
            told = changes.changed() => if told.is_err() { return },
        }
    }
}

/// Kills what has run for too long; gives how long it is until the next is due.
async fn end_what_is_due(
    containers: &Containers,
    book: &ProfileBook,
    key: &Key,
) -> Result<Duration, IdentifyError> {
    let profiles = book.now();
    let mut next = AT_MOST;
    for (id, _) in list::with_label(containers.engine(), Ownership::LABEL).await? {
        let Some(container) = containers.find(id.as_str()).await? else { continue };
        let profile = container.ownership(key).and_then(|one| profiles.named(&one.profile).cloned());
        let bound = profile.as_ref().filter(|profile| profile.is_enforced());
        let most = bound.and_then(|profile| profile.run_time).and_then(|bound| bound.most.or(bound.default));
        let (Some(most), Some(started)) = (most, container.started) else { continue };
        let most = Duration::from_secs(u64::try_from(most).unwrap_or_default());
        let ran = SystemTime::now().duration_since(started).unwrap_or_default();
        if let Some(left) = most.checked_sub(ran).filter(|left| !left.is_zero()) {
            next = next.min(left);
            continue;
        }
        let path = format!("/containers/{}/kill", id.as_str());
        let killed = client::post(containers.engine(), &path, "", PATIENCE).await;
        match killed {
            // 409: it has ended meanwhile.
            Ok(answer) if matches!(answer.status, 204 | 404 | 409) => {
                tracing::warn!(
                    container = container.name,
                    seconds = most.as_secs(),
                    "ended: it ran for too long"
                );
            }
            Ok(answer) => {
                tracing::warn!(container = container.name, answer.status, "ran for too long, and goes on");
            }
            Err(error) => tracing::warn!(container = container.name, %error, "ran for too long, and goes on"),
        }
        containers.forget(id.as_str());
    }
    Ok(next)
}
