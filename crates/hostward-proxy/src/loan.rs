//! What a request takes over from other containers (`VolumesFrom`, T20): all that the engine mounted there, but Hostward's
//! socket in the place of the engine's, or the working directory alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use hostward::abilities::Abilities;
use hostward::api::lenders::{Lender, Loan, VolumesFrom};
use hostward::inspect::Container;
use hostward::path::{AskedPath, CallerPath};
use hostward::plan::{Covered, Give, Given, Plan, Wish};
use hostward::reading::Words;
use hostward::refusal::{Reason, Refusal};
use hostward::walk::Resolved;
use hostward_sight::{Change, Sight};

use crate::refuse::Refused;

/// A container whose mounts a request takes over.
#[derive(Debug)]
pub(crate) struct FoundLender {
    pub(crate) asked: Lender,
    pub(crate) container: Arc<Container>,
    /// How it sees its own files.
    pub(crate) sight: Arc<Sight>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct FoundLenders {
    pub(crate) lenders: Vec<FoundLender>,
    /// Where the created container starts to work.
    pub(crate) directory: Option<CallerPath>,
    pub(crate) how: VolumesFrom,
}

/// What is given for a mount of a lender's, and by whose eyes that was seen.
pub(crate) type SeenChange = (Arc<Sight>, Change);

impl FoundLenders {
    /// What the engine is given besides what the lenders have, or in the place of it.
    ///
    /// # Errors
    /// Where they have the engine's socket and Hostward has none, or none has the working directory.
    pub(crate) fn loan(&self, abilities: Abilities) -> Result<(Loan, Vec<SeenChange>), Refused> {
        let mut loan = Loan::new(self.how);
        let mut seen = Vec::new();
        for lender in &self.lenders {
            let changes = match self.how {
                VolumesFrom::All => lender.sockets(),
                VolumesFrom::Narrow => lender.narrow(self.directory.as_ref(), abilities).map(|one| vec![one]),
            };
            for change in changes? {
                loan.add(&change.asked.clean(), &change.given);
                seen.push((Arc::clone(&lender.sight), change));
            }
        }
        Ok((loan, seen))
    }
}

impl FoundLender {
    /// Hostward's socket, wherever it has the engine's.
    fn sockets(&self) -> Result<Vec<Change>, Refused> {
        let given = |at: CallerPath| match self.sight.view().socket().and_then(|socket| socket.own.clone()) {
            Some(own) => {
                let source = Give::Bind(own);
                let given = Given { source, read_only: false, lasting: false, beneath: Vec::new() };
                Ok(change(at, Wish::bind(), given))
            }
            None => Err(self.refused(&Refusal { asked: at.into(), reason: Reason::Socket })),
        };
        self.sight.engine_sockets(&self.container.table).into_iter().map(given).collect()
    }

    /// The mount that has the working directory, with what is mounted beneath that.
    fn narrow(&self, directory: Option<&CallerPath>, abilities: Abilities) -> Result<Change, Refused> {
        let name = &self.asked.name;
        let refuse =
            |why: &str| taken_over(format!("hostward: cannot take over the volumes of {name}: {why}"));
        if self.asked.options.as_deref().is_some_and(|options| !matches!(options, "ro" | "rw")) {
            return Err(refuse("volumes_from = \"narrow\" supports only the options ro and rw"));
        }
        let narrow = "volumes_from = \"narrow\" hands over the mount that contains the working directory";
        let Some(directory) = directory else {
            return Err(refuse(&format!("{narrow}, but the request has none; set one (docker run -w)")));
        };
        let table = &self.container.table;
        let Some(mount) = table.covering(directory) else {
            return Err(refuse(&format!("{narrow}, but no mount of that container contains {directory}")));
        };
        let at = &mount.destination;
        let others = table.beneath(at).filter(|other| other.destination.below(directory).is_none());
        let others: BTreeSet<_> = others.map(|other| other.destination.clone()).collect();
        let wish = Wish {
            creates: false,
            read_only: self.asked.is_read_only(),
            covered: Covered::beneath(at.clone(), others.into()),
            ..Wish::bind()
        };
        let (asked, resolved) = (AskedPath::from(at.clone()), Resolved::at(at.clone(), true));
        match self.sight.plan(&asked, &resolved, &wish, abilities) {
            Ok(Plan::Given(mut given)) => {
                given.read_only |= wish.read_only;
                Ok(change(at.clone(), wish, given))
            }
            Ok(Plan::Keep) => Err(refuse(&format!("{at} is not a separate mount there"))),
            Err(refusal) => Err(self.refused(&refusal)),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Refused {
        let (name, asked, remedy) = (&self.asked.name, &refusal.asked, refusal.remedy());
        let reason = &refusal.reason;
        taken_over(format!(
            "hostward: cannot take over the volumes of {name}, which has {asked}: {reason}; {remedy}"
        ))
    }
}

fn taken_over(message: String) -> Refused {
    Refused::new(400, message).because("volumes_from")
}

fn change(at: CallerPath, wish: Wish, given: Given) -> Change {
    let resolved = Resolved::at(at.clone(), true);
    Change { asked: at.into(), words: Words::Callers, resolved, wish, given }
}
