//! Streams between two scripts: what goes through a pipe, and that all of it arrives where it belongs.

use hostward_engine::http1::Chunked;

use super::*;
use crate::pace::{MUCH, OFTEN};
use crate::script::Script;

const PIPES: u64 = 64;
const PIECE: usize = 32 << 10;

/// Two sides, and who plays them: the first has sent much for a while.
struct Stream {
    from: Script,
    to: Script,
    near: Side,
    far: Side,
}

impl Stream {
    fn new() -> Self {
        let (from, to) = (Script::default(), Script::default());
        let (mut near, far) = (Side::scripted(&from), Side::scripted(&to));
        near.speed_up();
        Self { from, to, near, far }
    }

    /// Moves until nothing moves any more, or the body has ended; gives the last that was said of that.
    fn carry(&mut self, framing: &mut Framing) -> Option<bool> {
        let mut last = None;
        while last != Some(true)
            && let Some(moved) = carry(&mut self.near, &mut self.far, framing, PIPES)
        {
            last = Some(moved.unwrap().unwrap());
        }
        last
    }
}

/// A text whose parts differ.
fn text(len: usize) -> String {
    (0..).flat_map(|n| format!("{n} ").into_bytes()).take(len).map(char::from).collect()
}

fn chunk(data: &str) -> String {
    format!("{:x};a=b\r\n{data}\r\n", data.len())
}

#[test]
fn only_a_side_that_goes_on_sending_much_is_worth_a_pipe() {
    let mut stream = Stream::new();
    stream.near.slow_down();
    let (mut framing, much) = (Framing::UntilClose, text(MUCH));
    for _ in 0..OFTEN {
        stream.from.says(&much);
        stream.carry(&mut framing);
    }
    assert_eq!(stream.from.is_spliced(), 0);
    stream.from.says(&much);
    stream.carry(&mut framing);
    assert_eq!(stream.from.is_spliced(), MUCH);
    // A keystroke, and then another one.
    stream.from.says("x");
    stream.carry(&mut framing);
    stream.from.says("y");
    stream.carry(&mut framing);
    assert_eq!(stream.from.is_spliced(), MUCH + 1);
    assert_eq!(stream.to.hears(), much.repeat(usize::from(OFTEN) + 1) + "xy");
}

#[test]
fn a_body_of_a_known_length_ends_where_it_says() {
    let mut stream = Stream::new();
    let body = text(3 * PIPE);
    stream.from.says(&body);
    stream.from.says("next");
    let mut framing = Framing::Length(body.len() as u64);
    assert_eq!(stream.carry(&mut framing), Some(true));
    assert_eq!((stream.from.is_spliced(), stream.to.hears()), (body.len(), body));
    assert_eq!(stream.near.read(|bytes| (bytes.len(), bytes.to_vec())), Some(b"next".to_vec()));
}

#[test]
fn chunks_go_together_and_end_where_they_say() {
    for sizes in [[PIECE; 9], [1; 9], [PIECE, 1, LOOK, MUCH, LOOK - 9, 5000, 2 * PIPE, 7, LOOK / 2]] {
        let mut stream = Stream::new();
        let chunks: String = sizes.iter().map(|size| chunk(&text(*size))).collect();
        let body = chunks + "0\r\nX-Sum: 1\r\n\r\n";
        stream.from.says(&body);
        stream.from.says("next");
        let mut framing = Framing::Chunked(Chunked::default());
        assert_eq!(stream.carry(&mut framing), Some(true));
        assert!(stream.from.is_spliced() > 0 && framing.is_done());
        assert_eq!(stream.to.hears(), body);
        assert_eq!(stream.near.read(|bytes| (bytes.len(), bytes.to_vec())), Some(b"next".to_vec()));
    }
}

#[test]
fn chunks_that_come_in_any_pieces_arrive_at_once() {
    for pieces in [1, 3, 5, LOOK, PIECE - 1, PIECE + 7] {
        let mut stream = Stream::new();
        let body = [PIECE, 3, PIECE].map(|size| chunk(&text(size))).concat() + "0\r\n\r\n";
        let mut framing = Framing::Chunked(Chunked::default());
        for piece in body.as_bytes().chunks(pieces) {
            stream.near.speed_up();
            stream.from.says(piece);
            stream.carry(&mut framing);
            assert_eq!(stream.to.hears().as_bytes(), piece);
        }
        assert!(framing.is_done() && stream.from.is_spliced() > 0);
    }
}

