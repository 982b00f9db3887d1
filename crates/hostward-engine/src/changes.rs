//! What is new in a container's root filesystem since it was created from its image: `GET /containers/ID/changes`.
//!
//! Among it are the directories and files that the engine made to mount something on, where the image had none. They are listed
//! where they really are, links of the image followed.

use std::collections::HashSet;

use hostward::cgroup::ContainerId;
use serde::Deserialize;

use crate::address::Address;
use crate::ask::{self, AskError};

/// What has been added, by the API's number.
const ADDED: u8 = 1;

/// The paths that have been added.
pub async fn added(engine: &Address, id: &ContainerId) -> Result<HashSet<String>, AskError> {
    ask::get(engine, &format!("/containers/{id}/changes"), read).await
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changed {
    path: String,
    kind: u8,
}

fn read(body: &[u8]) -> Result<HashSet<String>, serde_json::Error> {
    let changed: Option<Vec<Changed>> = serde_json::from_slice(body)?;
    let added = changed.unwrap_or_default().into_iter().filter(|changed| changed.kind == ADDED);
    Ok(added.map(|changed| changed.path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_counts() {
        let body =
            br#"[{"Path":"/run","Kind":0},{"Path":"/run/docker.sock","Kind":1},{"Path":"/gone","Kind":2}]"#;
        assert_eq!(read(body).unwrap(), HashSet::from(["/run/docker.sock".to_owned()]));
        assert_eq!(read(b"null").unwrap(), HashSet::new());
    }
}
