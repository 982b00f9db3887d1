//! The remote docker of `CircleCI`: the engine is on another machine than the job, and has none of its paths.

use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::thread;

use hostward_testkit::{Engine, OutputText, proxy, unique};
use hostward_tests::{Removed, host_dir, on_every_engine};

use crate::judge::{System, Way};

/// The job's machine: files of its own where the engine's machine has nothing, and a name for that one.
const MACHINE: &str = r#"
mount -t tmpfs none "$home" && mkdir "$home/project" && cd "$home/project"
echo 127.0.0.1 remote-docker > "$home/hosts" && mount --bind "$home/hosts" /etc/hosts
echo source > source
cat > test.sh <<'EOF'
#!/bin/sh
docker run --rm -v "$PWD:/w" busybox cat /w/source
docker run --rm -i busybox cat < source
EOF
chmod +x test.sh
"#;

/// Lets the engine be reached by TCP; the port.
fn remote(engine: &Engine) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = engine.socket.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let engine = UnixStream::connect(&socket).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut from, &mut to).and_then(|_| to.shutdown(Shutdown::Write)));
            let (mut from, mut to) = (engine, client);
            thread::spawn(move || io::copy(&mut from, &mut to).and_then(|_| to.shutdown(Shutdown::Write)));
        }
    });
    port
}

/// What the example runs.
fn run() -> String {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/circleci/.circleci/config.yml");
    let config = fs::read_to_string(config).unwrap();
    config.lines().find_map(|line| line.trim().strip_prefix("- run: ")).unwrap().to_owned()
}

/// All that it says, on a machine of its own whose only docker is the remote one.
fn on_the_jobs_machine(way: &Way<'_>, command: &str) -> String {
    let [home, bin] = ["home", "bin"].map(|name| way.host.join(name));
    fs::create_dir(&home).unwrap();
    fs::create_dir(&bin).unwrap();
    symlink(proxy::program().unwrap(), bin.join("hostward")).unwrap();
    let port = remote(way.engine);
    let mut job = Command::new("unshare");
    job.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]);
    job.arg(format!(
        "{MACHINE}\nPATH={}:$PATH; export DOCKER_HOST=tcp://remote-docker:{port}; {command}",
        bin.display()
    ));
    job.envs(way.engine.environment()).env("home", &home);
    let output = job.output().unwrap();
    // The logs of `wrap` differ each time, and the hints and full stops with the CLI.
    let errors = output.err();
    let errors = errors.lines().filter(|line| line.contains(": ") && !line.contains(" WARN "));
    let errors: Vec<_> = errors.map(|line| line.trim_end_matches('.')).collect();
    let said = output.out() + &errors.join("\n");
    said.replace(&home.display().to_string(), "HOME").replace(&port.to_string(), "2376")
}

#[test]
fn a_path_that_the_remote_engine_cannot_have_is_refused_with_the_reason() {
    let circleci = System {
        name: "CircleCI",
        page: "circleci.md",
        client: "docker CLI, engine by TCP",
        symptom: "cat: can't open '/w/source': No such file or directory",
        says: "source\ndocker: Error response from daemon: hostward: cannot mount HOME/project: the caller is \
               unknown, so it is unclear whose path this is: this process is in a container, but nothing in it tells \
               which container of the engine at tcp://remote-docker:2376 it is; an engine on another machine has \
               none of the files here: copy them (docker cp), or say with --map where that machine has them; if the \
               engine is on this machine, run `hostward doctor`\non the host: nothing",
        not_on: &[],
    };
    circleci.holds(|way| {
        let command = run();
        let command = if way.is_bare() { command.replace("hostward wrap -- ", "") } else { command };
        let said = on_the_jobs_machine(way, &command);
        let made = fs::exists(way.host.join("home/project")).unwrap();
        format!("{said}\non the host: {}", if made { "an empty directory" } else { "nothing" })
    });
}

#[test]
fn what_the_page_does_in_the_place_of_a_mount_works() {
    on_every_engine(|engine| {
        let host = host_dir();
        let way = Way { engine, sockets: engine.socket.parent().unwrap().to_owned(), host: host.path() };
        let files = Removed::new(engine, unique("hw-files"));
        let copied = format!(
            "docker create --name {files} -v /w busybox > /dev/null; docker cp . {files}:/w; \
             docker run --rm --volumes-from {files} busybox cat /w/source",
            files = files.name()
        );
        let there = host.path().join("there");
        fs::create_dir(&there).unwrap();
        fs::write(there.join("source"), "what the engine's machine has\n").unwrap();
        let mapped = format!("hostward wrap --map \"$PWD={}\" -- ./test.sh", there.display());
        let said = on_the_jobs_machine(&way, &format!("hostward wrap -- sh -c '{copied}'; {mapped}"));
        assert_eq!(said, "source\nwhat the engine's machine has\nsource\n", "on {}", engine.name);
    });
}
