//! Words as the builder's shell (`buildkit/frontend/dockerfile/shell`) reads them: quotes, escapes and variables.

use super::error::Unclear;

/// No image has a longer name, with all variables of which it is made.
const LONGEST: usize = 4096;

/// So many variables can be in one another.
const DEEPEST: usize = 8;

/// What is known of a word that may have variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expanded {
    /// All of it: it has none.
    Whole(String),
    /// What is before the first.
    Beginning(String),
}

/// What a word begins with, without its quotes and escapes. Where a quote does not end, the engine refuses the word.
pub(super) fn literal_beginning(word: &str, escape: char) -> Expanded {
    let (mut text, mut quote) = (String::new(), None);
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), c) => text.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (_, '$') => return Expanded::Beginning(text),
            (None, c) if c == escape => text.extend(chars.next()),
            (Some(_), c) if c == escape => match chars.peek() {
                Some(&next) if next == '"' || next == '$' || next == escape => text.extend(chars.next()),
                _ => text.push(c),
            },
            (_, c) => text.push(c),
        }
    }
    Expanded::Whole(text)
}

/// A word with what its variables are.
///
/// # Errors
/// Forms that not all engines read alike, and variables of which `value` does not know what they are.
pub(super) fn expand(
    word: &str,
    escape: char,
    value: impl Fn(&str) -> Result<Option<String>, Unclear>,
) -> Result<String, Unclear> {
    Shell { word, rest: word, escape, value, depth: 0 }.until(None)
}

/// A word that is being read.
struct Shell<'a, V> {
    word: &'a str,
    rest: &'a str,
    escape: char,
    value: V,
    /// How many variables it is within.
    depth: usize,
}

impl<'a, V: Fn(&str) -> Result<Option<String>, Unclear>> Shell<'a, V> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn unclear(&self) -> Unclear {
        Unclear::Form(self.word.chars().take(100).collect())
    }

    /// What there is up to this character, or to the end.
    fn until(&mut self, stop: Option<char>) -> Result<String, Unclear> {
        let (mut text, mut quote) = (String::new(), None);
        while let Some(c) = self.next() {
            if text.len() > LONGEST {
                return Err(self.unclear());
            }
            match (quote, c) {
                (Some('\''), '\'') | (Some('"'), '"') => quote = None,
                (Some('\''), c) => text.push(c),
                (None, c) if Some(c) == stop => return Ok(text),
                (None, '\'' | '"') => quote = Some(c),
                (_, '$') => text.push_str(&self.variable()?),
                (None, c) if c == self.escape => text.extend(self.next()),
                (Some(_), c) if c == self.escape => match self.rest.chars().next() {
                    Some(next) if next == '"' || next == '$' || next == self.escape => {
                        text.extend(self.next());
                    }
                    _ => text.push(c),
                },
                (_, c) => text.push(c),
            }
        }
        if stop.is_some() || quote.is_some() { Err(self.unclear()) } else { Ok(text) }
    }

    /// What stands behind a `$`.
    fn variable(&mut self) -> Result<String, Unclear> {
        if let Some(rest) = self.rest.strip_prefix('{') {
            self.rest = rest;
            let name = self.name()?;
            if let Some(rest) = self.rest.strip_prefix('}') {
                self.rest = rest;
                return Ok((self.value)(name)?.unwrap_or_default());
            }
            let modifier = self.rest.strip_prefix(":-").map(|rest| ('-', rest));
            let modifier = modifier.or_else(|| self.rest.strip_prefix(":+").map(|rest| ('+', rest)));
            let Some((modifier, rest)) = modifier else { return Err(self.unclear()) };
            self.rest = rest;
            let value = (self.value)(name)?.filter(|value| !value.is_empty());
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(self.unclear());
            }
            let word = self.until(Some('}'))?;
            self.depth -= 1;
            return Ok(match modifier {
                '-' => value.unwrap_or(word),
                _ => value.map(|_| word).unwrap_or_default(),
            });
        }
        let name = self.name()?;
        Ok((self.value)(name)?.unwrap_or_default())
    }

    /// The name of a variable. What goes on with letters of other scripts is a longer name to the engine, and what begins with a
    /// digit is none.
    fn name(&mut self) -> Result<&'a str, Unclear> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !is_name || rest.starts_with(|c: char| !c.is_ascii()) {
            return Err(self.unclear());
        }
        self.rest = rest;
        Ok(name)
    }
}
