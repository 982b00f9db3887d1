//! The rules, one by one, and what is given beneath a mount.

use super::*;
use crate::explicit::Map;
use crate::mount::{Mount, Root, Source, Volume};
use crate::table::Table;
use crate::version::ApiVersion;
use crate::view::Socket;
use proptest::prelude::*;

const NEW: Abilities = Abilities::of(ApiVersion::new(1, 51));

fn path(text: &str) -> CallerPath {
    CallerPath::parse(text.as_bytes()).unwrap()
}

fn engine(text: &str) -> EnginePath {
    EnginePath::parse(text.as_bytes()).unwrap()
}

fn rest(text: &str) -> Rest {
    Rest::parse(text.as_bytes()).unwrap()
}

fn mount(destination: &str, source: Source, read_only: bool) -> Mount {
    Mount { destination: path(destination), source, read_only }
}

fn bind(source: &str) -> Source {
    Source::Bind(engine(source))
}

fn volume(name: &str, subpath: &str) -> Source {
    let path = (name != "remote").then(|| engine(&format!("/vols/{name}/_data")));
    Source::Volume(Volume { name: name.into(), driver: "local".into(), subpath: rest(subpath), path })
}

fn table() -> Table {
    let mut table = Table::new([
        mount("/app/storage", bind("/home/me/project/storage"), false),
        mount("/app/ro", bind("/srv/ro"), true),
        mount("/ws", bind("/srv/ws"), false),
        mount("/ws/node_modules", volume("nm", ""), false),
        mount("/ws/node_modules/.cache", bind("/srv/cache"), true),
        mount("/v", volume("v", ""), false),
        mount("/part", volume("v", "a/b"), true),
        mount("/r", volume("remote", ""), false),
        mount("/t", Source::Tmpfs, false),
        mount("/mem/x", Source::Tmpfs, false),
        mount("/mem", bind("/srv/mem"), false),
        mount("/i", Source::Image, true),
        mount("/s", Source::Other("cluster".into()), false),
        mount("/file.py", bind("/srv/file.py"), false),
    ]);
    table.set_root(Root { path: Some(engine("/overlay/merged")), ..Root::default() });
    table
}

fn view() -> View {
    View::container(table(), Vec::new())
}

fn ask_of(view: &View, text: &str, wish: &Wish, abilities: Abilities) -> Result<Plan, Reason> {
    let asked = AskedPath::parse(text.as_bytes()).unwrap();
    let resolved = Resolved::at(asked.clean(), true);
    plan(&asked, &resolved, view, wish, abilities, |_| None).map_err(|refusal| refusal.reason)
}

fn ask(text: &str) -> Result<Plan, Reason> {
    ask_of(&view(), text, &Wish::bind(), NEW)
}

fn missing(text: &str, creates: bool) -> Result<Plan, Reason> {
    let asked = AskedPath::parse(text.as_bytes()).unwrap();
    let resolved = Resolved::at(asked.clean(), false);
    let wish = Wish { creates, ..Wish::bind() };
    plan(&asked, &resolved, &view(), &wish, NEW, |_| None).map_err(|refusal| refusal.reason)
}

fn given(source: &str, read_only: bool) -> Plan {
    let source = Give::Bind(engine(source));
    Plan::Given(Given { source, read_only, lasting: true, beneath: Vec::new() })
}

/// Of what goes with the caller, a volume or Hostward.
fn lent(source: &str, read_only: bool) -> Plan {
    let source = Give::Bind(engine(source));
    Plan::Given(Given { source, read_only, lasting: false, beneath: Vec::new() })
}

fn part(name: &str, subpath: &str, read_only: bool) -> Plan {
    let source = Give::Volume { name: name.into(), subpath: rest(subpath) };
    Plan::Given(Given { source, read_only, lasting: false, beneath: Vec::new() })
}

#[test]
fn t1_a_name_that_only_begins_alike_is_not_beneath() {
    assert_eq!(ask("/app/storagex/f"), Ok(lent("/overlay/merged/app/storagex/f", false)));
}

