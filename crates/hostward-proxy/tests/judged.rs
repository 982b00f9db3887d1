//! Requests that are read whole before the engine sees them, and answers in the caller's words.

mod stub;

use stub::{OK, Peer, World, content_length, run};

/// Refuses to say who calls, and answers everything else with the body that it got.
async fn mirror(mut peer: Peer) {
    loop {
        let head = peer.head().await;
        if head.is_empty() {
            return;
        }
        if head.starts_with("GET /containers/stranger/json") || head.starts_with("GET /events") {
            peer.send("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
            return;
        }
        if head.starts_with("GET") {
            peer.send(OK).await;
            continue;
        }
        let body = if head.contains("hunked") {
            peer.until("0\r\n\r\n").await.into_bytes()
        } else {
            peer.exactly(content_length(&head)).await
        };
        let answer = format!("{head}{}", String::from_utf8_lossy(&body));
        peer.send(format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{answer}", answer.len())).await;
    }
}

/// Sends a request and gives what arrived at the engine.
async fn arrived(client: &mut Peer, request: &str) -> String {
    let head = client.ask(request).await;
    String::from_utf8_lossy(&client.exactly(content_length(&head)).await).into_owned()
}

#[test]
fn only_the_path_and_the_length_change() {
    run(async {
        let world = World::of_stranger(mirror).await;
        let mut client = world.client().await;
        let request = "POST /v1.43/containers/create?name=a HTTP/1.1\r\nHost: d\r\nContent-Length: 49\r\n\
                       X-B: c\r\n\r\n{ \"HostConfig\" : {\"Binds\":[\"/app/x:/b:ro\"]},\"N\":1}";
        assert_eq!(
            arrived(&mut client, &request.replace("49", "50")).await,
            request.replace("49", "54").replace("/app/x", "/srv/app/x")
        );
    });
}

#[test]
fn what_names_no_path_goes_on_as_it_came_chunks_and_all() {
    run(async {
        let world = World::of_stranger(mirror).await;
        let mut client = world.client().await;
        let request = "POST /containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n\
                       04;x\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
        assert_eq!(arrived(&mut client, request).await, request);
    });
}

#[test]
fn chunks_that_change_become_one_length() {
    run(async {
        let world = World::of_stranger(mirror).await;
        let mut client = world.client().await;
        let head = "POST /containers/create HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: d\r\n\r\n";
        for cut in [1, 7, 100] {
            for piece in [
                head.as_bytes(),
                b"12\r\n{\"HostConfig\":{\"Bi\r\n16\r\nnds\":[\"/app/x:/y\"]}}  \r\n0\r\n\r\n",
            ]
            .concat()
            .chunks(cut)
            {
                client.send(piece).await;
                tokio::task::yield_now().await;
            }
            let arrived = arrived(&mut client, "").await;
            assert_eq!(
                arrived,
                "POST /containers/create HTTP/1.1\r\nContent-Length: 44\r\nHost: d\r\n\r\n\
                 {\"HostConfig\":{\"Binds\":[\"/srv/app/x:/y\"]}}  "
            );
        }
    });
}

#[test]
fn a_client_that_waits_for_continue_gets_it_from_us() {
    run(async {
        let world = World::of_stranger(mirror).await;
        let mut client = world.client().await;
        let head = "POST /containers/create HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(client.ask(head).await, "HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(
            arrived(&mut client, "{}").await,
            "POST /containers/create HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
        );
    });
}

#[test]
fn a_refusal_leaves_the_connection_usable() {
    run(async {
        let world = World::of_stranger(mirror).await;
        let mut client = world.client().await;
        let body = "{\"HostConfig\":{\"Binds\":[\"/etc:/x\"]}}";
        let request =
            format!("POST /containers/create HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        for _ in 0..3 {
            let head = client.ask(&request).await;
            assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
            assert!(client.until("\n").await.contains("cannot mount /etc"));
        }
        assert_eq!(client.ask(stub::GET).await, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    });
}

#[test]
fn a_body_without_an_end_in_sight_is_refused() {
    run(async {
        let world = World::of_stranger(mirror).await;
        let mut client = world.client().await;
        let head = client.ask("POST /containers/create HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n{").await;
        assert!(head.starts_with("HTTP/1.1 413 ") && head.contains("Connection: close"), "{head}");
    });
}

#[test]
fn an_error_comes_back_in_the_callers_words_whatever_its_framing() {
    for framing in [
        "Content-Length: 46\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2e\r\n",
        "Connection: close\r\n\r\n",
    ] {
        run(async {
            let world = World::of_stranger(move |mut peer: Peer| async move {
                let head = peer.head().await;
                if head.starts_with("GET") {
                    return;
                }
                let end = if framing.contains("chunked") { "\r\n0\r\n\r\n" } else { "" };
                let body = "{\"message\":\"no such directory: /srv/app/nope\"}";
                peer.send(format!("HTTP/1.1 400 Bad Request\r\nX-A: b\r\n{framing}{body}{end}")).await;
            })
            .await;
            let mut client = world.client().await;
            let body = "{\"HostConfig\":{\"Binds\":[\"/app/nope:/x\"]}}";
            let head = format!("POST /containers/create HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
            let head = client.ask(&format!("{head}{body}")).await;
            let restored = "{\"message\":\"no such directory: /app/nope\"}";
            assert!(head.contains(&format!("Content-Length: {}\r\n", restored.len())), "{head}");
            assert!(head.contains("X-A: b\r\n") && !head.contains("chunked"), "{head}");
            assert_eq!(client.exactly(restored.len()).await, restored.as_bytes());
        });
    }
}
