//! The plain archive: the program, and what one installs with it by hand.

use hostward_testkit::Result;

use super::release::{Release, SHELLS, VERSION};
use super::tree::{Tree, gzip};
use super::{Artifact, doing};

/// Files that it has as they are, and where.
const FILES: [(&str, &str); 7] = [
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("packaging/hostward.toml", "hostward.toml"),
    ("packaging/systemd/hostward.service", "systemd/hostward.service"),
    ("packaging/systemd/hostward.socket", "systemd/hostward.socket"),
];

pub(super) fn make(release: &Release) -> Result<Artifact> {
    let mut tree = Tree::default();
    tree.program("hostward", release.program.as_slice());
    for (from, to) in FILES {
        tree.file(to, release.source(from)?);
    }
    for (name, page) in &release.manual {
        tree.file(format!("man/{name}"), page.as_slice());
    }
    for ((_, name), text) in SHELLS.iter().zip(&release.completions) {
        tree.file(format!("completions/{name}"), text.as_slice());
    }
    tree.file("sbom.cdx.json", release.sbom.as_slice());
    let name = format!("hostward-{VERSION}-{}", release.target.triple);
    let packed = tree.tar(&format!("{name}/"), release.time).and_then(|tar| gzip(&tar));
    Ok(Artifact::new(format!("{name}.tar.gz"), packed.map_err(doing("pack the archive"))?))
}
