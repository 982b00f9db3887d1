//! Who reads what Hostward writes.

use crate::seal::Key;
use crate::view::View;

/// Who asks, and reads the answer.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// How it sees files.
    pub view: &'a View,
    /// Its container's id; empty where that is not known.
    pub caller: &'a str,
    /// What Hostward signs with.
    pub key: &'a Key,
}
