//! Who calls, as everything after [`identify`](crate::identify) knows it.

use std::fmt;
use std::sync::Arc;

use hostward::abilities::Abilities;
use hostward::api::reader::Reader;
use hostward::api::redact::{Hides, Owner};
use hostward::api::wording::{AskedFor, Wording};
use hostward::inspect::Container;
use hostward::path::{AskedPath, EnginePath};
use hostward::seal::Key;
use hostward_sight::Sight;

use crate::mandate::{Mandate, Under};
use crate::pool::Tenant;
use crate::profiles::Profiles;
use crate::refuse::Refused;
use crate::shown::Shown;

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A process of the engine's machine itself: nothing of its requests changes, not a byte (T14).
    Host,
    /// Anyone else.
    Guest(Arc<Guest>),
}

/// A caller whose paths are not the engine's.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) who: Who,
    /// How it sees files.
    pub(crate) sight: Sight,
    /// What the engine can do for it.
    pub(crate) abilities: Abilities,
    /// What is written down for it is signed with this.
    pub(crate) key: Arc<Key>,
    /// What callers have read of the engine's own paths: what this one has, it may send back.
    pub(crate) shown: Arc<Shown>,
    /// What it mounts is contained without a profile, too: nobody can exchange it for something else between the judgement and
    /// any later mount.
    pub(crate) contained: bool,
    /// What it may ask for.
    pub(crate) mandate: Mandate,
    /// Those of which it has its profile. When others are in force, it must be found again.
    pub(crate) profiles: Arc<Profiles>,
}

impl Guest {
    /// It, as the one who reads answers.
    pub(crate) fn reader(&self) -> Reader<'_> {
        let caller = match &self.who {
            Who::Container(container) => container.id.as_str(),
            Who::Host | Who::Apart { .. } | Who::Unknown { .. } => "",
        };
        Reader { view: self.sight.view(), caller, key: &self.key }
    }

    /// Whether it has read exactly this path in an inspect, as one of the engine's (T26). Under a profile that gives nobody a
    /// path of the host.
    pub(crate) fn was_shown(&self, path: &AskedPath) -> bool {
        let is = |container: &Container| self.shown.has(&container.id, path.as_bytes());
        self.mandate.is_free() && matches!(&self.who, Who::Container(container) if is(container))
    }

    /// It reads these paths in an inspect, as the engine's.
    pub(crate) fn is_shown(&self, paths: Vec<EnginePath>) {
        if let (Who::Container(container), true) = (&self.who, self.mandate.is_free()) {
            self.shown.show(&container.id, paths);
        }
    }

    /// What it is not told.
    pub(crate) fn hides(&self) -> Hides {
        let Some(Under { profile, .. }) = self.mandate.profile() else { return Hides::default() };
        if profile.unrestricted && profile.show_host_paths && profile.show_environment {
            return Hides::default();
        }
        Hides { paths: !profile.show_host_paths, environment: !profile.show_environment }
    }

    /// A text of Hostward's own, as it may read it: without paths of the host, where those are not told.
    pub(crate) fn told(&self, text: &str) -> String {
        if !self.hides().paths {
            return text.to_owned();
        }
        Wording::hiding(self.sight.view(), &AskedFor::default()).text(text)
    }

    /// As whom it reads what belongs to somebody.
    pub(crate) fn owner(&self) -> Owner<'_> {
        let owner = self.mandate.profile().map_or("", |under| under.ownership.owner.as_str());
        Owner { container: self.reader().caller, owner, key: &self.key }
    }

    /// Whose share of what callers share its requests take.
    pub(crate) fn tenant(&self) -> Tenant {
        match &self.who {
            Who::Container(container) => Tenant::Container(container.id.clone()),
            Who::Host | Who::Apart { .. } => Tenant::Machine,
            Who::Unknown { .. } => Tenant::Strangers,
        }
    }

    /// Whether it is a process of the machine: what it may name goes on to the byte, and its answers come back so.
    pub(crate) fn is_of_host(&self) -> bool {
        matches!(self.who, Who::Host | Who::Apart { .. })
    }

    /// Whether what it mounts must stay what was judged, at every later mount too.
    pub(crate) fn is_contained(&self) -> bool {
        self.contained || self.mandate.profile().is_some_and(Under::is_contained)
    }
}

/// A guest's name.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// A container of the engine.
    Container(Arc<Container>),
    /// A process of the engine's machine itself, of which a profile has something to say.
    Host,
    /// A process of the engine's machine in a mount namespace of its own: its paths are the engine's where both see one
    /// file.
    Apart {
        /// Its pid.
        pid: u32,
    },
    /// Nobody that is known.
    Unknown {
        /// Why not.
        why: String,
        /// Whether the engine may be on another machine.
        remote: bool,
    },
}

impl Caller {
    /// Whether it has a profile that refuses nothing, of which the log says what it would refuse.
    pub(crate) fn is_warned_only(&self) -> bool {
        matches!(self, Self::Guest(guest) if guest.mandate.profile().is_some_and(|under| !under.profile.is_enforced()))
    }

    /// A refusal, as it may read it.
    pub(crate) fn told(&self, refused: &Refused) -> Refused {
        match self {
            Self::Guest(guest) => Refused { message: guest.told(&refused.message), ..refused.clone() },
            Self::Host => refused.clone(),
        }
    }

    /// The profile that it is judged by, if one is.
    pub(crate) fn profile(&self) -> Option<&str> {
        match self {
            Self::Host => None,
            Self::Guest(guest) => guest.mandate.name(),
        }
    }

    /// Whether the answer is worth keeping. The engine that could not be asked now can be later.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::Guest(guest) if matches!(guest.who, Who::Unknown { .. }))
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Guest(guest) => match &guest.who {
                Who::Container(container) => write!(f, "{} ({})", container.name, container.id.short()),
                Who::Host => f.write_str("host"),
                Who::Apart { pid } => write!(f, "host (pid {pid}, in its own mount namespace)"),
                Who::Unknown { why, .. } => write!(f, "unknown ({why})"),
            },
        }
    }
}
