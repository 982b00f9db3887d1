//! The bodies of requests for plugins, and of a login.

use super::kind::{FieldKind, Json, ObjectShape, claim, free, list};
use crate::policy::claim::About;

/// `POST /plugins/pull` and `/plugins/{name}/upgrade`: what the plugin may do on the host.
pub(crate) const PRIVILEGES: FieldKind = FieldKind::Objects(&PRIVILEGE);

/// What a plugin may do on the host.
pub(super) const PRIVILEGE: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Name", About::Privileged, Json::Text),
        free("Description", Json::Text),
        free("Value", Json::Texts),
    ])],
};

/// `POST /plugins/{name}/set`: settings, of which `api::read` finds those that are paths.
pub(crate) const SETTINGS: FieldKind = FieldKind::Path(Json::Texts);

/// `POST /auth`.
pub(crate) const LOGIN: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        free("username", Json::Text),
        free("password", Json::Text),
        // Of older clients.
        free("email", Json::Text),
        free("auth", Json::Text),
        claim("serveraddress", About::Registry, Json::Text),
        free("identitytoken", Json::Text),
        free("registrytoken", Json::Text),
    ])],
});
