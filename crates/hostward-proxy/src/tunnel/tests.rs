//! One request and its answer, played by scripts of what either side sends, ends and takes.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use hostward::api::endpoint::Endpoint;

use super::*;
use crate::limits::Limits;
use crate::restore::Restore;
use crate::script::Script;
use crate::stage;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const UPGRADED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/// What happened by now: nothing that ends it, or its end.
type Now = Option<Result<Outcome, Cut>>;

/// A request that is with the engine already, from a client that means to send more.
fn request() -> Expected {
    let limits = Limits::default();
    let pools = stage::pools(&limits);
    Expected {
        head_only: false,
        hijacks: false,
        persistent: true,
        restore: Restore::default(),
        pools,
        limits,
    }
}

/// A request of a caller that reads answers in its own words.
fn inspect() -> Expected {
    Expected { restore: Restore::to(stage::guest(), Endpoint::ContainerInspect), ..request() }
}

/// Plays a story to the client and the engine. What `now` gives has come of it so far.
fn play(expected: &Expected, rest: Framing, story: impl FnOnce(&Script, &Script, &mut dyn FnMut() -> Now)) {
    let (client, engine) = (Script::default(), Script::default());
    let (mut near, mut far) = (Side::scripted(&client), Side::scripted(&engine));
    let mut tunnel = Tunnel::new(&mut near, &mut far, expected, rest, None, None);
    let mut running = pin!(tunnel.run());
    let mut now = || match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ended) => Some(ended),
        Poll::Pending => None,
    };
    story(&client, &engine, &mut now);
}

