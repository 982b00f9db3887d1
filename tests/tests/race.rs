//! A process connects, leaves its socket to another and dies, and its pid becomes a process's of another container, or of
//! the host: what comes on the socket then is nobody's.
//!
//! The pids are given by the kernel from where `ns_last_pid` says, so that the case is sure to happen.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, Proxy};
use hostward_tests::{World, cgroups, docker, host_dir, on_each_engine};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A child connects the socket of its parent and waits, ends when it is told to, and the parent speaks.
const CALLER: &str = r#"
import os, socket, sys
print('begun', flush=True)
connection = socket.socket(socket.AF_UNIX)
child = os.fork()
if child == 0:
    connection.connect('/run/hostward/docker.sock')
    print('connected', flush=True)
    sys.stdin.readline()
    os._exit(0)
os.waitpid(child, 0)
print('dead', flush=True)
sys.stdin.readline()
body = ('{"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "bind", "Source": "/app/storage/who", '
    '"Target": "/raced"}]}}')
connection.sendall(('POST /v1.41/containers/create HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n'
    'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body)).encode())
answer = b''
while True:
    part = connection.recv(65536)
    if not part: break
    answer += part
print(answer.decode(), flush=True)
"#;

/// A process that is ended with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `sleep` under this very pid of the host, which is free.
fn with_pid(pid: u32) -> Ended {
    for _ in 0..2000 {
        fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).unwrap();
        let child = Ended(Command::new("sleep").arg("600").spawn().unwrap());
        if child.0.id() == pid {
            return child;
        }
    }
    panic!("the pid {pid} was not given to a new process");
}

/// The child of a process that has one.
fn child_of(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.trim().parse().ok()
}

/// Plays the case with a pid that goes to the process that `reuse` makes; the answer to the request that comes then.
fn answer(world: &World, mark: &str, reuse: impl FnOnce(u32) -> Ended) -> String {
    let mut parent = Ended(
        world
            .caller
            .exec(&["python3", "-c", CALLER, mark])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(parent.0.stdout.take().unwrap());
    let mut stdin = parent.0.stdin.take().unwrap();
    let mut wait = |expected: &str| {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), expected);
    };
    wait("begun");
    wait("connected");
    let top = docker(&world.engine, &world.engine.socket, &["top", &world.caller.id, "-eo", "pid,args"]);
    // The child has its parent's command line, and stands before it where pids have begun anew between the two.
    let marked = top.lines().filter(|line| line.contains(mark));
    let mut pids = marked.filter_map(|line| line.split_whitespace().next()?.parse().ok());
    let connected = pids.find_map(child_of).unwrap();
    stdin.write_all(b"die\n").unwrap();
    wait("dead");
    let reused = reuse(connected);
    assert_eq!(reused.0.id(), connected);
    stdin.write_all(b"speak\n").unwrap();
    let mut answer = String::new();
    lines.read_to_string(&mut answer).unwrap();
    answer
}

/// Moves a process to the cgroups and thereby into a container.
fn join(directories: &[PathBuf], process: &Ended) {
    cgroups::enter(directories, process.0.id());
}

fn other(engine: &Engine, proxy: &Proxy) -> (Caller, tempfile::TempDir) {
    let storage = host_dir();
    fs::write(storage.path().join("who"), "the other's\n").unwrap();
    (Caller::start(engine, &proxy.socket(), storage.path()).unwrap(), storage)
}

#[test]
fn a_reused_pid_is_nobody() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("who", "the caller's\n");
        let (other, _storage) = other(engine, &world.proxy);
        let pid = docker(engine, &engine.socket, &["inspect", "--format", "{{.State.Pid}}", &other.id]);
        let directories = cgroups::of(pid.trim().parse().unwrap());

        let in_another = answer(&world, "to-another", |pid| {
            let process = with_pid(pid);
            join(&directories, &process);
            let cgroup = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
            assert!(cgroup.contains(&other.id), "{cgroup}");
            process
        });
        let on_the_host = answer(&world, "to-the-host", with_pid);
        let in_the_same = answer(&world, "to-the-same", |pid| {
            let process = with_pid(pid);
            let first = ["inspect", "--format", "{{.State.Pid}}", &world.caller.id];
            let first = docker(engine, &engine.socket, &first).trim().parse().unwrap();
            join(&cgroups::of(first), &process);
            process
        });
        for answer in [in_another, on_the_host, in_the_same] {
            assert!(!answer.starts_with("HTTP/1.1 2") && !answer.contains("\"Id\""), "{answer}");
            assert!(
                answer.contains("cannot mount /app/storage/who") && answer.contains("calling process"),
                "{answer}"
            );
        }
        assert_eq!(docker(engine, &engine.socket, &["ps", "-aq", "--filter", "volume=/raced"]), "");
    });
}
