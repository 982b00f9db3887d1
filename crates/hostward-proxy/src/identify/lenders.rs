//! What else of the engine a request needs: the containers that it takes mounts from, and its image.

use std::sync::Arc;

use hostward::api::lenders::{Lender, Lenders, VolumesFrom};
use hostward::inspect::Container;
use hostward::path::CallerPath;
use hostward::policy::ownership::Ownership;
use hostward::seal::LABEL;
use hostward_sight::{Looks, Sight};

use super::error::IdentifyError;
use super::guests::{Identify, first_process};
use super::kept::ImageFacts;
use crate::loan::{FoundLender, FoundLenders};
use crate::refuse::Refused;

/// The containers that a request takes mounts from, before anything is looked at in them.
#[derive(Default)]
pub(crate) struct NamedLenders {
    /// Each once, with the look that finds out how it sees files.
    containers: Vec<(Arc<Container>, SightLook)>,
    /// What was asked of which of them.
    asked: Vec<(Lender, usize)>,
    directory: Option<CallerPath>,
    how: VolumesFrom,
}

type SightLook = Box<dyn FnOnce() -> Result<Sight, IdentifyError> + Send>;

impl NamedLenders {
    /// Looks into them, on a thread that may wait, as long as somebody waits for what `looks` finds. One without a process the
    /// engine sees, or refuses by itself.
    ///
    /// # Errors
    /// Where it is not known what one of them has, or nobody waits.
    pub(crate) fn look(self, looks: &Looks) -> Result<FoundLenders, Refused> {
        let mut found = Vec::new();
        for (container, look) in self.containers {
            looks.stopped().map_err(Refused::nobody_waits)?;
            found.push((container, Arc::new(look().map_err(Refused::not_told)?)));
        }
        let lenders = self.asked.into_iter().map(|(asked, n)| {
            let (container, sight) = found[n].clone();
            FoundLender { asked, container, sight }
        });
        Ok(FoundLenders { lenders: lenders.collect(), directory: self.directory, how: self.how })
    }
}

impl Identify {
    /// The containers that a request takes mounts from. What the engine does not know it refuses by itself.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub(crate) async fn lenders(&self, named: Lenders) -> Result<NamedLenders, IdentifyError> {
        let how = self.rules.volumes_from;
        let mut lenders = NamedLenders { directory: named.directory, how, ..NamedLenders::default() };
        for asked in named.lenders {
            // A name that stands there again means the same container, which is looked into once.
            let known = lenders.asked.iter().find(|(known, _)| known.name == asked.name).map(|(_, n)| *n);
            let n = if let Some(n) = known {
                n
            } else {
                let Some(container) = self.containers.named(&asked.name).await? else { continue };
                let described = Arc::clone(&container);
                // It hands over what the engine mounted; a map says nothing of that.
                let look = self.sight_look(&container, Vec::new()).await;
                let machine = self.machine().await;
                let look = move || look(first_process(&described, machine));
                lenders.containers.push((container, Box::new(look)));
                lenders.containers.len() - 1
            };
            lenders.asked.push((asked, n));
        }
        Ok(lenders)
    }

    /// The labels that Hostward has written on a container; all that it writes where the engine does not tell.
    pub(crate) async fn written_labels(&self, container: &str) -> Vec<&'static str> {
        match self.containers.named(container).await {
            Ok(Some(container)) => {
                let asked = container.asked.is_some().then_some(LABEL);
                let owner = container.labels.contains_key(Ownership::LABEL).then_some(Ownership::LABEL);
                asked.into_iter().chain(owner).collect()
            }
            Ok(None) => Vec::new(),
            Err(_) => vec![LABEL, Ownership::LABEL],
        }
    }

    /// What comes with the image of a container that is to be created. By the time that the engine creates it the name may
    /// mean another image: nothing that is allowed may hang on this.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub(crate) async fn image(&self, image: Option<&str>) -> Result<Arc<ImageFacts>, IdentifyError> {
        match image {
            Some(image) => self.containers.image(image).await,
            None => Ok(Arc::default()),
        }
    }
}
