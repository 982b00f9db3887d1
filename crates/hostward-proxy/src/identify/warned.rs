//! Of which callers the log has said that they are unknown: each is named once in a while, however often it asks.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::IdentifyError;
use crate::pool::Tenant;

/// So long nothing is said again of one.
const QUIET: Duration = Duration::from_mins(10);

/// So many are remembered. Then the log names them again.
const MOST: usize = 1024;

/// Who was named, why, and when.
#[derive(Debug, Default)]
pub(super) struct Warned(Mutex<HashMap<Stranger, Instant>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Stranger {
    tenant: Tenant,
    kind: Discriminant<IdentifyError>,
    /// The reason in full, where the tenant stands for many processes.
    why: Option<String>,
}

impl Warned {
    /// Whether the log is to name this caller now.
    pub(super) fn is_due(&self, tenant: Tenant, why: &IdentifyError) -> bool {
        let is_one = matches!(tenant, Tenant::Container(_) | Tenant::Address(_));
        let stranger = Stranger { tenant, kind: discriminant(why), why: (!is_one).then(|| why.to_string()) };
        let mut named = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if named.get(&stranger).is_some_and(|said| said.elapsed() < QUIET) {
            return false;
        }
        if named.len() >= MOST {
            named.clear();
        }
        named.insert(stranger, Instant::now());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_is_named_once_for_each_reason() {
        let (warned, one) = (Warned::default(), Tenant::Address([10, 0, 0, 1].into()));
        let (none, relayed) = (IdentifyError::NoAddress([10, 0, 0, 1].into()), IdentifyError::Relayed);
        assert!(warned.is_due(one.clone(), &none) && !warned.is_due(one.clone(), &none));
        assert!(warned.is_due(one, &relayed));
        assert!(warned.is_due(Tenant::Address([10, 0, 0, 2].into()), &none));
        // Processes of the host have one tenant, and are told apart by what is said of them.
        for pid in [7, 8] {
            let unplaced = IdentifyError::Unplaced(pid);
            assert!(warned.is_due(Tenant::Machine, &unplaced) && !warned.is_due(Tenant::Machine, &unplaced));
        }
    }

    #[test]
    fn what_is_remembered_of_callers_has_a_bound() {
        let warned = Warned::default();
        for n in 0..5000_u32 {
            warned.is_due(Tenant::Address(std::net::Ipv4Addr::from_bits(n).into()), &IdentifyError::Relayed);
        }
        assert!(warned.0.lock().unwrap().len() <= MOST);
    }
}
