//! kind, in a container: its node's folders are the container's, its kernel modules the machine's, and the API server is
//! on the container's localhost. The node is a stand-in, which answers what kind asks of it and runs no Kubernetes.

use std::fs;
use std::path::Path;

use hostward_testkit::toolbox;
use hostward_tests::{Removed, docker};

use crate::built::built;
use crate::judge::{System, Way};
use crate::recipe::{Recipe, said};

/// kind's names: of its image, of the node, of the network.
const IMAGE: &str = "kindest/node:stand-in";
const NODE: &str = "kind-control-plane";
const NETWORK: &str = "kind";
/// What the node has of the machine.
const MODULES: &str = "/lib/modules";

#[test]
fn nodes_have_the_containers_files_and_answer_at_its_localhost() {
    System {
        name: "kind, minikube",
        page: "kind.md",
        client: "kind 0.33, a stand-in for its node",
        symptom: "Connection refused",
        says: "the caller's\nthe node\n/lib/modules: the machine's\n",
        not_on: &[],
    }
    .holds(job);
}

fn job(way: &Way<'_>) -> String {
    let _modules = Modules::noted();
    let kind = toolbox::kind().unwrap_or_else(|error| panic!("{error}"));
    let _image = built("kind/node", way.engine, &[IMAGE]);
    let _network = Removed::network(way.engine, NETWORK);
    let _node = Removed::new(way.engine, NODE);
    let recipe = Recipe::with(way, "kind", &[(kind.as_path(), "kind")]);
    let output = recipe.sh("bash /opt/jobs/kind/job.sh");
    if !output.status.success() {
        return said(&output);
    }
    assert_eq!(in_the_node(way, &["ls", "-1", MODULES]), on_the_machine(MODULES));
    let source = "{{range .Mounts}}{{if eq .Destination \"/lib/modules\"}}{{.Source}}{{end}}{{end}}";
    let source = docker(way.engine, &way.engine.socket, &["inspect", "--format", source, NODE]);
    said(&output) + source.trim() + ": the machine's\n"
}

fn in_the_node(way: &Way<'_>, command: &[&str]) -> Vec<String> {
    let exec = [&["exec", NODE], command].concat();
    docker(way.engine, &way.engine.socket, &exec).lines().map(str::to_owned).collect()
}

fn on_the_machine(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Takes the machine's folder of modules away where it has none, and an engine made it for the node.
struct Modules {
    were_there: bool,
}

impl Modules {
    fn noted() -> Self {
        Self { were_there: Path::new(MODULES).exists() }
    }
}

impl Drop for Modules {
    fn drop(&mut self) {
        if !self.were_there {
            let _ = fs::remove_dir(MODULES);
        }
    }
}
