//! The engine's side of a client's connection: one connection, dialled when first needed and again when lost.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hostward_engine::address::Address;
use hostward_engine::connect::connect;
use tokio::time::timeout;

use crate::outage::Outage;
use crate::refuse::Refused;
use crate::relay::Side;
use crate::restore::Withheld;

/// How long an engine may take to be connected to, over whatever network: as `ssh` has it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client connection's own connection to the engine.
#[derive(Debug)]
pub(crate) struct Upstream {
    address: Address,
    /// What the log has to hear of the engine.
    outage: Arc<Outage>,
    side: Option<Side>,
    /// Engines that are played by scripts, which are dialled one after the other.
    #[cfg(test)]
    pub(crate) scripted: std::collections::VecDeque<Side>,
}

impl Upstream {
    pub(crate) fn new(address: Address, outage: Arc<Outage>) -> Self {
        Self {
            address,
            outage,
            side: None,
            #[cfg(test)]
            scripted: std::collections::VecDeque::new(),
        }
    }

    /// Gives the open connection up.
    pub(crate) fn close(&mut self) {
        self.side = None;
    }

    /// A connection to send a request on, and whether it has served one before: such a one may have died unseen.
    pub(crate) async fn open(&mut self) -> Result<(&mut Side, bool), Refused> {
        let (side, reused) = match self.side.take().and_then(still_open) {
            Some(side) => (side, true),
            None => (self.dial().await?, false),
        };
        Ok((self.side.insert(side), reused))
    }

    async fn dial(&mut self) -> Result<Side, Refused> {
        #[cfg(test)]
        if let Some(side) = self.scripted.pop_front() {
            return Ok(side);
        }
        // In memory of its own: by TLS it takes much, and each request and stream would have that for as long as it lasts.
        match timeout(PATIENCE, Box::pin(connect(&self.address))).await {
            Ok(Ok(stream)) => {
                self.outage.answers(&self.address);
                Ok(Side::new(stream))
            }
            Ok(Err(error)) => Err(self.unreachable(&error)),
            Err(_) => Err(self.unreachable(&io::ErrorKind::TimedOut.into())),
        }
    }

    pub(crate) fn unreachable(&self, error: &io::Error) -> Refused {
        let address = &self.address;
        self.outage.failed(address, error);
        let remedy = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "let hostward's user open it (usually through the group `docker`)"
            }
            io::ErrorKind::NotFound => "start the engine, or give its address with --engine",
            _ => "check whether the engine runs; the next request tries again",
        };
        let why = format!("hostward cannot reach the engine at {address}: {error}; {remedy}");
        Refused::new(502, why).because("engine_unreachable")
    }

    /// The answer to a request that the engine left without one.
    pub(crate) fn lost(&self) -> Refused {
        let address = &self.address;
        self.outage.failed(address, &"it closed the connection");
        Refused::new(
            502,
            format!(
                "the engine at {address} closed the connection before it answered; check its log, and whether it \
                 still runs; the next request tries again"
            ),
        )
        .because("engine_lost")
    }

    /// The answer to a request that the engine answered with something else than HTTP.
    pub(crate) fn garbled(&self, error: &dyn std::error::Error) -> Refused {
        let address = &self.address;
        self.outage.failed(address, &error);
        let why = format!("the server at {address} is not a Docker engine: {error}; see --engine");
        Refused::new(502, why).because("engine_garbled")
    }

    /// The answer to a request that the engine answered in a way that cannot be restored.
    pub(crate) fn withheld(&self, why: &Withheld) -> Refused {
        let address = &self.address;
        Refused::new(
            502,
            format!(
                "hostward cannot restore the calling container's paths in the answer of the engine at {address}: \
                 {why}"
            ),
        )
        .because("answer_withheld")
    }
}

/// Between requests the engine has nothing to say: bytes and an end both mean that it is done with us.
fn still_open(mut side: Side) -> Option<Side> {
    let quiet = side.is_flushed()
        && side.held() == 0
        && side.read(|bytes| (bytes.len(), ())).is_none()
        && !side.ended();
    quiet.then_some(side)
}
