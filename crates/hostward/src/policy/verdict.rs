//! What becomes of a request that a profile allows: what is written into it.

/// A request is allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What the engine gets besides what was asked.
    pub amendments: Vec<Amendment>,
}

/// A member of a request's body that gets a value, in the place of one that it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amendment {
    /// The names of the members that lead to it, from the top: `["HostConfig", "Memory"]`.
    pub names: &'static [&'static str],
    /// The value, as JSON.
    pub json: String,
}

impl Amendment {
    pub(super) fn new(names: &'static [&'static str], json: impl std::fmt::Display) -> Self {
        Self { names, json: json.to_string() }
    }
}
