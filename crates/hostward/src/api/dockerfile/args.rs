//! What variables are before a build begins: by `ARG` before the first `FROM`, and by the request's `buildargs`.

use super::error::Unclear;
use super::expand::expand;
use crate::api::query::pairs;
use std::collections::BTreeMap;

/// What a request says that variables are. One without a value is what the engine's own environment would make of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildArgs(BTreeMap<String, Option<String>>);

impl BuildArgs {
    /// Those of a build's target; none where they cannot be read as the engine reads them.
    pub fn of(target: &[u8]) -> Option<Self> {
        let mut all = Self::default();
        for pair in pairs(target).filter(|pair| *pair.key == *b"buildargs" && !pair.value.is_empty()) {
            let args: Option<_> = serde_json::from_slice(&pair.value).ok()?;
            all = Self(args.unwrap_or_default());
        }
        Some(all)
    }
}

/// The variables that `FROM` can be made of.
pub(super) struct MetaArgs<'a> {
    given: &'a BuildArgs,
    declared: BTreeMap<String, MetaArg>,
}

/// What one is by its `ARG`.
#[derive(Debug, Clone)]
enum MetaArg {
    /// Nothing.
    Unset,
    /// This.
    Is(String),
    /// What nobody knows beforehand.
    Unknown,
}

impl<'a> MetaArgs<'a> {
    pub(super) fn new(given: &'a BuildArgs) -> Self {
        Self { given, declared: BTreeMap::new() }
    }

    /// Declares what an `ARG` says.
    pub(super) fn declare(&mut self, rest: &str, escape: char) {
        let words = words(rest, escape);
        let are_several = words.len() > 1;
        for word in words {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (&*word, None),
            };
            let is = match value {
                None => MetaArg::Unset,
                // Whether it sees those beside it depends on the version.
                Some(value) if are_several && value.contains('$') => MetaArg::Unknown,
                Some(value) => self.expand(value, escape).map_or(MetaArg::Unknown, MetaArg::Is),
            };
            self.declared.insert(name.to_owned(), is);
        }
    }

    /// A word with what its variables are.
    pub(super) fn expand(&self, word: &str, escape: char) -> Result<String, Unclear> {
        expand(word, escape, |name| self.value(name))
    }

    fn value(&self, name: &str) -> Result<Option<String>, Unclear> {
        let unknown = || Unclear::Variable(name.chars().take(100).collect());
        let declared = self.declared.get(name).ok_or_else(unknown)?;
        match (self.given.0.get(name), declared) {
            (Some(Some(given)), _) => Ok(Some(given.clone())),
            (Some(None), _) | (None, MetaArg::Unknown) => Err(unknown()),
            (None, MetaArg::Is(value)) => Ok(Some(value.clone())),
            (None, MetaArg::Unset) => Ok(None),
        }
    }
}

/// The words of an `ARG`, with their quotes and escapes: the parser's `parseWords`.
fn words(rest: &str, escape: char) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (quote, c) if c == escape && quote != Some('\'') => {
                let Some(next) = chars.next() else { continue };
                word.extend([c, next]);
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
