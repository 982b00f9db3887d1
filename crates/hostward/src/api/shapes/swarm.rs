//! The bodies of requests for a swarm, its nodes, secrets and configs.

use super::kind::{BodyField, FieldKind, Json, ObjectShape, claim, free, list, object, objects};
use super::service::LOG_DRIVER;
use crate::policy::claim::About;

/// `POST /swarm/init`.
pub(crate) const INIT: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        claim("ListenAddr", About::Cluster, Json::Text),
        claim("AdvertiseAddr", About::Cluster, Json::Text),
        claim("DataPathAddr", About::Cluster, Json::Text),
        claim("DataPathPort", About::Cluster, Json::Number),
        claim("DefaultAddrPool", About::Cluster, Json::Texts),
        claim("ForceNewCluster", About::Cluster, Json::Flag),
        free("SubnetSize", Json::Number),
        object("Spec", &SPEC),
        free("AutoLockManagers", Json::Flag),
        free("Availability", Json::Text),
    ])],
});

/// `POST /swarm/join`.
pub(crate) const JOIN: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        claim("ListenAddr", About::Cluster, Json::Text),
        claim("AdvertiseAddr", About::Cluster, Json::Text),
        claim("DataPathAddr", About::Cluster, Json::Text),
        claim("RemoteAddrs", About::Cluster, Json::Texts),
        free("JoinToken", Json::Text),
        free("Availability", Json::Text),
    ])],
});

/// `POST /swarm/update`.
pub(crate) const UPDATE: FieldKind = FieldKind::Object(&SPEC);

/// `POST /swarm/unlock`.
pub(crate) const UNLOCK: FieldKind =
    FieldKind::Object(&ObjectShape { lists: &[list(&[free("UnlockKey", Json::Text)])] });

/// `POST /nodes/{id}/update`.
pub(crate) const NODE: FieldKind = FieldKind::Object(&ObjectShape {
    lists: &[list(&[
        claim("Name", About::Cluster, Json::Text),
        claim("Labels", About::Label, Json::Map),
        claim("Role", About::Cluster, Json::Text),
        claim("Availability", About::Cluster, Json::Text),
    ])],
});

/// `POST /secrets/create` and `/secrets/{id}/update`.
pub(crate) const SECRET: FieldKind =
    FieldKind::Object(&ObjectShape { lists: &[list(KEPT_FIELDS), list(&[object("Driver", &DRIVER)])] });

/// `POST /configs/create` and `/configs/{id}/update`.
pub(crate) const CONFIG: FieldKind = FieldKind::Object(&ObjectShape { lists: &[list(KEPT_FIELDS)] });

/// What a secret and a config have in common.
const KEPT_FIELDS: &[BodyField] = &[
    claim("Name", About::Cluster, Json::Text),
    claim("Labels", About::Label, Json::Map),
    free("Data", Json::Text),
    object("Templating", &DRIVER),
];

const DRIVER: ObjectShape =
    ObjectShape { lists: &[list(&[claim("Name", About::Cluster, Json::Text), free("Options", Json::Map)])] };

const SPEC: ObjectShape = ObjectShape {
    lists: &[list(&[
        claim("Name", About::Cluster, Json::Text),
        claim("Labels", About::Label, Json::Map),
        object("Orchestration", &ORCHESTRATION),
        object("Raft", &RAFT),
        object("Dispatcher", &DISPATCHER),
        object("CAConfig", &AUTHORITY),
        object("EncryptionConfig", &ENCRYPTION),
        object("TaskDefaults", &TASK_DEFAULTS),
    ])],
};

const ORCHESTRATION: ObjectShape =
    ObjectShape { lists: &[list(&[free("TaskHistoryRetentionLimit", Json::Number)])] };

const RAFT: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("SnapshotInterval", Json::Number),
        free("KeepOldSnapshots", Json::Number),
        free("LogEntriesForSlowFollowers", Json::Number),
        free("ElectionTick", Json::Number),
        free("HeartbeatTick", Json::Number),
    ])],
};

const DISPATCHER: ObjectShape = ObjectShape { lists: &[list(&[free("HeartbeatPeriod", Json::Number)])] };

const AUTHORITY: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("NodeCertExpiry", Json::Number),
        objects("ExternalCAs", &EXTERNAL_AUTHORITY),
        claim("SigningCACert", About::Cluster, Json::Text),
        claim("SigningCAKey", About::Cluster, Json::Text),
        free("ForceRotate", Json::Number),
    ])],
};

const EXTERNAL_AUTHORITY: ObjectShape = ObjectShape {
    lists: &[list(&[
        free("Protocol", Json::Text),
        claim("URL", About::Cluster, Json::Text),
        free("Options", Json::Map),
        claim("CACert", About::Cluster, Json::Text),
    ])],
};

const ENCRYPTION: ObjectShape = ObjectShape { lists: &[list(&[free("AutoLockManagers", Json::Flag)])] };

const TASK_DEFAULTS: ObjectShape = ObjectShape { lists: &[list(&[object("LogDriver", &LOG_DRIVER)])] };
