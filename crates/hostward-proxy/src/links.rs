//! Short ways to sockets whose path on the host is too long for a socket's address: links in a directory beside Hostward's own
//! socket.
//!
//! The path of a socket may have 107 bytes, and the engine's own directory takes most of them: a caller's `/tmp/log` is at
//! `/var/lib/docker/overlay2/ID/merged/tmp/log` on the host, with an id of 64 digits. Whoever connects to a link is only
//! bound by the length of the link's path.
//!
//! A link has its name from where it leads, so that all containers with the same socket share one. It is kept for as long as a
//! container has the label in which the engine's path is written down ([`hostward::api::write`]), running or not.
//!
//! Threat model: a caller that has Hostward's directory mounted, and may write to it, can lead a link elsewhere, as it can
//! replace Hostward's socket. The engine then writes a container's output to another socket.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own directory")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use hostward::path::{EnginePath, Rest};
use hostward::seal::Key;
use hostward_engine::address::Address;
use hostward_engine::client::{self, PATIENCE};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The directory's name.
const DIRECTORY: &str = "hostward-links";

/// How many digits a link's name has.
const DIGITS: usize = 16;

/// A create is over by then, which pulls no image.
const UNDER_WAY: Duration = Duration::from_mins(1);

/// All containers that have the label in which it is written down what they were given. `{"label":["hostward.asked"]}`, escaped.
const LABELLED: &str = "/containers/json?all=true&filters=%7B%22label%22%3A%5B%22hostward.asked%22%5D%7D";

/// The links of this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links(Arc<State>);

#[derive(Debug)]
struct State {
    /// Since when this process makes links.
    since: SystemTime,
    /// Those of requests that the engine has not answered yet, and of how many: no container is labelled with them.
    held: Mutex<BTreeMap<String, usize>>,
    /// Told when one of these requests is over.
    over: watch::Sender<()>,
}

impl Default for State {
    fn default() -> Self {
        Self { since: SystemTime::now(), held: Mutex::default(), over: watch::Sender::default() }
    }
}

/// A directory for links, as this process and as the engine knows it.
#[derive(Debug, Clone)]
pub(crate) struct LinkDirectory {
    here: PathBuf,
    there: EnginePath,
}

/// A link that stays for as long as a request is under way.
#[derive(Debug)]
pub(crate) struct HeldLink {
    links: Links,
    name: String,
}

impl Drop for HeldLink {
    fn drop(&mut self) {
        let mut held = self.links.held();
        if let Some(count) = held.get_mut(&self.name) {
            *count -= 1;
        }
        held.retain(|_, count| *count > 0);
        self.links.0.over.send_replace(());
    }
}

impl LinkDirectory {
    /// The one beside a socket that this process has at `own`, and the engine at `there`.
    pub(crate) fn beside(own: &Path, there: &EnginePath) -> Option<Self> {
        let there = there.parent()?.join(&Rest::parse(DIRECTORY.as_bytes())?);
        Some(Self { here: own.parent()?.join(DIRECTORY), there })
    }
}

impl Links {
    /// A short path for a long one, by a link that stays for as long as this is held, and then for as long as a container is
    /// labelled with it.
    ///
    /// # Errors
    /// Where no link can be made.
    pub(crate) fn make(
        &self,
        directory: &LinkDirectory,
        to: &EnginePath,
        key: &Key,
    ) -> io::Result<(EnginePath, HeldLink)> {
        let mut name = key.seal(&to.to_string());
        name.truncate(DIGITS);
        let rest = Rest::parse(name.as_bytes()).ok_or(ErrorKind::InvalidInput)?;
        let target = Path::new(OsStr::from_bytes(to.as_bytes()));
        // Nobody sweeps meanwhile.
        let mut held = self.held();
        make_directory(&directory.here)?;
        link(target, &directory.here.join(&name))?;
        *held.entry(name.clone()).or_default() += 1;
        Ok((directory.there.join(&rest), HeldLink { links: self.clone(), name }))
    }

    /// Removes the links that no container of this engine needs any more, beside a socket that this process has at `own`: now, and
    /// whenever containers change.
    pub(crate) fn sweep(
        &self,
        own: &Path,
        engine: Address,
        mut changes: watch::Receiver<()>,
    ) -> Option<Sweeper> {
        let directory = own.parent()?.join(DIRECTORY);
        let (links, mut over) = (self.clone(), self.0.over.subscribe());
        Some(Sweeper(tokio::spawn(async move {
            loop {
                if let Err(error) = links.sweep_once(&engine, &directory).await {
                    tracing::debug!(%error, directory = %directory.display(), "links may be left that nobody needs");
                }
                let told = tokio::select! {
                    told = changes.changed() => told,
                    told = over.changed() => told,
                };
                if told.is_err() {
                    return;
                }
            }
        })))
    }

