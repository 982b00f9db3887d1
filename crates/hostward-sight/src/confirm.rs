//! What the engine is given is what the caller sees: the same device and inode, through the caller's root and through
//! the machine's.
//!
//! Where the caller sees something, the engine must find it: a source that has gone (its directory was moved, removed or
//! replaced while the caller ran) would be made anew by the engine, as an empty directory. So nothing here means "cannot
//! tell" but a machine that cannot be looked at at all ([`Machine::Unseen`](crate::Machine::Unseen)).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, OnceLock};

use hostward::abilities::Abilities;
use hostward::containment::Contained;
use hostward::mountinfo::Line;
use hostward::origin::Origin;
use hostward::path::{CallerPath, EnginePath};
use hostward::places::is_fixture;
use hostward::plan::{self, Covered, Give};
use hostward::refusal::{Reason, Refusal};

use crate::change::Change;
use crate::eyes::{Eyes, Follow, Identity, ProcessRoot, unseen};
use crate::looks::Looks;
use crate::mounted::Mounted;
use crate::runner::{self, EngineSide};
use crate::sight::Sight;

/// A directory or file of the caller's, and what the engine is given for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    here: CallerPath,
    there: EnginePath,
    /// Where the mount is that the caller has it by.
    mount: CallerPath,
    /// The engine makes what is missing.
    makes: bool,
}

/// Both sides of it: the caller's root directory and the machine's.
#[derive(Debug)]
struct Sides<'a> {
    caller: &'a ProcessRoot,
    /// What the kernel has mounted for the caller.
    mounted: &'a Mounted,
    machine: Arc<EngineSide>,
    looks: &'a Looks,
    /// What was looked up on either side: a request may name one directory a thousand times.
    seen: RefCell<[HashMap<Vec<u8>, Seen>; 2]>,
    /// The mounts of either side on which nothing has moved, by their numbers.
    in_place: RefCell<[HashSet<u64>; 2]>,
}

/// What stands at a path of one side, or why that cannot be said.
type Seen = Result<Option<Identity>, String>;

impl Sight {
    /// Makes sure that all that the engine is given is what the caller sees: what was asked, each mount that comes
    /// along, and whatever either side has mounted beneath them.
    ///
    /// Not asked of explicit maps, whose word counts (T15), nor of Hostward's socket, which is given in another's place. A
    /// file that is itself a mount of the caller may be another by now: editors replace files, and what is there is what
    /// the user means. Where the engine's machine cannot be looked at from here, only the tables can tell.
    ///
    /// # Errors
    /// Where the two differ, the machine does not have what the caller sees, or the caller's side cannot be looked at.
    pub fn confirm(&self, changes: &[Change], abilities: Abilities, looks: &Looks) -> Result<(), Refusal> {
        let (Some(Eyes::Process(caller)), true, Some(first)) =
            (&self.eyes, self.machine.is_seen(), changes.first())
        else {
            return Ok(());
        };
        let refuse = |change: &Change, reason| Refusal { asked: change.asked.clone(), reason };
        // Once for all of them.
        let sides = self.sides(caller, looks).map_err(|reason| refuse(first, reason))?;
        let recursive = abilities.recursive_read_only() && kernel_has_recursive_read_only();
        let confirm =
            |change| self.confirm_one(&sides, change, recursive).map_err(|reason| refuse(change, reason));
        changes.iter().try_for_each(confirm)
    }

