//! The body of a create as an engine reads it, by a reader that has nothing in common with the one under test: what of it gives a
//! container more than a strict profile allows.
//!
//! Go matches names in any letter case, by Unicode's folding, and decodes a name that comes again into the same field. Which one
//! it keeps depends on types and versions, so here each of them counts.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A JSON value with all members of its objects, duplicates included, in their order.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tree;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Bool(value))
            }
            #[allow(clippy::cast_precision_loss, reason = "only its sign and its size matter")]
            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Number(value as f64))
            }
            #[allow(clippy::cast_precision_loss, reason = "only its sign and its size matter")]
            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Number(value as f64))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Number(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = elements.next_element()? {
                    list.push(element);
                }
                Ok(Tree::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
                let mut object = Vec::new();
                while let Some(member) = members.next_entry()? {
                    object.push(member);
                }
                Ok(Tree::Object(object))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The first document of a body, as Go's decoder reads it: bytes that are no UTF-8 become U+FFFD, and what is behind it does not
/// count. None where it is no JSON.
pub(crate) fn first(body: &[u8]) -> Option<Tree> {
    let text = String::from_utf8_lossy(body);
    serde_json::Deserializer::from_str(&text).into_iter::<Tree>().next()?.ok()
}

/// Whether Go takes a member's name for a field's.
fn is_named(name: &str, field: &str) -> bool {
    let fold = |text: &str| -> String {
        let fold = |c| match c {
            'ſ' => 's',
            '\u{212a}' => 'k',
            c => c,
        };
        text.chars().map(fold).collect::<String>().to_ascii_lowercase()
    };
    fold(name) == fold(field)
}

impl Tree {
    /// All values that a path of fields leads to. A list on the way stands for its elements.
    pub(crate) fn at<'t>(&'t self, path: &[&str]) -> Vec<&'t Tree> {
        if let Self::List(elements) = self
            && !path.is_empty()
        {
            return elements.iter().flat_map(|element| element.at(path)).collect();
        }
        let Some((field, rest)) = path.split_first() else { return vec![self] };
        let Self::Object(members) = self else { return Vec::new() };
        let named = members.iter().filter(|(name, _)| is_named(name, field));
        named.flat_map(|(_, value)| value.at(rest)).collect()
    }

    /// All values of a map's keys.
    fn entries(&self) -> &[(String, Tree)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    /// It says nothing.
    fn is_empty(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) => true,
            Self::Bool(true) => false,
            Self::Number(number) => *number == 0.0,
            Self::Text(text) => text.is_empty(),
            Self::List(elements) => elements.is_empty(),
            Self::Object(members) => members.is_empty(),
        }
    }

    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Fields that a strict profile leaves empty, whatever they would say.
const EMPTY: [&[&str]; 33] = [
    &["HostConfig", "Privileged"],
    &["HostConfig", "CapAdd"],
    &["HostConfig", "Capabilities"],
    &["HostConfig", "Devices"],
    &["HostConfig", "DeviceCgroupRules"],
    &["HostConfig", "DeviceRequests"],
    &["HostConfig", "VolumesFrom"],
    &["HostConfig", "VolumeDriver"],
    &["HostConfig", "CgroupParent"],
    &["HostConfig", "Cgroup"],
    &["HostConfig", "Sysctls"],
    &["HostConfig", "Runtime"],
    &["HostConfig", "Ulimits"],
    &["HostConfig", "OomKillDisable"],
    &["HostConfig", "PublishAllPorts"],
    &["HostConfig", "PortBindings"],
    &["HostConfig", "ExtraHosts"],
    &["HostConfig", "Links"],
    &["HostConfig", "GroupAdd"],
    &["HostConfig", "StorageOpt"],
    &["HostConfig", "Annotations"],
    &["HostConfig", "LogConfig", "Config"],
    &["HostConfig", "Mounts", "VolumeOptions", "DriverConfig", "Options"],
    &["HostConfig", "Mounts", "TmpfsOptions", "Options"],
    &["HostConfig", "BlkioDeviceReadBps"],
    &["HostConfig", "BlkioDeviceWriteIOps"],
    &["HostConfig", "CpuRealtimeRuntime"],
    &["HostConfig", "KernelMemory"],
    &["HostConfig", "Isolation"],
    &["NetworkingConfig", "EndpointsConfig", "*", "DriverOpts"],
    &["NetworkingConfig", "EndpointsConfig", "*", "IPAMConfig"],
    &["NetworkingConfig", "EndpointsConfig", "*", "MacAddress"],
    &["NetworkingConfig", "EndpointsConfig", "*", "Links"],
];

/// Fields that a strict profile leaves out, or `null`: an empty list says something there.
const ABSENT: [&[&str]; 2] = [&["HostConfig", "MaskedPaths"], &["HostConfig", "ReadonlyPaths"]];

/// Namespaces, of which a strict profile allows the container's own.
const NAMESPACES: [(&str, &[&str]); 6] = [
    ("PidMode", &[""]),
    ("IpcMode", &["", "private", "none", "shareable"]),
    ("UTSMode", &[""]),
    ("UsernsMode", &[""]),
    ("CgroupnsMode", &["", "private"]),
    ("NetworkMode", &["", "default", "bridge", "none"]),
];

