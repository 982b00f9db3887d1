//! Where an engine listens, written as the docker CLI writes it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The port the docker CLI takes for `tcp://host`.
const DEFAULT_PORT: u16 = 2375;

/// An engine's address, as in `DOCKER_HOST`. What [`Display`](fmt::Display) writes, [`Address::parse`] reads back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A unix socket: `unix:///var/run/docker.sock`.
    Unix(PathBuf),
    /// Plain TCP: `tcp://127.0.0.1:2375`.
    Tcp {
        /// A name or an IP address; IPv6 without its brackets.
        host: String,
        /// The port, 2375 when the address named none.
        port: u16,
    },
}

/// Why a text is not an address that Hostward can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("an engine's address is empty; write unix:///PATH or tcp://HOST:PORT")]
    Empty,
    /// A scheme that the docker CLI knows and Hostward does not speak yet.
    #[error("{address:?}: {scheme} is not supported yet; use unix:///PATH or tcp://HOST:PORT")]
    NotYet {
        /// The address as it was given.
        address: String,
        /// What it asks for: TLS, ssh or a named pipe.
        scheme: &'static str,
    },
    /// A scheme that nobody knows, or none.
    #[error("{0:?} is not an engine's address; write unix:///PATH or tcp://HOST:PORT")]
    UnknownScheme(String),
    /// A unix socket's path is relative, or holds a NUL.
    #[error(
        "{0:?}: a unix socket's path must be absolute and free of NUL, as in unix:///var/run/docker.sock"
    )]
    BadSocketPath(String),
    /// A TCP address without a host, with a port that is no port, or with something behind it.
    #[error("{0:?}: a TCP address is tcp://HOST:PORT, and an IPv6 address stands in brackets")]
    BadTcp(String),
}

impl Address {
    /// Reads `unix:///PATH`, `tcp://HOST[:PORT]` or a bare `/PATH`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.starts_with('/') {
            return Self::unix(text, text);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(AddressError::UnknownScheme(text.to_owned()));
        };
        let not_yet = |scheme| Err(AddressError::NotYet { address: text.to_owned(), scheme });
        match scheme {
            "unix" => Self::unix(rest, text),
            "tcp" => Self::tcp(rest, text),
            "https" | "tls" => not_yet("TLS"),
            "ssh" => not_yet("ssh"),
            "npipe" => not_yet("a Windows named pipe"),
            _ => Err(AddressError::UnknownScheme(text.to_owned())),
        }
    }

    /// The socket's path, for a unix socket.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp { .. } => None,
        }
    }

    fn unix(path: &str, given: &str) -> Result<Self, AddressError> {
        if !path.starts_with('/') || path.contains('\0') {
            return Err(AddressError::BadSocketPath(given.to_owned()));
        }
        Ok(Self::Unix(PathBuf::from(path)))
    }

    fn tcp(rest: &str, given: &str) -> Result<Self, AddressError> {
        split_host_port(rest.strip_suffix('/').unwrap_or(rest))
            .map(|(host, port)| Self::Tcp { host: host.to_owned(), port })
            .ok_or_else(|| AddressError::BadTcp(given.to_owned()))
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_host_port(text: &str) -> Option<(&str, u16)> {
    let (host, after) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match after {
        "" => DEFAULT_PORT,
        // `parse` alone would also take `+1`.
        _ => after.strip_prefix(':').filter(|port| port.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?,
    };
    let bad = |c: char| c == '/' || c == '@' || c.is_whitespace() || c.is_control();
    (!host.is_empty() && port != 0 && !host.contains(bad)).then_some((host, port))
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.to_owned(), port }
    }

    #[test]
    fn addresses_are_read_and_written_back() {
        for (text, address, written) in [
            ("unix:///run/d.sock", Address::Unix("/run/d.sock".into()), "unix:///run/d.sock"),
            ("/run/d.sock", Address::Unix("/run/d.sock".into()), "unix:///run/d.sock"),
            ("tcp://localhost:1", tcp("localhost", 1), "tcp://localhost:1"),
            ("tcp://10.0.0.1", tcp("10.0.0.1", 2375), "tcp://10.0.0.1:2375"),
            ("tcp://[::1]:2375/", tcp("::1", 2375), "tcp://[::1]:2375"),
        ] {
            assert_eq!(Address::parse(text).unwrap(), address, "{text}");
            assert_eq!(address.to_string(), written);
            assert_eq!(Address::parse(written).unwrap(), address, "{written}");
        }
    }

    #[test]
    fn what_is_not_spoken_yet_says_so() {
        for text in ["ssh://me@host", "https://host:2376", "npipe:////./pipe/docker_engine"] {
            let error = Address::parse(text).unwrap_err();
            assert!(matches!(error, AddressError::NotYet { .. }), "{error}");
            assert!(error.to_string().contains("not supported yet"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "docker.sock",
            "ftp://x",
            "unix://docker.sock",
            "unix://",
            "tcp://",
            "tcp://:2375",
            "tcp://h:0",
            "tcp://h:+1",
            "tcp://h:99999",
            "tcp://h:1/v1",
            "tcp://::1",
            "tcp://[::1",
            "/a\0b",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }
}
