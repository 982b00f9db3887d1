//! The packages in target/package, as their users get them: installed in a Debian that has no Rust, or loaded as images.
//!
//! `cargo xtask test --every --only package` makes them before. Judged by the content of the caller's own file.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, Proxy, clients, engine, images, proxy, unique};
use hostward_tests::{Removed, docker, host_dir, on, on_each_engine, wait_until};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What docs/install.md begins with, in a container that has the engine's socket and a directory of the host at /app.
const FIRST_LINE: &str = "wrap -- docker run --rm -v /app/who:/who busybox cat /who";

fn folder() -> PathBuf {
    proxy::target_folder().canonicalize().unwrap().join("package")
}

/// The packages, by their names in target/package.
fn names() -> Vec<String> {
    let sums = fs::read_to_string(folder().join("SHA256SUMS"));
    let sums = sums.expect("packages have been made: cargo xtask package");
    sums.lines().map(|line| line.split_once("  ").unwrap().1.to_owned()).collect()
}

/// The one package whose name ends so.
fn package(end: &str) -> PathBuf {
    let mut found: Vec<_> = names().into_iter().filter(|name| name.ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{end}: {found:?}");
    folder().join(found.remove(0))
}

/// A directory of the host with the file that only its owner sees.
fn app() -> tempfile::TempDir {
    let app = host_dir();
    fs::write(app.path().join("who"), "the host's own\n").unwrap();
    app
}

fn sh(script: &str) -> Vec<u8> {
    let output = Command::new("bash").args(["-o", "pipefail", "-c", script]).output().unwrap();
    output.succeeded();
    output.stdout
}

#[test]
fn every_package_holds_the_same_program_which_names_no_folder_of_this_machine() {
    let at = folder().display().to_string();
    sh(&format!("cd {at} && sha256sum --quiet --check SHA256SUMS"));
    let program = fs::read(proxy::program().unwrap()).unwrap();
    let wheel = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); \
                 sys.stdout.buffer.write(z.read(next(n for n in z.namelist() if n.endswith('scripts/hostward'))))";
    let held = [
        format!(
            "tar -xzOf {} --wildcards --no-wildcards-match-slash '*/hostward'",
            package("-gnu.tar.gz").display()
        ),
        format!("dpkg-deb --fsys-tarfile {} | tar -xO ./usr/bin/hostward", package(".deb").display()),
        format!("python3 -c \"{wheel}\" {}", package(".whl").display()),
        format!("tar -xzOf {} package/bin/hostward", package("linux-x64-0.1.0.tgz").display()),
        format!("cat {}", package("image/hostward").display()),
    ];
    for script in held {
        assert!(sh(&script) == program, "{script}");
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let home = std::env::var("HOME").unwrap();
    for named in [workspace.to_str().unwrap(), &format!("{home}/.cargo"), &format!("{home}/.rustup")] {
        assert!(!program.windows(named.len()).any(|bytes| bytes == named.as_bytes()), "{named}");
    }
}

/// An image of a package on an engine, which loses it at the end.
struct Loaded<'a> {
    tag: &'static str,
    _removed: [Removed<'a>; 2],
}

impl<'a> Loaded<'a> {
    fn new(engine: &'a Engine, end: &str, tag: &'static str, version: &str) -> Self {
        let file = package(end);
        docker(engine, &engine.socket, &["load", "--quiet", "--input", file.to_str().unwrap()]);
        Self { tag, _removed: [Removed::image(engine, tag), Removed::image(engine, version)] }
    }
}

#[test]
fn the_images_explain_wrap_and_serve() {
    on_each_engine(|engine| {
        let app = app();
        let alone = Loaded::new(engine, "hostward-0.1.0-x86_64.tar", "hostward:latest", "hostward:0.1.0");
        let with_client = Loaded::new(engine, "-cli-x86_64.tar", "hostward:cli", "hostward:0.1.0-cli");
        let socket = format!("--volume={}:/var/run/docker.sock", engine.socket.display());
        let storage = format!("--volume={}:/app", app.path().display());
        let group = fs::metadata(&engine.socket).unwrap().gid().to_string();
        let user = ["--user=65532", "--group-add", &group];

        for who in [&[][..], &user] {
            let mut run = vec!["run", "--rm", &socket, &storage];
            run.extend(who.iter().chain(&[alone.tag, "explain", "--json", "/app/who"]));
            let explained: serde_json::Value =
                serde_json::from_str(&docker(engine, &engine.socket, &run)).unwrap();
            assert_eq!(explained["source"], app.path().join("who").to_str().unwrap(), "{explained}");

            let mut run = vec!["run", "--rm", &socket, &storage];
            run.extend(who.iter().copied().chain([with_client.tag]).chain(FIRST_LINE.split(' ')));
            assert_eq!(docker(engine, &engine.socket, &run), "the host's own\n");
        }

        let seeing = ["--pid=host", "--cap-add=SYS_PTRACE", "--security-opt=apparmor=unconfined"];
        for flags in [&seeing[..], &user] {
            let volume = Removed::volume(engine, unique("hw-image"));
            let run = format!("--volume={}:/run/hostward", volume.name());
            let proxy = Removed::new(engine, unique("hw-image"));
            let name = format!("--name={}", proxy.name());
            let mut start = vec!["run", "--detach", &name, "--health-interval=1s", &socket, &run];
            start.extend(flags.iter().chain(&[alone.tag]));
            docker(engine, &engine.socket, &start);
            let health = ["inspect", "--format={{.State.Health.Status}}", proxy.name()];
            wait_until("is it healthy", || docker(engine, &engine.socket, &health) == "healthy\n");
            let caller = [&*storage, &*run, "--env=DOCKER_HOST=unix:///run/hostward/docker.sock"];
            let caller = Caller::start_with(engine, &caller).unwrap();
            let see = "docker run --rm --mount type=bind,source=/app/who,target=/who busybox cat /who";
            assert_eq!(caller.sh(see).unwrap().succeeded().out(), "the host's own\n", "{flags:?}");
        }
    });
}

/// A Debian on which nothing is installed but what a user of pip has: with the engine's socket and client, a socket of Hostward, a
/// directory of the host, and the packages.
struct Debian {
    caller: Caller,
    app: tempfile::TempDir,
    _proxy: Proxy,
}

impl Debian {
    fn start(engine: &Engine) -> Self {
        images::prepare_debian(engine).unwrap();
        let app = app();
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let flags = [
            "--network=none".to_owned(),
            format!("--volume={}:/proxy", proxy.socket().parent().unwrap().display()),
            format!("--volume={}:/var/run/docker.sock", engine.socket.display()),
            format!("--volume={}:/usr/bin/docker:ro", engine.cli.display()),
            format!("--volume={}:/app", app.path().display()),
            format!("--volume={}:/packages:ro", folder().display()),
        ];
        let caller = Caller::start_image(engine, images::DEBIAN, unique("hw-debian"), &flags).unwrap();
        Self { caller, app, _proxy: proxy }
    }

    fn sh(&self, script: &str) -> String {
        self.caller.sh(script).unwrap().succeeded().out()
    }

    /// All files but those in which dpkg writes what it has done.
    fn files(&self) -> BTreeSet<String> {
        let files = self.sh("find / -xdev -not -path '/var/lib/dpkg/*' -not -path '/var/log/*'");
        files.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_debian_installs_the_deb_and_purges_it() {
    on(engine::newest_or_chosen(), |engine| {
        let debian = Debian::start(engine);
        let before = debian.files();
        debian.sh("dpkg --install /packages/hostward_*.deb");
        assert_eq!(debian.sh(&format!("hostward {FIRST_LINE}")), "the host's own\n");
        // The service is on from the next boot on.
        let wants = debian.sh("cd /etc/systemd/system && ls sockets.target.wants multi-user.target.wants");
        assert!(wants.contains("hostward.socket\n") && wants.contains("hostward.service\n"), "{wants}");
        let manual =
            "zcat /usr/share/man/man1/hostward-proxy.1.gz /usr/share/doc/hostward/changelog.Debian.gz";
        assert!(debian.sh(manual).contains("hostward (0.1.0-1)"));
        debian.sh("hostward config check /etc/hostward/hostward.toml");
        // What the service leaves.
        debian
            .sh("install -D /dev/null /var/lib/hostward/key; install -D /dev/null /run/hostward/docker.sock");

        debian.sh("dpkg --remove hostward");
        debian.sh("test -e /etc/hostward/hostward.toml && test -e /var/lib/hostward/key");
        debian.sh("dpkg --purge hostward");
        let after = debian.files();
        assert_eq!(before.symmetric_difference(&after).collect::<Vec<_>>(), Vec::<&String>::new());
        assert!(!debian.caller.sh("dpkg --status hostward").unwrap().status.success());
    });
}

/// Its functions on paths of this container, and what they do where there is no answer.
const PYTHON: &str = r#"
import json, os, subprocess, hostward
explained = hostward.explain("/app/who")
assert explained["source"] == hostward.translate("/app/who") == hostward.translate(b"/app/who"), explained
os.chdir("/app")
assert hostward.translate("who") == explained["source"]
refused = hostward.explain("/dev/shm/x")
assert refused["source"] is None and refused["remedy"], refused
try:
    raise SystemExit(hostward.translate("/dev/shm/x"))
except hostward.Refused as why:
    assert refused["refused"] in str(why), why
os.environ["DOCKER_CERT_PATH"] = "/certificates"
see = "docker run --rm --mount type=bind,source=/app/who,target=/who busybox cat /who"
with hostward.wrap() as address:
    assert os.environ["DOCKER_HOST"] == address and "DOCKER_CERT_PATH" not in os.environ
    subprocess.run(see.split(), check=True)
assert os.environ.pop("DOCKER_CERT_PATH") == "/certificates" and "DOCKER_HOST" not in os.environ
assert not os.path.exists(address[len("unix://"):]), address
os.environ["DOCKER_HOST"] = "unix:///nowhere"
try:
    with hostward.wrap():
        raise SystemExit("it serves an engine that is not there")
except hostward.Error as why:
    assert not isinstance(why, hostward.Refused), why
os.environ["DOCKER_HOST"] = "unix:///proxy/docker.sock"
assert hostward.explain("/app/who")["source"] == hostward.translate("/app/who") == explained["source"]
print(explained["source"])
"#;

#[test]
fn pip_installs_the_program_and_the_module() {
    on(engine::newest_or_chosen(), |engine| {
        let debian = Debian::start(engine);
        debian.sh("python3 -m venv /venv && /venv/bin/pip install --quiet --no-index /packages/*.whl");
        assert_eq!(debian.sh(&format!("/venv/bin/hostward {FIRST_LINE}")), "the host's own\n");
        fs::write(debian.app.path().join("program.py"), PYTHON).unwrap();
        let source = debian.app.path().join("who").display().to_string();
        let expected = format!("the host's own\n{source}\n");
        assert_eq!(debian.sh("/venv/bin/python -W error /app/program.py"), expected);
        // For another interpreter, as the images of jobs are made.
        debian.sh("/venv/bin/pip install --quiet --no-index --target /lib/for-all /packages/*.whl");
        let program = "PYTHONPATH=/lib/for-all python3 -c 'import hostward; print(hostward.program())'";
        assert_eq!(debian.sh(program), "/lib/for-all/bin/hostward\n");
    });
}

/// The same of the package for npm.
const NODE: &str = r#"
const assert = require("node:assert");
const { explain, translate, program, HostwardError, RefusedError } = require("hostward");
(async () => {
  const explained = await explain("/app/who");
  assert.strictEqual(await translate("/app/who"), explained.source);
  assert.strictEqual(explained.source, process.argv[2]);
  const refused = await explain("/dev/shm/x");
  assert(refused.source === null && refused.remedy, refused);
  await assert.rejects(translate("/dev/shm/x"), (why) => why instanceof RefusedError && why.message.includes(refused.refused));
  assert(program().endsWith("/@hostward/linux-x64/bin/hostward"), program());
  process.env.DOCKER_HOST = "unix:///proxy/docker.sock";
  assert.strictEqual(await translate("/app/who"), explained.source);
  assert.strictEqual((await explain("/app/who")).source, explained.source);
  process.env.DOCKER_HOST = "unix:///nowhere";
  await assert.rejects(translate("/app/who"), (why) => why instanceof HostwardError && !(why instanceof RefusedError));
})();
"#;

#[test]
fn npm_installs_the_program_and_the_functions() {
    clients::on_each_engine(|engine, clients| {
        let app = app();
        let at = app.path().display();
        // In one command, as no registry has the package of the platform.
        let packages = [package("hostward-0.1.0.tgz"), package("linux-x64-0.1.0.tgz")];
        let mut npm = Command::new("/usr/bin/npm");
        npm.args(["install", "--offline", "--no-audit", "--no-fund"]).args(&packages);
        npm.current_dir(app.path()).output().unwrap().succeeded();
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let flags = [
            format!("--volume={}:/var/run/docker.sock", engine.socket.display()),
            format!("--volume={}:/proxy", proxy.socket().parent().unwrap().display()),
            format!("--volume={at}:/app"),
        ];
        let caller = clients.start(engine, &flags).unwrap();
        fs::write(app.path().join("program.js"), NODE).unwrap();
        let sh = |script: &str| caller.sh(script).unwrap().succeeded().out();
        sh(&format!("cd /app && node program.js {at}/who"));
        let see = FIRST_LINE.replace("docker", "/opt/cli/28/docker");
        assert_eq!(sh(&format!("/app/node_modules/.bin/hostward {see}")), "the host's own\n");
        // Its end is that of the program.
        let status = "/app/node_modules/.bin/hostward wrap -- sh -c 'exit 7'; echo $?";
        assert_eq!(sh(status), "7\n");
    });
}