#[test]
fn a_chunk_that_does_not_end_where_it_says_goes_no_further() {
    let mut stream = Stream::new();
    stream.from.says(chunk(&text(PIECE)));
    stream.from.says(format!("{PIECE:x}\r\n{}x\r\n", text(PIECE)));
    let mut framing = Framing::Chunked(Chunked::default());
    assert_eq!(
        carry(&mut stream.near, &mut stream.far, &mut framing, PIPES).unwrap().unwrap().ok(),
        Some(false)
    );
    assert!(carry(&mut stream.near, &mut stream.far, &mut framing, PIPES).unwrap().is_err());
    assert!(stream.to.hears().ends_with(&text(PIECE)));
}

#[test]
fn what_is_not_taken_waits_in_the_pipe_before_what_comes_later() {
    let mut stream = Stream::new();
    let body = text(2 * PIECE);
    stream.to.takes(PIECE);
    stream.from.says(&body);
    stream.carry(&mut Framing::UntilClose);
    assert!(!stream.far.is_flushed());
    stream.far.send(b"later").unwrap();
    stream.from.says("and this stays there");
    assert!(stream.near.sends_bulk() && !stream.far.is_flushed());
    assert_eq!(stream.to.hears(), body[..PIECE]);
    stream.to.takes(10);
    stream.far.flush().unwrap();
    assert!(!stream.far.is_flushed());
    stream.to.takes(usize::MAX);
    stream.far.flush().unwrap();
    assert!(stream.far.is_flushed());
    assert_eq!(stream.to.hears(), body[PIECE..].to_owned() + "later");
}

#[test]
fn what_waits_for_a_peer_that_has_gone_is_never_seen_by_another() {
    for goes in [true, false] {
        let mut stream = Stream::new();
        stream.to.takes(0);
        stream.from.says("secret ".repeat(PIECE));
        stream.carry(&mut Framing::UntilClose);
        assert!(!stream.far.is_flushed());
        if goes {
            stream.to.goes();
            assert!(stream.far.flush().is_err());
        }
        drop(stream);
        let mut other = Stream::new();
        let body = text(PIECE);
        other.from.says(&body);
        other.carry(&mut Framing::UntilClose);
        assert_eq!((other.from.is_spliced(), other.to.hears()), (body.len(), body));
    }
}

#[test]
fn a_stream_for_which_there_is_no_pipe_is_copied() {
    let mut stream = Stream::new();
    let body = text(PIECE);
    stream.from.says(&body);
    // One that another test has kept on this thread would be taken.
    while EmptyPipe::take(0).is_some() {}
    let moved = carry(&mut stream.near, &mut stream.far, &mut Framing::UntilClose, 0);
    assert!(matches!(moved, Some(Ok(Ok(false)))));
    assert_eq!((stream.from.is_spliced(), stream.to.hears()), (0, body));
}

#[test]
fn a_socket_that_cannot_be_spliced_to_gets_a_copy() {
    let mut stream = Stream::new();
    let body = text(2 * PIECE);
    stream.from.says(&body);
    stream.to.takes(PIECE);
    stream.carry(&mut Framing::UntilClose);
    let Some(piped) = stream.far.take_piped() else { panic!("nothing waits") };
    assert_eq!(piped.held(), PIECE);
    assert_eq!(piped.into_memory().unwrap(), body.as_bytes()[PIECE..]);
}

#[tokio::test]
async fn sockets_of_either_kind_are_spliced() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let (near, far) = tokio::net::UnixStream::pair().unwrap();
    // peer | from – to | peer
    let (sender, mut from) = (client, Side::new(server.into()));
    let (mut to, reader) = (Side::new(near.into()), far);
    from.speed_up();
    let body = text(8 * PIPE);
    let sent = body.clone();
    let sending = tokio::spawn(async move {
        let mut sender = sender;
        tokio::io::AsyncWriteExt::write_all(&mut sender, sent.as_bytes()).await.unwrap();
    });
    let reading = tokio::spawn(async move {
        let (mut reader, mut bytes) = (reader, Vec::new());
        tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut bytes).await.unwrap();
        bytes
    });
    let mut spliced = 0;
    while !from.ended() {
        to.flush().unwrap();
        // So that no short read makes it less than bulk.
        from.speed_up();
        if to.is_flushed() {
            match splice(&mut from, &mut to, &mut Framing::UntilClose, PIPES) {
                Some(moved) => spliced += usize::from(moved.is_ok()),
                None => {
                    from.take(|bytes| (bytes.len(), to.send(bytes).unwrap()));
                }
            }
        }
        if !from.ended() {
            crate::relay::wait(&from, to.is_flushed(), Some((&to, false))).await;
        }
    }
    to.flush_all().await.unwrap();
    to.shutdown_write();
    sending.await.unwrap();
    assert_eq!(reading.await.unwrap(), body.as_bytes());
    assert!(spliced > 4);
}
