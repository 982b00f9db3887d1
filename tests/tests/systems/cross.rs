//! cross, which mounts a project, a toolchain and cargo's home into a container of the target.

use std::path::Path;
use std::process::Command;

use hostward_testkit::OutputText;
use hostward_testkit::toolbox;

use crate::built::built;
use crate::judge::{System, Way};
use crate::recipe::{Recipe, said};

const TARGET: &str = "ghcr.io/cross-rs/x86_64-unknown-linux-gnu:0.2.5";

#[test]
fn crates_are_built_of_the_containers_files_by_its_toolchain() {
    System {
        name: "cross",
        page: "cross.md",
        client: "cross 0.2.5",
        symptom: "cargo: not found",
        says: "the project has its words\n",
        not_on: &[],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    let _target = built("cross/image", way.engine, &[TARGET]);
    let cross = toolbox::cross().unwrap_or_else(|error| panic!("{error}"));
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap().succeeded().out();
    let folders = [
        (cross.as_path(), "cross"),
        (Path::new(sysroot.trim()), "home/.rustup/toolchains/stable-x86_64-unknown-linux-gnu"),
    ];
    said(&Recipe::with(way, "cross", &folders).sh("bash /opt/jobs/cross/job.sh"))
}
