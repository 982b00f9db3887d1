//! Sockets that were opened before this process served: by whoever started it (`sd_listen_fds(3)`), or by the Hostward that it
//! replaces.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use hostward_engine::address::Address;
use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketType};

use super::error::ListenError;
use super::given::{GivenSocket, Giver};
use crate::sys;

/// Open, listening sockets, each by the address that it listens on.
#[derive(Debug, Default)]
pub struct Inherited(Vec<GivenSocket>);

impl Inherited {
    /// Those that this process was started with, by the first call; none by any other. To be called first of all: they
    /// are told by their numbers alone, and a descriptor that was opened before may have one of these.
    ///
    /// # Errors
    /// For variables that are not as `sd_listen_fds(3)` says, where there are threads already, and where [`Inherited::new`]
    /// fails.
    pub fn of_process() -> io::Result<Self> {
        Self::new(sys::inherited_sockets()?)
    }

    /// Takes sockets, and finds out where they listen.
    ///
    /// # Errors
    /// For a descriptor that is no socket of a kind that can be served.
    pub fn new(sockets: impl IntoIterator<Item = OwnedFd>) -> io::Result<Self> {
        let named = |socket: OwnedFd| {
            let address = address(&socket)?;
            Ok(GivenSocket { address, socket, giver: Giver::Starter })
        };
        sockets.into_iter().map(named).collect::<io::Result<_>>().map(Self)
    }

    /// Where those listen that whoever started this process has opened.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.starters().map(|given| &given.address)
    }

    /// Those that whoever started this process has opened.
    pub(crate) fn starters(&self) -> impl Iterator<Item = &GivenSocket> {
        self.0.iter().filter(|given| given.giver == Giver::Starter)
    }

    /// Takes some more.
    pub(crate) fn extend(&mut self, sockets: Vec<GivenSocket>) {
        self.0.extend(sockets);
    }

    /// Closes what came from the Hostward before and is not served: nobody else would accept what comes there.
    pub(crate) fn keep_starters(&mut self) {
        self.0.retain(|given| given.giver == Giver::Starter);
    }

    /// The one that listens there. Whoever opened it keeps it open, and its file is not ours. It is kept here as well:
    /// settings that do not name it may be followed by some that do.
    pub(super) fn given(&self, address: &Address) -> Result<Option<GivenSocket>, ListenError> {
        let known = self.0.iter().find(|known| known.address == *address);
        let given = known.map(GivenSocket::try_clone).transpose();
        given.map_err(|error| ListenError::Io {
            address: address.clone(),
            action: "using the inherited socket",
            error,
        })
    }
}

fn address(socket: &OwnedFd) -> io::Result<Address> {
    let socket = socket.try_clone()?;
    let family = socket_domain(&socket)?;
    if socket_type(&socket)? != SocketType::STREAM || !socket_acceptconn(&socket)? {
        return Err(io::Error::other(
            "an inherited socket accepts no connections: it must be a stream socket that listens",
        ));
    }
    if family == AddressFamily::UNIX {
        let name = UnixListener::from(socket).local_addr()?;
        let path =
            name.as_pathname().ok_or_else(|| io::Error::other("an inherited unix socket has no path"))?;
        Ok(Address::Unix(path.to_owned()))
    } else {
        let name = TcpListener::from(socket).local_addr()?;
        Ok(Address::Tcp { host: name.ip().to_string(), port: name.port() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_found_by_where_it_listens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let unix = OwnedFd::from(UnixListener::bind(&path).unwrap());
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        let inherited = Inherited::new([unix, tcp.into()]).unwrap();
        assert_eq!(inherited.addresses().count(), 2);
        let given = |address| inherited.given(&address).unwrap();
        assert!(given(Address::Unix("/other".into())).is_none());
        // As often as it is asked for.
        assert!(given(Address::Unix(path.clone())).is_some() && given(Address::Unix(path)).is_some());
        assert!(given(Address::Tcp { host: "127.0.0.1".into(), port }).is_some());
        let no_listener = std::os::unix::net::UnixDatagram::bind(dir.path().join("d")).unwrap().into();
        let connected = std::os::unix::net::UnixStream::connect(dir.path().join("s")).unwrap().into();
        for unusable in [std::fs::File::open("/dev/null").unwrap().into(), no_listener, connected] {
            assert!(Inherited::new([unusable]).is_err());
        }
    }
}
