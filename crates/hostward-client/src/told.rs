//! What the Hostward before the engine tells of this process's paths.

use hostward::explanation::Explanation;
use hostward::path::AskedPath;
use hostward_engine::about::{self, Asker, ExplainError, HostwardTold};
use hostward_engine::address::Address;

use crate::seen::SeenCaller;

/// What the Hostward before the engine tells.
#[derive(Debug, Clone)]
pub struct ToldCaller {
    engine: Address,
    about: HostwardTold,
    /// Explicit maps of this process's, which win.
    maps: Option<SeenCaller>,
}

impl ToldCaller {
    pub(crate) fn new(engine: Address, about: HostwardTold, maps: Option<SeenCaller>) -> Self {
        Self { engine, about, maps }
    }

    /// What it says of itself and of this process.
    pub fn about(&self) -> &HostwardTold {
        &self.about
    }

    /// The container that it takes this process for.
    pub(crate) fn container(&self) -> Option<&str> {
        match &self.about.caller {
            Asker::Container { name, .. } => Some(name),
            Asker::Host | Asker::Unknown { .. } => None,
        }
    }

    pub(crate) async fn explain(&self, asked: &[AskedPath]) -> Result<Vec<Explanation>, ExplainError> {
        let maps = self.maps.as_ref();
        let is_mapped = |path: &AskedPath| maps.is_some_and(|maps| maps.is_mapped(path));
        let rest: Vec<_> = asked.iter().filter(|path| !is_mapped(path)).cloned().collect();
        let told = about::explain(&self.engine, &rest).await?;
        let mut told = told.into_iter();
        let mut explained = Vec::with_capacity(asked.len());
        for path in asked {
            match maps {
                Some(maps) if is_mapped(path) => explained.push(maps.explain(path).await),
                _ => explained.extend(told.next()),
            }
        }
        Ok(explained)
    }
}
