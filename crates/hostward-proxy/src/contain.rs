//! Where a profile is in force, what the engine mounts stays what was judged ([`hostward::containment`]).
//!
//! A caller's whole mount is given as it is: nothing on the way there is the caller's. Of a part of one the engine gets a managed
//! volume of the whole with a subpath, where the request can say that, and the caller has all of that mount alike; else a pin.
//! Where neither can be, the request is refused.
//!
//! Threat model: callers exchange directories and links at any moment, also for each other, and after the container was created.
//! Hostward's own socket is in a directory that most callers have mounted, so it is contained too.

use std::cell::OnceCell;

use hostward::abilities::Abilities;
use hostward::api::endpoint::Endpoint;
use hostward::containment::{Contained, Containment, RootedSource, managed_name};
use hostward::path::{AskedPath, CallerPath, EnginePath};
use hostward::plan::{Give, Given, Plan, Wish};
use hostward::policy::access::MountAccess;
use hostward::refusal::{Reason, Refusal};
use hostward::seal::Key;
use hostward_sight::{Change, HeldSource, Looks, Sight};

use crate::caller::Guest;
use crate::pins::{self, HeldPin};
use crate::refuse::Refused;

/// How sources are contained for one request.
pub(crate) struct Contain<'a> {
    guest: &'a Guest,
    endpoint: Endpoint,
    abilities: Abilities,
    looks: &'a Looks,
    /// Makes pins.
    pinning: Pinning<'a>,
    /// Whether pins can be made for this request, or why not; looked up when the first one is needed.
    can_pin: OnceCell<Result<(), String>>,
}

/// Pins a source, with all that is mounted beneath it or without; gives the pin's path on the host.
type MakesPins<'a> = dyn Fn(&HeldSource, bool) -> std::io::Result<(EnginePath, HeldPin)> + 'a;

/// How pins are made for one engine.
#[derive(Clone, Copy)]
pub(crate) struct Pinning<'a> {
    /// Whether they can be, or why not.
    pub(crate) are_possible: &'a dyn Fn() -> Result<(), String>,
    /// Makes one, with all that is mounted beneath or without.
    pub(crate) make: &'a MakesPins<'a>,
}

/// One source, as far as it matters for containing it.
struct ToContain<'a> {
    asked: &'a AskedPath,
    wish: &'a Wish,
    read_only: bool,
    /// Who sees it.
    sight: &'a Sight,
    /// Where that one has it, if that must be the same file.
    here: Option<CallerPath>,
}

impl<'a> Contain<'a> {
    pub(crate) fn new(
        guest: &'a Guest,
        endpoint: Endpoint,
        abilities: Abilities,
        looks: &'a Looks,
        pinning: Pinning<'a>,
    ) -> Self {
        Self { guest, endpoint, abilities, looks, pinning, can_pin: OnceCell::new() }
    }

    /// Whether the engine may make what is missing of a change: it may not where a caller can lead it elsewhere meanwhile. What the
    /// engine is not to make either is refused here, in its words, since it would look for itself and may find something by then.
    ///
    /// # Errors
    /// A path that is missing.
    pub(crate) fn leaves_making(&self, change: &Change) -> Result<bool, Refused> {
        let Give::Bind(source) = &change.given.source else { return Ok(true) };
        let Some(reach) = self.reach(&self.guest.sight, source, change.given.read_only) else {
            return Ok(true);
        };
        if reach.rest.is_empty() {
            return Ok(true);
        }
        if !change.resolved.exists && !change.wish.creates && !self.is_own(source) {
            let asked = &change.asked;
            let why =
                format!("invalid mount config for type \"bind\": bind source path does not exist: {asked}");
            return Err(Refused::new(400, why).because("missing"));
        }
        Ok(change.resolved.exists || self.is_own(source))
    }

