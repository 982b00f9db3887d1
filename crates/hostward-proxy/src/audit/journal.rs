//! Writing decisions on a thread of its own: the disk that they go to may be slow, full or gone, and whoever serves goes on.
//!
//! What waits to be written has a bound. What is over it is lost, and so is what the disk does not take: the log says so, the
//! metrics count it, and the next line that can be written says how many are missing before it.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::line::{gap, line};
use super::sink::Sink;
use crate::decision::Decision;
use crate::metrics::METRICS;

/// About so many bytes of decisions wait at most. One has some hundred.
const MOST_WAITING: usize = 8 << 20;

/// How often the log says that decisions are lost.
const SAID: Duration = Duration::from_secs(10);

/// So long the end waits for what is not written yet.
const END: Duration = Duration::from_secs(2);

/// The writing thread only follows pointers.
const STACK: usize = 128 << 10;

/// What waits for the thread that writes. Dropping it has that write the rest, for a moment at most.
#[derive(Debug)]
pub(super) struct Journal {
    queue: Arc<Queue>,
    /// Ends with the thread.
    ended: Receiver<()>,
}

/// What is wrong with the writing of decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// How many are lost since the start.
    pub(crate) lost: u64,
    /// Why the last one could not be written; none where it could.
    pub(crate) error: Option<String>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<WaitingEntries>,
    given: Condvar,
}

#[derive(Debug, Default)]
struct WaitingEntries {
    entries: VecDeque<JournalEntry>,
    weight: usize,
    /// Since the last one that was taken.
    lost: u64,
    trouble: Trouble,
    /// Nothing comes any more.
    is_over: bool,
}

#[derive(Debug)]
enum JournalEntry {
    Decision(Box<Decision>),
    /// From here on lines go elsewhere, or nowhere.
    Sink(Option<Sink>),
}

impl Journal {
    /// One whose lines go nowhere yet.
    ///
    /// # Errors
    /// Where the system has no thread to write with.
    pub(super) fn start() -> io::Result<Self> {
        let (queue, (ends, ended)) = (Arc::<Queue>::default(), channel());
        let taken = Arc::clone(&queue);
        let thread = thread::Builder::new().name("audit".to_owned()).stack_size(STACK);
        thread.spawn(move || write(&taken, ends))?;
        Ok(Self { queue, ended })
    }

    /// From here on lines go there.
    pub(super) fn turn_to(&self, sink: Option<Sink>) {
        self.queue.put(JournalEntry::Sink(sink), 0);
    }

    /// Has a decision written, soon.
    pub(super) fn add(&self, decision: Decision) {
        let weight = decision.weight();
        self.queue.put(JournalEntry::Decision(Box::new(decision)), weight);
    }

    pub(super) fn trouble(&self) -> Trouble {
        self.queue.waiting().trouble.clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.waiting().is_over = true;
        self.queue.given.notify_one();
        // A disk that does not answer holds up nobody's end.
        let _ = self.ended.recv_timeout(END);
    }
}

impl Queue {
    fn put(&self, entry: JournalEntry, weight: usize) {
        let mut waiting = self.waiting();
        if matches!(entry, JournalEntry::Decision(_)) && waiting.weight + weight > MOST_WAITING {
            waiting.lost += 1;
            drop(waiting);
            lose(self, 1, "more decisions wait to be written than are kept");
            return;
        }
        waiting.weight += weight;
        waiting.entries.push_back(entry);
        drop(waiting);
        self.given.notify_one();
    }

    /// Waits for entries, with how many were lost before them; none at the end.
    fn take(&self) -> Option<(VecDeque<JournalEntry>, u64)> {
        let is_idle = |waiting: &mut WaitingEntries| waiting.entries.is_empty() && !waiting.is_over;
        let waiting = self.given.wait_while(self.waiting(), is_idle);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        waiting.weight = 0;
        let (entries, lost) = (mem::take(&mut waiting.entries), mem::take(&mut waiting.lost));
        (!entries.is_empty()).then_some((entries, lost))
    }

    fn waiting(&self) -> MutexGuard<'_, WaitingEntries> {
        // Nothing in here leaves it half-changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lose(queue: &Queue, count: u64, why: &str) {
    METRICS.audit_lost.inc_by(count);
    let mut waiting = queue.waiting();
    waiting.trouble.lost += count;
    waiting.trouble.error = Some(why.to_owned());
}

/// The thread.
fn write(queue: &Queue, _ends: Sender<()>) {
    let mut writer = Writer { queue, sink: None, lost: 0, said: None };
    while let Some((entries, lost)) = queue.take() {
        writer.lost += lost;
        for entry in entries {
            match entry {
                JournalEntry::Sink(sink) => writer.sink = sink,
                JournalEntry::Decision(decision) => writer.write(&decision),
            }
        }
    }
}

/// What the thread has.
struct Writer<'a> {
    queue: &'a Queue,
    sink: Option<Sink>,
    /// How many decisions are missing behind the last line.
    lost: u64,
    /// When the log was last told of that.
    said: Option<Instant>,
}

impl Writer<'_> {
    fn write(&mut self, decision: &Decision) {
        let Some(sink) = &mut self.sink else { return };
        let shape = sink.shape();
        let told = if self.lost > 0 { sink.write(&gap(self.lost, shape)) } else { Ok(()) };
        match told.and_then(|()| sink.write(&line(decision, shape))) {
            Ok(()) if self.lost > 0 => {
                tracing::warn!(lost = self.lost, audit = sink.name(), "the audit is written again");
                self.queue.waiting().trouble.error = None;
                (self.lost, self.said) = (0, None);
            }
            Ok(()) => {}
            Err(error) => {
                self.lost += 1;
                lose(self.queue, 1, &error.to_string());
                if self.said.is_none_or(|said| said.elapsed() > SAID) {
                    self.said = Some(Instant::now());
                    let (lost, audit) = (self.lost, sink.name());
                    tracing::error!(%error, audit, lost, "cannot write the audit: decisions are lost");
                }
            }
        }
    }
}
