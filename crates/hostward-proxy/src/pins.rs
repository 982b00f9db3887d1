//! Pins: mounts of exactly the files and directories that were judged, which engines are given in the place of their paths.
//!
//! A pin is at `/run/hostward-pins/MAKER/NUMBER`. `MAKER` is a directory of one process, which has it locked for as long as it
//! runs. All of them are in a file system of their own in memory: it is gone after a reboot, so that an engine which starts a
//! container then finds nothing, and mounts nothing; and no other mount namespace is told of what is mounted in it.
//!
//! A pin stays for as long as a request is under way, and then for as long as the engine lists it with a container or a volume:
//! for later starts, whether Hostward runs or not. A running container has its own mount of it, and goes on without.
//!
//! Threat model: no caller may have this directory, or it could exchange pins as it can exchange what they are of. Containers get
//! single pins from it, and [`Pins::directory`] is refused to those who have more of the host's `/run`.

#![allow(clippy::disallowed_methods, reason = "these are paths of Hostward's own directory")]

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use hostward::path::EnginePath;
use hostward::seal::Key;
use hostward_engine::address::Address;
use hostward_engine::client::{self, PATIENCE};
use hostward_sight::{HeldSource, Machine};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::sys::mounts;

/// Where they are.
pub(crate) const DIRECTORY: &str = "/run/hostward-pins";

/// The name by which the file system there is listed.
const FILE_SYSTEM: &str = "hostward-pins";

/// How many digits say which engine a maker's pins are for, and how many which maker it is.
const DIGITS: usize = 8;

/// What was made by a process that has ended may be named in a request that the engine still has.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// When a sweep is tried again that has left something.
const AGAIN: Duration = Duration::from_secs(10);

/// How long the last sweep of a process may take.
const LAST: Duration = Duration::from_secs(2);

/// The pins of this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pins(Arc<PinsState>);

#[derive(Debug, Default)]
struct PinsState {
    made: Mutex<PinsMade>,
    /// Told when a request is over that has pins.
    over: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct PinsMade {
    /// By the engine that they are for.
    makers: Vec<PinMaker>,
    /// The number of the next one.
    next: u64,
}

/// A directory in which this process makes pins for one engine.
#[derive(Debug)]
struct PinMaker {
    engine: String,
    name: String,
    /// Locked, and where mounts are attached.
    directory: File,
    /// Those of requests that the engine has not answered yet: no container has them.
    held: BTreeSet<u64>,
}

/// A pin that stays for as long as a request is under way.
#[derive(Debug)]
pub(crate) struct HeldPin {
    pins: Pins,
    maker: String,
    number: u64,
}

impl Drop for HeldPin {
    fn drop(&mut self) {
        for maker in self.pins.made().makers.iter_mut().filter(|maker| maker.name == self.maker) {
            maker.held.remove(&self.number);
        }
        self.pins.0.over.send_replace(());
    }
}

/// Whether a path of the host is a pin, or in one.
pub(crate) fn has(path: &EnginePath) -> bool {
    EnginePath::parse(DIRECTORY.as_bytes()).is_ok_and(|directory| path.below(&directory).is_some())
}

/// Whether pins can be made here for an engine whose files this process sees.
///
/// # Errors
/// Why not.
pub(crate) fn are_possible(engine: &Address) -> Result<(), String> {
    is_beside(engine)?;
    prepare().map_err(|error| format!("hostward cannot mount anything in {DIRECTORY}: {error}"))
}

/// The same, without making anything for it: for who only wants to know.
///
/// # Errors
/// Why not.
pub async fn may_pin(engine: &Address) -> Result<(), String> {
    if !Machine::of(engine).await.is_seen() {
        return Err("hostward does not see the host's files as the engine does".to_owned());
    }
    is_beside(engine)?;
    let may_mount = rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(rustix::thread::CapabilitySet::SYS_ADMIN));
    if may_mount { Ok(()) } else { Err("hostward may not mount anything (CAP_SYS_ADMIN)".to_owned()) }
}

/// Whether this process has the engine's mount namespace and root directory, by those of the machine's first process. Where that
/// may not be looked at, by those of the process that listens at the engine's socket.
fn is_beside(engine: &Address) -> Result<(), String> {
    let unknown =
        |error: &io::Error| format!("hostward cannot tell whether the engine sees its mounts: {error}");
    let own = namespace_and_root("self").map_err(|error| unknown(&error))?;
    let theirs = namespace_and_root("1").or_else(|_| namespace_and_root(&listener_of(engine)?.to_string()));
    match theirs {
        Ok(theirs) if theirs == own => Ok(()),
        Ok(_) => {
            Err("hostward has a mount namespace of its own, so the engine would not see its mounts"
                .to_owned())
        }
        Err(error) => Err(unknown(&error)),
    }
}

