//! A caller's paths as they are seen from here: this process's own, or those of a container that was named, with the engine asked
//! by this process itself.

use std::sync::Arc;

use hostward::abilities::Abilities;
use hostward::explanation::Explanation;
use hostward::explicit::{Missing, Unmapped};
use hostward::inspect::Container;
use hostward::origin::Origin;
use hostward::path::AskedPath;
use hostward::refusal::{Reason, Refusal};
use hostward::view::View;
use hostward_engine::address::Address;
use hostward_engine::complete::complete;
use hostward_engine::discover::Place;
use hostward_engine::select::Selector;
use hostward_engine::version;
use hostward_sight::{Looks, Machine, Sight, look, visible_pid};

use crate::error::ViewpointError;
use crate::whose::WhosePaths;

/// What is known of a caller from here.
#[derive(Debug, Clone)]
pub struct SeenCaller {
    /// Its view, and eyes to follow paths in it.
    pub sight: Arc<Sight>,
    /// The container that it is the view of.
    pub container: Option<Arc<Container>>,
    /// What the engine can do.
    abilities: Abilities,
    /// Why only the maps are known, where more was wanted.
    pub blind: Option<String>,
}

impl SeenCaller {
    /// This process, of which nothing but maps is known.
    pub fn of_maps(whose: &WhosePaths) -> Result<Self, ViewpointError> {
        Self::here(View::explicit(whose.maps.clone()))
    }

    /// A container that was named, seen through its first process or through the engine.
    pub async fn of_named(
        whose: &WhosePaths,
        engine: &Address,
        selector: &Selector,
    ) -> Result<Self, ViewpointError> {
        let container = selector.container(engine).await?;
        let pid = visible_pid(&container, Machine::of(engine).await);
        Self::of_container(whose, engine, pid, container).await
    }

    /// This process, as far as it was found out where it runs.
    pub async fn of_place(
        whose: &WhosePaths,
        engine: &Address,
        place: Place,
    ) -> Result<Self, ViewpointError> {
        match place {
            Place::Container(container) => {
                Self::of_container(whose, engine, Some(std::process::id()), *container).await
            }
            Place::Host if whose.maps.is_empty() => Self::here(View::identity()),
            // Maps say that this is not the engine's own view, so what they leave out is not known.
            Place::Host => Self::of_maps(whose),
        }
    }

    /// This process's own files, in a view that no engine was asked about.
    fn here(view: View) -> Result<Self, ViewpointError> {
        let sight = Sight::here(view).map_err(ViewpointError::Unseen)?;
        Ok(Self { sight: Arc::new(sight), container: None, abilities: Abilities::least(), blind: None })
    }

    async fn of_container(
        whose: &WhosePaths,
        engine: &Address,
        pid: Option<u32>,
        mut container: Container,
    ) -> Result<Self, ViewpointError> {
        complete(engine, &mut container).await?;
        let abilities = version::version(engine).await?.abilities();
        let (address, maps, described) = (engine.clone(), whose.maps.clone(), container.clone());
        let machine = Machine::of(engine).await;
        let sight = look(move || Sight::of_container(pid, &address, &described, maps, machine))
            .await
            .map_err(ViewpointError::Failed)?
            .map_err(ViewpointError::Unseen)?;
        let unmapped = Unmapped::settle(whose.unmapped, container.unmapped);
        let missing = Missing::settle(whose.missing, container.missing);
        let sight = Arc::new(sight.with_unmapped(unmapped).with_missing(missing));
        Ok(Self { sight, container: Some(Arc::new(container)), abilities, blind: None })
    }

    /// The same, where more was wanted and could not be found out.
    #[must_use]
    pub fn alone(self, why: &str) -> Self {
        Self { blind: Some(why.to_owned()), ..self }
    }

    /// How it sees files.
    pub fn view(&self) -> &View {
        self.sight.view()
    }

    /// Whether an explicit map says what this path is.
    pub fn is_mapped(&self, asked: &AskedPath) -> bool {
        let reading = self.sight.resolve(asked, false, &Looks::default());
        reading
            .is_ok_and(|reading| matches!(self.view().locate(&reading.resolved.path), Origin::Mapped { .. }))
    }

    /// All there is to say of a path. A file system that hangs holds up nobody else.
    pub async fn explain(&self, asked: &AskedPath) -> Explanation {
        let (path, sight, abilities) = (asked.clone(), Arc::clone(&self.sight), self.abilities);
        let explained =
            look(move || sight.explain(&path, false, abilities, &Looks::default(), |_| Ok(()))).await;
        explained.unwrap_or_else(|why| {
            let refused = Err(Refusal { asked: asked.clone(), reason: Reason::Unseen(why) });
            Explanation::of(asked, self.view(), None, &refused)
        })
    }
}
