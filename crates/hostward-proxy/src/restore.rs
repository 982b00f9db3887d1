//! The engine's answer in the caller's words.

use hostward::api::answer;

/// What of an answer has to be put into the caller's words.
#[derive(Debug, Default)]
pub(crate) struct Restore(answer::Restore);

impl Restore {
    /// Whether an answer of this status may need it. All others pass through without being held.
    pub(crate) fn wants(&self, status: u16) -> bool {
        status >= 400 && !self.0.is_empty()
    }

    /// The body in the caller's words; `None` where nothing changes.
    pub(crate) fn rewrite(&self, body: &[u8]) -> Option<Vec<u8>> {
        self.0.message(body)
    }
}

impl From<answer::Restore> for Restore {
    fn from(restore: answer::Restore) -> Self {
        Self(restore)
    }
}
