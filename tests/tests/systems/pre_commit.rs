//! pre-commit, whose hooks of the language `docker_image` mount the repository.

use crate::judge::{System, Way};
use crate::recipe::{Recipe, said};

#[test]
fn hooks_change_the_repository_wherever_the_container_has_it() {
    System {
        name: "pre-commit",
        page: "pre-commit.md",
        client: "pre-commit 4.7",
        symptom: "notes.txt: No such file or directory",
        says: "the hook has seen it\nthe hook has seen it\n",
        not_on: &[("podman", "`docker run --rm` ends with status 0 there, so that no hook fails")],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    said(&Recipe::copied(way, "pre-commit").sh("bash /opt/jobs/pre-commit.sh"))
}
