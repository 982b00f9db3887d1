//! What is said of a path, by the very steps that judge a request: followed, planned, and held against the host.

use hostward::abilities::Abilities;
use hostward::explanation::Explanation;
use hostward::path::AskedPath;
use hostward::plan::{Plan, Wish};
use hostward::reading::Reading;
use hostward::refusal::Refusal;

use crate::change::Change;
use crate::looks::Looks;
use crate::sight::Sight;

impl Sight {
    /// What `-v PATH:TARGET` would give the engine, and why. Nothing is made. `was_shown` says whether the caller has read exactly
    /// this path as the engine's in an inspect; `permit` says whether the caller may have the path.
    pub fn explain(
        &self,
        asked: &AskedPath,
        was_shown: bool,
        abilities: Abilities,
        looks: &Looks,
        permit: impl FnOnce(&Reading) -> Result<(), Refusal>,
    ) -> Explanation {
        let reading = match self.resolve(asked, was_shown, looks) {
            Ok(reading) => reading,
            Err(reason) => {
                let refused = Err(Refusal { asked: asked.clone(), reason });
                return Explanation::of(asked, &self.view, None, &refused);
            }
        };
        let planned = permit(&reading).and_then(|()| self.planned(asked, &reading, abilities, looks));
        let mut explanation = Explanation::of(asked, &self.view, Some(&reading), &planned);
        if self.eyes.is_none() {
            // Nobody has looked.
            explanation.exists = None;
        }
        explanation
    }

    fn planned(
        &self,
        asked: &AskedPath,
        reading: &Reading,
        abilities: Abilities,
        looks: &Looks,
    ) -> Result<Plan, Refusal> {
        let plan = self.give(asked, reading, &Wish::bind(), abilities)?;
        if let Plan::Given(given) = &plan {
            let Reading { resolved, words } = reading.clone();
            let (asked, wish, given) = (asked.clone(), Wish::bind(), given.clone());
            self.confirm(&[Change { asked, words, resolved, wish, given }], abilities, looks)?;
        }
        Ok(plan)
    }
}
