//! What a run leaves if it is cut short: its processes, cgroups and folders. They go at its end, on Ctrl-C, and after a limit.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hostward_testkit::{Error, Result};
use nix::sys::signal::{SigSet, Signal};
use rustix::process::{Pid, kill_process};

/// How long processes may take to end when asked.
const GRACE: Duration = Duration::from_secs(3);

/// What there is to remove.
#[derive(Debug, Default)]
struct Leftovers {
    processes: Vec<u32>,
    cgroups: Vec<PathBuf>,
    folder: Option<PathBuf>,
}

static LEFTOVERS: Mutex<Leftovers> =
    Mutex::new(Leftovers { processes: Vec::new(), cgroups: Vec::new(), folder: None });

fn leftovers() -> MutexGuard<'static, Leftovers> {
    LEFTOVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cleans up when a signal ends the run, or it takes longer than it may. Before any other thread.
pub(crate) fn watch(limit: Duration) -> Result<()> {
    // Who started this may be ended without it.
    let follow = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
    follow.map_err(|error| Error::State(format!("cannot end with the command that runs this: {error}")))?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    let block = signals.thread_block();
    block.map_err(|error| Error::State(format!("cannot hold back signals: {error}")))?;
    std::thread::spawn(move || {
        let _ = signals.wait();
        clean_up();
        std::process::exit(130);
    });
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        eprintln!("the benchmark takes longer than {} s: it ends", limit.as_secs());
        clean_up();
        std::process::exit(1);
    });
    Ok(())
}

/// A process that is to end.
pub(crate) fn process(pid: u32) {
    leftovers().processes.push(pid);
}

/// It has ended: its pid may be another's from now on.
pub(crate) fn has_ended(pid: u32) {
    leftovers().processes.retain(|process| *process != pid);
}

/// A cgroup that is to go, once it is empty.
pub(crate) fn cgroup(path: PathBuf) {
    leftovers().cgroups.push(path);
}

/// The folder of all files.
pub(crate) fn folder(path: PathBuf) {
    leftovers().folder = Some(path);
}

/// Ends and removes everything. Who comes second waits, as the process ends when this has returned.
pub(crate) fn clean_up() {
    static CLEANING: Mutex<()> = Mutex::new(());
    let _cleaning = CLEANING.lock().unwrap_or_else(PoisonError::into_inner);
    let Leftovers { processes, cgroups, folder } = std::mem::take(&mut *leftovers());
    for pid in &processes {
        signal(*pid, rustix::process::Signal::TERM);
    }
    let begun = Instant::now();
    while processes.iter().any(|pid| runs(*pid)) && begun.elapsed() < GRACE {
        std::thread::sleep(Duration::from_millis(10));
    }
    for pid in processes.iter().filter(|pid| runs(**pid)) {
        signal(*pid, rustix::process::Signal::KILL);
    }
    // The innermost first.
    for cgroup in cgroups.iter().rev() {
        remove_cgroup(cgroup);
    }
    if let Some(folder) = folder {
        let _ = fs::remove_dir_all(folder);
    }
}

/// Removes an empty cgroup. It is not at once when its last process has ended.
fn remove_cgroup(cgroup: &Path) {
    let begun = Instant::now();
    while fs::remove_dir(cgroup).is_err() && cgroup.exists() && begun.elapsed() < GRACE {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal; that a process has ended is no error.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process runs; a zombie does not.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| crate::usage::state(&stat).is_some_and(|state| !matches!(state, 'Z' | 'X')))
}
