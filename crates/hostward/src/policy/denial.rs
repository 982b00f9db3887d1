//! Why a profile does not allow something: in the caller's words, with what is allowed and what to do.
//!
//! A denial never names a path of the host, nor anything of somebody else's: the caller that reads it may be an attacker.

use std::fmt;

/// A request that a profile does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Which rule it was, for programs: `privileged`, `capability`, `mount` … They are listed in docs/policy.md.
    pub rule: &'static str,
    /// The status that the client gets.
    pub status: u16,
    /// What was asked, and what is allowed instead.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Denial {
    /// A denial with the status that all have which are no question of whether something is there.
    pub fn new(rule: &'static str, what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self { rule, status: 403, what: what.to_string(), remedy: remedy.to_string() }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Denial {}
