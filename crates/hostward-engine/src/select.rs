//! The container that a user means: by name or id, or by a label that one running container has.

use std::fmt;

use hostward::inspect::Container;

use crate::address::Address;
use crate::ask::AskError;
use crate::inspect;
use crate::list;

/// What stands in front of a label.
const LABEL: &str = "label:";

/// How a user names a container. What [`Display`](fmt::Display) writes, [`Selector::parse`] reads back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// A name or an id, which names have no colon in.
    Name(String),
    /// `label:KEY` or `label:KEY=VALUE`: the one running container that has this label.
    Label(String),
}

/// Why no container is meant.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// The engine's answer is of no use.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// No running container has the label.
    #[error("no running container at {engine} has the label {label}")]
    NoneLabelled {
        /// The engine.
        engine: Address,
        /// The label.
        label: String,
    },
    /// Several have it.
    #[error("the label {label} is on several running containers: {}", names.join(", "))]
    Several {
        /// The label.
        label: String,
        /// Their names.
        names: Vec<String>,
    },
}

/// A text that names no container.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// It is neither a name nor an id.
    #[error("{0:?} is not a container's name or id; write NAME, ID, label:KEY or label:KEY=VALUE")]
    NotAName(String),
    /// A label without its key.
    #[error("{0:?} names no label; write label:KEY or label:KEY=VALUE")]
    NoKey(String),
}

impl Selector {
    /// Reads `NAME`, `ID`, `label:KEY` or `label:KEY=VALUE`.
    ///
    /// # Errors
    /// For a text that no container could have as its name, and a label without a key: neither would ever be found.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        match text.strip_prefix(LABEL) {
            Some(label) if label.is_empty() || label.starts_with('=') => {
                Err(SelectorError::NoKey(text.to_owned()))
            }
            Some(label) => Ok(Self::Label(label.to_owned())),
            None if inspect::is_name(text.strip_prefix('/').unwrap_or(text)) => {
                Ok(Self::Name(text.to_owned()))
            }
            None => Err(SelectorError::NotAName(text.to_owned())),
        }
    }

    /// The name or id that the engine knows the container by at this moment.
    ///
    /// # Errors
    /// For a label that no running container has, or several.
    pub async fn name(&self, engine: &Address) -> Result<String, SelectError> {
        let label = match self {
            Self::Name(name) => return Ok(name.clone()),
            Self::Label(label) => label.clone(),
        };
        let mut found = list::labelled(engine, &label).await?;
        match (found.pop(), found.is_empty()) {
            (None, _) => Err(SelectError::NoneLabelled { engine: engine.clone(), label }),
            (Some(only), true) => Ok(only.id.to_string()),
            (Some(last), false) => {
                let mut names: Vec<_> = found.into_iter().chain([last]).map(|one| one.name).collect();
                names.sort_unstable();
                Err(SelectError::Several { label, names })
            }
        }
    }

    /// The container, by the engine's description.
    pub async fn container(&self, engine: &Address) -> Result<Container, SelectError> {
        let name = self.name(engine).await?;
        Ok(inspect::container(engine, &name).await?)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Label(label) => write!(f, "{LABEL}{label}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_read_and_written_back() {
        for (text, selector) in [
            ("web", Selector::Name("web".into())),
            ("label:ci.job", Selector::Label("ci.job".into())),
            ("label:ci.job=4=2", Selector::Label("ci.job=4=2".into())),
        ] {
            assert_eq!(Selector::parse(text).unwrap(), selector);
            assert_eq!(selector.to_string(), text);
        }
    }

    #[test]
    fn what_names_no_container_is_refused() {
        for text in ["label:", "label:=x", "", "/", "../web", "a b"] {
            assert!(Selector::parse(text).is_err(), "{text:?}");
        }
    }
}
