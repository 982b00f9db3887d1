//! What the figures were taken on, in a sentence.

use std::fs;
use std::path::Path;
use std::process::Command;

use hostward_testkit::command::stdout_of;

/// Processor, kernel, memory and the programs.
pub(crate) fn describe(hostward: &Path) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = value(&read("/proc/cpuinfo"), "model name").unwrap_or("unknown").to_owned();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = value(&read("/proc/meminfo"), "MemTotal").and_then(gibibytes).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let version = stdout_of(Command::new(hostward).arg("--version")).unwrap_or_default();
    format!(
        "Measured with {version} on {processors} × {processor}, {memory:.0} GiB, Linux {kernel}{}.",
        busy(&read("/proc/loadavg"), processors)
    )
}

/// The value of a line `name : value`, the first.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

fn gibibytes(value: &str) -> Option<f64> {
    Some(value.strip_suffix("kB")?.trim().parse::<f64>().ok()? / f64::from(1 << 20))
}

/// Says so where others used the machine before the run: ratios hold then, and times are long.
fn busy(loadavg: &str, processors: usize) -> String {
    let load = loadavg.split(' ').nth(1).and_then(|load| load.parse::<f64>().ok()).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a machine has fewer processors than 2^52")]
    let is_busy = load > processors as f64 / 2.0;
    if is_busy { format!(", which others were using as well (load {load:.1})") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_names() {
        let text = "processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nmodel name\t: B\n";
        assert_eq!(value(text, "model name"), Some("A CPU @ 2 GHz"));
        assert_eq!(value("MemTotal:       8388608 kB\n", "MemTotal").and_then(gibibytes), Some(8.0));
    }

    #[test]
    fn a_machine_that_others_use_is_said_to_be_so() {
        assert_eq!(busy("0.10 0.20 0.30 1/100 1", 2), "");
        assert!(busy("9.00 8.04 7.00 1/100 1", 2).contains("load 8.0"));
    }
}
