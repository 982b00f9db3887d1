//! A container as the engine describes it: the answer to `GET /containers/ID/json` (API 1.24 and later), and a volume:
//! the answer to `GET /volumes/NAME`.

use crate::alias::Alias;
use crate::bind_text::BindText;
use crate::cgroup::ContainerId;
use crate::containment::{MANAGED_OPTIONS, is_managed};
use crate::explicit::{Missing, Unmapped};
use crate::mount::{Device, Mount, Root, Source, Volume};
use crate::network::{self, Network};
use crate::path::{CallerPath, EnginePath, Rest, components};
use crate::policy::ownership::Ownership;
use crate::seal::{self, Key};
use crate::table::Table;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
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
    /// When it was last started, by the clock of the host.
    pub started: Option<SystemTime>,
    /// The image that it was created from, by the id, which never means another image.
    pub image: String,
    /// What its paths are that nothing maps, by its own label. A label that comes with the image does not count
    /// ([`set_image_labels`](Self::set_image_labels)): anybody who may build or tag an image can write one.
    pub unmapped: Option<Unmapped>,
    /// What happens to what is missing in its root filesystem, by its own label, of which the same is true.
    pub missing: Option<Missing>,
    /// What Hostward has written down about its mounts, when it was created ([`names`](crate::api::asked::names)).
    pub asked: Option<String>,
    /// Its mounts.
    pub table: Table,
    /// All of its labels, those that come with the image among them.
    pub labels: BTreeMap<String, String>,
    /// The image, as whoever created it has named it.
    pub image_name: String,
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

    /// Drops what a label says where its image says it: by a label of the same name and value, or where that is not known
    /// because the engine has the image no longer (`None`).
    pub fn set_image_labels(&mut self, labels: Option<&BTreeMap<String, String>>) {
        if labels.is_none_or(|labels| label(labels, Unmapped::LABEL) == self.unmapped) {
            self.unmapped = None;
        }
        if labels.is_none_or(|labels| label(labels, Missing::LABEL) == self.missing) {
            self.missing = None;
        }
        // A value is never written twice, so this one was copied onto the image. Where nothing is known of the image, it counts:
        // whoever is taken for somebody's can do less by that, and an image can be taken away.
        let of_image = |label: &str| labels.and_then(|labels| labels.get(label));
        if self.labels.get(Ownership::LABEL) == of_image(Ownership::LABEL) {
            self.labels.remove(Ownership::LABEL);
        }
    }

    /// Whether it has a label that means something to Hostward.
    pub fn is_labelled(&self) -> bool {
        self.unmapped.is_some() || self.missing.is_some() || self.labels.contains_key(Ownership::LABEL)
    }

    /// Whose it is, where Hostward has written that on it.
    pub fn ownership(&self, key: &Key) -> Option<Ownership> {
        Ownership::open(self.labels.get(Ownership::LABEL)?, key)
    }
}

