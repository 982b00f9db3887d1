//! The one table of fields that carry a path of the host.

use super::endpoint::Endpoint;

/// How a field of a request spells paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An object that has mounts: `Binds`, an array of texts `SOURCE:TARGET[:OPTIONS]`, and `Mounts`, an array of
    /// objects with `Type`, `Source`, `Target` (API 1.25).
    Mounts,
    /// An object that has devices: `Devices`, an array of objects with `PathOnHost`, and the arrays of limits on block
    /// devices, of objects with `Path`.
    Devices,
    /// A path that is not translated.
    Untranslated,
    /// The options of a log driver: addresses of sockets, and files of certificates.
    LogOptions,
    /// The options of a volume driver: `device` is a path where `o` says `bind`.
    DriverOptions,
    /// An array of texts `NAME.source=PATH`.
    Settings,
    /// An array of a plugin's mounts: objects with `type`, `source` and `options`.
    PluginMounts,
}

/// A place in a request that carries paths.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The request that has it.
    pub endpoint: Endpoint,
    /// The names that lead to it from the body's top; none is the top itself.
    pub names: &'static [&'static str],
    /// How it spells paths.
    pub form: Form,
}

const fn field(endpoint: Endpoint, names: &'static [&'static str], form: Form) -> Field {
    Field { endpoint, names, form }
}

/// Every place, a row each.
///
/// dockerd before 28 takes the host's part of a create from the top of the body where `HostConfig` is missing, and
/// that of a start below API 1.24 always.
pub const REQUEST_FIELDS: &[Field] = &[
    field(Endpoint::ContainerCreate, &["HostConfig"], Form::Mounts),
    field(Endpoint::ContainerCreate, &[], Form::Mounts),
    field(Endpoint::ContainerStart, &[], Form::Mounts),
    field(Endpoint::ContainerCreate, &["HostConfig"], Form::Devices),
    field(Endpoint::ContainerCreate, &[], Form::Devices),
    field(Endpoint::ContainerStart, &[], Form::Devices),
    field(Endpoint::ContainerCreate, &["HostConfig", "LogConfig", "Config"], Form::LogOptions),
    field(Endpoint::ContainerCreate, &["LogConfig", "Config"], Form::LogOptions),
    field(Endpoint::ContainerStart, &["LogConfig", "Config"], Form::LogOptions),
    field(Endpoint::ServiceCreate, &["TaskTemplate", "LogDriver", "Options"], Form::LogOptions),
    field(Endpoint::ServiceUpdate, &["TaskTemplate", "LogDriver", "Options"], Form::LogOptions),
    field(Endpoint::ServiceCreate, SERVICE_CONTAINER, Form::Mounts),
    field(Endpoint::ServiceUpdate, SERVICE_CONTAINER, Form::Mounts),
    field(Endpoint::CheckpointCreate, &["CheckpointDir"], Form::Untranslated),
    field(Endpoint::VolumeCreate, &["DriverOpts"], Form::DriverOptions),
    field(Endpoint::PluginSet, &[], Form::Settings),
    // Of the file config.json in the archive that the body is.
    field(Endpoint::PluginCreate, &["mounts"], Form::PluginMounts),
];

/// The array of devices, of the host's part of a request.
pub(super) const DEVICES: &str = "Devices";

/// The arrays of devices and of limits on block devices, of the host's part of a request, and the field that has the path
/// in an object of each.
pub(super) fn device_lists() -> impl Iterator<Item = (&'static str, &'static str)> {
    const LIMITS: [&str; 5] = [
        "BlkioWeightDevice",
        "BlkioDeviceReadBps",
        "BlkioDeviceWriteBps",
        "BlkioDeviceReadIOps",
        "BlkioDeviceWriteIOps",
    ];
    std::iter::once((DEVICES, "PathOnHost")).chain(LIMITS.into_iter().map(|list| (list, "Path")))
}

