//! Testcontainers for Python and for Node, in a container with the socket where the engine's is looked for.

use std::fs;
use std::time::{Duration, Instant};

use hostward_testkit::Engine;
use hostward_tests::docker;

use crate::built::built;
use crate::judge::{System, Way};
use crate::recipe::{Recipe, said};

/// The names by which the two libraries ask for Ryuk. What stands for it starts by Hostward's socket only.
const RYUKS: [&str; 2] = ["testcontainers/ryuk:0.8.1", "testcontainers/ryuk:0.14.0"];

#[test]
fn containers_of_a_test_run_have_its_files_and_are_reaped() {
    System {
        name: "Testcontainers",
        page: "testcontainers.md",
        client: "testcontainers 4.15 (Python) and 11.14 (Node)",
        symptom: "Is a directory",
        says: "mounted: the caller's\npublished: the caller's\ncopied in: the caller's\ncopied out: the caller's\n\
               mounted: the caller's\npublished: the caller's\ncopied in: the caller's\ncopied out: the caller's\n\
               left: 0\n",
        not_on: &[("podman", "it makes no /.dockerenv, by which the libraries know that they are in a container")],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    let recipe = Recipe::copied(way, "testcontainers");
    fs::write(recipe.example.folder.join("page"), "the caller's\n").unwrap();
    // Without Ryuk, which would leave a directory in the place of the engine's usual socket on the host.
    let first = recipe.sh("TESTCONTAINERS_RYUK_DISABLED=true python3 /opt/jobs/testcontainers/web.py");
    if !first.status.success() {
        return said(&first);
    }
    let _ryuk = built("testcontainers/ryuk", way.engine, &RYUKS);
    let both = recipe.sh("python3 /opt/jobs/testcontainers/web.py && node /opt/jobs/testcontainers/web.js");
    said(&both) + &format!("left: {}\n", left(way.engine))
}

/// How many containers of the libraries are there, once the reaper has had its time.
fn left(engine: &Engine) -> usize {
    let start = Instant::now();
    loop {
        let found =
            docker(engine, &engine.socket, &["ps", "-aq", "--filter", "label=org.testcontainers=true"]);
        if found.is_empty() || start.elapsed() > Duration::from_secs(20) {
            return found.lines().count();
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
