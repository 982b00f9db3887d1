//! A socket that is served, and its connections.

use std::sync::{Arc, Weak};

use hostward_engine::stream::Stream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::accept::accept;
use crate::exchange::{Connection, Parted, Shared};
use crate::handover::Adopted;
use crate::listen::Listener;
use crate::metrics::METRICS;
use crate::open::{Open, OpenOne};
use crate::peer::{Accepted, Peer};
use crate::phase::Phase;
use crate::pool::{Full, Lease, Tenant};
use crate::refuse::Refused;
use crate::settings::{Callers, On};
use crate::standing::Served;
use crate::tenant::tenant;

/// A socket that is served, by a task of its own. When this is dropped, nothing is accepted any more.
pub(crate) struct Door {
    pub(crate) on: On,
    /// By which new connections are served.
    shared: watch::Sender<Arc<Shared>>,
    phase: watch::Sender<Phase>,
    /// Takes connections that another Hostward has accepted.
    adopted: mpsc::UnboundedSender<Adopted>,
    /// Gone when nothing is accepted any more.
    listener: Weak<Listener>,
}

impl Door {
    /// Serves a socket, in one of these tasks.
    pub(crate) fn open(
        on: On,
        listener: Listener,
        shared: Arc<Shared>,
        open: Open,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let (shared, serve_by) = watch::channel(shared);
        let (phase, now) = watch::channel(Phase::Serving);
        let (adopted, adoptions) = mpsc::unbounded_channel();
        let listener = Arc::new(listener);
        let seen = Arc::downgrade(&listener);
        tasks.spawn(serve_door(listener, serve_by, now, adoptions, open));
        Self { on, shared, phase, adopted, listener: seen }
    }

    /// From now on new connections are served by this.
    pub(crate) fn change(self, on: On, shared: Arc<Shared>) -> Self {
        self.shared.send_replace(shared);
        Self { on, ..self }
    }

    /// From now on nothing is accepted, and this becomes of the connections.
    pub(crate) fn close(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Serves a connection that another Hostward has accepted.
    pub(crate) fn adopt(&self, adopted: Adopted) {
        // Whoever has it is told where it is not served.
        let _ = self.adopted.send(adopted);
    }

    pub(crate) fn listener(&self) -> Option<Arc<Listener>> {
        self.listener.upgrade()
    }

    pub(crate) fn served(&self, callers: Callers) -> Served {
        Served { on: self.on.clone(), callers, listener: Weak::clone(&self.listener) }
    }
}

async fn serve_door(
    listener: Arc<Listener>,
    serve_by: watch::Receiver<Arc<Shared>>,
    phase: watch::Receiver<Phase>,
    mut adoptions: mpsc::UnboundedReceiver<Adopted>,
    open: Open,
) {
    let mut connections = JoinSet::new();
    let mut end = phase.clone();
    loop {
        let (stream, peer, accepted) = tokio::select! {
            (stream, peer) = accept(&listener) => {
                let accepted = Accepted::of(&stream);
                (stream, peer, accepted)
            }
            Some(Adopted { stream, peer, accepted, served, .. }) = adoptions.recv() => {
                let _ = served.send(());
                (stream, peer, accepted)
            }
            Some(_) = connections.join_next() => continue,
            _ = end.wait_for(|phase| !phase.is_serving()) => break,
        };
        let shared = Arc::clone(&serve_by.borrow());
        let tenant = tenant(&stream, &peer);
        let lease = match shared.pools.connections.take(tenant.clone(), 1) {
            Ok(lease) => lease,
            Err(full) => {
                turn_away(&stream, &shared, full);
                continue;
            }
        };
        let counted = (open.one(), lease);
        // Not within another future, which would have room for this one twice.
        connections.spawn(serve_connection(stream, (peer, accepted), tenant, shared, phase.clone(), counted));
    }
    // From here on new clients are refused at once instead of waiting in vain, if no other process accepts them.
    drop((listener, adoptions));
    while connections.join_next().await.is_some() {}
}

/// Tells a client that there are too many. It gets as much of that as its socket takes at once.
fn turn_away(stream: &Stream, shared: &Shared, full: Full) {
    let refused = Refused::from(full);
    METRICS.refuses(refused.status, refused.reason);
    if shared.tls.is_none() {
        let _ = stream.try_write(&refused.answer(true, false));
    }
}

/// Serves a connection, which counts as one until it has ended.
async fn serve_connection(
    stream: Stream,
    (peer, accepted): (Peer, Accepted),
    tenant: Tenant,
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
    _counted: (OpenOne, Lease),
) {
    if let (Some(tls), Peer::Address(ends)) = (&shared.tls, &peer) {
        let end = phase.clone();
        // What was agreed on with the client is here alone: nobody else can go on with it.
        let serve = |stream, peer| async {
            let shared = Arc::clone(&shared);
            Connection::new(stream, peer, accepted, tenant, shared, phase).run().await;
        };
        // Not in the memory of those that speak no TLS.
        return Box::pin(tls.serve(stream, *ends, end, serve)).await;
    }
    let now = phase.clone();
    let mut connection = Connection::new(stream, peer, accepted, tenant, shared, phase);
    if connection.run().await == Parted::Waiting {
        let phase = now.borrow().clone();
        if let Phase::Replaced { by, address } = phase
            && let Err(error) = by.give(&address, connection.stream(), accepted).await
        {
            tracing::warn!(%address, %error, "a client's connection is closed: nobody else serves it");
        }
    }
}
