//! Attends to those who come to where this process is found: the one that is to replace it, and those that it has replaced.

use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use hostward_engine::address::Address;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::adopted::Adopted;
use super::meeting::Meeting;
use super::message::{Packet, PortsOf};
use super::packets::Channel;
use crate::listen::GivenSocket;

/// What they want of the service. An answer that is dropped ends the talk.
#[derive(Debug)]
pub(crate) enum HandoverRequest {
    /// To see what is served.
    Show(oneshot::Sender<Offer>),
    /// To serve these addresses instead, as they do already.
    Replace {
        /// The process.
        by: u32,
        serves: Vec<Address>,
        /// Told when nothing is accepted here any more.
        released: oneshot::Sender<()>,
    },
    /// To have a connection served here.
    Adopt(Adopted),
    /// To have the ports of a container kept here.
    Keep(PortsOf),
}

/// What is served.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) sockets: Vec<GivenSocket>,
    /// The socket at which they meet, and its file.
    pub(crate) meeting: (OwnedFd, PathBuf),
}

/// Where others come, and those who have come.
#[derive(Debug)]
pub(crate) struct Reception {
    meeting: Meeting,
    requests: mpsc::Receiver<HandoverRequest>,
    /// For those who come.
    sender: mpsc::Sender<HandoverRequest>,
    /// One at a time is shown what there is: of two that then served it, one would be replaced without knowing.
    asking: Arc<Semaphore>,
}

impl Reception {
    pub(crate) fn at(meeting: Meeting) -> Self {
        let (sender, requests) = mpsc::channel(1);
        Self { meeting, requests, sender, asking: Arc::new(Semaphore::new(1)) }
    }

    pub(crate) fn meeting(&self) -> &Meeting {
        &self.meeting
    }

    /// Leaves it to the process that serves from now on. Who is here is not attended any more, and asks that one.
    /// Gives where that one is found.
    pub(crate) fn leave(self) -> PathBuf {
        self.meeting.leave()
    }

    /// What the next one wants, where there is anywhere to come.
    pub(crate) async fn next_of(reception: &mut Option<Self>) -> HandoverRequest {
        match reception {
            Some(reception) => reception.next().await,
            None => std::future::pending().await,
        }
    }

    /// What the next one wants. Nothing is lost where this is dropped.
    async fn next(&mut self) -> HandoverRequest {
        loop {
            tokio::select! {
                channel = self.meeting.accept() => {
                    let attending = attend(channel, self.sender.clone(), Arc::clone(&self.asking));
                    tokio::spawn(async {
                        if let Err(error) = attending.await {
                            tracing::info!(%error, "a talk with another Hostward has ended");
                        }
                    });
                }
                Some(request) = self.requests.recv() => return request,
            }
        }
    }
}

/// Talks with one of them until it goes.
async fn attend(
    channel: Channel,
    service: mpsc::Sender<HandoverRequest>,
    asking: Arc<Semaphore>,
) -> io::Result<()> {
    let mut serves = Vec::new();
    // Those who wait for it are let in when this one goes; not when it has replaced the service, which attends nobody then.
    let mut turn = None;
    while let Some((message, with)) = channel.receive().await? {
        match (message, with) {
            (Packet::Ask, None) if turn.is_none() => {
                turn = Some(Arc::clone(&asking).acquire_owned().await.map_err(io::Error::other)?);
                let (answer, shown) = oneshot::channel();
                ask(&service, HandoverRequest::Show(answer)).await?;
                show(&channel, shown.await.map_err(io::Error::other)?).await?;
            }
            (Packet::Serves { address }, None) if turn.is_some() => {
                serves.push(Address::parse(&address).map_err(io::Error::other)?);
            }
            (Packet::Serving, None) if turn.is_some() => {
                let (released, is_released) = oneshot::channel();
                let (by, serves) = (channel.peer(), mem::take(&mut serves));
                ask(&service, HandoverRequest::Replace { by, serves, released }).await?;
                is_released.await.map_err(io::Error::other)?;
                channel.send(&Packet::Released, None).await?;
            }
            (Packet::Connection { address, accepted }, Some(socket)) => {
                let (taken, is_taken) = oneshot::channel();
                let address = Address::parse(&address).map_err(io::Error::other)?;
                let adopted = Adopted::new(address, socket, accepted, taken)?;
                ask(&service, HandoverRequest::Adopt(adopted)).await?;
                is_taken.await.map_err(io::Error::other)?;
                channel.send(&Packet::Taken, None).await?;
            }
            (Packet::Ports(ports), None) => {
                ask(&service, HandoverRequest::Keep(ports)).await?;
                channel.send(&Packet::Taken, None).await?;
            }
            (message, _) => return Err(io::Error::other(format!("it says {message:?} out of turn"))),
        }
    }
    Ok(())
}

async fn ask(service: &mpsc::Sender<HandoverRequest>, request: HandoverRequest) -> io::Result<()> {
    service.send(request).await.map_err(|_| io::Error::other("it does not serve any more"))
}

async fn show(channel: &Channel, shown: Offer) -> io::Result<()> {
    for GivenSocket { address, socket, giver } in shown.sockets {
        let message = Packet::Socket { address: address.to_string(), giver };
        channel.send(&message, Some(socket.as_fd())).await?;
    }
    let (socket, path) = shown.meeting;
    channel.send(&Packet::Meeting { path }, Some(socket.as_fd())).await?;
    channel.send(&Packet::Shown, None).await
}
