//! Asks an engine whose a volume or a network is, by its labels, and makes a volume that has some.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::address::Address;
use crate::ask::{AskError, successful, unreadable};
use crate::client::{self, PATIENCE};

/// A volume's or a network's labels.
pub type ThingLabels = BTreeMap<String, String>;

/// A network, and whose it is.
#[derive(Debug, Clone)]
pub struct LabelledNetwork {
    /// Its labels.
    pub labels: ThingLabels,
    /// The full ids of the running containers that are in it now.
    pub containers: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LabelledAnswer {
    #[serde(default)]
    labels: Option<ThingLabels>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NetworkAnswer {
    #[serde(default)]
    labels: Option<ThingLabels>,
    #[serde(default)]
    containers: Option<BTreeMap<String, serde_json::Value>>,
}

/// The labels of a volume; `None` where there is none of this name.
///
/// # Errors
/// Where the engine does not tell.
pub async fn labels_of_volume(engine: &Address, name: &str) -> Result<Option<ThingLabels>, AskError> {
    let found = at::<LabelledAnswer>(engine, "volumes", name).await?;
    Ok(found.map(|answer| answer.labels.unwrap_or_default()))
}

/// The network that the engine means by a name, an id or the beginning of that; `None` where there is none.
///
/// # Errors
/// Where the engine does not tell.
pub async fn network(engine: &Address, name: &str) -> Result<Option<LabelledNetwork>, AskError> {
    let found = at::<NetworkAnswer>(engine, "networks", name).await?;
    let network = |answer: NetworkAnswer| LabelledNetwork {
        labels: answer.labels.unwrap_or_default(),
        containers: answer.containers.unwrap_or_default().into_keys().collect(),
    };
    Ok(found.map(network))
}

async fn at<T: DeserializeOwned>(engine: &Address, kind: &str, name: &str) -> Result<Option<T>, AskError> {
    let path = format!("/{kind}/{}", client::escape(name.as_bytes(), b""));
    let answer = client::get(engine, &path, PATIENCE).await?;
    // What can be no name is none.
    if matches!(answer.status, 400 | 404) {
        return Ok(None);
    }
    let body = successful(engine, answer)?;
    serde_json::from_slice(&body).map(Some).map_err(|error| unreadable(engine, error))
}

/// Makes a volume of the engine's own kind that has this label.
///
/// # Errors
/// Where the engine does not make it.
pub async fn make_volume(engine: &Address, name: &str, label: (&str, &str)) -> Result<(), AskError> {
    let (key, value) = label;
    let body = serde_json::json!({ "Name": name, "Labels": { key: value } }).to_string();
    let mut answer = client::post(engine, "/volumes/create", &body, PATIENCE).await?;
    if answer.status == 201 {
        answer.status = 200;
    }
    successful(engine, answer).map(drop)
}
