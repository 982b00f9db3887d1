//! What would keep sockets from being served, found without serving them: all of it at once, for `hostward config check`. What
//! is only taken at the moment is none: the proxy that the settings are for may be what has it.

use hostward_engine::address::Address;

use crate::audit::Sink;
use crate::clash::apart;
use crate::control::ServeError;
use crate::listen::{Acceptor, Listener};
use crate::settings::{AuditTo, Listen, On};

/// Why the audit's file could not be written.
pub fn unwritable(to: &AuditTo) -> Option<ServeError> {
    let AuditTo::File(file) = to else { return None };
    let tried = Sink::could_open(file);
    tried.err().map(|error| ServeError::Audit { file: to.to_string(), error })
}

/// One of the sockets that somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// One of those that are served, by its place among them.
    Listen(usize),
    /// The admin socket.
    Admin,
}

/// All that is wrong with these sockets. Those in `held` need not be made: a service manager has.
pub async fn obstacles(
    engine: Option<&Address>,
    listen: &[Listen],
    admin: Option<&On>,
    held: &[Address],
) -> Vec<(Which, ServeError)> {
    let listen = listen.iter().enumerate().map(|(at, one)| (Which::Listen(at), &one.on));
    let (mut found, mut before) = (Vec::new(), Vec::new());
    for (which, on) in listen.chain(admin.map(|on| (Which::Admin, on))) {
        if let Err(error) = apart(on, &before, engine).await {
            found.push((which, error));
        } else if !held.contains(&on.address())
            && let Err(error) = Listener::could_bind(on).await
        {
            found.push((which, error.into()));
        }
        found.extend(Acceptor::unusable(on).into_iter().map(|error| (which, error.into())));
        before.push(on);
    }
    found
}
