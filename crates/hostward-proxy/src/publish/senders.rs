//! Who sends datagrams to ports: each has a socket towards the container, by which it is known what is answered to it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::UdpSocket;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// The senders of all ports, as many as there may be.
#[derive(Debug, Clone)]
pub(super) struct Senders(Arc<Mutex<SenderTable>>);

#[derive(Debug)]
struct SenderTable {
    per_port: usize,
    most: usize,
    ports: HashMap<u64, HashMap<SocketAddr, Sender>>,
    /// The number of the next port.
    next: u64,
}

#[derive(Debug)]
struct Sender {
    server: Arc<UdpSocket>,
    /// Brings answers back.
    answers: AbortHandle,
    /// When something was last sent or answered.
    last: Instant,
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.answers.abort();
    }
}

/// Those of one port. Dropping it forgets them; what brings them answers has it by a `Weak` for that.
#[derive(Debug)]
pub(super) struct OfPort {
    senders: Senders,
    port: u64,
}

impl Drop for OfPort {
    fn drop(&mut self) {
        self.senders.table().ports.remove(&self.port);
    }
}

impl Senders {
    pub(super) fn new(per_port: usize, most: usize) -> Self {
        Self(Arc::new(Mutex::new(SenderTable { per_port, most, ports: HashMap::new(), next: 0 })))
    }

    /// A place for those of another port.
    pub(super) fn port(&self) -> Arc<OfPort> {
        let mut table = self.table();
        let port = table.next;
        table.next += 1;
        table.ports.insert(port, HashMap::new());
        Arc::new(OfPort { senders: self.clone(), port })
    }

    fn table(&self) -> MutexGuard<'_, SenderTable> {
        // Nothing in here leaves the table half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SenderTable {
    fn of(&mut self, port: u64) -> &mut HashMap<SocketAddr, Sender> {
        self.ports.entry(port).or_default()
    }

    /// Makes room for one more of a port.
    fn make_room(&mut self, port: u64) {
        while self.of(port).len() >= self.per_port {
            forget_oldest(self.of(port));
        }
        while self.ports.values().map(HashMap::len).sum::<usize>() >= self.most {
            let Some(greatest) = self.ports.values_mut().max_by_key(|of| of.len()) else { return };
            forget_oldest(greatest);
        }
    }
}

/// Forgets who has been silent for longest.
fn forget_oldest(of: &mut HashMap<SocketAddr, Sender>) {
    if let Some(oldest) = of.iter().min_by_key(|(_, sender)| sender.last).map(|(sender, _)| *sender) {
        of.remove(&oldest);
    }
}

impl OfPort {
    /// The socket of one that has just sent something.
    pub(super) fn find(&self, sender: SocketAddr) -> Option<Arc<UdpSocket>> {
        let mut table = self.senders.table();
        let known = table.of(self.port).get_mut(&sender)?;
        known.last = Instant::now();
        Some(Arc::clone(&known.server))
    }

    /// Takes one in, with its socket. `answer` starts what brings answers back, which ends when the sender is forgotten.
    pub(super) fn add(
        &self,
        sender: SocketAddr,
        server: Arc<UdpSocket>,
        answer: impl FnOnce() -> AbortHandle,
    ) {
        let mut table = self.senders.table();
        table.make_room(self.port);
        let last = Instant::now();
        table.of(self.port).insert(sender, Sender { server, answers: answer(), last });
    }

    /// Something was answered to one.
    pub(super) fn answered(&self, sender: SocketAddr) {
        if let Some(known) = self.senders.table().of(self.port).get_mut(&sender) {
            known.last = Instant::now();
        }
    }

    /// When one last sent or was answered something; none where that is another by now, with another socket.
    pub(super) fn last(&self, sender: SocketAddr, server: &Arc<UdpSocket>) -> Option<Instant> {
        let mut table = self.senders.table();
        let known = table.of(self.port).get(&sender)?;
        Arc::ptr_eq(&known.server, server).then_some(known.last)
    }

    /// Forgets one.
    pub(super) fn remove(&self, sender: SocketAddr) {
        self.senders.table().of(self.port).remove(&sender);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn add(port: &OfPort, number: u16) -> SocketAddr {
        let sender = SocketAddr::from(([127, 0, 0, 1], number));
        let server = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let answers = tokio::spawn(std::future::pending::<()>()).abort_handle();
        port.add(sender, server, || answers);
        sender
    }

    fn known(port: &OfPort) -> Vec<u16> {
        let mut table = port.senders.table();
        let mut known: Vec<_> = table.of(port.port).keys().map(SocketAddr::port).collect();
        known.sort_unstable();
        known
    }

    #[tokio::test]
    async fn who_has_been_silent_for_longest_makes_room() {
        let port = Senders::new(3, 100).port();
        let mut senders = Vec::new();
        for number in 1..=3 {
            senders.push(add(&port, number).await);
        }
        port.find(senders[0]).unwrap();
        port.answered(senders[1]);
        add(&port, 4).await;
        assert_eq!(known(&port), [1, 2, 4]);
        assert!(port.find(senders[2]).is_none());
        for number in 5..200 {
            add(&port, number).await;
        }
        assert_eq!(known(&port), [197, 198, 199]);
    }

    #[tokio::test]
    async fn a_port_of_many_senders_makes_room_for_one_of_few() {
        let senders = Senders::new(8, 10);
        let (many, few) = (senders.port(), senders.port());
        for number in 1..=2 {
            add(&few, number).await;
        }
        for number in 1..=20 {
            add(&many, number).await;
        }
        assert_eq!(known(&few), [1, 2]);
        for number in 3..=5 {
            add(&few, number).await;
        }
        assert_eq!((known(&few).len(), known(&many).len()), (5, 5));
    }

    #[tokio::test]
    async fn nothing_brings_answers_to_who_is_forgotten() {
        let senders = Senders::new(1, 10);
        let port = senders.port();
        let server = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let answers = tokio::spawn(std::future::pending::<()>());
        port.add(SocketAddr::from(([127, 0, 0, 1], 1)), Arc::clone(&server), || answers.abort_handle());
        add(&port, 2).await;
        assert!(answers.await.unwrap_err().is_cancelled());
        assert_eq!(Arc::strong_count(&server), 1);
        drop(port);
        assert!(senders.table().ports.is_empty());
    }
}
