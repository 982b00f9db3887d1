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
        "Content-Length: 5\r\nContent-Length: 05\r\n",
        "Content-Length: 5\r\nContent-Length: \r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 5;\r\n",
        "Content-Length: 5.0\r\n",
        "Content-Length: 1e1\r\n",
        "Content-Length: 1_0\r\n",
        "Content-Length: \u{a0}5\r\n",
        "Content-Length: ٥\r\n",
        "Content-Length: \"5\"\r\n",
        "Content-Length: 9223372036854775808\r\n",
        "Content-Length : 5\r\n",
        "Content-Length\t: 5\r\n",
        " Content-Length: 5\r\n",
        "Content-Length: 5\n\r\n",
        "Content-Length\r\n: 5\r\n",
        "Content-Length:\r\n 5\r\n",
        ": 5\r\n",
        "Content-Length\0: 5\r\n",
        "\u{212a}: 5\r\n",
        "Transfer-Encoding: \r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: ,chunked\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked\u{a0}\r\n",
        "Transfer-Encoding: \u{b}chunked\r\n",
        "Transfer-Encoding: chun\u{212a}ed\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "\tA: b\r\n",
        "A:b\r\r\n",
        "A\r: b\r\n",
        "A(b: c\r\n",
    ] {
        let text = format!("POST / HTTP/1.1\r\n{lines}\r\n");
        assert_eq!(request(&text).unwrap_err().status(), 400, "{lines:?}");
    }
    assert!(request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    assert!(request("POST  / HTTP/1.1\r\n\r\n").is_err());
    for line in [
        "POST /a b HTTP/1.1",
        "POST /a HTTP/1.1 ",
        "POST /a  HTTP/1.1",
        "POST\t/a HTTP/1.1",
        " POST /a HTTP/1.1",
        "POST /a\u{7f} HTTP/1.1",
        "POST /a\t HTTP/1.1",
        "PO(ST /a HTTP/1.1",
        "POST HTTP/1.1",
        "POST /a",
        "POST /a HTTP/1.2",
        "POST /a HTTP/1.10",
        "POST /a HTTP/01.1",
        "POST /a http/1.1",
        "POST /a HTTP/2.0",
        "PRI * HTTP/2.0",
        "PRI * HTTP/2",
    ] {
        assert!(request(&format!("{line}\r\n\r\n")).is_err(), "{line:?}");
    }
    assert_eq!(request("PRI * HTTP/2.0\r\n\r\n").unwrap_err().status(), 505);
    assert_eq!(request("GET / HTTP/3.0\r\n\r\n").unwrap_err().status(), 505);
}

#[test]
fn equal_lengths_and_many_headers_are_taken() {
    assert_eq!(
        request("POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n").unwrap().framing,
        Framing::Length(5)
    );
    for (lines, framing) in [
        ("Content-Length:\t 05 \t\r\n", Framing::Length(5)),
        ("CONTENT-LENGTH: 9223372036854775807\r\n", Framing::Length(i64::MAX as u64)),
        ("transfer-ENCODING:\tChunKED \r\n", Framing::Chunked(Chunked::default())),
        ("Content_Length: 5\r\nX-Transfer-Encoding: gzip\r\n", Framing::None),
    ] {
        assert_eq!(
            request(&format!("POST / HTTP/1.1\r\n{lines}\r\n")).unwrap().framing,
            framing,
            "{lines:?}"
        );
    }
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
fn an_answer_that_two_could_read_differently_is_none() {
    for lines in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "A: b\r\n folded\r\n",
        "A : b\r\n",
    ] {
        let parsed = ResponseHead::parse(format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes());
        assert!(parsed.is_err(), "{lines:?}: {parsed:?}");
    }
    for line in ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked", "HTTP/2 200", "HTTP/1.1 20", "ICY 200 OK"] {
        assert!(ResponseHead::parse(format!("{line}\r\n\r\n").as_bytes()).is_err(), "{line:?}");
    }
}

#[test]
fn an_upgrade_is_not_one_to_http2() {
    let upgrades = |lines: &str| request(&format!("GET / HTTP/1.1\r\n{lines}\r\n")).unwrap().upgrade;
    assert!(upgrades("Connection: Upgrade\r\nUpgrade: tcp\r\n"));
    assert!(upgrades("Connection: Upgrade\r\nUpgrade: h2c\r\n"), "BuildKit's");
    assert!(upgrades("Upgrade: websocket\r\n") && upgrades("Connection: upgrade\r\n"));
    assert!(!upgrades("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"));
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
    // Go passes over empty lines before the request that follows a POST.
    assert_eq!(find(b"\r\nGET / HTTP/1.1\r\n\r\n"), Ok(Some(2)));
    assert!(request("\r\n").is_err());
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
