//! What the library's micro-benchmarks have measured, by criterion's files.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use hostward_testkit::{Error, Result};
use serde_json::Value;

use crate::docs;
use crate::process::io;
use crate::report::number;

/// Where they are, and where to write them.
#[derive(clap::Args)]
pub(crate) struct Core {
    /// criterion's folder
    #[arg(long)]
    measured: PathBuf,
    /// The page whose figures are replaced
    #[arg(long)]
    write_docs: Option<PathBuf>,
}

/// Shows them, and writes them to the page.
pub(crate) fn run(core: &Core) -> Result<()> {
    let mut figures = Vec::new();
    find(&core.measured, &mut figures)?;
    figures.sort();
    if figures.is_empty() {
        return Err(Error::State(format!("nothing was measured in {}", core.measured.display())));
    }
    let mut text = "| | µs |\n|---|---|\n".to_owned();
    for (name, microseconds) in &figures {
        let _ = writeln!(text, "| {name} | {microseconds} |");
    }
    println!("{text}");
    match &core.write_docs {
        Some(page) => docs::put(page, "core", &text),
        None => Ok(()),
    }
}

/// Each folder `new` has what was measured last.
fn find(folder: &Path, figures: &mut Vec<(String, String)>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(io(format!("read {}", folder.display())))?.flatten() {
        let path = entry.path();
        if !path.is_dir() {
            continue;
        }
        if path.ends_with("new") {
            let read = |file: &str| fs::read_to_string(path.join(file)).ok();
            let (name, estimates) = (read("benchmark.json"), read("estimates.json"));
            figures.extend(name.zip(estimates).and_then(|(name, estimates)| figure(&name, &estimates)));
        } else {
            find(&path, figures)?;
        }
    }
    Ok(())
}

/// A benchmark's name and its median in µs.
fn figure(benchmark: &str, estimates: &str) -> Option<(String, String)> {
    let benchmark: Value = serde_json::from_str(benchmark).ok()?;
    let estimates: Value = serde_json::from_str(estimates).ok()?;
    let nanoseconds = estimates["median"]["point_estimate"].as_f64()?;
    let name = benchmark["title"].as_str().or(benchmark["full_id"].as_str())?;
    Some((name.to_owned(), number(nanoseconds / 1000.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_in_microseconds() {
        let estimates = r#"{"mean":{"point_estimate":9.0},"median":{"point_estimate":1456.0}}"#;
        assert_eq!(figure(r#"{"full_id":"read"}"#, estimates), Some(("read".to_owned(), "1.46".to_owned())));
        assert_eq!(figure("{}", estimates), None);
    }
}
