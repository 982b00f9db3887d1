//! Answers to a container's requests, in its own words: of every framing, however they are cut, whole and line by line.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy does not see")]

mod stub;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use stub::{ANSWER, ID, INSPECT, OK, Peer, RESTORED, World, content_length, ok, post, run};

/// The answer in one of the three framings.
fn framed(kind: &str, body: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-A: b\r\n";
    let (first, second) = body.split_at(body.len().min(30));
    match kind {
        "length" => format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()),
        "chunks" => format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x};q\r\n{second}\r\n0\r\n\r\n",
            first.len(),
            second.len()
        ),
        _ => format!("{head}Connection: close\r\n\r\n{body}"),
    }
}

/// An engine whose every answer is sent in two pieces, cut one byte further each time.
async fn cutting(answer: String) -> World {
    let cut = Arc::new(Mutex::new(0));
    World::of_container("1.41", move |mut peer: Peer, head, _| {
        let (answer, cut) = (answer.clone(), Arc::clone(&cut));
        async move {
            assert!(!head.contains("gzip") && head.contains("Accept-Encoding: identity\r\n"), "{head}");
            let at = {
                let mut cut = cut.lock().unwrap();
                *cut += 1;
                *cut - 1
            };
            let (first, second) = answer.as_bytes().split_at(at);
            peer.send(first).await;
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            peer.send(second).await;
            if answer.contains("close") {
                peer.end().await;
            }
            peer
        }
    })
    .await
}

#[test]
fn an_answer_is_restored_whatever_its_framing_and_wherever_it_is_cut() {
    for kind in ["length", "chunks", "close"] {
        run(async {
            let answer = framed(kind, ANSWER);
            let world = cutting(answer.clone()).await;
            let mut client = world.client().await;
            for cut in 0..=answer.len() {
                if kind == "close" {
                    client = world.client().await;
                }
                let head = client.ask(INSPECT).await;
                assert!(head.contains(&format!("Content-Length: {}\r\n", RESTORED.len())), "{head}");
                assert!(head.contains("X-A: b\r\n") && !head.contains("chunked"), "{head}");
                let body = client.exactly(RESTORED.len()).await;
                assert_eq!(String::from_utf8(body).unwrap(), RESTORED, "{kind} cut at {cut}");
            }
        });
    }
}

#[test]
fn an_answer_without_a_path_comes_as_it_came() {
    for kind in ["length", "chunks"] {
        run(async {
            let answer = framed(kind, r#"{"Id":"x","Mounts":[{"Type":"bind","Source":"/elsewhere"}]}"#);
            let world = cutting(answer.clone()).await;
            let mut client = world.client().await;
            for _ in 0..10 {
                client.send(INSPECT).await;
                assert_eq!(String::from_utf8(client.exactly(answer.len()).await).unwrap(), answer);
            }
        });
    }
}

/// An engine that answers anything with this.
async fn answering(answer: &'static str) -> World {
    World::of_container("1.41", move |mut peer: Peer, _, _| async move {
        peer.send(answer).await;
        if answer.contains("close") || answer.contains("cut") {
            peer.end().await;
        }
        peer
    })
    .await
}

#[test]
fn answers_without_a_body_stay_as_they_are() {
    run(async {
        for answer in [
            "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ] {
            let world = answering(answer).await;
            let mut client = world.client().await;
            for _ in 0..2 {
                assert_eq!(client.ask(INSPECT).await, answer);
            }
        }
    });
}

#[test]
fn what_cannot_be_restored_is_not_passed_on() {
    for (answer, why) in [
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "compressed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n{", "longer than 24 MiB"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"Mounts\":[],\"mounts\":[{\"Source\":\"/srv/ws/deep\"}]}",
            "API",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n<html>/srv/ws/a>", "API"),
        ("HTTP/1.1 200 OK\r\nX: cut\r\nContent-Length: 50\r\n\r\n{\"Source\":\"/srv/ws/a\"", "in the middle"),
        ("HTTP/1.1 200 OK\r\nX: cut\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n/srv", "in the middle"),
    ] {
        run(async {
            let world = answering(answer).await;
            let mut client = world.client().await;
            for _ in 0..2 {
                let head = client.ask(INSPECT).await;
                let body = String::from_utf8(client.exactly(content_length(&head)).await).unwrap();
                assert!(head.starts_with("HTTP/1.1 502 ") && body.contains(why), "{head}{body}");
                assert!(!body.contains("/srv"), "{body}");
            }
        });
    }
}

#[test]
fn an_answer_of_chunks_without_an_end_is_given_up() {
    run(async {
        let world = World::of_container("1.41", async |mut peer: Peer, _, _| {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
            let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
            for _ in 0..70 {
                if tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &chunk).await.is_err() {
                    break;
                }
            }
            peer
        })
        .await;
        let mut client = world.client().await;
        let head = client.ask(INSPECT).await;
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    });
}

