//! docs/limits.md has the table of limits as its generated part.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::{Limit, Limits, Unit};

/// The page is written, and not compared, where this is set.
const WRITE: &str = "HOSTWARD_WRITE_DOCS";

const BEGIN: &str = "<!-- limits -->\n";
const END: &str = "<!-- end of limits -->\n";

fn rows() -> String {
    let mut rows =
        String::from("| limit | default | what is limited | what a client sees |\n|---|---|---|---|\n");
    for Limit { name, unit, default, what, met } in Limits::ALL {
        let default = match unit {
            Unit::Bytes => format!("`\"{}\"`", unit.shown(*default)),
            Unit::Count | Unit::Seconds => format!("`{default}`"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(rows, "| `{name}` | {default} | {what} | {met} |");
    }
    rows
}

#[test]
fn the_page_has_every_limit() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/limits.md");
    let text = fs::read_to_string(&file).expect("docs/limits.md can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the page has a place for the limits");
    let (_, after) = rest.split_once(END).expect("the limits have an end");
    let new = format!("{before}{BEGIN}\n{}\n{END}{after}", rows());
    if std::env::var_os(WRITE).is_some() {
        fs::write(&file, new).expect("docs/limits.md can be written");
    } else {
        assert_eq!(text, new, "docs/limits.md is old: run this test with {WRITE}=1");
    }
}
