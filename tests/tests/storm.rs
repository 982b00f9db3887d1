//! Sixty callers on one socket, each with its own source at the same destination, who all create containers at once, while
//! some are stopped and started, renamed, removed and replaced.
//!
//! Each caller judges by content: what the created container has is what the caller has itself.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, Proxy, unique};
use hostward_tests::{docker, host_dir, on_each_engine};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What a caller does until it is killed. Each of its connections has to be told anew whose it is. The images have no
/// more of Python than its sockets.
const CALLER: &str = r#"
import os, socket, sys, time

def ask(method, path, body=''):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect('/run/hostward/docker.sock')
    head = '%s /v1.41%s HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n' % (method, path)
    head += 'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n' % len(body)
    connection.sendall((head + body).encode())
    answer = b''
    while part := connection.recv(65536):
        answer += part
    connection.close()
    return answer.decode('latin-1')

own = open('/app/storage/who').read()
log = open('/app/storage/log', 'a', buffering=1)
print('ready', file=log)
while not os.path.exists('/app/storage/go'):
    time.sleep(0.05)
create = ('{"Image": "busybox", "Labels": {"hostward-test": "%s"}, "HostConfig": {"Mounts": [{"Type": "bind", '
    '"Source": "/app/storage/who", "Target": "/who"}]}}' % sys.argv[1])
while True:
    answer = ask('POST', '/containers/create', create)
    if ' 201 ' not in answer[:15]:
        print('refused', repr(answer), file=log)
        continue
    path = '/containers/' + answer.split('"Id":"')[1][:64]
    answer = ask('GET', path + '/archive?path=/who')
    print('own' if ' 200 ' in answer[:15] and own in answer else 'wrong ' + repr(answer), file=log)
    ask('DELETE', path)
"#;

/// A caller, and what it has at `/app/storage`.
struct Stormer {
    caller: Caller,
    storage: tempfile::TempDir,
}

impl Stormer {
    fn start(engine: &Engine, proxy: &Proxy, name: String, label: &str) -> Self {
        let storage = host_dir();
        fs::write(storage.path().join("who"), format!("{}\n", storage.path().display())).unwrap();
        let socket = proxy.socket();
        let flags = [
            format!("--volume={}:/app/storage", storage.path().display()),
            format!("--volume={}:/run/hostward", socket.parent().unwrap().display()),
            "--network=none".to_owned(),
        ];
        let caller = Caller::start_named(engine, name, &flags).unwrap();
        let stormer = Self { caller, storage };
        stormer.storm(engine, label);
        stormer
    }

    fn storm(&self, engine: &Engine, label: &str) {
        docker(engine, &engine.socket, &["exec", "-d", &self.caller.id, "python3", "-c", CALLER, label]);
    }

    fn go(&self) {
        fs::write(self.storage.path().join("go"), "").unwrap();
    }
}

/// What callers have logged.
#[derive(Default)]
struct Count {
    own: usize,
    other: Vec<String>,
}

impl Count {
    fn add(&mut self, storage: &Path) -> usize {
        let log = fs::read_to_string(storage.join("log")).unwrap_or_default();
        let own = log.lines().filter(|line| *line == "own").count();
        self.own += own;
        let other = log.lines().filter(|line| !matches!(*line, "own" | "ready"));
        self.other.extend(other.map(|line| format!("{}: {line}", storage.display())));
        own
    }
}

/// Who was killed, and from when on: of a line of the proxy's log before that, it is no excuse.
#[derive(Default)]
struct Killed(Vec<(String, String)>);

impl Killed {
    /// To be called before the container `id` is stopped.
    fn note(&mut self, engine: &Engine, id: &str) {
        // In the form of the log's times.
        let date = Command::new("date").args(["--utc", "+%FT%T.%6NZ"]).output().unwrap().succeeded().out();
        let since = date.trim();
        let top = docker(engine, &engine.socket, &["top", id, "-o", "pid"]);
        let processes = top.split_whitespace().filter(|word| word.parse::<u32>().is_ok());
        for pid in processes {
            self.0.push((since.to_owned(), format!("calling process (pid {pid})")));
            self.0.push((since.to_owned(), format!("/proc/{pid}/")));
        }
        self.0.push((since.to_owned(), id[..12].to_owned()));
    }

