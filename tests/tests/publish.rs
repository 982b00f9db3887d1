//! Published ports on the localhost of the caller, as on a machine of its own, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use std::fs;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hostward_testkit::{Caller, Engine, OutputText, Proxy, images, proxy, unique};
use hostward_tests::{
    Removed, cgroups::FewTasks, docker, host_dir, on_each_engine, on_every_engine, wait_until,
};

/// Answers datagrams with what they say.
const ECHO: &str = "import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((\"0.0.0.0\", 7))\n\
                    while True: d,a = s.recvfrom(2048); s.sendto(b\"echo of \" + d, a)";

const ASK: &str = "import socket,sys; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.5)\n\
                   s.sendto(b\"hello\", (\"127.0.0.1\", int(sys.argv[1]))); print(s.recv(2048).decode())";

fn caller(engine: &Engine, proxy: &Proxy, flags: &[&str]) -> Caller {
    let socket = format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display());
    let mut all = vec![socket.as_str(), "--env=DOCKER_HOST=unix:///run/hostward/docker.sock"];
    all.extend_from_slice(flags);
    Caller::start_with(engine, &all).unwrap()
}

/// A caller's web server, which says its own name.
fn serve<'a>(engine: &'a Engine, caller: &Caller, flags: &str) -> Removed<'a> {
    let name = unique("hw-web");
    let run = format!(
        "docker run -d --name {name} {flags} busybox sh -c 'mkdir /www; echo {name} > /www/index.html; \
         exec httpd -f -p 80 -h /www'"
    );
    caller.sh(&run).unwrap().succeeded();
    Removed::new(engine, name)
}

fn port(caller: &Caller, container: &str, port: &str) -> String {
    addresses(caller, container, port).lines().next().unwrap().rsplit_once(':').unwrap().1.to_owned()
}

/// Where the engine has published a port: an address on each line, IPv4's first.
fn addresses(caller: &Caller, container: &str, port: &str) -> String {
    caller.sh_ok(&format!("docker port {container} {port}")).unwrap()
}

/// What is at a port of an address, seen from a container.
fn page(caller: &Caller, address: &str) -> String {
    caller.sh(&format!("curl -s -m 5 http://{address}/index.html")).unwrap().out()
}

/// The page, as soon as it comes.
fn comes(caller: &Caller, address: &str, page_is: &str) {
    let wanted = format!("{page_is}\n");
    wait_until(&format!("{page_is} at {address}"), || page(caller, address) == wanted);
}

/// The number of a port that was a container's, and is nobody's any more.
fn free_again(engine: &Engine, caller: &Caller) -> String {
    let web = serve(engine, caller, "-p 80");
    let at = port(caller, web.name(), "80");
    comes(caller, &format!("localhost:{at}"), web.name());
    caller.sh(&format!("docker rm -f {}", web.name())).unwrap().succeeded();
    wait_until("the ports are closed", || listeners(caller).is_empty());
    at
}

/// The ports that anybody listens to in a container's network.
fn listeners(caller: &Caller) -> Vec<String> {
    let listening =
        "cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp | awk '$4 == \"0A\" || $4 == \"07\" { print $2 }'";
    caller.sh_ok(listening).unwrap().lines().map(str::to_owned).collect()
}

/// How many addresses of its own a container has: older engines leave IPv6's out.
fn localhosts(caller: &Caller) -> usize {
    if caller.sh_ok("cat /proc/net/if_inet6").unwrap().is_empty() { 1 } else { 2 }
}

