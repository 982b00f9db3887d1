//! Where Hostward itself is, as the engine sees it: in which container, whether its processes can be seen from here, and
//! where the sockets that mean the engine are on its machine (T11).
//!
//! A created container that asks for the engine's socket gets Hostward's, so that it can be a caller in its turn. The
//! engine mounts it, so the path must be the one that the engine knows: on its machine the path itself; from inside a
//! container what the container's own mounts say.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hostward::inspect::Container;
use hostward::origin::Origin;
use hostward::path::{AskedPath, EnginePath};
use hostward::refusal::Reason;
use hostward::view::{Socket, View};
use hostward_engine::discover::{self, Place};
use hostward_sight::{Looks, Machine, Sight, look};
use tokio::sync::OnceCell;

use super::containers::Containers;
use super::error::IdentifyError;
use crate::settings::{Listen, On};

/// An engine that could not tell is left alone so long. It takes some a second to say so.
const PAUSE: Duration = Duration::from_secs(1);

/// Where Hostward is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vantage {
    /// The container of the engine that this process is in.
    pub(crate) container: Option<Arc<Container>>,
    /// Whether `/proc` here shows the engine's machine.
    pub(crate) machine: Machine,
    /// The sockets on the engine's machine.
    pub(super) socket: Socket,
}

impl Vantage {
    /// How this process sees files itself: those of its container, or the machine's; none where it has nothing to do with the
    /// engine's.
    pub(super) fn sight(&self) -> Option<Result<Sight, Reason>> {
        match &self.container {
            Some(container) => {
                Some(Sight::of_process(std::process::id(), &container.table, Vec::new(), self.machine))
            }
            None => self.machine.is_seen().then(|| Sight::here(View::identity())),
        }
    }
}

/// Finds that out when it is first needed, and again as long as that fails.
#[derive(Debug)]
pub(crate) struct OwnVantage {
    /// The socket that is handed on to created containers.
    own: Option<PathBuf>,
    found: OnceCell<Vantage>,
    failed: Mutex<Option<(Instant, IdentifyError)>>,
}

impl OwnVantage {
    /// Of the proxy's socket `on`, which serves `listen` in all. Handed on is this socket, or where its callers are not
    /// told apart the first that tells them.
    pub(crate) fn of(on: &On, listen: &[Listen]) -> Self {
        let telling: Vec<_> =
            listen.iter().filter(|one| one.callers.are_told_apart() && one.on.path().is_some()).collect();
        let own = telling.iter().find(|one| one.on == *on).or(telling.first());
        Self::new(own.and_then(|one| one.on.path()))
    }

    /// Of this unix socket, which tells its callers apart.
    pub(super) fn of_socket(path: &Path) -> Self {
        Self::new(Some(path))
    }

    fn new(own: Option<&Path>) -> Self {
        Self { own: own.map(Path::to_owned), found: OnceCell::new(), failed: Mutex::default() }
    }

    /// The socket that is handed on to created containers, as this process knows it.
    pub(crate) fn own(&self) -> Option<&Path> {
        self.own.as_deref()
    }

    /// Where Hostward is.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub(super) async fn get(&self, containers: &Containers) -> Result<&Vantage, IdentifyError> {
        if let Some((when, why)) = &*self.failed.lock().unwrap_or_else(PoisonError::into_inner)
            && when.elapsed() < PAUSE
        {
            return Err(why.clone());
        }
        self.found.get_or_try_init(|| self.find(containers)).await.inspect_err(|why| {
            tracing::warn!(%why, "hostward does not know where it is on the host");
            let now = Some((Instant::now(), why.clone()));
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = now;
        })
    }

    async fn find(&self, containers: &Containers) -> Result<Vantage, IdentifyError> {
        let place = discover::place(containers.engine()).await?;
        let container = match place {
            Place::Host => None,
            Place::Container(container) => Some(containers.get(container.id.as_str()).await?),
        };
        let machine = Machine::of(containers.engine()).await;
        let own = self.own.clone();
        let raw = containers.engine().socket().map(Path::to_owned);
        let vantage = Vantage { container, machine, socket: Socket::default() };
        let within = vantage.clone();
        let socket = look(move || {
            let inside = within.container.as_ref().and_then(|_| within.sight()).transpose();
            let inside = inside
                .map_err(|reason| IdentifyError::Files { whose: "hostward itself".to_owned(), reason })?;
            let find = |path: Option<PathBuf>| path.and_then(|path| on_the_machine(&path, inside.as_ref()));
            Ok::<_, IdentifyError>(Socket { own: find(own), raw: find(raw) })
        });
        let socket = socket.await.map_err(IdentifyError::look)??;
        tracing::debug!(container = ?vantage.container.as_ref().map(|container| &container.id), ?machine, ?socket, "where hostward is");
        Ok(Vantage { socket, ..vantage })
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
    let path = sight.resolve(&asked, false, &Looks::default()).ok()?.resolved.path;
    match sight.view().locate(&path) {
        // The likely place does: a socket is given as a mount that no engine makes the source of, so that it is this one
        // or an error.
        Origin::RootFs { source: None } => sight.view().table()?.presumed(&path),
        origin => origin.path(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Access, Callers};
    use hostward_engine::select::Selector;

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

    #[test]
    fn a_socket_that_tells_its_callers_apart_is_handed_on() {
        let unix = |path: &str| On::Unix { path: path.into(), access: Access::default() };
        let one = |on: &On| Listen { on: on.clone(), callers: Callers::One(Selector::parse("web").unwrap()) };
        let each = |on: &On| Listen { on: on.clone(), callers: Callers::Each };
        let (a, b, tcp) = (unix("/a"), unix("/b"), On::Tcp(([127, 0, 0, 1], 1).into()));
        let own = |on: &On, listen: &[Listen]| OwnVantage::of(on, listen).own;
        assert_eq!(own(&b, &[each(&a), each(&b)]), Some("/b".into()));
        assert_eq!(own(&b, &[each(&tcp), each(&a), one(&b)]), Some("/a".into()));
        assert_eq!(own(&tcp, &[each(&tcp), each(&a)]), Some("/a".into()));
        assert_eq!(own(&b, &[one(&b)]), None);
    }
}
