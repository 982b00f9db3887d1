//! How many containers an owner is about to have: two creates at a time must not both find the last place free.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the creates that are under way, by owner.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quota(Arc<Mutex<HashMap<String, u64>>>);

/// A create that is under way, until the engine has answered it: then the engine itself knows.
#[derive(Debug)]
pub(crate) struct QuotaLease(Box<PendingCreate>);

#[derive(Debug)]
struct PendingCreate {
    quota: Quota,
    owner: String,
    /// How many there were before.
    others: u64,
}

impl Quota {
    /// One more.
    pub(crate) fn of(&self, owner: &str) -> QuotaLease {
        let mut counts = self.lock();
        let count = counts.entry(owner.to_owned()).or_default();
        let others = *count;
        *count += 1;
        drop(counts);
        QuotaLease(Box::new(PendingCreate { quota: self.clone(), owner: owner.to_owned(), others }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        // Nothing in here leaves a number half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QuotaLease {
    /// How many creates of the same owner were under way when this one came.
    pub(crate) fn others(&self) -> u64 {
        self.0.others
    }
}

impl Drop for PendingCreate {
    fn drop(&mut self) {
        let mut counts = self.quota.lock();
        if let Some(count) = counts.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_create_counts_for_its_owner_until_it_is_answered() {
        let quota = Quota::default();
        let first = quota.of("a");
        let second = quota.of("a");
        assert_eq!((first.others(), second.others(), quota.of("b").others()), (0, 1, 0));
        drop(first);
        assert_eq!(quota.of("a").others(), 1);
        drop(second);
        assert!(quota.lock().is_empty());
    }
}