    /// Contains all sources of a plan. `change` is what was planned where the engine is given something else than was asked.
    ///
    /// # Errors
    /// A source that can be exchanged whatever Hostward does.
    pub(crate) fn plan(
        &self,
        asked: &AskedPath,
        wish: &Wish,
        plan: &mut Plan,
        heres: Vec<Option<CallerPath>>,
        pins: &mut Vec<HeldPin>,
    ) -> Result<(), Refusal> {
        let sight = &self.guest.sight;
        let given = match plan {
            Plan::Given(given) => given,
            Plan::Keep => return self.kept(asked, wish),
        };
        let Given { source, read_only, beneath, .. } = given;
        let beneath = beneath.iter_mut().map(|mount| (&mut mount.source, mount.read_only));
        let all = std::iter::once((source, *read_only || wish.read_only)).chain(beneath);
        for ((give, read_only), here) in all.zip(heres) {
            self.one(give, &ToContain { asked, wish, read_only, sight, here }, pins)?;
        }
        Ok(())
    }

    /// The same of what is given for a mount of a lender's, seen by whom.
    ///
    /// # Errors
    /// As for a plan.
    pub(crate) fn loan<'g>(
        &self,
        sight: &Sight,
        change: &Change,
        gives: &mut impl Iterator<Item = (&'g mut Give, bool)>,
        pins: &mut Vec<HeldPin>,
    ) -> Result<(), Refusal> {
        let Change { asked, wish, .. } = change;
        for here in sight.held_against(change) {
            let Some((give, read_only)) = gives.next() else { break };
            self.one(give, &ToContain { asked, wish, read_only, sight, here }, pins)?;
        }
        Ok(())
    }

