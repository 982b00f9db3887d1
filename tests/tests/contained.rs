//! Contained sources: under a profile each kind of source is mounted as ever, by a way on which a caller cannot exchange it, and
//! reads back as it was asked. Then callers that try: what they exchange is a directory and a link to a directory of the host's.
//!
//! The exchange is made on the host, in the caller's own mount, as fast as the caller could: it is the same directory. The caller
//! has something of its own at the link's target, so that a request whose path leads there is no error.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, Proxy};
use hostward_tests::{Removed, World, docker, host_dir, on_each_engine, wait_until};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What makes every caller one that is contained.
const UNDER_A_PROFILE: [&str; 4] = ["--preset", "ci", "--allow-root", "/"];

/// Where pins are on the host.
const PINS: &str = "/run/hostward-pins";

/// How many tries each road gets; `HOSTWARD_TEST_TRIES` says another number.
const TRIES: usize = 40;

/// So many mounts of each kind has a container that is raced for: each is a try.
const MOUNTS: usize = 10;

/// A contained caller; its mounts are `storage` at `/app/storage` and what `flags` add.
fn world(engine: &Engine, flags: &[String]) -> World {
    world_under(&UNDER_A_PROFILE, engine, flags)
}

/// The same under another profile.
fn world_under(profile: &[&str], engine: &Engine, flags: &[String]) -> World {
    let storage = host_dir();
    let proxy = Proxy::start(engine, profile).unwrap();
    let run = proxy.socket().parent().unwrap().display().to_string();
    let mut all = vec![
        format!("--volume={}:/app/storage", storage.path().display()),
        format!("--volume={run}:/run/hostward"),
        "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
    ];
    all.extend_from_slice(flags);
    let caller = Caller::start_with(engine, &all).unwrap();
    World { engine: engine.clone(), proxy, caller, storage }
}

/// A caller's container, by the engine's own word.
fn on_host(engine: &Engine, container: &str, format: &str) -> String {
    docker(engine, &engine.socket, &["inspect", "--format", format, container]).trim().to_owned()
}

/// The pins that are there for any engine.
fn pins() -> Vec<PathBuf> {
    let makers = fs::read_dir(PINS).into_iter().flatten().flatten();
    let pins = makers.flat_map(|maker| fs::read_dir(maker.path()).into_iter().flatten().flatten());
    pins.map(|pin| pin.path()).collect()
}

/// How many mounts of files beneath a directory there are among the pins.
fn pinned(directory: &Path) -> usize {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let name = directory.file_name().unwrap().to_str().unwrap();
    mounts.lines().filter(|line| line.contains(PINS) && line.contains(name)).count()
}

#[test]
fn each_kind_of_source_is_mounted_and_reads_back_as_it_was_asked() {
    on_each_engine(|engine| {
        let (inner, read) = (host_dir(), host_dir());
        fs::write(inner.path().join("in"), "inner\n").unwrap();
        fs::create_dir(read.path().join("sub")).unwrap();
        fs::write(read.path().join("sub/f"), "read\n").unwrap();
        let volume = Removed::volume(engine, hostward_testkit::unique("hw-contained"));
        let world = world(
            engine,
            &[
                format!("--volume={}:/app/storage/d/inner", inner.path().display()),
                format!("--volume={}:/app/read:ro", read.path().display()),
                format!("--volume={}:/vol", volume.name()),
            ],
        );
        world.write("part/f", "part\n");
        world.write("d/f", "d\n");
        world.sh("mkdir -p /vol/sub /own && echo vol > /vol/sub/f && echo own > /own/f; ln -s part /app/storage/link");
        let cat =
            |flags: &str, command: &str| world.sh(&format!("docker run --rm {flags} busybox {command}"));
        for form in ["-v SOURCE:/x", "--mount type=bind,source=SOURCE,target=/x"] {
            let cat = |source: &str, command: &str| cat(&form.replace("SOURCE", source), command);
            assert_eq!(cat("/app/storage/part", "cat /x/f"), "part\n", "{form}");
            assert_eq!(cat("/app/storage/part/f", "cat /x"), "part\n", "{form}");
            assert_eq!(cat("/app/storage/link/f", "cat /x"), "part\n", "{form}");
            assert_eq!(cat("/app/storage", "cat /x/part/f"), "part\n", "{form}");
            assert_eq!(cat("/app/storage/d", "cat /x/f /x/inner/in"), "d\ninner\n", "{form}");
            assert_eq!(cat("/vol/sub", "cat /x/f"), "vol\n", "{form}");
            assert_eq!(cat("/own", "cat /x/f"), "own\n", "{form}");
            assert_eq!(cat("/app/read/sub", "cat /x/f"), "read\n", "{form}");
            let written = world.try_sh(&format!(
                "docker run --rm {} busybox touch /x/new",
                form.replace("SOURCE", "/app/read/sub")
            ));
            assert!(written.failed().err().contains("Read-only file system"), "{}", written.err());
        }
        // What is missing is made where the caller sees it, or refused in the engine's words.
        cat("-v /app/storage/made/deep:/x", "touch /x/new");
        assert!(world.storage.path().join("made/deep/new").exists());
        let missing =
            world.try_sh("docker create --mount type=bind,source=/app/storage/no,target=/x busybox");
        let said = missing.failed().err();
        assert!(said.contains("bind source path does not exist: /app/storage/no"), "{said}");
        assert!(!world.storage.path().join("no").exists());
        // Hostward's own socket, in the directory that the caller may write to.
        let version = "docker run --rm -v /var/run/docker.sock:/run/docker.sock hostward/caller \
                       docker -H unix:///run/docker.sock version --format '{{.Server.Version}}'";
        assert!(!world.sh(version).is_empty());
        reads_back(&world);
    });
}