/// The path in an option of a log driver, and what stands before it: a socket's address (`syslog-address`,
/// `fluentd-address`), or a file (of `syslog` and `splunk`).
pub(super) fn log_path<'t>(key: &str, text: &'t str) -> Option<(&'static str, &'t str)> {
    const SCHEMES: [&str; 2] = ["unix://", "unixgram://"];
    const FILES: [&str; 4] = ["syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key", "splunk-capath"];
    let scheme = SCHEMES.into_iter().find(|scheme| text.starts_with(scheme));
    let scheme = scheme.or(FILES.contains(&key).then_some(""))?;
    let path = text.strip_prefix(scheme)?;
    path.starts_with('/').then_some((scheme, path))
}

const SERVICE_CONTAINER: &[&str] = &["TaskTemplate", "ContainerSpec"];

/// Where a request says the labels of what it makes, in which Hostward may write down what was asked.
pub(super) fn labels_of(endpoint: Endpoint) -> Option<&'static [&'static str]> {
    match endpoint {
        Endpoint::ContainerCreate | Endpoint::VolumeCreate => Some(&[]),
        Endpoint::ServiceCreate | Endpoint::ServiceUpdate => Some(SERVICE_CONTAINER),
        _ => None,
    }
}

/// Where a request says further labels, in which Hostward writes nothing.
pub(super) fn outer_labels_of(endpoint: Endpoint) -> Option<&'static [&'static str]> {
    match endpoint {
        Endpoint::ServiceCreate | Endpoint::ServiceUpdate => Some(&["Labels"]),
        _ => None,
    }
}

/// What an answer describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    /// A container, by inspection or in a list.
    Container,
    /// The template of a service's tasks.
    Service,
    /// A task.
    Task,
    /// A volume.
    Volume,
    /// The attributes of an event, among which are the labels of what it is about.
    Event,
}

/// A place in an answer that describes things.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerField {
    pub(super) endpoint: Endpoint,
    /// The names that lead to it; where it is an array, its elements are meant.
    pub(super) names: &'static [&'static str],
    pub(super) thing: Thing,
}

const fn answer(endpoint: Endpoint, names: &'static [&'static str], thing: Thing) -> AnswerField {
    AnswerField { endpoint, names, thing }
}

/// Every place, a row each.
pub(super) const ANSWER_FIELDS: &[AnswerField] = &[
    answer(Endpoint::ContainerInspect, &[], Thing::Container),
    answer(Endpoint::ContainerList, &[], Thing::Container),
    answer(Endpoint::ServiceInspect, &["Spec", "TaskTemplate"], Thing::Service),
    answer(Endpoint::ServiceInspect, &["PreviousSpec", "TaskTemplate"], Thing::Service),
    answer(Endpoint::ServiceList, &["Spec", "TaskTemplate"], Thing::Service),
    answer(Endpoint::ServiceList, &["PreviousSpec", "TaskTemplate"], Thing::Service),
    answer(Endpoint::TaskInspect, &[], Thing::Task),
    answer(Endpoint::TaskList, &[], Thing::Task),
    answer(Endpoint::VolumeCreate, &[], Thing::Volume),
    answer(Endpoint::VolumeInspect, &[], Thing::Volume),
    answer(Endpoint::VolumeList, &["Volumes"], Thing::Volume),
    answer(Endpoint::SystemDf, &["Containers"], Thing::Container),
    answer(Endpoint::SystemDf, &["Volumes"], Thing::Volume),
    // Since API 1.52.
    answer(Endpoint::SystemDf, &["ContainerUsage", "Items"], Thing::Container),
    answer(Endpoint::SystemDf, &["VolumeUsage", "Items"], Thing::Volume),
    answer(Endpoint::Events, &["Actor", "Attributes"], Thing::Event),
];

impl Endpoint {
    /// Whether a request for this endpoint can carry a path of the host, so that its body must be
    /// read before it goes on.
    pub fn carries_paths(self) -> bool {
        REQUEST_FIELDS.iter().any(|field| field.endpoint == self)
    }

    /// Whether a successful answer of this endpoint can carry one.
    pub fn answers_with_paths(self) -> bool {
        ANSWER_FIELDS.iter().any(|field| field.endpoint == self)
    }
}