    /// A path that the engine gets as it was asked is the host's own. It may be the caller's as well, by another name.
    fn kept(&self, asked: &AskedPath, wish: &Wish) -> Result<(), Refusal> {
        let source = EnginePath::parse(asked.clean().as_bytes());
        let reach = source.ok().and_then(|source| self.reach(&self.guest.sight, &source, wish.read_only));
        match reach {
            Some(reach) if !reach.rest.is_empty() => {
                let why = format!("it is asked for by its path on the host; ask for it below {}", reach.at);
                Err(uncontained(asked, why))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Hostward's own socket, whoever has its directory.
    fn is_own(&self, source: &EnginePath) -> bool {
        let own = self.guest.sight.view().socket().and_then(|socket| socket.own.as_ref());
        own.is_some_and(|own| own.is_same(source))
    }

    fn reach(&self, sight: &Sight, source: &EnginePath, read_only: bool) -> Option<RootedSource> {
        let reach = sight.view().reach(source, read_only);
        let is_within = reach.as_ref().is_some_and(|reach| !reach.rest.is_empty());
        if self.is_own(source) && !is_within { RootedSource::of_own(source) } else { reach }
    }

    fn one(&self, give: &mut Give, sought: &ToContain<'_>, pins: &mut Vec<HeldPin>) -> Result<(), Refusal> {
        let source = match give {
            Give::Bind(source) => source.clone(),
            // The engine looks beneath the volume's directory.
            Give::Volume { .. } | Give::Contained(_) => return Ok(()),
        };
        let Some(reach) = self.reach(sought.sight, &source, sought.read_only) else { return Ok(()) };
        if reach.rest.is_empty() {
            if pins::has(&source) {
                // As one that the engine does not make where it has gone.
                *give = Give::Contained(Contained { by: Containment::Pin(source.clone()), source });
            }
            return Ok(());
        }
        let by = match self.managed(&source, &reach, sought) {
            Ok(volume) => volume,
            Err(no_volume) => self.pinned(&source, &reach, sought, no_volume, pins)?,
        };
        *give = Give::Contained(Contained { source, by });
        Ok(())
    }

    /// By a volume of the root, unless a pin is better or the only way.
    ///
    /// # Errors
    /// Why not.
    fn managed(
        &self,
        source: &EnginePath,
        reach: &RootedSource,
        sought: &ToContain<'_>,
    ) -> Result<Containment, &'static str> {
        let mounts = matches!(
            self.endpoint,
            Endpoint::ContainerCreate | Endpoint::ServiceCreate | Endpoint::ServiceUpdate
        );
        if !mounts {
            return Err("only mounts of containers can be a part of a volume");
        }
        if self.abilities.is_podman() || !self.abilities.subpath() {
            return Err("parts of volumes need API 1.45 in the engine and in the request");
        }
        if !sought.wish.plain {
            return Err("a part of a volume cannot have these bind options");
        }
        if reach.root.as_str().is_none() || reach.rest.as_str().is_none() {
            return Err("its path is not UTF-8");
        }
        if source.as_bytes().ends_with(b"/") {
            return Err("it is asked for as a directory and is none");
        }
        if sought.sight.host_mounts_beneath(source) {
            return Err("the host has something mounted below it, which would not come along");
        }
        if reach.is_narrowed {
            return Err("the calling container has something read-only in the same mount");
        }
        if !self.is_all_allowed(&reach.at, sought.read_only) {
            return Err("the profile allows only a part of the same mount");
        }
        if reach.is_covered && self.can_pin().is_ok() {
            return Err("the calling container has other mounts in the same mount");
        }
        let key: &Key = &self.guest.key;
        let (name, root) = (managed_name(&reach.root, key), reach.root.clone());
        Ok(Containment::Volume { name, root, subpath: reach.rest.clone() })
    }

    /// Whether the profile lets all that is at a place and below be mounted with this access: by a link that comes later, the
    /// engine may mount any of it.
    fn is_all_allowed(&self, at: &CallerPath, read_only: bool) -> bool {
        let Some(under) = self.guest.mandate.profile() else { return true };
        match under.profile.may_mount(at, false) {
            Ok(MountAccess::AsAsked) => true,
            Ok(MountAccess::ReadOnly) => read_only,
            Err(_) => false,
        }
    }

    fn pinned(
        &self,
        source: &EnginePath,
        reach: &RootedSource,
        sought: &ToContain<'_>,
        no_volume: &str,
        pins: &mut Vec<HeldPin>,
    ) -> Result<Containment, Refusal> {
        let ToContain { asked, wish, sight, here, .. } = sought;
        if let Err(no_pin) = self.can_pin() {
            return Err(uncontained(asked, format!("{no_volume}, and {no_pin}")));
        }
        let refuse = |reason| Refusal { asked: (*asked).clone(), reason };
        let held = sight.hold(reach, here.as_ref(), self.looks).map_err(refuse)?;
        if source.as_bytes().ends_with(b"/") && !held.is_directory {
            return Err(refuse(Reason::NotADirectory));
        }
        let made = (self.pinning.make)(&held, wish.recursive);
        let (pin, held) =
            made.map_err(|error| uncontained(asked, format!("hostward cannot mount it: {error}")))?;
        pins.push(held);
        Ok(Containment::Pin(pin))
    }

    fn can_pin(&self) -> Result<(), &str> {
        let find = || {
            if !matches!(self.endpoint, Endpoint::ContainerCreate | Endpoint::VolumeCreate) {
                return Err("hostward can hold a source for containers and volumes only".to_owned());
            }
            let sight = &self.guest.sight;
            if !sight.is_beside_the_engine() {
                return Err("hostward does not see the host's files as the engine does".to_owned());
            }
            let directory = EnginePath::parse(pins::DIRECTORY.as_bytes());
            if let Some(reach) = directory.ok().and_then(|directory| sight.view().reach(&directory, true)) {
                let (at, directory) = (reach.at, pins::DIRECTORY);
                return Err(format!("the calling container has the host's {directory} mounted, below {at}"));
            }
            (self.pinning.are_possible)()
        };
        self.can_pin.get_or_init(find).as_ref().copied().map_err(String::as_str)
    }
}

fn uncontained(asked: &AskedPath, why: String) -> Refusal {
    Refusal { asked: asked.clone(), reason: Reason::Uncontained { why } }
}
