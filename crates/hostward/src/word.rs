//! Settings that are one word of a few.

use std::fmt;

/// A word that is none of those that a setting knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    word: String,
    known: Vec<&'static str>,
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = self.known.iter().map(|word| format!("{word:?}")).collect();
        write!(f, "unknown value {:?} (expected {})", self.word, known.join(" or "))
    }
}

impl std::error::Error for UnknownWord {}

/// What the word stands for.
pub(crate) fn one_of<T, const N: usize>(word: &str, known: [(&'static str, T); N]) -> Result<T, UnknownWord> {
    let names = known.each_ref().map(|(name, _)| *name).to_vec();
    let found = known.into_iter().find(|(name, _)| *name == word);
    found.map(|(_, meaning)| meaning).ok_or_else(|| UnknownWord { word: word.to_owned(), known: names })
}
