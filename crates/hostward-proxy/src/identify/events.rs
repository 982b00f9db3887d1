//! Follows the engine's events, to know when what was heard of a container no longer holds.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use hostward_engine::address::Address;
use hostward_engine::connect::connect;
use hostward_engine::events::Event;
use hostward_engine::http1::{HeadEnd, ResponseHead};
use hostward_engine::stream::Stream;

use super::kept::Follower;

/// What changes a container's description, which addresses containers have, and what an image's name means. Docker and Podman have
/// different words for the latter. `{"type":["container","image","network"],"event":["connect","disconnect","die","destroy",
/// "rename","start","update","build","create","delete","import","load","loadfromarchive","pull","remove","tag","untag"]}`, escaped.
const FILTERS: &str = "%7B%22type%22%3A%5B%22container%22%2C%22image%22%2C%22network%22%5D%2C%22event%22%3A%5B\
                       %22connect%22%2C%22disconnect%22%2C%22die%22%2C%22destroy%22%2C\
                       %22rename%22%2C%22start%22%2C%22update%22%2C%22build%22%2C%22create%22%2C%22delete%22%2C\
                       %22import%22%2C%22load%22%2C%22loadfromarchive%22%2C%22pull%22%2C%22remove%22%2C%22tag%22%2C\
                       %22untag%22%5D%7D";
/// The engine answers before it listens to itself; asking for the last seconds too closes that gap.
const OVERLAP: u64 = 10;
/// No event is near this.
const MAX_EVENT: usize = 1 << 20;

/// Follows until the connection ends. Then nothing is kept any more, and the next look-up begins anew.
pub(super) async fn follow(engine: Address, follower: Follower) {
    if let Err(error) = try_follow(&engine, &follower).await {
        tracing::debug!(%engine, %error, "cannot follow the engine's events");
    }
}

async fn try_follow(engine: &Address, follower: &Follower) -> io::Result<()> {
    let stream = connect(engine).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let since = now.saturating_sub(OVERLAP);
    let request = format!(
        "GET /events?since={since}&filters={FILTERS} HTTP/1.1\r\nHost: docker\r\nUser-Agent: hostward/{}\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    stream.write_all(request.as_bytes()).await?;
    let (head, mut bytes) = read_head(&stream).await?;
    if head.status != 200 {
        return Err(io::Error::other(format!("it answered {}", head.status)));
    }
    follower.connected();
    let mut framing = head.framing(false);
    let (mut events, mut buffer) = (Vec::new(), vec![0; 4096]);
    loop {
        let step = framing.decode(&bytes, &mut events).map_err(io::Error::other)?;
        for event in complete(&mut events)? {
            tell(follower, &event);
        }
        if step.done {
            return Ok(());
        }
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        bytes.clear();
        bytes.extend_from_slice(&buffer[..n]);
    }
}

fn tell(follower: &Follower, event: &Event) {
    match (event.kind.as_str(), event.action.as_str()) {
        ("image", _) => follower.images_changed(),
        ("network", _) => follower.addresses_changed(),
        // Nothing was known of it before.
        ("container", "create") => {}
        _ => follower.changed(&event.actor.id),
    }
}

async fn read_head(stream: &Stream) -> io::Result<(ResponseHead, Vec<u8>)> {
    let (mut bytes, mut buffer, mut end) = (Vec::new(), vec![0; 4096], HeadEnd::default());
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..n]);
        if let Some(len) = end.find(&bytes).map_err(io::Error::other)? {
            let head = ResponseHead::parse(&bytes[..len]).map_err(io::Error::other)?;
            return Ok((head, bytes.split_off(len)));
        }
    }
}

/// Takes the events that are whole out of `bytes`.
fn complete(bytes: &mut Vec<u8>) -> io::Result<Vec<Event>> {
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter();
    let mut events = Vec::new();
    for event in &mut stream {
        match event {
            Ok(event) => events.push(event),
            Err(error) if error.is_eof() => break,
            Err(error) => return Err(error.into()),
        }
    }
    let used = stream.byte_offset();
    bytes.drain(..used);
    if bytes.len() > MAX_EVENT {
        return Err(io::Error::other("an event is too long"));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_as_soon_as_they_are_whole() {
        let mut bytes =
            b"{\"status\":\"die\",\"Actor\":{\"ID\":\"a\"}}\n{\"Actor\":{\"ID\":\"b\"}}\n{\"Act".to_vec();
        let ids: Vec<_> = complete(&mut bytes).unwrap().into_iter().map(|event| event.actor.id).collect();
        assert_eq!(ids, ["a", "b"]);
        bytes.extend_from_slice(b"or\":{\"ID\":\"c\"}}");
        assert_eq!(complete(&mut bytes).unwrap().len(), 1);
        assert!(complete(&mut bytes).unwrap().is_empty());
        assert!(complete(&mut b"HTTP".to_vec()).is_err());
    }
}
