//! The package for Python: the program, and a module that runs it.
//!
//! A wheel is a zip file with three files that describe it. It holds the same program as the other packages, to the byte; a
//! tool that builds Rust for Python would make another one.

use std::io::{Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hostward_testkit::Result;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::release::{Release, VERSION};
use super::tree::Tree;
use super::{Artifact, doing};

const MODULE: [&str; 2] = ["hostward/__init__.py", "hostward/py.typed"];

pub(super) fn make(release: &Release) -> Result<Artifact> {
    let tag = format!("py3-none-{}", release.target.python());
    let info = format!("hostward-{VERSION}.dist-info");
    let mut tree = Tree::default();
    for file in MODULE {
        tree.file(file, release.source(&format!("packaging/python/{file}"))?);
    }
    // pip puts it beside the programs of the environment.
    tree.program(format!("hostward-{VERSION}.data/scripts/hostward"), release.program.as_slice());
    let readme = release.text("packaging/python/README.md")?;
    let values = [
        ("version", VERSION),
        ("summary", env!("CARGO_PKG_DESCRIPTION")),
        ("license", env!("CARGO_PKG_LICENSE")),
        ("readme", &readme),
    ];
    tree.file(format!("{info}/METADATA"), release.filled("packaging/python/METADATA", &values)?);
    tree.file(format!("{info}/WHEEL"), wheel(&release.target.python()));
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        tree.file(format!("{info}/{license}"), release.source(license)?);
    }
    tree.file(format!("{info}/sboms/hostward.cdx.json"), release.sbom.as_slice());
    let record = record(&tree, &info);
    tree.file(format!("{info}/RECORD"), record);
    let packed = zipped(&tree).map_err(|error| std::io::Error::other(error.to_string()));
    Ok(Artifact::new(format!("hostward-{VERSION}-{tag}.whl"), packed.map_err(doing("pack the wheel"))?))
}

/// Each platform that the file's name lists stands on a line of its own.
fn wheel(platforms: &str) -> String {
    let tags = platforms.split('.').map(|platform| format!("Tag: py3-none-{platform}\n"));
    format!(
        "Wheel-Version: 1.0\nGenerator: hostward {VERSION}\nRoot-Is-Purelib: false\n{}",
        tags.collect::<Vec<_>>().concat()
    )
}

/// The list of all files with their hashes, and of itself without.
fn record(tree: &Tree, info: &str) -> String {
    let lines = tree.files().map(|(path, bytes, _)| {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(bytes));
        format!("{path},sha256={hash},{}\n", bytes.len())
    });
    lines.chain([format!("{info}/RECORD,,\n")]).collect::<Vec<_>>().concat()
}

/// zip has no time zones and no dates before 1980: all entries have that date.
fn zipped(tree: &Tree) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    for (path, bytes, mode) in tree.files() {
        writer.start_file(path, options.unix_permissions(mode))?;
        writer.write_all(bytes)?;
    }
    Ok(writer.finish()?.into_inner())
}
