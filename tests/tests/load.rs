//! Eight callers that take all they can get, for as long as they can hold it, of a proxy with few descriptors and tasks; and a
//! ninth that works on meanwhile. Afterwards everything is given back.
//!
//! What it took is printed, a line a part.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::proxy::{Proxy, program};
use hostward_testkit::{Caller, Engine, OutputText, images, unique};
use hostward_tests::cgroups::FewTasks;
use hostward_tests::hung::Hung;
use hostward_tests::{Removed, docker, host_dir, on_each_engine, wait_until};
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const HOSTILE: usize = 8;
const DESCRIPTORS: usize = 1024;
const TASKS: u32 = 150;
/// The most memory, and how much more than at first may be kept in the end, in KiB.
const MOST: usize = 200 << 10;
const KEPT: usize = 8 << 10;

/// What the programs of all callers begin with. The images have no more of Python than its sockets.
const COMMON: &str = r"
import collections, os, socket, sys, threading, time

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect('/run/hostward/docker.sock')
    return s

def create(framing, method='POST'):
    return ('POST /v1.41/containers/create HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n'
        'Content-Type: application/json\r\n%s\r\n\r\n' % framing).encode()

def send(s, parts):
    try:
        for part in parts: s.sendall(part)
    except (BrokenPipeError, ConnectionResetError): pass

# The status of the answer.
def answer(s):
    text = b''
    try:
        while part := s.recv(65536): text += part
    except ConnectionResetError: pass
    except TimeoutError: return 'silence'
    return text[9:12].decode() or 'closed'

def tell(name, outcomes):
    print(name, ', '.join('%s: %d' % one for one in sorted(outcomes.items())), flush=True)
";

/// Creates a container with its own file and looks at what is in there, over and over.
const GOOD: &str = r#"
def ask(method, path, body=''):
    s = connect()
    s.sendall(('%s /v1.41%s HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: application/json\r\n'
        'Content-Length: %d\r\n\r\n%s' % (method, path, len(body), body)).encode())
    answer = b''
    while part := s.recv(65536): answer += part
    return answer.decode('latin-1')

own = open('/app/storage/who').read()
body = ('{"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "bind", "Source": "/app/storage/who", '
    '"Target": "/who"}]}}')
while not os.path.exists('/app/storage/stop'):
    began = time.monotonic()
    answer = ''
    try:
        answer = ask('POST', '/containers/create', body)
        took = time.monotonic() - began
        path = '/containers/' + answer.split('"Id":"')[1][:64]
        answer = ask('GET', path + '/archive?path=/who')
        open('/app/storage/begun', 'w').close()
        print('own %f' % took if ' 200 ' in answer[:15] and own in answer else 'wrong ' + repr(answer), flush=True)
        ask('DELETE', path)
    except (OSError, IndexError) as error:
        print('wrong', repr(error), repr(answer), flush=True)
"#;

/// 25 creates of 16 MiB each: with much to judge, with too much of it, with a lot to pass on, and without an end.
const BODIES: &str = r#"
SIZE = 16 << 20
def filled(text):
    end = b'","Image":"hostward.test/none"}'
    return text + b'x' * (SIZE - len(text) - len(end)) + end

binds = b','.join([b'"/app/storage:/t"'] * 1000)
def volumes(count):
    return b','.join(b'"/t/%d":{}' % i for i in range(count))
def judged(count):
    return filled(b'{"HostConfig":{"Binds":[' + binds + b']},"Volumes":{' + volumes(count) + b'},"Domainname":"')
