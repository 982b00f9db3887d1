//! What is said of something that happens again and again.

use std::time::{Duration, Instant};

/// How often it is said.
const EVERY: Duration = Duration::from_mins(1);

/// When something was last said.
#[derive(Debug, Default)]
pub(super) struct SaidOften(Option<Instant>);

impl SaidOften {
    /// Whether it is to be said now, which then it is.
    pub(super) fn is_due(&mut self) -> bool {
        let due = self.0.is_none_or(|last| last.elapsed() > EVERY);
        if due {
            self.0 = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_said_is_not_due() {
        let mut said = SaidOften::default();
        assert!(said.is_due());
        assert!(!said.is_due());
    }
}