#[test]
fn t2_a_bind_gives_its_source_and_the_rest() {
    assert_eq!(ask("/app/storage/tmp/file.py"), Ok(given("/home/me/project/storage/tmp/file.py", false)));
    assert_eq!(ask("/app/storage"), Ok(given("/home/me/project/storage", false)));
    assert_eq!(ask("/app/storage/"), Ok(given("/home/me/project/storage", false)));
    assert_eq!(ask("/file.py"), Ok(given("/srv/file.py", false)));
}

#[test]
fn t3_a_volume_gives_itself_and_a_subpath() {
    assert_eq!(ask("/v"), Ok(part("v", "", false)));
    assert_eq!(ask("/v/x/f"), Ok(part("v", "x/f", false)));
    assert_eq!(ask("/r/x"), Ok(part("remote", "x", false)));
}

#[test]
fn t3_where_a_subpath_is_not_understood_the_volumes_directory_is_given() {
    let old = |text| ask_of(&view(), text, &Wish::bind(), Abilities::of(ApiVersion::new(1, 41)));
    assert_eq!(old("/v"), Ok(part("v", "", false)));
    assert_eq!(old("/v/x/f"), Ok(lent("/vols/v/_data/x/f", false)));
    assert_eq!(old("/part"), Ok(lent("/vols/v/_data/a/b", true)));
    assert!(matches!(old("/r/x"), Err(Reason::Volume { .. })));
    let options = |text| ask_of(&view(), text, &Wish { plain: false, ..Wish::bind() }, NEW);
    assert_eq!(options("/v"), Ok(lent("/vols/v/_data", false)));
    assert!(matches!(options("/r"), Err(Reason::Volume { .. })));
}

#[test]
fn t4_subpaths_are_joined() {
    assert_eq!(ask("/part"), Ok(part("v", "a/b", true)));
    assert_eq!(ask("/part/c"), Ok(part("v", "a/b/c", true)));
}

#[test]
fn t5_the_root_filesystem_is_given_where_the_engine_says_where_it_is() {
    assert_eq!(ask("/etc/passwd"), Ok(lent("/overlay/merged/etc/passwd", false)));
    let mut table = table();
    table.set_root(Root { path: Some(engine("/overlay/merged")), read_only: true, ..Root::default() });
    let view = View::container(table, Vec::new());
    assert_eq!(
        ask_of(&view, "/etc/passwd", &Wish::bind(), NEW),
        Ok(lent("/overlay/merged/etc/passwd", true))
    );
    let unknown = View::container(Table::default(), Vec::new());
    assert_eq!(ask_of(&unknown, "/etc/passwd", &Wish::bind(), NEW), Err(Reason::RootFs));
}

#[test]
fn t6_memory_and_images_are_refused() {
    assert!(matches!(ask("/t/x"), Err(Reason::Tmpfs(_))));
    assert!(matches!(ask("/i"), Err(Reason::Image(_))));
    assert!(matches!(ask("/s/x"), Err(Reason::Other { .. })));
}

fn carried(plan: Result<Plan, Reason>) -> Vec<(String, Give, bool)> {
    let Ok(Plan::Given(given)) = plan else { panic!("{plan:?}") };
    given.beneath.into_iter().map(|b| (b.rest.to_string(), b.source, b.read_only)).collect()
}