    fn sides<'a>(&'a self, caller: &'a ProcessRoot, looks: &'a Looks) -> Result<Sides<'a>, Reason> {
        let machine = runner::engine_side(self.runner).map_err(unseen)?;
        Ok(Sides {
            caller,
            mounted: &self.mounted,
            machine,
            looks,
            seen: RefCell::default(),
            in_place: RefCell::default(),
        })
    }

    /// `recursive` says that what the engine is told to mount read-only is so all the way down, where nothing else is said.
    fn confirm_one(&self, sides: &Sides<'_>, change: &Change, recursive: bool) -> Result<(), Reason> {
        let Change { asked, words: _, resolved, wish, given } = change;
        let mut pairs = Vec::new();
        let origin = plan::meaning(asked, resolved, &self.view);
        let pair = Pair::of(&origin, &resolved.path, &given.source)
            .map(|pair| Pair { makes: wish.creates && !resolved.exists, ..pair });
        if let Some(pair) = &pair
            && sides.agree(pair, None)?
        {
            pairs.push(pair.clone());
        }
        let mut beneath = Vec::new();
        for mount in &given.beneath {
            let origin = self.view.locate(&mount.at);
            let pair = Pair::of(&origin, &mount.at, &mount.source);
            if let Some(pair) = &pair
                && sides.agree(pair, Some(&mount.at))?
            {
                pairs.push(pair.clone());
            }
            beneath.push((mount, pair));
        }
        // Nothing is mounted beneath what is only to be made, and a bind that is not recursive brings nothing along.
        if !resolved.exists || !wish.recursive {
            return Ok(());
        }
        for pair in &pairs {
            sides.stay_in_place(pair)?;
        }
        let along = given.beneath.iter().map(|beneath| &beneath.at).collect();
        let apart = Apart { along, directory: &resolved.path, covered: &wish.covered };
        if given.read_only && (!recursive || wish.writable_beneath) {
            sides.stays_read_only(&resolved.path, pair.as_ref(), &apart)?;
        }
        for (mount, pair) in beneath.iter().filter(|(mount, _)| mount.read_only && !recursive) {
            sides.stays_read_only(&mount.at, pair.as_ref(), &apart)?;
        }
        sides.agree_beneath(&pairs, &apart)
    }
}

/// Whether this kernel can make a mount read-only with all beneath it (`mount_setattr(2)`, Linux 5.12). Without it an engine
/// makes the uppermost alone read-only, and says nothing.
fn kernel_has_recursive_read_only() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| is_since_5_12(rustix::system::uname().release().to_bytes()))
}

fn is_since_5_12(release: &[u8]) -> bool {
    let mut numbers = release
        .split(|b| !b.is_ascii_digit())
        .map(|number| std::str::from_utf8(number).ok()?.parse::<u32>().ok());
    matches!((numbers.next().flatten(), numbers.next().flatten()), (Some(major), Some(minor)) if (major, minor) >= (5, 12))
}

/// What is in its place by itself, whatever is beneath a directory that the engine is given.
#[derive(Debug)]
struct Apart<'a> {
    /// Mounts that come along.
    along: Vec<&'a CallerPath>,
    /// The directory, and what of it the request covers by mounts of its own.
    directory: &'a CallerPath,
    covered: &'a Covered,
}

impl Apart<'_> {
    /// Whether something of it is at this place, or covers it.
    fn has(&self, point: &CallerPath) -> bool {
        self.along.contains(&point) || self.is_covered(point)
    }

    /// Whether something of it is at this place or above, but beneath `base`.
    fn hides(&self, here: &CallerPath, base: &CallerPath) -> bool {
        let is_between =
            |at: &CallerPath| here.below(at).is_some() && at.below(base).is_some_and(|rest| !rest.is_empty());
        self.along.iter().any(|at| is_between(at)) || self.is_covered(here)
    }

    fn is_covered(&self, point: &CallerPath) -> bool {
        point.below(self.directory).is_some_and(|rest| self.covered.covers(&rest))
    }

    /// Whether a mount of the caller's stays behind there, for a volume of the image. A mount of the host's at this place does
    /// not: the engine brings it along, and the image may be another by then.
    fn is_left_to_the_image(&self, point: &CallerPath) -> bool {
        point.below(self.directory).is_some_and(|rest| self.covered.is_left_to_the_image(&rest))
    }
}

impl Pair {
    /// What the engine is given for a path, where that must be what the caller has there.
    pub(crate) fn of(origin: &Origin<'_>, here: &CallerPath, give: &Give) -> Option<Self> {
        let mount = match origin {
            Origin::Bind { mount, .. } | Origin::Volume { mount, .. } => mount.destination.clone(),
            Origin::RootFs { .. } => CallerPath::root(),
            _ => return None,
        };
        let there = match give {
            // Whether it is a directory, the engine says.
            Give::Bind(source) | Give::Contained(Contained { source, .. }) => source.as_anything(),
            Give::Volume { .. } => origin.path()?,
        };
        Some(Self { here: here.clone(), there, mount, makes: false })
    }

