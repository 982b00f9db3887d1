//! How a caller sees files: its view, and eyes to look into it.
//!
//! The view is what the engine lists, borne out by the kernel's mountinfo of a process of the caller where that can be
//! read. The eyes look through `/proc/PID/root` (`proc_pid_root(5)`) and, where that cannot be opened (no `/proc` of the
//! caller, no permission, the engine on another machine), ask the engine (T24).
//!
//! One piece for the proxy and for programs that only want to know: [`Sight`].

mod apart;
mod confirm;
mod eyes;
mod looks; // how much of that a request may have
mod machine; // the other side
mod make;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hostward::abilities::Abilities;
use hostward::cgroup;
use hostward::explicit::{Map, Unmapped};
use hostward::inspect::Container;
use hostward::mount::{Mount, Source};
use hostward::mountinfo;
use hostward::path::{AskedPath, CallerPath, EnginePath, Rest};
use hostward::plan::{self, Give, Given, Plan, Wish};
use hostward::reading::{self, Reading, Words};
use hostward::refusal::{Reason, Refusal};
use hostward::table::Table;
use hostward::view::{Socket, View};
use hostward::walk::{Entry, Resolved, Step, Walk};
use hostward_engine::address::Address;
use hostward_engine::discover;

use eyes::{Eyes, Follow, Identity, Root};
pub use looks::{Looks, Most};
use machine::Runner;

/// The longest that looking at a caller's files may take.
const LOOK_LIMIT: Duration = Duration::from_secs(30);

/// Looks at a caller's files on a thread of its own: they may be on a server that has gone, and the other connections
/// go on.
///
/// # Errors
/// Files that do not answer in time.
pub async fn look<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    // What it says is said of the same request.
    let span = tracing::Span::current();
    let looking = tokio::task::spawn_blocking(move || span.in_scope(work));
    match tokio::time::timeout(LOOK_LIMIT, looking).await {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(error)) => Err(format!("looking at the calling container's files failed: {error}")),
        Err(_) => {
            Err(format!("the calling container's files do not answer within {} s", LOOK_LIMIT.as_secs()))
        }
    }
}

/// The first process of a container, where it can be seen from here: the engine's pid means somebody else where this
/// process has a pid namespace of its own, or is on another machine.
pub fn visible_pid(container: &Container) -> Option<u32> {
    let pid = container.pid?;
    let cgroup = std::fs::read(format!("/proc/{pid}/cgroup")).ok()?;
    (cgroup::container_id(&cgroup).as_ref() == Some(&container.id)).then_some(pid)
}

/// Whether the engine's machine can be looked at from here: its processes by `/proc`, its files by their roots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Machine {
    /// It can.
    Seen,
    /// It cannot, or nothing tells: this process is in a container, or the engine elsewhere.
    #[default]
    Unseen,
}

impl Machine {
    /// The machine of this engine.
    pub async fn of(engine: &Address) -> Self {
        if discover::sees_engine(engine).await { Self::Seen } else { Self::Unseen }
    }
}

/// A caller's view, and how to look into it.
///
/// Its methods block: in a runtime they belong into [`look`].
#[derive(Debug)]
pub struct Sight {
    view: View,
    /// `None` where nothing but explicit maps is known: paths are taken by their text there.
    eyes: Option<Eyes>,
    /// What the kernel has mounted for the caller.
    mounts: Vec<mountinfo::Line>,
    machine: Machine,
    /// Who runs the caller's container, where it has files of its own.
    runner: Option<Runner>,
    /// Of all sights of this process: what one has seen is no other's.
    number: u64,
}

/// A path for which the engine is given something else.
#[derive(Debug)]
pub struct Change {
    /// The path as it was asked.
    pub asked: AskedPath,
    /// Whose it is.
    pub words: Words,
    /// Where it leads.
    pub resolved: Resolved,
    /// What the request wants of it.
    pub wish: Wish,
    /// What the engine is given.
    pub given: Given,
}

impl Sight {
    /// A caller of which only explicit maps are known.
    pub fn of_maps(maps: Vec<Map>) -> Self {
        Self::blind(View::explicit(maps))
    }

    /// This process's own files, in a view that is known otherwise: the engine's machine, or explicit maps.
    ///
    /// # Errors
    /// Where `/proc` is not mounted.
    pub fn here(view: View) -> Result<Self, Reason> {
        let root = Root::of_process(std::process::id()).map_err(unseen)?;
        Ok(Self { eyes: Some(Eyes::Root(root)), ..Self::blind(view) })
    }