#[test]
fn t7_mounts_beneath_come_along() {
    let modules = Give::Volume { name: "nm".into(), subpath: Rest::empty() };
    let cache = Give::Bind(engine("/srv/cache"));
    let both = |ro| {
        vec![
            ("node_modules".to_owned(), modules.clone(), ro),
            ("node_modules/.cache".to_owned(), cache.clone(), true),
        ]
    };
    assert_eq!(carried(ask("/ws")), both(false));
    assert_eq!(carried(ask("/ws/src")), []);
    let wish = Wish { read_only: true, ..Wish::bind() };
    assert_eq!(carried(ask_of(&view(), "/ws", &wish, NEW)), both(true));
    let alone = Wish { recursive: false, ..Wish::bind() };
    assert_eq!(carried(ask_of(&view(), "/ws", &alone, NEW)), []);
    // What the request has itself stays behind, and so does what is beneath it.
    let covered = |name: &str| {
        let targets = BTreeSet::from([path("/t"), path(&format!("/t/{name}"))]);
        Wish { covered: Covered::beneath(path("/t"), targets.into()), ..Wish::bind() }
    };
    assert_eq!(carried(ask_of(&view(), "/ws", &covered("node_modules"), NEW)), []);
    assert_eq!(carried(ask_of(&view(), "/ws", &covered("node_modules/.cache"), NEW)).len(), 1);
    assert_eq!(carried(ask_of(&view(), "/ws", &covered("node"), NEW)).len(), 2);
    assert_eq!(carried(ask_of(&view(), "/mem", &covered("x"), NEW)), []);
    // And what the image has a volume for.
    let left = |volume: &str| {
        let mut wish = covered("nothing");
        wish.covered.set_volumes(&BTreeSet::from([path("/t"), path(volume)]).into());
        wish
    };
    assert_eq!(carried(ask_of(&view(), "/ws", &left("/t/node_modules"), NEW)), []);
    assert_eq!(carried(ask_of(&view(), "/ws", &left("/t/node_modules/.cache"), NEW)).len(), 1);
    assert_eq!(carried(ask_of(&view(), "/ws", &left("/u/node_modules"), NEW)).len(), 2);
    assert_eq!(carried(ask_of(&view(), "/mem", &left("/t/x"), NEW)), []);
    // Of a volume, too.
    assert_eq!(carried(ask("/ws/node_modules")), [(".cache".to_owned(), cache, true)]);
}

#[test]
fn t7_what_cannot_come_along_is_named() {
    let Err(Reason::Submount { at, reason }) = ask("/mem") else { panic!() };
    assert_eq!((at, *reason), (path("/mem/x"), Reason::Tmpfs(path("/mem/x"))));
}

#[test]
fn t7_the_root_itself_brings_all_mounts_but_the_engines_own() {
    let table = Table::new([
        mount("/app", bind("/srv/app"), false),
        mount("/etc/hosts", bind("/c/hosts"), false),
        mount("/dev/mine", bind("/srv/dev"), false),
    ]);
    let mut with_root = table;
    with_root.set_root(Root { path: Some(engine("/overlay/merged")), ..Root::default() });
    let view = View::container(with_root, Vec::new());
    let names: Vec<_> =
        carried(ask_of(&view, "/app/..", &Wish::bind(), NEW)).into_iter().map(|(rest, ..)| rest).collect();
    assert_eq!(names, ["app", "etc/hosts"]);
}

#[test]
fn t8_read_only_stays_read_only() {
    assert_eq!(ask("/app/ro/x"), Ok(given("/srv/ro/x", true)));
    let maps = vec![Map::parse(b"/app/ro=/elsewhere").unwrap()];
    assert_eq!(
        ask_of(&View::container(table(), maps), "/app/ro/x", &Wish::bind(), NEW),
        Ok(given("/elsewhere/x", true))
    );
}

#[test]
fn t10_what_is_missing_is_made_where_it_lasts_and_may_be_written() {
    assert_eq!(missing("/app/storage/new", true), Ok(given("/home/me/project/storage/new", false)));
    assert_eq!(missing("/app/ro/new", true), Err(Reason::MissingReadOnly));
    assert_eq!(missing("/app/ro/new", false), Ok(given("/srv/ro/new", true)));
    assert_eq!(missing("/opt/new", true), Err(Reason::Missing { also: Vec::new() }));
    assert_eq!(missing("/opt/new", false), Ok(given("/overlay/merged/opt/new", false)));
    // A mount of a volume makes nothing, and says other words.
    assert_eq!(missing("/v/new", true), Ok(given("/vols/v/_data/new", false)));
    assert_eq!(missing("/v/new", false), Ok(given("/vols/v/_data/new", false)));
    assert!(matches!(missing("/r/new", true), Err(Reason::Volume { .. })));
}

