//! How something may be mounted.

/// How something may be mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountAccess {
    /// As the request says.
    AsAsked,
    /// Read-only, whatever the request says.
    ReadOnly,
}