fn namespace_and_root(process: &str) -> io::Result<[(u64, u64); 2]> {
    let file = |what: &str| {
        let metadata = fs::metadata(format!("/proc/{process}/{what}"))?;
        Ok::<_, io::Error>((metadata.dev(), metadata.ino()))
    };
    Ok([file("ns/mnt")?, file("root")?])
}

/// The process that listens at an engine's socket.
fn listener_of(engine: &Address) -> io::Result<i32> {
    let socket = engine.socket().ok_or(ErrorKind::Unsupported)?;
    let connection = UnixStream::connect(socket)?;
    Ok(rustix::net::sockopt::socket_peercred(&connection)?.pid.as_raw_pid())
}

/// Makes the directory of all pins, and mounts its file system there.
fn prepare() -> io::Result<()> {
    let at = Path::new(DIRECTORY);
    match DirBuilder::new().mode(0o700).create(at) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made?,
    }
    if is_mounted(at)? {
        return Ok(());
    }
    // Of two processes that come at once, one mounts it: what is locked is the directory beneath.
    let beneath = File::open(at)?;
    beneath.lock()?;
    if is_mounted(at)? {
        return Ok(());
    }
    mounts::mount_in_memory(FILE_SYSTEM, at)
}

fn is_mounted(at: &Path) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(at)?;
    if !metadata.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    Ok(at.parent().map(fs::metadata).transpose()?.is_none_or(|above| above.dev() != metadata.dev()))
}

/// Which engine pins are for, as their makers' directories have it.
fn tag(engine: &Address) -> String {
    let mut tag = Key::new([0; Key::LEN]).seal(&engine.to_string());
    tag.truncate(DIGITS);
    tag
}

impl PinMaker {
    fn new(engine: &Address) -> io::Result<Self> {
        prepare()?;
        let mut random = [0; DIGITS / 2];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
        let random = u32::from_ne_bytes(random);
        let name = format!("{}-{random:08x}", tag(engine));
        let at = Path::new(DIRECTORY).join(&name);
        DirBuilder::new().mode(0o700).create(&at)?;
        // Another process may just look whether somebody has it.
        let directory = File::open(&at)?;
        directory.lock()?;
        Ok(Self { engine: engine.to_string(), name, directory, held: BTreeSet::new() })
    }

    fn path(&self) -> PathBuf {
        Path::new(DIRECTORY).join(&self.name)
    }

    fn make(&mut self, source: &HeldSource, recursive: bool, number: u64) -> io::Result<PathBuf> {
        let (name, mount) = (number.to_string(), mounts::clone_of(&source.fd, recursive)?);
        let at = self.path().join(&name);
        if source.is_directory {
            DirBuilder::new().mode(0o700).create(&at)?;
        } else {
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&at)?;
        }
        let attached = mounts::attach(&mount, &self.directory, &name, &at);
        if attached.is_err() {
            let _ = remove(&at);
        }
        attached.map(|()| at)
    }
}

impl Drop for PinMaker {
    fn drop(&mut self) {
        // Nobody needs it where it is empty. The pins in it are for whoever sweeps next.
        let _ = fs::remove_dir(self.path());
    }
}

impl Pins {
    /// Pins what a handle is for, and gives the path by which this engine is to mount it. It stays for as long as this is held, and
    /// then for as long as the engine lists it.
    ///
    /// # Errors
    /// Where nothing can be mounted.
    pub(crate) fn make(
        &self,
        engine: &Address,
        source: &HeldSource,
        recursive: bool,
    ) -> io::Result<(EnginePath, HeldPin)> {
        // Nobody sweeps meanwhile.
        let mut made = self.made();
        let number = made.next;
        made.next += 1;
        let of = engine.to_string();
        let known = made.makers.iter().position(|maker| maker.engine == of && maker.path().exists());
        let at = if let Some(at) = known {
            at
        } else {
            made.makers.push(PinMaker::new(engine)?);
            made.makers.len() - 1
        };
        let maker = &mut made.makers[at];
        let pin = maker.make(source, recursive, number)?;
        maker.held.insert(number);
        let pin = EnginePath::parse(pin.as_os_str().as_encoded_bytes()).map_err(io::Error::other)?;
        Ok((pin, HeldPin { pins: self.clone(), maker: maker.name.clone(), number }))
    }

