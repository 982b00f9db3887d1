//! The bodies of requests for networks and volumes.

use super::container::ENDPOINT;
use super::kind::{FieldKind, Json, ObjectShape, claim, free, list, object, objects, refused};
use crate::policy::claim::About;

/// `POST /networks/create`.
pub(crate) const NETWORK_CREATE: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        claim("Name", About::Network, Json::Text),
        // Until API 1.44.
        free("CheckDuplicate", Json::Flag),
        claim("Driver", About::NetworkDriver, Json::Text),
        claim("Scope", About::NetworkKind, Json::Text),
        free("Internal", Json::Flag),
        claim("Attachable", About::NetworkKind, Json::Flag),
        claim("Ingress", About::NetworkKind, Json::Flag),
        claim("ConfigOnly", About::NetworkKind, Json::Flag),
        object("ConfigFrom", &CONFIG_FROM),
        object("IPAM", &IPAM),
        free("EnableIPv4", Json::Flag),
        free("EnableIPv6", Json::Flag),
        claim("Options", About::NetworkOption, Json::Map),
        claim("Labels", About::Label, Json::Map),
    ])],
});

const CONFIG_FROM: ObjectShape =
    ObjectShape { lists: &[list(&[claim("Network", About::NetworkKind, Json::Text)])] };

const IPAM: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Driver", About::NetworkAddresses, Json::Text),
        objects("Config", &IPAM_CONFIG),
        claim("Options", About::NetworkOption, Json::Map),
    ])],
};

const IPAM_CONFIG: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Subnet", About::NetworkAddresses, Json::Text),
        claim("IPRange", About::NetworkAddresses, Json::Text),
        claim("Gateway", About::NetworkAddresses, Json::Text),
        claim("AuxiliaryAddresses", About::NetworkAddresses, Json::Map),
        // As Docker's own client wrote it before 1.10.
        claim("AuxAddress", About::NetworkAddresses, Json::Map),
    ])],
};

/// `POST /networks/{id}/connect`.
pub(crate) const CONNECT: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[claim("Container", About::Container, Json::Text), object("EndpointConfig", &ENDPOINT)])],
});

/// `POST /networks/{id}/disconnect`.
pub(crate) const DISCONNECT: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[claim("Container", About::Container, Json::Text), free("Force", Json::Flag)])],
});

/// `POST /volumes/create`.
pub(crate) const VOLUME_CREATE: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        claim("Name", About::Volume, Json::Text),
        claim("Driver", About::VolumeDriver, Json::Text),
        // A path in it is a source as well.
        claim("DriverOpts", About::VolumeOption, Json::Map),
        claim("Labels", About::Label, Json::Map),
        refused("ClusterVolumeSpec", CLUSTER_VOLUME),
    ])],
});

/// `PUT /volumes/{name}`.
pub(crate) const VOLUME_UPDATE: FieldKind =
    FieldKind::Object(&ObjectShape { lists: &[list(&[refused("Spec", CLUSTER_VOLUME)])] });

const CLUSTER_VOLUME: &str = "volumes of a cluster are attached to the host by drivers of their own";
