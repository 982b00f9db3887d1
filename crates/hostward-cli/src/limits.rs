//! The limits for people and programs: each with its value, its default, and what a client sees that meets it.

use std::fmt::Write;

use hostward_proxy::{Limit, Limits, Unit};
use serde::Serialize;

/// A limit and its value.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    name: &'static str,
    value: u64,
    default: u64,
    /// What both count: `count`, `bytes` or `seconds`.
    unit: &'static str,
    /// What a client sees that meets it.
    met: &'static str,
    #[serde(skip)]
    limit: &'static Limit,
}

/// All of them, in the order of the table.
pub(crate) fn told(limits: &Limits) -> Vec<Told> {
    let told = |(limit, (name, value)): (&'static Limit, (&'static str, u64))| {
        let unit = match limit.unit {
            Unit::Count => "count",
            Unit::Bytes => "bytes",
            Unit::Seconds => "seconds",
        };
        Told { name, value, default: limit.default, unit, met: limit.met, limit }
    };
    Limits::ALL.iter().zip(limits.each()).map(told).collect()
}

impl Told {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn is_default(&self) -> bool {
        self.value == self.default
    }

    fn shown(&self, value: u64) -> String {
        self.limit.unit.shown(value)
    }

    /// The default, where the value is another.
    fn other(&self) -> String {
        if self.is_default() { String::new() } else { self.shown(self.default) }
    }
}

/// A line for each: value, default where it is another, and what a client sees.
pub(crate) fn table(limits: &Limits) -> String {
    let told = told(limits);
    let name = told.iter().map(|one| one.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{:name$}  {:>9}  {:>9}  a client that meets it", "limit", "value", "default");
    for one in &told {
        let (value, default) = (one.shown(one.value), one.other());
        let _ = writeln!(text, "{:name$}  {value:>9}  {default:>9}  {}", one.name, one.met);
    }
    text
}

/// A line for each thing that a client sees, with the limits of which it sees that.
pub(crate) fn by_what_is_seen(told: &[Told]) -> Vec<String> {
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    for one in told {
        let other = if one.is_default() { String::new() } else { format!(" (default {})", one.other()) };
        let limit = format!("{} {}{other}", one.name, one.shown(one.value));
        match lines.iter_mut().find(|(met, _)| *met == one.met) {
            Some((_, limits)) => limits.push(limit),
            None => lines.push((one.met, vec![limit])),
        }
    }
    lines.into_iter().map(|(met, limits)| format!("{met}: {}", limits.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { connections: 512, held_bytes: 1 << 30, ..Limits::default() }
    }

    #[test]
    fn a_default_is_told_where_the_value_is_another() {
        let table = table(&limits());
        assert_eq!(table.lines().count(), 1 + Limits::ALL.len());
        let line = |name: &str| {
            table
                .lines()
                .find(|line| line.starts_with(name))
                .unwrap()
                .split_whitespace()
                .take(5)
                .collect::<Vec<_>>()
        };
        assert_eq!(line("connections ")[..4], ["connections", "512", "4096", "503,"]);
        assert_eq!(line("held_bytes ")[..5], ["held_bytes", "1", "GiB", "96", "MiB"]);
        assert_eq!(line("head_seconds ")[..4], ["head_seconds", "30", "s", "408,"]);
    }

    #[test]
    fn every_limit_is_told_with_what_is_seen() {
        let lines = by_what_is_seen(&told(&limits()));
        assert_eq!(lines[0], "503, and the connection is closed: connections 512 (default 4096)");
        for limit in Limits::ALL {
            let told =
                |line: &&String| line.starts_with(limit.met) && line.contains(&format!(" {} ", limit.name));
            assert_eq!(lines.iter().filter(told).count(), 1, "{}", limit.name);
        }
    }
}
