# Makes a cluster whose node has a folder of this container, reads it there, and asks the API server at this localhost.
export PATH="$(dirname "$PWD")/kind:$PATH" HOME=/tmp
# Docker 20.10 gives all capabilities that there are or fails, and a machine may have been given fewer.
docker run --rm --privileged busybox true 2> /tmp/log || export PATH="/opt/jobs/kind/unprivileged:$PATH"
mkdir -p manifests /lib/modules/of-the-container
echo "the caller's" > manifests/app.yaml
kind create cluster --image kindest/node:stand-in --config kind.yaml --retain > /tmp/log 2>&1 || cat /tmp/log
docker exec kind-control-plane cat /manifests/app.yaml 2>&1
server=$(sed -n 's|.*server: https://||p' ~/.kube/config)
# No TLS there.
python3 -c "import urllib.request as r; print(r.urlopen('http://$server/version').read().decode(), end='')" 2>&1 | tail -1
