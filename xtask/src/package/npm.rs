//! The packages for npm: one with the functions, and one for each platform with its program, of which npm installs that which
//! the machine needs.

use hostward_testkit::Result;
use serde_json::{Map, Value, json};

use super::release::{Release, VERSION};
use super::tree::{Tree, gzip};
use super::{Artifact, doing};

const FUNCTIONS: [&str; 4] = ["README.md", "cli.js", "index.d.ts", "index.js"];
/// The platforms that there are packages for.
const PLATFORMS: [&str; 2] = ["linux-arm64", "linux-x64"];

pub(super) fn make(release: &Release) -> Result<[Artifact; 2]> {
    Ok([functions(release)?, platform(release)?])
}

/// It is the same for all platforms.
fn functions(release: &Release) -> Result<Artifact> {
    let mut tree = licensed(release)?;
    for file in FUNCTIONS {
        tree.file(file, release.source(&format!("packaging/npm/{file}"))?);
    }
    let own: Map<String, Value> = serde_json::from_slice(&release.source("packaging/npm/package.json")?)
        .map_err(|error| doing("read packaging/npm/package.json")(error.into()))?;
    let programs: Map<String, Value> =
        PLATFORMS.iter().map(|platform| (format!("@hostward/{platform}"), json!(VERSION))).collect();
    let added =
        [("version", json!(VERSION)), ("license", license()), ("optionalDependencies", json!(programs))];
    let added = added.map(|(name, value)| (name.to_owned(), value));
    let described = own.into_iter().chain(added).collect();
    packed(tree, "hostward", described, release.time)
}

fn platform(release: &Release) -> Result<Artifact> {
    let mut tree = licensed(release)?;
    tree.program("bin/hostward", release.program.as_slice());
    tree.file("sbom.cdx.json", release.sbom.as_slice());
    let cpu = release.target.node();
    let name = format!("hostward-linux-{cpu}");
    let described = json!({
        "name": format!("@hostward/linux-{cpu}"),
        "version": VERSION,
        "description": format!("The program hostward for Linux on {cpu}"),
        "license": license(),
        "os": ["linux"],
        "cpu": [cpu],
    });
    packed(tree, &name, described.as_object().cloned().unwrap_or_default(), release.time)
}

fn license() -> Value {
    // npm reads SPDX expressions with parentheses.
    json!(format!("({})", env!("CARGO_PKG_LICENSE")))
}

fn licensed(release: &Release) -> Result<Tree> {
    let mut tree = Tree::default();
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        tree.file(license, release.source(license)?);
    }
    Ok(tree)
}

fn packed(mut tree: Tree, name: &str, described: Map<String, Value>, time: u64) -> Result<Artifact> {
    tree.file("package.json", format!("{:#}\n", Value::from(described)));
    let packed = tree.tar("package/", time).and_then(|tar| gzip(&tar));
    Ok(Artifact::new(format!("{name}-{VERSION}.tgz"), packed.map_err(doing("pack an npm package"))?))
}
