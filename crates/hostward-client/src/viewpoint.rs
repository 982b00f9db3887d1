//! Who tells what a caller's paths are: this process looks for itself, or asks the Hostward that stands before the engine. That one
//! answers everything else in the caller's own words, so that nothing can be found out through it.

use hostward::explanation::{Explanation, MountTold};
use hostward::path::AskedPath;
use hostward_engine::about::{self, Asker, HostwardTold};
use hostward_engine::address::Address;
use hostward_engine::discover;

use crate::error::ViewpointError;
use crate::seen::SeenCaller;
use crate::told::ToldCaller;
use crate::whose::WhosePaths;

/// Whose paths are meant, and who tells.
#[derive(Debug, Clone)]
pub enum Viewpoint {
    /// They are seen from here.
    Seen(SeenCaller),
    /// Hostward tells.
    Told(Box<ToldCaller>),
}

impl Viewpoint {
    /// The viewpoint that an engine's answers give, or those of the Hostward before it.
    ///
    /// # Errors
    /// Where neither answers, or the answers do not say whose paths are meant.
    pub async fn asking(engine: &Address, whose: &WhosePaths) -> Result<Self, ViewpointError> {
        match (about::about(engine).await?, &whose.container) {
            (Some(about), None) => {
                let maps = if whose.maps.is_empty() { None } else { Some(SeenCaller::of_maps(whose)?) };
                Ok(Self::Told(Box::new(ToldCaller::new(engine.clone(), about, maps))))
            }
            (Some(HostwardTold { caller: Asker::Container { .. } | Asker::Unknown { .. }, .. }), Some(_)) => {
                Err(ViewpointError::Behind(engine.clone()))
            }
            (_, Some(selector)) => Ok(Self::Seen(SeenCaller::of_named(whose, engine, selector).await?)),
            (None, None) => {
                let place = discover::place(engine).await?;
                Ok(Self::Seen(SeenCaller::of_place(whose, engine, place).await?))
            }
        }
    }

    /// All there is to say of paths, in their order.
    pub async fn explain(&self, asked: &[AskedPath]) -> Result<Vec<Explanation>, ViewpointError> {
        match self {
            Self::Seen(seen) => {
                let mut explained = Vec::with_capacity(asked.len());
                for path in asked {
                    explained.push(seen.explain(path).await);
                }
                Ok(explained)
            }
            Self::Told(told) => Ok(told.explain(asked).await?),
        }
    }

    /// The caller's name: a container's, `host`, or `unknown`.
    pub fn caller(&self) -> &str {
        self.container().unwrap_or(if self.is_host() { "host" } else { "unknown" })
    }

    /// The container that it is, by its name.
    pub fn container(&self) -> Option<&str> {
        match self {
            Self::Seen(seen) => seen.container.as_ref().map(|container| &*container.name),
            Self::Told(told) => told.container(),
        }
    }

    /// Whether it is a process of the host, whose paths are the engine's.
    pub fn is_host(&self) -> bool {
        match self {
            Self::Seen(seen) => seen.view().is_identity(),
            Self::Told(told) => told.about().caller == Asker::Host,
        }
    }

    /// What the caller has mounted.
    pub fn mounts(&self) -> Vec<MountTold> {
        match self {
            Self::Seen(seen) => seen.view().table().map(MountTold::all).unwrap_or_default(),
            Self::Told(told) => told.about().mounts.clone(),
        }
    }

    /// Why only the maps are known, where more was wanted.
    pub fn blind(&self) -> Option<&str> {
        match self {
            Self::Seen(seen) => seen.blind.as_deref(),
            Self::Told(_) => None,
        }
    }
}
