//! Where downloads, data and sockets lie.

use std::path::{Path, PathBuf};

use crate::catalog::EngineSpec;
use crate::error::{Error, Result};

/// `$HOSTWARD_CACHE`, or else `hostward` in the user's cache folder: what costs a download or a build.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("HOSTWARD_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("hostward")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/hostward")))
        .ok_or_else(|| Error::State("no cache folder: set HOSTWARD_CACHE, XDG_CACHE_HOME or HOME".to_owned()))
}

/// Sockets, pid files and logs. Short, as a socket's path has 107 bytes at most.
pub(crate) fn run() -> PathBuf {
    PathBuf::from("/run/hostward-test")
}

/// The folders of one engine.
#[derive(Debug, Clone)]
pub(crate) struct EnginePaths {
    /// Its unpacked packages.
    pub(crate) root: PathBuf,
    /// dockerd's data root.
    pub(crate) data: PathBuf,
    /// Socket, pid, log, exec root, and its CLI's configuration.
    pub(crate) run: PathBuf,
}

impl EnginePaths {
    pub(crate) fn of(spec: &EngineSpec) -> Result<EnginePaths> {
        let folder = cache()?.join("engines").join(&spec.name);
        let data = match spec.user {
            // Others may not look into root's cache.
            Some(_) => Path::new("/var/lib/hostward-test").join(&spec.name),
            None => folder.join("data"),
        };
        Ok(EnginePaths { root: folder.join("root"), data, run: run().join(&spec.name) })
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.run.join("docker.sock")
    }

    pub(crate) fn exec(&self) -> PathBuf {
        self.run.join("exec")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.run.join("dockerd.log")
    }

    pub(crate) fn pid(&self) -> PathBuf {
        self.run.join("dockerd.pid")
    }
}
