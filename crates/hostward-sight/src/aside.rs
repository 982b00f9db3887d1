//! Looking at files on a thread of its own, for programs that have one caller at most.

use std::time::Duration;

/// The longest that looking at a caller's files may take.
const LOOK_LIMIT: Duration = Duration::from_secs(30);

/// Looks at a caller's files on a thread of its own: they may be on a server that has gone, and the other connections
/// go on.
///
/// # Errors
/// Files that do not answer in time.
pub async fn look<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    // What it says is said of the same request.
    let span = tracing::Span::current();
    let looking = tokio::task::spawn_blocking(move || span.in_scope(work));
    match tokio::time::timeout(LOOK_LIMIT, looking).await {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(error)) => Err(format!("looking at the calling container's files failed: {error}")),
        Err(_) => Err(format!(
            "looking at the calling container's files took longer than {} s",
            LOOK_LIMIT.as_secs()
        )),
    }
}