#[test]
fn t10_what_is_missing_in_the_root_filesystem_is_made_where_that_is_said() {
    let made = |view: View, text: &str| {
        let asked = AskedPath::parse(text.as_bytes()).unwrap();
        let resolved = Resolved::at(asked.clean(), false);
        plan(&asked, &resolved, &view.with_missing(Missing::Make), &Wish::bind(), NEW, |_| None)
            .map_err(|refusal| refusal.reason)
    };
    assert_eq!(made(view(), "/root/.m2"), Ok(given("/overlay/merged/root/.m2", false)));
    assert_eq!(made(View::container(Table::default(), Vec::new()), "/root/.m2"), Err(Reason::RootFs));
    let mut table = Table::default();
    table.set_root(Root { path: Some(engine("/m")), read_only: true, ..Root::default() });
    assert_eq!(made(View::container(table, Vec::new()), "/root/.m2"), Err(Reason::MissingReadOnly));
    // What nothing maps is the host's all the same, and made there.
    assert_eq!(made(view().with_unmapped(Unmapped::Host), "/root/.m2"), Ok(Plan::Keep));
}

#[test]
fn t9_what_is_asked_for_as_a_directory_is_given_so() {
    let slash = |view: &View, text: &str| {
        let asked = AskedPath::parse(text.as_bytes()).unwrap();
        let resolved = Resolved { no_directory: true, ..Resolved::at(asked.clean(), true) };
        plan(&asked, &resolved, view, &Wish::bind(), NEW, |_| None).map_err(|refusal| refusal.reason)
    };
    assert_eq!(slash(&view(), "/file.py/"), Ok(given("/srv/file.py/", false)));
    assert_eq!(slash(&view(), "/v/f/."), Ok(lent("/vols/v/_data/f/", false)));
    assert_eq!(slash(&view(), "/opt/f/"), Ok(lent("/overlay/merged/opt/f/", false)));
}

#[test]
fn t11_the_engines_socket_is_hostwards_by_every_name() {
    let own = engine("/run/hostward/docker.sock");
    let socket = Socket { own: Some(own.clone()), raw: Some(engine("/run/docker.sock")) };
    let mut table = table();
    table.add(mount("/elsewhere/sock", bind("/run/docker.sock"), true));
    let view = View::container(table.clone(), Vec::new()).with_socket(socket);
    let hostwards = Ok(lent("/run/hostward/docker.sock", false));
    for name in [
        "/var/run/docker.sock",
        "//var/run/docker.sock",
        "/run/docker.sock",
        "/var/run/docker-host.sock",
        "/var/run/docker.sock.raw",
        "/run/podman/podman.sock",
        "/run/user/1000/docker.sock",
        "/run/user/1000/podman/podman.sock",
        "/elsewhere/sock",
    ] {
        assert_eq!(ask_of(&view, name, &Wish::bind(), NEW), hostwards, "{name}");
    }
    assert_eq!(
        carried(ask_of(&view, "/elsewhere", &Wish::bind(), NEW)),
        [("sock".to_owned(), Give::Bind(own), false)]
    );
    assert_eq!(
        ask_of(&view, "/run/docker.sockets", &Wish::bind(), NEW),
        Ok(lent("/overlay/merged/run/docker.sockets", false))
    );
    // By its path on the host, where the caller sees nothing.
    let engines = |exists| {
        let asked = AskedPath::parse(b"/run/user/1000/hostward/docker.sock").unwrap();
        let socket = Socket { own: Some(engine("/run/user/1000/hostward/docker.sock")), raw: None };
        let view = View::container(table.clone(), Vec::new()).with_socket(socket);
        let resolved = Resolved::at(asked.clean(), exists);
        plan(&asked, &resolved, &view, &Wish::bind(), NEW, |_| None)
    };
    assert_eq!(engines(false), Ok(lent("/run/user/1000/hostward/docker.sock", false)));
    assert_eq!(engines(true), Ok(lent("/overlay/merged/run/user/1000/hostward/docker.sock", false)));
    // In a directory, too.
    let own = engine("/run/hostward/docker.sock");
    let mut host = table.clone();
    host.add(mount("/host/run", bind("/run"), false));
    let socket = Socket { own: Some(own.clone()), raw: Some(engine("/run/docker.sock")) };
    let host = View::container(host, Vec::new()).with_socket(socket);
    assert_eq!(
        carried(ask_of(&host, "/host/run", &Wish::bind(), NEW)),
        [("docker.sock".to_owned(), Give::Bind(own), false)]
    );
    let none = View::container(table, Vec::new()).with_socket(Socket::default());
    assert_eq!(ask_of(&none, "/var/run/docker.sock", &Wish::bind(), NEW), Err(Reason::Socket));
}

