//! A mistake in a configuration file, shown where it is.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fmt;
use std::ops::Range;
use std::path::Path;

/// A mistake and its place, counted from 1 as editors do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    message: String,
    line: usize,
    column: usize,
    /// The line of the file, and how much of it is meant.
    text: String,
    width: usize,
}

impl Mistake {
    pub(super) fn at(text: &str, message: &str, span: Range<usize>) -> Self {
        let start = span.start.min(text.len());
        let before = text.get(..start).unwrap_or_default();
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text[begin..].lines().next().unwrap_or_default();
        let meant = text.get(start..span.end.min(begin + line.len())).unwrap_or_default();
        Self {
            message: message.to_owned(),
            line: before.matches('\n').count() + 1,
            column: text[begin..start].chars().count() + 1,
            text: line.to_owned(),
            width: meant.chars().count().max(1),
        }
    }

    /// The mistake as compilers write it: `FILE:LINE:COLUMN`, then the line with the place beneath it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        format!("{}:{}:{}: {self}", path.display(), self.line, self.column)
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs are kept, so that the marks stand beneath what they mark.
        let blank = |c: char| if c == '\t' { '\t' } else { ' ' };
        let indent: String = self.text.chars().take(self.column - 1).map(blank).collect();
        writeln!(f, "{}", self.message.trim_end())?;
        writeln!(f, "{margin} |\n{number} | {}", self.text)?;
        write!(f, "{margin} | {indent}{}", "^".repeat(self.width))
    }
}
