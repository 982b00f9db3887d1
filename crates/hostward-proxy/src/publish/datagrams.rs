//! Datagrams to a port, and what is answered to each sender.
//!
//! All of them go through one buffer of the process: none is read before it can be sent on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::coop::consume_budget;
use tokio::time::{sleep, timeout_at};

use super::bounds::Share;
use super::localhost::may_come;
use super::said::SaidOften;
use super::senders::OfPort;
use super::target::Target;

/// How long a sender may be silent, and nothing be answered to it, until it is forgotten, as with the engine's own proxy.
const SILENCE: Duration = Duration::from_secs(90);

/// How long nothing is read where it fails.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest datagram.
const LONGEST: usize = 1 << 16;

/// Made when it is first needed.
static BUFFER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Forwards them.
pub(super) async fn datagrams(socket: UdpSocket, target: Target, guest: Option<IpAddr>, share: Arc<Share>) {
    let socket = Arc::new(socket);
    let senders = share.senders().port();
    let mut lost = SaidOften::default();
    loop {
        let Ok(sender) = socket.peek_sender().await else {
            sleep(PAUSE).await;
            continue;
        };
        let server = if may_come(guest, sender) {
            let server = server(&socket, &target, &senders, sender).await;
            let say = |error: &io::Error| {
                if lost.is_due() {
                    tracing::info!(to = %target.address(), %error, "datagrams to a published port are lost");
                }
            };
            server.inspect_err(say).ok()
        } else {
            None
        };
        pass(&socket, |datagram, from| {
            // Where there is no room, it is lost, as in any network; so is one that came instead of a broken one.
            if let Some(server) = server.filter(|_| from == sender) {
                let _ = server.try_send(datagram);
            }
        });
    }
}

/// Reads a datagram, if there is one, and gives it to `send`.
fn pass(socket: &UdpSocket, send: impl FnOnce(&[u8], SocketAddr)) {
    let mut buffer = BUFFER.lock().unwrap_or_else(PoisonError::into_inner);
    buffer.resize(LONGEST, 0);
    if let Ok((length, from)) = socket.try_recv_from(&mut buffer) {
        send(&buffer[..length], from);
    }
}

/// The socket of a sender.
async fn server(
    socket: &Arc<UdpSocket>,
    target: &Target,
    senders: &Arc<OfPort>,
    sender: SocketAddr,
) -> io::Result<Arc<UdpSocket>> {
    if let Some(known) = senders.find(sender) {
        return Ok(known);
    }
    let server = Arc::new(target.socket().await?);
    let answers = answers(Arc::clone(&server), Arc::clone(socket), Arc::downgrade(senders), sender);
    senders.add(sender, Arc::clone(&server), || tokio::spawn(answers).abort_handle());
    Ok(server)
}

/// Brings answers back, until nothing has been said for long.
async fn answers(server: Arc<UdpSocket>, socket: Arc<UdpSocket>, senders: Weak<OfPort>, sender: SocketAddr) {
    while let Some(last) = senders.upgrade().and_then(|senders| senders.last(sender, &server)) {
        let Ok(readable) = timeout_at(last + SILENCE, server.readable()).await else {
            let Some(senders) = senders.upgrade() else { return };
            if senders.last(sender, &server) == Some(last) {
                senders.remove(sender);
            }
            continue;
        };
        if readable.is_err() {
            return;
        }
        // An error is of a server that is not there yet.
        pass(&server, |answer, _| {
            let _ = socket.try_send_to(answer, sender);
        });
        if let Some(senders) = senders.upgrade() {
            senders.answered(sender);
        }
        consume_budget().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::bounds::{PortBounds, Room};
    use crate::publish::namespace::Namespace;
    use std::fs;
    use std::thread;
    use tokio::task::JoinSet;

    /// A server that says what it is told and to whom, and a port that leads to it under these bounds, with its address.
    async fn port(bounds: PortBounds) -> (JoinSet<()>, SocketAddr) {
        let (tasks, port, _) = port_to(bounds).await;
        (tasks, port)
    }

    /// The same with the server's address.
    async fn port_to(bounds: PortBounds) -> (JoinSet<()>, SocketAddr, SocketAddr) {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = server.local_addr().unwrap();
        let target = Target::within(Namespace::Own, to);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut buffer = vec![0; LONGEST];
            while let Ok((length, from)) = server.recv_from(&mut buffer).await {
                let _ = server.send_to(&buffer[..length], from).await;
            }
        });
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let share = Arc::new(Room::of(bounds)).share("caller");
        tasks.spawn(datagrams(socket, target, None, share));
        (tasks, address, to)
    }

    async fn client(port: SocketAddr) -> UdpSocket {
        let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        client.connect(port).await.unwrap();
        client
    }

    async fn echo(client: &UdpSocket, said: &[u8]) -> Vec<u8> {
        client.send(said).await.unwrap();
        let mut buffer = vec![0; LONGEST];
        let length = client.recv(&mut buffer).await.unwrap();
        buffer.truncate(length);
        buffer
    }

    #[tokio::test]
    async fn each_sender_gets_what_is_answered_to_it_and_the_longest_passes() {
        let (_tasks, port) = port(PortBounds::default()).await;
        let (one, other) = (client(port).await, client(port).await);
        for round in 0..3 {
            assert_eq!(
                echo(&one, format!("one {round}").as_bytes()).await,
                format!("one {round}").as_bytes()
            );
            assert_eq!(echo(&other, b"other").await, b"other");
        }
        assert_eq!(echo(&one, &vec![7; 65_507]).await.len(), 65_507);
        assert_eq!(echo(&one, b"").await, b"");
    }

    #[tokio::test]
    async fn senders_without_end_take_as_many_descriptors_as_there_may_be_and_each_is_answered() {
        let (mut tasks, port, to) =
            port_to(PortBounds { senders_per_port: 8, ..PortBounds::default() }).await;
        let to = format!(" 0100007F:{:04X} ", to.port());
        // Those that are connected to the server.
        let sockets = || fs::read_to_string("/proc/self/net/udp").unwrap().matches(&to).count() - 1;
        let first = client(port).await;
        assert_eq!(echo(&first, b"first").await, b"first");
        assert_eq!(sockets(), 1);
        for number in 0..2000_u32 {
            let client = client(port).await;
            assert_eq!(echo(&client, &number.to_ne_bytes()).await, number.to_ne_bytes());
            // Those that have just been forgotten go with the tasks that brought them answers.
            let now = sockets();
            assert!(now <= 2 * 8, "{now} sockets");
        }
        assert_eq!(echo(&first, b"again").await, b"again");
        tasks.shutdown().await;
    }

    #[tokio::test]
    async fn a_flood_of_senders_leaves_the_port_answering() {
        let (_tasks, port) = port(PortBounds { senders_per_port: 8, ..PortBounds::default() }).await;
        let flood = thread::spawn(move || {
            for _ in 0..5000 {
                let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
                let _ = client.send_to(b"flood", port);
            }
        });
        while !flood.is_finished() {
            tokio::task::yield_now().await;
        }
        let client = client(port).await;
        let answered = async {
            while timeout_at(tokio::time::Instant::now() + PAUSE, echo(&client, b"hello")).await.is_err() {}
        };
        tokio::time::timeout(Duration::from_secs(20), answered).await.unwrap();
    }
}
