//! What callers share, counted: connections, bytes, look-ups. One who takes much leaves as much as it has for the others.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hostward::cgroup::ContainerId;
use tokio::runtime::Handle;

use crate::sys;

/// How often one pool says that it is full.
const SAID: Duration = Duration::from_secs(1);

/// What remains of a peak that is over: a quarter of it.
const OVER: u64 = 4;

/// So long after that, memory is given back: what has taken it may be on its last steps.
const AFTER: Duration = Duration::from_millis(200);

/// How many times what one has is left for others.
const OTHERS: u64 = 3;

/// Who takes something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Tenant {
    /// A process of the machine, or Hostward itself. It may have what there is.
    Machine,
    /// A process of a container.
    Container(ContainerId),
    /// Whoever has an address in a network.
    Address(IpAddr),
    /// Processes that cannot be seen from here, all of them together.
    Unseen,
    /// Callers that are not known, all of them together.
    Strangers,
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine => f.write_str("a process of the host"),
            Self::Container(id) => write!(f, "the container {}", id.short()),
            Self::Address(address) => address.fmt(f),
            Self::Unseen => f.write_str("processes that are not visible from here"),
            Self::Strangers => f.write_str("unknown callers"),
        }
    }
}

/// How much of something there is, and how much of it one may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// In all.
    pub(crate) most: u64,
    /// For one tenant.
    pub(crate) each: u64,
    /// For strangers, together.
    pub(crate) strangers: u64,
}

/// Something that callers share.
#[derive(Debug)]
pub(crate) struct Pool {
    /// The limits' names: in all, for one tenant.
    names: [&'static str; 2],
    /// From so much on that is taken at a time, what it has taken of memory is worth giving back to the system.
    peak: u64,
    state: Mutex<PoolState>,
}

#[derive(Debug)]
struct PoolState {
    size: Size,
    taken: u64,
    /// The most that has been taken since memory was given back.
    highest: u64,
    by: HashMap<Tenant, u64>,
    said: Option<Instant>,
}

/// Whose part of something is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UsedUp {
    /// All that there is.
    All,
    /// What one tenant may have.
    Own,
    /// What one tenant may have while others need the rest: less than its limit.
    Fair,
}

/// So much of it as is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit `{name}` ({most}) is reached")]
pub(crate) struct Full {
    /// The limit's name.
    pub(crate) name: &'static str,
    /// What it allows; or what the tenant has, where others need the rest.
    pub(crate) most: u64,
    /// Whose it is that is used up.
    pub(crate) used_up: UsedUp,
}

/// A part of a pool. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    tenant: Tenant,
    amount: u64,
}

