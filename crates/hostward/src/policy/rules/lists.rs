//! The rules that are a list: what one of its patterns matches is allowed.

use super::said::JudgedClaim;
use crate::policy::denial::Denial;
use crate::policy::pattern::Patterns;

/// A list of a profile, by the names that messages have for it.
pub(super) struct AllowList<'a> {
    pub(super) rule: &'static str,
    /// What one of it is called.
    pub(super) noun: &'static str,
    pub(super) key: &'static str,
    pub(super) patterns: &'a Patterns,
}

impl AllowList<'_> {
    /// A text. An empty one asks for nothing.
    pub(super) fn text(&self, judged: JudgedClaim<'_>) -> Result<(), Denial> {
        let text = judged.text();
        if judged.is_nothing() || self.patterns.matches(&text) { Ok(()) } else { Err(self.denied(judged)) }
    }

    /// A key and its value.
    pub(super) fn pair(&self, judged: JudgedClaim<'_>) -> Result<(), Denial> {
        let is_allowed = match &judged.claim.key {
            Some(key) => self.patterns.matches_pair(key, &judged.text()),
            None => self.patterns.matches(&judged.text()),
        };
        if is_allowed { Ok(()) } else { Err(self.denied(judged)) }
    }

    /// A list of options with commas between, each of which is allowed by itself.
    pub(super) fn options(&self, judged: JudgedClaim<'_>) -> Result<(), Denial> {
        let text = judged.text();
        let mut options = text.split(',').filter(|option| !option.is_empty());
        if options.all(|option| self.option(option)) { Ok(()) } else { Err(self.denied(judged)) }
    }

    fn option(&self, option: &str) -> bool {
        match option.split_once('=') {
            Some((key, value)) => self.patterns.matches_pair(key, value),
            None => self.patterns.matches(option),
        }
    }

    pub(super) fn denied(&self, judged: JudgedClaim<'_>) -> Denial {
        judged.denied(
            self.rule,
            format_args!("the {} {}", self.noun, judged.shown()),
            self.patterns,
            self.key,
        )
    }
}
