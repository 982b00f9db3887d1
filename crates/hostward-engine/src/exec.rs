//! Asks an engine about what is executed in a container.

use hostward::cgroup::ContainerId;
use serde::Deserialize;

use crate::address::Address;
use crate::ask::{AskError, successful, unreadable};
use crate::client::{self, PATIENCE};

#[derive(Deserialize)]
struct ExecAnswer {
    #[serde(rename = "ContainerID")]
    container: String,
}

/// The container that an exec instance is in; `None` where the engine has no such instance.
///
/// # Errors
/// Where the engine does not tell.
pub async fn container_of(engine: &Address, exec: &str) -> Result<Option<ContainerId>, AskError> {
    let path = format!("/exec/{}/json", client::escape(exec.as_bytes(), b""));
    let answer = client::get(engine, &path, PATIENCE).await?;
    // 409 is one whose container has ended.
    if matches!(answer.status, 404 | 409) {
        return Ok(None);
    }
    let body = successful(engine, answer)?;
    let exec: ExecAnswer = serde_json::from_slice(&body).map_err(|error| unreadable(engine, error))?;
    Ok(ContainerId::parse(exec.container.as_bytes()))
}
