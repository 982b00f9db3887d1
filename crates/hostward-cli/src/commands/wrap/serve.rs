//! The proxy's process: it serves until whoever started it is gone.

use std::env;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostward_engine::address::Address;
use hostward_engine::context::{Chosen, ChosenBy};
use hostward_engine::{discover, version};
use hostward_proxy::{Access, Callers, Control, Listen, On, Settings, Start, serve};
use rustix::fs::{Gid, chown};
use rustix::process::{getegid, setsid};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

use super::directory::Directory;
use super::log;
use crate::args::Private;
use crate::config::audit_place::AuditPlace;
use crate::config::{audit, policy, state};
use crate::engine_failure::ask_failed;
use crate::log::Format;
use crate::report::{Failure, Status};
use crate::serving::serve_failed;
use crate::{config, viewpoint};

/// How long requests may run on that the command has left behind.
pub(super) const GRACE: Duration = Duration::from_secs(2);

pub(super) async fn run(private: Private) -> Result<Status, Failure> {
    // What the terminal sends is not for the proxy. Signals stay blocked: it ends when whoever started it has.
    let _ = setsid();
    let channel =
        channel().map_err(|error| Failure::usage(format_args!("stdin is not a socket: {error}")))?;
    let (mut starter, tell) = channel.into_split();
    let (directory, engine, settings) = tokio::select! {
        prepared = prepare(&private) => prepared?,
        () = gone(&mut starter) => return Ok(Status::Done),
    };
    let (trigger, control) = Control::by_hand();
    tokio::spawn(async move {
        gone(&mut starter).await;
        trigger.end();
    });
    let ready = || {
        let paths = [directory.socket(), engine.unwrap_or_default()];
        let said: Vec<u8> =
            paths.iter().flat_map(|path| [path.as_os_str().as_bytes(), &[0]].concat()).collect();
        // Whoever has gone does not need to know.
        let _ = tell.try_write(&said);
    };
    serve(settings, Start::default(), control, ready).await.map_err(|error| serve_failed(&error))?;
    Ok(Status::Done)
}

/// The other end of stdin belongs to whoever started this process.
fn channel() -> io::Result<UnixStream> {
    let channel = std::os::unix::net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    channel.set_nonblocking(true)?;
    UnixStream::from_std(channel)
}

/// Waits until the other end is closed.
async fn gone(starter: &mut OwnedReadHalf) {
    while starter.read_u8().await.is_ok() {}
}

/// The directory of the socket, the engine's socket file where clients look for it untold, and what to serve.
async fn prepare(private: &Private) -> Result<(Directory, Option<PathBuf>, Settings), Failure> {
    let settings = config::settle(&private.whose)?;
    log::start(private.log.as_ref().or(settings.file.log.as_ref()));
    // The containers that one command has made are read back by the next.
    let state =
        state::named(private.state.clone(), settings.file.state.clone())?.or_else(state::usual_if_any);
    let Chosen { address: engine, by } = viewpoint::choose(&settings)?;
    // Of contexts, docker's own command alone has heard.
    let untold = matches!(by, ChosenBy::Default | ChosenBy::DockerHost);
    let engines = engine.socket().filter(|_| untold).map(Path::to_owned);
    version::version(&engine).await.map_err(|error| ask_failed(&error))?;
    if settings.container.is_none()
        && let Err(why) = discover::place(&engine).await
    {
        tracing::warn!(%why, "commands with a path will be refused");
    }
    let directory = Directory::make()?;
    // Nothing relative is read from here on; the directory of the command may go.
    let _ = env::set_current_dir("/");
    let access = access(&engine, directory.path());
    let on = On::Unix { path: directory.socket(), access };
    let callers = settings.container.map_or(Callers::Each, Callers::One);
    let listen = vec![Listen { on, callers }];
    // The terminal is the command's.
    let audit = audit::settle(&private.audit, &settings.file, AuditPlace::Off, Format::Text)?;
    let profiles = policy::settle(&private.policy, &settings.file)?;
    let (rules, limits) = (settings.rules, settings.limits);
    let settings =
        Settings { rules, grace: GRACE, limits, state, audit, profiles, ..Settings::new(engine, listen) };
    Ok((directory, engines, settings))
}

/// As open as the engine's own socket: whoever may use that in a created container may use this one there. Here nobody
/// else comes into the directory.
fn access(engine: &Address, directory: &Path) -> Access {
    let engines = engine.socket().and_then(|path| path.metadata().ok()).map(|meta| Gid::from_raw(meta.gid()));
    // By trying: who may give away what is a matter of capabilities.
    let may_have = |group: &Gid| chown(directory, None, Some(*group)).is_ok();
    let group = engines.filter(may_have).unwrap_or_else(getegid);
    Access { group: Some(group.as_raw()), ..Access::default() }
}