#[test]
fn t14_the_host_keeps_every_path() {
    assert_eq!(ask_of(&View::identity(), "/app/../etc", &Wish::bind(), NEW), Ok(Plan::Keep));
    let view = View::identity().with_socket(Socket::default());
    assert_eq!(ask_of(&view, "/var/run/docker.sock", &Wish::bind(), NEW), Ok(Plan::Keep));
}

#[test]
fn t15_a_map_wins_over_discovery() {
    let maps = vec![Map::from_host_pwd(b"/x", b"/app/storage").unwrap()];
    let known = View::container(table(), maps.clone());
    let ask = |view: &View, text: &str| ask_of(view, text, &Wish::bind(), NEW);
    assert_eq!(ask(&known, "/app/storage/a"), Ok(given("/x/storage/a", false)));
    let unknown = View::explicit(maps);
    assert_eq!(ask(&unknown, "/app/storage/../../etc/passwd"), Err(Reason::Unmapped));
    assert_eq!(ask(&unknown, "/app/storagex/f"), Err(Reason::Unmapped));
    assert_eq!(ask(&unknown, "/app/storage"), Ok(given("/x/storage", false)));
    // A map covers the mounts beneath it, and a deeper map comes along.
    let nested = vec![Map::parse(b"/ws=/m/ws").unwrap(), Map::parse(b"/ws/sub=/m/other").unwrap()];
    let nested = View::container(table(), nested);
    assert_eq!(carried(ask(&nested, "/ws")), [("sub".to_owned(), Give::Bind(engine("/m/other")), false)]);
}

#[test]
fn t17_what_nothing_maps_is_the_machines_where_that_is_said() {
    let view = view().with_unmapped(Unmapped::Host);
    let ask = |text: &str| ask_of(&view, text, &Wish::bind(), NEW);
    assert_eq!(ask("/opt/stack"), Ok(Plan::Keep));
    assert_eq!(ask("/app"), Ok(Plan::Keep));
    // What is mounted is the caller's.
    assert_eq!(ask("/app/storage/x"), Ok(given("/home/me/project/storage/x", false)));
    assert_eq!(ask("/t/x"), Err(Reason::Tmpfs(path("/t"))));
    assert_eq!(ask("/dev/shm/x"), Err(Reason::Private));
    // A link out of a mount leads to the caller's own, whatever the name is.
    let lead = |asked: &str, to: &str| {
        let asked = AskedPath::parse(asked.as_bytes()).unwrap();
        let resolved = Resolved::at(path(to), true);
        plan(&asked, &resolved, &view, &Wish::bind(), NEW, |_| None).map_err(|refusal| refusal.reason)
    };
    assert_eq!(lead("/app/storage/link", "/opt/own"), Ok(lent("/overlay/merged/opt/own", false)));
    assert_eq!(lead("/opt/link", "/app/storage/f"), Ok(given("/home/me/project/storage/f", false)));
    assert_eq!(lead("/app/storage/../../opt", "/opt"), Ok(lent("/overlay/merged/opt", false)));
    // Of nobody's files anything is known.
    let unknown = View::explicit(Vec::new()).with_unmapped(Unmapped::Host);
    assert_eq!(ask_of(&unknown, "/srv/x", &Wish::bind(), NEW), Ok(Plan::Keep));
}

