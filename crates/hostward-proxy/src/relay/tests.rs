//! A side that is played by a script: what is read too early, and what is not taken yet.

use super::*;

fn side() -> (Script, Side) {
    let script = Script::default();
    let side = Side::scripted(&script);
    (script, side)
}

/// Reads all that is there.
fn all(bytes: &[u8]) -> (usize, String) {
    (bytes.len(), String::from_utf8(bytes.to_vec()).unwrap())
}

#[test]
fn what_is_not_used_is_there_again_with_what_comes_behind_it() {
    let (peer, mut side) = side();
    assert_eq!(side.read(all), None);
    peer.says("one");
    assert_eq!(side.read(|bytes| (1, bytes.to_vec())), Some(b"one".to_vec()));
    assert_eq!(side.held(), 2);
    peer.says("two");
    assert_eq!(side.take(all).unwrap(), "ne");
    assert_eq!(side.take(all).unwrap(), "two");
    side.put_back(b"again");
    peer.says(" and more");
    assert_eq!(side.read(all).unwrap(), "again and more");
    assert_eq!(side.held(), 0);
}

#[test]
fn the_end_is_seen_behind_the_last_byte_and_not_before() {
    let (peer, mut side) = side();
    peer.says("last");
    peer.ends();
    assert!(!side.ended());
    assert_eq!(side.read(all).unwrap(), "last");
    assert!(!side.ended());
    assert_eq!(side.read(all), None);
    assert!(side.ended() && !side.gone());
    peer.goes();
    assert!(side.gone());
}

#[test]
fn what_is_not_taken_leaves_in_its_order() {
    let (peer, mut side) = side();
    peer.takes(4);
    side.send(b"first").unwrap();
    side.send(b" second").unwrap();
    assert!(!side.is_flushed());
    assert_eq!(peer.hears(), "firs");
    peer.takes(5);
    side.flush().unwrap();
    assert_eq!(side.send_all(b" third".to_vec()), Ok(()));
    assert_eq!(peer.hears(), "t sec");
    peer.takes(usize::MAX);
    side.flush().unwrap();
    assert!(side.is_flushed());
    assert_eq!(peer.hears(), "ond third");
}

#[test]
fn a_peer_that_has_gone_takes_nothing_and_gives_it_back() {
    let (peer, mut side) = side();
    peer.goes();
    assert!(side.send(b"x").is_err());
    assert_eq!(side.send_all(b"request".to_vec()), Err(b"request".to_vec()));
}

#[tokio::test]
async fn whoever_waits_wakes_when_the_peer_speaks_takes_or_goes() {
    let acts: [fn(&Script); 3] = [|peer| peer.says("x"), |peer| peer.takes(9), Script::goes];
    for act in acts {
        let (peer, mut side) = side();
        peer.takes(0);
        side.send(b"held back").unwrap();
        let acting = peer.clone();
        let ((), ()) = tokio::join!(wait(&side, true, None), async move {
            tokio::task::yield_now().await;
            act(&acting);
        });
    }
}
