//! docs/clients.md has the matrix as its generated part.

use std::fs;
use std::path::Path;

/// The generated parts are written, and not compared, where this is set.
const WRITE: &str = "HOSTWARD_WRITE_DOCS";

/// Compares the matrix of some engines with the one in the docs; one of all engines is written there, where that is asked for,
/// with the versions that it was seen with. Versions are not compared: the newest engine's move with Debian's sid.
pub(crate) fn hold(matrix: &str, has_all_engines: bool, versions: impl FnOnce() -> String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/clients.md");
    let text = fs::read_to_string(&file).expect("docs/clients.md can be read");
    let with_matrix = with_part(&text, "matrix", matrix);
    if !has_all_engines {
        let known = rows(&text);
        let other: Vec<_> = rows(matrix).into_iter().filter(|row| !known.contains(row)).collect();
        assert_eq!(other, [""; 0], "docs/clients.md has other rows for these engines");
    } else if std::env::var_os(WRITE).is_some() {
        let written = with_part(&with_matrix, "versions", &versions());
        fs::write(&file, written).expect("docs/clients.md can be written");
    } else {
        assert_eq!(text, with_matrix, "docs/clients.md is old: run this test on all engines with {WRITE}=1");
    }
}

/// The rows of a table with a client and an engine, without what makes its columns even.
fn rows(text: &str) -> Vec<String> {
    let cells = |line: &str| line.split('|').map(str::trim).collect::<Vec<_>>().join("|");
    text.lines().filter(|line| line.starts_with("| ")).map(cells).filter(|row| !row.contains("---")).collect()
}

/// The text with another part between the lines `<!-- NAME -->` and `<!-- end of NAME -->`.
fn with_part(text: &str, name: &str, part: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = text.split_once(&begin).expect("the docs have a place for the part");
    let (_, after) = rest.split_once(&end).expect("the part has an end");
    format!("{before}{begin}\n{part}\n{end}{after}")
}

#[test]
fn a_part_of_the_docs_is_replaced_and_then_stays() {
    let text = "before\n<!-- x -->\nold\n<!-- end of x -->\nafter\n";
    let once = with_part(text, "x", "new\n");
    assert_eq!(once, "before\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nafter\n");
    assert_eq!(with_part(&once, "x", "new\n"), once);
}
