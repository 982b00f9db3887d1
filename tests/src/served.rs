//! A proxy at an address of an engine's bridge, by the files of `examples/tcp` and `examples/tls`.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use crate::{docker, host_dir};
use hostward_testkit::{Caller, Engine, OutputText, Proxy};
use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The address of the engine's bridge on the host.
fn bridge(engine: &Engine) -> String {
    let format = "{{(index .IPAM.Config 0).Gateway}}";
    let gateway = docker(engine, &engine.socket, &["network", "inspect", "bridge", "--format", format])
        .trim()
        .to_owned();
    if !gateway.is_empty() {
        return gateway;
    }
    // 20.10 names no gateway of a bridge that it did not make.
    let format = "{{(index .IPAM.Config 0).Subnet}}";
    let subnet = docker(engine, &engine.socket, &["network", "inspect", "bridge", "--format", format]);
    let (network, _) = subnet.split_once('/').unwrap();
    format!("{}.1", network.rsplit_once('.').unwrap().0)
}

/// Keeps the hardware address of the bridge with this address as it is. The kernel gives a bridge the lowest of its ports', which come
/// and go with containers, unless somebody has set it, as docker does. Podman does not: a container goes on sending to the
/// address that the bridge had before, and cannot connect until it asks anew, after half a minute.
fn keep_hardware_address(host: &str) {
    let shown = Command::new("ip").args(["-4", "-o", "address", "show", "to", host]).output().unwrap();
    let shown = shown.succeeded().out();
    let link = shown.split_whitespace().nth(1).expect("some link has the bridge's address");
    let address = fs::read_to_string(Path::new("/sys/class/net").join(link).join("address")).unwrap();
    let set = ["link", "set", "dev", link, "address", address.trim()];
    Command::new("ip").args(set).output().unwrap().succeeded();
}

/// An example's configuration, for this engine: what it says but the addresses that it names.
fn adapted(example: &str, engine: &Engine, own: &Path, address: &str, certificates: &Path) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example).join("hostward.toml");
    let mut text = fs::read_to_string(file).unwrap();
    for (from, to) in [
        ("/run/hostward/docker.sock", own.display().to_string()),
        ("/var/run/docker.sock", engine.socket.display().to_string()),
        ("172.17.0.1:2375", address.to_owned()),
        ("172.17.0.1:2376", address.to_owned()),
        ("/etc/hostward/", format!("{}/", certificates.display())),
    ] {
        text = text.replace(from, &to);
    }
    text
}

/// A proxy at an address of the engine's bridge.
#[derive(Debug)]
pub struct Served {
    /// The proxy.
    pub proxy: Proxy,
    /// Host and port.
    pub address: String,
    certificates: tempfile::TempDir,
    /// Podman's bridge is there while a container is in it.
    _holder: Option<Caller>,
}

impl Served {
    /// Starts it by `examples/EXAMPLE`, with other names in the place of some.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn by(example: &str, engine: &Engine, callers: &[(&str, &str)]) -> Self {
        let holder = engine.is_podman().then(|| Caller::start_with(engine, &[] as &[&str]).unwrap());
        let host = bridge(engine);
        if engine.is_podman() {
            keep_hardware_address(&host);
        }
        let port = TcpListener::bind((host.as_str(), 0)).unwrap().local_addr().unwrap().port();
        let address = format!("{host}:{port}");
        let certificates = host_dir();
        if example == "tls" {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/tls/certificates.sh");
            let names = ["ci.example", "web.example", "other.example"];
            let made = Command::new(script).arg(certificates.path()).arg(&host).args(names).output().unwrap();
            made.succeeded();
        }
        let proxy = Proxy::start_configured(|own| {
            let text = adapted(example, engine, own, &address, certificates.path());
            callers.iter().fold(text, |text, (from, to)| {
                assert!(text.contains(from), "{from} is in the example");
                text.replace(from, to)
            })
        });
        Self { proxy: proxy.unwrap(), address, certificates, _holder: holder }
    }

    /// What a client needs to speak to it; its certificates, if it has any, are at `folder`.
    pub fn environment(&self, folder: Option<&Path>) -> Vec<(&'static str, String)> {
        let mut variables = vec![("DOCKER_HOST", format!("tcp://{}", self.address))];
        if let Some(folder) = folder {
            variables.push(("DOCKER_TLS_VERIFY", "1".to_owned()));
            variables.push(("DOCKER_CERT_PATH", folder.display().to_string()));
        }
        variables
    }

    /// Where the certificates of a name are.
    pub fn certificates_of(&self, name: &str) -> PathBuf {
        self.certificates.path().join(name)
    }

    /// A docker command of the host.
    pub fn docker<S: AsRef<OsStr>>(
        &self,
        engine: &Engine,
        certificates: Option<&Path>,
        args: &[S],
    ) -> Command {
        let mut command = engine.docker(args);
        command.envs(self.environment(certificates)).stdin(Stdio::null());
        command
    }
}