#[test]
fn a_port_is_on_the_localhost_of_whoever_started_it_while_it_runs() {
    on_every_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let (one, other) = (caller(engine, &proxy, &[]), caller(engine, &proxy, &[]));
        assert!(listeners(&one).is_empty());
        let web = serve(engine, &one, "-p 80");
        let at = port(&one, web.name(), "80");
        comes(&one, &format!("127.0.0.1:{at}"), web.name());
        comes(&one, &format!("localhost:{at}"), web.name());
        if localhosts(&one) == 2 {
            // Docker before 27 picks another number for IPv6 now and then.
            let by_six = addresses(&one, web.name(), "80");
            let at = by_six.lines().find_map(|address| address.strip_prefix("[::]:")).unwrap_or(&at);
            comes(&one, &format!("[::1]:{at}"), web.name());
        }
        assert_eq!(page(&other, &format!("127.0.0.1:{at}")), "");
        assert!(listeners(&other).is_empty());
        // By a fixed number, on the machine's localhost alone, which is another's: both are there.
        let second = serve(engine, &other, "-p 127.0.0.1::80");
        let second_at = port(&other, second.name(), "80");
        comes(&other, &format!("127.0.0.1:{second_at}"), second.name());
        // It goes with the container, and comes back with it, be it at another port.
        one.sh(&format!("docker restart -t 0 {}", web.name())).unwrap().succeeded();
        let at = port(&one, web.name(), "80");
        comes(&one, &format!("127.0.0.1:{at}"), web.name());
        wait_until("the old port is closed", || listeners(&one).len() == localhosts(&one));
        docker(engine, &engine.socket, &["kill", web.name()]);
        wait_until("the ports are closed", || listeners(&one).is_empty());
        one.sh(&format!("docker start {}", web.name())).unwrap().succeeded();
        let at = port(&one, web.name(), "80");
        comes(&one, &format!("127.0.0.1:{at}"), web.name());
        one.sh(&format!("docker rm -f {}", web.name())).unwrap().succeeded();
        wait_until("the ports are closed", || listeners(&one).is_empty());
        comes(&other, &format!("127.0.0.1:{second_at}"), second.name());
    });
}

/// A server that answers datagrams, and the port where its caller finds it.
fn echo<'a>(engine: &'a Engine, caller: &Caller) -> (Removed<'a>, String) {
    let echo = Removed::new(engine, unique("hw-echo"));
    let (name, python) = (echo.name(), images::PYTHON);
    caller.sh_ok(&format!("docker run -d --name {name} -p 7/udp {python} python3 -c '{ECHO}'")).unwrap();
    let at = port(caller, name, "7/udp");
    (echo, at)
}

/// Waits until a datagram to this port is answered.
fn comes_back(caller: &Caller, at: &str) {
    let ask = || caller.sh(&format!("python3 -c '{ASK}' {at}")).unwrap().out();
    wait_until("the datagram comes back", || ask() == "echo of hello\n");
}

#[test]
fn datagrams_and_networks_of_the_callers_own_are_reached_too() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let caller = caller(engine, &proxy, &[]);
        let (_echo, at) = echo(engine, &caller);
        comes_back(&caller, &at);
        let network = unique("hw-net");
        caller.sh(&format!("docker network create {network}")).unwrap().succeeded();
        let _network = Removed::network(engine, &network);
        let web = serve(engine, &caller, &format!("--network {network} -p 80"));
        comes(&caller, &format!("localhost:{}", port(&caller, web.name(), "80")), web.name());
    });
}

#[test]
fn what_is_the_callers_own_is_left_alone_and_the_setting_switches_it_off() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let one = caller(engine, &proxy, &[]);
        let at = free_again(engine, &one);
        // SO_REUSEADDR: connections of before linger.
        let listen = format!(
            "import socket\ns=socket.socket(socket.AF_INET, socket.SOCK_STREAM); s.setsockopt(1, 2, 1); s.bind((\"0.0.0.0\", {at})); s.listen(9)\n\
             while True: c,_ = s.accept(); c.recv(999); c.send(b\"HTTP/1.0 200 OK\\r\\n\\r\\nown\\n\"); c.close()"
        );
        one.sh(&format!("python3 -c '{listen}' > /dev/null 2>&1 & echo $! > /tmp/own")).unwrap().succeeded();
        comes(&one, &format!("localhost:{at}"), "own");
        let web = serve(engine, &one, &format!("-p {at}:80"));
        wait_until("it is said", || {
            proxy.stderr().lines().any(|line| {
                line.contains("not opened on the caller's localhost") && line.contains(web.name())
            })
        });
        assert_eq!(page(&one, &format!("localhost:{at}")), "own\n");
        // Until it has gone.
        one.sh("kill $(cat /tmp/own)").unwrap().succeeded();
        comes(&one, &format!("localhost:{at}"), web.name());
        drop(proxy);

        let off = Proxy::start_configured(|socket| {
            let (engine, socket) = (engine.socket.display(), socket.display());
            format!(
                "engine = 'unix://{engine}'\npublish = 'machine'\n[[listen]]\naddress = 'unix://{socket}'\n"
            )
        })
        .unwrap();
        let quiet = caller(engine, &off, &[]);
        let web = serve(engine, &quiet, "-p 80");
        let other = serve(engine, &quiet, "-p 80");
        assert_eq!(page(&quiet, &format!("127.0.0.1:{}", port(&quiet, web.name(), "80"))), "");
        assert_eq!(page(&quiet, &format!("127.0.0.1:{}", port(&quiet, other.name(), "80"))), "");
        assert!(listeners(&quiet).is_empty());
    });
}

