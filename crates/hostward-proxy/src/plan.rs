//! Step 6: what each path becomes.

use hostward::abilities::Abilities;
use hostward::api::lenders::Loan;
use hostward::plan::{self, Plan};
use hostward::reading::Reading;
use hostward::refusal::MissingPaths;
use hostward::rule::{Rule, TAKEN_OVER, rule};
use hostward_sight::Change;

use crate::authorize::Permit;
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
}

/// What a plan is made of, for those who have made sure of it.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) read: ReadRequest,
    pub(crate) plans: Vec<Plan>,
    /// What is given for mounts that are taken from others.
    pub(crate) loan: Loan,
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
        let Self { read, plans, changes, rules, loan, loan_changes } = self;
        let own = rules.into_iter().zip(&changes);
        let taken_over = loan_changes.iter().map(|(_, change)| (TAKEN_OVER, change));
        let paths = own.chain(taken_over).flat_map(|(rule, change)| TranslatedPath::of(rule, change));
        Parts { read, plans, loan, paths: paths.collect() }
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
    let (read, readings) = permit.into_inner().into_parts();
    let (mut plans, mut changes, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    let mut missing = MissingPaths::default();
    for (site, reading) in read.sites().zip(readings) {
        let plan = guest.sight.give(&site.asked, &reading, &site.wish, abilities);
        let Some(plan) = missing.or_planned(plan)? else { continue };
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
    Ok(PlannedRequest { read, plans, changes, rules, loan, loan_changes })
}
