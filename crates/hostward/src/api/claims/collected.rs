//! The claims of a request on their way.

use super::error::ClaimError;
use crate::policy::claim::{About, Claim, Said};
use std::fmt;

/// The most claims of one request. A container with a thousand mounts has fewer.
pub const MOST_CLAIMS: usize = 8192;

/// The claims that were found.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) all: Vec<Claim>,
}

impl Claims {
    /// One more.
    pub(super) fn add(
        &mut self,
        about: About,
        place: &(impl Spelled + ?Sized),
        key: Option<&str>,
        said: Said,
    ) -> Result<(), ClaimError> {
        self.push(Claim { about, place: place.spelled(), key: key.map(str::to_owned), said })
    }

    /// One that another reader has made.
    pub(super) fn push(&mut self, claim: Claim) -> Result<(), ClaimError> {
        if self.all.len() == MOST_CLAIMS {
            return Err(ClaimError::Many(MOST_CLAIMS));
        }
        self.all.push(claim);
        Ok(())
    }

    /// Whether one is about this.
    pub(super) fn has(&self, about: About) -> bool {
        self.all.iter().any(|claim| claim.about == about)
    }
}

/// Where a value stands in a body. It is written out only where somebody is to read it.
#[derive(Clone, Copy)]
pub(super) enum FieldPlace<'p> {
    /// The whole body.
    Body,
    /// A field of an object.
    Field(&'p FieldPlace<'p>, &'static str),
    /// An element of an array.
    Element(&'p FieldPlace<'p>, usize),
    /// What a map has for a key.
    Entry(&'p FieldPlace<'p>, &'p str),
}

/// A place as people read it.
pub(super) trait Spelled {
    fn spelled(&self) -> String;
}

impl Spelled for str {
    fn spelled(&self) -> String {
        self.to_owned()
    }
}

impl Spelled for String {
    fn spelled(&self) -> String {
        self.clone()
    }
}

impl Spelled for FieldPlace<'_> {
    fn spelled(&self) -> String {
        let mut text = String::with_capacity(64);
        self.spell(&mut text);
        text
    }
}

impl FieldPlace<'_> {
    /// Appends it. A request has dozens of claims, so that this does without the machinery of `write!`.
    fn spell(&self, text: &mut String) {
        match self {
            Self::Body => {}
            Self::Field(of, name) => {
                of.spell(text);
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Self::Element(of, index) => {
                of.spell(text);
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
            Self::Entry(of, key) => {
                of.spell(text);
                let is_plain = key.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'));
                if is_plain {
                    text.push_str("[\"");
                    text.push_str(key);
                    text.push_str("\"]");
                } else {
                    let quoted = format!("[{key:?}]");
                    text.push_str(&quoted);
                }
            }
        }
    }
}

impl fmt::Display for FieldPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled())
    }
}