    fn blind(view: View) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { view, eyes: None, mounts: Vec::new(), machine: Machine::Unseen, runner: None, number }
    }

    /// The process `pid`, which runs in a container that has the mounts of `table` by the engine's word.
    ///
    /// # Errors
    /// Where the process has ended, or this process may not look at it.
    pub fn of_process(pid: u32, table: &Table, maps: Vec<Map>, machine: Machine) -> Result<Self, Reason> {
        let (root, mounts) = process(pid).map_err(unseen)?;
        Self::placed(Eyes::Root(root), table, maps, Some(mounts), (machine, Some(pid)))
    }

    /// A container, seen through its process `pid`, or through its engine where there is none to be seen.
    ///
    /// In a tokio runtime only, which must go on running while the sight is used: it asks the engine.
    ///
    /// # Errors
    /// Where neither way shows its files.
    pub fn of_container(
        pid: Option<u32>,
        engine: &Address,
        container: &Container,
        maps: Vec<Map>,
        machine: Machine,
    ) -> Result<Self, Reason> {
        let (eyes, mounts) = match pid.map(process) {
            Some(Ok((root, mounts))) => (Eyes::Root(root), Some(mounts)),
            // It has ended. The engine, which is removing its container perhaps, would be asked in vain, and for long.
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => return Err(unseen(error)),
            Some(Err(_)) | None => (Eyes::of_engine(engine, &container.id), None),
        };
        Self::placed(eyes, &container.table, maps, mounts, (machine, pid))
    }

    /// The same sight, in which the engine's socket means Hostward's (T11), which this process has at `own`.
    #[must_use]
    pub fn with_socket(self, socket: Socket, own: Option<&Path>) -> Self {
        let own = own.and_then(|own| Identity::of(own).ok());
        let eyes = &self.eyes;
        let is_own = |at: &CallerPath| {
            let Some(Eyes::Root(root)) = eyes else { return false };
            own.is_some() && root.identity(at.as_bytes(), Follow::Nothing).ok().flatten() == own
        };
        let view = self.view.with_socket(socket).with_own_socket(is_own);
        Self { view, ..self }
    }

    /// The same sight, in which a path that nothing maps is this (T17).
    #[must_use]
    pub fn with_unmapped(self, unmapped: Unmapped) -> Self {
        Self { view: self.view.with_unmapped(unmapped), ..self }
    }

    /// What the caller's paths are made of.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Whether only the engine tells what stands at a path: it finds nothing beneath a tmpfs, and no mount that was
    /// made since the container started.
    pub fn is_by_the_engine(&self) -> bool {
        matches!(self.eyes, Some(Eyes::Engine(_)))
    }

    /// Where a path leads in the caller's view, be it the caller's own or the engine's already (T16).
    ///
    /// # Errors
    /// A path that leads nowhere, cannot be looked at, or takes more looks than there are.
    pub fn resolve(&self, asked: &AskedPath, looks: &Looks) -> Result<Reading, Reason> {
        self.agrees_with_the_machine(asked, looks)?;
        reading::read(asked, &self.view, |asked| match &self.eyes {
            Some(eyes) => looks.resolved(self.number, asked, || {
                follow(asked, |path| looks.entry(self.number, path, || eyes.look(path, looks)))
            }),
            None => Ok(Resolved { path: asked.clean(), exists: true }),
        })
    }

    /// What the engine is given for a path that leads to `resolved`: [`plan::plan`], and in the place of the engine's own
    /// socket, by whatever path the caller comes to it, Hostward's (T11).
    ///
    /// # Errors
    /// A refusal where nothing faithful can be given.
    pub fn plan(
        &self,
        asked: &AskedPath,
        resolved: &Resolved,
        wish: &Wish,
        abilities: Abilities,
    ) -> Result<Plan, Refusal> {
        let mut plan = plan::plan(asked, resolved, &self.view, wish, abilities)?;
        let (Plan::Given(given), Some(Socket { own, raw: Some(raw) })) = (&mut plan, self.view.socket())
        else {
            return Ok(plan);
        };
        let is_raw = self.is_file(raw);
        let refuse = |reason| Refusal { asked: asked.clone(), reason };
        let beneath = given.beneath.iter_mut().map(|beneath| (&mut beneath.source, &mut beneath.read_only));
        let itself = [(&mut given.source, &mut given.read_only)];
        for (number, (source, read_only)) in itself.into_iter().chain(beneath).enumerate() {
            if matches!(source, Give::Bind(path) if is_raw(path)) {
                let own = own.clone().ok_or_else(|| refuse(Reason::Socket))?;
                // That a caller may only read the file means nothing to a socket.
                (*source, *read_only) = (Give::Bind(own), wish.read_only);
                given.lasting &= number > 0;
            }
        }
        Ok(plan)
    }

    /// Where the mounts that the engine lists have its own socket.
    pub fn engine_sockets(&self, listed: &Table) -> Vec<CallerPath> {
        let Some(Socket { raw: Some(raw), .. }) = self.view.socket() else { return Vec::new() };
        let is_raw = self.is_file(raw);
        let socket = |mount: &Mount| {
            let Source::Bind(source) = &mount.source else { return None };
            let rest = if is_raw(source) { Rest::empty() } else { raw.within(source)? };
            let at = mount.destination.join(&rest);
            // Another mount may stand over it.
            (listed.covering(&at)?.destination == mount.destination).then_some(at)
        };
        listed.iter().filter_map(socket).collect()
    }

    /// Whether a path of the engine's machine is the file that is at `path`, where that machine can be looked at.
    fn is_file(&self, path: &EnginePath) -> impl Fn(&EnginePath) -> bool {
        let machine =
            (self.machine == Machine::Seen).then(|| machine::root(self.runner)).and_then(Result::ok);
        let identity = move |path: &EnginePath| {
            machine.as_ref().and_then(|root| root.identity(path.as_bytes(), Follow::Links).ok().flatten())
        };
        let file = identity(path);
        move |other| file.is_some() && identity(other) == file
    }

    /// Destinations are named as they were asked for; the kernel lists where they led (/var/run → /run), and so do
    /// callers' paths.
    fn placed(
        eyes: Eyes,
        table: &Table,
        maps: Vec<Map>,
        kernel: Option<Vec<mountinfo::Line>>,
        (machine, pid): (Machine, Option<u32>),
    ) -> Result<Self, Reason> {
        let looks = Looks::new(Most::for_mounts(table.iter().count() + maps.len()), Arc::default());
        let mut place = |named: &CallerPath| -> Result<CallerPath, Reason> {
            let asked = AskedPath::parse(named.as_bytes()).map_err(unseen)?;
            // Most have directories in common, and the engine takes its time.
            let resolved = follow(&asked, |path| looks.entry(0, path, || eyes.look(path, &looks)));
            Ok(resolved?.path)
        };
        let runner = pid.filter(|_| machine == Machine::Seen).and_then(Runner::of);
        let mut table = table.clone();
        if let Some(presumed) = &table.root().presumed
            && machine == Machine::Seen
            && machine::root(runner).is_ok_and(|machine| eyes.is_at(presumed, &machine))
        {
            table.confirm_root();
        }
        let mut table = table.placed(&mut place)?;
        let maps = maps.into_iter().map(|map| {
            let caller = place(map.caller())?;
            Ok(map.at(caller))
        });
        let maps = maps.collect::<Result<Vec<_>, Reason>>()?;
        if let Some(mounts) = &kernel {
            table = table.confirmed(mounts.iter().cloned());
        }
        let mounts = kernel.unwrap_or_default();
        let view = View::container(table, maps);
        Ok(Self { eyes: Some(eyes), mounts, machine, runner, ..Self::blind(view) })
    }
}

