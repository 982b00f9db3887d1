//! engines.toml: which engines there are.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{Error, Result};

/// The whole of engines.toml.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// The engine that the demo starts, and whose client speaks to engines of the user's choice.
    pub default: String,
    /// The names of the engines that tests run on by themselves.
    pub tested: Vec<String>,
    /// The range of all the engines' addresses.
    pub range: String,
    /// A file that shows that a system package is there, and that package.
    pub system: BTreeMap<String, String>,
    /// What images are made of.
    pub base: Base,
    /// What the second kernel is made of.
    pub second_kernel: SecondKernel,
    /// The engines: Docker's, oldest first, then Podman.
    #[serde(rename = "engine")]
    pub engines: Vec<EngineSpec>,
    /// Docker without root, which only its own tests run on.
    pub rootless: EngineSpec,
}

/// What images are made of.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// Debian suite of all the below.
    pub suite: String,
    /// Packages to unpack.
    pub packages: Vec<String>,
    /// Packages that debootstrap adds to its minimal base for `python:3.11`.
    pub python: Vec<String>,
    /// Those that it adds for `hostward/debian`, where packages are tried.
    pub debian: Vec<String>,
}

/// What the second kernel is made of.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecondKernel {
    /// The engine that runs on it.
    pub engine: String,
    /// The kernel and its C library.
    pub parts: Vec<Part>,
    /// What makes it ready on this machine.
    pub tools: Vec<Part>,
}

/// Which program an engine is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// dockerd.
    #[default]
    Docker,
    /// `podman system service`, through its Docker-compatible API.
    Podman,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Docker => "Docker",
            Kind::Podman => "Podman",
        })
    }
}

/// One test engine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineSpec {
    /// `20.10`, `26`, …: how commands and test reports call it.
    pub name: String,
    /// Which program it is.
    #[serde(default)]
    pub kind: Kind,
    /// The user that it runs as, in a user namespace; none where that is root.
    #[serde(default)]
    pub user: Option<u32>,
    /// Its networks; none where it has the machine's alone.
    #[serde(default)]
    pub network: Option<NetworkSpec>,
    /// Its daemon.json or containers.conf, for what has no flag. `{root}` stands for the folder of its packages,
    /// `{data}` for that of its data, `{pool}` for the range above.
    #[serde(default)]
    pub config: Option<String>,
    /// Packages to unpack, into one folder.
    pub parts: Vec<Part>,
}

/// An engine's networks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// The bridge of its default network.
    pub bridge: String,
    /// The bridge's address with its range.
    pub address: String,
    /// The range that networks made by clients come from.
    pub pool: String,
}

/// Packages of one suite.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Debian suite.
    pub suite: String,
    /// Package names.
    pub packages: Vec<String>,
}

impl Catalog {
    /// The list that this crate was built with.
    pub fn load() -> Result<Catalog> {
        toml::from_str(include_str!("../engines.toml"))
            .map_err(|error| Error::State(format!("engines.toml is not right: {error}")))
    }

    /// The engines that tests run on by themselves, or the ones that they leave out.
    pub fn tested(&self, tested: bool) -> impl Iterator<Item = &EngineSpec> {
        self.engines.iter().filter(move |spec| self.tested.contains(&spec.name) == tested)
    }

    /// All engines, with those that only tests of their own run on.
    pub fn all(&self) -> impl Iterator<Item = &EngineSpec> {
        self.engines.iter().chain([&self.rootless])
    }

    /// The engine of a name; of no name, all.
    pub fn select(&self, name: Option<&str>) -> Result<Vec<EngineSpec>> {
        let Some(name) = name else { return Ok(self.all().cloned().collect()) };
        let found: Vec<_> = self.all().filter(|engine| engine.name == name).cloned().collect();
        if found.is_empty() {
            let known: Vec<&str> = self.all().map(|engine| engine.name.as_str()).collect();
            return Err(Error::State(format!("no engine `{name}`: there are {}", known.join(", "))));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn engines_share_neither_name_nor_bridge_nor_range() {
        let catalog = Catalog::load().unwrap();
        let names: HashSet<_> = catalog.all().map(|engine| &engine.name).collect();
        assert_eq!(names.len(), catalog.all().count());
        let networks: Vec<_> = catalog.all().filter_map(|engine| engine.network.as_ref()).collect();
        let distinct = |of: fn(&NetworkSpec) -> &str| {
            networks.iter().map(|network| of(network)).collect::<HashSet<_>>().len()
        };
        assert_eq!(distinct(|network| &network.bridge), networks.len());
        assert_eq!(distinct(|network| &network.address), networks.len());
        assert_eq!(distinct(|network| &network.pool), networks.len());
    }

    #[test]
    fn what_is_tested_is_there_and_so_is_what_is_left_out() {
        let catalog = Catalog::load().unwrap();
        let names = |tested| catalog.tested(tested).map(|spec| &*spec.name).collect::<Vec<_>>();
        assert_eq!(names(true), catalog.tested);
        assert_eq!(names(false), ["26", "28-containerd"]);
    }

    #[test]
    fn all_addresses_are_in_the_one_range() {
        let range = |text: &str| {
            let (address, length) = text.split_once('/').unwrap();
            (address.parse::<std::net::Ipv4Addr>().unwrap().to_bits(), length.parse::<u32>().unwrap())
        };
        let catalog = Catalog::load().unwrap();
        let (first, length) = range(&catalog.range);
        for network in catalog.all().filter_map(|engine| engine.network.as_ref()) {
            for (address, inner) in [range(&network.address), range(&network.pool)] {
                assert!(inner >= length && (address ^ first) >> (32 - length) == 0, "{}", network.bridge);
            }
        }
    }

    #[test]
    fn link_names_fit_the_kernel() {
        for network in Catalog::load().unwrap().all().filter_map(|engine| engine.network.as_ref()) {
            assert!(network.bridge.len() < 16, "{}", network.bridge);
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = Catalog::load().unwrap().select(Some("19")).unwrap_err().to_string();
        assert_eq!(error, "no engine `19`: there are 20.10, 26, 28, 28-containerd, podman, rootless");
    }
}
