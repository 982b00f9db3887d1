//! A place in a request's body where a path of the host stands.

use super::json::BodyError;
use crate::path::{AskedPath, MOST_BYTES, PathError};
use crate::plan::{Covered, Wish};

/// A place in a body where a path stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The path.
    pub asked: AskedPath,
    /// What the request wants of it.
    pub wish: Wish,
}

/// What is wanted of a path at which the engine looks, and mounts nothing.
pub(super) const PATH_ALONE: Wish = Wish {
    recursive: false,
    creates: false,
    read_only: false,
    // Who mounts it does that by mount(2), which knows of read-only no more than the mount itself.
    writable_beneath: true,
    plain: false,
    longest: MOST_BYTES,
    covered: Covered::nothing(),
};

/// The path that stands at `place`.
///
/// # Errors
/// A text that is no path.
pub(super) fn path(place: String, text: &str) -> Result<AskedPath, BodyError> {
    AskedPath::parse(text.as_bytes()).map_err(|error| match error {
        // Megabytes of it would tell nobody anything.
        PathError::TooLong => BodyError::Path(place, format!("a path {error}")),
        PathError::Empty | PathError::Relative | PathError::Nul => {
            BodyError::Path(place, format!("{text:?} {error}"))
        }
    })
}
