//! The one table of fields that carry a path of the engine's machine.

use super::endpoint::Endpoint;

/// How a field spells paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An array of texts `SOURCE:TARGET[:OPTIONS]`.
    Binds,
    /// An array of objects with `Type`, `Source`, `Target` (API 1.25).
    Mounts,
}

/// A field of a request that carries paths.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The request that has it.
    pub endpoint: Endpoint,
    /// The names that lead to it from the body's top.
    pub names: &'static [&'static str],
    /// How it spells paths.
    pub form: Form,
}

/// Every field, a row each.
///
/// dockerd before 28 takes the host's part of a create from the top of the body where `HostConfig` is missing, and
/// that of a start below API 1.24 always.
pub const REQUEST_FIELDS: &[Field] = &[
    Field { endpoint: Endpoint::ContainerCreate, names: &["HostConfig", "Binds"], form: Form::Binds },
    Field { endpoint: Endpoint::ContainerCreate, names: &["HostConfig", "Mounts"], form: Form::Mounts },
    Field { endpoint: Endpoint::ContainerCreate, names: &["Binds"], form: Form::Binds },
    Field { endpoint: Endpoint::ContainerCreate, names: &["Mounts"], form: Form::Mounts },
    Field { endpoint: Endpoint::ContainerStart, names: &["Binds"], form: Form::Binds },
    Field { endpoint: Endpoint::ContainerStart, names: &["Mounts"], form: Form::Mounts },
];

impl Endpoint {
    /// Whether a request for this endpoint can carry a path of the engine's machine, so that its body must be
    /// read before it goes on.
    pub fn carries_paths(self) -> bool {
        REQUEST_FIELDS.iter().any(|field| field.endpoint == self)
    }
}