#[test]
fn a_connection_of_the_callers_that_is_over_keeps_no_port_closed() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let one = caller(engine, &proxy, &[]);
        let at = free_again(engine, &one);
        // As when the kernel gives a client that number: without SO_REUSEADDR, and who closes first has it for a minute.
        let connect = format!(
            "import socket; l=socket.socket(); l.listen(1); c=socket.socket(); c.setsockopt(1, 2, 1); \
             c.bind((\"127.0.0.1\", {at})); c.setsockopt(1, 2, 0); c.connect((\"127.0.0.1\", l.getsockname()[1])); \
             a,_=l.accept(); c.close(); a.recv(1); a.close(); c=socket.socket(); c.setsockopt(1, 2, 1)\n\
             try: c.bind((\"127.0.0.1\", {at}))\n\
             except OSError as error: print(error.strerror)"
        );
        assert_eq!(one.sh(&format!("python3 -c '{connect}'")).unwrap().out(), "Address already in use\n");
        let web = serve(engine, &one, &format!("-p {at}:80"));
        comes(&one, &format!("127.0.0.1:{at}"), web.name());
        assert!(!proxy.stderr().contains("not opened"), "{}", proxy.stderr());
    });
}

#[test]
fn wrap_forwards_from_within() {
    on_each_engine(|engine| {
        let program = proxy::program().unwrap();
        let caller = Caller::start_with(
            engine,
            &[
                format!("--volume={}:/var/run/docker.sock", engine.socket.display()),
                format!("--volume={}:/usr/local/bin/hostward:ro", program.display()),
            ],
        )
        .unwrap();
        let network = Removed::network(engine, unique("hw-net"));
        docker(engine, &engine.socket, &["network", "create", network.name()]);
        for flags in ["-p 80".to_owned(), format!("-p 80 --network {}", network.name())] {
            let web = Removed::new(engine, unique("hw-web"));
            let serve = format!(
                "docker run -d --name {0} {flags} busybox sh -c 'mkdir /www; echo {0} > /www/index.html; \
                 exec httpd -f -p 80 -h /www' > /dev/null\n\
                 port=$(docker port {0} 80 | head -1 | sed 's/.*://')\n\
                 for i in $(seq 100); do curl -s http://localhost:$port/index.html && exit; sleep 0.2; done; exit 1",
                web.name()
            );
            let mut wrap = caller.exec(&["hostward", "wrap", "--", "sh", "-c", &serve]);
            let seen = wrap.output().unwrap();
            assert_eq!(seen.out(), format!("{}\n", web.name()), "{flags}: {}", seen.err());
            wait_until("the ports are closed", || listeners(&caller).is_empty());
        }
    });
}

