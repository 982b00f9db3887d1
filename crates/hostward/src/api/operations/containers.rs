//! Containers, what runs in them, and their checkpoints.

use super::row::{CHANGES, Group, Operation, QueryForm, QueryKey, Reach, TAG, claim, filters, free, refused};
use crate::api::endpoint::Endpoint;
use crate::api::shapes::container::{
    CHECKPOINT, COMMIT, COPY, CREATE, EXEC_CREATE, EXEC_START, START, UPDATE,
};
use crate::policy::claim::About;

const CONTAINER: &[Option<About>] = &[Some(About::Container)];
const EXEC_INSTANCE: &[Option<About>] = &[Some(About::Exec)];

/// `/containers`
pub(super) const CONTAINERS: &[Operation] = &[
    Group::Containers.get("container.list", "/containers/json").query(LIST).at(Endpoint::ContainerList),
    Group::Containers
        .post("container.create", "/containers/create")
        .query(&[claim("name", About::ContainerName, QueryForm::Text), free("platform")])
        .json(&CREATE)
        .at(Endpoint::ContainerCreate),
    Group::Containers
        .get("container.inspect", "/containers/{id*}/json")
        .of(CONTAINER)
        .query(&[free("size")])
        .at(Endpoint::ContainerInspect),
    Group::Containers.get("container.top", "/containers/{id*}/top").of(CONTAINER).query(&[free("ps_args")]),
    Group::Containers.get("container.logs", "/containers/{id*}/logs").of(CONTAINER).query(LOGS),
    Group::Containers.get("container.changes", "/containers/{id*}/changes").of(CONTAINER),
    Group::Containers.get("container.export", "/containers/{id*}/export").of(CONTAINER),
    Group::Containers
        .get("container.stats", "/containers/{id*}/stats")
        .of(CONTAINER)
        .query(&[free("stream"), free("one-shot")]),
    Group::Containers.post("container.resize", "/containers/{id*}/resize").of(CONTAINER).query(RESIZE),
    Group::Containers
        .post("checkpoint.directory.restore", "/containers/{id*}/start")
        .of(CONTAINER)
        .query(START_KEYS)
        .only_with("checkpoint-dir")
        .at(Endpoint::CheckpointDirectory),
    Group::Containers
        .post("container.start", "/containers/{id*}/start")
        .of(CONTAINER)
        .query(START_KEYS)
        .json(&START)
        .at(Endpoint::ContainerStart),
    Group::Containers.post("container.stop", "/containers/{id*}/stop").of(CONTAINER).query(STOP),
    Group::Containers
        .post("container.restart", "/containers/{id*}/restart")
        .of(CONTAINER)
        .query(STOP)
        .at(Endpoint::ContainerRestart),
    Group::Containers.post("container.kill", "/containers/{id*}/kill").of(CONTAINER).query(&[free("signal")]),
    Group::Containers.post("container.update", "/containers/{id*}/update").of(CONTAINER).json(&UPDATE),
    Group::Containers.post("container.rename", "/containers/{id*}/rename").of(CONTAINER).query(&[claim(
        "name",
        About::ContainerName,
        QueryForm::Text,
    )]),
    Group::Containers.post("container.pause", "/containers/{id*}/pause").of(CONTAINER),
    Group::Containers.post("container.unpause", "/containers/{id*}/unpause").of(CONTAINER),
    Group::Containers
        .post("container.attach", "/containers/{id*}/attach")
        .of(CONTAINER)
        .query(ATTACH)
        .hijacks()
        .at(Endpoint::ContainerAttach),
    Group::Containers
        .get("container.attach.websocket", "/containers/{id*}/attach/ws")
        .of(CONTAINER)
        .query(ATTACH)
        .hijacks()
        .reach(Reach::Write),
    Group::Containers
        .post("container.wait", "/containers/{id*}/wait")
        .of(CONTAINER)
        .query(&[free("condition")])
        .reach(Reach::Read),
    Group::Containers
        .post("container.prune", "/containers/prune")
        .query(&[filters(&["label", "label!", "until"])]),
    Group::Containers
        .row("container.archive.stat", "HEAD", "/containers/{id*}/archive", Reach::Read)
        .of(CONTAINER)
        .query(&[free("path")]),
    Group::Containers
        .get("container.archive.get", "/containers/{id*}/archive")
        .of(CONTAINER)
        .query(&[free("path")]),
    Group::Containers
        .row("container.archive.put", "PUT", "/containers/{id*}/archive", Reach::Write)
        .of(CONTAINER)
        .query(&[free("path"), free("noOverwriteDirNonDir"), free("copyUIDGID")])
        .tar(),
    // Until API 1.23.
    Group::Containers
        .post("container.copy", "/containers/{id*}/copy")
        .of(CONTAINER)
        .json(&COPY)
        .reach(Reach::Read),
    Group::Containers.post("exec.create", "/containers/{id*}/exec").of(CONTAINER).json(&EXEC_CREATE),
    Group::Containers
        .post("checkpoint.create", "/containers/{id*}/checkpoints")
        .of(CONTAINER)
        .json(&CHECKPOINT)
        .at(Endpoint::CheckpointCreate),
    Group::Containers
        .get("checkpoint.directory.list", "/containers/{id*}/checkpoints")
        .of(CONTAINER)
        .query(CHECKPOINTS)
        .only_with("dir")
        .at(Endpoint::CheckpointDirectory),
    Group::Containers
        .get("checkpoint.list", "/containers/{id*}/checkpoints")
        .of(CONTAINER)
        .query(CHECKPOINTS),
    Group::Containers
        .delete("checkpoint.directory.remove", "/containers/{id*}/checkpoints/{checkpoint}")
        .of(CHECKPOINT_NAMES)
        .query(CHECKPOINTS)
        .only_with("dir")
        .at(Endpoint::CheckpointDirectory),
    Group::Containers
        .delete("checkpoint.remove", "/containers/{id*}/checkpoints/{checkpoint}")
        .of(CHECKPOINT_NAMES)
        .query(CHECKPOINTS),
    // The last, for its pattern has all that begins with `/containers/`.
    Group::Containers.delete("container.remove", "/containers/{id*}").of(CONTAINER).query(&[
        free("v"),
        free("force"),
        free("link"),
    ]),
];

