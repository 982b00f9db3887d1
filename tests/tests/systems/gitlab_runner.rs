//! GitLab's runner: the calls of its docker executor, from the volumes of config.toml to the end of the job.

use std::fs;

use hostward_testkit::{images, unique};

use crate::example::Example;
use crate::judge::System;

/// A job of this stage gets its volumes from the manager of volumes, its files from the helper, and its script on stdin.
const JOB: &str = r#"
binds=
cache() {
    volume=$runner-cache-$(echo "$1" | md5sum | cut -c-32)
    docker volume create --label com.gitlab.gitlab-runner.type=cache "$volume" > /dev/null
    docker create --name "$volume-set-permission" -v "$volume:/gitlab-runner-cache-init" busybox chmod 777 /gitlab-runner-cache-init > /dev/null
    docker start --attach "$volume-set-permission"
    docker rm --force --volumes "$volume-set-permission" > /dev/null
    binds="$binds -v $volume:$1" caches="$caches $volume"
}
for volume in $(sed -n 's/^ *volumes = //p' /etc/gitlab-runner/config.toml | tr -d '[],"'); do
    case $volume in
    *:*) binds="$binds -v $volume" ;;
    *) cache "$volume" ;;
    esac
done
cache "$builds"

# get_sources, in the helper
docker create -i --name "$runner-predefined" $binds busybox sh > /dev/null
docker start --attach --interactive "$runner-predefined" <<EOF
mkdir -p $CI_PROJECT_DIR && echo source > $CI_PROJECT_DIR/source
EOF

# step_script, in the job's image
docker create -i --name "$runner-build" $binds hostward/caller sh -c 'if [ -x /usr/local/bin/bash ]; then exec /usr/local/bin/bash
elif [ -x /usr/bin/bash ]; then exec /usr/bin/bash; elif [ -x /bin/bash ]; then exec /bin/bash; else exec /bin/sh; fi' > /dev/null
docker start --attach --interactive "$runner-build" <<EOF
cd $CI_PROJECT_DIR
docker run --rm -v "$CI_PROJECT_DIR:/w" busybox sh -c 'cat /w/source && echo built > /w/built'
cat built /tools/tool
mkdir -p $own && echo of the job > $own/file
docker run --rm -v "$own:/w" busybox cat /w/file
touch /tools/made 2> /dev/null || echo what may only be read stays so
EOF

docker rm --force --volumes "$runner-predefined" > /dev/null
docker rm --force --volumes "$runner-build" > /dev/null
docker volume rm --force $caches > /dev/null
"#;

#[test]
fn a_job_mounts_its_project_and_the_runners_configuration_names_the_machines_paths() {
    let runner = System {
        name: "GitLab Runner",
        page: "gitlab-runner.md",
        client: "the docker executor's calls",
        symptom: "cat: can't open '/w/source': No such file or directory",
        says: "source\nbuilt\ntool\nof the job\nwhat may only be read stays so\n",
        not_on: &[],
    };
    runner.holds(|way| {
        let [tools, builds, own] =
            ["tools", "builds", "own"].map(|name| way.host.join(name).display().to_string());
        fs::create_dir(&tools).unwrap();
        fs::write(way.host.join("tools/tool"), "tool\n").unwrap();
        let socket = format!("\"{}:", way.usual_socket().display());
        let stand_ins = [
            ("gitlab/gitlab-runner\n", &*format!("{}\n", images::CALLER)),
            ("\"/var/run/docker.sock:", &socket),
            ("/srv/tools", &tools),
        ];
        let runner = Example::of(way, "gitlab-runner", &stand_ins).up();
        // The engine makes what it is asked for on the machine: not at /builds.
        let project = format!("builds={builds} CI_PROJECT_DIR={builds}/group/project own={own}");
        let variables = format!("runner={} {project}", unique("hw-runner"));
        runner.sh("runner", &format!("{variables}\n{JOB}"))
    });
}
