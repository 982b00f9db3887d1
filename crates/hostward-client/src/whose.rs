//! Whose paths are meant, by the user's word.

use hostward::explicit::{Map, Missing, Unmapped};
use hostward_engine::select::Selector;

/// Whose paths are meant. The default is this process, about which the user says nothing.
#[derive(Debug, Clone, Default)]
pub struct WhosePaths {
    /// The container, where it is not this process's own.
    pub container: Option<Selector>,
    /// What the user says of paths: it wins over all that is found out (T15).
    pub maps: Vec<Map>,
    /// What a path is that nothing maps, where the user says that (T17).
    pub unmapped: Option<Unmapped>,
    /// What happens to what is missing in the root filesystem, where the user says that (T10).
    pub missing: Option<Missing>,
}
