//! docs/systems.md has a row for each system, made of what was seen here.

use std::fs;
use std::path::{Path, PathBuf};

use hostward_testkit::catalog::Catalog;

use crate::judge::System;

/// The rows are written, and not compared, where this is set.
const WRITE: &str = "HOSTWARD_WRITE_DOCS";

fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file)
}

/// The system's page has the words that its users search for.
pub(crate) fn names(system: &System) {
    let page = fs::read_to_string(docs(&format!("systems/{}", system.page))).expect("the system has a page");
    assert!(
        page.contains(system.symptom),
        "docs/systems/{} has not the words: {}",
        system.page,
        system.symptom
    );
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
}
