//! Jenkins: the calls of `WithContainerStep` of docker-workflow, and of a shell step of durable-task in it.

use std::fs;

use hostward_testkit::images;

use crate::example::Example;
use crate::judge::System;

/// `inside WORKSPACE`: a shell step in a container, as `docker.image("busybox").inside { sh "…" }` does it.
const INSIDE: &str = r#"
inside() {
    ws=$1 tmp=$1@tmp volumes= from=
    mkdir -p "$ws" "$tmp"
    echo "source of $2" > "$ws/source"
    docker -v > /dev/null
    self=$(grep -m1 -oE '[a-z0-9]{64}' /proc/self/cgroup | tail -n1)
    [ "$self" ] || self=$(sed -nE 's,.*/containers/([a-z0-9]{64})/hostname.*,\1,p' /proc/1/mountinfo)
    mounts=$(docker inspect -f '{{range.Mounts}}{{.Destination}}{{"\n"}}{{end}}' "$self")
    for dir in "$ws" "$tmp"; do
        found=
        for mount in $mounts; do
            case $dir in "$mount"*) found=1 from="--volumes-from $self" ;; esac
        done
        [ "$found" ] || volumes="$volumes -v $dir:$dir:rw,z"
    done
    container=$(docker run -t -d -u "$(id -u):$(id -g)" -w "$ws" $volumes $from -e BUILD_NUMBER=1 busybox cat) || return
    docker top "$container" -eo pid,comm | grep -qw cat ||
        echo "The container started but didn't run the expected command."
    step
    docker stop --time=1 "$container" > /dev/null 2>&1
    docker rm -f --volumes "$container" > /dev/null
}

step() {
    control=$tmp/durable-0 result=$tmp/durable-0/jenkins-result.txt log=$tmp/durable-0/jenkins-log.txt
    mkdir "$control"
    echo 'cat source > built; cat built' > "$control/script.sh"
    docker exec --env BUILD_NUMBER=1 "$container" sh -c "({ while [ -d '$control' -a ! -f '$result' ]; do touch '$log'; sleep 3; done } &
        'sh' -xe '$control/script.sh' > '$log' 2>&1; echo \$? > '$result.tmp'; mv '$result.tmp' '$result'; wait) >&- 2>&- &"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [ -f "$result" ] && cat "$log" && return
        sleep 0.5
    done
    echo "process apparently never started in $control"
}
"#;

const VOLUMES: &str = r#"
services:
  agent:
    volumes: [ "volume:/volume", "./bind:/bind" ]
volumes: { volume: }
"#;

#[test]
fn a_step_sees_the_workspace_wherever_the_agent_has_it() {
    let jenkins = System {
        name: "Jenkins",
        page: "jenkins.md",
        client: "docker-workflow: its calls",
        symptom: "process apparently never started in",
        says: "+ cat source\n+ cat built\nsource of bind\n\
               + cat source\n+ cat built\nsource of volume\n\
               + cat source\n+ cat built\nsource of agent\nsource of agent\n",
        not_on: &[],
    };
    jenkins.holds(|way| {
        // The engine makes it on the machine where it takes the agent's path for its own.
        let root = way.host.join("agent").display().to_string();
        let agent = Example::of(
            way,
            "jenkins",
            &[("jenkins/inbound-agent", images::CALLER), ("/home/jenkins/agent", &root)],
        );
        fs::write(agent.folder.join("compose.override.yaml"), VOLUMES).unwrap();
        let job = "inside /bind/workspace/job bind; inside /volume/workspace/job volume
            inside $JENKINS_AGENT_WORKDIR/workspace/job agent; cat $ws/built";
        agent.up().sh("agent", &format!("{INSIDE}{job}"))
    });
}