#[test]
fn t27_what_the_caller_alone_has_is_its_own() {
    let asked = AskedPath::parse(b"/opt/own").unwrap();
    let ask = |exists: bool, host_has: Option<bool>, unmapped: Unmapped| {
        let (view, resolved) = (view().with_unmapped(unmapped), Resolved::at(asked.clean(), exists));
        plan(&asked, &resolved, &view, &Wish::bind(), NEW, |name| {
            assert_eq!((name, exists, unmapped), (&path("/opt/own"), true, Unmapped::Host));
            host_has
        })
        .map_err(|refusal| refusal.reason)
    };
    let own = lent("/overlay/merged/opt/own", false);
    assert_eq!(ask(true, Some(true), Unmapped::Host), Ok(Plan::Keep));
    assert_eq!(ask(true, Some(false), Unmapped::Host), Ok(own.clone()));
    // Nobody can tell.
    assert_eq!(ask(true, None, Unmapped::Host), Ok(Plan::Keep));
    // Neither has it, or the host alone.
    assert_eq!(ask(false, None, Unmapped::Host), Ok(Plan::Keep));
    assert_eq!(ask(true, None, Unmapped::Refuse), Ok(own));
}

#[test]
fn t19_the_machine_is_the_engines() {
    let bare = View::container(Table::default(), Vec::new());
    for machine in ["/dev/kvm", "/proc", "/sys/fs/cgroup", "/lib/modules", "/", "//.", "/etc/localtime"] {
        assert_eq!(ask_of(&bare, machine, &Wish::bind(), NEW), Ok(Plan::Keep), "{machine}");
    }
    assert_eq!(ask("/device"), Ok(lent("/overlay/merged/device", false)));
    for own in
        ["/dev/shm/work", "/dev/fd/3", "/dev/stdin", "/proc/self/cwd", "/proc/42/root", "/proc/thread-self"]
    {
        assert_eq!(ask(own), Err(Reason::Private), "{own}");
    }
    for machine in ["/dev/shm", "/proc/sys/kernel", "/proc/cpuinfo"] {
        assert_eq!(ask(machine), Ok(Plan::Keep), "{machine}");
    }
}

#[test]
fn t19_a_mount_of_the_callers_covers_the_machine_wherever_its_links_lead() {
    let table = Table::new([mount("/usr/lib/modules", bind("/srv/modules"), false)]);
    let view = View::container(table, Vec::new());
    let asked = AskedPath::parse(b"/lib/modules").unwrap();
    let resolved = Resolved::at(path("/usr/lib/modules"), true);
    assert_eq!(
        plan(&asked, &resolved, &view, &Wish::bind(), NEW, |_| None),
        Ok(given("/srv/modules", false))
    );
}

#[test]
fn a_link_to_the_machine_gives_what_it_leads_to() {
    let lead = |asked: &str, to: &str| {
        let asked = AskedPath::parse(asked.as_bytes()).unwrap();
        let resolved = Resolved::at(path(to), true);
        plan(&asked, &resolved, &view(), &Wish::bind(), NEW, |_| None).map_err(|refusal| refusal.reason)
    };
    assert_eq!(lead("/app/storage/dev", "/dev"), Ok(given("/dev", false)));
    assert_eq!(lead("/lib/modules", "/usr/lib/modules"), Ok(Plan::Keep));
    // `..` is taken after the link, so the text alone says nothing.
    assert_eq!(lead("/link/..", "/app/storage/deep"), Ok(given("/home/me/project/storage/deep", false)));
}

proptest! {
    #[test]
    fn what_is_given_lies_beneath_the_mount_that_covers(rest in "(/(a|[.][.]|[.]|storage|ro)){0,6}") {
        let text = format!("/app/storage{rest}");
        let resolved = path(&text);
        match ask(&text) {
            Ok(Plan::Given(Given { source: Give::Bind(source), read_only, .. })) => {
                let table = table();
                let (base, at, ro) = match table.covering(&resolved) {
                    Some(Mount { source: Source::Bind(base), destination, read_only }) => {
                        (base.clone(), destination.clone(), *read_only)
                    }
                    None => (engine("/overlay/merged"), CallerPath::root(), false),
                    other => panic!("{other:?}"),
                };
                prop_assert_eq!(source.below(&base), resolved.below(&at));
                prop_assert_eq!(read_only, ro);
            }
            // Beneath the root are mounts that cannot come along.
            Err(Reason::Submount { .. }) => prop_assert!(resolved == CallerPath::root()),
            other => prop_assert!(false, "{}: {:?}", text, other),
        }
    }
}
