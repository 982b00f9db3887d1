//! A caller by an address that no container has is looked for once, and anew when the engine's containers or networks change.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy does not see")]

mod stub;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hostward_proxy::{Callers, Inherited, Listen, On, Settings};
use stub::{Peer, World, ok, post, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// An engine without containers: how often it was asked for them, and when it tells of a change.
#[derive(Default)]
struct Engine {
    lists: AtomicUsize,
    changes: Notify,
}

async fn engine(mut peer: Peer, engine: Arc<Engine>) {
    loop {
        let head = peer.head().await;
        let Some(line) = head.split("\r\n").next().filter(|line| !line.is_empty()) else { return };
        if line.starts_with("GET /events?") {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            loop {
                engine.changes.notified().await;
                let event = r#"{"Type":"network","Action":"connect","Actor":{"ID":"n","Attributes":{}}}"#;
                peer.send(format!("{:x}\r\n{event}\n\r\n", event.len() + 1)).await;
            }
        }
        if line.starts_with("GET /containers/json") {
            engine.lists.fetch_add(1, Ordering::Relaxed);
        }
        let answer = match line {
            line if line.starts_with("GET /containers/json") => ok("[]"),
            line if line.starts_with("GET /version") => ok(r#"{"Version":"x","ApiVersion":"1.51"}"#),
            _ => ok("{}"),
        };
        peer.send(answer).await;
    }
}

/// Asks for a mount, as somebody whom nobody knows.
async fn is_refused(address: SocketAddr) {
    let body = r#"{"HostConfig":{"Binds":["/app:/app"]}}"#;
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(post("/v1.41/containers/create", body).as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(str::from_utf8(&answer).unwrap(), "HTTP/1.1 403");
}

#[test]
fn an_address_of_nobody_is_looked_for_once_and_anew_after_a_change() {
    run(async {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let set = |settings: &mut Settings| {
            settings.listen.push(Listen { on: On::Tcp(free), callers: Callers::Each });
            Inherited::default()
        };
        let told = Arc::<Engine>::default();
        let serving = Arc::clone(&told);
        let _world = World::set_up(set, move |peer| engine(peer, Arc::clone(&serving))).await;
        is_refused(free).await;
        let looked = told.lists.load(Ordering::Relaxed);
        assert!(looked > 0);
        for _ in 0..3 {
            is_refused(free).await;
        }
        assert_eq!(told.lists.load(Ordering::Relaxed), looked, "it was looked for again");
        told.changes.notify_one();
        // Until that was heard.
        while told.lists.load(Ordering::Relaxed) == looked {
            is_refused(free).await;
        }
    });
}
