//! Asks an engine which containers there are, with what tells them apart: names, labels, addresses, mounts.
//!
//! The list is behind while a container is being started: its processes run already. A question about the container itself
//! waits for that.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use hostward::cgroup::ContainerId;
use hostward::path::EnginePath;
use serde::Deserialize;

use crate::address::Address;
use crate::ask::{self, AskError};
use crate::client;

/// How long a container that must be running may not be in the list, and how often it is looked for.
const BEHIND: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(100);

/// A container, as the answer to `GET /containers/json` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The full id.
    pub id: ContainerId,
    /// The name, without the leading slash of the API.
    pub name: String,
    /// Its addresses in the engine's networks; none where it lives in another's network, or in the machine's.
    pub addresses: Vec<IpAddr>,
    /// What is mounted in it from the host: the sources of binds, the directories of volumes.
    pub sources: Vec<EnginePath>,
    network_mode: String,
}

impl Listed {
    /// Whether it lives in the network of the container `id`, and so has the other's addresses, `/etc/hostname` and host
    /// name.
    pub fn shares_network_of(&self, id: &ContainerId) -> bool {
        self.network_mode.strip_prefix("container:") == Some(id.as_str())
    }
}

/// All running containers.
pub async fn running(engine: &Address) -> Result<Vec<Listed>, AskError> {
    ask::get(engine, "/containers/json", read).await
}

/// All containers, whether or not they run.
pub async fn all(engine: &Address) -> Result<Vec<Listed>, AskError> {
    ask::get(engine, "/containers/json?all=1", read).await
}

/// All running containers, once one of them has this address; after a second without one, those that there are.
pub async fn with_address(engine: &Address, address: IpAddr) -> Result<Vec<Listed>, AskError> {
    until(engine, "/containers/json", |one| one.addresses.contains(&address)).await
}

/// The running containers that have a label, `KEY` or `KEY=VALUE`; none after a second without one.
pub async fn labelled(engine: &Address, label: &str) -> Result<Vec<Listed>, AskError> {
    let filters = serde_json::json!({ "label": [label] }).to_string();
    let path = format!("/containers/json?filters={}", client::escape(filters.as_bytes(), b""));
    until(engine, &path, |_| true).await
}

/// The running containers that have the label `key` now, each with its value.
pub async fn with_label(engine: &Address, key: &str) -> Result<Vec<(ContainerId, String)>, AskError> {
    labelled_of(engine, "/containers/json?filters=", key).await
}

async fn labelled_of(
    engine: &Address,
    list: &str,
    key: &str,
) -> Result<Vec<(ContainerId, String)>, AskError> {
    let filters = serde_json::json!({ "label": [key] }).to_string();
    let path = format!("{list}{}", client::escape(filters.as_bytes(), b""));
    ask::get(engine, &path, |body| {
        let entries: Vec<LabelledEntry> = serde_json::from_slice(body)?;
        let labelled = entries.into_iter().filter_map(|entry| entry.labelled(key)).collect();
        Ok::<_, serde_json::Error>(labelled)
    })
    .await
}

/// All containers that have the label `key` now, running or not, each with its value.
pub async fn all_with_label(engine: &Address, key: &str) -> Result<Vec<(ContainerId, String)>, AskError> {
    labelled_of(engine, "/containers/json?all=1&filters=", key).await
}

/// The running containers that live in the network of `id`.
pub async fn network_guests(engine: &Address, id: &ContainerId) -> Result<Vec<ContainerId>, AskError> {
    let guests = running(engine).await?.into_iter().filter(|one| one.shares_network_of(id));
    Ok(guests.map(|one| one.id).collect())
}

