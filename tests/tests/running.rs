//! Running the service: settings read again, a drained end, health, activation by systemd, logs, owners, one socket a job.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, proxy, unique};
use hostward_tests::{Removed, docker, host_dir, on_each_engine, wait_until};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// `hostward proxy` by a configuration file, in a folder of its own that `@` stands for in it.
struct Service {
    child: Child,
    folder: tempfile::TempDir,
}

impl Service {
    fn start(engine: &Engine, config: &str) -> Self {
        // A socket's path is short.
        let folder = tempfile::Builder::new().prefix("hwrun-").tempdir_in("/tmp").unwrap();
        write_config(folder.path(), engine, config);
        let mut command = Command::new(proxy::program().unwrap());
        command.args(["proxy", "--config"]).arg(folder.path().join("hostward.toml"));
        command.env_remove("DOCKER_HOST").env_remove("HOST_PWD").env_remove("STORAGE_BASE");
        // With the key of another's state it would open the ports of what that one has started.
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        command.env(proxy::STATE_VARIABLE, state);
        command.stdin(Stdio::null()).stderr(File::create(folder.path().join("log")).unwrap());
        let mut service = Self { child: command.spawn().unwrap(), folder };
        wait_until("the proxy is ready", || {
            assert!(service.child.try_wait().unwrap().is_none(), "it ended: {}", service.log());
            service.health().0
        });
        service
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, engine: &Engine, config: &str) {
        write_config(self.folder.path(), engine, config);
        self.signal("HUP");
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// Whether `hostward health` is content, and all that it said.
    fn health(&self) -> (bool, String) {
        let admin = format!("unix://{}", self.path("admin.sock").display());
        let mut command = Command::new(proxy::program().unwrap());
        let output = command.args(["health", "--admin", &admin]).output().unwrap();
        (output.status.success(), output.out() + &output.err())
    }

    fn ended(mut self) -> (ExitStatus, String) {
        let mut status = None;
        wait_until("the proxy has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap(), self.log())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the proxy said:\n{}---", self.log());
        }
    }
}

fn write_config(folder: &Path, engine: &Engine, config: &str) {
    let at = folder.display().to_string();
    let top = format!("engine = \"unix://{}\"\nadmin = \"unix://@/admin.sock\"\n", engine.socket.display());
    fs::write(folder.join("hostward.toml"), (top + config).replace('@', &at)).unwrap();
}

/// A client that speaks HTTP by hand, on a connection that it keeps.
struct Client(BufReader<UnixStream>);

