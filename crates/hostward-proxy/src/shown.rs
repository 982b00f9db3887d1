//! What callers have read of the engine's own paths in inspects (T26): for as long as it is remembered, such a path means the
//! engine's when it comes back in a request.
//!
//! Nothing hangs on this but convenience: what is forgotten is refused as it would be without a memory. So there is room for so
//! many bytes of each caller and of all, and what is over that goes, the oldest first.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hostward::cgroup::ContainerId;
use hostward::path::EnginePath;

use crate::limits::Limits;

/// What a path takes beside its own bytes.
const BESIDE: u64 = 64;

/// The paths that callers were shown.
#[derive(Debug)]
pub(crate) struct Shown(Mutex<Memory>);

#[derive(Debug)]
struct Memory {
    most: u64,
    most_per_caller: u64,
    by_caller: HashMap<ContainerId, ShownTo>,
    /// Counts what was shown, so that each has a number that is larger than those before.
    last: u64,
}

/// What one caller was shown: each path, and when that was last.
#[derive(Debug, Default)]
struct ShownTo {
    paths: HashMap<EnginePath, u64>,
    bytes: u64,
    last: u64,
}

impl Shown {
    pub(crate) fn new(limits: &Limits) -> Self {
        let (most, most_per_caller) = (limits.shown_bytes, limits.shown_bytes_per_caller);
        Self(Mutex::new(Memory { most, most_per_caller, by_caller: HashMap::new(), last: 0 }))
    }

    /// From now on these limits hold.
    pub(crate) fn resize(&self, limits: &Limits) {
        let mut memory = self.lock();
        (memory.most, memory.most_per_caller) = (limits.shown_bytes, limits.shown_bytes_per_caller);
        let most = memory.most_per_caller;
        memory.by_caller.values_mut().for_each(|to| to.forget_beyond(most));
        memory.forget_callers();
    }

    /// A caller was shown these.
    pub(crate) fn show(&self, caller: &ContainerId, paths: Vec<EnginePath>) {
        if paths.is_empty() {
            return;
        }
        let mut memory = self.lock();
        let Memory { most_per_caller, by_caller, last, .. } = &mut *memory;
        let to = by_caller.entry(caller.clone()).or_default();
        for path in paths {
            *last += 1;
            to.put(path, *last);
            to.forget_beyond(*most_per_caller);
        }
        memory.forget_callers();
    }

    /// Whether a caller was shown a path, by exactly this text.
    pub(crate) fn has(&self, caller: &ContainerId, path: &[u8]) -> bool {
        let Ok(path) = EnginePath::parse(path) else { return false };
        self.lock().by_caller.get(caller).is_some_and(|to| to.paths.contains_key(&path))
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // What is in it is whole after every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    /// Forgets callers, whoever was shown something longest ago first, until the rest has room.
    fn forget_callers(&mut self) {
        let mut bytes: u64 = self.by_caller.values().map(|to| to.bytes).sum();
        while bytes > self.most {
            let oldest =
                self.by_caller.iter().min_by_key(|(_, to)| to.last).map(|(caller, _)| caller.clone());
            let Some(to) = oldest.and_then(|caller| self.by_caller.remove(&caller)) else { return };
            bytes -= to.bytes;
        }
    }
}

impl ShownTo {
    fn put(&mut self, path: EnginePath, at: u64) {
        let bytes = taken(&path);
        if self.paths.insert(path, at).is_none() {
            self.bytes += bytes;
        }
        self.last = at;
    }

    /// Forgets the older half where there is more than `most`, so that it is not looked through again at each path; and all
    /// where that is not enough.
    fn forget_beyond(&mut self, most: u64) {
        while self.bytes > most {
            let mut times: Vec<_> = self.paths.values().copied().collect();
            let half = times.len() / 2;
            let middle = *times.select_nth_unstable(half).1;
            self.paths.retain(|_, at| *at > middle);
            self.bytes = self.paths.keys().map(taken).sum();
        }
    }
}

fn taken(path: &EnginePath) -> u64 {
    path.as_bytes().len() as u64 + BESIDE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(n: usize) -> ContainerId {
        ContainerId::parse(format!("{n:064x}").as_bytes()).unwrap()
    }

    /// A path that takes 100 bytes.
    fn path(n: usize) -> EnginePath {
        EnginePath::parse(format!("/srv/{n:031}").as_bytes()).unwrap()
    }

    fn shown(most: u64, each: u64) -> Shown {
        Shown::new(&Limits { shown_bytes: most, shown_bytes_per_caller: each, ..Limits::default() })
    }

    fn remembered(shown: &Shown, by: usize) -> Vec<usize> {
        (0..100).filter(|n| shown.has(&caller(by), path(*n).as_bytes())).collect()
    }

    #[test]
    fn a_caller_has_what_it_was_shown_and_nothing_of_others() {
        let shown = shown(10_000, 1_000);
        shown.show(&caller(1), vec![path(1)]);
        assert_eq!((remembered(&shown, 1), remembered(&shown, 2)), (vec![1], vec![]));
        // Only by that text.
        for other in ["/srv", "/srv/", &format!("{}/", path(1)), &format!("{}/x", path(1)), "srv"] {
            assert!(!shown.has(&caller(1), other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn of_what_is_too_much_for_a_caller_the_older_half_is_forgotten() {
        let shown = shown(10_000, 1_000);
        for n in 0..10 {
            shown.show(&caller(1), vec![path(n)]);
        }
        assert_eq!(remembered(&shown, 1), (0..10).collect::<Vec<_>>());
        // What is shown again is young again.
        shown.show(&caller(1), vec![path(0), path(10)]);
        assert_eq!(remembered(&shown, 1), [0, 7, 8, 9, 10]);
        // One that is too long by itself is not remembered.
        let long = EnginePath::parse(format!("/{}", "x".repeat(2_000)).as_bytes()).unwrap();
        shown.show(&caller(1), vec![long.clone()]);
        assert!(!shown.has(&caller(1), long.as_bytes()));
    }

    #[test]
    fn of_what_is_too_much_for_all_the_callers_that_are_silent_longest_are_forgotten() {
        let shown = shown(1_000, 500);
        for n in 0..3 {
            shown.show(&caller(n), (0..3).map(path).collect());
        }
        shown.show(&caller(0), vec![path(3)]);
        assert_eq!(remembered(&shown, 1).len(), 3);
        shown.show(&caller(3), vec![path(0)]);
        assert_eq!([0, 1, 2, 3].map(|n| remembered(&shown, n).len()), [4, 0, 3, 1]);
        let limits = Limits { shown_bytes: 400, shown_bytes_per_caller: 300, ..Limits::default() };
        shown.resize(&limits);
        assert_eq!([0, 1, 2, 3].map(|n| remembered(&shown, n).len()), [1, 0, 0, 1]);
    }
}
