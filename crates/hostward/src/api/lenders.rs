//! `VolumesFrom`: a created container takes over the mounts of others (T20).

use crate::path::CallerPath;
use crate::plan::{Give, Given};
use crate::word::{UnknownWord, one_of};
use std::str::FromStr;

/// What a container hands over that `VolumesFrom` names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VolumesFrom {
    /// All of its mounts, as the engine has it.
    #[default]
    All,
    /// The one mount that has the working directory, with those beneath that directory.
    Narrow,
}

impl FromStr for VolumesFrom {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        one_of(text, [("all", Self::All), ("narrow", Self::Narrow)])
    }
}

/// A container that a request takes mounts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lender {
    /// Its name or id, or the beginning of an id.
    pub name: String,
    /// What the request says of all of its mounts (`ro`, `z`), where it says something.
    pub options: Option<String>,
}

impl Lender {
    /// An element of `VolumesFrom`: `NAME[:OPTIONS]`.
    pub(super) fn parse(text: &str) -> Self {
        let (name, options) =
            text.split_once(':').map_or((text, None), |(name, options)| (name, Some(options)));
        Self { name: name.to_owned(), options: options.map(str::to_owned) }
    }

    /// Whether its mounts may only be read.
    pub fn is_read_only(&self) -> bool {
        self.options.as_deref() == Some("ro")
    }
}

/// What a request takes from others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lenders {
    /// From whom, in its order.
    pub lenders: Vec<Lender>,
    /// Where the created container starts to work (`WorkingDir`), if the request says so.
    pub directory: Option<CallerPath>,
}

/// What the created container is given besides what its lenders have, or instead of it.
#[derive(Debug, Default)]
pub struct Loan {
    /// Where, what, and whether it may only be read. A mount of the request's own at the same place wins.
    pub(super) mounts: Vec<(CallerPath, Give, bool)>,
    /// Whether it is all that the lenders hand over.
    pub(super) instead: bool,
}

impl Loan {
    /// Nothing yet, which is all that is handed over where `how` is narrow.
    pub fn new(how: VolumesFrom) -> Self {
        Self { mounts: Vec::new(), instead: how == VolumesFrom::Narrow }
    }

    /// All that is given, and whether it may only be read: of each that was [added](Self::add) itself, and then what is beneath
    /// it.
    pub fn gives(&mut self) -> impl Iterator<Item = (&mut Give, bool)> {
        self.mounts.iter_mut().map(|(_, give, read_only)| (give, *read_only))
    }

    /// Adds what is given at a place, with what is beneath it.
    pub fn add(&mut self, target: &CallerPath, given: &Given) {
        self.mounts.push((target.clone(), given.source.clone(), given.read_only));
        let beneath = given.beneath.iter();
        self.mounts.extend(beneath.map(|one| (target.join(&one.rest), one.source.clone(), one.read_only)));
    }
}