#[test]
fn errors_of_starts_and_restarts_name_the_callers_paths() {
    run(async {
        let message = r#"{"message":"error mounting \"/srv/ws/f\" to rootfs"}"#;
        let world = World::of_container("1.41", move |mut peer: Peer, _, _| async move {
            let length = message.len();
            peer.send(format!("HTTP/1.1 500 X\r\nContent-Length: {length}\r\n\r\n{message}")).await;
            peer
        })
        .await;
        let mut client = world.client().await;
        for target in ["/containers/x/start", "/v1.24/containers/x/restart?t=1"] {
            let head = client.ask(&post(target, "")).await;
            let body = String::from_utf8(client.exactly(content_length(&head)).await).unwrap();
            assert_eq!(body, message.replace("/srv/ws/f", "/ws/f"), "{target}");
        }
    });
}

#[test]
fn an_answer_to_a_host_process_is_never_held() {
    run(async {
        let world = World::new(async |mut peer: Peer| {
            let head = peer.head().await;
            assert!(head.contains("Accept-Encoding: gzip\r\n"), "{head}");
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"Mou").await;
            assert_eq!(peer.rest().await, b"", "the rest comes never");
        })
        .await;
        let mut client = world.client().await;
        client.ask(INSPECT).await;
        assert_eq!(client.exactly(5).await, b"{\"Mou");
    });
}

/// An event of a container that has what was asked written on it.
fn event(name: &str) -> String {
    let label = format!(r#"{{\"caller\":\"{ID}\",\"asked\":{{}}}}"#);
    format!(r#"{{"Action":"start","Actor":{{"Attributes":{{"hostward.asked":"{label}","name":"{name}"}}}}}}"#)
}

fn clean(name: &str) -> String {
    format!(r#"{{"Action":"start","Actor":{{"Attributes":{{"name":"{name}"}}}}}}"#)
}

const EVENTS: &str = "GET /v1.41/events HTTP/1.1\r\nHost: d\r\nX-Client: 1\r\n\r\n";

#[test]
fn events_are_restored_one_by_one_without_delay() {
    run(async {
        let (next, answers) = tokio::sync::mpsc::unbounded_channel::<String>();
        let answers = Arc::new(tokio::sync::Mutex::new(answers));
        let world = World::of_container("1.41", move |mut peer: Peer, _, _| {
            let answers = Arc::clone(&answers);
            async move {
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
                while let Some(piece) = answers.lock().await.recv().await {
                    peer.send(piece).await;
                }
                peer
            }
        })
        .await;
        let mut client = world.client().await;
        assert!(client.ask(EVENTS).await.contains("chunked"), "the head comes before any event");
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        // Whole, cut at every byte of its chunk, two at once, and one in two chunks.
        let one = format!("{}\n", event("a"));
        for cut in 0..chunk(&one).len() {
            let wire = chunk(&one);
            let (first, second) = wire.split_at(cut);
            next.send(first.to_owned()).unwrap();
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            next.send(second.to_owned()).unwrap();
            assert_eq!(client.until("\n\r\n").await, chunk(&format!("{}\n", clean("a"))), "cut at {cut}");
        }
        next.send(chunk(&format!("{}\n\u{1e}{}\n", event("b"), event("c")))).unwrap();
        assert_eq!(client.until("\n\r\n").await, chunk(&format!("{}\n\u{1e}{}\n", clean("b"), clean("c"))));
        let (first, second) = one.split_at(40);
        next.send(chunk(first)).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        next.send(format!("{}0\r\n\r\n", chunk(second))).unwrap();
        assert_eq!(
            client.until("0\r\n\r\n").await,
            format!("{}0\r\n\r\n", chunk(&format!("{}\n", clean("a"))))
        );
        drop(next);
        // The connection can take the next request.
        client.send(EVENTS).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    });
}

#[test]
fn events_until_the_end_are_restored_to_the_last() {
    run(async {
        let events = format!("{}\n{}", event("a"), event("b"));
        let answer = format!("HTTP/1.0 200 OK\r\nX: close\r\n\r\n{events}");
        let world = World::of_container("1.41", move |mut peer: Peer, _, _| {
            let answer = answer.clone();
            async move {
                peer.send(answer).await;
                peer.end().await;
                peer
            }
        })
        .await;
        let mut client = world.client().await;
        client.ask(EVENTS).await;
        assert_eq!(
            String::from_utf8(client.rest().await).unwrap(),
            format!("{}\n{}", clean("a"), clean("b"))
        );
    });
}

#[test]
fn a_list_and_a_volume_are_restored_and_other_answers_pass() {
    run(async {
        let world = World::of_container("1.41", async |mut peer: Peer, head, _| {
            let answer = match head.split(' ').nth(1).unwrap() {
                "/containers/json" => ok(&format!("[{ANSWER}]")),
                "/volumes/v" => ok(r#"{"Mountpoint":"/vols/v/_data"}"#),
                "/info" => ok(r#"{"DockerRootDir":"/srv/ws"}"#),
                _ => OK.to_owned(),
            };
            peer.send(answer).await;
            peer
        })
        .await;
        let mut client = world.client().await;
        for (target, expected) in [
            ("/containers/json", format!("[{RESTORED}]")),
            ("/volumes/v", r#"{"Mountpoint":"/v"}"#.to_owned()),
            ("/info", r#"{"DockerRootDir":"/srv/ws"}"#.to_owned()),
        ] {
            let head = client.ask(&format!("GET {target} HTTP/1.1\r\nHost: d\r\n\r\n")).await;
            let body = client.exactly(content_length(&head)).await;
            assert_eq!(String::from_utf8(body).unwrap(), expected, "{target}");
        }
    });
}
