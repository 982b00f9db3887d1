//! Asks an engine about volumes.

use hostward::inspect::Container;
use hostward::path::EnginePath;
use hostward::table::Source;

use crate::address::Address;
use crate::client::{self, PATIENCE};
use crate::inspect::{AskError, is_name, successful, unreadable};

/// The directory on the engine's machine that has a volume's files; `None` where it has no such directory, or none that
/// is sure ([`hostward::inspect::volume`]).
async fn directory(engine: &Address, name: &str) -> Result<Option<EnginePath>, AskError> {
    if !is_name(name) {
        return Err(AskError::NotAName(name.to_owned()));
    }
    let body = successful(engine, client::get(engine, &format!("/volumes/{name}"), PATIENCE).await?)?;
    hostward::inspect::volume(&body).map_err(|error| unreadable(engine, error))
}

/// Completes a container's mounts with the directories of its volumes, which its own description does not tell for sure.
/// Only the engine's own volumes are asked for: another driver's answer may come from far away, and is of no use.
pub async fn complete(engine: &Address, container: &mut Container) -> Result<(), AskError> {
    let local = container.table.iter().filter_map(|mount| match &mount.source {
        Source::Volume(volume) if volume.driver == "local" && is_name(&volume.name) => {
            Some(volume.name.clone())
        }
        _ => None,
    });
    for name in local.collect::<std::collections::BTreeSet<_>>() {
        if let Some(path) = directory(engine, &name).await? {
            container.table.set_volume_path(&name, &path);
        }
    }
    Ok(())
}
