//! What an engine says has happened (`GET /events`).

use std::time::{SystemTime, UNIX_EPOCH};

use hostward::cgroup::ContainerId;
use serde::Deserialize;

use crate::address::Address;
use crate::ask::{self, AskError};

/// An event, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    /// What it is about: `container`, `network` and the like.
    #[serde(default, rename = "Type")]
    pub kind: String,
    /// What has happened: `start`, `die` and the like.
    #[serde(default)]
    pub action: String,
    /// Whom it has happened to.
    pub actor: Actor,
}

/// The one that an event is about.
#[derive(Debug, Deserialize)]
pub struct Actor {
    /// Its id, or its name where it has none.
    #[serde(rename = "ID")]
    pub id: String,
}

/// Whether the engine remembers that this container was started since a moment, by its own clock, and that none has died.
pub async fn started_and_none_died(
    engine: &Address,
    id: &ContainerId,
    since: SystemTime,
) -> Result<bool, AskError> {
    /// Docker keeps its last 256 events.
    const REMEMBERED: usize = 250;
    let moment = |at: SystemTime| {
        let at = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{}.{:09}", at.as_secs(), at.subsec_nanos())
    };
    let path = format!("/events?since={}&until={}", moment(since), moment(SystemTime::now()));
    let read = |body: &[u8]| {
        let events = serde_json::Deserializer::from_slice(body).into_iter();
        events.collect::<Result<Vec<Event>, _>>()
    };
    let events = ask::get(engine, &path, read).await?;
    let started = events.iter().any(|event| event.action == "start" && event.actor.id == id.as_str());
    let died = events.iter().any(|event| event.kind == "container" && event.action == "die");
    Ok(events.len() < REMEMBERED && started && !died)
}
