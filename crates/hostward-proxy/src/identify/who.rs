//! Who is at the other end of a connection, by whatever its socket tells.

use std::sync::Arc;

use hostward::abilities::Abilities;
use hostward_engine::stream::Stream;
use hostward_sight::Sight;

use super::error::IdentifyError;
use super::guests::Identify;
use super::process::Process;
use crate::caller::{Caller, Guest, Who};
use crate::lookups::whose_looks;
use crate::metrics::METRICS;
use crate::peer::{Accepted, Peer};
use crate::settings::Callers;

impl Identify {
    /// Says who is at the other end of a connection.
    pub(crate) async fn identify(&self, client: &Stream, peer: &Peer, accepted: Accepted) -> Caller {
        let names = match peer {
            Peer::Certificate { names, .. } => &names[..],
            Peer::Process | Peer::Address(_) => &[],
        };
        let found = match (&self.callers, peer) {
            (Callers::One(selector), Peer::Process) => {
                let process = Process::of_peer(client, accepted).ok().flatten();
                self.one(selector, process, &[]).await.map(Some)
            }
            (Callers::One(selector), _) => self.one(selector, None, names).await.map(Some),
            (Callers::Relayed, _) => Err(IdentifyError::Relayed),
            (Callers::Each, Peer::Process) => self.process(client, accepted).await,
            (Callers::Each, Peer::Address(ends)) => self.address(*ends, accepted, &[]).await.map(Some),
            (Callers::Each, Peer::Certificate { callers, names, ends }) => {
                self.certified(callers, names, *ends, accepted).await.map(Some)
            }
        };
        let guest = match found {
            Ok(None) => return self.host().await,
            Ok(Some(guest)) => guest,
            Err(why) => {
                METRICS.unknown_callers.inc();
                let is_due = self.warned.is_due(whose_looks(), &why);
                let why = why.to_string();
                if is_due {
                    tracing::warn!(why, "unknown caller");
                } else {
                    tracing::debug!(why, "unknown caller");
                }
                let sight = Sight::of_maps(self.rules.maps.clone());
                let remote = self.containers.engine().socket().is_none();
                // What the engine is must be known of Podman, which reads some requests in its own way.
                let abilities = self.containers.abilities().await;
                let abilities = abilities.unwrap_or(Abilities::least().as_podman());
                let key = Arc::clone(&self.key);
                let shown = Arc::clone(&self.shown);
                let (who, contained) = (Who::Unknown { why, remote }, self.rules.contained);
                let profiles = self.profiles();
                let mandate = self.mandate_of_stranger(&profiles, names);
                Arc::new(Guest { who, sight, abilities, key, shown, contained, mandate, profiles })
            }
        };
        Caller::Guest(guest)
    }

    /// A process of the host. Only where a profile is about such there is more to say of it.
    async fn host(&self) -> Caller {
        let profiles = self.profiles();
        let mandate = self.mandate_of_host(&profiles);
        if mandate.is_free() {
            return Caller::Host;
        }
        let abilities = self.containers.abilities().await;
        let abilities = abilities.unwrap_or(Abilities::least().as_podman());
        let (key, shown) = (Arc::clone(&self.key), Arc::clone(&self.shown));
        let (who, sight, contained) = (Who::Host, Sight::of_host(), false);
        Caller::Guest(Arc::new(Guest { who, sight, abilities, key, shown, contained, mandate, profiles }))
    }
}
