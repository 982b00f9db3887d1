//! What a view says of a path, and the way back.

use super::*;
use crate::mount::{Device, Mount, Root, Volume};
use proptest::prelude::*;

fn caller(text: &str) -> CallerPath {
    CallerPath::parse(text.as_bytes()).unwrap()
}

fn bind(destination: &str, source: &str) -> Mount {
    Mount {
        destination: caller(destination),
        source: Source::Bind(EnginePath::parse(source.as_bytes()).unwrap()),
        read_only: false,
    }
}

fn volume(destination: &str, subpath: &str, path: &str) -> Mount {
    let volume = Volume {
        name: "v".into(),
        driver: "local".into(),
        subpath: Rest::parse(subpath.as_bytes()).unwrap(),
        path: EnginePath::parse(path.as_bytes()).ok(),
    };
    Mount { destination: caller(destination), source: Source::Volume(volume), read_only: false }
}

#[test]
fn a_file_of_the_engine_is_found_where_the_caller_sees_it() {
    let mut table = Table::new([
        bind("/app", "/srv/app"),
        bind("/app/hidden", "/srv/other"),
        bind("/again", "/srv/app/sub"),
        volume("/v", "a", "/vols/v/_data"),
    ]);
    table.set_root(Root { path: EnginePath::parse(b"/overlay/merged").ok(), ..Root::default() });
    let view = View::container(table, vec![Map::parse(b"/mapped=/m/x").unwrap()]);
    let restore =
        |path: &str| view.restore(&EnginePath::parse(path.as_bytes()).unwrap()).map(|path| path.to_string());
    assert_eq!(restore("/srv/app/f").as_deref(), Some("/app/f"));
    assert_eq!(restore("/srv/app"), Some("/app".into()));
    assert_eq!(restore("/srv/app/sub/f").as_deref(), Some("/again/f"));
    assert_eq!(restore("/vols/v/_data/a/f").as_deref(), Some("/v/f"));
    assert_eq!(restore("/overlay/merged/etc").as_deref(), Some("/etc"));
    assert_eq!(restore("/m/x/y").as_deref(), Some("/mapped/y"));
    // What other mounts hide, or never showed.
    assert_eq!(restore("/srv/app/hidden/f"), None);
    assert_eq!(restore("/overlay/merged/app"), None);
    assert_eq!(restore("/vols/v/_data/b"), None);
    assert_eq!(restore("/srv/application"), None);
}

#[test]
fn t11_the_engines_own_socket_is_known_by_its_path() {
    let table = Table::new([bind("/sock", "/run/docker.sock"), bind("/run/hw", "/run/hostward")]);
    let path = |text: &str| EnginePath::parse(text.as_bytes()).ok();
    let socket = Socket { own: path("/run/hostward/docker.sock"), raw: path("/run//docker.sock") };
    let view = View::container(table, Vec::new()).with_socket(socket.clone());
    assert_eq!(view.locate(&caller("/sock")), Origin::Socket(socket.own.as_ref()));
    assert!(matches!(view.locate(&caller("/run/hw/docker.sock")), Origin::Bind { .. }));
}

#[test]
fn a_mount_and_a_map_at_one_place_come_along_once() {
    let table = Table::new([bind("/ws/b", "/2"), bind("/ws/a", "/1"), bind("/ws", "/0")]);
    let view = View::container(table, vec![Map::parse(b"/ws/a=/m").unwrap()]);
    let found: Vec<_> = view.beneath(&caller("/ws")).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["/ws/a", "/ws/b"]);
}

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
