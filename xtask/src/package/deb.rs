//! The Debian package.

use std::io;

use hostward_testkit::Result;
use md5::{Digest, Md5};

use super::release::{Release, SHELLS, VERSION};
use super::tree::{Tree, gzip};
use super::{Artifact, doing, hex};

/// Of Debian's packaging, behind the version of what is packaged.
const REVISION: u32 = 1;
/// In the place of an address, as long as nobody publishes the package.
const MAINTAINER: &str = "The Hostward authors <hostward@debian.invalid>";
/// Where units and documentation say that the program is, if it was installed by hand.
const BY_HAND: &str = "/usr/local/bin/hostward";
/// The directory in which each of [`SHELLS`] looks.
const COMPLETIONS: [&str; SHELLS.len()] = [
    "usr/share/bash-completion/completions",
    "usr/share/zsh/vendor-completions",
    "usr/share/fish/vendor_completions.d",
];
const SCRIPTS: [&str; 3] = ["postinst", "postrm", "prerm"];

pub(super) fn make(release: &Release) -> Result<Artifact> {
    let version = format!("{VERSION}-{REVISION}");
    let data = data(release, &version)?;
    let control = control(release, &version, &data)?;
    let pack = |tree: &Tree| tree.tar("./", release.time).and_then(|tar| gzip(&tar));
    let members = || -> io::Result<Vec<u8>> {
        Ok(ar(
            &[
                ("debian-binary", b"2.0\n"),
                ("control.tar.gz", &pack(&control)?),
                ("data.tar.gz", &pack(&data)?),
            ],
            release.time,
        ))
    };
    let name = format!("hostward_{version}_{}.deb", release.target.debian());
    Ok(Artifact::new(name, members().map_err(doing("pack the Debian package"))?))
}

/// What is installed.
fn data(release: &Release, version: &str) -> Result<Tree> {
    let mut tree = Tree::default();
    let packed = |bytes: &[u8]| gzip(bytes).map_err(doing("compress a file of the Debian package"));
    tree.program("usr/bin/hostward", release.program.as_slice());
    tree.file("etc/hostward/hostward.toml", release.source("packaging/hostward.toml")?);
    for unit in ["hostward.service", "hostward.socket"] {
        let text = release.text(&format!("packaging/systemd/{unit}"))?;
        tree.file(format!("lib/systemd/system/{unit}"), text.replace(BY_HAND, "/usr/bin/hostward"));
    }
    for (name, page) in &release.manual {
        let section = name.rsplit('.').next().unwrap_or_default();
        tree.file(format!("usr/share/man/man{section}/{name}.gz"), packed(page)?);
    }
    for ((folder, (_, name)), text) in COMPLETIONS.iter().zip(SHELLS).zip(&release.completions) {
        tree.file(format!("{folder}/{name}"), text.as_slice());
    }
    let date = release.date()?.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let values = [("version", version), ("maintainer", MAINTAINER), ("date", &date)];
    let changes = release.filled("packaging/deb/changelog", &values)?;
    let documentation = "usr/share/doc/hostward";
    tree.file(format!("{documentation}/changelog.Debian.gz"), packed(changes.as_bytes())?);
    tree.file(format!("{documentation}/changelog.gz"), packed(&release.source("CHANGELOG.md")?)?);
    tree.file(format!("{documentation}/copyright"), release.source("packaging/deb/copyright")?);
    tree.file(format!("{documentation}/sbom.cdx.json.gz"), packed(&release.sbom)?);
    tree.file("usr/share/lintian/overrides/hostward", release.source("packaging/deb/lintian-overrides")?);
    Ok(tree)
}

/// What dpkg reads.
fn control(release: &Release, version: &str, data: &Tree) -> Result<Tree> {
    let mut tree = Tree::default();
    let kibibytes: usize = data.files().map(|(_, bytes, _)| bytes.len().div_ceil(1024)).sum();
    let values = [
        ("version", version),
        ("architecture", release.target.debian()),
        ("maintainer", MAINTAINER),
        ("kibibytes", &kibibytes.to_string()),
    ];
    tree.file("control", release.filled("packaging/deb/control", &values)?);
    let settings = data.files().filter(|(path, ..)| path.starts_with("etc/"));
    tree.file("conffiles", settings.map(|(path, ..)| format!("/{path}\n")).collect::<Vec<_>>().concat());
    let others = data.files().filter(|(path, ..)| !path.starts_with("etc/"));
    let sums = others.map(|(path, bytes, _)| format!("{}  {path}\n", hex(&Md5::digest(bytes))));
    tree.file("md5sums", sums.collect::<Vec<_>>().concat());
    for script in SCRIPTS {
        tree.program(script, release.source(&format!("packaging/deb/{script}"))?);
    }
    Ok(tree)
}

/// `ar(5)`, of which a Debian package is one.
fn ar(members: &[(&str, &[u8])], time: u64) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, bytes) in members {
        let (owner, mode, size) = (0, "100644", bytes.len());
        archive.extend(format!("{name:<16}{time:<12}{owner:<6}{owner:<6}{mode:<8}{size:<10}`\n").bytes());
        archive.extend_from_slice(bytes);
        if size % 2 == 1 {
            archive.push(b'\n');
        }
    }
    archive
}