/// `/commit`
pub(super) const COMMITS: &[Operation] = &[Group::Commit
    .post("image.commit", "/commit")
    .query(&[
        claim("container", About::Container, QueryForm::Text),
        claim("repo", About::ImageNamed, QueryForm::Image),
        TAG,
        free("comment"),
        free("author"),
        free("pause"),
        CHANGES,
    ])
    .json(&COMMIT)
    .at(Endpoint::Commit)];

/// `/exec`
pub(super) const EXEC: &[Operation] = &[
    Group::Exec
        .post("exec.start", "/exec/{id*}/start")
        .of(EXEC_INSTANCE)
        .json(&EXEC_START)
        .hijacks()
        .at(Endpoint::ExecStart),
    Group::Exec.post("exec.resize", "/exec/{id*}/resize").of(EXEC_INSTANCE).query(RESIZE),
    Group::Exec.get("exec.inspect", "/exec/{id*}/json").of(EXEC_INSTANCE),
];

const LIST: &[QueryKey] = &[
    free("all"),
    free("limit"),
    free("size"),
    filters(&[
        "ancestor",
        "before",
        "expose",
        "exited",
        "health",
        "id",
        "is-task",
        "isolation",
        "label",
        "label!",
        "name",
        "network",
        "publish",
        "since",
        "status",
        "volume",
    ]),
    // Of API 1.24 and earlier.
    free("since"),
    free("before"),
    // Sent by docker-py, read by no engine.
    free("trunc_cmd"),
];

/// Of containers, services and tasks.
pub(super) const LOGS: &[QueryKey] = &[
    free("details"),
    free("follow"),
    free("stdout"),
    free("stderr"),
    free("since"),
    free("until"),
    free("timestamps"),
    free("tail"),
];

const RESIZE: &[QueryKey] = &[free("h"), free("w")];
const STOP: &[QueryKey] = &[free("signal"), free("t")];

const START_KEYS: &[QueryKey] =
    &[free("detachKeys"), refused("checkpoint", RESTORING), refused("checkpoint-dir", RESTORING)];

const RESTORING: &str = "nothing says what a checkpoint makes of a container";

const ATTACH: &[QueryKey] = &[
    free("detachKeys"),
    free("logs"),
    free("stream"),
    free("stdin"),
    free("stdout"),
    free("stderr"),
    // Sent by clients of Node, read by no engine.
    free("hijack"),
];

const CHECKPOINTS: &[QueryKey] =
    &[refused("dir", "it is a directory on the host, and hostward does not translate it")];
const CHECKPOINT_NAMES: &[Option<About>] = &[Some(About::Container), None];
