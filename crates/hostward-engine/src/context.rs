//! Which engine is meant, chosen as the docker CLI chooses.
//!
//! A name given on purpose wins, then `DOCKER_HOST`, then the docker context (`DOCKER_CONTEXT`, or the current one
//! of `config.json`), then `/var/run/docker.sock`. TCP is spoken in TLS where docker would: by `DOCKER_TLS_VERIFY` or
//! `DOCKER_TLS` with the files of `DOCKER_CERT_PATH`, or by the context's own files.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use serde::Deserialize;

use crate::address::{Address, AddressError};
use crate::credentials::Credentials;

/// Where an engine listens when nobody says otherwise.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// An engine's address and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Where the engine listens.
    pub address: Address,
    /// What named it.
    pub by: ChosenBy,
}

/// What named an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChosenBy {
    /// The caller of [`choose`]: a flag or a line of configuration.
    Request,
    /// The variable `DOCKER_HOST`.
    DockerHost,
    /// The docker context of this name.
    Context(String),
    /// Nothing did.
    Default,
}

/// The parts of a process's environment that decide which engine is meant.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `DOCKER_HOST`; empty counts as unset, as it does for docker.
    pub docker_host: Option<OsString>,
    /// `DOCKER_CONTEXT`, likewise.
    pub docker_context: Option<OsString>,
    /// By `DOCKER_TLS_VERIFY` or `DOCKER_TLS`, likewise: TCP means TLS, with the files of `DOCKER_CERT_PATH`, else of docker's
    /// directory. For a context its own count instead.
    pub tls: Option<Credentials>,
    /// `DOCKER_CONFIG`, or `.docker` in the home directory.
    pub config_dir: Option<PathBuf>,
}

/// Why no engine could be chosen.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// An address that Hostward cannot use.
    #[error("{by}: {error}")]
    Address {
        /// What named it.
        by: ChosenBy,
        /// What is wrong with it.
        error: AddressError,
    },
    /// The variable holds bytes that are not UTF-8.
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    /// A context was named that is not there.
    #[error("docker context {name:?} is not in {}", dir.display())]
    NoSuchContext {
        /// The context's name.
        name: String,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// One of docker's own files cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl Surroundings {
    /// Reads the process's environment.
    pub fn of_process() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let config_dir = set("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| Path::new(&home).join(".docker")));
        let verify = set("DOCKER_TLS_VERIFY").is_some();
        let files = set("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| config_dir.clone());
        let tls = (verify || set("DOCKER_TLS").is_some())
            .then(|| Credentials::in_directory(&files.unwrap_or_default(), verify));
        Self { docker_host: set("DOCKER_HOST"), docker_context: set("DOCKER_CONTEXT"), tls, config_dir }
    }
}

/// Chooses the engine: `request` (a flag, a line of configuration), else what `surroundings` say.
pub fn choose(request: Option<&str>, surroundings: &Surroundings) -> Result<Chosen, ContextError> {
    if let Some(text) = request {
        return chosen(text, ChosenBy::Request, surroundings.tls.clone());
    }
    if let Some(value) = &surroundings.docker_host {
        let text = value.to_str().ok_or(ContextError::NotUtf8("DOCKER_HOST"))?;
        return chosen(text, ChosenBy::DockerHost, surroundings.tls.clone());
    }
    match current_context(surroundings)? {
        Some((name, dir)) => from_context(name, &dir),
        None => chosen(DEFAULT_SOCKET, ChosenBy::Default, None),
    }
}

fn chosen(text: &str, by: ChosenBy, tls: Option<Credentials>) -> Result<Chosen, ContextError> {
    let address = Address::parse(text).map_err(|error| ContextError::Address { by: by.clone(), error })?;
    let address = match (address, tls) {
        (Address::Tcp { host, port }, Some(credentials)) => {
            Address::Tls { host, port, credentials: Box::new(credentials) }
        }
        (address, _) => address,
    };
    Ok(Chosen { address, by })
}

/// The context's name and docker's directory; none when docker itself would use its default.
fn current_context(surroundings: &Surroundings) -> Result<Option<(String, PathBuf)>, ContextError> {
    let Some(dir) = &surroundings.config_dir else { return Ok(None) };
    let name = match &surroundings.docker_context {
        Some(value) => Some(value.to_str().ok_or(ContextError::NotUtf8("DOCKER_CONTEXT"))?.to_owned()),
        None => read_json::<ConfigFile>(&dir.join("config.json"))?.and_then(|file| file.current_context),
    };
    Ok(name.filter(|name| !name.is_empty() && name != "default").map(|name| (name, dir.clone())))
}

/// Docker names a context's directory by the SHA-256 of its name; the name stands inside as well, so looking for
/// it there needs no hash.
fn from_context(name: String, config_dir: &Path) -> Result<Chosen, ContextError> {
    let dir = config_dir.join("contexts/meta");
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ContextError::NoSuchContext { name, dir });
        }
        Err(error) => return Err(ContextError::Unreadable { path: dir, error }),
    };
    for entry in entries {
        let entry = entry.map_err(|error| ContextError::Unreadable { path: dir.clone(), error })?;
        let Some(meta) = read_json::<Meta>(&entry.path().join("meta.json"))? else { continue };
        if meta.name == name {
            let files = config_dir.join("contexts/tls").join(entry.file_name()).join("docker");
            let ContextEndpoint { host, skip_tls_verify } = meta.endpoints.docker;
            let tls = (skip_tls_verify || files.exists())
                .then(|| Credentials::in_directory(&files, !skip_tls_verify));
            return chosen(&host, ChosenBy::Context(name), tls);
        }
    }
    Err(ContextError::NoSuchContext { name, dir })
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
}

