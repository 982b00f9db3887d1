//! What Podman's own API has that carries paths. A profile permits nothing of that API.

use super::row::{Group, Operation};
use crate::api::endpoint::Endpoint;

/// `/libpod`
pub(super) const LIBPOD: &[Operation] = &[
    create("libpod.container.create", "/libpod/containers/create"),
    create("libpod.volume.create", "/libpod/volumes/create"),
    create("libpod.pod.create", "/libpod/pods/create"),
    create("libpod.play.kube", "/libpod/play/kube"),
    create("libpod.kube.play", "/libpod/kube/play"),
    Group::Libpod.post("libpod.commit", "/libpod/commit").at(Endpoint::Commit),
];

const fn create(name: &'static str, pattern: &'static str) -> Operation {
    Group::Libpod.post(name, pattern).at(Endpoint::LibpodCreate)
}
