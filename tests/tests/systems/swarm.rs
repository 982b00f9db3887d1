//! Swarm: a stack and a job that are deployed from a container, on one node.

use std::fs;

use hostward_testkit::{images, unique};
use hostward_tests::Removed;
use hostward_tests::swarm::Swarm;

use crate::example::Example;
use crate::judge::System;

/// Deploys the example's stack, and a job with the same mounts; shows what is read in both, or why they do not run.
const DEPLOY: &str = r#"
error() { docker service ps --no-trunc --format '{{.Error}}' "$1" | grep .; }
label=com.docker.swarm.service.name

deploy() { docker stack deploy --resolve-image never --compose-file stack.yaml "$stack" > /dev/null 2>&1; }
deploy
while ! task=$(docker ps --quiet --filter "label=$label=${stack}_web" | grep .); do
    error "${stack}_web" && break
    sleep 0.2
done
[ "$task" ] && docker exec "$task" sh -c 'cat /site/index.html /data/file; echo made > /data/made; echo x 2> /dev/null > /site/made'
cat data/made

# What has changed gets a new task, within this time.
tasks() { docker service ps --quiet "${stack}_web"; }
before=$(tasks)
deploy && sleep 3
[ "$(tasks)" = "$before" ] && echo 'nothing to change'

docker service create --detach --quiet --no-resolve-image --mode replicated-job --restart-condition none --name "$stack-job" \
    --mount "type=bind,source=$PWD/site,target=/site,readonly" \
    --mount "type=volume,source=${stack}_job,target=/data,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=$PWD/data" \
    busybox sh -c 'cat /site/index.html /data/file; echo end' > /dev/null
while ! docker service logs --raw "$stack-job" 2> /dev/null | grep -x end > /dev/null; do
    error "$stack-job" && break
    sleep 0.2
done
docker service logs --raw "$stack-job"
"#;

#[test]
fn a_stack_and_a_job_see_the_directory_of_the_container_that_deploys_them() {
    let swarm = System {
        name: "Swarm",
        page: "swarm.md",
        client: "docker CLI: `stack deploy`, `service create`",
        symptom: "invalid mount config for type \"bind\": bind source path does not exist: /stack/site",
        says: "a page\ndata\nmade\nnothing to change\na page\ndata\nend\n",
        not_on: &[("podman", "has no services")],
    };
    swarm.holds(|way| {
        let stack = unique("hw-stack");
        // They go when the swarm's containers have gone.
        let _volumes = ["data", "job"].map(|name| Removed::volume(way.engine, format!("{stack}_{name}")));
        let _swarm = Swarm::of(way.engine);
        let deployer = Example::of(way, "swarm", &[("docker:cli", images::CALLER)]);
        fs::create_dir(deployer.folder.join("data")).unwrap();
        fs::write(deployer.folder.join("data/file"), "data\n").unwrap();
        let deployer = deployer.up();
        deployer.sh("deploy", &format!("stack={stack}\n{DEPLOY}\ndocker stack rm {stack} > /dev/null; docker service rm {stack}-job > /dev/null"))
    });
}
