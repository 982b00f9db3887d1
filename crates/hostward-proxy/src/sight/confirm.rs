//! What the engine is given is what the caller sees: the same device and inode, through the caller's root and through
//! the machine's.

use hostward::mountinfo;
use hostward::origin::{Origin, is_fixture};
use hostward::path::{CallerPath, EnginePath};
use hostward::plan::{self, Give};
use hostward::refusal::{Reason, Refusal};

use super::eyes::{Eyes, Follow, Identity, Root};
use super::{Change, Machine, Sight, unseen};

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
    /// Where the kernel has something mounted for the caller, and on the machine.
    caller_points: Vec<&'a CallerPath>,
    machine_points: Vec<EnginePath>,
}

impl Sight {
    /// Makes sure that all that the engine is given is what the caller sees: what was asked, each mount that comes
    /// along, and whatever either side has mounted beneath them.
    ///
    /// Not asked of explicit maps, whose word counts (T15), of Hostward's socket, which is given in another's place, nor
    /// of a file that is itself a mount of the caller: its source may have been replaced since, as editors do, and by
    /// then is what the user means. Where the engine's machine cannot be looked at from here, only the tables can tell.
    ///
    /// # Errors
    /// Where the two differ, or the caller's side cannot be looked at.
    pub fn confirm(&self, changes: &[Change]) -> Result<(), Refusal> {
        let (Some(Eyes::Root(caller)), Machine::Seen, Some(first)) =
            (&self.eyes, self.machine, changes.first())
        else {
            return Ok(());
        };
        let refuse = |change: &Change, reason| Refusal { asked: change.asked.clone(), reason };
        // Once for all of them.
        let sides = self.sides(caller).map_err(|reason| refuse(first, reason))?;
        let confirm = |change| self.confirm_one(&sides, change).map_err(|reason| refuse(change, reason));
        changes.iter().try_for_each(confirm)
    }

    fn sides<'a>(&'a self, caller: &'a Root) -> Result<Sides<'a>, Reason> {
        let (machine, pid) = Root::of_machine().map_err(unseen)?;
        let machine_points = machine_points(pid)?;
        let caller_points = self.mounts.iter().map(|line| &line.mount_point).collect();
        Ok(Sides { caller, machine, caller_points, machine_points })
    }

    fn confirm_one(&self, sides: &Sides<'_>, change: &Change) -> Result<(), Reason> {
        let Change { asked, words: _, resolved, wish, given } = change;
        let mut pairs = Vec::new();
        let origin = plan::locate(asked, resolved, &self.view);
        if let Some(pair) = Pair::of(&origin, &resolved.path, &given.source)
            && sides.agree(&pair, None)?
        {
            pairs.push(pair);
        }
        for beneath in &given.beneath {
            let origin = self.view.locate(&beneath.at);
            if let Some(pair) = Pair::of(&origin, &beneath.at, &beneath.source)
                && sides.agree(&pair, Some(&beneath.at))?
            {
                pairs.push(pair);
            }
        }
        // Nothing is mounted beneath what is only to be made, and a bind that is not recursive brings nothing along.
        if !resolved.exists || !wish.recursive {
            return Ok(());
        }
        let mut apart: Vec<_> = given.beneath.iter().map(|beneath| beneath.at.clone()).collect();
        apart.extend(wish.covered.iter().map(|rest| resolved.path.join(rest)));
        if given.read_only {
            self.stays_read_only(&resolved.path, &apart)?;
        }
        for beneath in given.beneath.iter().filter(|beneath| beneath.read_only) {
            self.stays_read_only(&beneath.at, &apart)?;
        }
        sides.agree_beneath(&pairs, &apart)
    }

    /// Nothing is mounted beneath what is forced to be read-only that the caller may only read as well: engines make it
    /// writable where the request asks so, or speaks an API before 1.44 (T8).
    fn stays_read_only(&self, here: &CallerPath, apart: &[CallerPath]) -> Result<(), Reason> {
        let beneath = |point: &CallerPath| point.below(here).is_some_and(|rest| !rest.is_empty());
        let by_itself = |point: &CallerPath| apart.iter().any(|at| at == point) || is_fixture(point);
        let mut read_only = self.mounts.iter().filter(|line| line.read_only).map(|line| &line.mount_point);
        match read_only.find(|point| beneath(point) && !by_itself(point)) {
            Some(point) => Err(Reason::Beneath(point.clone())),
            None => Ok(()),
        }
    }
}

