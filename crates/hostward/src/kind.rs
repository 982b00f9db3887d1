//! What kind of engine answers, where its paths need a word: by the answer to `GET /info`.

use serde::Deserialize;

/// A kind of engine whose paths are not simply those of its users' machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Docker Desktop on Windows, whose engine runs in WSL2.
    DesktopOnWindows,
    /// Docker Desktop with a virtual machine of its own: macOS, Linux, Windows with Hyper-V.
    Desktop,
    /// An engine in a distribution of WSL2.
    Wsl,
    /// Docker that a user runs without root.
    RootlessDocker {
        /// Where it has its files.
        root: String,
    },
    /// Podman that a user runs without root.
    RootlessPodman {
        /// Where it has its files.
        root: String,
    },
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct KindAnswer {
    operating_system: String,
    kernel_version: String,
    security_options: Option<Vec<String>>,
    docker_root_dir: String,
    /// Podman's alone.
    buildah_version: Option<String>,
}

impl Kind {
    /// Reads the engine's answer about itself; `None` for an engine of the usual kind.
    ///
    /// # Errors
    /// An answer that is not the API's JSON.
    pub fn read(json: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        let info: KindAnswer = serde_json::from_slice(json)?;
        let in_wsl = info.kernel_version.contains("microsoft");
        let rootless = info.security_options.iter().flatten().any(|option| option == "name=rootless");
        Ok(Some(match (info.operating_system.as_str(), in_wsl) {
            ("Docker Desktop", true) => Self::DesktopOnWindows,
            ("Docker Desktop", false) => Self::Desktop,
            _ if rootless && info.buildah_version.is_some() => {
                Self::RootlessPodman { root: info.docker_root_dir }
            }
            _ if rootless => Self::RootlessDocker { root: info.docker_root_dir },
            (_, true) => Self::Wsl,
            (_, false) => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(json: &str) -> Option<Kind> {
        Kind::read(json.as_bytes()).unwrap()
    }

    #[test]
    fn an_engine_of_the_usual_kind_has_no_name() {
        let docker = r#"{"OperatingSystem":"Debian GNU/Linux 12 (bookworm)","KernelVersion":"6.1.0-40-amd64",
            "SecurityOptions":["name=seccomp,profile=builtin"],"DockerRootDir":"/var/lib/docker"}"#;
        assert_eq!(kind(docker), None);
        assert_eq!(
            kind(r#"{"OperatingSystem":"debian","SecurityOptions":null,"BuildahVersion":"1.28.2"}"#),
            None
        );
        assert_eq!(kind("{}"), None);
        assert!(Kind::read(b"[").is_err());
    }

    #[test]
    fn an_engine_in_a_distribution_of_wsl2_is_told_by_its_kernel() {
        let engine = r#"{"OperatingSystem":"Ubuntu 24.04.1 LTS","KernelVersion":"5.15.167.4-microsoft-standard-WSL2"}"#;
        assert_eq!(kind(engine), Some(Kind::Wsl));
    }
}
