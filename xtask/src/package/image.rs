//! The container images: `hostward`, the program alone, and `hostward:cli` with a Docker client and a shell besides.
//!
//! Each is one tar file that is an OCI image layout, and that `docker load` of every version reads as well. No registry takes
//! part. packaging/image/Containerfile describes the same images.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use hostward_testkit::catalog::Part;
use hostward_testkit::command::run;
use hostward_testkit::{OutputText, Result, debian, say};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::release::{Release, VERSION};
use super::tree::{Tree, gzip};
use super::{Artifact, doing, hex};

/// Where all of this lies beside the other packages: what the Containerfile needs is there, too.
const FOLDER: &str = "image";
/// The user of the image who is not root.
const USER: u32 = 65532;
const SECOND: u64 = 1_000_000_000;
/// What `hostward:cli` has of Debian, by its suite.
const SUITE: &str = "trixie";
const PACKAGES: [&str; 3] = ["busybox-static", "docker-cli", "libc6"];

pub(super) fn make(release: &Release) -> Result<Vec<Artifact>> {
    let place = |name: &str| format!("{FOLDER}/{name}");
    let description = "packaging/image/Containerfile";
    let mut made = vec![
        Artifact::new(place("Containerfile"), release.source(description)?),
        Artifact::new(place("hostward.toml"), release.source("packaging/image/hostward.toml")?),
        Artifact::program(place("hostward"), release.program.clone()),
    ];
    let proxy = Layer::of(&own(release)?, "the program hostward", release)?;
    let image = Image {
        tags: [VERSION.to_owned(), "latest".to_owned()],
        layers: vec![&proxy],
        command: json!(["proxy"]),
        health: json!({
            "Test": ["CMD", "/usr/bin/hostward", "health"],
            "Interval": 30 * SECOND,
            "Timeout": 5 * SECOND,
            "StartPeriod": 5 * SECOND,
        }),
    };
    let machine = release.target.machine();
    made.push(Artifact::new(place(&format!("hostward-{VERSION}-{machine}.tar")), image.layout(release)?));
    if !release.target.is_own() {
        say("hostward:cli is left out: its Docker client is taken from Debian's packages for this machine");
        return Ok(made);
    }
    let client = Layer::of(&client(release)?, "a Docker client and a shell", release)?;
    let image = Image {
        tags: [format!("{VERSION}-cli"), "cli".to_owned()],
        layers: vec![&proxy, &client],
        command: json!(["wrap"]),
        health: json!({ "Test": ["NONE"] }),
    };
    made.push(Artifact::new(place(&format!("hostward-{VERSION}-cli-{machine}.tar")), image.layout(release)?));
    Ok(made)
}

/// The files of `hostward`.
fn own(release: &Release) -> Result<Tree> {
    let mut tree = Tree::default();
    let users = [
        (
            "etc/passwd",
            format!(
                "root:x:0:0:root:/root:/bin/sh\nhostward:x:{USER}:{USER}:hostward:/var/lib/hostward:/sbin/nologin\n"
            ),
        ),
        ("etc/group", format!("root:x:0:\nhostward:x:{USER}:\n")),
    ];
    for (path, text) in users {
        tree.file(path, text);
    }
    tree.file("etc/hostward/hostward.toml", release.source("packaging/image/hostward.toml")?);
    tree.directory("run/hostward", 0o755, USER);
    tree.directory("run/hostward-admin", 0o755, USER);
    tree.directory("tmp", 0o1777, 0);
    tree.program("usr/bin/hostward", release.program.as_slice());
    tree.directory("var/lib/hostward", 0o700, USER);
    Ok(tree)
}

/// Debian's packages in `hostward:cli`, unpacked.
pub(super) fn packages() -> Result<PathBuf> {
    let root = debian::folder("image")?;
    let part = Part { suite: SUITE.to_owned(), packages: PACKAGES.map(str::to_owned).to_vec() };
    debian::unpack("the Docker client of hostward:cli", &[part], &root)?;
    Ok(root)
}

/// The files that `hostward:cli` has besides.
fn client(release: &Release) -> Result<Tree> {
    let root = packages()?;
    let read = |path: &str| fs::read(root.join(path)).map_err(doing(format!("read {path} of a package")));
    let mut tree = Tree::default();
    let libraries = format!("lib/{}-linux-gnu", release.target.machine());
    let loader = release.target.loader();
    tree.program("bin/busybox", read("usr/bin/busybox")?);
    tree.program("usr/bin/docker", read("usr/bin/docker")?);
    tree.program(loader, read(&format!("usr/{loader}"))?);
    tree.program(format!("{libraries}/libc.so.6"), read(&format!("usr/{libraries}/libc.so.6"))?);
    for package in PACKAGES {
        let copyright = format!("usr/share/doc/{package}/copyright");
        tree.file(copyright.clone(), read(&copyright)?);
    }
    let applets = run(Command::new(root.join("usr/bin/busybox")).arg("--list"))?.out();
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        tree.link(format!("bin/{applet}"), "busybox");
    }
    Ok(tree)
}

