//! A swarm and what it has: nodes, services, tasks, secrets, configs.

use super::containers::LOGS;
use super::row::{Group, Operation, QueryKey, filters, free};
use crate::api::endpoint::Endpoint;
use crate::api::shapes::service::SERVICE;
use crate::api::shapes::swarm::{CONFIG, INIT, JOIN, NODE, SECRET, UNLOCK, UPDATE};
use crate::policy::claim::About;

const THING: &[Option<About>] = &[Some(About::Cluster)];
const CHANGED: &[QueryKey] = &[free("version")];

/// `/swarm`
pub(super) const SWARM: &[Operation] = &[
    Group::Swarm.get("swarm.inspect", "/swarm").itself(About::Cluster),
    Group::Swarm.post("swarm.init", "/swarm/init").json(&INIT).itself(About::Cluster),
    Group::Swarm.post("swarm.join", "/swarm/join").json(&JOIN).itself(About::Cluster),
    Group::Swarm.post("swarm.leave", "/swarm/leave").query(&[free("force")]).itself(About::Cluster),
    Group::Swarm
        .post("swarm.update", "/swarm/update")
        .query(&[
            free("version"),
            free("rotateWorkerToken"),
            free("rotateManagerToken"),
            free("rotateManagerUnlockKey"),
        ])
        .json(&UPDATE)
        .itself(About::Cluster),
    Group::Swarm.get("swarm.unlockkey", "/swarm/unlockkey").itself(About::Cluster),
    Group::Swarm.post("swarm.unlock", "/swarm/unlock").json(&UNLOCK).itself(About::Cluster),
];

/// `/nodes`
pub(super) const NODES: &[Operation] = &[
    Group::Nodes.get("node.list", "/nodes").query(&[filters(&[
        "id",
        "label",
        "membership",
        "name",
        "node.label",
        "role",
    ])]),
    Group::Nodes.get("node.inspect", "/nodes/{id}").of(THING),
    Group::Nodes.delete("node.remove", "/nodes/{id}").of(THING).query(&[free("force")]),
    Group::Nodes.post("node.update", "/nodes/{id}/update").of(THING).query(CHANGED).json(&NODE),
];

/// `/services`
pub(super) const SERVICES: &[Operation] = &[
    Group::Services
        .get("service.list", "/services")
        .query(&[free("status"), filters(&["id", "label", "mode", "name", "runtime"])])
        .at(Endpoint::ServiceList),
    Group::Services.post("service.create", "/services/create").json(&SERVICE).at(Endpoint::ServiceCreate),
    Group::Services
        .get("service.inspect", "/services/{id}")
        .of(THING)
        .query(&[free("insertDefaults")])
        .at(Endpoint::ServiceInspect),
    Group::Services.delete("service.remove", "/services/{id}").of(THING),
    Group::Services
        .post("service.update", "/services/{id}/update")
        .of(THING)
        .query(&[free("version"), free("registryAuthFrom"), free("rollback")])
        .json(&SERVICE)
        .at(Endpoint::ServiceUpdate),
    Group::Services.get("service.logs", "/services/{id}/logs").of(THING).query(LOGS),
];

/// `/tasks`
pub(super) const TASKS: &[Operation] = &[
    Group::Tasks
        .get("task.list", "/tasks")
        .query(&[filters(&[
            "_up-to-date",
            "desired-state",
            "id",
            "label",
            "name",
            "node",
            "runtime",
            "service",
            "up-to-date",
        ])])
        .at(Endpoint::TaskList),
    Group::Tasks.get("task.inspect", "/tasks/{id}").of(THING).at(Endpoint::TaskInspect),
    Group::Tasks.get("task.logs", "/tasks/{id}/logs").of(THING).query(LOGS),
];

/// `/secrets`
pub(super) const SECRETS: &[Operation] = &[
    Group::Secrets.get("secret.list", "/secrets").query(KEPT),
    Group::Secrets.post("secret.create", "/secrets/create").json(&SECRET),
    Group::Secrets.get("secret.inspect", "/secrets/{id}").of(THING),
    Group::Secrets.delete("secret.remove", "/secrets/{id}").of(THING),
    Group::Secrets.post("secret.update", "/secrets/{id}/update").of(THING).query(CHANGED).json(&SECRET),
];

/// `/configs`
pub(super) const CONFIGS: &[Operation] = &[
    Group::Configs.get("config.list", "/configs").query(KEPT),
    Group::Configs.post("config.create", "/configs/create").json(&CONFIG),
    Group::Configs.get("config.inspect", "/configs/{id}").of(THING),
    Group::Configs.delete("config.remove", "/configs/{id}").of(THING),
    Group::Configs.post("config.update", "/configs/{id}/update").of(THING).query(CHANGED).json(&CONFIG),
];

const KEPT: &[QueryKey] = &[filters(&["id", "label", "name", "names"])];