#[test]
fn by_tcp_a_port_is_at_hostwards_name_for_the_caller_alone() {
    on_each_engine(|engine| {
        let network = Removed::network(engine, unique("hw-net"));
        docker(engine, &engine.socket, &["network", "create", network.name()]);
        let config = host_dir();
        let listen =
            "engine = 'unix:///docker.sock'\n[[listen]]\naddress = 'tcp://0.0.0.0:2375'\nplain_tcp = true\n";
        fs::write(config.path().join("hostward.toml"), listen).unwrap();
        let hostward = Removed::new(engine, unique("hw-beside"));
        let network = format!("--network={}", network.name());
        let volumes = [
            format!("--volume={}:/docker.sock", engine.socket.display()),
            format!("--volume={}:/bin/hostward:ro", proxy::program().unwrap().display()),
            format!("--volume={}:/etc/hostward:ro", config.path().display()),
        ];
        // It does not see the callers' processes, and cannot open anything on their localhost.
        let mut run =
            engine.docker(&["run", "--detach", "--network-alias=hostward", "--name", hostward.name()]);
        run.arg(&network)
            .args(volumes)
            .args([images::BUSYBOX, "hostward", "proxy"])
            .output()
            .unwrap()
            .succeeded();
        let guest =
            || Caller::start_with(engine, &[&*network, "--env=DOCKER_HOST=tcp://hostward:2375"]).unwrap();
        let (one, other) = (guest(), guest());
        for caller in [&one, &other] {
            wait_until("hostward answers", || caller.sh("docker version").unwrap().status.success());
        }
        for flags in ["-p 80".to_owned(), format!("-p 80 {network}")] {
            let web = serve(engine, &one, &flags);
            let at = format!("hostward:{}", port(&one, web.name(), "80"));
            comes(&one, &at, web.name());
            assert_eq!(page(&other, &at), "", "{flags}");
            one.sh(&format!("docker rm -f {}", web.name())).unwrap().succeeded();
            wait_until("the port is closed", || {
                !one.sh(&format!("curl -s http://{at}/")).unwrap().status.success()
            });
        }
    });
}

/// All containers of a prefix. They go with this, however the test ends: their ports are in others' way.
struct All<'a> {
    engine: &'a Engine,
    prefix: &'a str,
}

impl Drop for All<'_> {
    fn drop(&mut self) {
        let filter = format!("name={}", self.prefix);
        let left = docker(self.engine, &self.engine.socket, &["ps", "-aq", "--filter", &filter]);
        if !left.is_empty() {
            let _ = self.engine.docker(&["rm", "--force"]).args(left.lines()).output();
        }
    }
}

#[test]
fn two_hundred_come_and_go_under_one_caller() {
    on_each_engine(|engine| {
        let count = if engine.name == "26" { 200 } else { 8 };
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let (one, other) = (caller(engine, &proxy, &[]), caller(engine, &proxy, &[]));
        let prefix = unique("hw-many");
        let _all = All { engine, prefix: &prefix };
        // Each is asked as soon as it was started, by a name that no other has.
        let life = format!(
            "n=0; while [ $n -lt {count} ]; do n=$((n+8)); for i in 1 2 3 4 5 6 7 8; do (
                name={prefix}-$n-$i
                docker run -d --name $name -p 80 busybox sh -c \"mkdir /www; echo $name > /www/index.html; exec httpd -f -p 80 -h /www\" > /dev/null || exit
                port=$(docker port $name 80 | head -1 | sed 's/.*://')
                begin=$(date +%s%N)
                until [ \"$(curl -s -m 1 http://127.0.0.1:$port/index.html)\" = $name ]; do
                    [ $(($(date +%s%N) - begin)) -lt 20000000000 ] || {{ echo lost $name; break; }}
                done
                echo $name $(($(date +%s%N) - begin)) $port
            ) & done; wait; done"
        );
        let said = one.sh(&life).unwrap().succeeded().out();
        let took: Vec<u64> = said.lines().filter_map(|line| line.split(' ').nth(1)?.parse().ok()).collect();
        assert!(!said.contains("lost") && took.len() >= count, "{said}");
        eprintln!("slowest of {count}: {:?}", Duration::from_nanos(*took.iter().max().unwrap()));
        assert!(listeners(&other).is_empty());
        assert_eq!(listeners(&one).len(), localhosts(&one) * took.len());
        one.sh(&format!("docker ps -q --filter name={prefix} | xargs -n 25 docker rm -f"))
            .unwrap()
            .succeeded();
        wait_until("the ports are closed", || listeners(&one).is_empty());
    });
}

/// What the engine answers when a caller asks to start a container, or something else of that kind.
fn ask(caller: &Caller, container: &str, what: &str, body: &str) -> String {
    let curl = format!(
        "curl -s -o /dev/null -w '%{{http_code}}' --unix-socket /run/hostward/docker.sock -X POST {body} \
         http://d/v1.41/containers/{container}/{what}"
    );
    caller.sh_ok(&curl).unwrap().trim().to_owned()
}

