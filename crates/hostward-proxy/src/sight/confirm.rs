//! What the engine is given is what the caller sees: the same device and inode, through the caller's root and through
//! the machine's.

use hostward::mountinfo;
use hostward::origin::{Origin, is_fixture};
use hostward::path::{AskedPath, CallerPath, EnginePath};
use hostward::plan::{self, Give, Given, Wish};
use hostward::refusal::Reason;
use hostward::walk::Resolved;

use super::eyes::{Eyes, Follow, Identity, Root};
use super::{Sight, unseen};

/// A directory or file of the caller's, and what the engine is given for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    here: CallerPath,
    there: EnginePath,
    /// Where the mount is that the caller has it by.
    mount: CallerPath,
}

/// Both sides of it: the caller's root directory and the machine's.
#[derive(Debug)]
struct Sides<'a> {
    caller: &'a Root,
    machine: Root,
    /// The process whose root is taken for the machine's.
    pid: u32,
}

impl Sight {
    /// Makes sure that all that the engine is given is what the caller sees: what was asked, each mount that comes
    /// along, and whatever either side has mounted beneath them.
    ///
    /// Not asked of explicit maps, whose word counts (T15), of Hostward's socket, which is given in another's place, nor
    /// of a file that is itself a mount of the caller: its source may have been replaced since, as editors do, and by
    /// then is what the user means. Where the source is not seen from here, the engine is on another machine, and only
    /// the tables can tell.
    ///
    /// # Errors
    /// Where the two differ, or the caller's side cannot be looked at.
    pub fn confirm(
        &self,
        asked: &AskedPath,
        resolved: &Resolved,
        wish: &Wish,
        given: &Given,
    ) -> Result<(), Reason> {
        let Some(Eyes::Root(caller)) = &self.eyes else { return Ok(()) };
        let (machine, pid) = Root::of_machine().map_err(unseen)?;
        let sides = Sides { caller, machine, pid };
        let mut pairs = Vec::new();
        let origin = plan::locate(asked, resolved, &self.view);
        if let Some(pair) = pair(&origin, &resolved.path, &given.source)
            && sides.agree(&pair, None)?
        {
            pairs.push(pair);
        }
        for beneath in &given.beneath {
            let origin = self.view.locate(&beneath.at);
            if let Some(pair) = pair(&origin, &beneath.at, &beneath.source)
                && sides.agree(&pair, Some(&beneath.at))?
            {
                pairs.push(pair);
            }
        }
        // Nothing is mounted beneath what is only to be made, and a bind that is not recursive brings nothing along.
        if !resolved.exists || !wish.recursive || pairs.is_empty() {
            return Ok(());
        }
        let mut apart: Vec<_> = given.beneath.iter().map(|beneath| beneath.at.clone()).collect();
        apart.extend(wish.covered.iter().map(|rest| resolved.path.join(rest)));
        self.confirm_mounts(&sides, &pairs, &apart)
    }

    /// Whatever the kernel has mounted beneath the pairs, for the caller or on the machine, must be one thing on both
    /// sides, but `apart`: where a mount comes along by itself, or the request has its own.
    fn confirm_mounts(&self, sides: &Sides<'_>, pairs: &[Pair], apart: &[CallerPath]) -> Result<(), Reason> {
        let path = format!("/proc/{}/mountinfo", sides.pid);
        let text = std::fs::read(&path).map_err(|error| unseen(format!("{path}: {error}")))?;
        let machines: Vec<_> = mountinfo::lines(&text)
            .filter_map(|line| EnginePath::parse(line.mount_point.as_bytes()).ok())
            .collect();
        for pair in pairs {
            let own = self.mount_points.iter().filter_map(|point| point.below(&pair.here));
            let theirs = machines.iter().filter_map(|point| point.below(&pair.there));
            for rest in own.chain(theirs).filter(|rest| !rest.is_empty()) {
                let here = pair.here.join(&rest);
                let by_itself = apart.iter().any(|at| {
                    here.below(at).is_some() && at.below(&pair.here).is_some_and(|rest| !rest.is_empty())
                });
                if !by_itself && !is_fixture(&here) && sides.differ(&here, &pair.there.join(&rest))? {
                    return Err(Reason::Differs { source: pair.there.clone(), beneath: Some(here) });
                }
            }
        }
        Ok(())
    }
}

/// What the engine is given for a path, where that must be what the caller has there.
fn pair(origin: &Origin<'_>, here: &CallerPath, give: &Give) -> Option<Pair> {
    let mount = match origin {
        Origin::Bind { mount, .. } | Origin::Volume { mount, .. } => mount.destination.clone(),
        Origin::RootFs { .. } => CallerPath::root(),
        _ => return None,
    };
    let there = match give {
        Give::Bind(source) => source.clone(),
        Give::Volume { .. } => origin.path()?,
    };
    Some(Pair { here: here.clone(), there, mount })
}

impl Sides<'_> {
    /// Whether both see one file; an error where they see two. False where there is nothing to compare, or only a
    /// directory above of what is to be made.
    fn agree(&self, pair: &Pair, beneath: Option<&CallerPath>) -> Result<bool, Reason> {
        let (mut here, mut there) = (pair.here.clone(), pair.there.clone());
        // What is missing is made in the nearest directory that is there.
        let seen = loop {
            match self.see(&here)? {
                Some(seen) => break seen,
                None => match (here.parent(), there.parent()) {
                    (Some(above), Some(there_above)) if here != pair.mount => {
                        (here, there) = (above, there_above);
                    }
                    _ => return Ok(false),
                },
            }
        };
        let Some(machines) = self.machine.identity(there.as_bytes(), Follow::Links).ok().flatten() else {
            return Ok(false);
        };
        let itself = here == pair.mount && !seen.is_directory;
        if seen != machines && !itself {
            return Err(Reason::Differs { source: there, beneath: beneath.cloned() });
        }
        Ok(here == pair.here)
    }

    /// Whether one side has something else at a mount point than the other.
    fn differ(&self, here: &CallerPath, there: &EnginePath) -> Result<bool, Reason> {
        let machines = self.machine.identity(there.as_bytes(), Follow::Links).ok().flatten();
        let seen = self.see(here)?;
        // One of the two has a mount there; neither means that it lies hidden below another.
        Ok(seen != machines)
    }

    fn see(&self, here: &CallerPath) -> Result<Option<Identity>, Reason> {
        self.caller
            .identity(here.as_bytes(), Follow::Nothing)
            .map_err(|error| Reason::Unseen(format!("{here}: {error}")))
    }
}
