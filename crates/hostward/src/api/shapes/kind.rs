//! What a field of a request can be: the words that the tables of fields are written in.

use crate::policy::claim::About;

/// What is known of the objects at one place of a body: every field that any version of the API has there.
///
/// What is not in it is refused under a profile, for an engine may know it.
#[derive(Debug)]
pub struct ObjectShape {
    /// The fields, in lists that several shapes share.
    pub lists: &'static [FieldList],
}

/// Some fields of an object.
#[derive(Debug)]
pub struct FieldList {
    /// The fields.
    pub fields: &'static [BodyField],
    /// Why none of them may say anything here, however it is judged elsewhere.
    pub refused: Option<&'static str>,
}

/// A field of an object.
#[derive(Debug)]
pub struct BodyField {
    /// Its name, as the API writes it. Bodies may write it in any letter case.
    pub name: &'static str,
    /// What becomes of it.
    pub kind: FieldKind,
}

/// What becomes of a field. A value that says nothing (`null`, an empty text, list or map, zero, `false`) is none of a
/// profile's concern, but for [`Json::Pointer`] and [`Json::List`].
#[derive(Debug, Clone, Copy)]
pub enum FieldKind {
    /// A profile has no say about it.
    Free(Json),
    /// All that it says is a claim.
    Claim(About, Json),
    /// A path of the host: `api::read` finds it, and it is judged as a source.
    Path(Json),
    /// An object.
    Object(&'static ObjectShape),
    /// An array of objects.
    Objects(&'static ObjectShape),
    /// A map of objects, whose keys are claims.
    Named(About, &'static ObjectShape),
    /// What is read by a rule of its own.
    Special(Special),
    /// A profile never permits it, for this reason.
    Refused(&'static str),
}

/// What a value must be, so that all engines read the same of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Json {
    /// A text.
    Text,
    /// An array of texts.
    Texts,
    /// A text or an array of texts (`Cmd`, `Entrypoint`).
    Words,
    /// An array of arrays of texts.
    TextLists,
    /// A map of texts.
    Map,
    /// A map of which only the keys say something.
    Keys,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// A whole number that says something when it is zero, too.
    Pointer,
    /// An array of whole numbers.
    Numbers,
    /// A number with a fraction.
    Real,
    /// An array of texts that says something when it is empty, too; a claim says no more than that it is there.
    List,
    /// Anything.
    Any,
}

/// What is read by a rule of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// `Binds`: those that name a path are sources, others are volumes.
    Binds,
    /// `Mounts`, of a container or a service.
    Mounts,
    /// `VolumesFrom`: containers, with or without a mode.
    VolumesFrom,
    /// `Links`: containers, with or without an alias.
    Links,
    /// `PortBindings`.
    PortBindings,
    /// `EndpointSpec.Ports` of a service.
    ServicePorts,
    /// `Ulimits`.
    Ulimits,
    /// `DeviceRequests`.
    DeviceRequests,
    /// `DriverOpts` of an endpoint: among others its sysctls.
    EndpointOptions,
    /// `OnBuild`: instructions of a Dockerfile.
    Triggers,
}

/// Fields that are read as their own kind says.
pub(super) const fn list(fields: &'static [BodyField]) -> FieldList {
    FieldList { fields, refused: None }
}

/// Fields that may say nothing.
pub(super) const fn refused_list(fields: &'static [BodyField], reason: &'static str) -> FieldList {
    FieldList { fields, refused: Some(reason) }
}

/// A field that is free.
pub(super) const fn free(name: &'static str, json: Json) -> BodyField {
    BodyField { name, kind: FieldKind::Free(json) }
}

/// A field that is a claim.
pub(super) const fn claim(name: &'static str, about: About, json: Json) -> BodyField {
    BodyField { name, kind: FieldKind::Claim(about, json) }
}

/// A field that is a path.
pub(super) const fn path(name: &'static str, json: Json) -> BodyField {
    BodyField { name, kind: FieldKind::Path(json) }
}

/// A field that is an object.
pub(super) const fn object(name: &'static str, shape: &'static ObjectShape) -> BodyField {
    BodyField { name, kind: FieldKind::Object(shape) }
}

/// A field that is an array of objects.
pub(super) const fn objects(name: &'static str, shape: &'static ObjectShape) -> BodyField {
    BodyField { name, kind: FieldKind::Objects(shape) }
}

/// A field that is a map of objects.
pub(super) const fn named(name: &'static str, about: About, shape: &'static ObjectShape) -> BodyField {
    BodyField { name, kind: FieldKind::Named(about, shape) }
}

/// A field with a rule of its own.
pub(super) const fn special(name: &'static str, special: Special) -> BodyField {
    BodyField { name, kind: FieldKind::Special(special) }
}

/// A field that no profile permits.
pub(super) const fn refused(name: &'static str, reason: &'static str) -> BodyField {
    BodyField { name, kind: FieldKind::Refused(reason) }
}
