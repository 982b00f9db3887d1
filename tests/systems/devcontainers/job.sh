# What is done in a dev container: both names of the workspace are mounted, and a dev container is brought up in it.
set -e
docker run --rm -v "$PWD:/w" busybox cat /w/who
docker run --rm -v "$LOCAL_WORKSPACE_FOLDER:/w" busybox cat /w/who
devcontainer up --workspace-folder nested > /tmp/up.log 2>&1 || cat /tmp/up.log
devcontainer exec --workspace-folder nested cat who
