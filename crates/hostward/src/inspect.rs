//! A container as the engine describes it: the answer to `GET /containers/ID/json` (API 1.24 and later), and a volume:
//! the answer to `GET /volumes/NAME`.

use crate::alias::{self, Alias};
use crate::cgroup::ContainerId;
use crate::explicit::Unmapped;
use crate::network::{self, Network};
use crate::path::{CallerPath, EnginePath, Rest};
use crate::table::{Device, Mount, Root, Source, Table, Volume};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// What is needed of a container to see files as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The full id.
    pub id: ContainerId,
    /// The name, without the leading slash of the API.
    pub name: String,
    /// The pid of its first process in the engine's pid namespace, while it runs.
    pub pid: Option<u32>,
    /// When it was last started, by the clock of the engine's machine.
    pub started: Option<SystemTime>,
    /// The image that it was created from, by the id, which never means another image.
    pub image: String,
    /// What its paths are that nothing maps, by its own label. A label that comes with the image does not count
    /// ([`set_image_labels`](Self::set_image_labels)): anybody who may build or tag an image can write one.
    pub unmapped: Option<Unmapped>,
    /// Its mounts.
    pub table: Table,
    /// Its networks.
    pub network: Network,
    /// Whether the engine starts it again by itself.
    pub restarts: bool,
}

impl Container {
    /// Whether a user means this one by a name or an id: its name, its id, or the beginning of that in the length that
    /// engines show.
    pub fn is_called(&self, name: &str) -> bool {
        let id = self.id.as_str();
        name == self.name || name == id || (name.len() >= self.id.short().len() && id.starts_with(name))
    }

