//! A caller by the names in its certificate.

use std::sync::Arc;

use hostward_engine::select::Selector;

use super::error::IdentifyError;
use super::guests::Identify;
use crate::caller::Guest;
use crate::peer::{Accepted, Ends};

impl Identify {
    /// The container that the names mean; without a name that means any, the one that has the address.
    pub(super) async fn certified(
        &self,
        callers: &[(String, Selector)],
        names: &[String],
        ends: Ends,
        accepted: Accepted,
    ) -> Result<Arc<Guest>, IdentifyError> {
        match only(callers)? {
            Some(selector) => self.one(selector, None, names).await,
            None => self.address(ends, accepted, names).await,
        }
    }
}

/// The only caller that the names mean, if they mean any.
fn only(named: &[(String, Selector)]) -> Result<Option<&Selector>, IdentifyError> {
    let Some((name, selector)) = named.first() else { return Ok(None) };
    match named.iter().find(|(_, other)| other != selector) {
        None => Ok(Some(selector)),
        Some(other) => Err(IdentifyError::TwoNamed((name.clone(), selector.clone()), other.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_two_callers_mean_none() {
        let named = |name: &str, selector: &str| (name.to_owned(), Selector::parse(selector).unwrap());
        assert_eq!(only(&[]).unwrap(), None);
        let twice = [named("ci", "runner"), named("ci.example", "runner")];
        assert_eq!(only(&twice).unwrap(), Some(&Selector::parse("runner").unwrap()));
        let error = only(&[named("ci", "runner"), named("web", "label:web")]).unwrap_err().to_string();
        assert!(error.contains("runner (as ci) and label:web (as web)"), "{error}");
    }
}
