//! AWS SAM CLI, which mounts a function's code into a container of its runtime.

use hostward_tests::Removed;

use crate::built::built;
use crate::judge::{System, Way};
use crate::recipe::{Recipe, said};

/// The runtime's image by its name, for which another stands here.
const RUNTIME: &str = "public.ecr.aws/lambda/provided:al2023-x86_64";
/// What SAM makes of it.
const RAPID: &str = "public.ecr.aws/lambda/provided:al2023-rapid-x86_64";

#[test]
fn functions_are_invoked_with_their_code() {
    System {
        name: "AWS SAM CLI",
        page: "sam.md",
        client: "aws-sam-cli 1.170",
        symptom: "Runtime.InvalidEntrypoint",
        says: "\"the function has its files\"\n\"the function has its files\"\n",
        not_on: &[("podman", "functions time out there, from the host too")],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    let _runtime = built("sam/runtime", way.engine, &[RUNTIME]);
    let _rapid = Removed::image(way.engine, RAPID);
    let recipe = Recipe::copied(way, "sam");
    said(&recipe.sh(&format!("bash /opt/jobs/sam/job.sh {}", recipe.example.folder.display())))
}