    /// Removes the pins that neither a container nor a volume of this engine has: now, and whenever containers change.
    pub(crate) fn sweep(&self, engine: Address, mut changes: watch::Receiver<()>) -> PinSweeper {
        let (pins, mut over) = (self.clone(), self.0.over.subscribe());
        PinSweeper(tokio::spawn(async move {
            loop {
                let left = pins.sweep_once(&engine).await.unwrap_or_else(|error| {
                    tracing::debug!(%error, directory = DIRECTORY, "pins may be left that nobody needs");
                    true
                });
                let told = tokio::select! {
                    told = changes.changed() => told,
                    told = over.changed() => told,
                    () = tokio::time::sleep(AGAIN), if left => Ok(()),
                };
                if told.is_err() {
                    return;
                }
            }
        }))
    }

    /// Removes those of them that this process has made, before it ends: nobody may come after it.
    pub(crate) async fn sweep_own(&self, engine: &Address) {
        let has_made = !self.made().makers.is_empty();
        if has_made && tokio::time::timeout(LAST, self.sweep_once(engine)).await.is_err() {
            tracing::debug!(directory = DIRECTORY, "pins may be left that nobody needs");
        }
    }

    /// Says whether there may be more to remove later.
    async fn sweep_once(&self, engine: &Address) -> io::Result<bool> {
        let (pins, left) = self.unheld(engine)?;
        if pins.is_empty() {
            return Ok(left);
        }
        let mut listed = String::new();
        for list in ["/containers/json?all=true", "/volumes"] {
            let answer = client::get(engine, list, PATIENCE).await.map_err(io::Error::other)?;
            if answer.status != 200 {
                return Err(io::Error::other(format!("the engine answered {}", answer.status)));
            }
            listed.push_str(&String::from_utf8_lossy(&answer.body));
        }
        let unlisted = pins.iter().filter(|pin| !is_listed(pin, &listed));
        // One that cannot be removed keeps no other.
        let removed = unlisted.map(|pin| remove(pin)).fold(Ok(()), io::Result::and);
        removed.map(|()| left)
    }

    /// The pins for an engine that are of no request any more, and whether there are others that may soon be.
    fn unheld(&self, engine: &Address) -> io::Result<(Vec<PathBuf>, bool)> {
        let (mut pins, mut left) = (Vec::new(), false);
        let makers = match fs::read_dir(DIRECTORY) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((pins, left)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok((pins, left)),
            makers => makers?,
        };
        let prefix = format!("{}-", tag(engine));
        for maker in makers {
            let maker = maker?;
            let name = maker.file_name().into_string().unwrap_or_default();
            if !name.starts_with(&prefix) {
                continue;
            }
            let made = self.made();
            let own = made.makers.iter().find(|one| one.name == name);
            // That of a process that still runs is its own to sweep.
            let lock = if own.is_some() { None } else { mounts::try_lock(&maker.path())? };
            if own.is_none() && lock.is_none() {
                left = true;
                continue;
            }
            let mut is_empty = true;
            for pin in fs::read_dir(maker.path())? {
                let pin = pin?;
                let number = pin.file_name().to_str().and_then(|number| number.parse::<u64>().ok());
                is_empty = false;
                if own.is_some_and(|own| number.is_some_and(|number| own.held.contains(&number))) {
                    continue;
                }
                // The directory's own time: the pin shows that of what it is of.
                if own.is_none() && is_young(&maker.path())? {
                    left = true;
                } else {
                    pins.push(pin.path());
                }
            }
            if is_empty && own.is_none() {
                if is_young(&maker.path())? {
                    left = true;
                } else {
                    fs::remove_dir(maker.path())?;
                }
            }
        }
        Ok((pins, left))
    }