/// Files that an image adds to those below.
struct Layer {
    packed: Blob,
    /// The digest before compression.
    content: String,
    made_by: &'static str,
}

impl Layer {
    fn of(tree: &Tree, made_by: &'static str, release: &Release) -> Result<Self> {
        let tar = tree.tar("", release.time).map_err(doing("pack a layer"))?;
        let packed = Blob::new(gzip(&tar).map_err(doing("compress a layer"))?);
        Ok(Self { packed, content: format!("sha256:{}", hex(&Sha256::digest(&tar))), made_by })
    }
}

/// What an image layout keeps by its digest.
struct Blob {
    bytes: Vec<u8>,
    digest: String,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        let digest = hex(&Sha256::digest(&bytes));
        Self { bytes, digest }
    }

    fn json(value: &Value) -> Self {
        Self::new(value.to_string().into_bytes())
    }

    fn path(&self) -> String {
        format!("blobs/sha256/{}", self.digest)
    }

    /// How the layout refers to it.
    fn descriptor(&self, kind: &str) -> Value {
        let kind = format!("application/vnd.oci.image.{kind}");
        json!({ "mediaType": kind, "digest": format!("sha256:{}", self.digest), "size": self.bytes.len() })
    }
}

struct Image<'a> {
    tags: [String; 2],
    layers: Vec<&'a Layer>,
    /// What the program does where nothing else is asked for.
    command: Value,
    health: Value,
}

impl Image<'_> {
    /// The image in a tar file.
    fn layout(&self, release: &Release) -> Result<Vec<u8>> {
        let config = Blob::json(&self.config(release)?);
        let layers: Vec<_> =
            self.layers.iter().map(|layer| layer.packed.descriptor("layer.v1.tar+gzip")).collect();
        let manifest = Blob::json(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config.descriptor("config.v1+json"),
            "layers": layers,
        }));
        let named = self.tags.iter().map(|tag| {
            let mut descriptor = manifest.descriptor("manifest.v1+json");
            descriptor["platform"] = json!({ "architecture": release.target.image(), "os": "linux" });
            descriptor["annotations"] = json!({
                "io.containerd.image.name": format!("docker.io/library/hostward:{tag}"),
                "org.opencontainers.image.ref.name": tag,
            });
            descriptor
        });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": named.collect::<Vec<_>>(),
        });
        // For engines that read no image layout: before 25.
        let for_docker = json!([{
            "Config": config.path(),
            "RepoTags": self.tags.iter().map(|tag| format!("hostward:{tag}")).collect::<Vec<_>>(),
            "Layers": self.layers.iter().map(|layer| layer.packed.path()).collect::<Vec<_>>(),
        }]);
        let mut tree = Tree::default();
        tree.file("oci-layout", json!({ "imageLayoutVersion": "1.0.0" }).to_string());
        tree.file("index.json", index.to_string());
        tree.file("manifest.json", for_docker.to_string());
        for blob in [&config, &manifest].into_iter().chain(self.layers.iter().map(|layer| &layer.packed)) {
            tree.file(blob.path(), blob.bytes.as_slice());
        }
        tree.tar("", release.time).map_err(doing("pack an image"))
    }

    fn config(&self, release: &Release) -> Result<Value> {
        let created = release.date()?.to_string();
        let history =
            self.layers.iter().map(|layer| json!({ "created": created, "created_by": layer.made_by }));
        Ok(json!({
            "created": created,
            "architecture": release.target.image(),
            "os": "linux",
            "config": {
                "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "Entrypoint": ["/usr/bin/hostward"],
                "Cmd": self.command,
                "Healthcheck": self.health,
                "Labels": {
                    "org.opencontainers.image.title": "hostward",
                    "org.opencontainers.image.description": env!("CARGO_PKG_DESCRIPTION"),
                    "org.opencontainers.image.version": VERSION,
                    "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
                },
            },
            "rootfs": {
                "type": "layers",
                "diff_ids": self.layers.iter().map(|layer| &layer.content).collect::<Vec<_>>(),
            },
            "history": history.collect::<Vec<_>>(),
        }))
    }
}
