//! What rules say of a claim that a profile does not allow, in one voice.

use std::fmt;

use crate::policy::claim::{Claim, Said};
use crate::policy::denial::Denial;
use crate::policy::profile::Profile;

/// So much of what was asked is repeated.
const MOST_SHOWN: usize = 120;

/// A claim, judged by a profile.
#[derive(Debug, Clone, Copy)]
pub(super) struct JudgedClaim<'a> {
    pub(super) profile: &'a Profile,
    pub(super) claim: &'a Claim,
}

impl<'a> JudgedClaim<'a> {
    /// What it says, as text: a number or a switch as it is written.
    pub(super) fn text(self) -> String {
        match &self.claim.said {
            Said::Text(text) => text.clone(),
            Said::Flag(flag) => flag.to_string(),
            Said::Number(number) => number.to_string(),
            Said::Present => String::new(),
        }
    }

    /// The name that it is said for, where the field is a map.
    pub(super) fn key(self) -> &'a str {
        self.claim.key.as_deref().unwrap_or_default()
    }

    /// Whether nothing is asked for: no text, 0, or a switch that is off.
    pub(super) fn is_nothing(self) -> bool {
        match &self.claim.said {
            Said::Text(text) => text.is_empty(),
            Said::Flag(flag) => !flag,
            Said::Number(number) => *number == 0,
            Said::Present => false,
        }
    }

    /// A denial: `subject` is not allowed, `allowed` is, by this key of the profile.
    pub(super) fn denied(
        self,
        rule: &'static str,
        subject: impl fmt::Display,
        allowed: impl fmt::Display,
        key: &str,
    ) -> Denial {
        let what = format!(
            "{}{subject} is not allowed; the profile {:?} allows {allowed}",
            self.place(),
            self.profile.name
        );
        Denial::new(rule, what, format_args!("leave it out, or add it to `{key}` of the profile"))
    }

    /// A denial of a switch that a profile has turned off.
    pub(super) fn forbidden(self, rule: &'static str, subject: impl fmt::Display, remedy: &str) -> Denial {
        let what = format!("{}{subject} is not allowed by the profile {:?}", self.place(), self.profile.name);
        Denial::new(rule, what, remedy)
    }

    /// What was asked for, as a short quotation.
    pub(super) fn shown(self) -> String {
        let text = self.text();
        match &self.claim.key {
            Some(key) if text.is_empty() => quoted(key),
            Some(key) => quoted(&format!("{key}={text}")),
            None => quoted(&text),
        }
    }

    fn place(self) -> String {
        let place = &self.claim.place;
        if place.is_empty() { String::new() } else { format!("{place}: ") }
    }
}

/// A text in quotes, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((at, _)) => format!("{:?}…", &text[..at]),
        None => format!("{text:?}"),
    }
}
