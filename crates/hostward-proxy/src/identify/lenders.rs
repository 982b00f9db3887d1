//! What else of the engine a request needs: the containers that it takes mounts from, and its image.

use std::sync::Arc;

use hostward::api::lenders::Lenders;

use super::error::IdentifyError;
use super::guests::{Identify, first_process};
use crate::loan::{FoundLender, FoundLenders};

impl Identify {
    /// The containers that a request takes mounts from. What the engine does not know it refuses by itself.
    ///
    /// # Errors
    /// Where it is not known what one of them has.
    pub(crate) async fn lenders(&self, named: Lenders) -> Result<FoundLenders, IdentifyError> {
        let mut lenders: Vec<FoundLender> = Vec::new();
        for asked in named.lenders {
            // A name that stands there again means the same container, which is looked into once.
            if let Some(known) = lenders.iter().find(|known| known.asked.name == asked.name) {
                let (container, sight) = (Arc::clone(&known.container), Arc::clone(&known.sight));
                lenders.push(FoundLender { asked, container, sight });
                continue;
            }
            let Some(container) = self.containers.named(&asked.name).await? else { continue };
            let first = first_process(&container);
            // It hands over what the engine mounted; a map says nothing of that.
            let Some(sight) = self.sight(&container, move || Ok(Some(first)), Vec::new()).await? else {
                continue;
            };
            lenders.push(FoundLender { asked, container, sight: Arc::new(sight) });
        }
        Ok(FoundLenders { lenders, directory: named.directory, how: self.rules.volumes_from })
    }

    /// The names of the labels that come with an image, of a container that is to be created. By the time that the engine
    /// creates it the name may mean another image: nothing that is allowed may hang on this.
    ///
    /// # Errors
    /// Where the engine does not tell.
    pub(crate) async fn image_labels(&self, image: Option<&str>) -> Result<Vec<String>, IdentifyError> {
        match image {
            Some(image) => self.containers.image_labels(image).await,
            None => Ok(Vec::new()),
        }
    }
}
