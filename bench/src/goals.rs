//! What the project wants of itself, beside what was measured.

use crate::fold::growth;
use crate::growth::{Curve, RELAY, Series};
use crate::job::Way;
use crate::measure::Measured;
use crate::memory::Memory;
use crate::peer::Kind;
use crate::report::number;
use crate::run::Results;
use crate::svg::grouped;
use crate::workloads::{CREATE_1, CREATE_10, LIST_64, LIST_1000, PING_1, PING_64, STREAMS};

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Goal {
    pub(crate) what: String,
    bound: Bound,
    pub(crate) unit: &'static str,
    pub(crate) measured: Option<f64>,
}

/// Which figures are good.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bound {
    Most(f64),
    Least(f64),
}

impl Goal {
    fn most(what: impl Into<String>, most: f64, unit: &'static str, measured: Option<f64>) -> Self {
        Self { what: what.into(), bound: Bound::Most(most), unit, measured }
    }

    fn least(what: impl Into<String>, least: f64, unit: &'static str, measured: Option<f64>) -> Self {
        Self { what: what.into(), bound: Bound::Least(least), unit, measured }
    }

    /// The bound in words.
    pub(crate) fn bound(&self) -> String {
        match self.bound {
            Bound::Most(most) => format!("at most {} {}", number(most), self.unit),
            Bound::Least(least) => format!("at least {} {}", number(least), self.unit),
        }
    }

    /// Whether it was met; none where nothing was measured.
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.measured.map(|measured| match self.bound {
            Bound::Most(most) => measured <= most,
            Bound::Least(least) => measured >= least,
        })
    }
}

/// All of them.
pub(crate) fn all(results: &Results) -> Vec<Goal> {
    let of = |name: &str| results.workloads.iter().find(|measured| measured.name == name);
    let figure = |name: &str, figure: fn(&Measured, Kind) -> Option<f64>| {
        of(name).and_then(|measured| figure(measured, Kind::Hostward))
    };
    let milliseconds = figure(LIST_1000, Measured::added_p50).map(|added| added / 1000.0);
    let mut goals = vec![
        Goal::most("ping, 1 connection: added to p50", 22.0, "µs", figure(PING_1, Measured::added_p50)),
        Goal::most("ping, 1 connection: added to p99", 32.0, "µs", figure(PING_1, Measured::added_p99)),
        Goal::least("ping, 64 connections: throughput", 0.47, "× direct", figure(PING_64, Measured::ratio)),
        Goal::most("ping, 64 connections: CPU", 8.5, "µs a request", figure(PING_64, Measured::processor)),
        Goal::least(
            "list of 8 KB, 64 connections: throughput",
            0.5,
            "× direct",
            figure(LIST_64, Measured::ratio),
        ),
        Goal::most("create with 1 bind: added to p50", 60.0, "µs", figure(CREATE_1, Measured::added_p50)),
        Goal::most("create with 10 binds: added to p50", 120.0, "µs", figure(CREATE_10, Measured::added_p50)),
        Goal::most("list of 1,000 containers: added to p50", 12.0, "ms", milliseconds),
    ];
    goals.extend(STREAMS.iter().flat_map(|(way, name)| streams(*way, of(name))));
    goals.extend(memory(results.memory.iter().find(|memory| memory.kind == Kind::Hostward)));
    goals.extend(results.curves.iter().flat_map(growths));
    goals
}

fn streams(way: Way, measured: Option<&Measured>) -> [Goal; 2] {
    let beside = measured.and_then(|one| one.beside_better(Kind::Hostward, [Kind::Relay, Kind::Splice]));
    let name = STREAMS.iter().find(|stream| stream.0 == way).map_or("", |stream| stream.1);
    [
        Goal::least(
            format!("stream {name}: throughput"),
            0.95,
            "× the better relay",
            beside.map(|both| both.0),
        ),
        Goal::most(format!("stream {name}: CPU"), 1.1, "× the better relay", beside.map(|both| both.1)),
    ]
}

fn memory(of: Option<&Memory>) -> [Goal; 4] {
    let mebibytes = |kibibytes: f64| kibibytes / 1024.0;
    let figure = |figure: fn(&Memory) -> Option<f64>| of.and_then(figure).map(mebibytes);
    let many = match of.and_then(|memory| memory.many) {
        Some((connections, _)) if connections < 10_000 => {
            format!("memory with 10,000 idle connections, by those of {connections}")
        }
        _ => "memory with 10,000 idle connections".to_owned(),
    };
    [
        Goal::most("memory at the start", 4.0, "MiB", figure(|memory| Some(memory.start))),
        Goal::most("memory with 1,000 idle connections", 9.0, "MiB", figure(|memory| memory.idle)),
        Goal::most(many, 64.0, "MiB", figure(|memory| Some(with_ten_thousand(memory.start, memory.many?)))),
        Goal::most("memory with 1,000 event streams", 14.0, "MiB", figure(|memory| memory.events)),
    ]
}

/// Where the machine does not allow as many: each takes what each of the others takes.
#[expect(clippy::cast_precision_loss, reason = "at most ten thousand")]
fn with_ten_thousand(start: f64, (connections, measured): (usize, f64)) -> f64 {
    start + (measured - start) * 10_000.0 / connections as f64
}

fn growths(curve: &Curve) -> Vec<Goal> {
    let one = |series: &Series| {
        let grown = growth(&series.points);
        let last = series.points.iter().rev().take(2).map(|point| grouped(&format!("{:.0}", point.0)));
        let steps = last.collect::<Vec<_>>();
        let steps = steps.iter().rev().map(String::as_str).collect::<Vec<_>>().join(" to ");
        let what = format!("growth, {}: from {steps} {}", series.name, curve.of);
        Goal::most(what, grown.map_or(f64::NAN, |(_, bound)| bound), "×", grown.map(|(grown, _)| grown))
    };
    curve.series.iter().filter(|series| series.name != RELAY).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_connections_tell_what_ten_thousand_take() {
        assert!((with_ten_thousand(4.0, (10_000, 64.0)) - 64.0).abs() < 1e-9);
        assert!((with_ten_thousand(4.0, (2_500, 19.0)) - 64.0).abs() < 1e-9);
    }

    #[test]
    fn a_goal_is_met_on_its_own_side() {
        assert_eq!(Goal::most("a", 2.0, "µs", Some(1.9)).is_met(), Some(true));
        assert_eq!(Goal::most("a", 2.0, "µs", Some(2.1)).is_met(), Some(false));
        assert_eq!(Goal::least("a", 0.5, "×", Some(0.4)).is_met(), Some(false));
        assert_eq!(Goal::least("a", 0.5, "×", None).is_met(), None);
        // A figure that is none meets nothing.
        assert_eq!(Goal::most("a", 2.0, "×", Some(f64::NAN)).is_met(), Some(false));
    }
}