#[test]
fn an_answer_of_a_known_length_leaves_both_connections_for_the_next_request() {
    play(&request(), Framing::None, |client, engine, now| {
        assert_eq!(now(), None);
        engine.says("HTTP/1.1 200 OK\r\nContent-Le");
        assert_eq!(now(), None);
        assert_eq!(client.hears(), "");
        engine.says("ngth: 2\r\n\r\no");
        assert_eq!(now(), None);
        assert_eq!(client.hears(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
        engine.says("k");
        assert_eq!(now(), Some(Ok(Outcome::Next)));
        assert_eq!(client.hears(), "k");
        assert!(!client.is_told_the_end() && !engine.is_told_the_end());
    });
}

#[test]
fn a_pipelined_request_is_not_sent_before_its_turn() {
    play(&request(), Framing::None, |client, engine, now| {
        client.says("GET /next HTTP/1.1\r\n\r\n");
        assert_eq!(now(), None);
        engine.says(OK);
        assert_eq!(now(), Some(Ok(Outcome::Next)));
        assert_eq!((engine.hears().as_str(), client.hears().as_str()), ("", OK));
    });
}

#[test]
fn a_client_that_sends_no_more_before_the_head_still_gets_its_answer() {
    play(&request(), Framing::None, |client, engine, now| {
        client.ends();
        assert_eq!(now(), None);
        assert!(engine.is_told_the_end());
        engine.says(OK);
        assert_eq!(now(), Some(Ok(Outcome::Close)));
        assert_eq!(client.hears(), OK);
    });
}

#[test]
fn a_client_that_sends_no_more_after_the_head_is_no_end_of_a_stream_without_one() {
    play(&request(), Framing::None, |client, engine, now| {
        engine.says("HTTP/1.1 200 OK\r\n\r\nlog 1\n");
        assert_eq!(now(), None);
        client.ends();
        assert_eq!(now(), None);
        assert!(engine.is_told_the_end());
        engine.says("log 2\n");
        assert_eq!(now(), None);
        assert_eq!(client.hears(), "HTTP/1.1 200 OK\r\n\r\nlog 1\nlog 2\n");
        engine.ends();
        assert_eq!(now(), Some(Ok(Outcome::Close)));
        assert!(client.is_told_the_end());
    });
}

#[test]
fn a_client_that_has_gone_takes_the_engines_connection_with_it() {
    for before in ["", "HTTP/1.1 200 OK\r\n\r\nlog 1\n"] {
        play(&request(), Framing::None, |client, engine, now| {
            engine.says(before);
            assert_eq!(now(), None);
            client.goes();
            assert_eq!(now(), Some(Err(Cut)), "{before:?}");
            assert!(!engine.is_told_the_end());
        });
    }
}

#[test]
fn what_stands_behind_the_head_of_a_101_is_of_the_raw_stream_on_either_side() {
    play(&Expected { hijacks: true, ..request() }, Framing::None, |client, engine, now| {
        // Clients may talk before they know.
        client.says("early ");
        assert_eq!(now(), None);
        assert_eq!(engine.hears(), "");
        engine.says([UPGRADED, "$ "].concat());
        assert_eq!(now(), None);
        assert_eq!(client.hears(), [UPGRADED, "$ "].concat());
        assert_eq!(engine.hears(), "early ");
        client.says("late");
        assert_eq!(now(), None);
        assert_eq!(engine.hears(), "late");
        // `echo hi | docker exec -i`
        client.ends();
        assert_eq!(now(), None);
        assert!(engine.is_told_the_end());
        engine.says("done");
        engine.ends();
        assert_eq!(now(), Some(Ok(Outcome::Close)));
        assert_eq!(client.hears(), "done");
    });
}

#[test]
fn a_client_that_ended_before_a_101_is_not_heard_again() {
    play(&Expected { hijacks: true, ..request() }, Framing::None, |client, engine, now| {
        client.ends();
        assert_eq!(now(), None);
        engine.says([UPGRADED, "out"].concat());
        assert_eq!(now(), None);
        assert_eq!(client.hears(), [UPGRADED, "out"].concat());
        engine.ends();
        assert_eq!(now(), Some(Ok(Outcome::Close)));
    });
}

#[test]
fn a_101_that_nobody_asked_for_opens_no_way_past_judging() {
    play(&request(), Framing::None, |client, engine, now| {
        client.says("PRI * HTTP/2.0\r\n\r\n");
        engine.says([UPGRADED, "frames"].concat());
        assert_eq!(now(), Some(Ok(Outcome::BadAnswer(HeadError::Unasked))));
        assert_eq!((client.hears(), engine.hears()), (String::new(), String::new()));
    });
}

#[test]
fn a_200_without_a_length_is_a_raw_stream_where_that_was_asked_for_alone() {
    const RAW: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
    for (hijacks, arrives) in [(true, "typed"), (false, "")] {
        play(&Expected { hijacks, ..request() }, Framing::None, |client, engine, now| {
            engine.says(RAW);
            assert_eq!(now(), None);
            client.says("typed");
            assert_eq!(now(), None);
            assert_eq!(engine.hears(), arrives);
        });
    }
}

#[test]
fn heads_that_come_before_the_answer_are_passed_on_at_once() {
    play(&request(), Framing::Length(3), |client, engine, now| {
        engine.says("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(now(), None);
        assert_eq!(client.hears(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.says("abc");
        engine.says(["HTTP/1.1 103 Early Hints\r\n\r\n", OK].concat());
        assert_eq!(now(), Some(Ok(Outcome::Next)));
        assert_eq!(engine.hears(), "abc");
        assert_eq!(client.hears(), ["HTTP/1.1 103 Early Hints\r\n\r\n", OK].concat());
    });
}

#[test]
fn an_answer_may_come_while_the_body_is_still_coming() {
    play(&request(), Framing::Length(10), |client, engine, now| {
        client.says("0123");
        engine.says(OK);
        assert_eq!(now(), None);
        assert_eq!((engine.hears().as_str(), client.hears().as_str()), ("0123", OK));
        // What is behind the body is another request's.
        client.says("456789GET / ");
        assert_eq!(now(), Some(Ok(Outcome::Next)));
        assert_eq!(engine.hears(), "456789");
    });
}

#[test]
fn an_engine_that_answers_a_body_early_and_goes_has_answered_it() {
    play(&request(), Framing::Length(10), |client, engine, now| {
        client.says("0123");
        engine.says("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        engine.goes();
        assert_eq!(now(), Some(Ok(Outcome::Close)));
        assert!(client.hears().starts_with("HTTP/1.1 413 "));
    });
}

#[test]
fn a_body_whose_chunks_are_none_ends_both_connections() {
    let chunked = hostward_engine::http1::RequestHead::parse(
        b"POST / HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    play(&request(), chunked.unwrap().framing, |client, engine, now| {
        client.says("3\r\nabc\r\n");
        assert_eq!(now(), None);
        assert_eq!(engine.hears(), "3\r\nabc\r\n");
        client.says("no size\r\n");
        assert_eq!(now(), Some(Err(Cut)));
        assert_eq!(engine.hears(), "");
    });
}

#[test]
fn a_client_that_ends_in_the_middle_of_its_body_leaves_the_answer_to_the_engine() {
    play(&request(), Framing::Length(10), |client, engine, now| {
        client.says("0123");
        client.ends();
        assert_eq!(now(), None);
        assert!(engine.is_told_the_end());
        engine.says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(now(), Some(Ok(Outcome::Close)));
    });
}

#[test]
fn an_engine_that_ends_before_the_head_has_not_answered() {
    for said in ["", "HTTP/1.1 200 OK\r\nContent-"] {
        play(&request(), Framing::None, |client, engine, now| {
            engine.says(said);
            engine.goes();
            assert_eq!(now(), Some(Ok(Outcome::NoAnswer)), "{said:?}");
            assert_eq!(client.hears(), "");
        });
    }
}

#[test]
fn what_is_no_http_is_told_to_nobody() {
    play(&request(), Framing::None, |client, engine, now| {
        engine.says("SSH-2.0-OpenSSH\r\n\r\n");
        assert!(matches!(now(), Some(Ok(Outcome::BadAnswer(_)))));
        assert_eq!(client.hears(), "");
    });
}

#[test]
fn an_answer_that_is_cut_short_is_cut_short_to_the_client_too() {
    for head in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
        play(&request(), Framing::None, |client, engine, now| {
            engine.says(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n4\r\nhalf"));
            assert_eq!(now(), None);
            assert!(client.hears().ends_with("half"));
            engine.goes();
            assert_eq!(now(), Some(Err(Cut)), "{head}");
            // It must not look like a proper end.
            assert!(!client.is_told_the_end());
        });
    }
}

#[test]
fn an_engine_waits_for_a_client_that_does_not_read() {
    play(&request(), Framing::None, |client, engine, now| {
        client.takes(10);
        engine.says(OK);
        assert_eq!(now(), None);
        assert_eq!(client.hears(), OK[..10]);
        client.takes(usize::MAX);
        assert_eq!(now(), Some(Ok(Outcome::Next)));
        assert_eq!(client.hears(), OK[10..]);
    });
}

#[test]
fn a_client_waits_for_an_engine_that_does_not_read() {
    play(&request(), Framing::Length(6), |client, engine, now| {
        engine.takes(2);
        client.says("abc");
        assert_eq!(now(), None);
        client.says("def");
        assert_eq!(now(), None);
        assert_eq!(engine.hears(), "ab");
        engine.takes(usize::MAX);
        assert_eq!(now(), None);
        assert_eq!(engine.hears(), "cdef");
    });
}

#[test]
fn an_answer_that_cannot_be_restored_is_withheld_to_the_last_byte() {
    let most = Limits::default().answer_bytes;
    for (answer, why) in [
        ("Content-Length: 30\r\n\r\n{\"Mounts\":[".to_owned(), Withheld::CutShort),
        ("Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}".to_owned(), Withheld::Encoded),
        (format!("Content-Length: {}\r\n\r\n", most + 1), Withheld::TooLarge(most)),
        ("Content-Length: 4\r\n\r\nnope".to_owned(), Withheld::Unreadable),
    ] {
        play(&inspect(), Framing::None, |client, engine, now| {
            engine.says(format!("HTTP/1.1 200 OK\r\n{answer}"));
            engine.goes();
            assert_eq!(now(), Some(Ok(Outcome::Withheld(why.clone()))), "{why}");
            assert_eq!(client.hears(), "");
        });
    }
}

#[test]
fn an_answer_that_is_held_comes_whole() {
    play(&inspect(), Framing::None, |client, engine, now| {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"Mounts\":[]}";
        let (begin, end) = answer.split_at(50);
        engine.says(begin);
        assert_eq!(now(), None);
        assert_eq!(client.hears(), "");
        engine.says(end);
        assert_eq!(now(), Some(Ok(Outcome::Next)));
        assert_eq!(client.hears(), answer);
    });
}

#[test]
fn bytes_that_nobody_asked_for_end_the_engines_connection() {
    play(&request(), Framing::Length(4), |client, engine, now| {
        engine.says([OK, "HTTP/1.1 200 OK\r\n\r\n"].concat());
        assert_eq!(now(), None);
        client.says("abcd");
        // The last byte of the body is gone: the client is watched for its end until it closes.
        assert_eq!(now(), Some(Ok(Outcome::Close)));
        assert_eq!(client.hears(), OK);
    });
}

/// So much of a stream comes at a time, and so often that it goes through a pipe.
const MUCH: usize = 32 << 10;
const OFTEN: usize = 12;

#[test]
fn the_end_of_a_long_upload_comes_behind_what_waits_in_a_pipe() {
    play(&Expected { hijacks: true, ..request() }, Framing::None, |client, engine, now| {
        engine.says(UPGRADED);
        assert_eq!(now(), None);
        for _ in 0..OFTEN {
            client.says("x".repeat(MUCH));
            assert_eq!(now(), None);
        }
        assert!(client.is_spliced() > 0);
        assert_eq!(engine.hears().len(), OFTEN * MUCH);
        engine.takes(1);
        client.says("y".repeat(MUCH));
        client.ends();
        assert_eq!(now(), None);
        assert!(!engine.is_told_the_end());
        engine.takes(usize::MAX);
        assert_eq!(now(), None);
        assert_eq!(engine.hears().len(), MUCH);
        assert!(engine.is_told_the_end());
        engine.says("all of it came");
        engine.goes();
        assert_eq!(now(), Some(Ok(Outcome::Close)));
        assert_eq!(client.hears(), UPGRADED.to_owned() + "all of it came");
    });
}

#[test]
fn the_end_of_a_long_answer_comes_behind_what_waits_in_a_pipe() {
    play(&request(), Framing::None, |client, engine, now| {
        engine.says("HTTP/1.1 200 OK\r\n\r\n");
        for _ in 0..OFTEN {
            engine.says("x".repeat(MUCH));
            assert_eq!(now(), None);
        }
        assert!(engine.is_spliced() > 0);
        client.hears();
        client.takes(1);
        engine.says("y".repeat(MUCH));
        engine.ends();
        assert_eq!(now(), None);
        assert!(!client.is_told_the_end());
        client.takes(usize::MAX);
        assert_eq!(now(), Some(Ok(Outcome::Close)));
        assert_eq!(client.hears().len(), MUCH);
        assert!(client.is_told_the_end());
    });
}

#[test]
fn a_long_answer_that_is_cut_short_or_that_nobody_reads_ends_both_connections() {
    for cut_short in [true, false] {
        play(&request(), Framing::None, |client, engine, now| {
            engine.says("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n");
            for _ in 0..OFTEN {
                engine.says("x".repeat(MUCH));
                assert_eq!(now(), None);
            }
            assert!(engine.is_spliced() > 0);
            client.takes(usize::from(!cut_short));
            engine.says("y".repeat(MUCH));
            if cut_short {
                client.takes(usize::MAX);
                engine.ends();
            } else {
                assert_eq!(now(), None);
                client.goes();
            }
            assert_eq!(now(), Some(Err(Cut)));
        });
    }
}

#[test]
fn a_long_answer_leaves_both_connections_for_the_next_request() {
    play(&request(), Framing::None, |client, engine, now| {
        engine.says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..OFTEN {
            engine.says(format!("{MUCH:x}\r\n{}\r\n", "x".repeat(MUCH)));
            assert_eq!(now(), None);
        }
        assert!(engine.is_spliced() > 0);
        engine.says("0\r\n\r\n");
        assert_eq!(now(), Some(Ok(Outcome::Next)));
        assert!(client.hears().ends_with("xx\r\n0\r\n\r\n"));
    });
}
