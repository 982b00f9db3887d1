//! Sockets that cannot be served beside each other, or in front of this engine: by whatever names they are given.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use hostward_engine::address::Address;

use crate::control::ServeError;
use crate::settings::On;

/// Whether `on` can be served beside those `before` it, in front of this engine.
pub(crate) async fn apart(on: &On, before: &[&On], engine: Option<&Address>) -> Result<(), ServeError> {
    if let Some(other) = before.iter().find(|other| meet(on, other)) {
        let (one, other) = (on.address(), other.address());
        return Err(if one == other {
            ServeError::Twice(one)
        } else {
            ServeError::Overlap(one, Box::new(other))
        });
    }
    match engine {
        Some(engine) if is_reached_by(on, engine).await => Err(ServeError::Loop(on.address())),
        _ => Ok(()),
    }
}

/// Whether only one of both can be made.
fn meet(one: &On, other: &On) -> bool {
    match (one, other) {
        (On::Unix { path: one, .. }, On::Unix { path: other, .. }) => {
            let (one, other) = (real(one), real(other));
            // A socket is no directory for another one.
            one.starts_with(&other) || other.starts_with(&one)
        }
        (On::Tcp(one) | On::Tls { address: one, .. }, On::Tcp(other) | On::Tls { address: other, .. }) => {
            one.port() == other.port() && (one.ip() == other.ip() || takes(one, other) || takes(other, one))
        }
        _ => false,
    }
}

/// Whether one is all addresses of the machine, of which the other is one.
fn takes(all: &SocketAddr, one: &SocketAddr) -> bool {
    all.ip().is_unspecified() && (all.is_ipv6() || one.is_ipv4())
}

/// Whether whoever connects to `engine` would be here: by another name of a host, any address of this machine where all of
/// them are served, or another path to the same file.
async fn is_reached_by(on: &On, engine: &Address) -> bool {
    let (own, host, port) = match (on, engine) {
        (On::Unix { path, .. }, Address::Unix(engine)) => return real(path) == real(engine),
        (
            On::Tcp(own) | On::Tls { address: own, .. },
            Address::Tcp { host, port } | Address::Tls { host, port, .. },
        ) => (own, host, *port),
        _ => return false,
    };
    if port != own.port() {
        return false;
    }
    // A host that has no address is nowhere yet.
    let mut found = tokio::net::lookup_host((host.as_str(), port)).await.into_iter().flatten();
    found.any(|one| {
        // An address that one can listen at is this machine's.
        let is_here = || TcpListener::bind((one.ip(), 0)).is_ok();
        one.ip() == own.ip() || takes(own, &one) && is_here()
    })
}

/// The path without links: `/var/run` is one to `/run`. What does not exist yet is in a directory that may.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real(parent).join(name),
        _ => path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Access;

    fn on(text: &str) -> On {
        match Address::parse(text).unwrap() {
            Address::Unix(path) => On::Unix { path, access: Access::default() },
            Address::Tcp { host, port } => On::Tcp(SocketAddr::new(host.parse().unwrap(), port)),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn two_sockets_of_which_one_takes_the_other_are_found() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("link")).unwrap();
        let base = dir.path().display();
        for (one, other, clash) in [
            ("/x/a".to_owned(), "/x/a".to_owned(), true),
            (format!("{base}/a"), format!("{base}/link/a"), true),
            (format!("{base}/new/a"), format!("{base}/link/new/a"), true),
            ("/x/a".into(), "/x/a/b".into(), true),
            ("/x/a".into(), "/x/ab".into(), false),
            ("tcp://127.0.0.1:1".into(), "tcp://127.0.0.1:1".into(), true),
            ("tcp://127.0.0.1:1".into(), "tcp://127.0.0.1:2".into(), false),
            ("tcp://127.0.0.1:1".into(), "tcp://127.0.0.2:1".into(), false),
            ("tcp://0.0.0.0:1".into(), "tcp://127.0.0.1:1".into(), true),
            ("tcp://[::]:1".into(), "tcp://127.0.0.1:1".into(), true),
            ("tcp://0.0.0.0:1".into(), "tcp://[::1]:1".into(), false),
            ("tcp://0.0.0.0:1".into(), "/x/a".into(), false),
        ] {
            assert_eq!(meet(&on(&one), &on(&other)), clash, "{one} {other}");
            assert_eq!(meet(&on(&other), &on(&one)), clash, "{other} {one}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_engine_by_another_name_is_found() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("link")).unwrap();
        let base = dir.path().display();
        for (own, engine, same) in [
            (format!("{base}/e"), format!("unix://{base}/link/e"), true),
            (format!("{base}/e"), format!("unix://{base}/f"), false),
            ("tcp://127.0.0.1:1".into(), "tcp://localhost:1".into(), true),
            ("tcp://0.0.0.0:1".into(), "tcp://127.0.0.1:1".into(), true),
            ("tcp://0.0.0.0:1".into(), "tcp://127.0.0.1:2".into(), false),
            ("tcp://127.0.0.1:1".into(), "tcp://no-such-host.invalid:1".into(), false),
            ("tcp://127.0.0.1:1".into(), "ssh://127.0.0.1:1".into(), false),
        ] {
            let engine = Address::parse(&engine).unwrap();
            assert_eq!(is_reached_by(&on(&own), &engine).await, same, "{own} {engine}");
        }
    }
}
