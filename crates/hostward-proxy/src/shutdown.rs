//! When to end: once for "finish what runs", twice for "now".

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Tells [`serve`](crate::serve) to end.
#[derive(Debug)]
pub struct Shutdown(mpsc::UnboundedReceiver<()>);

/// The other end of a [`Shutdown`]. Dropping it asks for nothing.
#[derive(Debug, Clone)]
pub struct Trigger(mpsc::UnboundedSender<()>);

impl Shutdown {
    /// One that its [`Trigger`] pulls.
    pub fn by_hand() -> (Trigger, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Trigger(sender), Self(receiver))
    }

    /// One that SIGTERM and SIGINT pull. Needs a running tokio runtime.
    pub fn on_signals() -> std::io::Result<Self> {
        let (trigger, shutdown) = Self::by_hand();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                trigger.pull();
            }
        });
        Ok(shutdown)
    }

    /// Waits for the next pull.
    pub(crate) async fn pulled(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

impl Trigger {
    /// The first time: accept no more and finish what runs. The second time: end at once.
    pub fn pull(&self) {
        // Nobody listens any more where serving has ended.
        let _ = self.0.send(());
    }
}