/// A process's root directory, and what the kernel has mounted for it.
fn process(pid: u32) -> std::io::Result<(Root, Vec<mountinfo::Line>)> {
    let root = Root::of_process(pid)?;
    let text = std::fs::read(format!("/proc/{pid}/mountinfo"))?;
    Ok((root, mountinfo::lines(&text).collect()))
}

/// Follows a path through what stands at each of its components.
fn follow(
    asked: &AskedPath,
    mut look: impl FnMut(&CallerPath) -> Result<Entry, Reason>,
) -> Result<Resolved, Reason> {
    let mut walk = Walk::new(asked);
    loop {
        match walk.step().map_err(Reason::Nowhere)? {
            Step::Done(resolved) => return Ok(resolved),
            Step::Look(path) => walk.found(look(&path)?),
        }
    }
}

/// For `map_err`.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives its error away")]
fn unseen(error: impl ToString) -> Reason {
    Reason::Unseen(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_can_be_seen() {
        let sight =
            Sight::of_process(std::process::id(), &Table::default(), Vec::new(), Machine::Unseen).unwrap();
        let resolved =
            sight.resolve(&AskedPath::parse(b"/proc/../usr").unwrap(), &Looks::default()).unwrap().resolved;
        assert_eq!((resolved.path.as_bytes(), resolved.exists), (&b"/usr"[..], true));
    }

    #[test]
    fn without_eyes_a_path_is_taken_by_its_text() {
        let asked = AskedPath::parse(b"/a/../b").unwrap();
        let resolved = Sight::of_maps(Vec::new()).resolve(&asked, &Looks::default()).unwrap().resolved;
        assert_eq!((resolved.path.as_bytes(), resolved.exists), (&b"/b"[..], true));
    }
}
