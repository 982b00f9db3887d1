//! One check of `hostward doctor`, and how it is shown.

use std::fmt::Write;

use serde::Serialize;

use crate::limits::{Told, by_what_is_seen};
use crate::report::Failure;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: Outlook,
    pub(super) text: String,
    pub(super) remedies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) limits: Vec<Told>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outlook {
    Ok,
    /// Worth knowing, and not wrong.
    Note,
    Wrong,
}

impl Check {
    pub(super) fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, state: Outlook::Ok, text: text.into(), remedies: Vec::new(), limits: Vec::new() }
    }

    pub(super) fn note(name: &'static str, text: impl Into<String>, remedy: &str) -> Self {
        Self { state: Outlook::Note, remedies: vec![remedy.to_owned()], ..Self::ok(name, text) }
    }

    pub(super) fn wrong(name: &'static str, text: impl Into<String>, remedies: &[String]) -> Self {
        Self { state: Outlook::Wrong, remedies: remedies.to_vec(), ..Self::ok(name, text) }
    }

    pub(super) fn failed(name: &'static str, failure: &Failure) -> Self {
        Self::wrong(name, failure.message(), failure.hints())
    }
}

pub(super) fn shown(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { name, state, text: what, remedies, limits } in checks {
        let mark = match state {
            Outlook::Ok => "ok   ",
            Outlook::Note => "note ",
            Outlook::Wrong => "WRONG",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{mark}  {name:<8} {what}");
        for remedy in remedies {
            let _ = writeln!(text, "       {:<8} → {remedy}", "");
        }
        for line in by_what_is_seen(limits) {
            let _ = writeln!(text, "       {:<8} {line}", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_stands_on_its_own_line() {
        let checks = [Check::ok("engine", "fine"), Check::wrong("caller", "lost", &["look".to_owned()])];
        let text = shown(&checks);
        assert_eq!(text, "ok     engine   fine\nWRONG  caller   lost\n                → look\n");
    }
}
