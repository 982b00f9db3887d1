//! GitHub Actions: the calls of the runner's `ContainerOperationProvider`, `ContainerStepHost` and `ContainerActionHandler`.

use hostward_testkit::{images, unique};

use crate::example::Example;
use crate::judge::System;

/// What the image and a downloaded action have, and an image for a service.
const RUNNER: &str = r#"
work=$PWD/_work temp=$PWD/_work/_temp network=github_network_$label job=job_$label service=redis_$label
workspace=$work/repo/repo action=$work/_actions/actions/checkout/v4/dist
mkdir -p externals/node20/bin "$action" "$work/_tool" "$workspace" "$temp/_github_home" "$temp/_github_workflow" "$temp/_runner_file_commands"
printf '#!/bin/sh\nexec sh "$@"\n' > externals/node20/bin/node && chmod +x externals/node20/bin/node
echo 'echo checked out > source' > "$action/index.js"
made=$(docker create busybox)
docker export "$made" | docker import -c 'CMD ["httpd","-f","-p","6379","-h","/etc"]' - "$service" > /dev/null 2>&1
docker rm "$made" > /dev/null
"#;

const START: &str = r#"
docker version --format '{{.Server.APIVersion}}' > /dev/null
docker version --format '{{.Client.APIVersion}}' > /dev/null
docker ps --all --quiet --no-trunc --filter "label=$label"
docker network prune --force --filter "label=$label"
docker network create --label "$label" "$network" > /dev/null

start() {
    docker start "$1" > /dev/null
    docker ps --all --filter "id=$1" --filter status=running --no-trunc --format "{{.ID}} {{.Status}}" | grep -q "$1" ||
        docker logs --details "$1"
}
job=$(docker create --name "$job" --label "$label" --workdir /__w/repo/repo --network "$network" \
    -e "HOME=/github/home" -e GITHUB_ACTIONS=true -e CI=true \
    -v "$socket":"/var/run/docker.sock" -v "$work":"/__w" -v "$PWD/externals":"/__e":ro \
    -v "$temp":"/__w/_temp" -v "$work/_actions":"/__w/_actions" -v "$work/_tool":"/__w/_tool" \
    -v "$temp/_github_home":"/github/home" -v "$temp/_github_workflow":"/github/workflow" \
    --entrypoint "tail" hostward/caller "-f" "/dev/null")
start "$job"
docker inspect --format "{{range .Config.Env}}{{println .}}{{end}}" "$job" > /dev/null
service=$(docker create --name "$service" --label "$label" --network "$network" --network-alias redis --hostname service \
    -e GITHUB_ACTIONS=true -e CI=true "$service")
start "$service"
docker port "$service"
docker inspect --format="{{if .Config.Healthcheck}}{{print .State.Health.Status}}{{end}}" "$service" > /dev/null
"#;

const STEPS: &str = r#"
# uses: actions/checkout
docker exec "$job" sh -c "cat /etc/*release | grep ^ID" > /dev/null
docker exec -i --workdir /__w/repo/repo -e "HOME" "$job" /__e/node20/bin/node /__w/_actions/actions/checkout/v4/dist/index.js

# run:
cat > "$temp/step.sh" <<'EOF'
cat source > built
echo "$(curl -s --retry 9 --retry-connrefused http://redis:6379/hostname)" >> built
docker run --rm -v "$PWD:/w" busybox cat /w/source >> built
EOF
export GITHUB_WORKSPACE=/__w/repo/repo
docker exec -i --workdir /__w/repo/repo -e "GITHUB_WORKSPACE" "$job" sh -e /__w/_temp/step.sh

# uses: docker://busybox
export GITHUB_OUTPUT=/github/file_commands/set_output
docker run --name "action_$label" --label "$label" --workdir /github/workspace --rm -e "HOME" -e "GITHUB_OUTPUT" \
    -e GITHUB_ACTIONS=true -e CI=true --entrypoint "sh" --network "$network" \
    -v "$socket":"/var/run/docker.sock" -v "$temp/_github_home":"/github/home" \
    -v "$temp/_github_workflow":"/github/workflow" -v "$temp/_runner_file_commands":"/github/file_commands" \
    -v "$workspace":"/github/workspace" busybox "-c" 'echo "lines=$(grep -c . built)" > $GITHUB_OUTPUT'
cat "$workspace/built" "$temp/_runner_file_commands/set_output"
"#;

const STOP: &str = r#"
image=$(docker inspect --format '{{.Config.Image}}' "$service")
docker rm --force "$job" "$service" > /dev/null
docker network rm "$network" > /dev/null
docker rmi "$image" > /dev/null
"#;

#[test]
fn a_container_job_has_its_tools_its_workspace_its_service_and_its_actions() {
    let actions = System {
        name: "GitHub Actions",
        page: "github-actions.md",
        client: "the runner's calls",
        symptom: "exec: \"/__e/node20/bin/node\": stat /__e/node20/bin/node: no such file or directory",
        says: "checked out\nservice\nchecked out\nlines=3\n",
        not_on: &[],
    };
    actions.holds(|way| {
        // The engine makes it on the machine where it takes the runner's paths for its own.
        let home = way.host.join("runner").display().to_string();
        let image = ("ghcr.io/actions/actions-runner", images::CALLER);
        let runner = Example::of(way, "github-actions", &[image, ("/home/runner", &home)]).up();
        let socket = way.usual_socket().display().to_string();
        runner.sh("runner", &format!("label={} socket={socket}\n{RUNNER}{START}{STEPS}{STOP}", unique("hw")))
    });
}