impl Pool {
    /// Where `peak` of it are taken at a time, the system gets the memory back when most of that is over: the allocator by itself
    /// keeps what is free between two pieces that are not.
    pub(crate) fn new(names: [&'static str; 2], peak: u64, size: Size) -> Arc<Self> {
        let state = PoolState { size, taken: 0, highest: 0, by: HashMap::new(), said: None };
        Arc::new(Self { names, peak, state: Mutex::new(state) })
    }

    /// From now on there is so much. What is taken already stays so.
    pub(crate) fn resize(&self, size: Size) {
        self.state().size = size;
    }

    /// Nothing yet, for a tenant.
    pub(crate) fn none(self: &Arc<Self>, tenant: Tenant) -> Lease {
        Lease { pool: Arc::clone(self), tenant, amount: 0 }
    }

    /// So much for a tenant.
    pub(crate) fn take(self: &Arc<Self>, tenant: Tenant, amount: u64) -> Result<Lease, Full> {
        let mut lease = self.none(tenant);
        lease.grow(amount)?;
        Ok(lease)
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        // Nothing in here leaves it half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, tenant: &Tenant, amount: u64) -> Result<(), Full> {
        let mut state = self.state();
        let PoolState { size, taken, .. } = *state;
        let own = state.by.get(tenant).copied().unwrap_or_default().saturating_add(amount);
        let left = size.most.saturating_sub(taken);
        let [in_all, for_one] = self.names;
        let full = |name, most, used_up| Full { name, most, used_up };
        let outcome = match tenant {
            _ if amount > left => Err(full(in_all, size.most, UsedUp::All)),
            Tenant::Machine => Ok(()),
            Tenant::Strangers if own > size.strangers => Err(full(for_one, size.strangers, UsedUp::Own)),
            _ if own > size.each => Err(full(for_one, size.each, UsedUp::Own)),
            // Three times what it has stays for the others: a lone one has a quarter, and the ninth of nine still finds a tenth.
            _ if own > (left - amount) / OTHERS => Err(full(for_one, own - amount, UsedUp::Fair)),
            _ => Ok(()),
        };
        match outcome {
            Ok(()) => {
                state.taken += amount;
                state.highest = state.highest.max(state.taken);
                state.by.insert(tenant.clone(), own);
            }
            Err(full) if state.said.is_none_or(|said| said.elapsed() > SAID) => {
                state.said = Some(Instant::now());
                tracing::warn!(%tenant, limit = full.name, most = full.most, "a limit is reached");
            }
            Err(_) => {}
        }
        outcome
    }

    fn give_back(&self, tenant: &Tenant, amount: u64) {
        if amount == 0 {
            return;
        }
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(amount);
        if let Some(own) = state.by.get_mut(tenant) {
            *own = own.saturating_sub(amount);
            if *own == 0 {
                state.by.remove(tenant);
                // Many tenants may have come and gone.
                if state.by.is_empty() {
                    state.by = HashMap::new();
                }
            }
        }
        let is_over = state.highest >= self.peak && state.taken <= state.highest / OVER;
        if is_over {
            state.highest = state.taken;
            drop(state);
            give_back_memory();
        }
    }

    /// How much is taken.
    pub(crate) fn taken(&self) -> u64 {
        self.state().taken
    }

    /// The limit's name, how much is taken, and how much may be.
    pub(crate) fn usage(&self) -> (&'static str, u64, u64) {
        let state = self.state();
        (self.names[0], state.taken, state.size.most)
    }
}

/// Gives the system back what is free soon.
fn give_back_memory() {
    match Handle::try_current() {
        Ok(runtime) => {
            runtime.spawn(async {
                tokio::time::sleep(AFTER).await;
                sys::return_free_memory();
            });
        }
        // A thread that looks at files has ended when it gives back its slot.
        Err(_) => sys::return_free_memory(),
    }
}

impl Lease {
    /// Takes more.
    pub(crate) fn grow(&mut self, amount: u64) -> Result<(), Full> {
        if amount == 0 {
            return Ok(());
        }
        self.pool.add(&self.tenant, amount)?;
        self.amount += amount;
        Ok(())
    }

    pub(crate) fn amount(&self) -> u64 {
        self.amount
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.give_back(&self.tenant, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(n: u8) -> Tenant {
        Tenant::Address([10, 0, 0, n].into())
    }

    fn pool(most: u64, each: u64) -> Arc<Pool> {
        Pool::new(["all", "each"], u64::MAX, Size { most, each, strangers: 2 })
    }

    #[test]
    fn what_is_dropped_can_be_taken_again() {
        let pool = pool(20, 4);
        let mut lease = pool.take(tenant(1), 3).unwrap();
        lease.grow(1).unwrap();
        assert_eq!(lease.grow(1), Err(Full { name: "each", most: 4, used_up: UsedUp::Own }));
        assert_eq!((lease.amount(), pool.taken()), (4, 4));
        drop(lease);
        assert_eq!(pool.taken(), 0);
        pool.take(tenant(1), 4).unwrap();
    }

    #[test]
    fn something_is_left_for_the_next_however_many_take_all_they_can() {
        let pool = pool(100, 100);
        let mut leases = Vec::new();
        for n in 0..8 {
            let mut lease = pool.none(tenant(n));
            while lease.grow(1).is_ok() {}
            leases.push(lease);
        }
        let amounts: Vec<_> = leases.iter().map(Lease::amount).collect();
        assert_eq!(amounts, [25, 18, 14, 10, 8, 6, 4, 3]);
        assert!(pool.take(tenant(99), 3).is_ok());
        // Whoever is on the machine may have the rest.
        let left = 100 - pool.taken();
        let lease = pool.take(Tenant::Machine, left).unwrap();
        assert_eq!(
            pool.take(tenant(99), 1).unwrap_err(),
            Full { name: "all", most: 100, used_up: UsedUp::All }
        );
        drop(lease);
    }

    #[test]
    fn strangers_share_what_is_theirs() {
        let pool = pool(100, 50);
        let lease = pool.take(Tenant::Strangers, 2).unwrap();
        assert_eq!(pool.take(Tenant::Strangers, 1).unwrap_err().used_up, UsedUp::Own);
        drop(lease);
    }

    #[test]
    fn another_size_holds_for_what_is_taken_from_then_on() {
        let pool = pool(100, 50);
        let lease = pool.take(tenant(1), 25).unwrap();
        pool.resize(Size { most: 20, each: 5, strangers: 1 });
        assert!(pool.take(tenant(2), 1).is_err());
        drop(lease);
        assert!(pool.take(tenant(2), 5).is_ok() && pool.take(tenant(2), 6).is_err());
    }
}
