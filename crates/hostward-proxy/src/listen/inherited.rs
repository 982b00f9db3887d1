//! Sockets that whoever started this process has opened before (`sd_listen_fds(3)`).

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use hostward_engine::address::Address;
use rustix::net::AddressFamily;
use rustix::net::sockopt::socket_domain;

/// Open, listening sockets, each by the address that it listens on.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(Address, OwnedFd)>);

impl Inherited {
    /// Takes sockets, and finds out where they listen.
    ///
    /// # Errors
    /// For a descriptor that is no socket of a kind that can be served.
    pub fn new(sockets: impl IntoIterator<Item = OwnedFd>) -> io::Result<Self> {
        let named = |socket: OwnedFd| Ok((address(&socket)?, socket));
        sockets.into_iter().map(named).collect::<io::Result<_>>().map(Self)
    }

    /// Where they listen.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.0.iter().map(|(address, _)| address)
    }

    /// The one that listens there. Whoever opened it keeps it open, and its file is not ours.
    pub(super) fn take(&mut self, address: &Address) -> Option<OwnedFd> {
        let at = self.0.iter().position(|(known, _)| known == address)?;
        Some(self.0.swap_remove(at).1)
    }
}

fn address(socket: &OwnedFd) -> io::Result<Address> {
    let socket = socket.try_clone()?;
    let family = socket_domain(&socket)?;
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
        let mut inherited = Inherited::new([unix, tcp.into()]).unwrap();
        assert_eq!(inherited.addresses().count(), 2);
        assert!(inherited.take(&Address::Unix("/other".into())).is_none());
        assert!(inherited.take(&Address::Unix(path.clone())).is_some());
        assert!(inherited.take(&Address::Unix(path)).is_none());
        assert!(inherited.take(&Address::Tcp { host: "127.0.0.1".into(), port }).is_some());
        assert!(Inherited::new([OwnedFd::from(std::fs::File::open("/dev/null").unwrap())]).is_err());
    }
}