kinds = [filled(b'{"Env":["A=b"],"Domainname":"'), judged(3000), judged(300000),
    b'{"Env":[' + b'"A=b",' * ((SIZE - 50) // 6) + b'"A=b"],"Image":"hostward.test/none"}']
chunk = b'10000\r\n' + b' ' * 65536 + b'\r\n'
outcomes = collections.Counter()
began = time.monotonic()
def once(number):
    try:
        s = connect()
        if number % 5 == 4:
            send(s, [create('Transfer-Encoding: chunked')] + [chunk] * 1024)
        else:
            body = kinds[number % 5]
            send(s, [create('Content-Length: %d' % len(body)), body])
        return answer(s)
    except OSError as error: return type(error).__name__
last = {}
def attack(number): last[number] = once(number)
threads = [threading.Thread(target=attack, args=[number]) for number in range(25)]
for thread in threads: thread.start()
for thread in threads: thread.join()
# What was too much at once comes again, one after the other.
for number, outcome in last.items():
    while outcome == '429' and time.monotonic() < began + 8: outcome = once(number)
    outcomes[outcome] += 1
tell('bodies', outcomes)
"#;

/// 1,250 connections with half a head, which every tenth time is a long one.
const HEADS: &str = r"
half = create('X-Half: ' + 'x' * 99)[:-4]
long = create('X-Half: ' + 'x' * (900 << 10))[:-4]
outcomes = collections.Counter()
all = []
for number in range(1250):
    try:
        s = connect()
        send(s, [half if number % 10 else long])
        all.append(s)
    except OSError as error: outcomes[type(error).__name__] += 1
time.sleep(2)
for s in all:
    s.settimeout(0.01)
    outcomes[answer(s)] += 1
tell('heads', outcomes)
";

/// Requests to which the answer is long, which nobody takes for a while; and heads that are long, whose bodies do not come.
const ANSWERS: &str = r"
ask = ('GET /v1.41/containers/%s/json HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n' % sys.argv[1]).encode()
long = create('Content-Length: 1000\r\nX-Long: ' + 'x' * (900 << 10))
outcomes = collections.Counter()
all = []
for number in range(40):
    try:
        s = connect()
        send(s, [ask if number % 2 else long])
        all.append(s)
    except OSError as error: outcomes[type(error).__name__] += 1
time.sleep(2)
for number, s in enumerate(all):
    s.settimeout(10 if number % 2 else 0.01)
    outcomes[answer(s)] += 1
    s.close()
tell('answers', outcomes)
";

/// 75 creates with paths that hang, 15 at a time; nobody waits long for the answer.
const LOOKUPS: &str = r#"
def begin(number):
    body = ('{"Image": "busybox", "HostConfig": {"Mounts": [{"Type": "bind", "Source": "/hung/%d", "Target": "/x"}]}}'
        % number).encode()
    s = connect()
    send(s, [create('Content-Length: %d' % len(body)), body])
    return s
outcomes = collections.Counter()
for turn in range(5):
    all = [begin(turn * 15 + number) for number in range(15)]
    time.sleep(1)
    for s in all:
        s.settimeout(0.01)
        outcomes[answer(s)] += 1
tell('look-ups', outcomes)
"#;

/// Sends from twenty thousand ports, and lets the other side keep up.
const SENDERS: &str = r"
came = 0
for port in range(10000, 30000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.2)
    try:
        s.bind(('127.0.0.1', port))
        s.sendto(b'flood', ('127.0.0.1', int(sys.argv[1])))
        if port % 500 == 0: came += len(s.recv(99)) > 0
    except OSError: pass
    s.close()
print('senders of datagrams 20000, of every five-hundredth answered: %d' % came, flush=True)
";

/// Connects to what does not accept.
const CONNECTS: &str = r"
all = []
for number in range(400):
    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 30)
    s.send(b'x')
    all.append(s)
print('connections to a port that does not accept: %d' % len(all), flush=True)
time.sleep(5)
";

/// Answers each datagram.
const ECHO: &str = "import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((\"\", 7))\n\
                    while True: d, a = s.recvfrom(99); s.sendto(d, a)";

/// Never accepts.
const STUCK: &str = "import socket,time; s=socket.socket(); s.bind((\"\", 80)); s.listen(0); time.sleep(999)";

/// A program in a caller. It ends with this.
struct Running(Child);

impl Running {
    fn start(caller: &Caller, program: &str, argument: &str) -> Self {
        let program = [COMMON, program].concat();
        let mut command = caller.exec(&["python3", "-c", &program, argument]);
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// What it said.
    fn said(mut self) -> String {
        let (mut out, mut err) = (String::new(), String::new());
        std::io::Read::read_to_string(&mut self.0.stdout.take().unwrap(), &mut out).unwrap();
        std::io::Read::read_to_string(&mut self.0.stderr.take().unwrap(), &mut err).unwrap();
        assert!(self.0.wait().unwrap().success() && err.is_empty(), "{err}");
        out
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the proxy has of the system.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// In KiB.
    memory: usize,
    /// The most since the last look, in KiB.
    peak: usize,
    threads: usize,
    descriptors: usize,
}

impl Taken {
    fn by(proxy: &Proxy) -> Self {
        let of = |what: &str| Path::new("/proc").join(proxy.pid().to_string()).join(what);
        let status = fs::read_to_string(of("status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        let taken = Self {
            memory: number("VmRSS:"),
            peak: number("VmHWM:"),
            threads: number("Threads:"),
            descriptors: fs::read_dir(of("fd")).unwrap().count(),
        };
        // The peak is counted anew.
        fs::write(of("clear_refs"), "5").unwrap();
        taken
    }

    /// Whether it is as little as that, but for what a proxy keeps that has worked.
    fn is_back_at(&self, before: &Self) -> bool {
        self.memory <= before.memory + KEPT
            && self.threads <= before.threads + 2
            && self.descriptors <= before.descriptors
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory, peak, threads, descriptors } = self;
        let mib = |kib: usize| format!("{}.{} MiB", kib >> 10, ((kib & 1023) * 10) >> 10);
        let (memory, peak) = (mib(*memory), mib(*peak));
        write!(f, "{memory}, {peak} at the most, {threads} threads, {descriptors} descriptors")
    }
}

/// The program under a shell that lets it have few descriptors.
fn limited(folder: &Path) -> PathBuf {
    let script = folder.join("hostward");
    let text = format!("#!/bin/sh\nulimit -n {DESCRIPTORS}\nexec {} \"$@\"\n", program().unwrap().display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

fn caller(engine: &Engine, proxy: &Proxy, storage: &Path, hung: &Path) -> Caller {
    let flags = [
        format!("--volume={}:/app/storage", storage.display()),
        format!("--volume={}:/hung", hung.display()),
        format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
        "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
        "--ulimit=nofile=4096:4096".to_owned(),
    ];
    Caller::start_with(engine, &flags).unwrap()
}

/// A container of which there is much to tell.
fn long<'a>(engine: &'a Engine, folder: &Path) -> Removed<'a> {
    let labels = folder.join("labels");
    let lines = (0..200).map(|number| format!("label-{number}={}\n", "x".repeat(60_000)));
    fs::write(&labels, lines.collect::<String>()).unwrap();
    let long = Removed::new(engine, unique("hw-long"));
    let create = ["create", "--name", long.name(), "--label-file", labels.to_str().unwrap(), images::BUSYBOX];
    docker(engine, &engine.socket, &create);
    long
}

/// Plays a part in all of these callers at once, and tells what came of it and what it took.
fn play(proxy: &mut Proxy, hostile: &[Caller], part: &str, program: &str, argument: &str) -> Taken {
    let began = Instant::now();
    let running: Vec<_> = hostile.iter().map(|one| Running::start(one, program, argument)).collect();
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for said in running.into_iter().map(Running::said) {
        let (_, outcomes) = said.trim().rsplit_once(part).unwrap();
        for (outcome, count) in outcomes.split(',').filter_map(|one| one.trim().split_once(": ")) {
            *counts.entry(outcome.to_owned()).or_default() += count.parse::<usize>().unwrap();
        }
    }
    assert!(!proxy.has_ended(), "{part}: {}", proxy.stderr());
    let taken = Taken::by(proxy);
    eprintln!("{part} in {:.1?}: {counts:?}; the proxy: {taken}", began.elapsed());
    taken
}

fn load(engine: &Engine) {
    let folder = host_dir();
    let few = FewTasks::new(&unique("hw-load"), TASKS);
    let admin = format!("unix://{}", folder.path().join("admin.sock").display());
    let program = limited(folder.path());
    let mut proxy = Proxy::start_program(&program, &engine.socket, &["--admin", &admin]).unwrap();
    few.enter(proxy.pid());
    let mount = folder.path().join("hung");
    fs::create_dir(&mount).unwrap();
    let hung = Hung::at(&mount);
    let storage: Vec<_> = (0..=HOSTILE).map(|_| host_dir()).collect();
    let start = |storage: &tempfile::TempDir| {
        fs::write(storage.path().join("who"), storage.path().display().to_string()).unwrap();
        caller(engine, &proxy, storage.path(), &mount)
    };
    let mut hostile: Vec<_> = storage.iter().map(start).collect();
    let good = hostile.pop().unwrap();
    let [echo, stuck] = ["hw-echo", "hw-stuck"].map(|name| Removed::new(engine, unique(name)));
    let echo_port = publish(&hostile[0], echo.name(), "7/udp", ECHO);
    let stuck_port = publish(&hostile[1], stuck.name(), "80/tcp", STUCK);
    let long = long(engine, folder.path());
    let working = Running::start(&good, GOOD, "");
    wait_until("the ninth caller begins", || storage[HOSTILE].path().join("begun").exists());
    let before = Taken::by(&proxy);
    eprintln!("before: {before}");

    let senders = Running::start(&hostile[0], SENDERS, &echo_port);
    let connects = Running::start(&hostile[1], CONNECTS, &stuck_port);
    let parts = [("bodies", BODIES), ("heads", HEADS), ("answers", ANSWERS), ("look-ups", LOOKUPS)];
    for (part, program) in parts {
        let taken = play(&mut proxy, &hostile, part, program, long.name());
        assert!(taken.peak < MOST, "{part}: {taken}");
        // Nobody is there any more who would have it, but looks that hang, and ports.
        assert!(taken.descriptors < DESCRIPTORS / 2 && taken.threads < TASKS as usize / 2, "{part}: {taken}");
    }
    eprint!("{}{}", senders.said(), connects.said());
    fs::write(storage[HOSTILE].path().join("stop"), "").unwrap();
    let worked = working.said();

    drop((hung, echo, stuck, hostile));
    let ended = Instant::now();
    let mut now = Taken::by(&proxy);
    while !now.is_back_at(&before) {
        assert!(ended.elapsed() < Duration::from_secs(20), "{before}, and afterwards {now}");
        std::thread::sleep(Duration::from_millis(100));
        now = Taken::by(&proxy);
    }
    eprintln!("afterwards, within {:.1?}: {now}", ended.elapsed());
    works(&worked);
    let health = Command::new(program).args(["health", "--admin", &admin]).output().unwrap();
    health.succeeded();
    assert!(!proxy.has_ended(), "{}", proxy.stderr());
}

/// Runs a server in a container that a caller makes, and gives the port at which that caller finds it.
fn publish(caller: &Caller, name: &str, port: &str, server: &str) -> String {
    let python = images::PYTHON;
    caller.sh_ok(&format!("docker run -d --name {name} -p {port} {python} python3 -c '{server}'")).unwrap();
    caller.sh_ok(&format!("docker port {name} {port} | head -1 | sed 's/.*://'")).unwrap()
}

/// What came of the creates of the one that only works.
fn works(said: &str) {
    let (own, other): (Vec<_>, Vec<_>) = said.lines().partition(|line| line.starts_with("own "));
    let mut took: Vec<f64> = own.iter().map(|line| line["own ".len()..].parse().unwrap()).collect();
    took.sort_by(f64::total_cmp);
    assert!(other.is_empty() && took.len() > 10, "{} creates, and {other:#?}", took.len());
    let at = |part: usize| took[(took.len() - 1) * part / 100];
    let count = took.len();
    eprintln!(
        "another caller's {count} creates: {:.3} s in the middle, p99 {:.3} s, at most {:.3} s",
        at(50),
        at(99),
        at(100)
    );
}

#[test]
fn who_takes_all_it_can_takes_little_and_another_caller_works_on() {
    on_each_engine(load);
}
