//! What a running proxy is told: new settings, or to end; once for "finish what runs", twice for "now".

use hostward_engine::address::Address;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

use crate::handover::HandoverError;
use crate::listen::ListenError;
use crate::settings::Settings;

/// Tells [`serve`](crate::serve) what to do while it serves.
#[derive(Debug)]
pub struct Control {
    orders: mpsc::UnboundedReceiver<Order>,
    /// The process that has replaced this one.
    replaced: watch::Sender<Option<u32>>,
}

/// The other end of a [`Control`]. Dropping it asks for nothing.
#[derive(Debug, Clone)]
pub struct Trigger {
    orders: mpsc::UnboundedSender<Order>,
    replaced: watch::Receiver<Option<u32>>,
}

#[derive(Debug)]
pub(crate) enum Order {
    /// Accept no more and finish what runs; the second time: end at once.
    End,
    /// Serve by these settings from now on, and say whether that can be.
    Reload(Box<Settings>, oneshot::Sender<Result<(), ServeError>>),
    /// Note that other settings were wanted and could not be had.
    Keep(String),
}

/// Why the proxy does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A socket cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A socket and the engine are the same.
    #[error(
        "{0} is both the socket to serve and the engine's socket; give the engine's own address with --engine"
    )]
    Loop(Address),
    /// Two sockets are the same.
    #[error("{0} is listed twice as a socket to serve")]
    Twice(Address),
    /// Two sockets are the same by other names, or one of them takes the other's place.
    #[error("{0} and {1} cannot both be served: one of them takes the other's place")]
    Overlap(Address, Box<Address>),
    /// A running Hostward could not be told that this one serves.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// The audit's file cannot be written.
    #[error("cannot write the audit to {file}: {error}")]
    Audit {
        /// The file.
        file: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// There is no thread to write the audit.
    #[error("cannot start a thread to write the audit: {0}")]
    AuditThread(std::io::Error),
    /// It does not serve any more.
    #[error("the proxy is shutting down")]
    Ended,
}

impl Control {
    /// One that its [`Trigger`] moves.
    pub fn by_hand() -> (Trigger, Self) {
        let (sender, orders) = mpsc::unbounded_channel();
        let (replaced, by) = watch::channel(None);
        (Trigger { orders: sender, replaced: by }, Self { orders, replaced })
    }

    /// One that SIGTERM and SIGINT end, and its [`Trigger`] too. Needs a running tokio runtime.
    pub fn on_signals() -> std::io::Result<(Trigger, Self)> {
        let (trigger, control) = Self::by_hand();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let signalled = trigger.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                signalled.end();
            }
        });
        Ok((trigger, control))
    }

    /// Says that another process serves by now.
    pub(crate) fn replaced(&self, by: u32) {
        self.replaced.send_replace(Some(by));
    }

    /// Waits for the next order.
    pub(crate) async fn next(&mut self) -> Order {
        match self.orders.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }
}

impl Trigger {
    /// The first time: accept no more and finish what runs. The second time: end at once.
    pub fn end(&self) {
        // Nobody listens any more where serving has ended.
        let _ = self.orders.send(Order::End);
    }

    /// Serves by other settings from now on: sockets that both have go on, connections too, by the settings that they
    /// began with. Nothing changes where a new socket cannot be had.
    ///
    /// # Errors
    /// Why the old settings stay.
    pub async fn reload(&self, settings: Settings) -> Result<(), ServeError> {
        let (done, outcome) = oneshot::channel();
        let sent = self.orders.send(Order::Reload(Box::new(settings), done));
        match outcome.await {
            Ok(outcome) if sent.is_ok() => outcome,
            _ => Err(ServeError::Ended),
        }
    }

    /// Waits until another Hostward serves instead, and gives its process. This one finishes what runs.
    pub async fn replaced(&mut self) -> u32 {
        match self.replaced.wait_for(Option::is_some).await.map(|by| *by) {
            Ok(Some(by)) => by,
            _ => std::future::pending().await,
        }
    }

    /// Has it said on the admin socket that other settings were wanted, and why there are none.
    pub fn keep(&self, why: impl Into<String>) {
        let _ = self.orders.send(Order::Keep(why.into()));
    }
}
