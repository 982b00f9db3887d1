//! The engine's own socket, which a caller may come to by many a path: it is given Hostward's instead (T11).

use hostward::abilities::Abilities;
use hostward::mount::{Mount, Source};
use hostward::path::{AskedPath, CallerPath, EnginePath, Rest};
use hostward::plan::{self, Give, Plan, Wish};
use hostward::reading::Reading;
use hostward::refusal::{Reason, Refusal};
use hostward::table::Table;
use hostward::view::Socket;
use hostward::walk::Resolved;

use crate::eyes::Follow;
use crate::runner;
use crate::sight::Sight;

impl Sight {
    /// What the engine is given for a path that was read so: what whose path it is settles, or else what [`plan`](Self::plan) says.
    ///
    /// # Errors
    /// A refusal where nothing faithful can be given, or nobody can tell whose path it is.
    pub fn give(
        &self,
        asked: &AskedPath,
        reading: &Reading,
        wish: &Wish,
        abilities: Abilities,
    ) -> Result<Plan, Refusal> {
        match reading.settled(asked)? {
            Some(plan) => Ok(plan),
            None => self.plan(asked, &reading.resolved, wish, abilities),
        }
    }

    /// What the engine is given for a path that leads to `resolved`: [`plan::plan`], and in the place of the engine's own
    /// socket, by whatever path the caller comes to it, Hostward's (T11).
    ///
    /// # Errors
    /// A refusal where nothing faithful can be given.
    pub fn plan(
        &self,
        asked: &AskedPath,
        resolved: &Resolved,
        wish: &Wish,
        abilities: Abilities,
    ) -> Result<Plan, Refusal> {
        let host_has = |name: &CallerPath| self.host_has(name);
        let mut plan = plan::plan(asked, resolved, &self.view, wish, abilities, host_has)?;
        if let Plan::Given(given) = &mut plan {
            given.lasting &= !self.makes_by_itself(asked, resolved, wish);
        }
        let (Plan::Given(given), Some(Socket { own, raw: Some(raw) })) = (&mut plan, self.view.socket())
        else {
            return Ok(plan);
        };
        let is_raw = self.is_socket(raw);
        let refuse = |reason| Refusal { asked: asked.clone(), reason };
        let beneath = given.beneath.iter_mut().map(|beneath| (&mut beneath.source, &mut beneath.read_only));
        let itself = [(&mut given.source, &mut given.read_only)];
        for (number, (source, read_only)) in itself.into_iter().chain(beneath).enumerate() {
            if matches!(source, Give::Bind(path) if is_raw(path)) {
                let own = own.clone().ok_or_else(|| refuse(Reason::Socket))?;
                // That a caller may only read the file means nothing to a socket.
                (*source, *read_only) = (Give::Bind(own), wish.read_only);
                given.lasting &= number > 0;
            }
        }
        Ok(plan)
    }

    /// Whether the host has something at a path, where it can be looked at.
    fn host_has(&self, path: &CallerPath) -> Option<bool> {
        let machine = self.machine.is_seen().then(|| runner::engine_side(self.runner))?.ok()?;
        machine.root.identity(path.as_bytes(), Follow::Links).ok().map(|file| file.is_some())
    }

    /// Where the mounts that the engine lists have its own socket.
    pub fn engine_sockets(&self, listed: &Table) -> Vec<CallerPath> {
        let Some(Socket { raw: Some(raw), .. }) = self.view.socket() else { return Vec::new() };
        let is_raw = self.is_socket(raw);
        let socket = |mount: &Mount| {
            let Source::Bind(source) = &mount.source else { return None };
            let rest = if is_raw(source) { Rest::empty() } else { raw.within(source)? };
            let at = mount.destination.join(&rest);
            // Another mount may stand over it.
            (listed.covering(&at)?.destination == mount.destination).then_some(at)
        };
        listed.iter().filter_map(socket).collect()
    }

    /// Whether a path of the engine's machine is the socket that is at `path`, where that machine can be looked at.
    fn is_socket(&self, path: &EnginePath) -> impl Fn(&EnginePath) -> bool {
        let machine = self.machine.is_seen().then(|| runner::engine_side(self.runner)).and_then(Result::ok);
        let socket = move |path: &EnginePath| {
            let file = machine.as_ref()?.root.identity(path.as_bytes(), Follow::Links).ok().flatten();
            file.filter(|file| file.is_socket)
        };
        move |other| socket(other).is_some_and(|other| socket(path).is_some_and(|file| file == other))
    }
}
