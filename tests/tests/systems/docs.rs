//! docs/systems.md has a row for each system, made of what was seen here. docs/messages.md has the words in which each
//! fails, made of the systems' pages.

use std::fs;
use std::path::{Path, PathBuf};

use hostward_testkit::catalog::Catalog;

use crate::judge::System;
use crate::profiles::Profile;

/// The rows are written, and not compared, where this is set.
const WRITE: &str = "HOSTWARD_WRITE_DOCS";

fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file)
}

/// The system's page has the words that its users search for.
pub(crate) fn names(system: &System) {
    let page = fs::read_to_string(docs(&format!("systems/{}", system.page))).expect("the system has a page");
    let messages = messages(&page);
    assert!(
        messages.contains(system.symptom),
        "docs/systems/{} does not quote this message where it says how the system fails: {}",
        system.page,
        system.symptom
    );
}

/// The messages in a system's page: what is indented where it says how it fails.
fn messages(page: &str) -> String {
    let fails = |heading: &&str| ["## How it fails", "## Without Hostward"].contains(heading);
    let section = page.lines().skip_while(|line| !fails(line)).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let indented = section.map(|line| if line.starts_with("    ") { line } else { "" });
    let mut lines: Vec<_> = indented.skip_while(|line| line.is_empty()).collect();
    lines.dedup();
    lines.join("\n").trim_end().to_owned()
}

/// All of them, each with its page.
fn by_system() -> String {
    let pages = fs::read_dir(docs("systems")).expect("docs/systems can be read");
    let mut pages: Vec<_> = pages.map(|entry| entry.expect("an entry").path()).collect();
    pages.sort();
    let section = |path: &PathBuf| {
        let page = fs::read_to_string(path).expect("the page can be read");
        let title = page.lines().next().and_then(|line| line.strip_prefix("# ")).expect("a title");
        let name = path.file_name().expect("a name").to_string_lossy();
        let messages = messages(&page);
        assert!(!messages.is_empty(), "docs/systems/{name} does not say how it fails");
        format!("### {title}\n\n{messages}\n\nCause and recipe: [systems/{name}](systems/{name})\n")
    };
    pages.iter().map(section).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_failure_is_found_by_its_words() {
    const START: &str = "## By system\n\n";
    let file = docs("messages.md");
    let text = fs::read_to_string(&file).expect("docs/messages.md can be read");
    let (general, old) = text.split_once(START).expect("docs/messages.md has the systems' part");
    let new = by_system();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&file, format!("{general}{START}{new}")).expect("docs/messages.md can be written");
    } else {
        assert_eq!(old, new, "docs/messages.md is old: run this test with {WRITE}=1");
    }
}

/// Compares the row of a system that did what it should with the one in the docs, or writes it there.
pub(crate) fn hold(system: &System) {
    let engines = Catalog::load().expect("engines.toml is right").engines;
    let engines: Vec<_> =
        engines.into_iter().map(|engine| engine.name).filter(|name| !system.is_not_on(name)).collect();
    let file = docs("systems.md");
    let text = fs::read_to_string(&file).expect("docs/systems.md can be read");
    let start = format!("| [{}](", system.name);
    let row = format!("{start}systems/{}) | {} | {} |", system.page, system.client, engines.join(", "));
    let found = text.lines().find(|line| line.starts_with(&start));
    let found = found.expect("docs/systems.md has a row of the system");
    if std::env::var_os(WRITE).is_some() {
        fs::write(&file, text.replace(found, &row)).expect("docs/systems.md can be written");
    } else {
        assert_eq!(found, row, "docs/systems.md is old: run this test with {WRITE}=1");
    }
    if let Some(profile) = system.profile() {
        hold_profile(profile, &text, &start);
    }
}

/// Looks in the table of profiles for all that the system was seen to need. Why it needs that is not compared.
fn hold_profile(profile: &Profile, text: &str, start: &str) {
    let (_, table) =
        text.split_once("## Under a profile").expect("docs/systems.md says what runs under profiles");
    let row = table.lines().find(|line| line.starts_with(start));
    let row = row.unwrap_or_else(|| panic!("the table of profiles in docs/systems.md has no row {start}"));
    let keys = profile
        .keys
        .lines()
        .map(|key| key.strip_prefix("preset = ").map_or(key, |preset| preset.trim_matches('"')));
    for word in keys.chain(profile.roots.iter().copied()) {
        assert!(
            row.contains(&format!("`{word}`")),
            "docs/systems.md does not say that {} needs {word}",
            profile.system
        );
    }
}