/// What a container was asked with is what its maker reads, and the engine has something else.
fn reads_back(world: &World) {
    let engine = &world.engine;
    let id = world.sh("docker create -v /app/storage/part:/x:ro -v /app/storage/part/f:/f busybox true");
    let id = id.trim();
    let read = |format: &str| world.sh(&format!("docker inspect --format '{format}' {id}"));
    assert_eq!(
        read("{{json .HostConfig.Binds}}").trim(),
        r#"["/app/storage/part:/x:ro","/app/storage/part/f:/f"]"#
    );
    assert_eq!(read("{{len .HostConfig.Mounts}}").trim(), "0");
    let mut points: Vec<_> =
        read("{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{.RW}}{{println}}{{end}}")
            .lines()
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
    points.sort();
    assert_eq!(points, ["bind /app/storage/part /x false", "bind /app/storage/part/f /f true"]);
    let host = world.storage.path().display().to_string();
    let sources = on_host(engine, id, "{{range .HostConfig.Mounts}}{{println .Type .Source}}{{end}}");
    // The caller has another mount in /app/storage.
    assert!(sources.lines().all(|source| source.starts_with(&format!("bind {PINS}/"))), "{sources}");
    assert!(!sources.contains(&host), "{sources}");
    world.sh(&format!("docker rm {id}"));
}

#[test]
fn engines_that_can_mount_a_part_of_a_volume_get_one_and_it_goes_with_the_last_container() {
    on_each_engine(|engine| {
        let world = world(engine, &[]);
        world.write("part/f", "part\n");
        let create = |version: &str| {
            let create = "docker create -v /app/storage/part:/x busybox cat /x/f";
            world.sh(&format!("{version} {create}")).trim().to_owned()
        };
        let id = create("");
        let kind = on_host(engine, &id, "{{range .HostConfig.Mounts}}{{.Type}} {{.Source}}{{end}}");
        let volumes = || {
            let filter = "label=hostward.managed";
            docker(engine, &engine.socket, &["volume", "ls", "-q", "--filter", filter])
        };
        let named = kind.strip_prefix("volume ").map(str::to_owned);
        assert_eq!(named.is_some(), engine.speaks(1, 45), "{kind}");
        if let Some(name) = &named {
            assert!(volumes().contains(name.as_str()));
            assert_eq!(create_and_start(&world, &id), "part\n");
            // Asked in an older version it is a pin.
            let older = create("DOCKER_API_VERSION=1.41");
            let kind = on_host(engine, &older, "{{range .HostConfig.Mounts}}{{.Type}} {{.Source}}{{end}}");
            assert!(kind.starts_with(&format!("bind {PINS}/")), "{kind}");
            assert_eq!(create_and_start(&world, &older), "part\n");
            world.sh(&format!("docker rm {older}"));
        }
        world.sh(&format!("docker rm {id}"));
        if let Some(name) = named {
            wait_until("the managed volume is gone", || !volumes().contains(name.as_str()));
        }
        assert_eq!(fs::read_to_string(world.storage.path().join("part/f")).unwrap(), "part\n");
    });
}

#[test]
fn a_link_within_a_mount_leads_to_no_part_of_it_that_the_caller_may_not_mount() {
    on_each_engine(|engine| {
        let world = world_under(&["--preset", "ci", "--allow-root", "/app/storage/may"], engine, &[]);
        world.write("may/d/who", "allowed\n");
        world.write("not/who", "not allowed\n");
        world.refuses("/app/storage/not", "allows /app/storage/may");
        let id = world.sh("docker create -v /app/storage/may/d:/x busybox cat /x/who");
        // The caller may do so at any time.
        world.sh("cd /app/storage/may && mv d away && ln -s ../not d");
        assert_eq!(create_and_start(&world, id.trim()), "allowed\n");
        let refused = world.try_sh("docker create -v /app/storage/may/d:/x busybox cat /x/who");
        assert!(refused.failed().err().contains("allows /app/storage/may"), "{}", refused.err());
    });
}

