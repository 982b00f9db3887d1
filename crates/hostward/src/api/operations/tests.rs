mod described; // the table against the API's own description

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

fn found(line: &str) -> Result<(&'static str, Vec<String>), u16> {
    let (method, target) = line.split_once(' ').unwrap();
    let found = find(method.as_bytes(), target.as_bytes()).map_err(|error| error.status())?;
    Ok((found.operation.name, found.names.into_iter().map(|(_, name)| name).collect()))
}

#[test]
fn a_line_that_all_engines_read_alike_is_an_operation() {
    for (line, name, names) in [
        ("GET /_ping", "system.ping", vec![]),
        ("HEAD /_ping", "system.ping.head", vec![]),
        ("GET /v1.41/version", "system.version", vec![]),
        ("POST /v1.41/containers/create?name=web", "container.create", vec![]),
        ("POST /containers/web/start", "container.start", vec!["web"]),
        ("POST /containers/web/start?checkpoint-dir=/c", "checkpoint.directory.restore", vec!["web"]),
        ("GET /containers/web/attach/ws", "container.attach.websocket", vec!["web"]),
        ("DELETE /containers/web/checkpoints/one", "checkpoint.remove", vec!["web", "one"]),
        ("DELETE /containers/json", "container.remove", vec!["json"]),
        (
            "GET /images/registry.example:5000/a/b:1/json",
            "image.inspect",
            vec!["registry.example:5000/a/b:1"],
        ),
        ("GET /images/a%2Fb/json", "image.inspect", vec!["a/b"]),
        ("GET /images/a%40sha256%3A00/json", "image.inspect", vec!["a@sha256:00"]),
        ("POST /images/json/push", "image.push", vec!["json"]),
        ("DELETE /images/a/json", "image.remove", vec!["a/json"]),
        ("POST /images/create?fromImage=alpine", "image.pull", vec![]),
        ("POST /images/create?fromImage=&fromSrc=-", "image.import", vec![]),
        ("POST /plugins/vieux/sshfs:latest/set", "plugin.set", vec!["vieux/sshfs:latest"]),
        (
            "GET /distribution/docker.io/library/alpine/json",
            "image.distribution",
            vec!["docker.io/library/alpine"],
        ),
        ("GET /volumes/create", "volume.inspect", vec!["create"]),
        ("OPTIONS /anything/at/all", "system.options", vec!["/anything/at/all"]),
        ("GET /services/web", "service.inspect", vec!["web"]),
        ("GET /services/web/logs", "service.logs", vec!["web"]),
    ] {
        let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
        assert_eq!(found(line), Ok((name, names)), "{line}");
    }
}

#[test]
fn a_line_that_engines_may_read_differently_is_none() {
    for line in [
        "GET http://docker/containers/json",
        "GET x:/containers/json",
        "OPTIONS *",
        "GET containers/json",
        "GET ",
        "GET /",
        "GET //containers/json",
        "GET /containers//json",
        "GET /containers/json/",
        "GET /containers/./json",
        "GET /images/../containers/json",
        "GET /containers/%2e%2e/json",
        "GET /containers/a%2fb/json",
        "POST /containers/web/db/start",
        "GET /containers/web%00/json",
        "GET /containers/web;x/json",
        "GET /containers/web%3bx/json",
        "GET /containers/web#x/json",
        "GET /containers/web%23x/json",
        "GET /containers/web%3Fx/json",
        "GET /containers/web%25/json",
        "GET /containers/web%/json",
        "GET /containers/web%4/json",
        "GET /containers/web%4g/json",
        "GET /containers/a\\b/json",
        "GET /containers/w\u{e9}b/json",
        "GET /containers/w%C3%A9b/json",
        "GET /containers/w b/json",
        "GET /containers/w%20b/json",
        "GET /v1/containers/json",
        "GET /v1.41.2/containers/json",
        "GET /v1.41-rc1/containers/json",
        "GET /v.41/containers/json",
        "GET /v%31.41/containers/json",
        "GET /images/a%2f%2e%2e/json",
        "GET /images/a%2f/json",
    ] {
        assert_eq!(found(line), Err(400), "{line}");
    }
}

#[test]
fn a_line_for_what_is_not_in_the_table_is_none() {
    for line in [
        "PUT /containers/json",
        "get /containers/json",
        "GET /containers/cre%61te",
        "POST /containers/cre%61te",
        "POST /%63ontainers/create",
        "GET /Containers/json",
        "GET /containers",
        "GET /plugins/set",
        "POST /plugins/set",
        "PATCH /containers/web",
        "GET /services/a/b",
        "POST /v4.3.1/libpod/containers/create",
        "GET /libpod/info",
        "POST /commit/x",
        "GET /_hostward",
    ] {
        assert_eq!(found(line), Err(403), "{line}");
    }
}

proptest::proptest! {
    /// What is taken strictly has the same endpoint as what is taken leniently.
    #[test]
    fn both_readers_agree(
        method in "GET|POST|PUT|DELETE|HEAD",
        words in proptest::collection::vec(
            "containers|images|volumes|exec|services|plugins|commit|create|json|start|set|update|checkpoints|v1\\.41|a|b%2fc|\\.\\.||libpod",
            1..5,
        ),
        query in "(\\?(dir|checkpoint-dir|fromImage|x)=(a|))?",
    ) {
        let target = format!("/{}{query}", words.join("/"));
        if let Ok(found) = find(method.as_bytes(), target.as_bytes()) {
            let lenient = classify(method.as_bytes(), target.as_bytes());
            proptest::prop_assert_eq!(found.operation.endpoint, lenient, "{} {}", method, target);
        }
    }

    #[test]
    fn any_bytes_are_read(method in "[A-Z]{0,8}", target in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
        let _ = find(method.as_bytes(), &target);
        let _ = classify(method.as_bytes(), &target);
    }
}
