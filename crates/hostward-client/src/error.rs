//! Why nothing could be found out about a caller's paths.

use hostward::refusal::Reason;
use hostward_engine::about::ExplainError;
use hostward_engine::address::Address;
use hostward_engine::ask::AskError;
use hostward_engine::discover::DiscoverError;
use hostward_engine::select::SelectError;

/// Why nothing could be found out.
#[derive(Debug, thiserror::Error)]
pub enum ViewpointError {
    /// The engine does not answer as it should.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It is not known where this process runs.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// No container is meant.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// Hostward does not explain paths.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// The files cannot be looked at.
    #[error("{0}")]
    Unseen(Reason),
    /// Looking at the files failed.
    #[error("{0}")]
    Failed(String),
    /// Another container was named, and the engine's answers come through Hostward.
    #[error(
        "--for needs the engine itself: hostward stands before it at {0}, and answers in this container's own paths"
    )]
    Behind(Address),
}
