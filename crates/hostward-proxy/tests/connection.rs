//! What becomes of connections: reuse, order, ends, and an engine that goes away.

mod stub;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use stub::{GET, OK, Peer, World, run};

/// Answers every request with its target.
async fn echo(mut peer: Peer) {
    loop {
        let head = peer.head().await;
        let Some(target) = head.split(' ').nth(1) else { return };
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len())).await;
    }
}

#[test]
fn a_client_keeps_one_connection_to_the_engine() {
    run(async {
        let world = World::new(echo).await;
        let mut client = world.client().await;
        for _ in 0..50 {
            client.ask(GET).await;
            assert_eq!(client.exactly(6).await, b"/_ping");
        }
        assert_eq!(world.seen(), 1);
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    run(async {
        let world = World::new(echo).await;
        let mut client = world.client().await;
        client.send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\nGET /").await;
        for body in [b"/1", b"/2", b"/3"] {
            client.head().await;
            assert_eq!(client.exactly(2).await, body);
        }
        client.send("4 HTTP/1.1\r\nConnection: close\r\n\r\n").await;
        client.head().await;
        assert_eq!(client.rest().await, b"/4");
    });
}

#[test]
fn a_host_process_sends_to_the_engine_what_it_sent_to_us_byte_for_byte() {
    run(async {
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&recorded);
        let world = World::new(move |mut peer: Peer| {
            let record = Arc::clone(&record);
            async move {
                loop {
                    let head = peer.head().await;
                    if head.is_empty() {
                        return;
                    }
                    let end = if head.contains("Chunked") { "0\r\n\r\n" } else { "1}}" };
                    let body = if head.starts_with("POST") { peer.until(end).await } else { String::new() };
                    record.lock().unwrap().push(format!("{head}{body}"));
                    peer.send(OK).await;
                }
            }
        })
        .await;
        let sent = [
            "GET /v1.24/info?x=%2F HTTP/1.1\r\nHOST:docker \r\nx-Odd:   a,b\t\r\nAccept-Encoding: gzip\r\n\r\n",
            "POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 44\r\n\r\n\
             {\"HostConfig\":{ \"Binds\":[\"/app:/b\"], \"X\":1}}",
            "POST /containers/create?name=x HTTP/1.1\r\ntransfer-encoding: Chunked\r\nHost: d\r\n\r\n\
             05;q=1\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n",
        ];
        let mut client = world.client().await;
        for request in sent {
            client.ask(request).await;
            client.exactly(2).await;
        }
        // In pieces of three bytes.
        for piece in sent[2].as_bytes().chunks(3) {
            client.send(piece).await;
            tokio::task::yield_now().await;
        }
        client.head().await;
        assert_eq!(recorded.lock().unwrap().as_slice(), [sent[0], sent[1], sent[2], sent[2]]);
        assert_eq!(world.seen(), 1);
    });
}

#[test]
fn an_engine_that_is_gone_is_named_and_tried_again() {
    run(async {
        let mut world = World::new(echo).await;
        let mut client = world.client().await;
        client.ask(GET).await;
        client.exactly(6).await;
        world.kill_engine().await;
        for _ in 0..2 {
            let head = client.ask(GET).await;
            assert!(head.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{head}");
            let body = client.until("\n").await;
            assert!(body.contains("{\"message\":") && body.contains("unix:///"), "{body}");
        }
        world.start_engine(echo);
        assert!(client.ask(GET).await.starts_with("HTTP/1.1 200"), "the same connection works again");
    });
}

#[test]
fn a_stream_that_breaks_ends_at_the_client_within_a_second() {
    run(async {
        let mut world = World::new(async |mut peer: Peer| {
            peer.head().await;
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
            peer.rest().await;
        })
        .await;
        let mut client = world.client().await;
        client.ask(GET).await;
        assert_eq!(client.exactly(8).await, b"3\r\nabc\r\n");
        world.kill_engine().await;
        let start = Instant::now();
        assert_eq!(client.rest().await, b"");
        assert!(start.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn an_engine_that_closes_without_an_answer_gives_502_and_stays_usable() {
    run(async {
        let world = World::new(async |mut peer: Peer| {
            if peer.head().await.contains("/bad") {
                return;
            }
            peer.send(OK).await;
        })
        .await;
        let mut client = world.client().await;
        let bad = client.ask("POST /bad HTTP/1.1\r\nContent-Length: 0\r\n\r\n").await;
        assert!(bad.starts_with("HTTP/1.1 502"));
        client.until("\n").await;
        assert!(client.ask(GET).await.starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn an_idle_connection_that_the_engine_closed_is_dialled_again() {
    run(async {
        // Each connection answers one request and says nothing of closing.
        let world = World::new(async |mut peer: Peer| {
            peer.head().await;
            peer.send(OK).await;
        })
        .await;
        let mut client = world.client().await;
        for _ in 0..5 {
            assert!(client.ask(GET).await.starts_with("HTTP/1.1 200"));
            client.exactly(2).await;
        }
        assert_eq!(world.seen(), 5);
    });
}

#[test]
fn what_is_no_http_is_refused() {
    run(async {
        let world = World::new(async |_: Peer| unreachable!("nothing of it may reach the engine")).await;
        for (bytes, status) in [
            ("nonsense\r\n\r\n", "400"),
            ("\x16\x03\x01\x02\x00", "400"),
            ("GET / HTTP/1.1\nHost: d\n\n", "400"),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"),
            ("CONNECT a:1 HTTP/1.1\r\n\r\n", "405"),
        ] {
            let mut client = world.client().await;
            let head = client.ask(bytes).await;
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes:?}: {head}");
            assert!(String::from_utf8(client.rest().await).unwrap().starts_with("{\"message\":"));
        }
    });
}

#[test]
fn http_1_0_is_answered_and_closed() {
    run(async {
        let world = World::new(async |mut peer: Peer| {
            peer.head().await;
            peer.send("HTTP/1.0 200 OK\r\n\r\nOK").await;
        })
        .await;
        let mut client = world.client().await;
        assert_eq!(client.ask("GET /_ping HTTP/1.0\r\n\r\n").await, "HTTP/1.0 200 OK\r\n\r\n");
        assert_eq!(client.rest().await, b"OK");
    });
}

#[test]
fn shutting_down_lets_requests_finish_and_idle_connections_go() {
    run(async {
        let world = World::new(async |mut peer: Peer| {
            peer.head().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            peer.send(OK).await;
        })
        .await;
        let (mut idle, mut busy) = (world.client().await, world.client().await);
        busy.send(GET).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        world.trigger.end();
        assert_eq!(idle.rest().await, b"");
        assert!(!world.path("proxy").exists(), "the socket's file goes first");
        assert!(busy.head().await.starts_with("HTTP/1.1 200"));
        assert_eq!(busy.rest().await, b"OK");
        let World { proxy, .. } = world;
        proxy.await.unwrap().unwrap();
    });
}

#[test]
fn what_does_not_finish_is_cut_off_and_a_second_signal_does_so_at_once() {
    for pulls in [1, 2] {
        run(async {
            let world = World::new(async |mut peer: Peer| {
                peer.rest().await;
            })
            .await;
            let mut client = world.client().await;
            client.send(GET).await;
            tokio::time::sleep(Duration::from_millis(30)).await;
            let start = Instant::now();
            for _ in 0..pulls {
                world.trigger.end();
            }
            let World { proxy, .. } = world;
            proxy.await.unwrap().unwrap();
            assert_eq!(start.elapsed() >= Duration::from_millis(400), pulls == 1);
            assert_eq!(client.rest().await, b"");
        });
    }
}
