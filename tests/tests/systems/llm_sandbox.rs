//! llm-sandbox, by which agents that live in a container run code in others.

use crate::judge::{System, Way};
use crate::recipe::{Recipe, said};

#[test]
fn code_in_a_sandbox_reads_and_writes_what_the_agent_mounts() {
    System {
        name: "llm-sandbox",
        page: "llm-sandbox.md",
        client: "llm-sandbox 0.3.46",
        symptom: "FileNotFoundError: [Errno 2] No such file or directory: '/data/numbers'",
        says: "copied in\n6\n",
        not_on: &[],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    said(&Recipe::copied(way, "llm-sandbox").sh("python3 /opt/jobs/llm-sandbox/job.py"))
}
