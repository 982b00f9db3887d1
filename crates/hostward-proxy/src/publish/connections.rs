//! Connections to a port.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hostward_engine::stream::Stream;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::bounds::{Met, Share, Taken};
use super::localhost::may_come;
use super::said::SaidOften;
use super::target::Target;
use crate::relay::{Side, wait};
use crate::sys;

/// How long nothing is accepted where it fails, as it does without a descriptor.
const PAUSE: Duration = Duration::from_millis(100);

/// Forwards them. They end with this. Where another process accepts them from now on, those that there are go on.
pub(super) async fn connections(
    listener: TcpListener,
    target: Target,
    guest: Option<IpAddr>,
    share: Arc<Share>,
) {
    let (mut full, mut lost) = (SaidOften::default(), SaidOften::default());
    let mut wait = |met: Met| {
        if full.is_due() {
            tracing::warn!(%met, "connections to a published port wait for others to end");
        }
    };
    let mut open = JoinSet::new();
    'accept: loop {
        let mut accepting = pin!(accept(&listener, &share, &mut wait));
        let accepted = loop {
            // Its turn among those that wait for room is not given up for this.
            tokio::select! {
                accepted = &mut accepting => break accepted,
                Some(_) = open.join_next() => {}
                () = share.left() => break 'accept,
            }
        };
        match accepted {
            Ok((_, from, _)) if !may_come(guest, from) => {}
            Ok((client, _, taken)) => {
                open.spawn(forward(client, target.clone(), taken));
            }
            Err(error) => {
                if lost.is_due() {
                    tracing::warn!(%error, "a connection to a published port is not accepted yet");
                }
                sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// Accepts the next one once there is room for it; it takes nothing of this process before.
async fn accept(
    listener: &TcpListener,
    share: &Share,
    wait: &mut impl FnMut(Met),
) -> io::Result<(TcpStream, SocketAddr, Taken)> {
    loop {
        sys::readable(listener).await?;
        let taken = share.connection(&mut *wait).await;
        match listener.accept() {
            Ok((client, from)) => {
                client.set_nonblocking(true)?;
                return Ok((TcpStream::from_std(client)?, from, taken));
            }
            // It has gone.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// What the container does not take is closed, as the engine's own proxy does.
async fn forward(client: TcpStream, target: Target, _taken: Taken) {
    let forwarded = async {
        let server = target.connect().await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        carry(Side::new(Stream::Tcp(client)), Side::new(Stream::Tcp(server))).await
    };
    if let Err(error) = forwarded.await {
        tracing::debug!(to = %target.address(), %error, "a connection to a published port ends");
    }
}

/// Moves what comes both ways, until both have ended or one has gone.
async fn carry(mut client: Side, mut server: Side) -> io::Result<()> {
    let (mut up, mut down) = (Direction::Open, Direction::Open);
    loop {
        up.advance(&mut client, &mut server)?;
        down.advance(&mut server, &mut client)?;
        if (up, down) == (Direction::Ended, Direction::Ended) {
            return Ok(());
        }
        // Nothing is read that could not be sent on.
        wait(&client, server.is_flushed(), Some((&server, client.is_flushed()))).await;
    }
}

/// One direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Open,
    /// The end of the one side has been carried to the other.
    Ended,
}

impl Direction {
    /// # Errors
    /// Where nothing can be sent any more, or who sends has gone rather than said that nothing more comes.
    fn advance(&mut self, from: &mut Side, to: &mut Side) -> io::Result<()> {
        to.flush()?;
        if *self == Self::Ended || !to.is_flushed() {
            return Ok(());
        }
        from.take(|bytes| (bytes.len(), to.send(bytes))).transpose()?;
        if from.ended() && to.is_flushed() {
            if from.gone() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            to.shutdown_write();
            *self = Self::Ended;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::bounds::{PortBounds, Room};
    use crate::publish::namespace::Namespace;
    use std::os::fd::AsFd;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Says something to a port and gives what comes back.
    async fn echo(stream: &mut TcpStream, said: &[u8]) -> Vec<u8> {
        stream.write_all(said).await.unwrap();
        let mut back = vec![0; said.len()];
        stream.read_exact(&mut back).await.unwrap();
        back
    }

    /// A server that says what it is told, a port that leads to it under these bounds, and its address.
    async fn port(bounds: PortBounds) -> (JoinSet<()>, SocketAddr) {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::within(Namespace::Own, server.local_addr().unwrap());
        let (port, address) = listener();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut echoing = JoinSet::new();
            while let Ok((mut client, _)) = server.accept().await {
                echoing.spawn(async move {
                    let (mut from, mut to) = client.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        let share = Arc::new(Room::of(bounds)).share("caller");
        tasks.spawn(connections(port, target, None, share));
        (tasks, address)
    }

    #[tokio::test]
    async fn more_connections_than_there_may_be_wait_for_others_to_end() {
        let (_tasks, address) = port(PortBounds { connections_per_caller: 2, ..PortBounds::default() }).await;
        let mut open = Vec::new();
        for _ in 0..2 {
            open.push(TcpStream::connect(address).await.unwrap());
            assert_eq!(echo(open.last_mut().unwrap(), b"hello").await, b"hello");
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(b"later").await.unwrap();
        // It stays unanswered, while those that are there go on.
        for _ in 0..20 {
            assert_eq!(echo(&mut open[0], b"again").await, b"again");
        }
        assert_eq!(third.try_read(&mut [0; 9]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        open.pop();
        let mut back = [0; 5];
        third.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"later");
    }

    #[tokio::test]
    async fn what_is_sent_before_an_end_arrives_whole_and_the_end_behind_it() {
        let (_tasks, address) = port(PortBounds::default()).await;
        let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
        let sent: Vec<u8> = (0..5_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
        let expected = sent.clone();
        let sending = tokio::spawn(async move {
            to.write_all(&sent).await.unwrap();
            to.shutdown().await.unwrap();
            to
        });
        let mut back = Vec::new();
        from.read_to_end(&mut back).await.unwrap();
        assert!(back == expected, "{} bytes of {}", back.len(), expected.len());
        sending.await.unwrap();
    }

    #[tokio::test]
    async fn who_has_gone_takes_the_connection_to_the_container_with_it() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::within(Namespace::Own, server.local_addr().unwrap());
        let (port, address) = listener();
        let share = Arc::new(Room::of(PortBounds::default())).share("caller");
        let _port = tokio::spawn(connections(port, target, None, share));
        let client = TcpStream::connect(address).await.unwrap();
        let (mut at_server, _) = server.accept().await.unwrap();
        // With unread bytes in it, closing it resets it.
        at_server.write_all(b"unread").await.unwrap();
        client.readable().await.unwrap();
        drop(client);
        assert_eq!(at_server.read(&mut [0; 9]).await.unwrap_or(0), 0);
        // It is closed, rather than half of it: who writes is told so.
        let written = async {
            while at_server.write_all(b"more").await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), written).await.unwrap();
    }

    #[tokio::test]
    async fn a_port_that_never_accepts_keeps_nobody_from_another() {
        let (stuck, stuck_at) = listener();
        rustix::net::listen(stuck.as_fd(), 0).unwrap();
        let (listener, address) = listener();
        let share = Arc::new(Room::of(PortBounds::default())).share("caller");
        let target = Target::within(Namespace::Own, stuck_at);
        let _stuck = tokio::spawn(connections(listener, target, None, share));
        let mut all = Vec::new();
        for _ in 0..400 {
            all.push(TcpStream::connect(address).await.unwrap());
        }
        let (_tasks, other) = port(PortBounds::default()).await;
        let mut client = TcpStream::connect(other).await.unwrap();
        assert_eq!(echo(&mut client, b"hello").await, b"hello");
    }
}
