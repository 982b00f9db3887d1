//! A caller by the names in its certificate.

use hostward_engine::select::Selector;

use super::process::Accepted;
use super::{Arc, Ends, Guest, Identify};

impl Identify {
    /// The container that the names mean; without a name that means any, the one that has the address.
    pub(super) async fn certified(
        &self,
        named: &[(String, Selector)],
        ends: Ends,
        accepted: Accepted,
    ) -> Result<Arc<Guest>, String> {
        match only(named)? {
            Some(selector) => self.one(selector, None).await,
            None => self.address(ends, accepted).await,
        }
    }
}

/// The only caller that the names mean, if they mean any.
fn only(named: &[(String, Selector)]) -> Result<Option<&Selector>, String> {
    let Some((name, selector)) = named.first() else { return Ok(None) };
    match named.iter().find(|(_, other)| other != selector) {
        None => Ok(Some(selector)),
        Some((other_name, other)) => Err(format!(
            "the client's certificate names two callers: {selector} (as {name}) and {other} (as {other_name}); \
             give each caller a certificate of its own"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_two_callers_mean_none() {
        let named = |name: &str, selector: &str| (name.to_owned(), Selector::parse(selector));
        assert_eq!(only(&[]), Ok(None));
        let twice = [named("ci", "runner"), named("ci.example", "runner")];
        assert_eq!(only(&twice), Ok(Some(&Selector::parse("runner"))));
        let error = only(&[named("ci", "runner"), named("web", "label:web")]).unwrap_err();
        assert!(error.contains("runner (as ci) and label:web (as web)"), "{error}");
    }
}