/// What of a create a profile must not let pass that allows nothing but the image; none where there is no such thing.
pub(crate) fn forbidden(body: &Tree) -> Option<String> {
    for path in EMPTY {
        if let Some(value) = body.each(path).into_iter().find(|value| !value.is_empty()) {
            return Some(format!("{}: {value:?}", path.join(".")));
        }
    }
    for path in ABSENT {
        if let Some(value) = body.at(path).into_iter().find(|value| !matches!(value, Tree::Null)) {
            return Some(format!("{}: {value:?}", path.join(".")));
        }
    }
    for (field, allowed) in NAMESPACES {
        for value in body.at(&["HostConfig", field]).iter().filter_map(|value| value.text()) {
            if !allowed.contains(&value) {
                return Some(format!("{field}: {value}"));
            }
        }
    }
    let option = |value: &&Tree| value.text().is_some_and(|text| !text.starts_with("no-new-privileges"));
    for options in body.at(&["HostConfig", "SecurityOpt"]) {
        if let Tree::List(options) = options
            && let Some(option) = options.iter().find(option)
        {
            return Some(format!("SecurityOpt: {option:?}"));
        }
    }
    for score in body.at(&["HostConfig", "OomScoreAdj"]) {
        if matches!(score, Tree::Number(score) if *score < 0.0) {
            return Some(format!("OomScoreAdj: {score:?}"));
        }
    }
    for kind in body.at(&["HostConfig", "Mounts", "Type"]).iter().filter_map(|kind| kind.text()) {
        if !matches!(kind, "" | "bind" | "volume" | "tmpfs") {
            return Some(format!("Mounts.Type: {kind}"));
        }
    }
    None
}

/// Fields by which a container reaches the host, that no preset but `trusted` allows anything of.
const HOSTILE: [&[&str]; 12] = [
    &["HostConfig", "Privileged"],
    &["HostConfig", "Capabilities"],
    &["HostConfig", "Devices"],
    &["HostConfig", "DeviceCgroupRules"],
    &["HostConfig", "DeviceRequests"],
    &["HostConfig", "CgroupParent"],
    &["HostConfig", "Runtime"],
    &["HostConfig", "Annotations"],
    &["HostConfig", "BlkioDeviceReadBps"],
    &["HostConfig", "BlkioDeviceWriteIOps"],
    &["HostConfig", "CpuRealtimeRuntime"],
    &["NetworkingConfig", "EndpointsConfig", "*", "DriverOpts"],
];

/// What of a create gives a container the host, and no preset but `trusted` must let pass.
pub(crate) fn hostile(body: &Tree) -> Option<String> {
    for path in HOSTILE {
        if let Some(value) = body.each(path).into_iter().find(|value| !value.is_empty()) {
            return Some(format!("{}: {value:?}", path.join(".")));
        }
    }
    for path in ABSENT {
        if let Some(value) = body.at(path).into_iter().find(|value| !matches!(value, Tree::Null)) {
            return Some(format!("{}: {value:?}", path.join(".")));
        }
    }
    for (field, _) in NAMESPACES {
        let values = body.at(&["HostConfig", field]);
        if values.iter().filter_map(|value| value.text()).any(|value| value.eq_ignore_ascii_case("host")) {
            return Some(format!("{field}: host"));
        }
    }
    let listed = |path: &[&str], is_such: fn(&str) -> bool| {
        let lists = body
            .at(path)
            .into_iter()
            .filter_map(|list| if let Tree::List(list) = list { Some(list) } else { None });
        lists
            .flatten()
            .filter_map(Tree::text)
            .find(|text| is_such(text))
            .map(|text| format!("{}: {text}", path.join(".")))
    };
    let capability =
        |text: &str| matches!(text.to_ascii_uppercase().trim_start_matches("CAP_"), "SYS_ADMIN" | "ALL");
    let option = |text: &str| !text.starts_with("no-new-privileges");
    let device = body.at(&["HostConfig", "Mounts", "VolumeOptions", "DriverConfig", "Options", "device"]);
    let device = device.into_iter().filter_map(Tree::text).find(|device| device.starts_with('/'));
    let address = body.at(&["HostConfig", "LogConfig", "Config", "syslog-address"]);
    listed(&["HostConfig", "CapAdd"], capability)
        .or_else(|| listed(&["HostConfig", "SecurityOpt"], option))
        .or_else(|| device.map(|device| format!("a volume on {device}")))
        .or_else(|| address.first().map(|address| format!("logs to {address:?}")))
}

/// The sources of binds and of mounts: absolute ones are paths, others volumes.
pub(crate) fn sources(body: &Tree) -> Vec<String> {
    let mut sources = Vec::new();
    for binds in body.at(&["HostConfig", "Binds"]) {
        if let Tree::List(binds) = binds {
            let texts = binds.iter().filter_map(Tree::text);
            // Without a colon it is a volume without a name.
            sources.extend(texts.filter_map(|text| Some(text.split_once(':')?.0.to_owned())));
        }
    }
    let named = body.at(&["HostConfig", "Mounts", "Source"]);
    sources.extend(named.into_iter().filter_map(Tree::text).map(str::to_owned));
    sources.retain(|source| !source.is_empty());
    sources
}

impl Tree {
    /// [`at`](Self::at), where `*` is any key of a map.
    fn each<'t>(&'t self, path: &[&str]) -> Vec<&'t Tree> {
        match path.iter().position(|field| *field == "*") {
            None => self.at(path),
            Some(star) => {
                let maps = self.at(&path[..star]);
                let values = maps.into_iter().flat_map(|map| map.entries().iter().map(|(_, value)| value));
                values.flat_map(|value| value.each(&path[star + 1..])).collect()
            }
        }
    }
}