/// Somebody's web server, made by the engine's own socket.
fn strangers(engine: &Engine) -> Removed<'_> {
    let name = unique("hw-strangers");
    let serve = format!("mkdir /www; echo {name} > /www/index.html; exec httpd -f -p 80 -h /www");
    let run = ["run", "-d", "--name", &name, "-p", "80", images::BUSYBOX, "sh", "-c", &serve];
    docker(engine, &engine.socket, &run);
    Removed::new(engine, name)
}

#[test]
fn only_a_start_that_the_engine_carries_out_opens_ports_and_one_of_the_callers_own_that_runs() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let one = caller(engine, &proxy, &[]);
        let stranger = strangers(engine);
        assert_eq!(ask(&one, stranger.name(), "start", ""), "304");
        // A body was for engines of before 1.24.
        let refused = "-H 'Content-Type: application/json' -d '{\"Links\": [\"a:b\"]}'";
        assert_eq!(ask(&one, stranger.name(), "start", refused), "400");
        assert_eq!(ask(&one, &unique("hw-nobody"), "start", ""), "404");
        let own = serve(engine, &one, "-p 80");
        comes(&one, &format!("localhost:{}", port(&one, own.name(), "80")), own.name());
        one.sh(&format!("docker rm -f {}", own.name())).unwrap().succeeded();
        wait_until("only the caller's own port was open", || listeners(&one).is_empty());
        // What it has made is its own, whoever starts it.
        let own = Removed::new(engine, unique("hw-web"));
        let create = "docker create -p 80 busybox sh -c 'mkdir /www; hostname > /www/index.html; \
                      exec httpd -f -p 80 -h /www'";
        let create = create.replace("create", &format!("create --name {0} --hostname {0}", own.name()));
        one.sh(&create).unwrap().succeeded();
        docker(engine, &engine.socket, &["start", own.name()]);
        assert_eq!(ask(&one, own.name(), "start", ""), "304");
        comes(&one, &format!("localhost:{}", port(&one, own.name(), "80")), own.name());
        // Who starts a stranger's again has started it.
        assert_eq!(ask(&one, stranger.name(), "restart?t=0", ""), "204");
        comes(&one, &format!("localhost:{}", port(&one, stranger.name(), "80")), stranger.name());
    });
}

/// Stands between the proxy and the engine, as a way that can be cut.
struct Way {
    folder: tempfile::TempDir,
    engine: PathBuf,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Way {
    fn to(engine: &Engine) -> Self {
        let folder = tempfile::Builder::new().prefix("hwway-").tempdir_in("/tmp").unwrap();
        let way = Self { folder, engine: engine.socket.clone(), open: Arc::default() };
        way.mend();
        way
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("engine.sock")
    }

    /// Ends all connections, and makes no others.
    fn cut(&self) {
        fs::remove_file(self.socket()).unwrap();
        for one in self.open.lock().unwrap().drain(..) {
            let _ = one.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let (engine, open) = (self.engine.clone(), Arc::clone(&self.open));
        thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), UnixStream::connect(&engine).unwrap());
                for (from, to) in [(&near, &far), (&far, &near)] {
                    open.lock().unwrap().push(from.try_clone().unwrap());
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
            }
        });
    }
}

#[test]
fn ports_are_open_again_after_hostward_has_started_again_or_the_engine_has() {
    on_each_engine(|engine| {
        let way = Way::to(engine);
        let mut proxy = Proxy::start_to(&way.socket(), &[] as &[&str]).unwrap();
        let (one, other) = (caller(engine, &proxy, &[]), caller(engine, &proxy, &[]));
        let web = serve(engine, &one, "-p 80");
        let at = port(&one, web.name(), "80");
        comes(&one, &format!("localhost:{at}"), web.name());
        // Somebody says in Hostward's name that another caller has made this.
        let forged = format!("hostward.asked={}", serde_json::json!({ "caller": other.id, "mounts": {} }));
        let name = unique("hw-forged");
        let run = ["run", "-d", "--name", &name, "--label", &forged, "-p", "80", "busybox", "sleep", "1000"];
        docker(engine, &engine.socket, &run);
        let _forged = Removed::new(engine, name);

        proxy.kill_and_start().unwrap();
        comes(&one, &format!("localhost:{at}"), web.name());
        assert_eq!(listeners(&one).len(), localhosts(&one));
        assert!(listeners(&other).is_empty());

        // An engine that starts again starts what it is to keep running, and nobody asks Hostward for that.
        way.cut();
        docker(engine, &engine.socket, &["restart", "--time", "0", &one.name, web.name()]);
        way.mend();
        let addresses = docker(engine, &engine.socket, &["port", web.name(), "80"]);
        let at = addresses.lines().next().unwrap().rsplit_once(':').unwrap().1;
        comes(&one, &format!("localhost:{at}"), web.name());
        assert!(listeners(&other).is_empty());
    });
}