fn create_and_start(world: &World, id: &str) -> String {
    let first = world.sh(&format!("docker start -a {id}"));
    assert_eq!(world.sh(&format!("docker start -a {id}")), first);
    first
}

/// When the exchange goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Road {
    /// From before the create.
    Create,
    /// From the create to the end of the first start.
    Start,
    /// From the end of the first start.
    SecondStart,
    /// While the engine starts the container again by itself.
    Restart,
    /// While a file is put into a container that never started.
    Put,
}

const ROADS: [Road; 5] = [Road::Create, Road::Start, Road::SecondStart, Road::Restart, Road::Put];

impl Road {
    /// How many tries a container is.
    const fn tries(self) -> usize {
        // A copy is one.
        if matches!(self, Self::Put) { MOUNTS } else { 2 * MOUNTS }
    }

    /// What a container is tried by, as a script: `go` begins to exchange, `stay` ends it.
    fn script(self) -> String {
        let mount = |n| [format!("-v /app/storage/d:/x{n}"), format!("-v /app/storage/f:/y{n}")];
        let mounts = (0..MOUNTS).flat_map(mount).collect::<Vec<_>>().join(" ");
        let (before, flags, command, after) = match self {
            Self::Create => ("go", "", "cat /x*/who /y*", "docker start -a $id"),
            Self::Start => ("true", "", "cat /x*/who /y*", "go; docker start -a $id"),
            Self::SecondStart => {
                ("true", "", "cat /x*/who /y*", "docker start -a $id >/dev/null; go; docker start -a $id")
            }
            Self::Restart => (
                "true",
                "--restart on-failure:2",
                "cat /x*/who /y*; sleep 0.2; exit 1",
                "docker start $id >/dev/null; go; docker wait $id >/dev/null; docker logs $id",
            ),
            // What is put into a directory of the host's is there afterwards.
            Self::Put => (
                "true",
                "",
                "true",
                "go; for n in 0 1 2 3 4 5 6 7 8 9; do docker cp /etc/hostname $id:/x$n/put; done",
            ),
        };
        format!(
            "go() {{ touch /app/storage/go; }}; {before}
             id=$(docker create {flags} {mounts} busybox sh -c '{command}') && {{ {after}; }}
             rm -f /app/storage/go; sleep 0.05; docker rm -f $id >/dev/null"
        )
    }
}

/// What came of tries: how many mounts showed the host's, and how many what the caller has.
#[derive(Debug, Default)]
struct Outcome {
    tries: usize,
    won: usize,
    right: usize,
    exchanges: usize,
}

/// Exchanges a directory and a file with links to the host's for as long as there is a file `go`.
struct Race {
    world: World,
    /// The host's, which no caller has.
    secret: tempfile::TempDir,
}

impl Race {
    fn of(world: World) -> Self {
        let secret = host_dir();
        fs::write(secret.path().join("who"), "the host's\n").unwrap();
        world.write("d/who", "the caller's\n");
        world.write("f", "the caller's\n");
        for (link, to) in [("d.other", secret.path().to_owned()), ("f.other", secret.path().join("who"))] {
            symlink(to, world.storage.path().join(link)).unwrap();
        }
        // The same path is there for the caller.
        let own = secret.path().display();
        world.sh(&format!("mkdir -p {own} && echo own > {own}/who"));
        Self { world, secret }
    }

    fn exchange(&self, name: &str) {
        let at = |name: &str| self.world.storage.path().join(name);
        renameat_with(CWD, at(name), CWD, at(&format!("{name}.other")), RenameFlags::EXCHANGE).unwrap();
    }

    /// How long the caller's own is in its place at most, in steps of which there are ten. A create looks at all its paths before the
    /// engine does.
    fn step(road: Road) -> Duration {
        Duration::from_micros(if road == Road::Create { 3_000 } else { 300 })
    }

