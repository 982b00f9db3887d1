//! What an engine is, by its own word.

use hostward::abilities::Abilities;
use hostward::kind::Kind;
use hostward::version::ApiVersion;
use serde::Deserialize;

use crate::address::Address;
use crate::ask::{self, AskError};

/// The answer to `GET /version`, as far as Hostward reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Version {
    /// The engine's own version, such as `28.5.2`.
    pub version: String,
    /// The newest API version that it speaks, such as `1.51`.
    pub api_version: String,
    /// The oldest; engines before API 1.25 and Podman may leave it out.
    #[serde(default, rename = "MinAPIVersion")]
    pub min_api_version: String,
    /// `linux` or `windows`.
    #[serde(default)]
    pub os: String,
    /// The kernel that it runs on, which is its machine's.
    #[serde(default)]
    pub kernel_version: String,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Component {
    #[serde(default)]
    name: String,
}

impl Version {
    /// What the engine calls itself: `Podman Engine`, or `Docker Engine` where it says only `Engine` or nothing.
    pub fn name(&self) -> &str {
        match self.components.first().map(|component| component.name.as_str()) {
            None | Some("" | "Engine") => "Docker Engine",
            Some(name) => name,
        }
    }

    /// What it can do. A version that cannot be read promises nothing.
    pub fn abilities(&self) -> Abilities {
        let abilities = ApiVersion::parse(&self.api_version).map_or(Abilities::least(), Abilities::of);
        if self.is_podman() { abilities.as_podman() } else { abilities }
    }

    /// Whether this is Podman's service.
    pub fn is_podman(&self) -> bool {
        self.name().contains("Podman")
    }
}

/// Asks the engine what it is.
pub async fn version(engine: &Address) -> Result<Version, AskError> {
    ask::get(engine, "/version", |body| serde_json::from_slice(body)).await
}

/// Asks the engine of what kind it is; `None` for one of the usual kind.
pub async fn kind(engine: &Address) -> Result<Option<Kind>, AskError> {
    ask::get(engine, "/info", Kind::read).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_and_podman_are_told_apart() {
        let docker = r#"{"Platform":{"Name":""},"Components":[{"Name":"Engine","Version":"28.5.2"}],
            "Version":"28.5.2","ApiVersion":"1.51","MinAPIVersion":"1.24","Os":"linux","KernelVersion":"6.1"}"#;
        let docker: Version = serde_json::from_str(docker).unwrap();
        assert_eq!((docker.name(), docker.min_api_version.as_str()), ("Docker Engine", "1.24"));
        assert!(docker.abilities().subpath());
        let podman = r#"{"Components":[{"Name":"Podman Engine"}],"Version":"5.4.0","ApiVersion":"1.41"}"#;
        let podman: Version = serde_json::from_str(podman).unwrap();
        assert!(podman.is_podman() && podman.abilities().is_podman() && !podman.abilities().subpath());
        let odd: Version = serde_json::from_str(r#"{"Version":"x","ApiVersion":"new"}"#).unwrap();
        assert_eq!(odd.abilities(), Abilities::least());
    }
}
