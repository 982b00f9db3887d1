//! A caller's view, and eyes to look into it. What is asked of it is in files of their own: where a path leads (`resolve.rs`),
//! what the engine is given for it (`socket.rs`), whether that is the same file (`confirm.rs`).

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hostward::explicit::{Map, Missing, Unmapped};
use hostward::inspect::Container;
use hostward::mount::Root;
use hostward::path::{AskedPath, CallerPath, EnginePath};
use hostward::refusal::Reason;
use hostward::table::Table;
use hostward::view::{Named, Socket, View};
use hostward_engine::address::Address;
use rustix::fd::{AsFd, BorrowedFd};

use crate::common_mounts::CommonMounts;
use crate::eyes::{Eyes, Follow, Identity, ProcessRoot, follow, unseen};
use crate::looks::{Looks, Most};
use crate::machine::{Machine, visible_pid};
use crate::mounted::Mounted;
use crate::runner::{self, Runner};

/// A caller's view, and how to look into it.
///
/// Its methods block: in a runtime they belong into [`look`](crate::look).
#[derive(Debug)]
pub struct Sight {
    pub(crate) view: View,
    /// `None` where nothing but explicit maps is known: paths are taken by their text there.
    pub(crate) eyes: Option<Eyes>,
    /// What the kernel has mounted for the caller, where it is seen through a process.
    pub(crate) mounted: Mounted,
    pub(crate) machine: Machine,
    /// Who runs the caller's container, where it has files of its own.
    pub(crate) runner: Option<Runner>,
    /// Of all sights of this process: what one has seen is no other's.
    pub(crate) number: u64,
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
        let root = ProcessRoot::of_process(std::process::id()).map_err(unseen)?;
        Ok(Self { eyes: Some(Eyes::Process(root)), ..Self::blind(view) })
    }

    /// A process of the host that is not seen from here: its paths are the engine's.
    pub fn of_host() -> Self {
        Self::blind(View::identity())
    }

    pub(crate) fn blind(view: View) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { view, eyes: None, mounted: Mounted::default(), machine: Machine::Unseen, runner: None, number }
    }

    /// The process `pid`, which runs in a container that has the mounts of `table` by the engine's word.
    ///
    /// # Errors
    /// Where the process has ended, or this process may not look at it.
    pub fn of_process(pid: u32, table: &Table, maps: Vec<Map>, machine: Machine) -> Result<Self, Reason> {
        let root = ProcessRoot::of_process(pid).map_err(unseen)?;
        let mounted = Mounted::of_process(pid).map_err(unseen)?;
        let runner = if machine.is_seen() { Runner::of(pid, None) } else { None };
        Self::placed(Eyes::Process(root), table, maps, Some(mounted), (machine, runner))
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
        let with_mounted = |pid| Ok((ProcessRoot::of_process(pid)?, Mounted::of_process(pid)?));
        let (eyes, mounted) = match pid.map(with_mounted) {
            Some(Ok((root, mounted))) => (Eyes::Process(root), Some(mounted)),
            // It has ended. The engine, which is removing its container perhaps, would be asked in vain, and for long.
            Some(Err::<_, io::Error>(error)) if error.kind() == ErrorKind::NotFound => {
                return Err(unseen(error));
            }
            Some(Err(_)) | None => (Eyes::of_engine(engine, &container.id), None),
        };
        let runner = pid.filter(|_| machine.is_seen());
        let runner = runner.and_then(|pid| Runner::of(pid, visible_pid(container, machine)));
        Self::placed(eyes, &container.table, maps, mounted, (machine, runner))
    }

    /// A container that nobody can look into, for `reason`, as far as this process has the same mounts, which sees files by `own`.
    ///
    /// In a tokio runtime only: it asks the engine.
    ///
    /// # Errors
    /// With the reason, where that does not show where its mounts are.
    pub fn of_common_mounts(
        own: Self,
        engine: &Address,
        container: &Container,
        maps: Vec<Map>,
        reason: Reason,
    ) -> Result<Self, Reason> {
        let Self { view, eyes: Some(Eyes::Process(root)), mounted, machine, .. } = own else {
            return Err(reason);
        };
        let mounts = Box::new(CommonMounts::of(view, engine, container, reason)?);
        let eyes = Eyes::Common { mounts, root };
        let sight = Self::placed(eyes, &container.table, maps, None, (machine, None))?;
        // What it is seen by is this process's.
        Ok(Self { mounted, ..sight })
    }

    /// The same sight, in which the engine's socket means Hostward's (T11), which this process has at `own`.
    #[must_use]
    pub fn with_socket(self, socket: Socket, own: Option<&Path>) -> Self {
        let own = own.and_then(|own| Identity::of(own).ok());
        let eyes = &self.eyes;
        let is_own = |at: &CallerPath| {
            let Some(Eyes::Process(root)) = eyes else { return false };
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

    /// The same sight, in which the caller's maker has these names for its directories (T16).
    #[must_use]
    pub fn with_names(self, names: Vec<Named>) -> Self {
        Self { view: self.view.with_names(names), ..self }
    }

    /// The same sight, in which this happens to what is missing in the root filesystem (T10).
    #[must_use]
    pub fn with_missing(self, missing: Missing) -> Self {
        Self { view: self.view.with_missing(missing), ..self }
    }

    /// What the caller's paths are made of.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Whether the caller still has the mounts that this was made of, by the kernel's word: it says so of a process's mounts, and
    /// not of a caller that only the engine sees.
    pub fn holds(&self) -> bool {
        matches!(self.eyes, Some(Eyes::Engine(_))) || self.mounted.holds()
    }

    /// The root directory that it is seen from, where it is seen through a process.
    pub fn root(&self) -> Option<BorrowedFd<'_>> {
        match &self.eyes {
            Some(Eyes::Process(root)) => Some(root.as_fd()),
            Some(Eyes::Engine(_) | Eyes::Common { .. }) | None => None,
        }
    }

    /// How many mounts the kernel has listed for it.
    pub fn mounts(&self) -> usize {
        self.mounted.len()
    }

    /// Whether its files are seen without a process of it, and so by what the engine says of its mounts: that has no mount
    /// that was made since the container started.
    pub fn is_by_the_engine(&self) -> bool {
        matches!(self.eyes, Some(Eyes::Engine(_) | Eyes::Common { .. }))
    }

    /// Destinations are named as they were asked for; the kernel lists where they led (/var/run → /run), and so do
    /// callers' paths.
    fn placed(
        eyes: Eyes,
        table: &Table,
        maps: Vec<Map>,
        mounted: Option<Mounted>,
        (machine, runner): (Machine, Option<Runner>),
    ) -> Result<Self, Reason> {
        let looks = Looks::new(Most::for_mounts(table.iter().count() + maps.len()), Arc::default());
        let mut place = |named: &CallerPath| -> Result<CallerPath, Reason> {
            let asked = AskedPath::parse(named.as_bytes()).map_err(unseen)?;
            // Most have directories in common, and the engine takes its time.
            let resolved = follow(&asked, |path| looks.entry(0, path, || eyes.look(path, &looks)));
            Ok(resolved?.path)
        };
        let mut table = table.clone();
        if machine.is_seen()
            && table.root().path.is_none()
            && let Some(root) = root_on_the_machine(&eyes, table.root(), mounted.as_ref(), runner)
        {
            table.presume_root(Some(root));
            table.confirm_root();
        }
        let mut table = table.placed(&mut place)?;
        let maps = maps.into_iter().map(|map| {
            let caller = place(map.caller())?;
            Ok(map.at(caller))
        });
        let maps = maps.collect::<Result<Vec<_>, Reason>>()?;
        if let Some(mounted) = &mounted {
            table = table.confirmed(mounted.iter().cloned());
        }
        let mounted = mounted.unwrap_or_default();
        let view = View::container(table, maps);
        Ok(Self { eyes: Some(eyes), mounted, machine, runner, ..Self::blind(view) })
    }
}

/// How many places are compared with a root filesystem: a directory is hardly mounted more often.
const MOST_PLACES: usize = 16;

/// Where the engine's machine has a root filesystem of which the engine does not say that: at the likely place, or where the
/// kernel has the directory that the caller has for `/`. Storage drivers that mount nothing (vfs, btrfs) have it in the
/// engine's data, and only the engine's own notes say which directory it is. It counts where both sides see one file.
fn root_on_the_machine(
    eyes: &Eyes,
    root: &Root,
    mounted: Option<&Mounted>,
    runner: Option<Runner>,
) -> Option<EnginePath> {
    let machine = runner::engine_side(runner).ok()?;
    let own = mounted.and_then(|mounted| mounted.at(&CallerPath::root()));
    let places = own.into_iter().flat_map(|own| machine.mounted.places_of(own)).take(MOST_PLACES);
    root.presumed.iter().cloned().chain(places).find(|place| eyes.is_at(place, &machine.root))
}
