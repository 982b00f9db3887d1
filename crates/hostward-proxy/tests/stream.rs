//! What passes through: bodies, raw streams, ends, in whatever order they come.

mod stub;

use std::time::Duration;
use stub::{GET, OK, Peer, World, run};

const ATTACH: &str = "POST /v1.43/containers/c/attach?stream=1 HTTP/1.1\r\nHost: docker\r\n\
                      Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const BIG: usize = 100 << 20;

#[test]
fn an_answer_comes_back_after_a_half_close() {
    run(async {
        let world = World::new(async |mut peer: Peer| {
            assert!(peer.head().await.starts_with("POST"));
            peer.send(UPGRADED).await;
            let input = peer.rest().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            peer.send([b"got ", input.as_slice()].concat()).await;
        })
        .await;
        let mut client = world.client().await;
        assert_eq!(client.ask(ATTACH).await, UPGRADED);
        client.send("hi").await;
        client.end().await;
        assert_eq!(client.rest().await, b"got hi");
    });
}

#[test]
fn bytes_sent_with_either_head_belong_to_the_raw_stream() {
    run(async {
        let world = World::new(async |mut peer: Peer| {
            peer.head().await;
            peer.send(format!("{UPGRADED}early from the engine;")).await;
            let early = peer.exactly(5).await;
            peer.send(early).await;
        })
        .await;
        let mut client = world.client().await;
        client.send(format!("{ATTACH}early")).await;
        assert_eq!(client.head().await, UPGRADED);
        assert_eq!(client.rest().await, b"early from the engine;early");
    });
}

#[test]
fn an_exec_that_answers_200_is_raw_both_ways() {
    run(async {
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
        let world = World::new(move |mut peer: Peer| async move {
            peer.head().await;
            assert_eq!(peer.exactly(2).await, b"{}");
            peer.send(answer).await;
            let input = peer.rest().await;
            peer.send(input).await;
        })
        .await;
        let mut client = world.client().await;
        let start = "POST /exec/e/start HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(client.ask(start).await, answer);
        client.send("to stdin").await;
        client.end().await;
        assert_eq!(client.rest().await, b"to stdin");
    });
}

#[test]
fn an_engine_that_half_closes_a_raw_stream_still_hears_the_client() {
    run(async {
        let (heard, receiver) = tokio::sync::oneshot::channel();
        let heard = std::sync::Mutex::new(Some(heard));
        let heard = std::sync::Arc::new(heard);
        let world = World::new(move |mut peer: Peer| {
            let heard = std::sync::Arc::clone(&heard);
            async move {
                peer.head().await;
                peer.send(UPGRADED).await;
                peer.end().await;
                let rest = peer.rest().await;
                let heard = heard.lock().unwrap().take().unwrap();
                heard.send(rest).unwrap();
            }
        })
        .await;
        let mut client = world.client().await;
        client.ask(ATTACH).await;
        assert_eq!(client.rest().await, b"");
        client.send("still here").await;
        client.end().await;
        assert_eq!(receiver.await.unwrap(), b"still here");
    });
}

#[test]
fn a_follower_that_goes_away_frees_the_engine() {
    run(async {
        let (gone, went) = tokio::sync::mpsc::unbounded_channel();
        let world = World::new(move |mut peer: Peer| {
            let gone = gone.clone();
            async move {
                peer.head().await;
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
                assert_eq!(peer.rest().await, b"");
                gone.send(()).unwrap();
            }
        })
        .await;
        let mut went = went;
        let mut client = world.client().await;
        client.ask("GET /containers/c/logs?follow=1 HTTP/1.1\r\nHost: d\r\n\r\n").await;
        assert_eq!(client.exactly(8).await, b"3\r\nabc\r\n", "without delay");
        drop(client);
        went.recv().await.unwrap();
    });
}

/// 100 MiB in chunks, and their trailers.
async fn send_chunks(peer: &mut Peer) {
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 0x10000], b"\r\n"].concat();
    for _ in 0..BIG / 0x10000 {
        peer.send(&chunk).await;
    }
    peer.send("0\r\nX-Sum: 1\r\n\r\n").await;
}

