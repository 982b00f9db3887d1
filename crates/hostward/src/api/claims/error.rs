//! Why a request cannot be judged.

use crate::api::context::BuildContextError;
use crate::api::dockerfile::DockerfileError;
use crate::api::json::BodyError;

/// Why a request cannot be judged: engines may read it differently, or it says what no rule knows.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The body, by its form.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A field of the body that is not in the table.
    #[error(
        "{0} in the request's body is no field that hostward knows, and under a profile only those it knows are passed on; leave it out"
    )]
    UnknownField(String),
    /// A field that no profile permits.
    #[error("{place} is not permitted under a profile: {reason}")]
    Refused {
        /// Where it stands.
        place: String,
        /// Why it is not.
        reason: &'static str,
    },
    /// A key of the query that is not in the table.
    #[error(
        "{0:?} in the request's query is no key that hostward knows, and under a profile only those it knows are passed on; leave it out"
    )]
    UnknownKey(String),
    /// A query that engines may read differently.
    #[error("the request's query {0}, which engines may read differently")]
    Query(String),
    /// A text that is not of its form.
    #[error("{place} is {text:?}, which is not {wanted}")]
    Text {
        /// Where it stands.
        place: String,
        /// What it says, cut where it is long.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// Instructions that cannot be judged.
    #[error(transparent)]
    Dockerfile(#[from] DockerfileError),
    /// A build's archive that cannot be judged.
    #[error(transparent)]
    Context(#[from] BuildContextError),
    /// A body that is read as a part of the query.
    #[error(
        "the request's body is a form, whose values engines take before the query's; send them in the query alone"
    )]
    Form,
    /// More claims than anybody makes.
    #[error("the request asks for more than {0} things, which is hostward's limit")]
    Many(usize),
}

impl ClaimError {
    /// The status to answer with: 400 where it cannot be read exactly, 403 where it is read and not permitted, 413 where
    /// it is too much.
    pub fn status(&self) -> u16 {
        match self {
            Self::Body(error) if error.is_too_much() => 413,
            Self::Many(_) => 413,
            Self::Context(error) => error.status(),
            Self::Body(_) | Self::Query(_) | Self::Text { .. } | Self::Dockerfile(_) | Self::Form => 400,
            Self::UnknownField(_) | Self::UnknownKey(_) | Self::Refused { .. } => 403,
        }
    }

    /// A text that is not of its form.
    pub(super) fn text(place: &(impl ToString + ?Sized), text: &str, wanted: &'static str) -> Self {
        let text = text.chars().take(100).collect();
        Self::Text { place: place.to_string(), text, wanted }
    }
}