/// Where something is mounted on the machine, by the word of a process there.
fn machine_points(pid: u32) -> Result<Vec<EnginePath>, Reason> {
    let path = format!("/proc/{pid}/mountinfo");
    let text = std::fs::read(&path).map_err(|error| unseen(format!("{path}: {error}")))?;
    let lines = mountinfo::lines(&text);
    Ok(lines.filter_map(|line| EnginePath::parse(line.mount_point.as_bytes()).ok()).collect())
}

impl Pair {
    /// What the engine is given for a path, where that must be what the caller has there.
    fn of(origin: &Origin<'_>, here: &CallerPath, give: &Give) -> Option<Self> {
        let mount = match origin {
            Origin::Bind { mount, .. } | Origin::Volume { mount, .. } => mount.destination.clone(),
            Origin::RootFs { .. } => CallerPath::root(),
            _ => return None,
        };
        let there = match give {
            Give::Bind(source) => source.clone(),
            Give::Volume { .. } => origin.path()?,
        };
        Some(Self { here: here.clone(), there, mount })
    }
}

impl Sides<'_> {
    /// Whether both see one file; an error where they see two. False where there is nothing to compare, or only a
    /// directory above of what is to be made.
    fn agree(&self, pair: &Pair, beneath: Option<&CallerPath>) -> Result<bool, Reason> {
        let (mut here, mut there) = (pair.here.clone(), pair.there.clone());
        // What is missing is made in the nearest directory that is there.
        let seen = loop {
            match self.caller_sees(&here)? {
                Some(seen) => break seen,
                None => match (here.parent(), there.parent()) {
                    (Some(above), Some(there_above)) if here != pair.mount => {
                        (here, there) = (above, there_above);
                    }
                    _ => return Ok(false),
                },
            }
        };
        let Some(machines) = self.machine_sees(&there) else { return Ok(false) };
        // Replaced by a file, not by a link: that the engine would follow to wherever its maker wants.
        let plain = self.machine.identity(there.as_bytes(), Follow::Nothing).ok().flatten();
        let itself = here == pair.mount
            && !seen.is_directory
            && plain.is_some_and(|plain| !plain.is_directory && !plain.is_link);
        if seen != machines && !itself {
            return Err(Reason::Differs { source: there, beneath: beneath.cloned() });
        }
        Ok(here == pair.here)
    }

    /// Whatever the kernel has mounted beneath the pairs, for the caller or on the machine, must be one thing on both
    /// sides, but `apart`: where a mount comes along by itself, or the request has its own.
    fn agree_beneath(&self, pairs: &[Pair], apart: &[CallerPath]) -> Result<(), Reason> {
        for pair in pairs {
            let own = self.caller_points.iter().filter_map(|point| point.below(&pair.here));
            let theirs = self.machine_points.iter().filter_map(|point| point.below(&pair.there));
            for rest in own.chain(theirs).filter(|rest| !rest.is_empty()) {
                let (here, there) = (pair.here.join(&rest), pair.there.join(&rest));
                let by_itself = apart.iter().any(|at| {
                    here.below(at).is_some() && at.below(&pair.here).is_some_and(|rest| !rest.is_empty())
                });
                let differ = || Ok(self.caller_sees(&here)? != self.machine_sees(&there));
                if !by_itself && !is_fixture(&here) && differ()? {
                    return Err(Reason::Differs { source: pair.there.clone(), beneath: Some(here) });
                }
            }
        }
        Ok(())
    }

    fn caller_sees(&self, here: &CallerPath) -> Result<Option<Identity>, Reason> {
        self.caller
            .identity(here.as_bytes(), Follow::Nothing)
            .map_err(|error| Reason::Unseen(format!("{here}: {error}")))
    }

    fn machine_sees(&self, there: &EnginePath) -> Option<Identity> {
        self.machine.identity(there.as_bytes(), Follow::Links).ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> CallerPath {
        CallerPath::parse(text.as_bytes()).unwrap()
    }

    fn pair(here: &str, there: &str, mount: &str) -> Pair {
        let there = EnginePath::parse(there.as_bytes()).unwrap();
        Pair { here: path(here), there, mount: path(mount) }
    }

    /// A machine and a caller, both in one directory: what is there by two names is one file, as with a mount.
    fn with_sides(points: (&[&str], &[&str]), test: impl FnOnce(Sides<'_>)) {
        let dir = tempfile::tempdir().unwrap();
        for made in ["srv/ws/sub", "srv/ws/data", "caller/ws/sub", "caller/ws/data", "caller/other"] {
            std::fs::create_dir_all(dir.path().join(made)).unwrap();
        }
        std::fs::write(dir.path().join("srv/file"), "").unwrap();
        std::fs::write(dir.path().join("caller/file"), "").unwrap();
        let root = Root::of_directory(dir.path());
        let caller_points: Vec<_> = points.0.iter().map(|point| path(point)).collect();
        let machine_points =
            points.1.iter().map(|point| EnginePath::parse(point.as_bytes()).unwrap()).collect();
        let machine = Root::of_directory(dir.path());
        test(Sides { caller: &root, machine, caller_points: caller_points.iter().collect(), machine_points });
    }

    #[test]
    fn one_file_is_one_by_device_and_inode() {
        with_sides((&[], &[]), |sides| {
            assert_eq!(sides.agree(&pair("/srv/ws", "/srv/ws", "/srv"), None), Ok(true));
            let differs = sides.agree(&pair("/caller/ws", "/srv/ws", "/caller"), None);
            assert!(matches!(differs, Err(Reason::Differs { beneath: None, .. })), "{differs:?}");
            // A file that is itself a mount may have been replaced since.
            assert_eq!(sides.agree(&pair("/caller/file", "/srv/file", "/caller/file"), None), Ok(true));
            // The engine is elsewhere.
            assert_eq!(sides.agree(&pair("/srv/ws", "/elsewhere", "/srv"), None), Ok(false));
        });
    }

    #[test]
    fn what_is_missing_is_judged_by_the_directory_above() {
        with_sides((&[], &[]), |sides| {
            assert_eq!(sides.agree(&pair("/srv/ws/new/x", "/srv/ws/new/x", "/srv"), None), Ok(false));
            assert!(sides.agree(&pair("/caller/ws/new", "/srv/ws/new", "/caller"), None).is_err());
        });
    }

    #[test]
    fn a_mount_of_the_machine_that_the_caller_does_not_see_is_noticed() {
        // Beneath a pair that agrees, the two sides see two things at `sub`.
        let pair = pair("/caller/ws", "/srv/ws", "/caller");
        for points in [(&[][..], &["/srv/ws/sub"][..]), (&["/caller/ws/sub"], &[])] {
            with_sides(points, |sides| {
                let found = sides.agree_beneath(std::slice::from_ref(&pair), &[]);
                let Err(Reason::Differs { beneath: Some(beneath), .. }) = found else { panic!("{found:?}") };
                assert_eq!(beneath, path("/caller/ws/sub"));
                // Where another mount comes along it is covered.
                for along in ["/caller/ws/sub", "/caller/ws"] {
                    let covered = sides.agree_beneath(std::slice::from_ref(&pair), &[path(along)]);
                    assert_eq!(covered.is_ok(), along.ends_with("sub"), "{along}");
                }
            });
        }
    }

    #[test]
    fn mounts_elsewhere_and_mounts_of_one_thing_are_none_of_its_business() {
        with_sides((&["/caller/other", "/srv/ws/data"], &["/srv", "/srv/ws/data", "/"]), |sides| {
            let pairs = [pair("/srv/ws", "/srv/ws", "/srv")];
            assert_eq!(sides.agree_beneath(&pairs, &[]), Ok(()));
        });
    }
}
