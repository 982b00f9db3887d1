//! The Hostward that has replaced this one, or one after it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::Duration;

use hostward_engine::address::Address;
use hostward_engine::stream::Stream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::meeting::meet;
use super::message::{Packet, PortsOf};
use super::packets::Channel;
use crate::peer::Accepted;

/// How long it may take for one connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// The Hostward that serves now.
#[derive(Debug)]
pub(crate) struct Successor {
    /// Where it is found. One that has replaced it is found there, too.
    path: PathBuf,
    /// To the one that was there last. Whoever has it waits until its connection was taken.
    channel: Mutex<Option<Channel>>,
}

impl Successor {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, channel: Mutex::default() }
    }

    /// Gives it a connection that waits for its next request and was accepted at `address`.
    ///
    /// # Errors
    /// Where it does not take that.
    pub(crate) async fn give(
        &self,
        address: &Address,
        stream: &Stream,
        accepted: Accepted,
    ) -> io::Result<()> {
        let message = Packet::Connection { address: address.to_string(), accepted };
        self.tell(&message, Some(stream.as_fd())).await
    }

    /// Has it keep the ports of a container.
    pub(crate) async fn keep(&self, ports: PortsOf) {
        let message = Packet::Ports(ports);
        if let Err(error) = self.tell(&message, None).await {
            tracing::warn!(?message, %error, "the published ports of a container are closed");
        }
    }

    async fn tell(&self, message: &Packet, with: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut channel = self.channel.lock().await;
        if let Some(open) = channel.take() {
            match tell(&open, message, with).await {
                // It has been replaced, and has not taken this.
                Err(error) if error.kind() != io::ErrorKind::TimedOut => {}
                told => {
                    *channel = Some(open);
                    return told;
                }
            }
        }
        let open = meet(&self.path)?;
        tell(&open, message, with).await?;
        *channel = Some(open);
        Ok(())
    }
}

async fn tell(channel: &Channel, message: &Packet, with: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let telling = async {
        channel.send(message, with).await?;
        match channel.receive().await? {
            Some((Packet::Taken, None)) => Ok(()),
            _ => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    };
    timeout(PATIENCE, telling).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
