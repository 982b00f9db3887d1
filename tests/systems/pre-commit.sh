# A hook that corrects a file: in a clone that the container alone has, and in the directory that it has of the host.
set -e
git config --global user.name Tester
git config --global user.email tester@example.com
echo 'teh hook has seen it' > notes.txt
git init --quiet
git add --all
git commit --quiet --message first
git clone --quiet . ../clone
for repository in ../clone .; do
    cd "$repository"
    pre-commit run --all-files > /tmp/log 2>&1 || grep 'the hook' notes.txt || { cat /tmp/log; exit 1; }
    cd ../work
done
