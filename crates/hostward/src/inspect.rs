//! A container as the engine describes it: the answer to `GET /containers/ID/json` (API 1.24 and later).

use crate::cgroup::ContainerId;
use crate::path::{CallerPath, EnginePath};
use crate::table::{Mount, Source, Table};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is needed of a container to see files as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The full id.
    pub id: ContainerId,
    /// The name, without the leading slash of the API.
    pub name: String,
    /// The pid of its first process in the engine's pid namespace, while it runs.
    pub pid: Option<u32>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its mounts.
    pub table: Table,
}

/// Why an answer is no description of a container.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Not the JSON of the API.
    #[error("the engine's description of the container cannot be read")]
    Json(#[from] serde_json::Error),
    /// The id is not what engines give.
    #[error("the engine describes a container by the id {0:?}, which is not 64 hexadecimal digits")]
    Id(String),
    /// A mount that cannot be placed: to leave it out would give away what lies below it.
    #[error("the engine lists a mount at {0:?}, which is not an absolute path")]
    Destination(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    state: State,
    #[serde(default)]
    config: Config,
    #[serde(default)]
    host_config: HostConfig,
    #[serde(default)]
    mounts: Option<Vec<MountPoint>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    pid: u32,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct HostConfig {
    tmpfs: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MountPoint {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
    destination: String,
    #[serde(default)]
    driver: String,
    #[serde(default, rename = "RW")]
    writable: bool,
}

/// Reads the engine's answer.
///
/// # Errors
/// An answer that is not the API's JSON, or names an id or a destination that no engine makes.
pub fn parse(json: &[u8]) -> Result<Container, InspectError> {
    let answer: Answer = serde_json::from_slice(json)?;
    let id = ContainerId::parse(answer.id.as_bytes()).ok_or(InspectError::Id(answer.id))?;
    let mut table = Table::default();
    // `--tmpfs` is not among the mounts on every engine; what the engine lists itself wins.
    for destination in answer.host_config.tmpfs.unwrap_or_default().into_keys() {
        table.add(Mount { destination: place(&destination)?, source: Source::Tmpfs, read_only: false });
    }
    for point in answer.mounts.unwrap_or_default() {
        let destination = place(&point.destination)?;
        table.add(Mount { destination, read_only: !point.writable, source: source(point) });
    }
    Ok(Container {
        id,
        name: answer.name.trim_start_matches('/').to_owned(),
        pid: Some(answer.state.pid).filter(|&pid| pid != 0),
        labels: answer.config.labels.unwrap_or_default(),
        table,
    })
}

fn place(destination: &str) -> Result<CallerPath, InspectError> {
    CallerPath::parse(destination.as_bytes()).map_err(|_| InspectError::Destination(destination.to_owned()))
}

fn source(point: MountPoint) -> Source {
    match point.r#type.as_str() {
        "bind" => bind(&point.source),
        "tmpfs" => Source::Tmpfs,
        "image" => Source::Image,
        // An engine older than API 1.25 gives no type: a volume has a name there.
        "" if point.name.is_empty() => bind(&point.source),
        "" | "volume" => Source::Volume { name: point.name, driver: point.driver },
        other => Source::Other(other.to_owned()),
    }
}

/// A bind's source. The engine's JSON writes bytes that are no UTF-8 as U+FFFD: such a path is lost.
fn bind(source: &str) -> Source {
    match EnginePath::parse(source.as_bytes()) {
        Ok(path) if !source.contains('\u{fffd}') => Source::Bind(path),
        _ => Source::Other(format!("bind of a source that the engine's JSON cannot spell ({source})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";

    fn answer(mounts: &str, host_config: &str) -> Container {
        let json = format!(
            r#"{{"Id":"{ID}","Name":"/caller","State":{{"Pid":42}},"Mounts":{mounts},"HostConfig":{host_config},
                "Config":{{"Labels":null}}}}"#
        );
        parse(json.as_bytes()).unwrap()
    }

    fn source_at(container: &Container, path: &str) -> Option<(Source, bool)> {
        let covering = container.table.covering(&CallerPath::parse(path.as_bytes()).unwrap())?;
        Some((covering.source.clone(), covering.read_only))
    }

    #[test]
    fn every_kind_of_mount_is_read() {
        let container = answer(
            r#"[{"Type":"bind","Source":"/home/me/storage","Destination":"/app/storage","Mode":"","RW":true},
                {"Type":"volume","Name":"v","Source":"/var/lib/docker/volumes/v/_data","Destination":"/v","Driver":"local","RW":false},
                {"Type":"image","Source":"x","Destination":"/i","RW":false},
                {"Type":"npipe","Source":"x","Destination":"/p","RW":true}]"#,
            r#"{"Tmpfs":{"/t":"size=1m"}}"#,
        );
        assert_eq!(container.name, "caller");
        assert_eq!(container.pid, Some(42));
        let bind = Source::Bind(EnginePath::parse(b"/home/me/storage").unwrap());
        assert_eq!(source_at(&container, "/app/storage/x"), Some((bind, false)));
        let volume = Source::Volume { name: "v".into(), driver: "local".into() };
        assert_eq!(source_at(&container, "/v"), Some((volume, true)));
        assert_eq!(source_at(&container, "/t"), Some((Source::Tmpfs, false)));
        assert_eq!(source_at(&container, "/i"), Some((Source::Image, true)));
        assert_eq!(source_at(&container, "/p"), Some((Source::Other("npipe".into()), false)));
        assert_eq!(source_at(&container, "/etc"), None);
    }

    #[test]
    fn a_source_that_json_lost_is_no_path() {
        let container = answer(r#"[{"Type":"bind","Source":"/a\ufffd","Destination":"/b","RW":true}]"#, "{}");
        assert!(matches!(source_at(&container, "/b"), Some((Source::Other(_), _))));
    }

    #[test]
    fn an_answer_that_is_no_container_is_an_error() {
        assert!(matches!(parse(b"{}"), Err(InspectError::Json(_))));
        assert!(matches!(parse(br#"{"Id":"abc"}"#), Err(InspectError::Id(_))));
    }
}
