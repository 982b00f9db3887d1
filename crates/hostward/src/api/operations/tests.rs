use super::*;

#[test]
fn a_checkpoints_directory_is_seen_in_every_query() {
    for (line, expected) in [
        ("POST /containers/x/start?checkpoint=a&checkpoint-dir=/c", Endpoint::CheckpointDirectory),
        ("POST /containers/x/start?checkpoint%2Ddir=%2Fc", Endpoint::CheckpointDirectory),
        ("POST /containers/x/start?checkpoint=a&checkpoint-dir=", Endpoint::ContainerStart),
        ("GET /v1.41/containers/x/checkpoints?dir=/c", Endpoint::CheckpointDirectory),
        ("DELETE /containers/x/checkpoints/a?dir=/c", Endpoint::CheckpointDirectory),
        ("DELETE /containers/x/checkpoints/a", Endpoint::Other),
        ("POST /containers/x/checkpoints", Endpoint::CheckpointCreate),
    ] {
        let (method, target) = line.split_once(' ').unwrap();
        assert_eq!(classify(method.as_bytes(), target.as_bytes()), expected, "{line}");
    }
}

#[test]
fn create_is_known_in_every_spelling_that_the_router_takes() {
    for target in [
        "/containers/create",
        "/v1.24/containers/create?name=x",
        "/v1.51/containers/cre%61te",
        "/%76%31.51/containers/create",
        "http://docker/v1.41/containers/create?name=/a/b",
        "/v1.41-rc1/containers/create",
        "/v1-x/containers/create",
        "//containers//create",
        "x:/containers/create",
        "x:/containers/create?a=://b/c",
        "http://d/containers/create?x=y:z",
        "/images/../containers/create",
    ] {
        assert_eq!(classify(b"POST", target.as_bytes()), Endpoint::ContainerCreate, "{target}");
    }
}

#[test]
fn other_requests_are_not_taken_for_it() {
    for (method, target) in [
        ("GET", "/containers/create"),
        ("POST", "/containers/create/start/x"),
        ("GET", "/containers/create/top"),
        ("POST", "/v1.41/images/json"),
        ("POST", "/v1.41/images/create?fromImage=/containers/create"),
        ("POST", "*"),
        ("POST", "http://containers/create"),
    ] {
        assert_eq!(classify(method.as_bytes(), target.as_bytes()), Endpoint::Other, "{method} {target}");
    }
}

#[test]
fn every_endpoint_that_carries_paths_is_known() {
    for (method, target, endpoint) in [
        ("GET", "/v1.24/containers/json?all=1", Endpoint::ContainerList),
        ("GET", "/v1.24/containers/abc/json", Endpoint::ContainerInspect),
        ("POST", "/containers/abc/restart", Endpoint::ContainerRestart),
        ("POST", "/v1.23/containers/web/db/start", Endpoint::ContainerStart),
        ("GET", "/containers/web/db/json", Endpoint::ContainerInspect),
        ("POST", "/v1.41/services/create", Endpoint::ServiceCreate),
        ("POST", "/services/abc/update?version=3", Endpoint::ServiceUpdate),
        ("GET", "/services", Endpoint::ServiceList),
        ("GET", "/services/abc", Endpoint::ServiceInspect),
        ("GET", "/tasks?filters={}", Endpoint::TaskList),
        ("GET", "/tasks/abc", Endpoint::TaskInspect),
        ("POST", "/volumes/create", Endpoint::VolumeCreate),
        ("GET", "/volumes", Endpoint::VolumeList),
        ("GET", "/volumes/abc", Endpoint::VolumeInspect),
        ("POST", "/plugins/vieux/sshfs:latest/set", Endpoint::PluginSet),
        ("POST", "/plugins/create?name=x", Endpoint::PluginCreate),
        ("POST", "/v1.41/commit?container=x", Endpoint::Commit),
        ("GET", "/events?since=1", Endpoint::Events),
        ("GET", "/system/df", Endpoint::SystemDf),
        ("POST", "/v4.3.1/libpod/containers/create", Endpoint::LibpodCreate),
        ("POST", "/libpod/play/kube", Endpoint::LibpodCreate),
    ] {
        assert_eq!(classify(method.as_bytes(), target.as_bytes()), endpoint, "{method} {target}");
    }
}

#[test]
fn raw_streams_are_known() {
    assert_eq!(classify(b"POST", b"/v1.24/containers/abc/attach?stream=1"), Endpoint::ContainerAttach);
    assert_eq!(classify(b"POST", b"/exec/abc/start"), Endpoint::ExecStart);
    assert_eq!(classify(b"POST", b"/v1.23/containers/abc/start"), Endpoint::ContainerStart);
}
