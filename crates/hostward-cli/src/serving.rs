//! Why sockets cannot be served, and what to do about it.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own, as its user names them")]

use std::io::{self, ErrorKind};

use hostward_engine::address::Address;
use hostward_proxy::{HandoverError, ListenError, ServeError};

use crate::report::Failure;

const AUDIT: &str = "create its directory, and let hostward's user write there, or write the audit to the log: audit = \"log\"";

/// The error with its remedies.
pub(crate) fn serve_failed(error: &ServeError) -> Failure {
    let failure = Failure::failed(error);
    match error {
        ServeError::Listen(error) => hints(error).into_iter().fold(failure, Failure::hint),
        ServeError::Audit { .. } => failure.hint(AUDIT),
        ServeError::AuditThread(_) => {
            failure.hint("raise the limit on tasks: pids.max of its cgroup, systemd's TasksMax, or ulimit -u")
        }
        ServeError::Handover(HandoverError::Directory(_) | HandoverError::Talk { .. }) => {
            failure.hint("stop it, and start this one without --replace")
        }
        ServeError::Handover(HandoverError::Several(_))
        | ServeError::Loop(_)
        | ServeError::Twice(_)
        | ServeError::Overlap(..)
        | ServeError::Ended => failure,
    }
}

fn hints(error: &ListenError) -> Vec<String> {
    match error {
        ListenError::InUse(address) => {
            vec![user_of(address), "if that is hostward, --replace takes its sockets over".to_owned()]
        }
        ListenError::Io { address, error, .. } => {
            remedy(address, error).map(str::to_owned).into_iter().collect()
        }
        ListenError::Owner { .. } => {
            vec![
                "run as root, or leave `owner` and `group` out: the file then belongs to the service's user"
                    .to_owned(),
            ]
        }
        ListenError::NoSocket(_) | ListenError::TooLong(_) | ListenError::Tls(_) => Vec::new(),
    }
}

/// How to find who has it.
fn user_of(address: &Address) -> String {
    let found = match address {
        Address::Unix(path) => format!("ss -lxp src {}", path.display()),
        Address::Tcp { port, .. } | Address::Tls { port, .. } => format!("ss -ltnp 'sport = :{port}'"),
        Address::Ssh { .. } => "ss -lp".to_owned(),
    };
    format!("this shows the process, as root: {found}")
}

fn remedy(address: &Address, error: &io::Error) -> Option<&'static str> {
    match (error.kind(), address.socket()) {
        (ErrorKind::PermissionDenied, Some(_)) => Some(
            "run as root, or choose a path in a directory that this user may write to, such as \
             unix://$XDG_RUNTIME_DIR/hostward.sock",
        ),
        (ErrorKind::ReadOnlyFilesystem, Some(_)) => Some(
            "choose a path on a file system that can be written to; for a systemd unit, RuntimeDirectory=hostward \
             makes /run/hostward",
        ),
        (ErrorKind::PermissionDenied, None) => {
            Some("ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher port")
        }
        (ErrorKind::AddrNotAvailable, None) => Some(
            "no interface of this machine has that address now (`ip address` shows all): correct it, or start \
             hostward after the network (a unit with After=network-online.target)",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hinted(address: &str, error: i32) -> String {
        let (address, error) = (Address::parse(address).unwrap(), io::Error::from_raw_os_error(error));
        let error = ListenError::Io { address, action: "binding the socket", error };
        serve_failed(&error.into()).hints().join("\n")
    }

    #[test]
    fn what_the_system_says_has_a_remedy_that_fits() {
        for (address, error, remedy) in [
            ("/run/h.sock", 13, "a directory that this user may write to"),
            ("/run/h.sock", 30, "RuntimeDirectory=hostward"),
            ("tcp://127.0.0.1:80", 13, "CAP_NET_BIND_SERVICE"),
            ("tcp://10.9.9.9:2375", 99, "After=network-online.target"),
        ] {
            assert!(hinted(address, error).contains(remedy), "{address} {error}: {}", hinted(address, error));
        }
        assert_eq!(hinted("/run/h.sock", 28), "");
        let in_use =
            |address: &str| serve_failed(&ListenError::InUse(Address::parse(address).unwrap()).into());
        assert!(in_use("tcp://127.0.0.1:2375").hints()[0].ends_with("ss -ltnp 'sport = :2375'"));
        assert!(in_use("tcp://127.0.0.1:2375").message().ends_with("or choose another port"));
        assert!(in_use("/run/h.sock").message().ends_with("or choose another path"));
    }
}
