//! What was measured, as tables in Markdown.

use std::fmt::Write;

use crate::goals::{self, Goal};
use crate::measure::Measured;
use crate::peer::Kind;
use crate::run::Results;
use crate::svg::grouped;
use crate::workloads::{CREATE_1, CREATE_10, INSPECT, LIST_10, LIST_64, LIST_1000, PING_1, PING_64, STREAMS};

const KINDS: [Kind; 6] =
    [Kind::Direct, Kind::Hostward, Kind::Relay, Kind::Splice, Kind::Nginx, Kind::Haproxy];

/// A table that is being written.
struct Table(String);

impl Table {
    fn of(columns: &[&str]) -> Self {
        let rule: String = columns.iter().map(|_| "---|").collect();
        Self(format!("| {} |\n|{rule}\n", columns.join(" | ")))
    }

    fn row(&mut self, cells: &[String]) {
        let _ = writeln!(self.0, "| {} |", cells.join(" | "));
    }

    fn end(mut self) -> String {
        self.0.push('\n');
        self.0
    }
}

/// All tables. Pictures are beside the page, in this folder.
pub(crate) fn tables(results: &Results, pictures: &str) -> String {
    let mut text = format!("{}\n\n", results.machine);
    text += "### Requests of a process on the host\n\n";
    text += &requests(results);
    text += "### Streams\n\n";
    text += &streams(results);
    text += "### Requests of a container\n\n";
    text += &translated(results);
    text += "### Memory\n\n";
    text += &memory(results);
    text += "### Growth\n\n";
    for curve in &results.curves {
        let _ = writeln!(text, "![{}]({pictures}/{}.svg)\n", curve.title, curve.name);
    }
    text += "### Goals\n\n";
    text + &goals_met(&goals::all(results))
}

fn find<'a>(results: &'a Results, name: &str) -> Option<&'a Measured> {
    results.workloads.iter().find(|measured| measured.name == name)
}

/// A figure in three digits, or why there is none.
fn cell(measured: Option<&Measured>, kind: Kind, figure: impl Fn(&Measured) -> Option<f64>) -> String {
    let Some(measured) = measured else { return "–".to_owned() };
    if measured.failures.contains_key(&kind) {
        return "fails".to_owned();
    }
    figure(measured).map_or_else(|| "–".to_owned(), number)
}

/// Three digits that count, and of a whole number only its own.
pub(crate) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1000.0 {
        return format!("{value:.0}");
    }
    let digits = match value.abs() {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => return if value < 0.0 { format!("{value:.0}") } else { grouped(&format!("{value:.0}")) },
    };
    format!("{value:.digits$}")
}

fn measured_kinds(results: &Results, name: &str) -> Vec<Kind> {
    let samples = find(results, name).map(|measured| &measured.samples);
    KINDS.into_iter().filter(|kind| samples.is_some_and(|samples| samples.contains_key(kind))).collect()
}

fn requests(results: &Results) -> String {
    let mut table = Table::of(&[
        "",
        "ping: p50, µs",
        "added to p50",
        "added to p99",
        "ping × 64: throughput, × direct",
        "CPU, µs a request",
        "list of 8 KB × 64: throughput, × direct",
        "CPU, µs a request",
    ]);
    let [one, many, list] = [PING_1, PING_64, LIST_64].map(|name| find(results, name));
    for kind in measured_kinds(results, PING_1) {
        table.row(&[
            kind.to_string(),
            cell(one, kind, |one| one.p50(kind)),
            cell(one, kind, |one| one.added_p50(kind)),
            cell(one, kind, |one| one.added_p99(kind)),
            cell(many, kind, |many| many.ratio(kind)),
            cell(many, kind, |many| many.processor(kind)),
            cell(list, kind, |list| list.ratio(kind)),
            cell(list, kind, |list| list.processor(kind)),
        ]);
    }
    table.end()
}

