//! Heads as clients and engines send them, and as they must not be.

use super::*;
use proptest::prelude::*;

fn request(text: &str) -> Result<RequestHead, HeadError> {
    RequestHead::parse(text.as_bytes())
}

#[test]
fn a_request_says_what_it_is() {
    let text = "POST /v1.43/containers/a/attach?x=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n\
                Upgrade: tcp\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let head = request(text).unwrap();
    assert_eq!(&text[head.method.clone()], "POST");
    assert_eq!(&text[head.target.clone()], "/v1.43/containers/a/attach?x=1");
    assert_eq!(head.framing, Framing::Length(5));
    assert!(head.persistent && head.upgrade && head.expects_continue);
}

#[test]
fn persistence_follows_version_and_header() {
    for (text, persistent) in [
        ("GET / HTTP/1.1\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nConnection: Keep-Alive, Close\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
    ] {
        assert_eq!(request(text).unwrap().persistent, persistent, "{text}");
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "A: b\r\n folded\r\n",
        "A: b\rc\r\n",
        "A: b\0c\r\n",
        "A b\r\n",
    ] {
        let text = format!("POST / HTTP/1.1\r\n{lines}\r\n");
        assert_eq!(request(&text).unwrap_err().status(), 400, "{lines:?}");
    }
    assert!(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    assert!(request("POST  / HTTP/1.1\r\n\r\n").is_err());
    assert!(request("POST /a b HTTP/1.1\r\n\r\n").is_err());
    assert_eq!(request("PRI * HTTP/2.0\r\n\r\n").unwrap_err().status(), 505);
    assert_eq!(request("GET / HTTP/3.0\r\n\r\n").unwrap_err().status(), 505);
}

#[test]
fn equal_lengths_and_many_headers_are_taken() {
    assert_eq!(
        request("POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n").unwrap().framing,
        Framing::Length(5)
    );
    let text = format!("GET / HTTP/1.1\r\n{}\r\n", "X-A: b\r\n".repeat(1000));
    assert_eq!(request(&text).unwrap().framing, Framing::None);
}

#[test]
fn answers_have_the_body_that_their_request_and_status_allow() {
    let parse = |text: &str| ResponseHead::parse(text.as_bytes()).unwrap();
    let ok = parse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
    assert_eq!((ok.framing(false), ok.framing(true)), (Framing::Length(3), Framing::None));
    assert_eq!(parse("HTTP/1.1 200 OK\r\n\r\n").framing(false), Framing::UntilClose);
    assert_eq!(parse("HTTP/1.1 304 \r\nContent-Length: 3\r\n\r\n").framing(false), Framing::None);
    assert_eq!(parse("HTTP/1.1 204 No Content\r\n\r\n").framing(false), Framing::None);
    assert!(parse("HTTP/1.1 100 Continue\r\n\r\n").is_interim());
    assert!(!parse("HTTP/1.1 101 UPGRADED\r\n\r\n").is_interim());
    assert!(!parse("HTTP/1.0 200 OK\r\n\r\n").persistent);
}

#[test]
fn what_is_asked_to_be_compressed_is_asked_as_it_is() {
    let asked = b"GET /accept-encoding:x HTTP/1.1\r\nHost: d\r\naccept-encoding: gzip, br\r\nB: 2\r\n\r\n";
    let plain = "GET /accept-encoding:x HTTP/1.1\r\nHost: d\r\nAccept-Encoding: identity\r\nB: 2\r\n\r\n";
    assert_eq!(String::from_utf8(asking_identity(asked)).unwrap(), plain);
    assert_eq!(asking_identity(b"GET / HTTP/1.1\r\n\r\n"), b"GET / HTTP/1.1\r\n\r\n");
    let parse = |text: &str| ResponseHead::parse(text.as_bytes()).unwrap().encoded;
    assert!(parse("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"));
    assert!(!parse("HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\n\r\n"));
}

#[test]
fn a_new_length_stands_where_the_old_framing_stood() {
    let check = |head: &str, expected: &str| {
        assert_eq!(String::from_utf8(with_length(head.as_bytes(), 7)).unwrap(), expected);
    };
    check(
        "POST /expect:1 HTTP/1.1\r\nA: 1\r\ncontent-length: 5\r\nB: 2\r\nExpect: 100-continue\r\n\r\n",
        "POST /expect:1 HTTP/1.1\r\nA: 1\r\nContent-Length: 7\r\nB: 2\r\n\r\n",
    );
    check(
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nB: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 7\r\nB: 2\r\n\r\n",
    );
    check("POST / HTTP/1.1\r\nA: 1\r\n\r\n", "POST / HTTP/1.1\r\nA: 1\r\nContent-Length: 7\r\n\r\n");
    check("A\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "A\r\nContent-Length: 7\r\n\r\n");
}

#[test]
fn heads_end_at_their_empty_line_alone() {
    let find = |bytes: &[u8]| HeadEnd::default().find(bytes);
    assert_eq!(find(b"GET / HTTP/1.1\r\n\r\nrest"), Ok(Some(18)));
    assert_eq!(find(b"GET / HTTP/1.1\r\n\r"), Ok(None));
    assert!(find(b"GET / HTTP/1.1\n\n").is_err());
    assert!(find(b"\n").is_err());
    assert!(find(b"\x16\x03\x01\x02").is_err(), "a TLS hello");
    assert_eq!(find(&vec![b'a'; MAX_HEAD + 1]), Err(HeadError::TooLarge));
}

proptest! {
    #[test]
    fn any_split_finds_the_same_end(
        lines in prop::collection::vec("[A-Za-z:/ ]{1,20}", 0..5),
        rest in "[a-z\r\n]{0,8}",
        step in 1_usize..7,
    ) {
        let bytes = format!("{}\r\n\r\n{rest}", lines.join("\r\n")).into_bytes();
        let whole = HeadEnd::default().find(&bytes);
        let mut end = HeadEnd::default();
        let mut found = Ok(None);
        for len in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
            found = end.find(&bytes[..len]);
            if found != Ok(None) {
                break;
            }
        }
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = RequestHead::parse(&bytes);
        let _ = ResponseHead::parse(&bytes);
        let _ = HeadEnd::default().find(&bytes);
    }
}