    /// Drops what the label says where its image says it: by a label of the same name and value, or where that is not known
    /// because the engine has the image no longer (`None`).
    pub fn set_image_labels(&mut self, labels: Option<&BTreeMap<String, String>>) {
        if labels.is_none_or(|labels| unmapped(labels) == self.unmapped) {
            self.unmapped = None;
        }
    }
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
    /// A mount of a volume's subdirectory that cannot be placed either.
    #[error("the engine lists a mount of {0:?} in a volume, which is no path beneath it")]
    Subpath(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    state: State,
    #[serde(default)]
    config: Config,
    #[serde(default)]
    host_config: HostConfig,
    #[serde(default)]
    mounts: Option<Vec<MountPoint>>,
    #[serde(default)]
    graph_driver: GraphDriver,
    #[serde(default)]
    network_settings: network::Settings,
    #[serde(default)]
    hosts_path: String,
    #[serde(default)]
    resolv_conf_path: String,
    #[serde(default)]
    hostname_path: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct GraphDriver {
    data: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    pid: u32,
    started_at: String,
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
    binds: Option<Vec<String>>,
    mounts: Option<Vec<MountRequest>>,
    readonly_rootfs: bool,
    devices: Option<Vec<DeviceRequest>>,
    network_mode: String,
    restart_policy: RestartPolicy,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RestartPolicy {
    name: String,
}

/// A device that it was given.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct DeviceRequest {
    path_on_host: String,
    path_in_container: String,
    cgroup_permissions: String,
}

impl HostConfig {
    /// Sources and targets as they were asked for.
    fn asked(&self) -> impl Iterator<Item = (&str, &str)> {
        let binds = self.binds.iter().flatten().filter_map(|text| alias::split(text));
        let mounts = self.mounts.iter().flatten().map(|mount| (&*mount.source, &*mount.target));
        binds.chain(mounts)
    }
}

impl DeviceRequest {
    /// None where it is no path, as on Windows.
    fn device(&self) -> Option<Device> {
        Some(Device {
            at: CallerPath::parse(self.path_in_container.as_bytes()).ok()?,
            path: EnginePath::parse(self.path_on_host.as_bytes()).ok()?,
            // The engine's default is all of them.
            read_only: !(self.cgroup_permissions.is_empty() || self.cgroup_permissions.contains('w')),
        })
    }
}

/// A mount as it was asked for. Only here is a volume's subpath told.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct MountRequest {
    source: String,
    target: String,
    volume_options: Option<VolumeOptions>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct VolumeOptions {
    subpath: String,
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
    table.set_root(Root {
        path: answer.graph_driver.data.and_then(|mut data| path(&data.remove("MergedDir")?)),
        presumed: None,
        read_only: answer.host_config.readonly_rootfs,
    });
    let devices = answer.host_config.devices.as_deref().unwrap_or_default();
    table.set_devices(devices.iter().filter_map(DeviceRequest::device).collect());
    let labels = answer.config.labels.unwrap_or_default();
    let alias = |point: &MountPoint| {
        let engine = path(&point.source).filter(|_| point.r#type == "bind")?;
        let destination = CallerPath::parse(point.destination.as_bytes()).ok()?;
        Alias::of(&engine, &destination, &labels, answer.host_config.asked())
    };
    table.set_aliases(answer.mounts.iter().flatten().filter_map(alias).collect());
    // The engine's own mounts, which are not among the mounts: in the root filesystem they are empty files (T5).
    for (destination, source) in [
        ("/etc/hosts", &answer.hosts_path),
        ("/etc/resolv.conf", &answer.resolv_conf_path),
        ("/etc/hostname", &answer.hostname_path),
    ] {
        if let Some(source) = path(source) {
            let source = Source::Bind(source);
            table.add(Mount { destination: place(destination)?, source, read_only: false });
        }
    }
    // `--tmpfs` is not among the mounts on every engine; what the engine lists itself wins.
    for destination in answer.host_config.tmpfs.unwrap_or_default().into_keys() {
        table.add(Mount { destination: place(&destination)?, source: Source::Tmpfs, read_only: false });
    }
    let mut subpaths = BTreeMap::new();
    for request in answer.host_config.mounts.unwrap_or_default() {
        if let Some(VolumeOptions { subpath }) = request.volume_options
            && !subpath.is_empty()
        {
            let rest = Rest::parse(subpath.as_bytes()).ok_or(InspectError::Subpath(subpath))?;
            subpaths.insert(place(&request.target)?, rest);
        }
    }
    for point in answer.mounts.unwrap_or_default() {
        let destination = place(&point.destination)?;
        let subpath = subpaths.remove(&destination).unwrap_or_else(Rest::empty);
        table.add(Mount { destination, read_only: !point.writable, source: source(point, subpath) });
    }
    Ok(Container {
        id,
        name: answer.name.trim_start_matches('/').to_owned(),
        pid: Some(answer.state.pid).filter(|&pid| pid != 0),
        started: answer.state.started_at.parse::<Timestamp>().ok().map(SystemTime::from),
        image: answer.image,
        unmapped: unmapped(&labels),
        table,
        network: answer.network_settings.network(answer.host_config.network_mode),
        restarts: !matches!(answer.host_config.restart_policy.name.as_str(), "" | "no"),
    })
}

fn unmapped(labels: &BTreeMap<String, String>) -> Option<Unmapped> {
    labels.get(Unmapped::LABEL)?.parse().ok()
}

fn place(destination: &str) -> Result<CallerPath, InspectError> {
    CallerPath::parse(destination.as_bytes()).map_err(|_| InspectError::Destination(destination.to_owned()))
}

/// A path of the engine's, where it gives one that its JSON can spell: bytes that are no UTF-8 come as U+FFFD.
fn path(text: &str) -> Option<EnginePath> {
    EnginePath::parse(text.as_bytes()).ok().filter(|_| !text.contains('\u{fffd}'))
}

fn source(point: MountPoint, subpath: Rest) -> Source {
    match point.r#type.as_str() {
        "bind" => bind(&point.source),
        "tmpfs" => Source::Tmpfs,
        "image" => Source::Image,
        // An engine older than API 1.25 gives no type: a volume has a name there.
        "" if point.name.is_empty() => bind(&point.source),
        "" | "volume" => {
            Source::Volume(Volume { name: point.name, driver: point.driver, subpath, path: None })
        }
        other => Source::Other(other.to_owned()),
    }
}

fn bind(source: &str) -> Source {
    path(source).map_or_else(
        || Source::Other(format!("bind of a source that the engine's JSON cannot spell ({source})")),
        Source::Bind,
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(default)]
    docker_root_dir: String,
    #[serde(default)]
    driver: String,
    #[serde(default)]
    driver_status: Option<Vec<Vec<String>>>,
}

/// Reads the engine's answer about itself (`GET /info`): where a running container's root filesystem is likely to be.
/// With the containerd image store (seen on 28.5) the engine mounts it at a place of its own layout and does not say so.
///
/// # Errors
/// An answer that is not the API's JSON.
pub fn root(json: &[u8], id: &ContainerId) -> Result<Option<EnginePath>, InspectError> {
    let Info { docker_root_dir, driver, driver_status } = serde_json::from_slice(json)?;
    let snapshots = ["driver-type", "io.containerd.snapshotter.v1"];
    let by_containerd = driver_status.is_some_and(|status| status.iter().any(|pair| *pair == snapshots));
    let presumed = by_containerd.then(|| format!("{docker_root_dir}/rootfs/{driver}/{}", id.as_str()));
    Ok(presumed.and_then(|presumed| path(&presumed)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeAnswer {
    driver: String,
    #[serde(default)]
    mountpoint: String,
    #[serde(default)]
    options: Option<BTreeMap<String, String>>,
}

/// Reads the engine's answer about a volume: the directory on the engine's machine that has its files. `None` where
/// that is not said or not sure: with another driver than `local`, or a device of its own, the directory is a mount
/// that comes and goes with the volume's use.
///
/// # Errors
/// An answer that is not the API's JSON.
pub fn volume(json: &[u8]) -> Result<Option<EnginePath>, InspectError> {
    let answer: VolumeAnswer = serde_json::from_slice(json)?;
    let device = answer.options.is_some_and(|options| options.contains_key("device"));
    Ok(path(&answer.mountpoint).filter(|_| answer.driver == "local" && !device))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageAnswer {
    #[serde(default)]
    config: Option<Config>,
}

/// Reads the engine's answer about an image (`GET /images/NAME/json`): the labels that its containers have.
///
/// # Errors
/// An answer that is not the API's JSON.
pub fn image_labels(json: &[u8]) -> Result<BTreeMap<String, String>, InspectError> {
    let answer: ImageAnswer = serde_json::from_slice(json)?;
    Ok(answer.config.and_then(|config| config.labels).unwrap_or_default())
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
    fn a_container_is_called_by_its_name_or_id_and_not_by_any_beginning_of_that() {
        let json = format!(r#"{{"Id":"{}","Name":"/web"}}"#, "db".repeat(32));
        let container = parse(json.as_bytes()).unwrap();
        for (name, is) in [
            ("web", true),
            (&"db".repeat(32), true),
            (&"db".repeat(6), true),
            ("db", false),
            ("dbdbdbdbdbd", false),
            ("we", false),
        ] {
            assert_eq!(container.is_called(name), is, "{name}");
        }
    }

    #[test]
    fn the_start_is_read_to_the_nanosecond_and_in_any_zone() {
        let started = |at: &str| {
            let json = format!(r#"{{"Id":"{}","State":{{"StartedAt":"{at}"}}}}"#, "a".repeat(64));
            parse(json.as_bytes()).unwrap().started
        };
        let docker = started("2026-11-26T00:03:30.123456789Z").unwrap();
        assert_eq!(started("2026-11-26T01:03:30.123456789+01:00"), Some(docker));
        assert!(started("2026-11-26T00:03:30.12345679Z").unwrap() > docker);
        assert_eq!(started(""), None);
    }

    #[test]
    fn every_kind_of_mount_is_read() {
        let container = answer(
            r#"[{"Type":"bind","Source":"/home/me/storage","Destination":"/app/storage","Mode":"","RW":true},
                {"Type":"volume","Name":"v","Source":"/var/lib/docker/volumes/v/_data","Destination":"/v","Driver":"local","RW":false},
                {"Type":"volume","Name":"v","Source":"/var/lib/docker/volumes/v/_data","Destination":"/s","Driver":"local","RW":true},
                {"Type":"image","Source":"x","Destination":"/i","RW":false},
                {"Type":"npipe","Source":"x","Destination":"/p","RW":true}]"#,
            r#"{"Tmpfs":{"/t":"size=1m"},"Mounts":[{"Type":"bind","Target":"/app/storage"},
                {"Type":"volume","Source":"v","Target":"/s/","VolumeOptions":{"Subpath":"a/b"}}]}"#,
        );
        assert_eq!(container.name, "caller");
        assert_eq!(container.pid, Some(42));
        let bind = Source::Bind(EnginePath::parse(b"/home/me/storage").unwrap());
        assert_eq!(source_at(&container, "/app/storage/x"), Some((bind, false)));
        let volume = |name: &str, subpath: &[u8]| {
            let subpath = Rest::parse(subpath).unwrap();
            Source::Volume(Volume { name: name.into(), driver: "local".into(), subpath, path: None })
        };
        assert_eq!(source_at(&container, "/v"), Some((volume("v", b""), true)));
        assert_eq!(source_at(&container, "/s"), Some((volume("v", b"a/b"), false)));
        assert_eq!(source_at(&container, "/t"), Some((Source::Tmpfs, false)));
        assert_eq!(source_at(&container, "/i"), Some((Source::Image, true)));
        assert_eq!(source_at(&container, "/p"), Some((Source::Other("npipe".into()), false)));
        assert_eq!(source_at(&container, "/etc"), None);
    }

    #[test]
    fn the_root_filesystem_and_the_engines_own_files_have_their_places() {
        let json = format!(
            r#"{{"Id":"{ID}","GraphDriver":{{"Name":"overlay2","Data":{{"MergedDir":"/var/lib/docker/overlay2/x/merged"}}}},
                "HostsPath":"/var/lib/docker/containers/x/hosts","ResolvConfPath":"",
                "HostnamePath":"/var/lib/docker/containers/x/hostname",
                "Mounts":[{{"Type":"bind","Source":"/srv/hostname","Destination":"/etc/hostname","RW":true}}]}}"#
        );
        let container = parse(json.as_bytes()).unwrap();
        let bind = |source: &str| Source::Bind(EnginePath::parse(source.as_bytes()).unwrap());
        assert_eq!(
            container.table.root().path.as_ref().map(ToString::to_string).as_deref(),
            Some("/var/lib/docker/overlay2/x/merged")
        );
        assert_eq!(
            source_at(&container, "/etc/hosts"),
            Some((bind("/var/lib/docker/containers/x/hosts"), false))
        );
        assert_eq!(source_at(&container, "/etc/hostname"), Some((bind("/srv/hostname"), false)));
        assert_eq!(source_at(&container, "/etc/resolv.conf"), None);
        // The containerd image store gives no data.
        let null = format!(r#"{{"Id":"{ID}","GraphDriver":{{"Name":"overlayfs","Data":null}}}}"#);
        assert_eq!(parse(null.as_bytes()).unwrap().table.root().path, None);
    }

    #[test]
    fn where_containerd_keeps_the_images_the_root_filesystem_has_its_likely_place() {
        let id = ContainerId::parse(ID.as_bytes()).unwrap();
        let info = |kind: &str| {
            let json = format!(
                r#"{{"DockerRootDir":"/var/lib/docker","Driver":"overlayfs","DriverStatus":[["driver-type","{kind}"]]}}"#
            );
            root(json.as_bytes(), &id).unwrap().map(|path| path.to_string())
        };
        let likely = format!("/var/lib/docker/rootfs/overlayfs/{ID}");
        assert_eq!(info("io.containerd.snapshotter.v1"), Some(likely));
        assert_eq!(info("another"), None);
        assert_eq!(root(b"{}", &id).unwrap(), None);
        assert!(root(b"{", &id).is_err());
    }

    #[test]
    fn a_volume_has_a_directory_where_nothing_is_mounted_on_it() {
        let directory = |json: &str| volume(json.as_bytes()).unwrap().map(|path| path.to_string());
        let answer = |driver: &str, options: &str| {
            format!(r#"{{"Name":"v","Driver":"{driver}","Mountpoint":"/vols/v/_data","Options":{options}}}"#)
        };
        assert_eq!(directory(&answer("local", "null")).as_deref(), Some("/vols/v/_data"));
        assert_eq!(directory(&answer("local", r#"{"size":"1G"}"#)).as_deref(), Some("/vols/v/_data"));
        assert_eq!(directory(&answer("local", r#"{"type":"none","o":"bind","device":"/srv"}"#)), None);
        assert_eq!(directory(&answer("rexray", "{}")), None);
        assert!(volume(b"[]").is_err());
    }

    #[test]
    fn a_source_that_json_lost_is_no_path() {
        let container = answer(r#"[{"Type":"bind","Source":"/a\ufffd","Destination":"/b","RW":true}]"#, "{}");
        assert!(matches!(source_at(&container, "/b"), Some((Source::Other(_), _))));
    }

    #[test]
    fn an_images_labels_are_read() {
        let labels = |json: &str| image_labels(json.as_bytes()).unwrap();
        let two = labels(r#"{"Id":"sha256:1","Config":{"Labels":{"b":"1","a":""}}}"#);
        assert_eq!(two, BTreeMap::from([("a", ""), ("b", "1")].map(|(a, b)| (a.to_owned(), b.to_owned()))));
        for none in ["{}", r#"{"Config":null}"#, r#"{"Config":{"Labels":null}}"#] {
            assert!(labels(none).is_empty(), "{none}");
        }
        assert!(image_labels(b"[").is_err());
    }

    #[test]
    fn a_label_counts_only_where_the_image_does_not_say_the_same() {
        let json = format!(
            r#"{{"Id":"{ID}","Image":"sha256:1","Config":{{"Labels":{{"hostward.unmapped":"host"}}}}}}"#
        );
        let believed = |of_image: Option<&str>| {
            let mut container = parse(json.as_bytes()).unwrap();
            assert_eq!((&*container.image, container.unmapped), ("sha256:1", Some(Unmapped::Host)));
            let labels =
                of_image.map(|value| BTreeMap::from([(Unmapped::LABEL.to_owned(), value.to_owned())]));
            container.set_image_labels(labels.as_ref());
            container.unmapped
        };
        assert_eq!(believed(Some("host")), None);
        assert_eq!(believed(None), None);
        for other in ["refuse", "", "nonsense"] {
            assert_eq!(believed(Some(other)), Some(Unmapped::Host), "{other}");
        }
    }

    #[test]
    fn an_answer_that_is_no_container_is_an_error() {
        assert!(matches!(parse(b"{}"), Err(InspectError::Json(_))));
        assert!(matches!(parse(br#"{"Id":"abc"}"#), Err(InspectError::Id(_))));
        let json = format!(
            r#"{{"Id":"{ID}","HostConfig":{{"Mounts":[{{"Target":"/s","VolumeOptions":{{"Subpath":"../x"}}}}]}}}}"#
        );
        assert!(matches!(parse(json.as_bytes()), Err(InspectError::Subpath(_))));
    }
}