#[derive(Deserialize, Default)]
struct Endpoints {
    #[serde(default)]
    docker: ContextEndpoint,
}

#[derive(Deserialize, Default)]
struct ContextEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// None when the file is not there.
fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, ContextError> {
    let unreadable = |error| ContextError::Unreadable { path: path.to_owned(), error };
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(error.into()))
}

impl fmt::Display for ChosenBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => f.write_str("a flag or the configuration"),
            Self::DockerHost => f.write_str("DOCKER_HOST"),
            Self::Context(name) => write!(f, "docker context {name:?}"),
            Self::Default => f.write_str("docker's default"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docker_dir(files: &[(&str, &str)]) -> (tempfile::TempDir, Surroundings) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let config_dir = Some(dir.path().to_owned());
        (dir, Surroundings { config_dir, ..Surroundings::default() })
    }

    const REMOTE: (&str, &str) = (
        "contexts/meta/0b1c/meta.json",
        r#"{"Name":"lab","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://lab:2375","SkipTLSVerify":false}}}"#,
    );

    #[test]
    fn a_request_wins_over_everything() {
        let around = Surroundings { docker_host: Some("unix:///b".into()), ..Surroundings::default() };
        let chosen = choose(Some("unix:///a"), &around).unwrap();
        assert_eq!((chosen.address.to_string().as_str(), chosen.by), ("unix:///a", ChosenBy::Request));
    }

    #[test]
    fn docker_host_wins_over_the_context() {
        let (_dir, mut around) = docker_dir(&[("config.json", r#"{"currentContext":"lab"}"#), REMOTE]);
        around.docker_host = Some("unix:///b".into());
        assert_eq!(choose(None, &around).unwrap().by, ChosenBy::DockerHost);
    }

    #[test]
    fn the_current_context_is_used() {
        let (_dir, around) = docker_dir(&[("config.json", r#"{"currentContext":"lab"}"#), REMOTE]);
        let chosen = choose(None, &around).unwrap();
        assert_eq!(chosen.address.to_string(), "tcp://lab:2375");
        assert_eq!(chosen.by, ChosenBy::Context("lab".into()));
    }

    #[test]
    fn docker_context_wins_over_the_current_one() {
        let (_dir, mut around) = docker_dir(&[("config.json", r#"{"currentContext":"gone"}"#), REMOTE]);
        around.docker_context = Some("lab".into());
        assert_eq!(choose(None, &around).unwrap().address.to_string(), "tcp://lab:2375");
    }

    #[test]
    fn a_context_that_is_not_there_is_an_error_and_never_the_default() {
        let (_dir, around) = docker_dir(&[("config.json", r#"{"currentContext":"gone"}"#), REMOTE]);
        assert!(choose(None, &around).unwrap_err().to_string().contains("\"gone\""));
        let (_dir, around) = docker_dir(&[("config.json", r#"{"currentContext":"gone"}"#)]);
        assert!(matches!(choose(None, &around).unwrap_err(), ContextError::NoSuchContext { .. }));
    }

    #[test]
    fn without_any_of_it_the_default_socket_is_meant() {
        for files in
            [&[][..], &[("config.json", "{}")], &[("config.json", r#"{"currentContext":"default"}"#)]]
        {
            let (_dir, around) = docker_dir(files);
            let chosen = choose(None, &around).unwrap();
            assert_eq!(chosen.address, Address::Unix(DEFAULT_SOCKET.into()));
            assert_eq!(chosen.by, ChosenBy::Default);
        }
    }

    #[test]
    fn tls_is_spoken_where_docker_speaks_it() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["ca.pem", "cert.pem", "key.pem"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let all = Credentials::in_directory(dir.path(), true);
        assert_eq!(all.own, Some((dir.path().join("cert.pem"), dir.path().join("key.pem"))));
        let of = |host: &str| {
            let around = Surroundings {
                docker_host: Some(host.into()),
                tls: Some(all.clone()),
                ..Surroundings::default()
            };
            choose(None, &around).unwrap().address
        };
        let tls = Address::Tls { host: "h".into(), port: 2376, credentials: Box::new(all.clone()) };
        assert_eq!(of("tcp://h:2376"), tls);
        // What is no TCP has no TLS.
        assert_eq!(of("unix:///x"), Address::Unix("/x".into()));
    }

    #[test]
    fn a_contexts_own_files_say_whether_tls_is_spoken() {
        let current = ("config.json", r#"{"currentContext":"lab"}"#);
        let key = ("contexts/tls/0b1c/docker/ca.pem", "");
        let (dir, mut around) = docker_dir(&[current, REMOTE, key]);
        let Address::Tls { credentials, .. } = choose(None, &around).unwrap().address else { panic!() };
        let ca = Some(dir.path().join(key.0));
        assert_eq!(*credentials, Credentials { ca, own: None, verify: true });
        // The variables are not for contexts.
        let (_dir, plain) = docker_dir(&[current, REMOTE]);
        around = Surroundings { tls: Some(*credentials), ..plain };
        assert_eq!(choose(None, &around).unwrap().address.to_string(), "tcp://lab:2375");
        assert!(matches!(choose(None, &around).unwrap().address, Address::Tcp { .. }));
        let skipping = (
            REMOTE.0,
            r#"{"Name":"lab","Endpoints":{"docker":{"Host":"tcp://lab:1","SkipTLSVerify":true}}}"#,
        );
        let (_dir, around) = docker_dir(&[current, skipping]);
        let Address::Tls { credentials, .. } = choose(None, &around).unwrap().address else { panic!() };
        assert!(!credentials.verify);
    }

    #[test]
    fn a_broken_file_is_named() {
        let (_dir, around) = docker_dir(&[("config.json", "{")]);
        assert!(choose(None, &around).unwrap_err().to_string().contains("config.json"));
    }
}
