//! A container's place in networks, and the ports of it that the engine publishes: `HostConfig.NetworkMode` and
//! `NetworkSettings` of `GET /containers/ID/json`.

use crate::word::{UnknownWord, one_of};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::str::FromStr;

/// Where published ports are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Publish {
    /// On the host, and on the localhost of the container that started the one that publishes them.
    #[default]
    Caller,
    /// On the host alone.
    Machine,
}

impl FromStr for Publish {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        one_of(text, [("caller", Self::Caller), ("machine", Self::Machine)])
    }
}

/// What the engine says of a container's networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// `HostConfig.NetworkMode`: a network's name, `host`, `none`, `container:ID`.
    pub mode: String,
    /// The names of the networks that it is in, or would be if it ran.
    pub names: BTreeSet<String>,
    /// The networks that it is in, by their ids.
    pub joined: BTreeMap<String, Joined>,
    /// The ports that it publishes, while it runs.
    pub published: BTreeSet<Published>,
}

/// A network that a container is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The container's address.
    pub address: IpAddr,
    /// The host in that network, if it is in there.
    pub gateway: Option<IpAddr>,
}

/// A port that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Published {
    /// How it is spoken to.
    pub protocol: Protocol,
    /// In the container.
    pub inside: u16,
    /// On the host.
    pub outside: u16,
    /// By which addresses.
    pub by: By,
}

/// The kinds of addresses that a port is published by. Engines that pick ports may pick one for each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// All that there are.
    Any,
    /// IPv4, where IPv6 has another port.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
}

/// What a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Network {
    /// Whether it has the network of the host, so that its localhost is the machine's.
    pub fn is_the_machines(&self) -> bool {
        self.mode == "host"
    }

    /// The address of another container in a network that both are in.
    pub fn reaches(&self, other: &Self) -> Option<IpAddr> {
        let both = other.joined.iter().find(|(id, _)| self.joined.contains_key(*id));
        both.map(|(_, joined)| joined.address)
    }

    /// The host, as the container sees it.
    pub fn machine(&self) -> Option<IpAddr> {
        self.joined.values().find_map(|joined| joined.gateway)
    }
}

/// `NetworkSettings`, as far as it is read.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NetworkSettings {
    ports: Option<BTreeMap<String, Option<Vec<Binding>>>>,
    networks: Option<BTreeMap<String, Option<EndpointSettings>>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Binding {
    host_ip: String,
    host_port: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct EndpointSettings {
    #[serde(rename = "NetworkID")]
    id: String,
    #[serde(rename = "IPAddress")]
    address: String,
    #[serde(rename = "Gateway")]
    gateway: String,
}

impl NetworkSettings {
    pub(crate) fn network(self, mode: String) -> Network {
        let networks = self.networks.unwrap_or_default();
        let names = networks.keys().cloned().collect();
        let endpoints = networks.into_values().flatten();
        let joined = endpoints.filter_map(|endpoint| {
            let (address, gateway) = (endpoint.address.parse().ok()?, endpoint.gateway.parse().ok());
            Some((endpoint.id, Joined { address, gateway }))
        });
        let published = self.ports.unwrap_or_default().into_iter().flat_map(|(port, bindings)| {
            let outside = outside(&bindings.unwrap_or_default());
            let inside = port_of(&port);
            outside.into_iter().filter_map(move |(outside, by)| {
                let (inside, protocol) = inside?;
                Some(Published { protocol, inside, outside, by })
            })
        });
        Network { mode, names, joined: joined.collect(), published: published.collect() }
    }
}

/// The ports on the host that lead to one port.
fn outside(bindings: &[Binding]) -> Vec<(u16, By)> {
    let ports = |of: fn(&str) -> bool| -> BTreeSet<u16> {
        let bindings = bindings.iter().filter(|binding| of(&binding.host_ip));
        bindings.filter_map(|binding| binding.host_port.parse().ok()).collect()
    };
    // Podman gives no address for all of them.
    let (ipv4, ipv6) = (ports(|ip| !ip.contains(':')), ports(|ip| ip.contains(':')));
    let by = |port: &u16| if ipv6.is_empty() || ipv6.contains(port) { By::Any } else { By::Ipv4 };
    let first = ipv4.iter().map(|port| (*port, by(port)));
    first.chain(ipv6.difference(&ipv4).map(|port| (*port, By::Ipv6))).collect()
}

/// `80/tcp`. What is neither TCP nor UDP is not forwarded.
fn port_of(text: &str) -> Option<(u16, Protocol)> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    Some((port.parse().ok()?, protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(json: &str) -> Network {
        serde_json::from_str::<NetworkSettings>(json).unwrap().network("bridge".to_owned())
    }

    #[test]
    fn ports_are_read_once_whatever_addresses_they_are_published_on() {
        let found = network(
            r#"{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"32768"},{"HostIp":"::","HostPort":"32768"}],
                "53/udp":[{"HostIp":"127.0.0.1","HostPort":"5353"}],"81/tcp":null,"9/sctp":[{"HostPort":"9"}],
                "82/tcp":[{"HostIp":"0.0.0.0","HostPort":"82"},{"HostIp":"::","HostPort":"83"}],
                "84/tcp":[{"HostIp":"","HostPort":"84"}],"86/tcp":[{"HostIp":"::1","HostPort":"86"}]}}"#,
        );
        let published = |protocol, inside, outside, by| Published { protocol, inside, outside, by };
        let expected = [
            published(Protocol::Tcp, 80, 32768, By::Any),
            // Docker 20.10 picks one for each kind of address.
            published(Protocol::Tcp, 82, 82, By::Ipv4),
            published(Protocol::Tcp, 82, 83, By::Ipv6),
            published(Protocol::Tcp, 84, 84, By::Any),
            published(Protocol::Tcp, 86, 86, By::Ipv6),
            published(Protocol::Udp, 53, 5353, By::Any),
        ];
        assert_eq!(found.published.into_iter().collect::<Vec<_>>(), expected);
        assert_eq!(network("{}").published.len(), 0);
    }

    #[test]
    fn containers_reach_each_other_in_a_network_that_both_are_in() {
        let joined = |id: &str, address: &str, gateway: &str| {
            format!(r#""{id}":{{"NetworkID":"{id}","IPAddress":"{address}","Gateway":"{gateway}"}}"#)
        };
        let of = |networks: &[String]| network(&format!(r#"{{"Networks":{{{}}}}}"#, networks.join(",")));
        let caller = of(&[joined("a", "10.0.0.2", "10.0.0.1"), joined("b", "10.1.0.2", "")]);
        let same = of(&[joined("b", "10.1.0.3", "10.1.0.1")]);
        let other = of(&[joined("c", "10.2.0.2", "10.2.0.1"), joined("none", "", "")]);
        assert_eq!(caller.reaches(&same), Some("10.1.0.3".parse().unwrap()));
        assert_eq!(caller.reaches(&other), None);
        assert_eq!(caller.machine(), Some("10.0.0.1".parse().unwrap()));
        assert_eq!(network(r#"{"Networks":null,"Ports":null}"#).machine(), None);
    }
}
