//! gitlab-ci-local, which runs a project's jobs in containers, from a container.

use hostward_testkit::Engine;
use hostward_tests::{Removed, docker};

use crate::built::built;
use crate::judge::{System, Way};
use crate::recipe::{Recipe, said};

#[test]
fn jobs_have_folders_of_the_container_and_drive_its_engine() {
    System {
        name: "gitlab-ci-local",
        page: "gitlab-ci-local.md",
        client: "gitlab-ci-local 4.56",
        symptom: "can't open '/data/words': No such file or directory",
        says: "the job has the folder\nthe project of the job\n",
        not_on: &[],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    let _util = built("gitlab-ci-local/util", way.engine, &["docker.io/firecow/gitlab-ci-local-util"]);
    let output = Recipe::copied(way, "gitlab-ci-local").sh("bash /opt/jobs/gitlab-ci-local/job.sh");
    tidy(way.engine);
    said(&output)
}

/// It may end before it has removed its volumes.
fn tidy(engine: &Engine) {
    let left = docker(engine, &engine.socket, &["volume", "ls", "--quiet", "--filter", "name=gcl-"]);
    left.lines().for_each(|volume| drop(Removed::volume(engine, volume)));
}