    async fn sweep_once(&self, engine: &Address, directory: &Path) -> io::Result<()> {
        let names = match fs::read_dir(directory) {
            Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let names = names.into_iter().filter_map(|name| name.into_string().ok());
        let names: Vec<_> = names.filter(|name| is_name(name) && !self.held().contains_key(name)).collect();
        if names.is_empty() {
            return Ok(());
        }
        let answer = client::get(engine, LABELLED, PATIENCE).await.map_err(io::Error::other)?;
        if answer.status != 200 {
            return Err(io::Error::other(format!("the engine answered {}", answer.status)));
        }
        let labels = String::from_utf8_lossy(&answer.body);
        let held = self.held();
        for name in names.iter().filter(|name| !labels.contains(*name) && !held.contains_key(*name)) {
            let at = directory.join(name);
            if !is_under_way(fs::symlink_metadata(&at)?.modified()?, self.0.since, SystemTime::now()) {
                fs::remove_file(at)?;
            }
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        // Nothing in here leaves it half-changed.
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes links until it is dropped.
#[derive(Debug)]
pub(crate) struct Sweeper(JoinHandle<()>);

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether a link may be of a request that the Hostward before this one, which is being replaced, has not had answered yet.
fn is_under_way(made: SystemTime, since: SystemTime, now: SystemTime) -> bool {
    made < since && now.duration_since(made).is_ok_and(|age| age < UNDER_WAY)
}

/// Whether a file in the directory may be one of these links.
fn is_name(name: &str) -> bool {
    name.len() == DIGITS && name.bytes().all(|b| b.is_ascii_hexdigit())
}

fn make_directory(directory: &Path) -> io::Result<()> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Makes a link, in the place of another that leads elsewhere.
fn link(target: &Path, at: &Path) -> io::Result<()> {
    match symlink(target, at) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return made,
    }
    if fs::read_link(at)? == target {
        return Ok(());
    }
    fs::remove_file(at)?;
    symlink(target, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(path: &str) -> EnginePath {
        EnginePath::parse(path.as_bytes()).unwrap()
    }

    fn beside(folder: &Path) -> LinkDirectory {
        LinkDirectory::beside(&folder.join("docker.sock"), &engine("/run/hostward/docker.sock")).unwrap()
    }

    #[test]
    fn one_link_leads_to_one_place_and_is_named_by_the_engines_path() {
        let folder = tempfile::tempdir().unwrap();
        let (links, key) = (Links::default(), Key::new([1; Key::LEN]));
        let make = |to: &str| links.make(&beside(folder.path()), &engine(to), &key).unwrap();
        let ((one, _held), (same, _)) = (make("/deep/one"), make("/deep/one"));
        let (other, _) = make("/deep/other");
        assert_eq!(one, same);
        assert_ne!(one, other);
        let name = one.below(&engine("/run/hostward/hostward-links")).unwrap();
        let at = folder.path().join(DIRECTORY).join(OsStr::from_bytes(name.as_bytes()));
        assert_eq!(fs::read_link(&at).unwrap(), Path::new("/deep/one"));
        // Somebody has led it elsewhere.
        fs::remove_file(&at).unwrap();
        symlink("/etc", &at).unwrap();
        make("/deep/one");
        assert_eq!(fs::read_link(&at).unwrap(), Path::new("/deep/one"));
    }

    #[test]
    fn a_link_is_held_until_the_last_request_for_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let (links, key) = (Links::default(), Key::new([1; Key::LEN]));
        let make = || links.make(&beside(folder.path()), &engine("/deep"), &key).unwrap().1;
        let (one, two) = (make(), make());
        drop(one);
        assert_eq!(links.held().len(), 1);
        drop(two);
        assert!(links.held().is_empty());
    }

    #[test]
    fn a_young_link_of_the_process_before_is_not_swept() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let since = at(1_000);
        assert!(is_under_way(at(990), since, at(1_010)));
        assert!(!is_under_way(at(990), since, at(1_050)), "its create is over");
        assert!(!is_under_way(at(1_005), since, at(1_010)), "this process has made it");
    }

    #[test]
    fn only_what_may_be_a_link_is_swept() {
        assert!(is_name("0123456789abcdef"));
        for other in ["docker.sock", "0123456789abcde", "0123456789abcdeg", ""] {
            assert!(!is_name(other), "{other}");
        }
    }
}
