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
        place: &(impl ToString + ?Sized),
        key: Option<&str>,
        said: Said,
    ) -> Result<(), ClaimError> {
        if self.all.len() == MOST_CLAIMS {
            return Err(ClaimError::Many(MOST_CLAIMS));
        }
        self.all.push(Claim { about, place: place.to_string(), key: key.map(str::to_owned), said });
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

impl fmt::Display for FieldPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::Field(FieldPlace::Body, name) => f.write_str(name),
            Self::Field(of, name) => write!(f, "{of}.{name}"),
            Self::Element(of, index) => write!(f, "{of}[{index}]"),
            Self::Entry(of, key) => write!(f, "{of}[{key:?}]"),
        }
    }
}
