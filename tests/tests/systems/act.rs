//! act, and the runners of Gitea and Forgejo that are made of it: the calls of `RunContext.startJobContainer`, of a step
//! in the job's container, and of one with `uses: docker://`.

use hostward_testkit::{images, unique};

use crate::example::Example;
use crate::judge::System;

/// Debian's build of 28.5.2 says "mkdirat var/run/act: path escapes from parent".
const NO_COPY: &str = "copies nothing into a container with a mount below a link, as /var/run is one";

/// `job NAME WORKSPACE FLAG`: the flag is what act mounts at the workspace.
const JOB: &str = r#"
job() {
    name=$1 workspace=$2
    shift 2
    set -- -v "$socket:/var/run/docker.sock" --mount type=volume,source=act-toolcache-$id,target=/opt/hostedtoolcache \
        --mount type=volume,source=$name-env,target=/var/run/act "$@"
    docker create --name "$name" --entrypoint tail --workdir "$workspace" -e RUNNER_TEMP=/tmp "$@" hostward/caller -f /dev/null > /dev/null
    docker start "$name" > /dev/null
    mkdir -p act/workflow
    echo '{}' > act/workflow/event.json
    docker cp act/. "$name:/var/run/act/"

    # run:
    cat > act/workflow/0.sh <<'EOF'
echo "source of ${1%%-*}" > source
docker run --rm -v "$PWD:/w" busybox sh -c 'cat /w/source > /w/built; cat /w/source'
cat built
EOF
    docker cp act/. "$name:/var/run/act/"
    docker exec --workdir "$workspace" "$name" bash --noprofile --norc -e -o pipefail /var/run/act/workflow/0.sh "$name"

    # uses: docker://
    docker create --name "$name-step" --network "container:$name" --workdir "$workspace" --entrypoint cat "$@" busybox source > /dev/null
    docker start --attach "$name-step"
    docker rm --force --volumes "$name-step" > /dev/null

    docker rm --force --volumes "$name" > /dev/null
    docker volume rm --force "$name" "$name-env" > /dev/null
}
"#;

const JOBS: &str = r#"
job volume-$id "$w" --mount type=volume,source=volume-$id,target=$w
mkdir -p "$w"
job bind-$id "$w" -v "$w:$w"
docker volume rm act-toolcache-$id > /dev/null
"#;

#[test]
fn a_job_mounts_its_workspace_be_that_a_volume_or_a_bind() {
    let act = System {
        name: "act, Gitea and Forgejo runners",
        page: "act.md",
        client: "act's calls",
        symptom: "cat: can't open '/w/source': No such file or directory",
        says: "source of volume\nsource of volume\nsource of volume\n\
               source of bind\nsource of bind\nsource of bind\n",
        not_on: &[("28", NO_COPY), ("28-containerd", NO_COPY)],
    };
    act.holds(|way| {
        // The engine makes it on the machine where it takes the job's path for its own.
        let workspace = way.host.join("workspace/owner/repo").display().to_string();
        let runner = Example::of(way, "act", &[("gitea/act_runner", images::CALLER)]).up();
        let variables = format!("id={} socket={} w={workspace}", unique("hw"), way.usual_socket().display());
        runner.sh("runner", &format!("cd /data; {variables}\n{JOB}{JOBS}"))
    });
}