fn streams(results: &Results) -> String {
    let names = STREAMS.map(|(_, name)| name);
    let columns: Vec<String> =
        names.iter().flat_map(|name| [format!("{name}: × direct"), "CPU, µs a MB".to_owned()]).collect();
    let columns: Vec<&str> = std::iter::once("").chain(columns.iter().map(String::as_str)).collect();
    let mut table = Table::of(&columns);
    let all = names.map(|name| find(results, name));
    for kind in measured_kinds(results, names[0]) {
        let mut row = vec![kind.to_string()];
        for measured in all {
            // Direct shows what the others are held against.
            row.push(match kind {
                Kind::Direct => {
                    cell(measured, kind, |measured| measured.rate(kind).map(|rate| rate / 1e6)) + " MB/s"
                }
                _ => cell(measured, kind, |measured| measured.ratio(kind)),
            });
            row.push(cell(measured, kind, |measured| measured.processor(kind).map(|each| each * 1e6)));
        }
        table.row(&row);
    }
    table.end()
}

fn translated(results: &Results) -> String {
    let mut table = Table::of(&[
        "",
        "direct: p50, µs",
        "Hostward: added to p50",
        "added to p99",
        "CPU, µs a request",
        "byte relay: added to p50",
    ]);
    for name in [CREATE_1, CREATE_10, INSPECT, LIST_10, LIST_1000] {
        let measured = find(results, name);
        table.row(&[
            name.to_owned(),
            cell(measured, Kind::Direct, |one| one.p50(Kind::Direct)),
            cell(measured, Kind::Hostward, |one| one.added_p50(Kind::Hostward)),
            cell(measured, Kind::Hostward, |one| one.added_p99(Kind::Hostward)),
            cell(measured, Kind::Hostward, |one| one.processor(Kind::Hostward)),
            cell(measured, Kind::Relay, |one| one.added_p50(Kind::Relay)),
        ]);
    }
    table.end()
}

fn memory(results: &Results) -> String {
    let many = results.memory.iter().find_map(|memory| memory.many);
    let many = many.map_or("10,000".to_owned(), |many| grouped(&many.0.to_string()));
    let many = format!("{many} idle");
    let columns = ["MiB", "at the start", "1,000 idle", "1,000 event streams", &many, "after all"];
    let mut table = Table::of(&columns);
    let show = |kibibytes: Option<f64>| kibibytes.map_or("–".to_owned(), |one| number(one / 1024.0));
    for one in &results.memory {
        table.row(&[
            one.kind.to_string(),
            show(Some(one.start)),
            show(one.idle),
            show(one.events),
            show(one.many.map(|many| many.1)),
            show(Some(one.after)),
        ]);
    }
    table.end()
}

fn goals_met(goals: &[Goal]) -> String {
    let mut table = Table::of(&["", "goal", "measured", ""]);
    for goal in goals.iter().filter(|goal| goal.measured.is_some()) {
        let met = if goal.is_met() == Some(true) { "met" } else { "missed" };
        let measured = goal.measured.map_or_else(String::new, number);
        table.row(&[goal.what.clone(), goal.bound(), measured, met.to_owned()]);
    }
    table.end()
}

/// What the load generator itself took: near 1 it would be what is measured.
pub(crate) fn load(results: &Results) -> String {
    let mut text = String::new();
    for measured in &results.workloads {
        for kind in [Kind::Direct, Kind::Hostward] {
            if let Some(load) = measured.load(kind) {
                let _ = writeln!(
                    text,
                    "load generator: {:.0} % of a processor, {}, {kind}",
                    load * 100.0,
                    measured.name
                );
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        let shown = [0.456, 4.561, 45.67, 456.7, 45678.0, -3.21, 22.0].map(number);
        assert_eq!(shown, ["0.46", "4.56", "45.7", "457", "45,678", "-3.21", "22"].map(str::to_owned));
    }

    #[test]
    fn what_failed_or_was_not_measured_is_said() {
        let mut measured = Measured::default();
        measured.failures.insert(Kind::Nginx, "closed".to_owned());
        assert_eq!(cell(Some(&measured), Kind::Nginx, |_| Some(1.0)), "fails");
        assert_eq!(cell(Some(&measured), Kind::Relay, |_| None), "–");
        assert_eq!(cell(None, Kind::Relay, |_| Some(1.0)), "–");
    }
}
