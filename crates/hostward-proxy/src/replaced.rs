//! A service that takes over from another Hostward, and is taken over from.

use std::io;
use std::sync::Arc;

use hostward_engine::address::Address;

use crate::handover::{
    HandoverError, HandoverRequest, Meeting, Offer, PortsOf, Predecessor, Reception, Successor,
};
use crate::phase::Phase;
use crate::serve::Service;

impl Service {
    /// Serves instead of the Hostward before. Gives where that was found.
    pub(crate) async fn replace(
        &mut self,
        predecessor: Option<Predecessor>,
    ) -> Result<Option<Meeting>, HandoverError> {
        let Some(predecessor) = predecessor else { return Ok(None) };
        let serves: Vec<_> = self.listeners().map(|(address, _)| address).collect();
        let meeting = predecessor.replace(&serves).await?;
        self.inherited.keep_starters();
        self.listeners().for_each(|(_, listener)| listener.is_served_here(true));
        Ok(Some(meeting))
    }

    /// Does what another Hostward wants. Gives the process that has replaced this one.
    pub(crate) fn attend(&mut self, request: HandoverRequest) -> Option<u32> {
        match request {
            HandoverRequest::Show(answer) => {
                match self.shown() {
                    // Whoever asked may have gone.
                    Ok(shown) => drop(answer.send(shown)),
                    Err(error) => tracing::warn!(%error, "cannot hand the sockets over"),
                }
                None
            }
            HandoverRequest::Adopt(adopted) => {
                let mut doors = self.doors.iter();
                if let Some(door) = doors.find(|door| door.on.address() == adopted.address) {
                    door.adopt(adopted);
                }
                None
            }
            HandoverRequest::Keep(PortsOf { container, caller, by }) => {
                if let Some((publisher, identify)) = self.publishing.clone() {
                    tokio::spawn(async move {
                        let resumed = publisher.resume(&identify, &container, &caller, by).await;
                        let _ = resumed
                            .inspect_err(|why| tracing::warn!(container, %why, "its ports are unknown"));
                    });
                }
                None
            }
            HandoverRequest::Replace { by, serves, released } => {
                self.leave(&serves);
                tracing::info!(
                    by,
                    connections = self.connections.count(),
                    "replaced, and finishing what runs"
                );
                // Whoever it was may have gone; its sockets, and what came to them, with it.
                let _ = released.send(());
                Some(by)
            }
        }
    }

    /// What another Hostward is to serve.
    fn shown(&self) -> io::Result<Offer> {
        let Some(reception) = &self.reception else { return Err(io::ErrorKind::NotConnected.into()) };
        let starters: Vec<_> = self.inherited.starters().collect();
        let given =
            self.listeners().filter(|(address, _)| starters.iter().all(|one| one.address != *address));
        let given = given.map(|(address, listener)| listener.give(address));
        let sockets = starters.iter().map(|one| one.try_clone()).chain(given).collect::<Result<_, _>>()?;
        let meeting = reception.meeting();
        Ok(Offer { sockets, meeting: (meeting.socket()?, meeting.path().to_owned()) })
    }

    /// Accepts nothing more. What is served by another process goes on there.
    fn leave(&mut self, serves: &[Address]) {
        self.standing.drains();
        let path = self.reception.take().map(Reception::leave).unwrap_or_default();
        let by = Arc::new(Successor::at(path));
        for (address, listener) in self.listeners() {
            listener.is_served_here(!serves.contains(&address));
        }
        for door in &self.doors {
            let address = door.on.address();
            let is_served = serves.contains(&address);
            door.close(if is_served {
                Phase::Replaced { by: Arc::clone(&by), address }
            } else {
                Phase::Draining
            });
        }
        self.admin = None;
        self.reopening.abort_all();
        // What requests here hold is unknown there, and the other way round.
        self.sweepers.clear();
        (self.pin_sweeper, self.volume_sweeper) = (None, None);
        self.publisher.leave(&by);
    }
}
