//! A caller by its address in the engine's networks.
//!
//! An address alone can be forged by whoever may write raw packets in the same network, and passes to another container
//! when its own has ended. Where the container's processes can be seen from here, the kernel's list of its connections
//! must have this one; elsewhere the container must have been started before the connection was made.

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use hostward::cgroup::ContainerId;
use hostward::inspect::Container;
use hostward_engine::list::Listed;

use super::error::IdentifyError;
use super::guests::{Identify, first_process};
use super::process::Process;
use super::through::Through;
use crate::caller::Guest;
use crate::peer::{Accepted, Ends};

/// How much of the kernel's list is read at a time.
const PIECE: usize = 64 << 10;

impl Identify {
    /// The container that has the address at the other end of a connection.
    /// Its certificate has these names.
    pub(super) async fn address(
        &self,
        ends: Ends,
        accepted: Accepted,
        names: &[String],
    ) -> Result<Arc<Guest>, IdentifyError> {
        let (container, process) = self.at_address(ends, accepted).await?;
        self.guest(container, names, || Through::first(process)).await
    }

    /// The container whose address `remote` is, and a process of it where one can be seen.
    async fn at_address(
        &self,
        ends: Ends,
        accepted: Accepted,
    ) -> Result<(Arc<Container>, Option<Process>), IdentifyError> {
        // A socket for both kinds says IPv4 addresses in the words of IPv6.
        let canonical = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
        let ends = Ends { remote: canonical(ends.remote), local: canonical(ends.local) };
        let (remote, address) = (ends.remote, ends.remote.ip());
        let owner = self.containers.at(address, |running| owner(running, address)).await?;
        let container = self.containers.get(owner.as_str()).await?;
        let machine = self.vantage().await?.machine;
        let first = if machine.is_seen() { first_process(&container, machine) } else { None };
        let Some(first) = first else {
            self.was_there(accepted, &container).await?;
            return Ok((container, None));
        };
        // The list may be long.
        let asked = self
            .lookups
            .look_for_caller(move || Ok::<_, IdentifyError>((has_connection(&first, ends)?, first)))
            .await;
        match asked.map_err(IdentifyError::look)?? {
            (true, first) => Ok((container, Some(first))),
            (false, _) => Err(IdentifyError::NoConnection { remote, container: container.name.clone() }),
        }
    }
}

/// The one container that has an address.
fn owner(running: &[Listed], address: IpAddr) -> Result<ContainerId, IdentifyError> {
    let owner = running.iter().find(|one| one.addresses.contains(&address));
    let owner = owner.ok_or(IdentifyError::NoAddress(address))?;
    let others = running.iter().filter(|one| {
        one.id != owner.id && (one.addresses.contains(&address) || one.shares_network_of(&owner.id))
    });
    let mut names: Vec<_> = others.map(|one| one.name.clone()).collect();
    if names.is_empty() {
        return Ok(owner.id.clone());
    }
    names.push(owner.name.clone());
    names.sort_unstable();
    Err(IdentifyError::SharedAddress { address, names })
}

/// Whether the network of a process has this very connection, of which it is the remote end: `/proc/PID/net/tcp`,
/// `proc_pid_net(5)`.
fn has_connection(process: &Process, ends: Ends) -> Result<bool, IdentifyError> {
    // The other kind of socket speaks IPv4 too.
    let files: &[&str] = if ends.remote.is_ipv4() { &["net/tcp", "net/tcp6"] } else { &["net/tcp6"] };
    let has = files.iter().any(|file| {
        let text = process.open_text(file);
        text.is_ok_and(|text| lists(BufReader::with_capacity(PIECE, text), ends))
    });
    process.check()?;
    Ok(has)
}

/// Whether such a text has the connection, and it is not over.
fn lists(text: impl BufRead, ends: Ends) -> bool {
    text.lines().map_while(Result::ok).skip(1).any(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let own = fields.next().and_then(socket_address);
        let other = fields.next().and_then(socket_address);
        let is_it = own == Some(ends.remote) && other == Some(ends.local);
        is_it && !matches!(fields.next(), None | Some(TIME_WAIT | CLOSE | LISTEN))
    })
}

const TIME_WAIT: &str = "06";
const CLOSE: &str = "07";
const LISTEN: &str = "0A";

/// `0100007F:0050`: words of four bytes as the machine has them, then the port.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':').filter(|(address, _)| matches!(address.len(), 8 | 32))?;
    let words = address.as_bytes().chunks(8);
    let words =
        words.map(|word| u32::from_str_radix(str::from_utf8(word).ok()?, 16).ok().map(u32::to_ne_bytes));
    let bytes = words.collect::<Option<Vec<_>>>()?.concat();
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        _ => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_of_the_own_network_is_listed_while_it_lasts() {
        let process = Process::open(std::process::id()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (local, far) = (listener.local_addr().unwrap(), SocketAddr::from(([127, 0, 0, 1], 1)));
        let has = |remote, local| has_connection(&process, Ends { remote, local }).unwrap();
        // Whoever listens has no connection from there.
        assert!(!has(local, far));
        let client = TcpStream::connect(local).unwrap();
        let remote = client.local_addr().unwrap();
        assert!(has(remote, local) && !has(far, local));
        // From the same address, and to another one.
        assert!(!has(remote, far));
    }

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        if cfg!(target_endian = "little") {
            assert_eq!(socket_address("0100007F:0050"), Some("127.0.0.1:80".parse().unwrap()));
            let mapped = "0000000000000000FFFF0000020011AC:1F90";
            assert_eq!(socket_address(mapped), Some("172.17.0.2:8080".parse().unwrap()));
        }
        assert_eq!(socket_address("0100007F"), None);
        assert_eq!(socket_address("01:1"), None);
    }
}
