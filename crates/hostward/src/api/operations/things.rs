//! Volumes, networks, plugins, and the engine itself.

use super::row::{Group, Operation, QueryForm, QueryKey, Reach, all, claim, filters, free};
use crate::api::endpoint::Endpoint;
use crate::api::shapes::network::{CONNECT, DISCONNECT, NETWORK_CREATE, VOLUME_CREATE, VOLUME_UPDATE};
use crate::api::shapes::plugin::{LOGIN, PRIVILEGES, SETTINGS};
use crate::policy::claim::About;

const VOLUME: &[Option<About>] = &[Some(About::Volume)];
const NETWORK: &[Option<About>] = &[Some(About::Network)];
const PLUGIN: &[Option<About>] = &[Some(About::Cluster)];

/// `/volumes`
pub(super) const VOLUMES: &[Operation] = &[
    Group::Volumes
        .get("volume.list", "/volumes")
        .query(&[filters(&["dangling", "driver", "label", "label!", "name"])])
        .at(Endpoint::VolumeList),
    Group::Volumes.post("volume.create", "/volumes/create").json(&VOLUME_CREATE).at(Endpoint::VolumeCreate),
    Group::Volumes.post("volume.prune", "/volumes/prune").query(&[filters(&["all", "label", "label!"])]),
    Group::Volumes.get("volume.inspect", "/volumes/{name*}").of(VOLUME).at(Endpoint::VolumeInspect),
    Group::Volumes
        .row("volume.update", "PUT", "/volumes/{name*}", Reach::Write)
        .of(VOLUME)
        .query(&[free("version")])
        .json(&VOLUME_UPDATE),
    Group::Volumes.delete("volume.remove", "/volumes/{name*}").of(VOLUME).query(&[free("force")]),
];

/// `/networks`
pub(super) const NETWORKS: &[Operation] = &[
    Group::Networks
        .get("network.list", "/networks")
        .query(&[filters(&["dangling", "driver", "id", "label", "label!", "name", "scope", "type"])]),
    Group::Networks.post("network.create", "/networks/create").json(&NETWORK_CREATE),
    Group::Networks.post("network.prune", "/networks/prune").query(&[filters(&["label", "label!", "until"])]),
    Group::Networks
        .get("network.inspect", "/networks/{id*}")
        .of(NETWORK)
        .query(&[free("verbose"), free("scope")]),
    Group::Networks.post("network.connect", "/networks/{id*}/connect").of(NETWORK).json(&CONNECT),
    Group::Networks.post("network.disconnect", "/networks/{id*}/disconnect").of(NETWORK).json(&DISCONNECT),
    Group::Networks.delete("network.remove", "/networks/{id*}").of(NETWORK),
];

/// `/plugins`
pub(super) const PLUGINS: &[Operation] = &[
    Group::Plugins.get("plugin.list", "/plugins").query(&[filters(&["capability", "enabled"])]),
    Group::Plugins.get("plugin.privileges", "/plugins/privileges").query(&[REMOTE]),
    Group::Plugins
        .post("plugin.pull", "/plugins/pull")
        .query(&[REMOTE, claim("name", About::Cluster, QueryForm::Text)])
        .json(&PRIVILEGES)
        .itself(About::Privileged),
    Group::Plugins
        .post("plugin.create", "/plugins/create")
        .query(&[claim("name", About::Cluster, QueryForm::Text)])
        .tar()
        .itself(About::Privileged)
        .at(Endpoint::PluginCreate),
    Group::Plugins.get("plugin.inspect", "/plugins/{name**}/json").of(PLUGIN),
    Group::Plugins
        .post("plugin.enable", "/plugins/{name**}/enable")
        .of(PLUGIN)
        .query(&[free("timeout")])
        .itself(About::Privileged),
    Group::Plugins.post("plugin.disable", "/plugins/{name**}/disable").of(PLUGIN).query(&[free("force")]),
    Group::Plugins
        .post("plugin.upgrade", "/plugins/{name**}/upgrade")
        .of(PLUGIN)
        .query(&[REMOTE])
        .json(&PRIVILEGES)
        .itself(About::Privileged),
    Group::Plugins.post("plugin.push", "/plugins/{name**}/push").of(&[Some(About::ImagePushed)]),
    Group::Plugins
        .post("plugin.set", "/plugins/{name**}/set")
        .of(PLUGIN)
        .json(&SETTINGS)
        .itself(About::Privileged)
        .at(Endpoint::PluginSet),
    Group::Plugins.delete("plugin.remove", "/plugins/{name**}").of(PLUGIN).query(&[free("force")]),
];

const REMOTE: QueryKey = claim("remote", About::ImagePulled, QueryForm::Text);

/// `/auth`
pub(super) const AUTH: &[Operation] = &[Group::Auth.post("registry.login", "/auth").json(&LOGIN)];

/// `/info`
pub(super) const INFO: &[Operation] = &[Group::Info.get("system.info", "/info")];

/// `/version`
pub(super) const VERSION: &[Operation] = &[Group::Version.get("system.version", "/version")];

/// `/_ping`
pub(super) const PING: &[Operation] = &[
    Group::Ping.get("system.ping", "/_ping"),
    Group::Ping.row("system.ping.head", "HEAD", "/_ping", Reach::Read),
];

/// `/events`
pub(super) const EVENTS: &[Operation] = &[Group::Events
    .get("system.events", "/events")
    .query(&[
        free("since"),
        free("until"),
        filters(&[
            "config",
            "container",
            "daemon",
            "event",
            "image",
            "label",
            "network",
            "node",
            "plugin",
            "scope",
            "secret",
            "service",
            "type",
            "volume",
        ]),
    ])
    .at(Endpoint::Events)];

/// `/system`
pub(super) const SYSTEM: &[Operation] = &[Group::System
    .get("system.df", "/system/df")
    .query(&[all("type"), free("verbose")])
    .at(Endpoint::SystemDf)];

/// `/debug`, which engines serve that are told to.
pub(super) const DEBUG: &[Operation] = &[
    Group::Debug.get("debug.vars", "/debug/vars"),
    Group::Debug
        .get("debug.profile", "/debug/pprof/{name}")
        .of(&[None])
        .query(&[free("seconds"), free("debug")]),
];

/// Any path, for a browser that asks which methods there are.
pub(super) const OPTIONS: Operation =
    Group::Options.row("system.options", "OPTIONS", "/{any**}", Reach::Read).of(&[None]);
