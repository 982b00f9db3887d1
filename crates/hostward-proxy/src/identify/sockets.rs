//! Where the sockets that mean the engine are on the engine's machine (T11).
//!
//! A created container that asks for the engine's socket gets Hostward's, so that it can be a caller in its turn. The
//! engine mounts it, so the path must be the one that the engine knows: on its machine the path itself; from inside a
//! container what the container's own mounts say.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use hostward::path::{AskedPath, EnginePath};
use hostward::table::Socket;
use hostward_engine::address::Address;
use hostward_engine::discover::{self, Place};
use tokio::sync::OnceCell;

use super::Containers;
use crate::sight::{Sight, look};

/// Finds the sockets when they are first needed, and again as long as that fails.
#[derive(Debug)]
pub(crate) struct Sockets {
    listen: Address,
    found: OnceCell<Socket>,
    /// It was said that they cannot be found.
    told: AtomicBool,
}

impl Sockets {
    /// The sockets of a proxy that listens there.
    pub(crate) fn new(listen: Address) -> Self {
        Self { listen, found: OnceCell::new(), told: AtomicBool::new(false) }
    }

    /// The sockets as the engine sees them. What cannot be found is none: it is never given, and asked for it is refused.
    pub(super) async fn get(&self, containers: &Containers) -> Socket {
        match self.found.get_or_try_init(|| self.find(containers)).await {
            Ok(socket) => socket.clone(),
            Err(why) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%why, "hostward's socket on the engine's machine is not known");
                }
                Socket::default()
            }
        }
    }

    async fn find(&self, containers: &Containers) -> Result<Socket, String> {
        let place = discover::place(containers.engine()).await.map_err(|error| error.to_string())?;
        let container = match place {
            Place::Host => None,
            Place::Container(container) => Some(containers.get(container.id.as_str()).await?),
        };
        let own = self.listen.socket().map(Path::to_owned);
        let raw = containers.engine().socket().map(Path::to_owned);
        let socket = look(move || {
            let inside = container
                .map(|container| Sight::of_process(std::process::id(), &container.table, Vec::new()))
                .transpose()
                .map_err(|reason| reason.to_string())?;
            let find = |path: Option<PathBuf>| path.and_then(|path| on_the_machine(&path, inside.as_ref()));
            Ok::<_, String>(Socket { own: find(own), raw: find(raw) })
        })
        .await??;
        tracing::debug!(?socket, "the sockets on the engine's machine");
        Ok(socket)
    }
}

/// The path on the engine's machine of a socket that this process knows by `path`; `inside` is its own sight where it is
/// in a container.
fn on_the_machine(path: &Path, inside: Option<&Sight>) -> Option<EnginePath> {
    // A relative one is the working directory's.
    let path = std::path::absolute(path).ok()?;
    let Some(sight) = inside else {
        let path = std::fs::canonicalize(path).ok()?;
        return EnginePath::parse(path.as_os_str().as_bytes()).ok();
    };
    let asked = AskedPath::parse(path.as_os_str().as_bytes()).ok()?;
    sight.view().locate(&sight.resolve(&asked).ok()?.path).path()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_the_machine_itself_a_path_is_known_without_its_links() {
        let dir = tempfile::tempdir().unwrap();
        let real = std::fs::canonicalize(dir.path()).unwrap().join("run");
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("s.sock"), "").unwrap();
        std::os::unix::fs::symlink("run", dir.path().join("link")).unwrap();
        let found = on_the_machine(&dir.path().join("link/s.sock"), None).unwrap();
        assert_eq!(found.as_bytes(), real.join("s.sock").as_os_str().as_bytes());
        assert_eq!(on_the_machine(&dir.path().join("gone"), None), None);
    }
}
