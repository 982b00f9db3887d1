//! The way back: from a path of the engine's machine to where the caller sees that file.
//!
//! An answer has a path for each mount of each container, so this is made once of a view and then asked a thousand times:
//! what it costs to ask depends on how deep a path is, not on how many mounts the caller has.

use crate::path::{CallerPath, EnginePath, Rest};
use crate::table::View;
use std::collections::HashMap;

/// Where the caller has the directories and files of the engine's machine that it sees.
#[derive(Debug, Clone, Default)]
pub(crate) struct WayBack {
    /// By the engine's path ([`EnginePath::canonical`]); those of one path in the order of the caller's.
    bases: HashMap<Vec<u8>, Vec<Base>>,
}

/// One place of the caller's.
#[derive(Debug, Clone)]
struct Base {
    caller: CallerPath,
    /// Whether all that is beneath may only be read, where that is one thing: nothing else is mounted there.
    read_only: Option<bool>,
}

impl WayBack {
    /// That of a view, which must be asked together with it.
    pub(crate) fn of(view: &View) -> Self {
        let mut bases: HashMap<_, Vec<Base>> = HashMap::new();
        for (engine, caller) in view.bases() {
            let read_only = read_only(view, &caller);
            bases.entry(engine.canonical()).or_default().push(Base { caller, read_only });
        }
        for places in bases.values_mut() {
            // In the order that they have with something beneath.
            places.sort_by_cached_key(|base| base.caller.first_beneath());
            places.dedup_by(|a, b| a.caller == b.caller);
        }
        Self { bases }
    }

    /// See [`View::restore`]: of all places where the caller has this file the one that it may write to, and of these the
    /// one by the deepest mount.
    pub(crate) fn restore(&self, view: &View, path: &EnginePath) -> Option<CallerPath> {
        let mut only_read = None;
        for (above, rest) in path.ancestors() {
            let Some(bases) = self.bases.get(&above) else { continue };
            let (mut writable, mut readable) = (Best::default(), Best::default());
            for base in bases {
                if writable.is_before(base, &rest) {
                    continue;
                }
                // Of those that may only be read the first will do.
                let enough = only_read.is_some() || readable.is_before(base, &rest);
                if enough && base.read_only == Some(true) {
                    continue;
                }
                let caller = base.caller.join(&rest);
                let is_read_only = base.read_only.unwrap_or_else(|| view.is_read_only(&caller));
                if !(is_read_only && enough) && view.leads_to(&caller, path) {
                    if is_read_only { &mut readable } else { &mut writable }.take(base, caller);
                }
            }
            if writable.path.is_some() {
                return writable.path;
            }
            only_read = only_read.or(readable.path);
        }
        only_read
    }
}

/// The first path in the order of paths, of those by bases of one directory of the engine's, which are in order themselves.
#[derive(Default)]
struct Best<'a> {
    first: Option<&'a Base>,
    path: Option<CallerPath>,
}

impl<'a> Best<'a> {
    /// Whether what it has is before what is by this base. What is beneath the first base may be before it nonetheless:
    /// `/a/b` and `c` is before `/a` and `c`.
    fn is_before(&self, base: &Base, rest: &Rest) -> bool {
        match &self.path {
            Some(path) if rest.is_empty() => *path < base.caller,
            _ => self.first.is_some_and(|first| base.caller.below(&first.caller).is_none()),
        }
    }

    fn take(&mut self, base: &'a Base, path: CallerPath) {
        self.first = self.first.or(Some(base));
        if self.path.as_ref().is_none_or(|best| path < *best) {
            self.path = Some(path);
        }
    }
}

/// Whether all that the caller has at a place and beneath may only be read, where one mount has all of it.
fn read_only(view: &View, caller: &CallerPath) -> Option<bool> {
    let table = view.table()?;
    let mount = table.covering(caller).filter(|mount| mount.destination == *caller)?;
    table.beneath(caller).next().is_none().then_some(mount.read_only)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explicit::Map;
    use crate::table::{Device, Mount, Root, Socket, Source, Table};
    use proptest::prelude::*;

    /// As it was before: all places, sorted.
    fn reference(view: &View, path: &EnginePath) -> Option<CallerPath> {
        let candidates = view.bases().into_iter().filter_map(|(engine, caller)| {
            let rest = path.below(&engine)?;
            let caller = caller.join(&rest);
            Some((view.is_read_only(&caller), rest.as_bytes().len(), caller))
        });
        let mut candidates: Vec<_> = candidates.collect();
        candidates.sort();
        candidates.into_iter().map(|(.., caller)| caller).find(|caller| view.leads_to(caller, path))
    }

    fn engine(text: &str) -> EnginePath {
        EnginePath::parse(text.as_bytes()).unwrap()
    }

    fn path() -> impl Strategy<Value = String> {
        "(/(a|b|a-|ab)){1,4}"
    }

    /// As the engine spells it: `..` beneath a mount's source may stand in it, slashes may be doubled.
    fn source() -> impl Strategy<Value = String> {
        "(//?(a|b|ab|[.][.])){1,3}/?|/"
    }

    prop_compose! {
        fn view()(
            mounts in prop::collection::vec((path(), source(), any::<bool>(), 0..8), 0..12),
            maps in prop::collection::vec((path(), path()), 0..2),
            device in prop::option::of((path(), path(), any::<bool>())),
            root in prop::option::of(path()),
            raw in prop::option::of(path()),
            read_only: bool,
        ) -> View {
            let caller = |text: &str| CallerPath::parse(text.as_bytes()).unwrap();
            let mut table = Table::new(mounts.iter().map(|(at, from, read_only, kind)| Mount {
                destination: caller(at),
                source: if *kind == 0 { Source::Tmpfs } else { Source::Bind(engine(from)) },
                read_only: *read_only,
            }));
            table.set_root(Root { path: root.map(|root| engine(&root)), read_only, ..Root::default() });
            table.set_devices(device.into_iter().map(|(at, path, read_only)| Device {
                at: caller(&at), path: engine(&path), read_only,
            }).collect());
            let maps = maps.iter().map(|(a, b)| Map::parse(format!("{a}={b}").as_bytes()).unwrap()).collect();
            let view = View::container(table, maps);
            match raw {
                Some(raw) => view.with_socket(Socket { own: Some(engine("/own")), raw: Some(engine(&raw)) }),
                None => view,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_way_back_is_the_one_that_all_places_sorted_would_give(
            view in view(), asked in prop::collection::vec(source(), 1..8),
        ) {
            for path in asked.iter().map(|path| engine(path)).chain([engine("/own")]) {
                prop_assert_eq!(view.restore(&path), reference(&view, &path), "{}", path);
            }
        }
    }

    #[test]
    fn a_view_that_learns_of_its_socket_has_another_way_back() {
        let other = Mount {
            destination: CallerPath::parse(b"/s").unwrap(),
            source: Source::Other("sock".into()),
            read_only: false,
        };
        let view = View::container(Table::new([other]), Vec::new())
            .with_socket(Socket { own: Some(engine("/run/own")), raw: None });
        assert_eq!(view.restore(&engine("/run/own")), None);
        let view = view.with_own_socket(|_| true);
        assert_eq!(view.restore(&engine("/run/own")), CallerPath::parse(b"/s").ok());
    }
}
