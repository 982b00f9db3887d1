//! What an engine's own programs are started with, be it Docker or Podman.

use std::path::Path;

use crate::catalog::{EngineSpec, NetworkSpec};
use crate::error::{Error, Result};
use crate::paths::EnginePaths;

/// The text of the engine's configuration file.
pub(crate) fn configuration(spec: &EngineSpec, paths: &EnginePaths) -> String {
    let text = spec.config.as_deref().unwrap_or("{}");
    let pool = spec.network.as_ref().map(|network| &*network.pool).unwrap_or_default();
    [("{root}", &paths.root), ("{data}", &paths.data)]
        .into_iter()
        .fold(text.replace("{pool}", pool), |text, (name, folder)| {
            text.replace(name, &folder.display().to_string())
        })
}

/// Its own programs first: containerd, runc, docker-init and docker-proxy are found so.
pub(crate) fn path(root: &Path) -> String {
    let own = root.display();
    format!("{own}/usr/sbin:{own}/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
}

/// The networks of an engine that cannot do without.
pub(crate) fn network(spec: &EngineSpec) -> Result<&NetworkSpec> {
    let network = spec.network.as_ref();
    network.ok_or_else(|| Error::State(format!("engines.toml gives the engine {} no network", spec.name)))
}