/// What is listed, once one that is looked for is among it.
async fn until(
    engine: &Address,
    path: &str,
    looked_for: impl Fn(&Listed) -> bool,
) -> Result<Vec<Listed>, AskError> {
    let begin = Instant::now();
    loop {
        let listed = ask::get(engine, path, read).await?;
        if listed.iter().any(&looked_for) || begin.elapsed() > BEHIND {
            return Ok(listed);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn read(body: &[u8]) -> Result<Vec<Listed>, serde_json::Error> {
    let entries: Vec<ListedEntry> = serde_json::from_slice(body)?;
    // An id that is none is not one of a container whose processes could be told.
    Ok(entries.into_iter().filter_map(ListedEntry::listed).collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedEntry {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    host_config: ListedHostConfig,
    #[serde(default)]
    network_settings: Option<ListedNetworks>,
    #[serde(default)]
    mounts: Option<Vec<ListedMount>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ListedHostConfig {
    network_mode: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ListedNetworks {
    networks: Option<BTreeMap<String, Option<ListedNetwork>>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ListedNetwork {
    #[serde(rename = "IPAddress")]
    ipv4: String,
    #[serde(rename = "GlobalIPv6Address")]
    ipv6: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ListedMount {
    source: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LabelledEntry {
    id: String,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl LabelledEntry {
    fn labelled(self, key: &str) -> Option<(ContainerId, String)> {
        Some((ContainerId::parse(self.id.as_bytes())?, self.labels?.remove(key)?))
    }
}

impl ListedEntry {
    fn listed(self) -> Option<Listed> {
        let id = ContainerId::parse(self.id.as_bytes())?;
        // Links give a container further names, with the other's name in front.
        let names = self.names.unwrap_or_default();
        let bare = |name: &String| name.strip_prefix('/').unwrap_or(name).to_owned();
        let name =
            names.iter().map(bare).find(|name| !name.contains('/')).unwrap_or_else(|| id.short().to_owned());
        let networks = self.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        let addresses = networks.into_values().flatten().flat_map(|network| [network.ipv4, network.ipv6]);
        let sources = self.mounts.unwrap_or_default().into_iter();
        Some(Listed {
            id,
            name,
            addresses: addresses.filter_map(|address| address.parse().ok()).collect(),
            sources: sources.filter_map(|mount| EnginePath::parse(mount.source.as_bytes()).ok()).collect(),
            network_mode: self.host_config.network_mode,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::{self, Reply};

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2";

    #[test]
    fn what_tells_containers_apart_is_read() {
        let body = format!(
            r#"[{{"Id":"{A}","Names":["/other/db","/web"],"HostConfig":{{"NetworkMode":"default"}},
                "NetworkSettings":{{"Networks":{{"bridge":{{"IPAddress":"172.17.0.2","GlobalIPv6Address":""}},
                "off":null,"six":{{"IPAddress":"","GlobalIPv6Address":"fd00::2"}}}}}},
                "Mounts":[{{"Type":"bind","Source":"/srv/x","Destination":"/x"}},{{"Type":"tmpfs","Destination":"/t"}}]}},
               {{"Id":"{B}","Names":null,"HostConfig":{{"NetworkMode":"container:{A}"}},"Mounts":null}},
               {{"Id":"short","Names":["/x"]}}]"#
        );
        let found = read(body.as_bytes()).unwrap();
        let [web, guest] = &found[..] else { panic!("{found:?}") };
        assert_eq!(web.name, "web");
        assert_eq!(web.addresses, ["172.17.0.2".parse::<IpAddr>().unwrap(), "fd00::2".parse().unwrap()]);
        assert_eq!(web.sources.iter().map(ToString::to_string).collect::<Vec<_>>(), ["/srv/x"]);
        assert_eq!(guest.name, B[..12]);
        assert!(guest.shares_network_of(&web.id) && !web.shares_network_of(&guest.id));
    }

    #[test]
    fn a_label_is_told_of_those_that_have_it() {
        let body = format!(
            r#"[{{"Id":"{A}","Labels":{{"k":"v","other":""}}}},{{"Id":"{B}","Labels":{{"other":"k"}}}},{{"Id":"{B}"}}]"#
        );
        let found = stub::ask(
            move |asked| {
                assert!(
                    asked.starts_with("GET /containers/json?filters=%7B%22label%22%3A%5B%22k%22%5D%7D HTTP")
                );
                Reply::of(200, &body)
            },
            async |engine| with_label(&engine, "k").await.unwrap(),
        );
        assert_eq!(found, [(ContainerId::parse(A.as_bytes()).unwrap(), "v".to_owned())]);
    }

    #[test]
    fn one_that_is_being_started_is_looked_for_again() {
        let with = format!(
            r#"[{{"Id":"{A}","NetworkSettings":{{"Networks":{{"n":{{"IPAddress":"10.0.0.2"}}}}}}}}]"#
        );
        // What the engine says, one answer after the other, and what is found.
        let found = |answers: Vec<String>, address: &str| {
            let mut answers = answers.into_iter();
            let mut last = String::new();
            let reply = move |_: &str| {
                last = answers.next().unwrap_or_else(|| last.clone());
                Reply::of(200, &last)
            };
            stub::ask(reply, async |engine| {
                with_address(&engine, address.parse().unwrap()).await.unwrap().len()
            })
        };
        assert_eq!(found(vec!["[]".to_owned(), "[]".to_owned(), with.clone()], "10.0.0.2"), 1);
        assert_eq!(found(vec!["[]".to_owned()], "10.0.0.2"), 0);
        // Others are told all the same.
        assert_eq!(found(vec![with], "10.0.0.3"), 1);
    }
}
