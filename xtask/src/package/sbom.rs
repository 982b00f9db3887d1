//! What the program is made of, as a `CycloneDX` document: the crates that cargo links into it, with their licenses and hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hostward_testkit::command::run;
use hostward_testkit::{Error, Result, cargo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::doing;
use super::program::Place;
use super::release::date;
use super::target::Target;

/// The crate of the program.
const PROGRAM: &str = "hostward-cli";

/// What of `cargo metadata` is needed.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

/// A crate, and what it depends on.
#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// None for what is linked; `dev` and `build` otherwise.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    /// Of what the registry has; the project's own crates have none.
    checksum: Option<String>,
}

/// The document for the program of this target.
pub(super) fn make(place: &Place, target: &Target) -> Result<Vec<u8>> {
    let mut cargo = cargo::command();
    cargo.args(["metadata", "--format-version=1", "--locked", "--filter-platform", &target.triple]);
    let printed = run(cargo.current_dir(&place.workspace))?.stdout;
    let metadata = serde_json::from_slice(&printed)
        .map_err(|error| Error::State(format!("cannot read what cargo metadata printed: {error}")))?;
    let lock = fs::read_to_string(place.workspace.join("Cargo.lock")).map_err(doing("read Cargo.lock"))?;
    let lock =
        toml::from_str(&lock).map_err(|error| Error::State(format!("cannot read Cargo.lock: {error}")))?;
    let document = document(&metadata, &lock, &date(place.time)?.to_string())?;
    Ok(format!("{document:#}\n").into_bytes())
}

fn document(metadata: &Metadata, lock: &Lock, time: &str) -> Result<Value> {
    let packages: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&*package.id, package)).collect();
    let linked: BTreeMap<_, _> =
        metadata.resolve.nodes.iter().map(|node| (&*node.id, linked(node))).collect();
    let program = metadata.packages.iter().find(|package| package.name == PROGRAM);
    let program = program.ok_or_else(|| Error::State(format!("cargo metadata does not list {PROGRAM}")))?;
    let reached = reached(&program.id, &linked);
    let named = |id: &&str| packages.get(id).map(|package| reference(package));
    let mut components: Vec<_> = reached
        .iter()
        .filter_map(|id| packages.get(id).filter(|package| package.id != program.id))
        .map(|package| component(package, "library", lock))
        .collect();
    let mut dependencies: Vec<_> = reached
        .iter()
        .filter_map(|id| {
            let mut on: Vec<_> = linked.get(id)?.iter().filter_map(named).collect();
            on.sort();
            Some(json!({ "ref": named(id)?, "dependsOn": on }))
        })
        .collect();
    components.sort_by_key(|component| component["bom-ref"].to_string());
    dependencies.sort_by_key(|dependency| dependency["ref"].to_string());
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "timestamp": time, "component": component(program, "application", lock) },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// The crates that are linked together with a crate.
fn linked(node: &Node) -> Vec<&str> {
    let is_linked = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
    node.deps.iter().filter(is_linked).map(|dependency| &*dependency.pkg).collect()
}

/// A crate, and all that it needs.
fn reached<'a>(from: &'a str, linked: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let (mut reached, mut ahead) = (BTreeSet::new(), vec![from]);
    while let Some(id) = ahead.pop() {
        if reached.insert(id) {
            ahead.extend(linked.get(id).into_iter().flatten());
        }
    }
    reached
}

/// A crate's name in the document, by which others refer to it as well.
fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

fn component(package: &Package, kind: &str, lock: &Lock) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": reference(package),
        "name": package.name,
        "version": package.version,
        "purl": reference(package),
    });
    if let Some(description) = &package.description {
        component["description"] = json!(description.trim());
    }
    if let Some(license) = &package.license {
        // Older crates write a slash.
        component["licenses"] = json!([{ "expression": license.replace(" / ", "/").replace('/', " OR ") }]);
    }
    let locked = lock.package.iter().find(|one| one.name == package.name && one.version == package.version);
    if let Some(checksum) = locked.and_then(|locked| locked.checksum.as_ref()) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_what_is_linked_and_nothing_else() {
        let package =
            |name: &str| json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0" });
        let on = |name: &str, kind: Value| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [package(PROGRAM), package("linked"), package("builds"), package("tests"), package("other")],
            "resolve": { "nodes": [
                { "id": PROGRAM, "deps": [on("linked", json!(null)), on("tests", json!("dev")), on("builds", json!("build"))] },
                { "id": "linked", "deps": [] },
                { "id": "other", "deps": [on("linked", json!(null))] },
            ] },
        });
        let lock = Lock {
            package: vec![Locked {
                name: "linked".into(),
                version: "1.0.0".into(),
                checksum: Some("ab".into()),
            }],
        };
        let document = document(&serde_json::from_value(metadata).unwrap(), &lock, "now").unwrap();
        let components = document["components"].as_array().unwrap();
        assert_eq!(components.len(), 1, "{document:#}");
        assert_eq!(components[0]["purl"], "pkg:cargo/linked@1.0.0");
        assert_eq!(components[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(components[0]["hashes"][0]["content"], "ab");
        let depends = json!([{ "ref": "pkg:cargo/hostward-cli@1.0.0", "dependsOn": ["pkg:cargo/linked@1.0.0"] },
            { "ref": "pkg:cargo/linked@1.0.0", "dependsOn": [] }]);
        assert_eq!(document["dependencies"], depends);
    }
}
