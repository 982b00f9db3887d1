//! Threads to look with. Making one takes the system about as long as a look takes: so a few of those that have ended theirs
//! wait a while for another.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io, thread};

/// Following a path calls nothing that calls itself.
const STACK: usize = 512 << 10;

/// So many wait at once; each keeps its stack.
const MOST_WAITING: usize = 2;

/// How long one waits.
const WAIT: Duration = Duration::from_secs(5);

/// What one does. It does not panic.
pub(crate) type Work = Box<dyn FnOnce() + Send>;

/// The threads that wait.
#[derive(Default)]
pub(crate) struct Lookers {
    waiting: Mutex<WaitingLookers>,
    given: Condvar,
}

#[derive(Default)]
struct WaitingLookers {
    threads: usize,
    /// What was given to those that wait, and not taken yet: never more than there are of them.
    work: VecDeque<Work>,
}

impl Lookers {
    /// Does this on a thread that nobody else needs meanwhile, for as long as it takes.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub(crate) fn start(self: &Arc<Self>, work: Work) -> io::Result<()> {
        let mut waiting = self.waiting();
        if waiting.threads > waiting.work.len() {
            waiting.work.push_back(work);
            drop(waiting);
            self.given.notify_one();
            return Ok(());
        }
        drop(waiting);
        let lookers = Arc::clone(self);
        let thread = thread::Builder::new().name("look".to_owned()).stack_size(STACK);
        thread.spawn(move || lookers.look(work)).map(drop)
    }

    /// A thread: does its work, and waits for more.
    fn look(&self, first: Work) {
        let mut work = first;
        loop {
            work();
            let mut waiting = self.waiting();
            if waiting.threads >= MOST_WAITING {
                return;
            }
            waiting.threads += 1;
            let waited = self.given.wait_timeout_while(waiting, WAIT, |waiting| waiting.work.is_empty());
            let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
            waiting.threads -= 1;
            let Some(next) = waiting.work.pop_front() else { return };
            work = next;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, WaitingLookers> {
        // Nothing in here leaves it half-changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lookers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookers").field("threads", &self.waiting().threads).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::mpsc;

    #[test]
    fn work_waits_for_nobody_and_threads_wait_for_work() {
        let (lookers, (ends, end)) = (Arc::<Lookers>::default(), mpsc::channel());
        let mut hold = Vec::new();
        // All at once: none waits for another.
        for _ in 0..5 {
            let (ends, (go, wait)) = (ends.clone(), mpsc::channel::<()>());
            hold.push(go);
            let work = move || {
                let _ = wait.recv();
                ends.send(thread::current().id()).unwrap();
            };
            lookers.start(Box::new(work)).unwrap();
        }
        drop(hold);
        let first: HashSet<_> = end.iter().take(5).collect();
        assert_eq!(first.len(), 5);
        while lookers.waiting().threads < MOST_WAITING {
            thread::yield_now();
        }
        // One after the other, by those that are there.
        for _ in 0..5 {
            let ends = ends.clone();
            lookers.start(Box::new(move || ends.send(thread::current().id()).unwrap())).unwrap();
            assert!(first.contains(&end.recv().unwrap()));
            while lookers.waiting().threads < MOST_WAITING {
                thread::yield_now();
            }
        }
    }
}
