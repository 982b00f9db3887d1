//! What is wrong with a configuration, all of it, each shown where it is.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use crate::report::Failure;

/// A place in the file's text.
pub(crate) type Span = Range<usize>;

/// A configuration file as it was read. Empty where there is none: then only flags and variables can be wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    message: String,
    /// Where; nowhere in the file, if a flag or a variable says it.
    span: Option<Span>,
}

/// All that is wrong with a configuration.
#[derive(Debug)]
pub(crate) struct Mistakes {
    source: SourceFile,
    all: Vec<Mistake>,
    /// Where the text is no TOML: what is read there says nothing.
    broken: Vec<usize>,
    hints: Vec<String>,
}

impl SourceFile {
    /// The text of a place, as far as its line goes.
    pub(super) fn text(&self, span: &Span) -> &str {
        self.text.get(span.clone()).and_then(|text| text.lines().next()).unwrap_or_default()
    }

    /// The place of the whole line that this one begins in.
    pub(super) fn line(&self, at: usize) -> Span {
        let (before, after) = self.text.split_at_checked(at).unwrap_or((&self.text, ""));
        let begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        begin..before.len() + after.find('\n').unwrap_or(after.len())
    }
}

impl Mistakes {
    /// None so far.
    pub(crate) fn of(source: SourceFile) -> Self {
        Self { source, all: Vec::new(), broken: Vec::new(), hints: Vec::new() }
    }

    pub(super) fn source(&self) -> &SourceFile {
        &self.source
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn note(&mut self, message: impl fmt::Display, span: Option<Span>) {
        let mistake = Mistake { message: message.to_string(), span };
        // Two flags may say the same.
        if !self.all.contains(&mistake) {
            self.all.push(mistake);
        }
    }

    /// Notes why a command would fail, with what to do about it.
    pub(crate) fn note_failure(&mut self, failure: &Failure, span: Option<Span>) {
        self.note(failure.message(), span);
        for hint in failure.hints() {
            if !self.hints.contains(hint) {
                self.hints.push(hint.clone());
            }
        }
    }

    /// Notes what makes the text no TOML.
    pub(super) fn note_syntax(&mut self, message: impl fmt::Display, span: Span) {
        self.broken.push(span.start);
        self.note(message, Some(span));
    }

    /// Whether the text is no TOML there.
    pub(super) fn is_broken(&self, place: &Span) -> bool {
        self.broken.iter().any(|at| (place.start..=place.end).contains(at))
    }

    /// The result, if nothing is wrong.
    pub(crate) fn or<T>(self, result: T) -> Result<T, Self> {
        if self.is_empty() { Ok(result) } else { Err(self) }
    }

    /// A failure, with what to do about these.
    pub(crate) fn hinted(&self, failure: Failure) -> Failure {
        self.hints.iter().fold(failure, Failure::hint)
    }

    /// A mistake as compilers write it: `FILE:LINE:COLUMN`, then the line with the place beneath it.
    fn shown(&self, mistake: &Mistake, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake { message, span } = mistake;
        let Some(span) = span else { return f.write_str(message) };
        let SourceFile { path, text } = &self.source;
        let line = self.source.line(span.start);
        let before = text.get(line.start..span.start).unwrap_or_default();
        let number = text[..line.start].matches('\n').count() + 1;
        let width = text.get(span.start..span.end.min(line.end)).map_or(0, |meant| meant.chars().count());
        writeln!(f, "{}:{number}:{}: {}", path.display(), before.chars().count() + 1, message.trim_end())?;
        let margin = " ".repeat(number.to_string().len());
        // Tabs are kept, so that the marks stand beneath what they mark.
        let indent: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        writeln!(f, "{margin} |\n{number} | {}", text[line].trim_end())?;
        write!(f, "{margin} | {indent}{}", "^".repeat(width.max(1)))
    }
}

impl fmt::Display for Mistakes {
    /// In the order of the file; those of flags and variables at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all: Vec<_> = self.all.iter().collect();
        all.sort_by_key(|one| one.span.as_ref().map_or(usize::MAX, |span| span.start));
        for (at, mistake) in all.into_iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "\n\n" })?;
            self.shown(mistake, f)?;
        }
        Ok(())
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        mistakes.hinted(Failure::usage(&mistakes))
    }
}