    /// Where the caller has it.
    pub(crate) fn into_here(self) -> CallerPath {
        self.here
    }
}

impl Sides<'_> {
    /// Whether both see one file; an error where they do not. False where neither has it, or only a directory above of what
    /// is to be made.
    fn agree(&self, pair: &Pair, beneath: Option<&CallerPath>) -> Result<bool, Reason> {
        let (mut here, mut there) = (pair.here.clone(), pair.there.clone());
        // What is missing is made in the nearest directory that is there.
        let seen = loop {
            match self.caller_sees(&here)? {
                Some(seen) => break Some(seen),
                None => match (here.parent(), there.parent()) {
                    (Some(above), Some(there_above)) if here != pair.mount => {
                        (here, there) = (above, there_above);
                    }
                    _ => break None,
                },
            }
        };
        let machines = match (&seen, self.machine_sees(&there)?) {
            (_, Ok(Some(machines))) => machines,
            // The caller has a mount that it does not see, under another. What the engine makes it would not see either.
            (None, _) if pair.makes => {
                return Err(Reason::Differs { source: there, beneath: beneath.cloned() });
            }
            (None, _) => return Ok(false),
            (Some(_), _) if self.is_mounted_between(&pair.mount, &here) => {
                return Err(Reason::Differs { source: there, beneath: beneath.cloned() });
            }
            (Some(_), not_there) => {
                let moved = Reason::Moved { source: there, at: here, why: not_there.err() };
                return Err(self.removed(&pair.mount)?.unwrap_or(moved));
            }
        };
        if seen.as_ref() != Some(&machines) && !self.is_replaced_file(pair, &here, seen.as_ref(), &there)? {
            let is_by_mount = !self.is_mounted_between(&pair.mount, &here);
            let removed = if is_by_mount { self.removed(&pair.mount)? } else { None };
            return Err(removed.unwrap_or(Reason::Differs { source: there, beneath: beneath.cloned() }));
        }
        Ok(here == pair.here)
    }

    /// Whether what the caller has mounted there was removed from the host.
    fn removed(&self, mount: &CallerPath) -> Result<Option<Reason>, Reason> {
        if !self.mounted.is_removed(mount) {
            return Ok(None);
        }
        let is_directory = self.caller_sees(mount)?.is_some_and(|seen| seen.is_directory);
        Ok(Some(Reason::Removed { at: mount.clone(), is_directory }))
    }

    /// Whether the caller sees a path by another mount than `mount`, which its kernel has over it.
    fn is_mounted_between(&self, mount: &CallerPath, here: &CallerPath) -> bool {
        let mut at = here.clone();
        while at != *mount {
            if self.mounted.at(&at).is_some() {
                return true;
            }
            let Some(above) = at.parent() else { return false };
            at = above;
        }
        false
    }

    /// Whether a file that is itself a mount of the caller was replaced by another file: not by a link, which the engine
    /// would follow to wherever its maker wants.
    fn is_replaced_file(
        &self,
        pair: &Pair,
        here: &CallerPath,
        seen: Option<&Identity>,
        there: &EnginePath,
    ) -> Result<bool, Reason> {
        if *here != pair.mount || seen.is_none_or(|seen| seen.is_directory) {
            return Ok(false);
        }
        self.looks.take()?;
        let plain = self.machine.root.identity(there.as_bytes(), Follow::Nothing).ok().flatten();
        Ok(plain.is_some_and(|plain| !plain.is_directory && !plain.is_link))
    }

    /// Whatever the kernel has mounted beneath the pairs, for the caller or on the machine, must be one thing on both
    /// sides, but `apart`: where a mount comes along by itself, or the request has its own.
    fn agree_beneath(&self, pairs: &[Pair], apart: &Apart<'_>) -> Result<(), Reason> {
        for pair in pairs {
            let own = self.mounted.beneath(&pair.here);
            let own = own.filter(|line| !apart.is_left_to_the_image(&line.mount_point));
            let there = on_the_machine(&pair.there)?;
            let theirs = self.machine.mounted.beneath(&there);
            let rests = own.filter_map(|line| line.mount_point.below(&pair.here));
            for rest in rests.chain(theirs.filter_map(|line| line.mount_point.below(&there))) {
                let (here, there) = (pair.here.join(&rest), pair.there.join(&rest));
                if apart.hides(&here, &pair.here) || is_fixture(&here) {
                    continue;
                }
                let seen = self.caller_sees(&here)?;
                match self.machine_sees(&there)? {
                    Ok(machines) if machines == seen => {}
                    Err(why) => return Err(Reason::Moved { source: there, at: here, why: Some(why) }),
                    Ok(_) => {
                        return Err(Reason::Differs { source: pair.there.clone(), beneath: Some(here) });
                    }
                }
            }
        }
        Ok(())
    }

    /// What is mounted beneath a directory is where the lists say that it is.
    fn stay_in_place(&self, pair: &Pair) -> Result<(), Reason> {
        let [callers, machines] = &mut *self.in_place.borrow_mut();
        let there = on_the_machine(&pair.there)?;
        let EngineSide { root, mounted } = &*self.machine;
        if self.mounted.moved(self.caller, &pair.here, self.looks, callers)?.is_some()
            || mounted.moved(root, &there, self.looks, machines)?.is_some()
        {
            return Err(Reason::Differs { source: pair.there.clone(), beneath: None });
        }
        Ok(())
    }

    /// Nothing is mounted beneath what is forced to be read-only that the caller may only read as well, and that the engine
    /// would make writable: it takes a mount with the rights that this has on the machine, and makes the uppermost
    /// read-only (T8).
    fn stays_read_only(
        &self,
        here: &CallerPath,
        pair: Option<&Pair>,
        apart: &Apart<'_>,
    ) -> Result<(), Reason> {
        let mut read_only =
            self.mounted.beneath(here).filter(|line| line.read_only).map(|line| &line.mount_point);
        let found = read_only.find(|point| {
            let Some(rest) = point.below(here) else { return false };
            let by_itself = apart.has(point) || is_fixture(point);
            let there = pair.and_then(|pair| self.mounted_on_the_machine(&pair.there.join(&rest)));
            let left = apart.is_left_to_the_image(point) && pair.is_some() && there.is_none();
            !by_itself && !left && !there.is_some_and(|line| line.read_only)
        });
        match found {
            Some(point) => Err(Reason::Beneath(point.clone())),
            None => Ok(()),
        }
    }

    /// What is mounted at a place of the engine's.
    fn mounted_on_the_machine(&self, there: &EnginePath) -> Option<&Line> {
        self.machine.mounted.at(&on_the_machine(there).ok()?)
    }

    fn caller_sees(&self, here: &CallerPath) -> Result<Option<Identity>, Reason> {
        let look = || self.caller.identity(here.as_bytes(), Follow::Nothing);
        self.look(0, here.as_bytes(), look)?.map_err(|why| Reason::Unseen(format!("{here}: {why}")))
    }

    /// What the engine would find, or why it would find nothing.
    fn machine_sees(&self, there: &EnginePath) -> Result<Seen, Reason> {
        self.look(1, there.as_bytes(), || self.machine.root.identity(there.as_bytes(), Follow::Links))
    }

    fn look(
        &self,
        side: usize,
        path: &[u8],
        look: impl FnOnce() -> io::Result<Option<Identity>>,
    ) -> Result<Seen, Reason> {
        if let Some(seen) = self.seen.borrow()[side].get(path) {
            return Ok(seen.clone());
        }
        self.looks.take()?;
        let seen = look().map_err(|error| error.to_string());
        self.seen.borrow_mut()[side].insert(path.to_owned(), seen.clone());
        Ok(seen)
    }
}

/// A path of the engine's, as one of a process that has the engine's root directory.
fn on_the_machine(path: &EnginePath) -> Result<CallerPath, Reason> {
    CallerPath::parse(path.as_bytes()).map_err(unseen)
}

#[cfg(test)]
mod tests;
