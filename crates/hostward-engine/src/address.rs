//! Where an engine listens, written as the docker CLI writes it.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::credentials::Credentials;

/// The port the docker CLI takes for `tcp://host`.
const DEFAULT_PORT: u16 = 2375;

/// An engine's address, as in `DOCKER_HOST`. What [`Display`](fmt::Display) writes, [`Address::parse`] reads back, but for
/// TLS, which stands beside an address.
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
    /// TCP with TLS, which an address's text does not say: it is written like plain TCP.
    Tls {
        /// The name or IP address that the engine's certificate must be for.
        host: String,
        /// The port.
        port: u16,
        /// By what it is spoken.
        credentials: Box<Credentials>,
    },
    /// Another machine's engine, through `ssh` and the docker CLI there: `ssh://me@host:22/run/docker.sock`.
    Ssh {
        /// Whom to log in as; `ssh` chooses when the address named nobody.
        user: Option<String>,
        /// A name that `ssh` knows, or an IP address; IPv6 without its brackets.
        host: String,
        /// The port; `ssh` chooses when the address named none.
        port: Option<u16>,
        /// The engine's socket on that machine; the docker CLI there chooses when the address named none.
        socket: Option<String>,
    },
}

/// Why a text is not an address that Hostward can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("an engine's address is empty; write unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST")]
    Empty,
    /// A Windows named pipe.
    #[error("{0:?}: Windows named pipes are not supported; use tcp://HOST:PORT or ssh://USER@HOST")]
    Npipe(String),
    /// TLS as a scheme, which docker has not.
    #[error("{0:?}: write tcp://HOST:PORT, and enable TLS with DOCKER_TLS_VERIFY or a docker context")]
    Tls(String),
    /// A scheme that nobody knows, or none.
    #[error("{0:?} is not the address of an engine; write unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST")]
    UnknownScheme(String),
    /// A unix socket's path is relative, or holds a NUL.
    #[error(
        "{0:?}: a unix socket's path must be absolute and contain no NUL byte, as in unix:///var/run/docker.sock"
    )]
    BadSocketPath(String),
    /// A TCP address without a host, with a port that is no port, or with something behind it.
    #[error("{0:?}: a TCP address is tcp://HOST:PORT, with an IPv6 address in brackets")]
    BadTcp(String),
    /// An ssh address without a host, or with a part that `ssh` could take for an option.
    #[error(
        "{0:?}: an ssh address is ssh://[USER@]HOST[:PORT][/SOCKET], without a password, and neither USER nor HOST \
         begins with '-'"
    )]
    BadSsh(String),
}

impl Address {
    /// Reads `unix:///PATH`, `tcp://HOST[:PORT]`, `ssh://[USER@]HOST[:PORT][/PATH]` or a bare `/PATH`.
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
        match scheme {
            "unix" => Self::unix(rest, text),
            "tcp" => Self::tcp(rest, text),
            "https" | "tls" => Err(AddressError::Tls(text.to_owned())),
            "ssh" => Self::ssh(rest).ok_or_else(|| AddressError::BadSsh(text.to_owned())),
            "npipe" => Err(AddressError::Npipe(text.to_owned())),
            _ => Err(AddressError::UnknownScheme(text.to_owned())),
        }
    }

    /// The socket's path, for a unix socket.
    pub fn socket(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp { .. } | Self::Tls { .. } | Self::Ssh { .. } => None,
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
            .map(|(host, port)| Self::Tcp { host: host.to_owned(), port: port.unwrap_or(DEFAULT_PORT) })
            .ok_or_else(|| AddressError::BadTcp(given.to_owned()))
    }

    /// A user or host that begins with `-` would be an option of `ssh`, which can run any program here.
    fn ssh(rest: &str) -> Option<Self> {
        if rest.contains(['?', '#', '%', '\\']) || rest.contains(char::is_control) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let unsafe_user = |user: &str| {
            user.is_empty()
                || user.starts_with('-')
                || user.contains([':', '@'])
                || user.contains(char::is_whitespace)
        };
        let (host, port) = split_host_port(place)?;
        if host.starts_with('-') || user.is_some_and(unsafe_user) {
            return None;
        }
        let socket = (!path.trim_matches('/').is_empty()).then(|| path.to_owned());
        Some(Self::Ssh { user: user.map(str::to_owned), host: host.to_owned(), port, socket })
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_host_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, after) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = if after.is_empty() {
        None
    } else {
        // `parse` alone would also take `+1`.
        let digits = after.strip_prefix(':').filter(|port| port.bytes().all(|b| b.is_ascii_digit()))?;
        Some(digits.parse().ok()?)
    };
    let bad = |c: char| c == '/' || c == '@' || c.is_whitespace() || c.is_control();
    (!host.is_empty() && port != Some(0) && !host.contains(bad)).then_some((host, port))
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
            Self::Tcp { host, port } | Self::Tls { host, port, .. } => {
                if host.contains(':') {
                    write!(f, "tcp://[{host}]:{port}")
                } else {
                    write!(f, "tcp://{host}:{port}")
                }
            }
            Self::Ssh { user, host, port, socket } => {
                f.write_str("ssh://")?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                if host.contains(':') {
                    write!(f, "[{host}]")?;
                } else {
                    f.write_str(host)?;
                }
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                f.write_str(socket.as_deref().unwrap_or_default())
            }
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
    fn what_is_spoken_in_another_way_says_so() {
        for (text, says) in [("https://host:2376", "DOCKER_TLS_VERIFY"), ("npipe:////./pipe/x", "named pipe")]
        {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains(says), "{error}");
        }
    }

    #[test]
    fn ssh_addresses_are_read_and_written_back() {
        let ssh = |user: Option<&str>, host: &str, port, socket: Option<&str>| Address::Ssh {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            socket: socket.map(str::to_owned),
        };
        for (text, address, written) in [
            ("ssh://host", ssh(None, "host", None, None), "ssh://host"),
            ("ssh://me@host:2222/", ssh(Some("me"), "host", Some(2222), None), "ssh://me@host:2222"),
            (
                "ssh://me@[::1]/run/d.sock",
                ssh(Some("me"), "::1", None, Some("/run/d.sock")),
                "ssh://me@[::1]/run/d.sock",
            ),
        ] {
            assert_eq!(Address::parse(text).unwrap(), address, "{text}");
            assert_eq!(address.to_string(), written);
            assert_eq!(Address::parse(written).unwrap(), address, "{written}");
        }
    }

    #[test]
    fn an_ssh_address_holds_no_option_and_no_password() {
        for text in [
            "ssh://",
            "ssh://-oProxyCommand=touch",
            "ssh://-l@host",
            "ssh://me@-oProxyCommand=touch",
            "ssh://@host",
            "ssh://me:secret@host",
            "ssh://me@you@host",
            "ssh://host:0",
            "ssh://host:x",
            "ssh://host?x",
            "ssh://host/a%20b",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(matches!(error, AddressError::BadSsh(_)), "{text}: {error}");
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
