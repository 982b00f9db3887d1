//! How callers are known at each socket that is to be served.

use std::fs;
use std::io::ErrorKind;

use hostward::network::Publish;
use hostward_engine::about;
use hostward_engine::address::Address;
use hostward_engine::ask::AskError;
use hostward_engine::inspect;
use hostward_engine::list;
use hostward_engine::select::Selector;
use hostward_proxy::{Callers, Known, Listen, On, Which, known, may_publish, obstacles};
use hostward_sight::{Machine, visible_pid};

use super::check::Check;
use crate::engine_failure::select_failed;
use crate::report::Failure;
use crate::serving::serve_failed;

const PID_HOST: &str = "run hostward with --pid host, so that it sees which process is calling";
const OWN_SOCKET: &str = "or give each caller its own socket: [[listen]] with `for`";
const NOT_PLAIN: &str = "prefer a unix socket, or TLS with a certificate for each caller";

/// A line for each, and more where something is to be said.
pub(super) async fn examine(engine: &Address, listen: &[Listen], publish: Publish) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut by_process = false;
    let unserved = obstacles(None, listen, None, &[]).await;
    for (at, Listen { on, callers }) in listen.iter().enumerate() {
        let wrong: Vec<_> = unserved.iter().filter(|(which, _)| *which == Which::Listen(at)).collect();
        if !wrong.is_empty() {
            checks.extend(wrong.into_iter().map(|(_, error)| Check::failed("listen", &serve_failed(error))));
            continue;
        }
        if let Some(check) = anothers(on).await {
            checks.push(check);
            continue;
        }
        match (callers, on) {
            (Callers::One(selector), _) => checks.push(one(engine, on, "every client", selector).await),
            (Callers::Relayed, _) => checks.push(Check::note(
                "listen",
                format!(
                    "{on}: a relay connects here for others, so callers are unknown: requests with paths are \
                         refused"
                ),
                "if the relay serves only one container, name it with `for` instead of `relay`",
            )),
            (Callers::Each, On::Unix { path, .. }) => match known(engine, path).await {
                Ok(Known::Processes) => {
                    by_process = true;
                    checks
                        .push(Check::ok("listen", format!("{on}: each caller is identified by its process")));
                }
                Ok(Known::Mounting(names)) => checks.push(mounting(on, &names)),
                Err(why) => checks.push(Check::wrong("listen", format!("{on}: {why}"), &[])),
            },
            (Callers::Each, On::Tcp(_)) => checks.push(plain(on)),
            (Callers::Each, On::Tls { tls, .. }) => {
                for (name, selector) in &tls.callers {
                    checks.push(one(engine, on, &format!("the certificate {name}"), selector).await);
                }
                let text = format!(
                    "{on}: {} identified by its address in the engine's networks",
                    if tls.callers.is_empty() {
                        "each caller is"
                    } else {
                        "with any other certificate, a caller is"
                    }
                );
                checks.push(Check::ok("listen", text));
            }
        }
    }
    if by_process {
        checks.extend(trees(engine).await);
    }
    if publish == Publish::Caller && !listen.is_empty() {
        checks.extend(ports(engine).await);
    }
    checks
}

/// A socket that another program serves.
async fn anothers(on: &On) -> Option<Check> {
    if matches!(on, On::Tls { .. }) {
        return None;
    }
    let what = match about::about(&on.address()).await {
        Ok(Some(_)) => return None,
        Ok(None) => "an engine or another program, not hostward",
        // Nobody does, or this user may not ask.
        Err(AskError::Client(error)) if error.is_connect() => return None,
        Err(_) => "a program that is not hostward",
    };
    let remedy = "choose another address for hostward, and give the engine's with --engine".to_owned();
    Some(Check::wrong("listen", format!("{on} is served by {what}"), &[remedy]))
}

/// Callers that are one container by the user's word.
async fn one(engine: &Address, on: &On, who: &str, selector: &Selector) -> Check {
    match selector.container(engine).await {
        Ok(container) if container.pid.is_some() => {
            let text = format!("{on}: {who} is the container {} ({})", container.name, container.id.short());
            Check::ok("listen", text)
        }
        Ok(container) => {
            let text = format!("{on}: {who} is the container {}, which is not running", container.name);
            Check::wrong("listen", text, &[format!("docker start {}", container.name)])
        }
        Err(error) => {
            let failure: Failure = select_failed(&error);
            Check::wrong("listen", format!("{on}: {who}: {}", failure.message()), failure.hints())
        }
    }
}

/// Callers whose processes cannot be seen from here.
fn mounting(on: &On, names: &[String]) -> Check {
    let unseen = "callers' processes are not visible from here, so every client is treated as the one container that \
                  mounts the socket";
    match names {
        [] => Check::note("listen", format!("{on}: {unseen}; none does yet"), PID_HOST),
        [name] => Check::note("listen", format!("{on}: {unseen}: {name}"), PID_HOST),
        names => {
            let text =
                format!("{on}: {unseen}, but several do, so the caller is unknown: {}", names.join(", "));
            Check::wrong("listen", text, &[PID_HOST.to_owned(), OWN_SOCKET.to_owned()])
        }
    }
}

fn plain(on: &On) -> Check {
    let text = if matches!(on, On::Tcp(address) if address.ip().is_loopback()) {
        "processes of this host and containers in its network connect here, and nothing tells them apart: requests \
         with paths are refused"
    } else {
        "each caller is identified by its address in the engine's networks; a container that may send raw packets \
         there (CAP_NET_RAW, which engines give by default) can use another's address, and everyone who reaches the \
         address may connect"
    };
    Check::note("listen", format!("{on}: {text}"), NOT_PLAIN)
}

/// Whether published ports can be opened on the localhost of callers.
async fn ports(engine: &Address) -> Option<Check> {
    let (why, remedy) = match may_publish().await {
        Err(why) => (
            why,
            "give hostward CAP_SYS_ADMIN (--cap-add SYS_ADMIN; a unit also needs RestrictNamespaces=net)",
        ),
        Ok(()) if first_pid(engine).await.is_some_and(|pid| pid.is_none()) => {
            ("the processes of containers are not visible from here".to_owned(), PID_HOST)
        }
        Ok(()) => return None,
    };
    let text = format!(
        "ports that containers publish are not opened on the localhost of the container that starts them: {why}"
    );
    let remedy = format!(
        "{remedy}, run the program in the container with `hostward wrap`, which needs nothing, or switch this off: publish \
         = \"machine\""
    );
    Some(Check::note("ports", text, &remedy))
}

/// The first process of a running container, if it is visible from here; none where no container runs.
async fn first_pid(engine: &Address) -> Option<Option<u32>> {
    let first = list::running(engine).await.ok()?.into_iter().next()?;
    let container = inspect::container(engine, first.id.as_str()).await.ok()?;
    Some(visible_pid(&container, Machine::of(engine).await))
}

/// Whether the file trees of running containers can be looked into, by the first of them.
async fn trees(engine: &Address) -> Option<Check> {
    let pid = first_pid(engine).await.flatten()?;
    match fs::read_dir(format!("/proc/{pid}/root/")) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Some(Check::note(
            "files",
            "hostward may not look into the file trees of callers: it asks the engine what is at a path, and the \
             engine does not know of mounts that were made inside a container",
            "run hostward as root with --cap-add SYS_PTRACE, and without an AppArmor profile that forbids it",
        )),
        _ => None,
    }
}
