# A job with a folder of the container's, then one with its socket that mounts the project into a container of its own.
set -e
cp /opt/jobs/gitlab-ci-local/.gitlab-ci.yml .
mkdir data
echo 'the job has the folder' > data/words
echo 'the project of the job' > notes.txt
git init --quiet
git remote add origin git@gitlab.example.com:group/project.git
git config user.name Tester
git config user.email tester@example.com
git add --all
git commit --quiet --message first
export NODE_OPTIONS="--require /opt/jobs/gitlab-ci-local/re2.js"
run() {
    gitlab-ci-local "$@" > /tmp/log 2>&1 || { cat /tmp/log; exit 1; }
}
run --volume "$PWD/data:/data" mounted
cat words.txt
run --volume /var/run/docker.sock:/run/docker.sock nested
cat copy.txt