    fn made(&self) -> MutexGuard<'_, PinsMade> {
        // Nothing in here leaves it half-changed.
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes pins until it is dropped.
#[derive(Debug)]
pub(crate) struct PinSweeper(JoinHandle<()>);

impl Drop for PinSweeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether a pin was made or removed in a directory just now.
fn is_young(maker: &Path) -> io::Result<bool> {
    let age = SystemTime::now().duration_since(fs::metadata(maker)?.modified()?);
    Ok(age.is_ok_and(|age| age < UNDER_WAY))
}

/// Whether an engine's lists have a pin: nothing that follows its path may go on with it.
fn is_listed(pin: &Path, listed: &str) -> bool {
    let Some(path) = pin.to_str() else { return true };
    listed.match_indices(path).any(|(at, _)| {
        let next = listed[at + path.len()..].bytes().next();
        next.is_none_or(|next| !next.is_ascii_digit())
    })
}

fn remove(pin: &Path) -> io::Result<()> {
    mounts::detach(pin)?;
    if fs::symlink_metadata(pin)?.is_dir() { fs::remove_dir(pin) } else { fs::remove_file(pin) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;

    fn engine(name: &str) -> Address {
        Address::Unix(format!("/nonexistent/{name}-{}.sock", std::process::id()).into())
    }

    fn held(path: &Path) -> HeldSource {
        let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
        let fd: OwnedFd = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).unwrap();
        HeldSource { fd, is_directory: path.is_dir() }
    }

    fn local(pin: &EnginePath) -> PathBuf {
        PathBuf::from(pin.as_str().unwrap())
    }

    #[test]
    fn a_pin_shows_what_was_held_whatever_is_exchanged_later() {
        if prepare().is_err() {
            return;
        }
        let (pins, engine) = (Pins::default(), engine("shows"));
        let folder = tempfile::tempdir().unwrap();
        let (dir, file) = (folder.path().join("d"), folder.path().join("f"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("in"), "first").unwrap();
        fs::write(&file, "first").unwrap();
        let (of_dir, held_dir) = pins.make(&engine, &held(&dir), true).unwrap();
        let (of_file, held_file) = pins.make(&engine, &held(&file), true).unwrap();
        for one in [&dir, &file] {
            fs::rename(one, one.with_extension("away")).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", one).unwrap();
        }
        assert_eq!(fs::read_to_string(local(&of_dir).join("in")).unwrap(), "first");
        assert_eq!(fs::read_to_string(local(&of_file)).unwrap(), "first");
        let (unheld, _) = pins.unheld(&engine).unwrap();
        assert_eq!(unheld, [] as [PathBuf; 0], "both are of a request under way");
        drop((held_dir, held_file));
        let (mut unheld, _) = pins.unheld(&engine).unwrap();
        unheld.sort();
        assert_eq!(unheld, [local(&of_dir), local(&of_file)]);
        for pin in &unheld {
            remove(pin).unwrap();
            assert!(!pin.exists());
        }
        let maker = unheld[0].parent().unwrap().to_owned();
        drop(pins);
        assert!(!maker.exists());
    }

    #[test]
    fn what_cannot_be_pinned_leaves_nothing() {
        if prepare().is_err() {
            return;
        }
        let (pins, engine) = (Pins::default(), engine("nothing"));
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc", &link).unwrap();
        let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::NOFOLLOW;
        let fd = rustix::fs::open(&link, flags, rustix::fs::Mode::empty()).unwrap();
        assert!(pins.make(&engine, &HeldSource { fd, is_directory: false }, true).is_err());
        assert_eq!(pins.unheld(&engine).unwrap().0, [] as [PathBuf; 0]);
    }

    #[test]
    fn what_is_mounted_in_a_source_stays_there_when_its_pin_goes() {
        if prepare().is_err() {
            return;
        }
        let (pins, engine) = (Pins::default(), engine("stays"));
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("in");
        fs::create_dir(&at).unwrap();
        mounts::mount_in_memory("t", &at).unwrap();
        rustix::mount::mount_change(&at, rustix::mount::MountPropagationFlags::SHARED).unwrap();
        fs::write(at.join("f"), "x").unwrap();
        let (pin, held) = pins.make(&engine, &held(folder.path()), true).unwrap();
        let (bare, also) = pins.make(&engine, &self::held(folder.path()), false).unwrap();
        assert!(local(&pin).join("in/f").exists());
        assert!(!local(&bare).join("in/f").exists());
        drop((held, also));
        for pin in [pin, bare] {
            remove(&local(&pin)).unwrap();
        }
        assert_eq!(fs::read_to_string(at.join("f")).unwrap(), "x");
        mounts::detach(&at).unwrap();
    }

    #[test]
    fn a_pin_is_listed_by_its_whole_path() {
        let listed = r#"[{"Mounts":[{"Source":"/run/hostward-pins/a-b/12"}],"Labels":{"x":"{\"given\":\"/run/hostward-pins/a-b/7\"}"}}]"#;
        let is_listed = |pin: &str| super::is_listed(Path::new(pin), listed);
        assert!(is_listed("/run/hostward-pins/a-b/12") && is_listed("/run/hostward-pins/a-b/7"));
        assert!(!is_listed("/run/hostward-pins/a-b/1") && !is_listed("/run/hostward-pins/a-c/12"));
    }
}
