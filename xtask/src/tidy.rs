//! `cargo xtask tidy`: what reviewers would otherwise have to remember about the code's layout, and about its pages.
//!
//! Files are read as Rust by `syn`, without their tests. What the types of the code decide is left to clippy (`clippy.toml`).

mod circles;
mod links;
mod source;

pub(crate) use links::pages;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hostward_testkit::{Error, Result};

use source::{Source, unread};

/// The crates that make up the product: a type's name means one thing in all of them.
const PRODUCT: [&str; 6] =
    ["hostward", "hostward-engine", "hostward-sight", "hostward-client", "hostward-proxy", "hostward-cli"];

/// A file is read in one sitting: so many lines of code, its comments and its tests apart.
const MOST_LINES: usize = 400;

/// Rules that a row of the table cannot play, and the tests that hold them.
const PLAYED_ELSEWHERE: [(&str, &str); 6] = [
    ("T18", "crates/hostward/tests/laws.rs"),
    ("T20", "tests/tests/volumes_from.rs"),
    ("T21", "tests/tests/devices.rs"),
    ("T22", "tests/tests/wrap.rs"),
    ("T23", "tests/tests/callers.rs"),
    ("T24", "tests/tests/sidecar.rs"),
];

/// Looks at all of it.
///
/// # Errors
/// All that is wrong, a line each.
pub(crate) fn run(workspace: &Path) -> Result<()> {
    let mut wrong = Vec::new();
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in crates(workspace)? {
        let sources = source::read(&workspace.join("crates").join(&name).join("src"))?;
        for source in &sources {
            wrong.extend(too_long(workspace, source));
            if PRODUCT.contains(&&*name) {
                let at = shown(workspace, &source.path);
                source.types().for_each(|name| types.entry(name).or_default().push(at.clone()));
            }
        }
        wrong.extend(circles::find(&sources).into_iter().map(|circle| format!("{name}: {circle}")));
    }
    for (name, places) in types.iter().filter(|(_, places)| places.len() > 1) {
        wrong.push(format!("the type name {name} has more than one meaning: {}", places.join(", ")));
    }
    wrong.extend(rules(workspace)?);
    wrong.extend(links::find(workspace)?);
    if wrong.is_empty() { Ok(()) } else { Err(Error::State(format!("tidy:\n  {}", wrong.join("\n  ")))) }
}

fn crates(workspace: &Path) -> Result<Vec<String>> {
    let folder = workspace.join("crates");
    let entries = fs::read_dir(&folder).map_err(unread(&folder))?;
    let mut names: Vec<_> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn too_long(workspace: &Path, source: &Source) -> Option<String> {
    let lines = source.lines_of_code();
    let at = shown(workspace, &source.path);
    (lines > MOST_LINES).then(|| format!("{at} has {lines} lines of code, more than {MOST_LINES}"))
}

/// Each rule of docs/rules.md is played by a row of the table, or by the test that is named for it here.
fn rules(workspace: &Path) -> Result<Vec<String>> {
    let page = read_text(&workspace.join("docs/rules.md"))?;
    let documented: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| T")?.split_once(' '))
        .map(|(number, _)| format!("T{number}"))
        .collect();
    let table = workspace.join("tests/rules");
    let entries = fs::read_dir(&table).map_err(unread(&table))?;
    let mut rows = String::new();
    for entry in entries.flatten() {
        rows += &read_text(&entry.path())?;
    }
    let mut wrong = Vec::new();
    for rule in &documented {
        let elsewhere = PLAYED_ELSEWHERE.iter().find(|(name, _)| name == rule);
        let played = match elsewhere {
            Some((_, file)) => {
                let text = read_text(&workspace.join(file))?;
                text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == rule)
            }
            None => rows.contains(&format!("rule = \"{rule}\"\n")),
        };
        if !played {
            wrong.push(format!("no row and no test covers {rule} of docs/rules.md"));
        }
    }
    let named = rows.lines().filter_map(|line| line.strip_prefix("rule = \"")?.strip_suffix('"'));
    for rule in named.filter(|rule| !documented.iter().any(|known| known == rule)) {
        wrong.push(format!("{rule} has rows but is missing in docs/rules.md"));
    }
    wrong.dedup();
    Ok(wrong)
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(unread(path))
}

fn shown(workspace: &Path, path: &Path) -> String {
    path.strip_prefix(workspace).map_or_else(|_| PathBuf::from(path), Path::to_owned).display().to_string()
}
