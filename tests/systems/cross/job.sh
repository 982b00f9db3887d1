# Builds a crate whose words come from a file, without a hint, and with cross' own for containers where it can be.
set -e
view=$(dirname "$PWD")
toolchain="$view/home/.rustup/toolchains/stable-x86_64-unknown-linux-gnu"
export HOME="$view/home" CARGO_NET_OFFLINE=true
export PATH="/opt/jobs/cross:$view/cross/bin:$toolchain/bin:$PATH"
cp -R /opt/jobs/cross/project/. .
echo 'the project has its words' > words.txt
build() {
    rm -rf target
    cross rustc --target x86_64-unknown-linux-gnu -- --emit=asm > /tmp/log 2>&1 || true
    grep -ho 'the project has its words' target/x86_64-unknown-linux-gnu/debug/deps/words-*.s || { cat /tmp/log; exit 1; }
}
build
# cross' own way ends at any other storage.
if docker inspect --format '{{json .GraphDriver}}' "$(hostname)" | grep -q '"overlay2"'; then
    CROSS_CONTAINER_IN_CONTAINER=true build > /tmp/again || { cat /tmp/again; exit 1; }
fi