impl Client {
    fn to(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn send(&mut self, line: &str) {
        write!(self.0.get_mut(), "{line} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n").unwrap();
    }

    /// The status of an answer; what follows its head is left to be read.
    fn status(&mut self) -> String {
        let first = self.line();
        while self.line() != "\r\n" {}
        first.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn ping(&mut self) {
        self.send("GET /_ping");
        assert_eq!(self.status(), "200");
        let mut body = [0; 2];
        self.0.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"OK");
    }
}

const A: &str = "[[listen]]\naddress = \"unix://@/a.sock\"\n";
const B: &str = "[[listen]]\naddress = \"unix://@/b.sock\"\n";

#[test]
fn sighup_makes_right_settings_the_new_ones_and_keeps_the_old_where_they_are_wrong() {
    on_each_engine(|engine| {
        let service = Service::start(engine, A);
        let (mut kept, mut events) =
            (Client::to(&service.path("a.sock")), Client::to(&service.path("a.sock")));
        kept.ping();
        let name = Removed::volume(engine, unique("hw-run"));
        events.send(&format!("GET /events?filters=%7B%22volume%22%3A%5B%22{}%22%5D%7D", name.name()));
        assert_eq!(events.status(), "200");

        for (wrong, why) in [
            (format!("{A}adress = 1\n"), "hostward.toml:5:1: [[listen]] has no setting `adress`"),
            (format!("{A}[[listen]]\naddress = \"tcp://0.0.0.0:1\"\n"), "`plain_tcp = true`"),
            (
                format!("{A}[[listen]]\naddress = \"unix:///dev/null\"\n"),
                "/dev/null exists and is not a socket",
            ),
        ] {
            service.configure(engine, &wrong);
            wait_until("the mistake is in the log", || service.log().contains(why));
            assert!(service.log().contains("the new settings are wrong, so the old ones stay"));
            kept.ping();
            Client::to(&service.path("a.sock")).ping();
            let mut admin = Client::to(&service.path("admin.sock"));
            admin.send("GET /health");
            admin.status();
            let health: Value = serde_json::from_str(&admin.line()).unwrap();
            assert!(health["last_reload"]["error"].as_str().unwrap().contains(why), "{health}");
        }

        service.configure(engine, &format!("{A}{B}"));
        wait_until("the new socket is served", || UnixStream::connect(service.path("b.sock")).is_ok());
        Client::to(&service.path("b.sock")).ping();
        kept.ping();
        service.configure(engine, B);
        wait_until("the old socket is not served", || !service.path("a.sock").exists());
        assert!(service.health().1.starts_with("ready: 1 socket is served"), "{:?}", service.health());
        docker(engine, &engine.socket, &["volume", "create", name.name()]);
        while !events.line().contains(name.name()) {}
    });
}

#[test]
fn the_first_sigterm_lets_requests_finish_and_the_second_ends_at_once() {
    on_each_engine(|engine| {
        let waiting = Removed::new(engine, unique("hw-run"));
        docker(engine, &engine.socket, &["run", "-d", "--name", waiting.name(), "busybox", "sleep", "1000"]);
        let wait = format!("POST /containers/{}/wait", waiting.name());
        let start = |config: &str| {
            let service = Service::start(engine, config);
            let mut client = Client::to(&service.path("a.sock"));
            client.send("GET /events");
            assert_eq!(client.status(), "200");
            (service, client)
        };
        let log_has = |service: &Service, text: &str| {
            wait_until(text, || service.log().contains(text));
        };

        // A request that ends.
        let service = Service::start(engine, &format!("drain = 600\n{A}"));
        let mut client = Client::to(&service.path("a.sock"));
        client.send(&wait);
        let mut admin = Client::to(&service.path("admin.sock"));
        admin.send("GET /health");
        admin.status();
        assert!(admin.line().contains("\"connections\":1"));
        service.signal("TERM");
        log_has(&service, "draining");
        wait_until("no more clients are taken", || UnixStream::connect(service.path("a.sock")).is_err());
        assert!(service.health().1.contains("shutting down"), "{:?}", service.health());
        docker(engine, &engine.socket, &["kill", waiting.name()]);
        assert_eq!(client.status(), "200");
        let (status, _) = service.ended();
        assert!(status.success(), "{status}");

        // One that does not end, up to the deadline.
        let (service, _events) = start(&format!("drain = 1\n{A}"));
        service.signal("TERM");
        let (status, log) = service.ended();
        assert!(status.success(), "{status}: {log}");
        let warned = "cutting off what still runs: clients of `docker exec` end with status 255";
        assert!(log.contains(warned), "{log}");

        // And less than that, for whoever asks twice.
        let (service, _events) = start(&format!("drain = 600\n{A}"));
        service.signal("TERM");
        log_has(&service, "draining");
        service.signal("TERM");
        let (status, log) = service.ended();
        assert!(status.success() && !log.contains("cutting off"), "{status}: {log}");
    });
}

#[test]
fn all_lines_about_a_request_have_its_id() {
    on_each_engine(|engine| {
        let config = "log = \"debug\"\nlog_format = \"json\"\naudit = \"log\"\n";
        let service = Service::start(engine, &format!("{config}{A}"));
        let storage = host_dir();
        let caller = Caller::start(engine, &service.path("a.sock"), storage.path()).unwrap();
        for path in ["/app/storage", "/proc/self"] {
            let _ = caller.sh(&format!("docker run --rm -v {path}:/x busybox true"));
        }
        wait_until("the refusal is written", || service.log().contains("\"decision\":\"refused\""));
        let lines: Vec<Value> = service
            .log()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect();
        for line in &lines {
            assert!(
                ["timestamp", "level", "target", "fields"].iter().all(|key| !line[*key].is_null()),
                "{line}"
            );
        }
        let of = |decision: &str| {
            let found = lines.iter().find(|line| line["fields"]["decision"] == decision);
            found.unwrap_or_else(|| panic!("{decision}: {lines:?}"))["span"]["id"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let (translated, refused) = (of("translated"), of("refused"));
        assert_ne!(translated, refused);
        let answering = |line: &&Value| {
            line["fields"]["message"] == "answering by ourselves" && line["span"]["id"] == refused.as_str()
        };
        assert_eq!(lines.iter().filter(answering).count(), 1, "{lines:?}");
    });
}

/// The lines of an audit's file.
fn decisions(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

#[test]
fn each_decision_is_one_line_with_what_the_engine_answered_whatever_the_log_leaves_out() {
    on_each_engine(|engine| {
        let config = "log = \"error\"\naudit = \"@/audit.log\"\n";
        let service = Service::start(engine, &format!("{config}{A}"));
        let file = service.path("audit.log");
        let storage = host_dir();
        let volume = Removed::volume(engine, unique("hw-run"));
        let mounts = [
            format!("--volume={}:/app/storage", storage.path().display()),
            format!("--volume={}:/var/run", service.folder.path().display()),
            format!("--volume={}:/app/data", volume.name()),
            "--env=DOCKER_HOST=unix:///var/run/a.sock".to_owned(),
        ];
        let caller = Caller::start_with(engine, &mounts).unwrap();
        let made = Removed::new(engine, unique("hw-run"));
        // A name that would be a line of its own.
        let forged = "x\ndecision=translated status=201";
        fs::create_dir(storage.path().join(forged)).unwrap();
        let name = made.name();
        let create = format!(
            "docker create --name {name} -v /app/storage:/x:ro -v /app/data:/y \
             -v \"$(printf '/app/storage/x\\ndecision=translated status=201'):/z\" busybox true"
        );
        let id = caller.sh_ok(&create).unwrap().trim().to_owned();
        caller.sh_ok(&format!("docker start {name}")).unwrap();
        caller.sh(&format!("docker create -v /proc/self:/x --name {name}-refused busybox true")).unwrap();
        wait_until("two decisions are written", || decisions(&file).len() == 2);
        let [created, refused] = &decisions(&file)[..] else { unreachable!() };
        assert_eq!(
            (&created["decision"], &created["operation"]),
            (&"translated".into(), &"ContainerCreate".into())
        );
        assert_eq!((&created["created"], &created["status"]), (&id.into(), &201.into()));
        assert_eq!((&created["name"], &created["image"]), (&name.into(), &"busybox".into()));
        assert_eq!(
            (&created["caller"]["kind"], &created["caller"]["name"]),
            (&"container".into(), &(*caller.name).into())
        );
        let mut paths: Vec<_> = created["paths"].as_array().unwrap().iter().collect();
        paths.sort_by_key(|path| path["target"].to_string());
        let [x, y, z] = &paths[..] else { panic!("{created}") };
        assert_eq!((&x["target"], &x["before"]), (&"/x".into(), &"/app/storage".into()));
        assert_eq!(
            (&x["after"]["bind"], &x["rule"]),
            (&storage.path().display().to_string().into(), &"T2".into())
        );
        assert_eq!((&y["before"], &y["rule"]), (&"/app/data".into(), &"T3".into()));
        assert!(y["after"].to_string().contains(volume.name()), "{y}");
        assert_eq!(z["before"], format!("/app/storage/{forged}"));
        assert_eq!((&refused["decision"], &refused["status"]), (&"refused".into(), &400.into()));
        assert!(!service.log().contains("audit"), "{}", service.log());

        // The file was moved away.
        fs::rename(&file, service.path("audit.log.1")).unwrap();
        service.configure(engine, &format!("{config}audit_also = [\"host\", \"unchanged\"]\n{A}"));
        wait_until("the file is made anew", || file.exists());
        // A process of the host, and what changes nothing.
        docker(engine, &service.path("a.sock"), &["start", name]);
        caller.sh_ok(&format!("docker start {name}")).unwrap();
        wait_until("both are written", || decisions(&file).len() == 2);
        let [passed, unchanged] = &decisions(&file)[..] else { unreachable!() };
        assert_eq!((&passed["decision"], &passed["caller"]["kind"]), (&"passed".into(), &"host".into()));
        assert!(passed["caller"]["pid"].is_u64() && passed["caller"]["uid"] == 0, "{passed}");
        assert_eq!(
            (&unchanged["decision"], &unchanged["operation"]),
            (&"unchanged".into(), &"ContainerStart".into())
        );
        assert_eq!(decisions(&service.path("audit.log.1")).len(), 2);

        // A file that cannot be had leaves everything as it was.
        service.configure(engine, &format!("audit = \"@/no/audit.log\"\n{A}"));
        wait_until("that is told", || {
            let (ready, said) = service.health();
            ready
                && said.contains("warning: the settings that were read")
                && said.contains("cannot write the audit to")
        });
        docker(engine, &service.path("a.sock"), &["start", name]);
        wait_until("the old file is written", || decisions(&file).len() == 3);
    });
}

#[test]
fn an_audit_that_cannot_be_written_at_the_start_is_an_error_and_a_full_disk_later_is_told() {
    let engine = &hostward_testkit::docker_engines().unwrap()[0];
    let folder = tempfile::Builder::new().prefix("hwrun-").tempdir_in("/tmp").unwrap();
    let mut command = Command::new(proxy::program().unwrap());
    command.arg("proxy").arg("--listen").arg(format!("unix://{}/a.sock", folder.path().display()));
    command.args(["--engine", "unix:///nowhere.sock", "--audit", "/nonexistent/audit.log"]);
    let failed = command.env(proxy::STATE_VARIABLE, proxy::state().unwrap()).output().unwrap();
    assert!(!failed.status.success());
    assert!(
        failed.err().contains("cannot write the audit to /nonexistent/audit.log: No such file"),
        "{}",
        failed.err()
    );

    let service = Service::start(engine, &format!("audit = \"/dev/full\"\naudit_also = [\"host\"]\n{A}"));
    let name = Removed::new(engine, unique("hw-run"));
    docker(engine, &service.path("a.sock"), &["create", "--name", name.name(), "busybox", "true"]);
    wait_until("that is told", || {
        let (ready, said) = service.health();
        ready && said.contains("warning: the audit (/dev/full) cannot be written, and 1 decisions are lost")
    });
    assert!(service.log().contains("cannot write the audit: decisions are lost"), "{}", service.log());
}

/// What Prometheus reads, by the name of each series.
fn metrics(service: &Service) -> std::collections::BTreeMap<String, String> {
    let mut admin = Client::to(&service.path("admin.sock"));
    admin.send("GET /metrics");
    assert_eq!(admin.status(), "200");
    let mut text = String::new();
    admin.0.read_to_string(&mut text).unwrap();
    let series =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    series.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn what_the_proxy_does_is_counted_for_prometheus() {
    on_each_engine(|engine| {
        let service = Service::start(engine, A);
        let storage = host_dir();
        let caller = Caller::start(engine, &service.path("a.sock"), storage.path()).unwrap();
        caller.sh_ok("docker run --rm -v /app/storage:/x busybox true").unwrap();
        caller.sh("docker run --rm -v /proc/self:/x busybox true").unwrap();
        Client::to(&service.path("a.sock")).ping();
        wait_until("all clients have gone", || metrics(&service)["hostward_open_connections"] == "0");
        let counted = metrics(&service);
        let value = |name: &str| &**counted.get(name).unwrap_or_else(|| panic!("{name}: {counted:?}"));
        assert_eq!(value("hostward_decisions_total{decision=\"translated\"}"), "1");
        assert_eq!(value("hostward_decisions_total{decision=\"refused\"}"), "1");
        assert_eq!(value("hostward_translated_paths_total"), "1");
        assert_eq!(value("hostward_refused_total{status=\"400\",reason=\"private\"}"), "1");
        assert_eq!(value("hostward_unknown_callers_total"), "0");
        for at_least_one in [
            "hostward_requests_total{kind=\"streamed\"}",
            "hostward_requests_total{kind=\"judged\"}",
            "hostward_connections_total",
            "hostward_forwarded_bytes_total{direction=\"to_engine\"}",
            "hostward_forwarded_bytes_total{direction=\"to_client\"}",
            "hostward_lookup_seconds_count",
            "hostward_judge_seconds_bucket{le=\"+Inf\"}",
            "hostward_limit{limit=\"connections\"}",
        ] {
            assert!(value(at_least_one).parse::<f64>().unwrap() >= 1.0, "{at_least_one}: {counted:?}");
        }
        for nothing in [
            "hostward_limit_taken{limit=\"held_bytes\"}",
            "hostward_published_ports",
            "hostward_reload_failed",
        ] {
            assert_eq!(value(nothing), "0", "{nothing}");
        }
        // An engine that is not there.
        let config = fs::read_to_string(service.path("hostward.toml")).unwrap();
        let elsewhere = config.replace(&engine.socket.display().to_string(), "/nonexistent/engine.sock");
        fs::write(service.path("hostward.toml"), elsewhere).unwrap();
        service.signal("HUP");
        wait_until("the settings are read", || service.log().contains("the settings were reloaded"));
        let mut client = Client::to(&service.path("a.sock"));
        client.send("GET /_ping");
        assert_eq!(client.status(), "502");
        assert_eq!(
            metrics(&service)["hostward_refused_total{status=\"502\",reason=\"engine_unreachable\"}"],
            "1"
        );
    });
}

#[test]
fn sockets_belong_to_whom_the_configuration_says() {
    let engine = &hostward_testkit::docker_engines().unwrap()[0];
    let service = Service::start(engine, &format!("{A}{B}owner = 1234\ngroup = \"4321\"\nmode = \"0600\"\n"));
    let of = |name: &str| {
        let meta = fs::metadata(service.path(name)).unwrap();
        (meta.uid(), meta.gid(), meta.mode() & 0o7777)
    };
    let groups = fs::read_to_string("/etc/group").unwrap();
    let docker =
        groups.lines().find_map(|line| line.strip_prefix("docker:x:")?.split(':').next()?.parse().ok());
    let by_default = (0, docker.unwrap_or(0), 0o660);
    assert_eq!((of("a.sock"), of("admin.sock")), (by_default, by_default));
    assert_eq!(of("b.sock"), (1234, 4321, 0o600));
    service.configure(engine, &format!("{A}{B}mode = \"0640\"\n"));
    wait_until("the mode has changed", || of("b.sock").2 == 0o640);
}

/// An example's file, by the sockets of a test.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

#[test]
fn the_example_gives_each_job_a_socket_with_its_own_view() {
    on_each_engine(|engine| {
        let service = Service::start(engine, A);
        let base = fs::read_to_string(example("ci-jobs/base.toml")).unwrap();
        let run = service.folder.path().display().to_string();
        let base = base.replace("/run/hostward", &run);
        let base = base.replace("/var/run/docker.sock", &engine.socket.display().to_string());
        fs::write(service.path("base.toml"), base).unwrap();
        let programs = proxy::program().unwrap();
        let path = format!("{}:/usr/bin:/bin", programs.parent().unwrap().display());
        let ci_job = |what: &str, job: &str| {
            let mut command = Command::new(example("ci-jobs/ci-job"));
            command.args([what, job]).env("PATH", &path);
            command.env("HOSTWARD_ETC", service.folder.path()).env("HOSTWARD_RUN", &run);
            command.env("HOSTWARD_RELOAD", format!("kill -HUP {}", service.child.id()));
            command.output().unwrap().succeeded();
        };
        let jobs: Vec<_> = ["41", "42"]
            .into_iter()
            .map(|number| {
                let job = unique(&format!("job{number}"));
                let storage = host_dir();
                fs::write(storage.path().join("who"), format!("storage of {job}\n")).unwrap();
                ci_job("start", &job);
                let label = format!("--label=ci.job={job}");
                let mount = format!("--volume={}:/app/storage", storage.path().display());
                let caller = Caller::start_with(engine, &[label, mount]).unwrap();
                (job, storage, caller)
            })
            .collect();
        let socket = |job: &str| service.path(&format!("job-{job}.sock"));
        let cat = ["run", "--rm", "-v", "/app/storage/who:/who", "busybox", "cat", "/who"];
        // From the machine itself, whose own view has no such file: the socket alone says whose it is.
        std::thread::scope(|scope| {
            let asked =
                jobs.iter().map(|(job, ..)| (job, scope.spawn(|| docker(engine, &socket(job), &cat))));
            for (job, seen) in asked.collect::<Vec<_>>() {
                assert_eq!(seen.join().unwrap(), format!("storage of {job}\n"));
            }
        });
        let twin = Caller::start_with(engine, &[format!("--label=ci.job={}", jobs[0].0)]).unwrap();
        let refused = engine.docker_at(&socket(&jobs[0].0), &cat).output().unwrap();
        let said = refused.failed().err();
        assert!(said.contains(&twin.name) && said.contains(&jobs[0].2.name), "{said}");
        ci_job("end", &jobs[0].0);
        wait_until("the job's socket is gone", || !socket(&jobs[0].0).exists());
        assert_eq!(docker(engine, &socket(&jobs[1].0), &cat), format!("storage of {}\n", jobs[1].0));
    });
}

#[test]
fn sighup_changes_limits_and_says_of_which_it_does_not() {
    on_each_engine(|engine| {
        let with = |limits: &str| format!("{A}[limits]\n{limits}");
        let service = Service::start(engine, &with("connections = 4\nports = 9\n"));
        let connect = || Client::to(&service.path("a.sock"));
        let mut clients: Vec<_> = (0..4).map(|_| connect()).collect();
        clients.iter_mut().for_each(Client::ping);
        // Turned away before it asks for anything.
        assert_eq!(connect().status(), "503");
        service.configure(engine, &with("connections = 3\nports = 9\n"));
        wait_until("the mistake is in the log", || service.log().contains("`connections` is 3"));
        service.configure(engine, &with("connections = 5\nports = 10\n"));
        wait_until("they were read", || service.log().contains("the settings were reloaded"));
        let log = service.log();
        let later = log.lines().find(|line| line.contains("these apply from the next start")).unwrap();
        assert!(later.contains("ports") && !later.contains("connections"), "{later}");
        clients.push(connect());
        clients.iter_mut().for_each(Client::ping);
        assert_eq!(connect().status(), "503");
    });
}

/// systemd itself, as the manager of a user who is root: units are started, watched and hardened as by the one of the
/// machine. It sees another /run/systemd, by which programs tell that systemd runs, and has its own cgroup.
struct Systemd {
    child: Child,
    folder: tempfile::TempDir,
    cgroup: String,
}

impl Systemd {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("hwsystemd-").tempdir_in("/tmp").unwrap();
        let cgroup = unique("hwsystemd");
        let at = folder.path().display();
        let script = format!(
            "set -e; mkdir -p {at}/run {at}/units; chmod 700 {at}/run
             for h in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
                 [ -e $h/cgroup.procs ] || continue
                 mkdir -p $h/{cgroup}; echo $$ > $h/{cgroup}/cgroup.procs
             done
             mkdir -p /run/systemd; mount -t tmpfs none /run/systemd; mkdir /run/systemd/system
             export HOME={at} XDG_RUNTIME_DIR={at}/run SYSTEMD_UNIT_PATH={at}/units:/usr/lib/systemd/user
             exec /lib/systemd/systemd --user --log-target=console --unit=basic.target"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "slave", "sh", "-c", &script]);
        command.stdin(Stdio::null()).stderr(File::create(folder.path().join("log")).unwrap());
        let systemd = Self { child: command.spawn().unwrap(), folder, cgroup };
        wait_until("systemd answers", || systemd.path("run/systemd/private").exists());
        systemd
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    fn systemctl(&self, args: &[&str]) -> String {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.child.id())).args(["systemctl", "--user"]);
        command.args(args).env("XDG_RUNTIME_DIR", self.path("run"));
        command.output().unwrap().succeeded().out()
    }

    fn property(&self, name: &str) -> String {
        self.systemctl(&["show", "--value", "-p", name, "hostward.service"]).trim().to_owned()
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
        for tree in ["", "systemd", "unified"] {
            let cgroup = Path::new("/sys/fs/cgroup").join(tree).join(&self.cgroup);
            let _ = Command::new("find").arg(cgroup).args(["-depth", "-type", "d", "-delete"]).status();
        }
        if std::thread::panicking() {
            eprintln!("--- systemd and its services said:\n{}---", self.log());
        }
    }
}

fn packaged(unit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd").join(unit)
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    // `verify` looks for the program as well.
    let folder = tempfile::tempdir().unwrap();
    for unit in ["hostward.service", "hostward.socket"] {
        let text = fs::read_to_string(packaged(unit)).unwrap();
        fs::write(folder.path().join(unit), text.replace("/usr/local/bin/hostward", "/bin/true")).unwrap();
    }
    let units = ["hostward.service", "hostward.socket"].map(|unit| folder.path().join(unit));
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(units).output().unwrap();
    assert_eq!(verified.succeeded().err(), "");
}

#[test]
fn the_units_and_the_example_run_under_systemd_with_all_their_hardening() {
    on_each_engine(|engine| {
        let systemd = Systemd::start();
        let run = systemd.path("s").display().to_string();
        let config = fs::read_to_string(example("systemd/hostward.toml")).unwrap();
        let config = config.replace("/run/hostward", &run);
        let config = config.replace("/var/run/docker.sock", &engine.socket.display().to_string());
        fs::write(systemd.path("hostward.toml"), &config).unwrap();
        // The very units; only where things are is the test's.
        let overrides = [
            (
                "hostward.service",
                format!(
                    "[Service]\nExecStart=\nExecStart={} proxy --config {}\n",
                    proxy::program().unwrap().display(),
                    systemd.path("hostward.toml").display()
                ),
            ),
            (
                "hostward.socket",
                format!("[Socket]\nListenStream=\nListenStream={run}/docker.sock\nSocketGroup=root\n"),
            ),
        ];
        for (unit, text) in overrides {
            fs::copy(packaged(unit), systemd.path("units").join(unit)).unwrap();
            let folder = systemd.path("units").join(format!("{unit}.d"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("test.conf"), text).unwrap();
        }
        systemd.systemctl(&["daemon-reload"]);
        systemd.systemctl(&["start", "hostward.socket"]);
        assert_eq!(systemd.property("ActiveState"), "inactive");
        let socket = systemd.path("s/docker.sock");
        assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o660);

        // The first client starts it.
        Client::to(&socket).ping();
        assert_eq!(systemd.property("ActiveState"), "active");
        let status = fs::read_to_string(format!("/proc/{}/status", systemd.property("MainPID"))).unwrap();
        assert!(status.contains("NoNewPrivs:\t1\n") && status.contains("Seccomp:\t2\n"), "{status}");
        assert!(!status.contains("CapEff:\t000001ff"), "{status}");

        // What root may not see without the capabilities, and what is to be made.
        let storage = host_dir();
        let private = storage.path().join("private");
        fs::create_dir(&private).unwrap();
        fs::write(private.join("who"), "the caller's\n").unwrap();
        std::os::unix::fs::chown(&private, Some(1234), Some(1234)).unwrap();
        fs::set_permissions(&private, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let caller = Caller::start(engine, &socket, storage.path()).unwrap();
        let cat = "docker run --rm -v /app/storage/private/who:/who busybox cat /who";
        assert_eq!(caller.sh_ok(cat).unwrap(), "the caller's");
        caller.sh_ok("docker run --rm -v /app/storage/private/new:/new busybox true").unwrap();
        assert_eq!(fs::metadata(private.join("new")).unwrap().uid(), 1234);

        // The key is in the unit's own directory, which nobody else may look into, and outlives restarts.
        let state = [".config", ".local/state"].map(|home| systemd.path(home).join("hostward"));
        let state = state.iter().find(|state| state.exists()).expect("the unit's state directory");
        assert_eq!(fs::metadata(state).unwrap().mode() & 0o777, 0o700);
        let key = fs::read(state.join("key")).unwrap();

        // Restarts and reloads: the socket is systemd's, and no client is refused meanwhile.
        let inode = fs::metadata(&socket).unwrap().ino();
        systemd.systemctl(&["restart", "hostward.service"]);
        assert_eq!(caller.sh_ok(cat).unwrap(), "the caller's");
        assert_eq!(fs::metadata(&socket).unwrap().ino(), inode);
        assert_eq!(fs::read(state.join("key")).unwrap(), key);
        let more = format!("{config}\n[[listen]]\naddress = \"unix://{run}/more.sock\"\n");
        fs::write(systemd.path("hostward.toml"), format!("{more}wrong = 1\n")).unwrap();
        systemd.systemctl(&["reload", "hostward.service"]);
        wait_until("the wrong file is told", || systemd.property("StatusText").contains("the old ones stay"));
        assert_eq!(systemd.property("ActiveState"), "active");
        fs::write(systemd.path("hostward.toml"), more).unwrap();
        systemd.systemctl(&["reload", "hostward.service"]);
        wait_until("the new socket is served", || UnixStream::connect(systemd.path("s/more.sock")).is_ok());
        systemd.systemctl(&["kill", "--signal=KILL", "hostward.service"]);
        assert_eq!(caller.sh_ok(cat).unwrap(), "the caller's");
        systemd.systemctl(&["stop", "hostward.socket", "hostward.service"]);
        assert_eq!(
            (systemd.property("Result"), systemd.property("ExecMainStatus")),
            ("success".into(), "0".into())
        );
    });
}

#[test]
fn a_socket_that_was_handed_over_and_has_no_use_is_refused_by_name() {
    let engine = &hostward_testkit::docker_engines().unwrap()[0];
    let folder = tempfile::Builder::new().prefix("hwrun-").tempdir_in("/tmp").unwrap();
    let (given, other) = (folder.path().join("given.sock"), folder.path().join("other.sock"));
    let mut command = Command::new("systemd-socket-activate");
    command.arg("-l").arg(&given).arg(proxy::program().unwrap()).arg("proxy");
    command.arg("--listen").arg(format!("unix://{}", other.display()));
    command.arg("--engine").arg(format!("unix://{}", engine.socket.display()));
    command.env(proxy::STATE_VARIABLE, proxy::state().unwrap());
    command.stderr(File::create(folder.path().join("log")).unwrap());
    let service = Service { child: command.spawn().unwrap(), folder };
    wait_until("somebody listens", || UnixStream::connect(&given).is_ok());
    let (status, said) = service.ended();
    let expected =
        format!("unix://{} was opened for this service, but the service does not use it", given.display());
    assert!(!status.success() && said.contains(&expected), "{said}");
}
