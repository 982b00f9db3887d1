//! What one request may have looked up of files: so many looks and no more, and none once nobody waits for the answer.
//!
//! Threat model: a body of a few KiB can name a thousand paths over forty links each, every link with two thousand
//! components. So each component that a path is followed through counts, also one that was looked up before and costs no
//! system call; and a path that is asked again costs nothing at all.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hostward::path::{AskedPath, CallerPath};
use hostward::refusal::Reason;
use hostward::walk::{Entry, Resolved};

/// What is kept of what was looked up, in bytes: more is looked up again.
const MOST_KEPT: usize = 4 << 20;
/// What a mount of a caller may take in addition, to find where links lead on the way to its destination.
const MOST_A_MOUNT: u32 = 64;
/// How soon a question to the engine ends after nobody waits for it.
const STOP_WITHIN: Duration = Duration::from_millis(100);

/// How many looks a request may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// At files, seen or known from before.
    pub files: u32,
    /// Of these, by asking the engine, each a request of its own.
    pub questions: u32,
}

impl Default for Most {
    /// A hundred binds take some thousands; by the engine's word a hundred in a few directories some hundred.
    fn default() -> Self {
        Self { files: 20_000, questions: 1_000 }
    }
}

impl Most {
    /// For finding where a caller's mounts are.
    pub(crate) fn for_mounts(mounts: usize) -> Self {
        let more = u32::try_from(mounts).unwrap_or(u32::MAX).saturating_mul(MOST_A_MOUNT);
        let Self { files, questions } = Self::default();
        Self { files: files.saturating_add(more), questions: questions.saturating_add(more) }
    }
}

/// The looks of one request.
#[derive(Debug, Default)]
pub struct Looks {
    most: Most,
    files: Cell<u32>,
    questions: Cell<u32>,
    /// Set by whoever waits no more for the answer.
    stop: Arc<AtomicBool>,
    /// By the number of the sight that saw it: a request may look into several containers.
    kept: RefCell<HashMap<u64, LookedUp>>,
    kept_bytes: Cell<usize>,
}

#[derive(Debug, Default)]
struct LookedUp {
    entries: HashMap<CallerPath, Entry>,
    resolved: HashMap<AskedPath, Resolved>,
}

impl Looks {
    /// Those of a request that may have `most`, until `stop` is set: when the client has gone, or the time is over.
    pub fn new(most: Most, stop: Arc<AtomicBool>) -> Self {
        Self { most, stop, ..Self::default() }
    }

    /// How many looks were taken so far.
    pub fn taken(&self) -> Most {
        Most { files: self.files.get(), questions: self.questions.get() }
    }

    /// Takes a look at a file.
    ///
    /// # Errors
    /// Where there are no more, or nobody waits.
    pub(crate) fn take(&self) -> Result<(), Reason> {
        self.stopped()?;
        count(&self.files, self.most.files, "looks at files")
    }

    /// Takes a question to the engine.
    pub(crate) fn question(&self) -> Result<(), Reason> {
        count(&self.questions, self.most.questions, "questions to the engine about files")
    }

    /// Says whether anybody still waits for the answer.
    ///
    /// # Errors
    /// Where nobody does.
    pub fn stopped(&self) -> Result<(), Reason> {
        if self.stop.load(Ordering::Relaxed) { Err(Reason::Stopped) } else { Ok(()) }
    }

    /// Waits until nobody waits for the answer.
    pub async fn stop(&self) -> Reason {
        loop {
            if let Err(reason) = self.stopped() {
                return reason;
            }
            tokio::time::sleep(STOP_WITHIN).await;
        }
    }

    /// What stands at a path by this sight, looked up once.
    pub(crate) fn entry(
        &self,
        sight: u64,
        path: &CallerPath,
        look: impl FnOnce() -> Result<Entry, Reason>,
    ) -> Result<Entry, Reason> {
        self.take()?;
        if let Some(entry) = self.kept.borrow().get(&sight).and_then(|kept| kept.entries.get(path)) {
            return Ok(entry.clone());
        }
        let entry = look()?;
        let bytes = path.as_bytes().len() + if let Entry::Link(target) = &entry { target.len() } else { 0 };
        if self.has_room(bytes) {
            let mut kept = self.kept.borrow_mut();
            kept.entry(sight).or_default().entries.insert(path.clone(), entry.clone());
        }
        Ok(entry)
    }

    /// Where a path leads by this sight, followed once.
    pub(crate) fn resolved(
        &self,
        sight: u64,
        asked: &AskedPath,
        follow: impl FnOnce() -> Result<Resolved, Reason>,
    ) -> Result<Resolved, Reason> {
        if let Some(resolved) = self.kept.borrow().get(&sight).and_then(|kept| kept.resolved.get(asked)) {
            return Ok(resolved.clone());
        }
        let resolved = follow()?;
        if self.has_room(asked.as_bytes().len() + resolved.path.as_bytes().len()) {
            let mut kept = self.kept.borrow_mut();
            kept.entry(sight).or_default().resolved.insert(asked.clone(), resolved.clone());
        }
        Ok(resolved)
    }

    fn has_room(&self, bytes: usize) -> bool {
        let all = self.kept_bytes.get() + bytes;
        let room = all <= MOST_KEPT;
        if room {
            self.kept_bytes.set(all);
        }
        room
    }
}

fn count(taken: &Cell<u32>, most: u32, of: &'static str) -> Result<(), Reason> {
    if taken.get() >= most {
        return Err(Reason::Budget { most, of });
    }
    taken.set(taken.get() + 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_look_counts_whether_it_costs_a_call_or_not() {
        let looks = Looks::new(Most { files: 3, questions: 1 }, Arc::default());
        let mut calls = 0;
        for _ in 0..3 {
            let found = looks.entry(1, &path("/a"), || {
                calls += 1;
                Ok(Entry::Directory)
            });
            assert_eq!(found, Ok(Entry::Directory));
        }
        assert_eq!(calls, 1);
        let none_left = Reason::Budget { most: 3, of: "looks at files" };
        assert_eq!(looks.entry(1, &path("/a"), || unreachable!()), Err(none_left));
        assert_eq!(looks.question(), Ok(()));
        assert!(matches!(looks.question(), Err(Reason::Budget { most: 1, .. })));
    }

    #[test]
    fn what_one_sight_has_seen_is_no_others() {
        let looks = Looks::default();
        assert_eq!(looks.entry(1, &path("/a"), || Ok(Entry::Directory)), Ok(Entry::Directory));
        assert_eq!(looks.entry(2, &path("/a"), || Ok(Entry::Missing)), Ok(Entry::Missing));
    }

    #[test]
    fn nobody_looks_once_nobody_waits() {
        let stop = Arc::new(AtomicBool::new(false));
        let looks = Looks::new(Most::default(), Arc::clone(&stop));
        assert_eq!(looks.take(), Ok(()));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(looks.take(), Err(Reason::Stopped));
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let looks = Looks::default();
        let long = |n: u32| path(&format!("/{}/{n}", "n/".repeat(2_000)));
        for n in 0..2_000 {
            looks.entry(1, &long(n), || Ok(Entry::Directory)).unwrap();
        }
        assert!(looks.kept_bytes.get() <= MOST_KEPT);
        assert!(looks.kept.borrow()[&1].entries.len() < 1_100);
    }
}
