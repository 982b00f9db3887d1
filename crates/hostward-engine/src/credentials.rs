//! By which files TLS is spoken with an engine, as docker's own settings name them.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::path::{Path, PathBuf};

/// By what TLS is spoken with an engine. The files are read at each connection, so that they can be replaced.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// Who vouches for the engine, a PEM file; without it those whom this system trusts.
    pub ca: Option<PathBuf>,
    /// The own certificate and its key, PEM files, for engines that ask for one.
    pub own: Option<(PathBuf, PathBuf)>,
    /// Whether the engine must show who it is. Without that anybody in between can read and change all.
    pub verify: bool,
}

impl Credentials {
    /// Those in a directory of docker's, by docker's names: `ca.pem`, `cert.pem`, `key.pem`. What is not there is not
    /// used.
    pub fn in_directory(directory: &Path, verify: bool) -> Self {
        let there = |name: &str| Some(directory.join(name)).filter(|path| path.exists());
        Self { ca: there("ca.pem"), own: there("cert.pem").zip(there("key.pem")), verify }
    }
}
