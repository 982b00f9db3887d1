//! The Hostward that this one replaces.

use std::io;
use std::path::Path;
use std::time::Duration;

use hostward_engine::address::Address;
use tokio::time::timeout;

use super::error::HandoverError;
use super::meeting::{Meeting, meet_all};
use super::message::Packet;
use super::packets::Channel;
use crate::listen::{GivenSocket, Giver};

/// How long the other one may take to show what it serves. It may be showing that to somebody else.
const PATIENCE: Duration = Duration::from_secs(5);

/// A Hostward that runs, and serves until it is told that this one does.
#[derive(Debug)]
pub struct Predecessor {
    channel: Channel,
    sockets: Vec<GivenSocket>,
    meeting: Meeting,
}

impl Predecessor {
    /// The Hostward that runs with this state directory, for the same user, and serves one of these addresses. Without any,
    /// the one that serves what a service manager has opened.
    ///
    /// # Errors
    /// Where there is more than one, or one does not show what it serves.
    pub async fn find(state: &Path, addresses: &[Address]) -> Result<Option<Self>, HandoverError> {
        let mut found: Option<(Address, Self)> = None;
        for channel in meet_all(state).map_err(HandoverError::Directory)? {
            let pid = channel.peer();
            let asked = timeout(PATIENCE, Self::ask(channel)).await;
            let asked = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            let one = asked.map_err(|error| HandoverError::Talk { pid, error })?;
            let is_meant = |given: &&GivenSocket| match addresses {
                [] => given.giver == Giver::Starter,
                addresses => addresses.contains(&given.address),
            };
            let Some(address) = one.sockets.iter().find(is_meant).map(|given| given.address.clone()) else {
                continue;
            };
            if let Some((other, _)) = found {
                return Err(HandoverError::Several(Box::new([other, address])));
            }
            found = Some((address, one));
        }
        Ok(found.map(|(_, one)| one))
    }

    async fn ask(channel: Channel) -> io::Result<Self> {
        channel.send(&Packet::Ask, None).await?;
        let (mut sockets, mut meeting) = (Vec::new(), None);
        loop {
            match channel.receive().await? {
                Some((Packet::Socket { address, giver }, Some(socket))) => {
                    let address = Address::parse(&address).map_err(io::Error::other)?;
                    sockets.push(GivenSocket { address, socket, giver });
                }
                Some((Packet::Meeting { path }, Some(socket))) => {
                    meeting = Some(Meeting::of(path, socket)?);
                }
                Some((Packet::Shown, None)) => break,
                Some((message, _)) => {
                    return Err(io::Error::other(format!("it says {message:?} out of turn")));
                }
                None => return Err(io::Error::other("it has closed the connection")),
            }
        }
        let meeting = meeting.ok_or_else(|| io::Error::other("it does not say where it is found"))?;
        Ok(Self { channel, sockets, meeting })
    }

    /// Where those of its sockets listen that a service manager has opened.
    pub fn inherited(&self) -> impl Iterator<Item = &Address> {
        self.sockets.iter().filter(|given| given.giver == Giver::Starter).map(|given| &given.address)
    }

    /// Its sockets, from which this one may accept by now.
    pub(crate) fn take_sockets(&mut self) -> Vec<GivenSocket> {
        std::mem::take(&mut self.sockets)
    }

    /// Tells it that these addresses are served here. From then on it finishes what runs, and this process is found where that
    /// was.
    ///
    /// # Errors
    /// Where it could not be told: it goes on serving.
    pub(crate) async fn replace(self, serves: &[Address]) -> Result<Meeting, HandoverError> {
        let Self { channel, meeting, .. } = self;
        let telling = async {
            for address in serves {
                channel.send(&Packet::Serves { address: address.to_string() }, None).await?;
            }
            channel.send(&Packet::Serving, None).await
        };
        telling.await.map_err(|error| HandoverError::Talk { pid: channel.peer(), error })?;
        match channel.receive().await {
            Ok(Some((Packet::Released, None))) => {}
            // Then it does not serve any more either.
            other => tracing::warn!(?other, "the Hostward before has ended instead of finishing what runs"),
        }
        Ok(meeting.own())
    }
}