/// Why an answer is no description of a container.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Not the JSON of the API.
    #[error("the engine's description of the container cannot be read")]
    Json(#[from] serde_json::Error),
    /// The id is not what engines give.
    #[error("the engine reports a container with the id {0:?}, which is not 64 hexadecimal digits")]
    Id(String),
    /// A mount that cannot be placed: to leave it out would give away what lies below it.
    #[error("the engine lists a mount at {0:?}, which is not an absolute path")]
    Destination(String),
    /// A mount of a volume's subdirectory that cannot be placed either.
    #[error("the engine lists a mount of {0:?} in a volume, which is not a path in that volume")]
    Subpath(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerAnswer {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    state: ContainerState,
    #[serde(default)]
    config: ContainerConfig,
    #[serde(default)]
    host_config: HostConfig,
    #[serde(default)]
    mounts: Option<Vec<MountPoint>>,
    #[serde(default)]
    graph_driver: GraphDriver,
    #[serde(default)]
    network_settings: network::NetworkSettings,
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
struct ContainerState {
    pid: u32,
    started_at: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ContainerConfig {
    labels: Option<BTreeMap<String, String>>,
    image: String,
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
        let binds = self.binds.iter().flatten().map(|text| BindText::of_user(text));
        let binds = binds.filter_map(|bind| Some((bind.source?, bind.target)));
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
    let answer: ContainerAnswer = serde_json::from_slice(json)?;
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
            if let Some(directory) = engine_directory(&source) {
                table.set_engine_directory(directory);
            }
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
        unmapped: label(&labels, Unmapped::LABEL),
        missing: label(&labels, Missing::LABEL),
        asked: labels.get(seal::LABEL).filter(|text| !text.is_empty()).cloned(),
        table,
        labels,
        image_name: answer.config.image,
        network: answer.network_settings.network(answer.host_config.network_mode),
        restarts: !matches!(answer.host_config.restart_policy.name.as_str(), "" | "no"),
    })
}

fn label<T: FromStr>(labels: &BTreeMap<String, String>, name: &str) -> Option<T> {
    labels.get(name)?.parse().ok()
}

/// Where an engine keeps its own files that has a file of this container's at `path`: dockerd has them at
/// `ROOT/containers/ID/hosts`.
fn engine_directory(path: &EnginePath) -> Option<EnginePath> {
    let container = path.parent()?;
    let containers = container.parent()?;
    let is_so = components(containers.as_bytes()).next_back() == Some(b"containers");
    is_so.then(|| containers.parent())?
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
        || Source::Other(format!("bind of a source that the engine's JSON cannot express ({source})")),
        Source::Bind,
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InfoAnswer {
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
    let InfoAnswer { docker_root_dir, driver, driver_status } = serde_json::from_slice(json)?;
    let snapshots = ["driver-type", "io.containerd.snapshotter.v1"];
    let by_containerd = driver_status.is_some_and(|status| status.iter().any(|pair| *pair == snapshots));
    let presumed = by_containerd.then(|| format!("{docker_root_dir}/rootfs/{driver}/{}", id.as_str()));
    Ok(presumed.and_then(|presumed| path(&presumed)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeAnswer {
    #[serde(default)]
    name: String,
    driver: String,
    #[serde(default)]
    mountpoint: String,
    #[serde(default)]
    options: Option<BTreeMap<String, String>>,
}

/// Reads the engine's answer about a volume: the directory on the host that has its files. `None` where
/// that is not said or not sure: with another driver than `local`, or a device of its own, the directory is a mount
/// that comes and goes with the volume's use. Of a managed volume it is the device, a directory of the host.
///
/// # Errors
/// An answer that is not the API's JSON.
pub fn volume(json: &[u8]) -> Result<Option<EnginePath>, InspectError> {
    let answer: VolumeAnswer = serde_json::from_slice(json)?;
    let options = answer.options.unwrap_or_default();
    let says = |(key, value): (&str, &str)| options.get(key).is_some_and(|said| said == value);
    let directory = match options.get("device") {
        None => &answer.mountpoint,
        Some(device) if is_managed(&answer.name) && MANAGED_OPTIONS.into_iter().all(says) => device,
        Some(_) => return Ok(None),
    };
    Ok(path(directory).filter(|_| answer.driver == "local"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageAnswer {
    #[serde(default)]
    config: Option<ImageConfig>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct ImageConfig {
    labels: Option<BTreeMap<String, String>>,
    volumes: Option<BTreeMap<String, serde_json::Value>>,
}

/// What an image gives its containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Their labels, beside their own.
    pub labels: BTreeMap<String, String>,
    /// Where they have an anonymous volume if nothing else is mounted there (`VOLUME`).
    pub volumes: BTreeSet<CallerPath>,
}

/// Reads the engine's answer about an image (`GET /images/NAME/json`).
///
/// # Errors
/// An answer that is not the API's JSON.
pub fn image(json: &[u8]) -> Result<Image, InspectError> {
    let answer: ImageAnswer = serde_json::from_slice(json)?;
    let ImageConfig { labels, volumes } = answer.config.unwrap_or_default();
    let volumes = volumes.unwrap_or_default().into_keys();
    // One that is no path is the engine's to refuse.
    let volumes = volumes.filter_map(|volume| CallerPath::parse(volume.as_bytes()).ok());
    Ok(Image { labels: labels.unwrap_or_default(), volumes: volumes.collect() })
}

#[cfg(test)]
mod tests;
