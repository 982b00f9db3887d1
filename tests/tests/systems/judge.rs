//! What a system's job does by the engine's own socket, and by Hostward's.

use std::path::{Path, PathBuf};

use hostward_testkit::catalog::Catalog;
use hostward_testkit::{Engine, Proxy, docker_engines, engine, engines};
use hostward_tests::{host_dir, on};

use crate::docs;
use crate::profiles::{PROFILES, Profile};

/// A system, as its users know it.
pub(crate) struct System {
    /// Its name in the table of docs/systems.md.
    pub(crate) name: &'static str,
    /// Its page below docs/systems/.
    pub(crate) page: &'static str,
    /// What stands for it here: a client with its version, or whose calls these are.
    pub(crate) client: &'static str,
    /// What its users see of the failure: in what the job says without Hostward, and in the page.
    pub(crate) symptom: &'static str,
    /// What the job says with Hostward.
    pub(crate) says: &'static str,
    /// Engines that it does not work on even from the host, and why not.
    pub(crate) not_on: &'static [(&'static str, &'static str)],
}

/// The newest Docker, with its usual store of images.
const NEWEST: &str = "28";

/// One of the two ways to the engine.
pub(crate) struct Way<'a> {
    pub(crate) engine: &'a Engine,
    /// The folder of the socket `docker.sock`, on the host: to be mounted, or the socket in it.
    pub(crate) sockets: PathBuf,
    /// An empty folder of the host for this way.
    pub(crate) host: &'a Path,
}

impl Way<'_> {
    /// The socket to mount where the engine's is looked for.
    pub(crate) fn socket(&self) -> PathBuf {
        self.sockets.join("docker.sock")
    }

    /// Whether it is the engine's own socket.
    pub(crate) fn is_bare(&self) -> bool {
        self.socket() == self.engine.socket
    }

    /// What a job names where it mounts `/var/run/docker.sock`: on most machines that is the engine's, but not here.
    pub(crate) fn usual_socket(&self) -> PathBuf {
        if self.is_bare() { self.socket() } else { "/var/run/docker.sock".into() }
    }
}

impl System {
    /// Runs the job both ways on the engines, and holds what it says and the table of the docs against it. That it fails without
    /// Hostward proves of the job, and not of Hostward, that it can fail: that is for `cargo xtask test --every`.
    ///
    /// `job` gives what was read at the end: files' contents, and the client's words where it fails.
    pub(crate) fn holds(&self, job: impl Fn(&Way<'_>) -> String) {
        docs::names(self);
        on(self.engines(), |engine| {
            let by = |socket: &Path| {
                let host = host_dir();
                let sockets = socket.parent().expect("a socket is in a folder").to_owned();
                job(&Way { engine, sockets, host: host.path() })
            };
            if Self::fails_on(engine) {
                let without = by(&engine.socket);
                assert!(without.contains(self.symptom), "without Hostward, on {}: {without}", engine.name);
            }
            let profile = self.profile().filter(|_| !engine.is_podman());
            if let Some(profile) = profile {
                self.holds_under(profile, engine, &job);
            }
            // What is seen under a profile is seen of the paths as well: without one, on the engine that most have.
            if profile.is_none() || engine.name == NEWEST {
                let proxy = Proxy::start(engine, &[] as &[&str]).unwrap_or_else(|error| panic!("{error}"));
                let with = by(&proxy.socket());
                assert_eq!(with, self.says, "on {}; hostward said: {}", engine.name, proxy.stderr());
            }
        });
        docs::hold(self);
    }

    /// Under which profile it runs; none where that has not been tried.
    pub(crate) fn profile(&self) -> Option<&'static Profile> {
        PROFILES.iter().find(|profile| profile.system == self.name)
    }

    /// Runs the job by a Hostward that has a profile for everybody, which allows the job's own folders.
    fn holds_under(&self, profile: &Profile, engine: &Engine, job: &impl Fn(&Way<'_>) -> String) {
        let Profile { keys, roots, .. } = profile;
        let host = host_dir();
        let own = ["view", "work"].map(|end| host.path().with_extension(end));
        let own = own.iter().map(PathBuf::as_path).chain([host.path()]).chain(roots.iter().map(Path::new));
        let roots = own.map(|root| format!("\"{}\"", root.display())).collect::<Vec<_>>().join(", ");
        let proxy = Proxy::start_configured(|socket| {
            let (engine, listen) = (engine.socket.display(), socket.display());
            format!(
                "engine = \"unix://{engine}\"\n[[listen]]\naddress = \"unix://{listen}\"\n\
                 [[profile]]\nname = \"everybody\"\nroots = [{roots}]\n{keys}\n"
            )
        });
        let proxy = proxy.unwrap_or_else(|error| panic!("{error}"));
        let socket = proxy.socket();
        let sockets = socket.parent().expect("a socket is in a folder").to_owned();
        let said = job(&Way { engine, sockets, host: host.path() });
        assert_eq!(said, self.says, "under {keys} on {}; hostward said: {}", engine.name, proxy.stderr());
    }

    /// Of the newest Docker or those that are named, the ones that it works on; if it does not on the newest, the one before.
    fn engines(&self) -> hostward_testkit::Result<Vec<Engine>> {
        let named = engine::chosen().is_some();
        let mut engines = if named { engines()? } else { docker_engines()? };
        engines.retain(|engine| !self.is_not_on(&engine.name));
        let first = if named { 0 } else { engines.len() - 1 };
        Ok(engines.split_off(first))
    }

    /// Whether it is to fail there without Hostward: on the oldest Docker, the newest and Podman, as its users may have any. Those
    /// between say what these say, and engines of the user's choice are all that there is.
    fn fails_on(engine: &Engine) -> bool {
        let catalog = Catalog::load().expect("engines.toml is right");
        let between = catalog.tested(false).any(|spec| spec.name == engine.name);
        engine::chosen().is_some() && !between
    }

    pub(crate) fn is_not_on(&self, engine: &str) -> bool {
        self.not_on.iter().any(|(name, _)| *name == engine)
    }
}
