//! A container's requests, at an engine that records what reaches it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy does not see")]

mod stub;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use stub::{ANSWER, ID, INSPECT, Peer, RESTORED, World, content_length, ok, post, run};

type Recorded = Arc<Mutex<Vec<String>>>;

/// An engine that writes down every body, and answers with what it made.
async fn recording(api: &'static str) -> (World, Recorded) {
    let recorded = Recorded::default();
    let record = Arc::clone(&recorded);
    let world = World::of_container(api, move |mut peer: Peer, _, body| {
        record.lock().unwrap().push(String::from_utf8(body).unwrap());
        async move {
            peer.send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}").await;
            peer
        }
    })
    .await;
    (world, recorded)
}

/// What reaches the engine of a request.
async fn arrived(api: &'static str, target: &str, body: &str) -> String {
    let (world, recorded) = recording(api).await;
    let mut client = world.client().await;
    let head = client.ask(&post(target, body)).await;
    let answer = String::from_utf8(client.exactly(content_length(&head)).await).unwrap();
    assert!(head.starts_with("HTTP/1.1 201 "), "{head}{answer}");
    recorded.lock().unwrap().pop().unwrap()
}

#[test]
fn a_body_is_read_once_and_an_answer_once() {
    run(async {
        let world = World::of_container("1.51", async |mut peer: Peer, head, _| {
            let answer = if head.starts_with("POST") { r#"{"Id":"x"}"# } else { ANSWER };
            peer.send(ok(answer)).await;
            peer
        })
        .await;
        let counts = || {
            let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
            [count(&hostward::api::read::READ), count(&hostward::api::answer::READ)]
        };
        let mut client = world.client().await;
        let body = r#"{"Image":"i","Labels":{"a":"b"},"HostConfig":{"Binds":["/ws/a:/x","/v/f:/y:ro"],
            "Mounts":[{"Type":"bind","Source":"/ws","Target":"/z"}],"VolumesFrom":null}}"#;
        let head = client.ask(&post("/v1.51/containers/create", body)).await;
        client.exactly(content_length(&head)).await;
        assert_eq!(counts(), [1, 0]);
        let head = client.ask(INSPECT).await;
        assert_eq!(client.exactly(content_length(&head)).await, RESTORED.as_bytes());
        assert_eq!(counts(), [1, 1]);
    });
}

const BIND: &str = r#"{"HostConfig":{"Binds":["/v/sub/f:/x"]}}"#;
const MOUNT: &str = r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/v/sub/f","Target":"/x"}]}}"#;
const BOTH: &str =
    r#"{"HostConfig":{"Binds":["/v/sub:/y"],"Mounts":[{"Type":"bind","Source":"/v/sub/f","Target":"/x"}]}}"#;

#[test]
fn no_subpath_reaches_an_engine_or_a_version_that_ignores_it() {
    run(async {
        for (api, target) in [
            ("1.41", "/containers/create"),
            ("1.41", "/v1.41/containers/create"),
            ("1.41", "/v1.51/containers/create"),
            ("1.44", "/v1.44/containers/create"),
            ("1.51", "/v1.44/containers/create"),
            ("1.51", "/v1.24/containers/create"),
            ("new", "/containers/create"),
        ] {
            for body in [BIND, MOUNT, BOTH] {
                let arrived = arrived(api, target, body).await;
                assert!(!arrived.contains("Subpath"), "{api} {target}: {arrived}");
                assert!(arrived.contains("/vols/v/_data/sub/f"), "{api} {target}: {arrived}");
            }
        }
    });
}

