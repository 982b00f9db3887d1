//! What a process and its children use, by `/proc`.

use std::collections::BTreeMap;
use std::fs;

/// The kernel's unit of processor time in /proc on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a peer has used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// Seconds of processor time, in user mode and in the kernel, since it was started.
    pub(crate) seconds: f64,
    /// Resident memory in KiB.
    pub(crate) memory: f64,
}

impl Usage {
    /// Of a process and all that descend from it; those that have ended are counted by their parents.
    pub(crate) fn of(pid: u32) -> Self {
        let mut sum = Self::default();
        for pid in family(pid, &parents()) {
            if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
                sum.seconds += seconds(&stat).unwrap_or_default();
            }
            if let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) {
                sum.memory += resident(&status).unwrap_or_default();
            }
        }
        sum
    }
}

/// A process's state, a letter.
pub(crate) fn state(stat: &str) -> Option<char> {
    fields(stat)?.next()?.chars().next()
}

/// The fields of `/proc/PID/stat` from the third on: what stands before is the pid and a name that may hold anything.
fn fields(stat: &str) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    Some(stat.rsplit_once(") ")?.1.split_ascii_whitespace())
}

/// utime, stime, cutime and cstime: the 14th to the 17th field.
fn seconds(stat: &str) -> Option<f64> {
    let ticks = fields(stat)?.skip(11).take(4).map(|field| field.parse::<f64>().ok());
    Some(ticks.sum::<Option<f64>>()? / TICKS_PER_SECOND)
}

fn parent(stat: &str) -> Option<u32> {
    fields(stat)?.nth(1)?.parse().ok()
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn parents() -> BTreeMap<u32, u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| Some((pid, parent(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
        .collect()
}

/// A process and its descendants.
fn family(pid: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&above) = found.get(next) {
        found.extend(parents.iter().filter(|(_, parent)| **parent == above).map(|(pid, _)| *pid));
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "42 (a) b (c) S 7 42 42 0 -1 4194560 2213 88 0 0 150 50 3 7 20 0 1 0 5 1000 77 18446744073709551615";

    #[test]
    fn processor_time_counts_both_modes_and_ended_children() {
        assert_eq!(seconds(STAT), Some(2.1));
        assert_eq!((parent(STAT), state(STAT)), (Some(7), Some('S')));
        assert_eq!(seconds("42 (a"), None);
        assert_eq!(seconds("42 (a) S 7 x"), Some(0.0));
    }

    #[test]
    fn resident_memory_is_in_kibibytes() {
        assert_eq!(resident("Name:\ta\nVmRSS:\t    4120 kB\nThreads:\t1\n"), Some(4120.0));
        assert_eq!(resident("Name:\tkthread\n"), None);
    }

    #[test]
    fn a_family_has_children_and_theirs() {
        let parents = BTreeMap::from([(2, 1), (3, 2), (4, 3), (5, 1)]);
        assert_eq!(family(2, &parents), [2, 3, 4]);
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(Usage::of(std::process::id()).memory > 100.0);
    }
}
