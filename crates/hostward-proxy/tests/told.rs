//! What callers were told comes back: a host path that an inspect has shown, a list by what it shows, and an image that must not
//! tell anybody.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy does not see")]

mod stub;

use stub::{ID, Peer, World, content_length, ok, post, run};

/// A container of somebody else, as it is listed and inspected.
const OTHER: &str =
    r#"{"Id":"o","Mounts":[{"Type":"bind","Source":"/missing/theirs","Destination":"/x","RW":true}]}"#;
/// One that has the caller's directory.
const OWN: &str = r#"{"Id":"w","Mounts":[{"Type":"bind","Source":"/srv/ws/u","Destination":"/u"}]}"#;

/// Knows these two, and mirrors what arrives of a request.
async fn engine(mut peer: Peer, head: String, body: Vec<u8>) -> Peer {
    let line = head.split("\r\n").next().unwrap();
    let target = line.split(' ').nth(1).unwrap();
    let answer = match target.strip_prefix("/v1.41").unwrap_or(target) {
        "/containers/other/json" => ok(OTHER),
        "/containers/json?all=1" => ok(&format!("[{OTHER},{OWN}]")),
        "/containers/labelled/json" => ok(&format!(
            r#"{{"Id":"{ID}","Name":"/labelled","Config":{{"Labels":{{"hostward.asked":"x"}}}}}}"#
        )),
        "/containers/plain/json" => ok(&format!(r#"{{"Id":"{ID}","Name":"/plain"}}"#)),
        "/containers/create" => ok(&String::from_utf8(body).unwrap()),
        _ => ok(line),
    };
    peer.send(answer).await;
    peer
}

async fn body(client: &mut Peer, request: &str) -> String {
    let head = client.ask(request).await;
    String::from_utf8(client.exactly(content_length(&head)).await).unwrap()
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: d\r\n\r\n")
}

#[test]
fn t26_a_path_that_an_inspect_has_shown_is_passed_on_and_one_of_a_list_is_not() {
    run(async {
        let world = World::of_container("1.41", engine).await;
        let mut client = world.client().await;
        let create = |path: &str| {
            let body = format!(r#"{{"HostConfig":{{"Binds":["{path}:/t"]}}}}"#);
            (post("/v1.41/containers/create", &body), body)
        };
        let (request, asked) = create("/missing/theirs");
        let list = body(&mut client, &get("/v1.41/containers/json?all=1")).await;
        assert!(list.contains("/missing/theirs"), "{list}");
        let refused = body(&mut client, &request).await;
        assert!(refused.contains("does not exist in the calling container"), "{refused}");
        assert_eq!(body(&mut client, &get("/v1.41/containers/other/json")).await, OTHER);
        assert_eq!(body(&mut client, &request).await, asked);
        // On any connection, and by that path alone.
        let mut another = world.client().await;
        assert_eq!(body(&mut another, &request).await, asked);
        let refused = body(&mut another, &create("/missing/theirs/f").0).await;
        assert!(refused.contains("does not exist in the calling container"), "{refused}");
    });
}

#[test]
fn a_list_by_a_mounted_path_is_asked_without_it_and_has_what_is_mounted_there() {
    run(async {
        let world = World::of_container("1.41", engine).await;
        let mut client = world.client().await;
        let own = OWN.replace("/srv/ws/u", "/ws/u");
        for (path, found) in [
            ("/ws/u", format!("[{own}]")),
            ("/srv/ws/u", format!("[{own}]")),
            ("/missing/theirs", format!("[{OTHER}]")),
            ("/ws", "[]".to_owned()),
        ] {
            let target =
                format!("/v1.41/containers/json?all=1&filters=%7B%22volume%22:%5B%22{path}%22%5D%7D");
            assert_eq!(body(&mut client, &get(&target)).await, found, "{path}");
        }
        // What has no path in it is the engine's to find.
        let target = "/v1.41/containers/json?all=1&filters=%7B%22volume%22:%5B%22v%22%5D%7D";
        let head = client.ask(&get(target)).await;
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    });
}

#[test]
fn an_image_of_a_container_with_the_label_is_made_without_it_and_any_other_as_it_was_asked() {
    run(async {
        let world = World::of_container("1.41", engine).await;
        let mut client = world.client().await;
        for (container, line) in [
            (
                "labelled",
                "POST /v1.41/commit?changes=LABEL%20hostward.asked%3D%22%22&container=labelled&repo=i HTTP/1.1",
            ),
            ("plain", "POST /v1.41/commit?container=plain&repo=i HTTP/1.1"),
        ] {
            let request = post(&format!("/v1.41/commit?container={container}&repo=i"), "null");
            assert_eq!(body(&mut client, &request).await, line);
        }
    });
}