#[test]
fn a_hundred_megabytes_of_chunks_pass_both_ways_with_their_trailers() {
    run(async {
        let chunk = "10000\r\n\r\n".len() + 0x10000;
        let wire = BIG / 0x10000 * chunk + "0\r\nX-Sum: 1\r\n\r\n".len();
        let world = World::new(move |mut peer: Peer| async move {
            peer.head().await;
            for _ in 0..wire / chunk {
                peer.exactly(chunk).await;
            }
            assert_eq!(peer.until("\r\n\r\n").await, "0\r\nX-Sum: 1\r\n\r\n");
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n").await;
            send_chunks(&mut peer).await;
        })
        .await;
        let mut client = world.client().await;
        client.send("POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        send_chunks(&mut client).await;
        assert!(client.head().await.contains("200 OK"));
        assert_eq!(client.count_rest().await, wire);
    });
}

#[test]
fn expect_streams_through_and_interim_answers_come_at_once() {
    run(async {
        let world = World::new(async |mut peer: Peer| {
            assert!(peer.head().await.contains("Expect: 100-continue"));
            peer.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            assert_eq!(peer.exactly(4).await, b"body");
            peer.send(format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{OK}")).await;
        })
        .await;
        let mut client = world.client().await;
        let head = "PUT /x HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
        assert_eq!(client.ask(head).await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("body").await;
        assert!(client.head().await.starts_with("HTTP/1.1 103"));
        assert!(client.head().await.starts_with("HTTP/1.1 200"));
        assert_eq!(client.exactly(2).await, b"OK");
    });
}

#[test]
fn an_early_answer_passes_in_the_middle_of_an_upload() {
    run(async {
        let world = World::new(async |mut peer: Peer| {
            peer.head().await;
            peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        })
        .await;
        let mut client = world.client().await;
        let head = "POST /load HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999\r\n\r\nsome";
        assert!(client.ask(head).await.starts_with("HTTP/1.1 413"));
        assert_eq!(client.rest().await, b"");
    });
}

#[test]
fn answers_without_a_body_end_with_their_heads() {
    run(async {
        let world = World::new(async |mut peer: Peer| {
            for answer in [
                "HTTP/1.1 200 OK\r\nContent-Length: 123\r\nX-Docker-Container-Path-Stat: e30=\r\n\r\n",
                "HTTP/1.1 204 No Content\r\n\r\n",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
                OK,
            ] {
                peer.head().await;
                peer.send(answer).await;
            }
        })
        .await;
        let mut client = world.client().await;
        let head = "HEAD /containers/c/archive?path=/ HTTP/1.1\r\nHost: d\r\n\r\n";
        assert!(client.ask(head).await.contains("X-Docker-Container-Path-Stat: e30="));
        assert!(client.ask(GET).await.starts_with("HTTP/1.1 204"));
        assert!(client.ask(GET).await.starts_with("HTTP/1.1 304"));
        assert!(client.ask(GET).await.starts_with("HTTP/1.1 200"));
        assert_eq!(client.exactly(2).await, b"OK");
        assert_eq!(world.seen(), 1);
    });
}

#[test]
fn a_slow_reader_holds_the_engine_back() {
    run(async {
        let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = std::sync::Arc::clone(&sent);
        let world = World::new(move |mut peer: Peer| {
            let counter = std::sync::Arc::clone(&counter);
            async move {
                peer.head().await;
                peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n")).await;
                let piece = vec![b'x'; 64 << 10];
                for _ in 0..BIG / piece.len() {
                    peer.send(&piece).await;
                    counter.fetch_add(piece.len(), std::sync::atomic::Ordering::Relaxed);
                }
            }
        })
        .await;
        let mut client = world.client().await;
        client.ask(GET).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let ahead = sent.load(std::sync::atomic::Ordering::Relaxed);
        assert!(ahead < 2 << 20, "{ahead} bytes were taken for a client that reads none");
        let mut left = BIG;
        while left > 0 {
            let take = left.min(1 << 20);
            client.exactly(take).await;
            left -= take;
        }
    });
}
