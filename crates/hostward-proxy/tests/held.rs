//! What is held for a client counts for as long as it is held, and what nobody waits for is not held.

mod stub;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hostward_engine::select::Selector;
use hostward_proxy::{Access, Callers, Inherited, On, Settings};
use stub::{OK, Peer, World, content_length, ok, run};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Hostward in front of an engine whose containers have labels of this length.
async fn telling(label: usize, set: impl FnOnce(&mut Settings)) -> World {
    let set = |settings: &mut Settings| {
        settings.listen[0].callers = Callers::One(Selector::Name("caller".into()));
        set(settings);
        Inherited::default()
    };
    let answer = Arc::new(ok(&format!(r#"{{"Config":{{"Labels":{{"a":"{}"}}}}}}"#, "x".repeat(label))));
    World::of_containers(set, "1.45", move |mut peer: Peer, head: String, _| {
        let answer = Arc::clone(&answer);
        async move {
            let created = "HTTP/1.1 201 Created\r\nContent-Length: 13\r\n\r\n{\"Id\":\"made\"}";
            let answer = match &head {
                head if head.starts_with("GET /containers/other/json") => &**answer,
                head if head.starts_with("POST /containers/create") => created,
                _ => OK,
            };
            // Hostward may have given it up.
            let _ = peer.stream.write_all(answer.as_bytes()).await;
            peer
        }
    })
    .await
}

const INSPECT: &str = "GET /containers/other/json HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";

#[test]
fn an_answer_that_nobody_reads_counts_until_it_is_read() {
    run(async {
        let label = 3 << 20;
        let world = telling(label, |settings| settings.limits.held_bytes_per_caller = 5 << 20).await;
        let (mut slow, mut next) = (world.client().await, world.client().await);
        let head = slow.ask(INSPECT).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let refused = next.ask(INSPECT).await;
        assert!(refused.starts_with("HTTP/1.1 502 "), "{refused}");
        let why = String::from_utf8(next.rest().await).unwrap();
        assert!(why.contains("held_bytes_per_caller"), "{why}");
        assert_eq!(slow.rest().await.len(), content_length(&head));
        let head = world.client().await.ask(INSPECT).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    });
}

#[test]
fn what_was_made_is_told_whatever_else_is_held() {
    run(async {
        let most = 1 << 20;
        let set = |settings: &mut Settings| settings.limits.held_bytes_per_caller = most;
        let world = telling((3 << 20) / 4, set).await;
        let create = |length: usize| {
            let body = format!("{{\"Domainname\":\"{}\"}}", "x".repeat(length - 17));
            assert_eq!(body.len(), length);
            stub::post("/containers/create", &body)
        };
        // The body alone is as long as what the caller may have.
        let answer = world.client().await.ask(&create(1 << 20)).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        let mut slow = world.client().await;
        let head = slow.ask(INSPECT).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let answer = world.client().await.ask(&create(100 << 10)).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    });
}

#[test]
fn a_long_head_counts_until_its_request_is_answered() {
    run(async {
        let world = telling(0, |settings| settings.limits.held_bytes = 1 << 20).await;
        let long = |target: &str, framing: &str| {
            let filler = "x".repeat(600 << 10);
            format!("POST {target} HTTP/1.1\r\nHost: d\r\nX-Long: {filler}\r\n{framing}\r\n\r\n")
        };
        let (mut slow, mut next) = (world.client().await, world.client().await);
        // Its body does not come.
        slow.send(long("/containers/create", "Content-Length: 2")).await;
        slow.send("{").await;
        let turned_down = async {
            loop {
                let mut next = world.client().await;
                let answer = next.ask(&long("/containers/x/stop", "Content-Length: 0")).await;
                if answer.starts_with("HTTP/1.1 503 ") {
                    return;
                }
                // The first one's has not come whole.
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(5), turned_down).await.expect("its head counts");
        slow.send("}").await;
        assert!(slow.head().await.starts_with("HTTP/1.1 201 "));
        let answer = next.ask(&long("/containers/x/stop", "Content-Length: 0")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    });
}

#[test]
fn who_goes_before_it_is_known_who_it_is_leaves_nothing() {
    run(async {
        let set = |settings: &mut Settings| {
            settings.listen[0].callers = Callers::One(Selector::Name("nobody".into()));
            let Some(directory) = settings.engine.socket().and_then(Path::parent) else {
                panic!("it has a socket")
            };
            settings.admin = Some(On::Unix { path: directory.join("admin"), access: Access::default() });
            Inherited::default()
        };
        let engine = async |mut peer: Peer| {
            // It never says who that is.
            if peer.head().await.starts_with("GET /containers/") {
                peer.rest().await;
            }
        };
        let world = World::set_up(set, engine).await;
        let until = async |connections: u32| {
            let expected = format!("\"connections\":{connections}");
            loop {
                let mut admin = Peer::new(UnixStream::connect(world.path("admin")).await.unwrap());
                admin.send("GET /health HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n").await;
                let health = String::from_utf8(admin.rest().await).unwrap();
                if health.replace(' ', "").contains(&expected) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        until(0).await;
        for pipelined in [0, 300 << 10] {
            let mut client = world.client().await;
            client.send("GET /_hostward HTTP/1.1\r\nHost: d\r\n\r\n").await;
            until(1).await;
            // As much more as there is room for.
            let more = vec![b'x'; pipelined];
            let _ = timeout(Duration::from_millis(100), client.stream.write_all(&more)).await;
            drop(client);
            until(0).await;
        }
    });
}
