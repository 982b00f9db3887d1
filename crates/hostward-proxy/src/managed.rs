//! Managed volumes: one for each directory that callers have mounted, of which containers get parts ([`hostward::containment`]).
//!
//! The engine makes one with the first container that has it, and refuses to remove it while one does. Here those are removed that
//! none has any more: nothing of the host's is removed with them.

use std::io;

use hostward::containment::is_managed;
use hostward_engine::address::Address;
use hostward_engine::client::{self, PATIENCE};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// All of them that no container has. `{"label":["hostward.managed"],"dangling":["true"]}`, escaped.
const UNUSED: &str =
    "/volumes?filters=%7B%22label%22%3A%5B%22hostward.managed%22%5D%2C%22dangling%22%3A%5B%22true%22%5D%7D";

/// Removes them until it is dropped.
#[derive(Debug)]
pub(crate) struct VolumeSweeper(JoinHandle<()>);

impl Drop for VolumeSweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeList {
    volumes: Option<Vec<ListedVolume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedVolume {
    name: String,
}

/// Removes what no container has: now, and whenever containers change.
pub(crate) fn sweep(engine: Address, mut changes: watch::Receiver<()>) -> VolumeSweeper {
    VolumeSweeper(tokio::spawn(async move {
        loop {
            if let Err(error) = sweep_once(&engine).await {
                tracing::debug!(%error, "managed volumes may be left that no container has");
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }))
}

async fn sweep_once(engine: &Address) -> io::Result<()> {
    let answer = client::get(engine, UNUSED, PATIENCE).await.map_err(io::Error::other)?;
    if answer.status != 200 {
        return Err(io::Error::other(format!("the engine answered {}", answer.status)));
    }
    for name in unused(&answer.body)? {
        // One that a container has got meanwhile stays, and the engine says so.
        client::delete(engine, &format!("/volumes/{name}"), PATIENCE).await.map_err(io::Error::other)?;
    }
    Ok(())
}

/// The names in such a list that only Hostward gives.
fn unused(list: &[u8]) -> serde_json::Result<Vec<String>> {
    let VolumeList { volumes } = serde_json::from_slice(list)?;
    let names = volumes.into_iter().flatten().map(|volume| volume.name);
    Ok(names.filter(|name| is_managed(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_volumes_with_names_of_hostwards_own_are_removed() {
        let name = format!("hostward-{}", "0123456789abcdef".repeat(2));
        let list = format!(
            r#"{{"Volumes":[{{"Name":"{name}","Driver":"local"}},{{"Name":"data"}}],"Warnings":null}}"#
        );
        assert_eq!(unused(list.as_bytes()).unwrap(), [name]);
        assert_eq!(unused(br#"{"Volumes":null}"#).unwrap(), [] as [String; 0]);
    }
}
