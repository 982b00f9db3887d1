//! cwltool, which mounts inputs, and folders for outputs and temporary files, each by its path.

use crate::judge::{System, Way};
use crate::recipe::{Recipe, said};

#[test]
fn tools_read_inputs_and_write_outputs_wherever_the_container_has_them() {
    System {
        name: "cwltool",
        page: "cwltool.md",
        client: "cwltool 3.3",
        symptom: "Final process status is permanentFail",
        says: "first\nsecond\nfirst\nsecond\n",
        not_on: &[("podman", "`docker run --rm` ends with status 0 there, so that no step fails")],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    said(&Recipe::copied(way, "cwltool").sh("bash /opt/jobs/cwltool/job.sh"))
}
