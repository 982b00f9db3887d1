//! Testcontainers for Python, Node and Rust, in a container with the socket where the engine's is looked for, and in one
//! that has an address.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hostward_testkit::toolbox::{self, ENVIRONMENT, IMAGE, Toolbox};
use hostward_testkit::{Caller, Engine, unique};
use hostward_tests::served::Served;
use hostward_tests::{Removed, docker, host_dir};

use crate::built::built;
use crate::judge::{System, Way};
use crate::recipe::{Recipe, said};

/// The names by which the libraries for Python and Node ask for Ryuk. What stands for it starts by Hostward's socket only.
const RYUKS: [&str; 2] = ["testcontainers/ryuk:0.8.1", "testcontainers/ryuk:0.14.0"];
/// The same job by each library. The one for Rust has no Ryuk, and removes what it made itself.
const PYTHON: &str = "python3 /opt/jobs/testcontainers/web.py";
const NODE: &str = "node /opt/jobs/testcontainers/web.js";
const RUST: &str = "$(dirname $PWD)/rust/hostward-testcontainers";
/// What each says.
const WORKS: &str =
    "mounted: the caller's\npublished: the caller's\ncopied in: the caller's\ncopied out: the caller's\n";

#[test]
fn containers_of_a_test_run_have_its_files_and_are_reaped() {
    System {
        name: "Testcontainers",
        page: "testcontainers.md",
        client: "testcontainers 4.15 (Python), 11.14 (Node) and 0.28 (Rust), by socket and by TCP",
        symptom: "Is a directory",
        says: "by socket, Python works\nby socket, Node works\nby socket, Rust works\n\
               by TCP, Python works\nby TCP, Node works\nby TCP, Rust works\n\
               left: 0\n",
        not_on: &[(
            "podman",
            "it makes no /.dockerenv, by which the libraries know that they are in a container",
        )],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    let program = rust();
    let recipe = Recipe::with(way, "testcontainers", &[(program.as_path(), "rust")]);
    write_page(&recipe.example.folder);
    if way.is_bare() {
        let refused = said(&recipe.sh(RUST));
        assert!(refused.contains("bind source path does not exist"), "{refused}");
        // Without Ryuk, which would leave a directory in the place of the engine's usual socket on the host.
        return said(&recipe.sh(&format!("TESTCONTAINERS_RYUK_DISABLED=true {PYTHON}")));
    }
    let _ryuk = built("testcontainers/ryuk", way.engine, &RYUKS);
    let by_socket = all("by socket", |script| said(&recipe.sh(script)));
    by_socket + &by_tcp(way.engine) + &format!("left: {}\n", left(way.engine))
}

/// The same in a container without any socket, by an address of Hostward's.
fn by_tcp(engine: &Engine) -> String {
    let served = Served::by("tcp", engine, &[]);
    let toolbox = Toolbox::prepare(std::slice::from_ref(engine)).unwrap();
    let folder = host_dir();
    write_page(folder.path());
    let jobs = Path::new(env!("CARGO_MANIFEST_DIR")).join("systems").canonicalize().unwrap();
    let mounts = [
        format!("{}:/view/work", folder.path().display()),
        format!("{}:/view/rust:ro", rust().display()),
        format!("{}:/opt/jobs:ro", jobs.display()),
    ];
    let variables = ENVIRONMENT.map(|(name, value)| (name, value.to_owned()));
    let variables = variables.into_iter().chain(served.environment(None));
    let mut flags = vec!["--workdir=/view/work".to_owned()];
    flags.extend(mounts.iter().chain(&toolbox.volumes(engine)).map(|mount| format!("--volume={mount}")));
    flags.extend(variables.map(|(name, value)| format!("--env={name}={value}")));
    let caller = Caller::start_image(engine, IMAGE, unique("hw-testcontainers"), &flags).unwrap();
    all("by TCP", |script| said(&caller.sh(script).unwrap()))
}

fn write_page(folder: &Path) {
    fs::write(folder.join("page"), "the caller's\n").unwrap();
}

/// The folder of the program for Rust.
fn rust() -> PathBuf {
    let program = toolbox::testcontainers().unwrap_or_else(|error| panic!("{error}"));
    program.parent().expect("a program is in a folder").to_owned()
}

/// What all libraries say.
fn all(way: &str, sh: impl Fn(&str) -> String) -> String {
    let says = |(library, script)| sh(script).replace(WORKS, &format!("{way}, {library} works\n"));
    [("Python", PYTHON), ("Node", NODE), ("Rust", RUST)].map(says).concat()
}

/// How many containers of the libraries are there, once the reaper has had its time. They are removed.
fn left(engine: &Engine) -> usize {
    let start = Instant::now();
    let mut found = labelled(engine);
    while !found.is_empty() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(200));
        found = labelled(engine);
    }
    let removed: Vec<_> = found.into_iter().map(|id| Removed::new(engine, id)).collect();
    removed.len()
}

/// Containers of the libraries for Python and Node, then of the one for Rust.
fn labelled(engine: &Engine) -> Vec<String> {
    let labels = ["org.testcontainers=true", "org.testcontainers.managed-by=testcontainers"];
    let lists = labels
        .map(|label| docker(engine, &engine.socket, &["ps", "-aq", "--filter", &format!("label={label}")]));
    lists.iter().flat_map(|list| list.lines()).map(str::to_owned).collect()
}