    /// Tries this often, or until one has won.
    fn run(&self, road: Road, tries: usize, until_won: bool) -> Outcome {
        let (done, exchanges) = (AtomicBool::new(false), AtomicUsize::new(0));
        let go = self.world.storage.path().join("go");
        let mut outcome = Outcome::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Mostly the directory, so that many a request gets as far as the engine.
                for turn in 0_u32.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    if go.exists() {
                        for name in ["d", "f"] {
                            self.exchange(name);
                        }
                        std::thread::sleep(Duration::from_micros((50 + turn % 7 * 150).into()));
                        for name in ["d", "f"] {
                            self.exchange(name);
                        }
                        exchanges.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Self::step(road) * (1 + turn % 11));
                    } else {
                        std::thread::sleep(Duration::from_millis(2));
                    }
                }
            });
            while outcome.tries < tries && !(until_won && outcome.won > 0) {
                let said = self.world.try_sh(&road.script()).out();
                let put = fs::remove_file(self.secret.path().join("put")).is_ok();
                outcome.won += said.matches("the host's").count() + usize::from(put);
                outcome.right += said.matches("the caller's").count();
                outcome.tries += road.tries();
            }
            done.store(true, Ordering::Relaxed);
        });
        outcome.exchanges = exchanges.into_inner();
        outcome
    }
}

/// How often each road is tried.
fn tries() -> usize {
    let said = std::env::var("HOSTWARD_TEST_TRIES").ok();
    said.map_or(TRIES, |said| said.parse().expect("HOSTWARD_TEST_TRIES is a number"))
}

#[test]
fn whoever_exchanges_a_source_gets_nothing_of_the_hosts() {
    on_each_engine(|engine| {
        let race = Race::of(world(engine, &[]));
        for road in ROADS {
            // Each copy is a command of its own.
            let tries = if road == Road::Put { tries().min(10 * MOUNTS) } else { tries() };
            let outcome = race.run(road, tries, false);
            eprintln!("{}: {road:?}, contained: {outcome:?}", engine.name);
            assert_eq!(outcome.won, 0, "{road:?}: {outcome:?}");
            assert!(outcome.exchanges > 0, "{road:?}: {outcome:?}");
        }
    });
}

#[test]
fn without_a_profile_such_a_caller_is_seen_to_win() {
    on_each_engine(|engine| {
        let race = Race::of(World::on(engine));
        for road in ROADS {
            let outcome = race.run(road, 100 * MOUNTS, true);
            eprintln!("{}: {road:?}, not contained: {outcome:?}", engine.name);
            assert!(outcome.won > 0, "{road:?}: {outcome:?}");
        }
    });
}

#[test]
fn pins_of_a_hostward_that_was_killed_are_swept_and_those_in_use_stay() {
    const KILLS: u64 = 50;
    on_each_engine(|engine| {
        let mut world = world(engine, &[]);
        world.write("part/f", "part\n");
        let older = "DOCKER_API_VERSION=1.41";
        let run = format!(
            "{older} docker run -d -v /app/storage/part:/x -v /app/storage/part/f:/f busybox sleep 600"
        );
        let running = world.sh(&run).trim().to_owned();
        let shown = || {
            let shown =
                ["exec", &running, "sh", "-c", "cat /x/f /f; grep -E ' /(x|f) ' /proc/self/mountinfo"];
            docker(engine, &engine.socket, &shown)
        };
        let before = shown();
        assert!(before.starts_with("part\npart\n"), "{before}");
        let script = format!(
            "while [ ! -e /app/storage/stop ]; do {older} docker create --label hw-killed -v /app/storage/part:/x \
             -v /app/storage/part/f:/f busybox true; done >/dev/null 2>&1"
        );
        let mut creating = world.caller.exec(&["sh", "-c", &script]).spawn().unwrap();
        for kill in 0..KILLS {
            std::thread::sleep(Duration::from_millis(30 + kill * 37 % 170));
            world.proxy.kill_and_start().unwrap();
        }
        let created = || docker(engine, &engine.socket, &["ps", "-aq", "--filter", "label=hw-killed"]);
        wait_until("a container is created", || !created().is_empty());
        world.write("stop", "");
        creating.wait().unwrap();
        assert_eq!(shown(), before);
        let created = created();
        let ids: Vec<_> = created.split_whitespace().collect();
        docker(engine, &engine.socket, &[&["rm", "-f"], &ids[..]].concat());
        let storage = world.storage.path();
        wait_until("only the pins of the running container are left", || pinned(storage) == 2);
        assert_eq!(shown(), before);
        // It starts again by them.
        docker(engine, &engine.socket, &["restart", "-t", "0", &running]);
        assert!(shown().starts_with("part\npart\n"));
        docker(engine, &engine.socket, &["rm", "-f", &running]);
        wait_until("no pin is left", || pinned(storage) == 0);
        // Nor a place where one was: what is left there are mounts.
        let is_mounted = |pin: &PathBuf| {
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
            mounts.contains(&format!(" {} ", pin.display()))
        };
        wait_until("no place is left", || pins().iter().all(is_mounted));
    });
}
