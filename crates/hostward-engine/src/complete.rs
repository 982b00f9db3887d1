//! What an engine's description of a container leaves out, and other answers tell.

use std::collections::BTreeSet;

use hostward::inspect::{self, Container};
use hostward::mount::Source;

use crate::address::Address;
use crate::ask::{self, AskError, unreadable};
use crate::client::{self, PATIENCE};
use crate::inspect::{image, is_name};

/// Completes a container's mounts with the directories of its volumes, and its root filesystem with where it is likely to
/// be, if the engine does not say that. Its labels lose what comes with its image.
pub async fn complete(engine: &Address, container: &mut Container) -> Result<(), AskError> {
    volumes(engine, container).await?;
    if container.is_labelled() {
        let image = image(engine, &container.image).await?;
        container.set_image_labels(image.as_ref().map(|image| &image.labels));
    }
    if container.table.root().path.is_none() && container.pid.is_some() {
        let info = client::get(engine, "/info", PATIENCE).await?;
        // Who is kept from that by something in between does without.
        if info.status == 200 {
            let presumed = inspect::root(&info.body, &container.id);
            container.table.presume_root(presumed.map_err(|error| unreadable(engine, error))?);
        }
    }
    Ok(())
}

/// Only the engine's own volumes are asked for: another driver's answer may come from far away, and is of no use.
async fn volumes(engine: &Address, container: &mut Container) -> Result<(), AskError> {
    let local = container.table.iter().filter_map(|mount| match &mount.source {
        Source::Volume(volume) if volume.driver == "local" && is_name(&volume.name) => {
            Some(volume.name.clone())
        }
        _ => None,
    });
    for name in local.collect::<BTreeSet<_>>() {
        if let Some(path) = ask::get(engine, &format!("/volumes/{name}"), inspect::volume).await? {
            container.table.set_volume_path(&name, &path);
        }
    }
    Ok(())
}