#[test]
fn a_subpath_reaches_an_engine_that_mounts_it() {
    run(async {
        for (api, target) in [
            ("1.45", "/containers/create"),
            ("1.51", "/v1.45/containers/create"),
            ("1.51", "/v1.51/containers/create"),
        ] {
            for body in [BIND, MOUNT] {
                let arrived = arrived(api, target, body).await;
                assert!(arrived.contains(r#""Subpath":"sub/f""#), "{api} {target}: {arrived}");
                assert!(!arrived.contains("_data"), "{arrived}");
            }
        }
    });
}

#[test]
fn a_service_gets_no_subpath_for_another_node_may_run_it() {
    run(async {
        let body = r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/v/sub","Target":"/x"}]}}}"#;
        let arrived = arrived("1.51", "/v1.51/services/create", body).await;
        assert!(
            arrived.contains(r#""Source":"/vols/v/_data/sub""#) && !arrived.contains("Subpath"),
            "{arrived}"
        );
    });
}

#[test]
fn a_caller_can_ask_hostward_who_it_is_taken_for() {
    run(async {
        let (world, recorded) = recording("1.51").await;
        let mut client = world.client().await;
        for _ in 0..2 {
            let head = client.ask("GET /_hostward HTTP/1.1\r\nHost: d\r\n\r\n").await;
            let body = String::from_utf8(client.exactly(content_length(&head)).await).unwrap();
            assert!(head.starts_with("HTTP/1.1 200 ") && body.contains(&format!(r#""id":"{ID}""#)), "{body}");
        }
        let body = r#"{"paths":["/ws/f","/tmpfs/x"]}"#;
        let head = client.ask(&post("/_hostward/explain", body)).await;
        let body = String::from_utf8(client.exactly(content_length(&head)).await).unwrap();
        let said: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&said["version"], &said["caller"]["id"]), (&1.into(), &ID.into()), "{body}");
        assert_eq!(said["paths"][0]["mounts"][0]["source"], "/srv/ws/f", "{body}");
        assert_eq!(said["paths"][1]["asked"], "/tmpfs/x");
        let wrong = client.ask(&post("/_hostward/explain", r#"{"paths":["ws"]}"#)).await;
        assert!(wrong.starts_with("HTTP/1.1 400 "), "{wrong}");
        client.exactly(content_length(&wrong)).await;
        // Nothing of that goes to the engine, which is only asked whether it is another Hostward.
        let asked = std::mem::take(&mut *recorded.lock().unwrap());
        assert!(asked.iter().all(String::is_empty), "{asked:?}");
        // All else is the engine's to answer.
        client.ask("GET /_hostward/x HTTP/1.1\r\nHost: d\r\n\r\n").await;
        assert_eq!(recorded.lock().unwrap().len(), 1);
    });
}

#[test]
fn a_file_of_a_bind_is_the_engines_and_a_missing_one_too() {
    run(async {
        let binds = |path: &str| format!(r#"{{"HostConfig":{{"Binds":["{path}:/x:ro"]}}}}"#);
        for path in ["/ws/f", "/ws/missing/f"] {
            let arrived = arrived("1.51", "/containers/create", &binds(path)).await;
            assert!(arrived.contains(&format!("/srv{path}:/x:ro")), "{arrived}");
        }
    });
}

#[test]
fn the_engines_socket_becomes_hostwards_own() {
    run(async {
        let (world, recorded) = recording("1.51").await;
        // The one that was connected to takes whoever connects for this caller.
        let own = std::fs::canonicalize(world.path("each")).unwrap();
        for asked in ["/var/run/docker.sock", "/run/docker.sock", "//var/run/docker.sock"] {
            let mut client = world.client().await;
            let body = format!(r#"{{"HostConfig":{{"Binds":["{asked}:/var/run/docker.sock"]}}}}"#);
            client.ask(&post("/containers/create", &body)).await;
            let arrived = recorded.lock().unwrap().pop().unwrap();
            // Not as a text of `Binds`: an engine would make a directory where the socket has gone.
            assert!(arrived.contains(&format!(r#""Source":"{}""#, own.display())), "{arrived}");
            assert!(arrived.contains(r#""Binds":[]"#), "{arrived}");
        }
    });
}

#[test]
fn a_body_of_eight_megabytes_is_translated_and_a_boundless_one_refused() {
    run(async {
        let padding = "x".repeat(8 << 20);
        let body = format!(r#"{{"Env":["A={padding}"],"HostConfig":{{"Binds":["/ws/a:/x"]}}}}"#);
        let arrived = arrived("1.51", "/containers/create", &body).await;
        assert!(arrived.contains("/srv/ws/a:/x") && arrived.contains(&padding), "{} bytes", arrived.len());
        let (world, recorded) = recording("1.51").await;
        let mut client = world.client().await;
        let head = client.ask("POST /containers/create HTTP/1.1\r\nContent-Length: 17000000\r\n\r\n{").await;
        assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
        assert!(recorded.lock().unwrap().is_empty());
    });
}

#[test]
fn podmans_own_api_is_refused_to_containers_in_clear_words() {
    run(async {
        let (world, recorded) = recording("1.41").await;
        let mut client = world.client().await;
        let head = client.ask(&post("/v4.3.1/libpod/containers/create", "{}")).await;
        let body = String::from_utf8(client.exactly(content_length(&head)).await).unwrap();
        assert!(head.starts_with("HTTP/1.1 501 ") && body.contains("libpod"), "{head}{body}");
        assert!(recorded.lock().unwrap().is_empty());
    });
}