    /// Whether a line is about one of them.
    fn explains(&self, line: &str) -> bool {
        self.0.iter().any(|(since, who)| line >= since.as_str() && line.contains(who))
    }
}

/// Removes what callers have created and not removed, since they were killed.
struct Leftovers<'a>(&'a Engine, &'a str);

impl Drop for Leftovers<'_> {
    fn drop(&mut self) {
        let filter = format!("label=hostward-test={}", self.1);
        let found = self.0.docker(&["ps", "-aq", "--filter", &filter]).output().unwrap();
        for id in String::from_utf8_lossy(&found.stdout).split_whitespace() {
            let _ = self.0.docker(&["rm", "--force", id]).output();
        }
    }
}

fn storm(engine: &Engine, callers: usize, time: Duration) {
    let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
    let label = unique("storm");
    let _leftovers = Leftovers(engine, &label);
    let start = |name: String| Stormer::start(engine, &proxy, name, &label);
    let mut stormers: Vec<_> = std::thread::scope(|scope| {
        let quarter = || (0..callers / 4).map(|_| start(unique("hw-storm"))).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(quarter)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let ready = Instant::now();
    while stormers.iter().any(|one| !one.storage.path().join("log").exists()) {
        assert!(ready.elapsed() < Duration::from_mins(1), "not every caller begins");
        std::thread::sleep(Duration::from_millis(50));
    }
    stormers.iter().for_each(Stormer::go);

    let mut count = Count::default();
    let mut killed = Killed::default();
    let mut changes = [0; 3];
    let began = Instant::now();
    for (turn, kind) in (0..3).cycle().enumerate() {
        if began.elapsed() > time {
            break;
        }
        let index = turn * 7 % stormers.len();
        let stormer = &stormers[index];
        match kind {
            0 => {
                docker(engine, &engine.socket, &["rename", &stormer.caller.id, &unique("hw-renamed")]);
            }
            1 => {
                killed.note(engine, &stormer.caller.id);
                docker(engine, &engine.socket, &["restart", "-t", "0", &stormer.caller.id]);
                stormer.storm(engine, &label);
            }
            _ => {
                // Its successor has its name, and another source.
                let name = ["inspect", "--format", "{{.Name}}", &stormer.caller.id];
                let name = docker(engine, &engine.socket, &name).trim().trim_start_matches('/').to_owned();
                killed.note(engine, &stormer.caller.id);
                docker(engine, &engine.socket, &["rm", "--force", &stormer.caller.id]);
                count.add(stormer.storage.path());
                let next = start(name);
                next.go();
                // The old one is removed already, by what is its name no more.
                let old = std::mem::replace(&mut stormers[index], next);
                std::mem::forget(old.caller);
            }
        }
        changes[kind] += 1;
    }
    let mut idle = 0;
    for stormer in stormers {
        let Stormer { mut caller, storage } = stormer;
        caller.name.clone_from(&caller.id);
        killed.note(engine, &caller.id);
        drop(caller);
        idle += usize::from(count.add(storage.path()) == 0);
    }
    let (_, log) = proxy.stop();
    let unknown: Vec<_> = log.lines().filter(|line| line.contains("unknown caller why=")).collect();
    eprintln!(
        "{callers} callers made {} containers with {changes:?} renames, restarts and successors; {} of the killed were nobody",
        count.own,
        unknown.len()
    );
    assert!(count.other.is_empty(), "{}", count.other.join("\n"));
    assert!(count.own >= 5 * callers, "only {} creates", count.own);
    assert!(idle <= callers / 10, "{idle} of {callers} callers created nothing");
    assert!(changes.iter().all(|&times| times > 0), "{changes:?}");
    // Who is killed in the middle of a request is nobody, and no living one is: those would have logged a refusal.
    let guessed: Vec<_> = unknown.into_iter().filter(|line| !killed.explains(line)).collect();
    assert!(guessed.is_empty(), "{}", guessed.join("\n"));
}

#[test]
fn each_of_many_callers_gets_its_own_files() {
    on_each_engine(|engine| {
        let (callers, time) = if engine.name == "26" { (60, 60) } else { (16, 12) };
        storm(engine, callers, Duration::from_secs(time));
    });
}
