//! The certificates by which an engine and its clients speak TLS, made anew at each start.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::catalog::NetworkSpec;
use crate::error::{Error, Result, doing};
use crate::paths::EnginePaths;

/// Docker's port for TLS.
const PORT: u16 = 2376;

/// Where the engine speaks TLS: at its bridge.
pub(crate) fn address(network: &NetworkSpec) -> String {
    format!("tcp://{}:{PORT}", host(network))
}

fn host(network: &NetworkSpec) -> &str {
    network.address.split('/').next().unwrap_or_default()
}

/// The folder with the files: an authority's, the engine's, and a client's by docker's names.
pub(crate) fn folder(paths: &EnginePaths) -> PathBuf {
    paths.run.join("tls")
}

/// Makes the files; gives the folder.
pub(crate) fn write(network: &NetworkSpec, paths: &EnginePaths) -> Result<PathBuf> {
    let folder = folder(paths);
    fs::create_dir_all(&folder).map_err(doing("make the folder of the certificates"))?;
    let files =
        files(host(network)).map_err(|error| Error::State(format!("cannot make certificates: {error}")))?;
    for (name, text) in files {
        fs::write(folder.join(name), text).map_err(doing(format!("write {name}")))?;
    }
    Ok(folder)
}

fn files(host: &str) -> std::result::Result<Vec<(&'static str, String)>, rcgen::Error> {
    let mut authority = CertificateParams::new([])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "authority");
    let key = KeyPair::generate()?;
    let mut files = vec![("ca.pem", authority.self_signed(&key)?.pem())];
    let issuer = Issuer::new(authority, key);
    for (certificate, key_file, common, names) in [
        ("server-cert.pem", "server-key.pem", "engine", vec![host.to_owned()]),
        ("cert.pem", "key.pem", "client", Vec::new()),
    ] {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, common);
        let key = KeyPair::generate()?;
        files.push((certificate, params.signed_by(&key, &issuer)?.pem()));
        files.push((key_file, key.serialize_pem()));
    }
    Ok(files)
}
