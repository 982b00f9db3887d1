//! Step 6: what each path becomes.

use hostward::abilities::Abilities;
use hostward::api::lenders::Loan;
use hostward::api::read::Site;
use hostward::plan::{self, Plan};
use hostward::policy::denial::Denial;
use hostward::reading::Reading;
use hostward::refusal::MissingPaths;
use hostward::rule::{Rule, TAKEN_OVER, rule};
use hostward_sight::Change;

use crate::authorize::{Grant, Permit};
use crate::caller::Guest;
use crate::decision::TranslatedPath;
use crate::loan::{FoundLenders, SeenChange};
use crate::read::ReadRequest;
use crate::refuse::Refused;
use crate::resolve::ResolvedRequest;

/// A request with a plan for each of its paths. Only [`plan`] makes one.
#[derive(Debug)]
pub(crate) struct PlannedRequest {
    read: ReadRequest,
    plans: Vec<Plan>,
    changes: Vec<Change>,
    /// By which rule, for each of them.
    rules: Vec<Rule>,
    loan: Loan,
    loan_changes: Vec<SeenChange>,
    grant: Grant,
}

/// What a plan is made of, for those who have made sure of it.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) read: ReadRequest,
    pub(crate) plans: Vec<Plan>,
    /// What is given for mounts that are taken from others.
    pub(crate) loan: Loan,
    /// What was allowed beside the paths.
    pub(crate) grant: Grant,
    /// What it was planned from, by whose eyes.
    pub(crate) lent: Vec<SeenChange>,
    /// All that the engine is given that was not asked so.
    pub(crate) paths: Vec<TranslatedPath>,
}

impl PlannedRequest {
    /// What was translated.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// What is given for mounts that are taken from others.
    pub(crate) fn loan_changes(&self) -> &[SeenChange] {
        &self.loan_changes
    }

    pub(crate) fn into_parts(self) -> Parts {
        let Self { read, plans, changes, rules, loan, loan_changes, grant } = self;
        let own = rules.into_iter().zip(&changes);
        let taken_over = loan_changes.iter().map(|(_, change)| (TAKEN_OVER, change));
        let paths = own.chain(taken_over).flat_map(|(rule, change)| TranslatedPath::of(rule, change));
        let paths = paths.collect();
        Parts { read, plans, loan, grant, lent: loan_changes, paths }
    }
}

/// Plans every path.
///
/// # Errors
/// A path for which nothing faithful can be given.
pub(crate) fn plan(
    guest: &Guest,
    lenders: &FoundLenders,
    abilities: Abilities,
    permit: Permit<ResolvedRequest>,
) -> Result<PlannedRequest, Refused> {
    let (resolved, grant) = permit.into_parts();
    let (read, readings) = resolved.into_parts();
    let (mut plans, mut changes, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    let mut missing = MissingPaths::default();
    for (n, (site, reading)) in read.sites().zip(readings).enumerate() {
        let plan = guest.sight.give(&site.asked, &reading, &site.wish, abilities);
        let Some(mut plan) = missing.or_planned(plan)? else { continue };
        if grant.read_only.get(n) == Some(&true) {
            make_read_only(site, &mut plan)?;
        }
        let Reading { resolved, words } = reading;
        if let Plan::Given(given) = &plan {
            let origin = plan::meaning(&site.asked, &resolved, guest.sight.view());
            rules.push(rule(&origin, Ok(&plan), guest.sight.view()));
            let (asked, wish, given) = (site.asked.clone(), site.wish.clone(), given.clone());
            changes.push(Change { asked, words, resolved, wish, given });
        }
        plans.push(plan);
    }
    missing.refuse()?;
    let (loan, loan_changes) = lenders.loan(abilities)?;
    Ok(PlannedRequest { read, plans, changes, rules, loan, loan_changes, grant })
}

/// Gives what the caller may only read for reading alone, with all that is mounted beneath it.
fn make_read_only(site: &Site, plan: &mut Plan) -> Result<(), Refused> {
    let spelled = site.wish.covered.target().is_some();
    match plan {
        Plan::Given(given) if spelled => {
            given.read_only = true;
            given.beneath.iter_mut().for_each(|beneath| beneath.read_only = true);
            Ok(())
        }
        Plan::Keep if site.wish.read_only => Ok(()),
        // A volume's device, and what the host means by the path: nothing there says how it is mounted.
        Plan::Given(_) | Plan::Keep => {
            let asked = &site.asked;
            let what = format!("cannot mount {asked}: the profile allows it to be mounted read-only alone");
            Err(Denial::new(
                "mount",
                what,
                "ask for a read-only mount of it (docker run -v SOURCE:TARGET:ro)",
            )
            .into())
        }
    }
}
