//! What a request changes on its way to the engine.

use hostward::path::AskedPath;
use hostward::plan::{Given, Wish};
use hostward::reading::Words;
use hostward::walk::Resolved;

/// A path for which the engine is given something else.
#[derive(Debug)]
pub struct Change {
    /// The path as it was asked.
    pub asked: AskedPath,
    /// Whose it is.
    pub words: Words,
    /// Where it leads.
    pub resolved: Resolved,
    /// What the request wants of it.
    pub wish: Wish,
    /// What the engine is given.
    pub given: Given,
}