/// What `/proc` tells of the proxy: how many entries a directory of it has.
fn count(proxy: &Proxy, what: &str) -> usize {
    fs::read_dir(format!("/proc/{}/{what}", proxy.pid())).unwrap().count()
}

/// The proxy's memory, in KiB.
fn memory(proxy: &Proxy) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", proxy.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn four_hundred_connections_to_a_port_that_never_accepts_are_in_nobodys_way() {
    on_each_engine(|engine| {
        let few = FewTasks::new(&unique("hw-few"), 150);
        let mut proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        few.enter(proxy.pid());
        let (one, other) = (caller(engine, &proxy, &[]), caller(engine, &proxy, &[]));
        let stuck = Removed::new(engine, unique("hw-stuck"));
        let listen =
            "import socket,time; s=socket.socket(); s.bind((\"\", 80)); s.listen(0); time.sleep(999)";
        let run =
            format!("docker run -d --name {} -p 80 {} python3 -c '{listen}'", stuck.name(), images::PYTHON);
        one.sh(&run).unwrap().succeeded();
        let at = port(&one, stuck.name(), "80");
        wait_until("the port is open", || !listeners(&one).is_empty());
        // Whether the container listens by then is not the same for all; in the end there are more than it takes.
        let connect = format!(
            "import socket,time\nl=[]\n\
             for i in range(400):\n s=socket.create_connection((\"127.0.0.1\", {at})); s.send(b\"x\"); l.append(s)\n\
             print(len(l), flush=True); time.sleep(3)"
        );
        let background = format!("python3 -c '{connect}' > /tmp/connected 2>&1 &");
        one.sh(&background).unwrap().succeeded();
        wait_until("all are connected", || {
            proxy.has_ended() || one.sh("cat /tmp/connected").unwrap().out() == "400\n"
        });
        assert!(!proxy.has_ended(), "{}", proxy.stderr());
        let tasks = count(&proxy, "task");
        assert!(tasks < 50, "{tasks} threads");
        let web = serve(engine, &other, "-p 80");
        comes(&other, &format!("localhost:{}", port(&other, web.name(), "80")), web.name());
        let said = other.sh_ok("docker run --rm busybox echo served").unwrap();
        assert_eq!(said.trim(), "served");
        assert!(!proxy.has_ended(), "{}", proxy.stderr());
    });
}

/// Sends from twenty thousand ports, and lets the other side keep up.
const FLOOD: &str = "import socket,sys\n\
                     for p in range(10000, 30000):\n \
                     s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.2)\n \
                     try:\n  s.bind((\"127.0.0.1\", p)); s.sendto(b\"flood\", (\"127.0.0.1\", int(sys.argv[1])))\n  \
                     if p % 100 == 0: s.recv(99)\n \
                     except OSError: pass\n \
                     s.close()";

#[test]
fn twenty_thousand_senders_take_little_and_the_port_answers_afterwards() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let caller = caller(engine, &proxy, &[]);
        let (_echo, at) = echo(engine, &caller);
        comes_back(&caller, &at);
        let (files, tasks, before) = (count(&proxy, "fd"), count(&proxy, "task"), memory(&proxy));
        caller.sh(&format!("python3 -c '{FLOOD}' {at}")).unwrap().succeeded();
        let now = (count(&proxy, "fd"), count(&proxy, "task"), memory(&proxy));
        eprintln!("descriptors, threads, KiB: {:?}, then {now:?}", (files, tasks, before));
        assert!(now.0 < files + 300, "{now:?}");
        assert!(now.1 < tasks + 20, "{now:?}");
        assert!(now.2 < before + (8 << 10), "{now:?}");
        comes_back(&caller, &at);
    });
}
