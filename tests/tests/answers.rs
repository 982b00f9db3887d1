//! What a caller reads back: its own paths, whatever the engine was given for them.
//!
//! The oracle is a container that the host made on the bare engine, of the same words with the engine's paths in them:
//! its answers, with the caller's paths put back, are what the caller must read.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, Proxy, proxy, unique};
use hostward_tests::{Removed, docker, host_dir, on_each_engine, root_of};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// What is asked in the short form: plain, read-only, through links, parts of a volume and all of it, what is read-only
/// by force, with submounts, of the root filesystem, and oddly spelled.
const BINDS: &[&str] = &[
    "/app/storage/a:/t/a",
    "/app/storage/dir:/t/dir:ro",
    "/app/storage/link/f:/t/link",
    "/app/storage/across/f:/t/across",
    "/data/sub:/t/part",
    "/data/sub/f:/t/f:ro",
    "/data:/t/whole",
    "/locked:/t/locked",
    "/ws:/t/ws",
    "/ws/node_modules/m:/t/m",
    "/opt/own:/t/own",
    "/app/storage/./dir//:/t/spelled",
];

/// And in the long form.
const MOUNTS: &[&str] = &[
    "type=bind,source=/app/storage/a,target=/m/a",
    "type=bind,source=/app/storage/link,target=/m/link,readonly",
    "type=bind,source=/data/sub/f,target=/m/f",
    "type=bind,source=/data,target=/m/whole,readonly",
    "type=bind,source=/ws,target=/m/ws,bind-propagation=rprivate",
    "type=bind,source=/opt/own/f,target=/m/own,readonly",
    "type=tmpfs,target=/m/memory",
];

/// What a container of these mounts prints of its files.
const SHOWS: &str = "cat /t/a /t/dir/f /t/link /t/across /t/part/f /t/f /t/whole/sub/f /t/locked/f /t/ws/w /t/ws/node_modules/m \
     /t/m /t/own/f /t/spelled/f /m/a /m/link/f /m/f /m/whole/sub/f /m/ws/node_modules/m /m/own";
const SHOWN: &str =
    "a dir dir other part part part locked ws module module own dir a dir part part module own";

/// A caller that has a mount of every kind, behind Hostward.
struct Home<'a> {
    engine: &'a Engine,
    caller: Caller,
    /// A volume at `/data`, and one at `/ws/node_modules`.
    data: Removed<'a>,
    modules: Removed<'a>,
    proxy: Proxy,
    storage: tempfile::TempDir,
    /// The caller's directories and the engine's, the deepest of the engine's first.
    places: Vec<(&'static str, String)>,
}

impl<'a> Home<'a> {
    fn on(engine: &'a Engine) -> Self {
        let storage = host_dir();
        for (file, content) in [
            ("a", "a\n"),
            ("dir/f", "dir\n"),
            ("locked/f", "locked\n"),
            ("other/f", "other\n"),
            ("ws/w", "ws\n"),
        ] {
            let file = storage.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        fs::create_dir(storage.path().join("ws/node_modules")).unwrap();
        for (link, to) in [("link", "dir"), ("across", "../../other")] {
            std::os::unix::fs::symlink(to, storage.path().join(link)).unwrap();
        }
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let data = Removed::volume(engine, unique("hw-data"));
        let modules = Removed::volume(engine, unique("hw-modules"));
        let at = storage.path().display();
        let caller = Caller::start_with(
            engine,
            &[
                format!("--volume={at}:/app/storage"),
                format!("--volume={at}/other:/other"),
                format!("--volume={at}/locked:/locked:ro"),
                format!("--volume={at}/ws:/ws"),
                format!("--volume={}:/ws/node_modules", modules.name()),
                format!("--volume={}:/data", data.name()),
                format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            ],
        )
        .unwrap();
        let fill = "mkdir -p /data/sub /opt/own && echo part > /data/sub/f && echo own > /opt/own/f && \
                    echo module > /ws/node_modules/m";
        caller.sh_ok(fill).unwrap();
        let ask = |args: &[&str]| docker(engine, &engine.socket, args).trim().to_owned();
        let directory =
            |volume: &Removed<'_>| ask(&["volume", "inspect", "--format", "{{.Mountpoint}}", volume.name()]);
        let places = vec![
            ("/ws/node_modules", directory(&modules)),
            ("/data", directory(&data)),
            ("/locked", format!("{at}/locked")),
            ("/other", format!("{at}/other")),
            ("/ws", format!("{at}/ws")),
            ("/app/storage", at.to_string()),
            ("", root_of(engine, &caller.name).display().to_string()),
        ];
        Self { engine, caller, data, modules, proxy, storage, places }
    }

    fn sh(&self, script: &str) -> String {
        self.try_sh(script).succeeded().out()
    }

    fn try_sh(&self, script: &str) -> Output {
        self.caller.sh(script).unwrap()
    }

    /// A command from the host, on the engine itself.
    fn bare(&self, args: &[&str]) -> String {
        docker(self.engine, &self.engine.socket, args)
    }

    /// Nothing in a text is the engine's: no path of it, and no word of Hostward's.
    fn is_the_callers(&self, text: &str) {
        for (_, engine) in &self.places {
            assert!(!text.contains(engine), "{engine} in {text}");
        }
        assert!(!text.contains("hostward.asked"), "{text}");
    }

    /// Makes a container with [`BINDS`] and [`MOUNTS`], and one in the engine's paths on the bare engine.
    fn make(&self) -> Pair<'a> {
        let named = Removed::volume(self.engine, unique("hw-named"));
        let pair = Pair {
            asked: Removed::new(self.engine, unique("hw-asked")),
            bare: Removed::new(self.engine, unique("hw-bare")),
            named,
        };
        let arguments = |name: &str, source: &dyn Fn(&str) -> String| {
            let mut arguments =
                ["create", "--name", name, "--label", "mine=kept"].map(str::to_owned).to_vec();
            for bind in BINDS {
                let (path, rest) = bind.split_once(':').unwrap();
                arguments.push(format!("--volume={}:{rest}", source(path)));
            }
            for mount in MOUNTS {
                let mut fields: Vec<_> = mount.split(',').map(str::to_owned).collect();
                for field in &mut fields {
                    if let Some(path) = field.strip_prefix("source=") {
                        *field = format!("source={}", source(path));
                    }
                }
                arguments.push(format!("--mount={}", fields.join(",")));
            }
            arguments.push(format!("--volume={}:/t/named", pair.named.name()));
            arguments.extend(["busybox", "sh", "-c", SHOWS].map(str::to_owned));
            arguments
        };
        let in_the_engines = |path: &str| {
            let hit = self.places.iter().find_map(|(caller, engine)| {
                let rest = path.strip_prefix(caller)?;
                (rest.is_empty() || rest.starts_with('/')).then(|| format!("{engine}{rest}"))
            });
            hit.unwrap()
        };
        docker(self.engine, &self.engine.socket, &arguments(pair.bare.name(), &in_the_engines));
        let asked = arguments(pair.asked.name(), &|path| path.to_owned());
        let mut command = self.caller.exec(&["docker"]);
        command.args(asked).output().unwrap().succeeded();
        pair
    }

    /// An answer about the container of the bare engine, as the caller would have it about its own.
    fn in_the_callers(&self, text: &str, pair: &Pair<'_>) -> String {
        let text = text.replace(pair.bare.name(), pair.asked.name());
        self.places.iter().fold(text, |text, (caller, engine)| text.replace(engine.as_str(), caller))
    }

    /// What the caller gets, an answer each.
    fn gets(&self, targets: &[String]) -> Vec<String> {
        let get =
            |target| format!("curl -sg --unix-socket /run/hostward/docker.sock 'http://d{target}'; echo; ");
        let answers = self.sh(&targets.iter().map(get).collect::<String>());
        let answers: Vec<_> = answers.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        assert_eq!(answers.len(), targets.len());
        answers
    }
}

/// A container that the caller asked for, and the same in the engine's paths; neither runs.
struct Pair<'a> {
    asked: Removed<'a>,
    bare: Removed<'a>,
    /// A volume that both have by its name.
    named: Removed<'a>,
}

/// What a socket answers to a `GET`, head and body as they came.
fn get(socket: &Path, target: &str, version: &str) -> (String, Vec<u8>) {
    let mut stream = UnixStream::connect(socket).unwrap();
    write!(stream, "GET {target} HTTP/{version}\r\nHost: d\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let body = bytes.split_off(end + 4);
    (String::from_utf8(bytes).unwrap(), body)
}

/// What the bare engine answers, free of chunks.
fn bare(engine: &Engine, target: &str) -> String {
    String::from_utf8(get(&engine.socket, target, "1.0").1).unwrap()
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What a request decides of a container, of its inspection. An engine gives the mounts in any order.
fn decided(inspected: &Value) -> Value {
    let mut decided = json!({
        "Config": inspected["Config"], "HostConfig": inspected["HostConfig"], "Mounts": points(&inspected["Mounts"]),
    });
    decided["Config"].as_object_mut().unwrap().remove("Hostname"); // its id
    for list in ["/HostConfig/Binds", "/HostConfig/Mounts"] {
        decided.pointer_mut(list).into_iter().for_each(sort);
    }
    decided
}

/// The mounts in effect. Read-only by force they are in the oracle, too. An engine chooses another propagation for
/// what lies beneath its own directory.
fn points(points: &Value) -> Value {
    let mut points = points.clone();
    for point in points.as_array_mut().unwrap() {
        if ["/data", "/opt", "/ws/node"]
            .iter()
            .any(|place| point["Source"].as_str().unwrap().starts_with(place))
        {
            point.as_object_mut().unwrap().remove("Propagation");
        }
        if point["Destination"] == "/t/locked" {
            assert!(point["Mode"] == "" || point["Mode"] == "ro", "{point}");
            (point["RW"], point["Mode"]) = (json!(false), json!("ro"));
        }
    }
    sort(&mut points);
    points
}

/// Two values are the same; only what differs is shown, for they are long.
#[track_caller]
fn assert_same(answer: &Value, oracle: &Value, what: &str) {
    let mut differences = Vec::new();
    differ(answer, oracle, "", &mut differences);
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
}

fn differ(answer: &Value, oracle: &Value, at: &str, differences: &mut Vec<String>) {
    match (answer, oracle) {
        (Value::Object(answers), Value::Object(oracles)) => {
            let names: std::collections::BTreeSet<_> = answers.keys().chain(oracles.keys()).collect();
            for name in names {
                differ(&answer[name], &oracle[name], &format!("{at}.{name}"), differences);
            }
        }
        (Value::Array(answers), Value::Array(oracles)) if answers.len() == oracles.len() => {
            for (n, (answer, oracle)) in answers.iter().zip(oracles).enumerate() {
                let place = oracle["Destination"].as_str().map_or_else(|| n.to_string(), str::to_owned);
                differ(answer, oracle, &format!("{at}[{place}]"), differences);
            }
        }
        _ if answer != oracle => differences.push(format!("{at}: {answer} and not {oracle}")),
        _ => {}
    }
}

fn sort(list: &mut Value) {
    if let Some(list) = list.as_array_mut() {
        list.sort_by_key(ToString::to_string);
    }
}

/// Where the mount at a target comes from.
fn source<'a>(inspected: &'a Value, target: &str) -> &'a str {
    let points = inspected["Mounts"].as_array().unwrap();
    points.iter().find(|point| point["Destination"] == target).unwrap()["Source"].as_str().unwrap()
}

/// Targets of the API in its versions from 1.24 to the engine's newest, and without one.
fn in_every_version(engine: &Engine, target: &str) -> Vec<String> {
    let versions = (24..=engine.api.1).map(|minor| format!("/v1.{minor}{target}"));
    versions.chain([target.to_owned()]).collect()
}

fn inspection(name: &str) -> String {
    format!("/containers/{name}/json")
}

fn list(name: &str) -> String {
    format!("/containers/json?all=1&filters=%7B%22name%22:%5B%22{name}%22%5D%7D")
}

/// What the engine says in an error; the words around it are the client's.
fn said(output: &Output) -> String {
    let errors = output.failed().err();
    let line = errors.lines().find(|line| line.contains("Error response from daemon")).map(str::to_owned);
    line.unwrap_or(errors).trim_end_matches('.').to_owned()
}

#[test]
fn a_container_reads_back_as_it_was_asked_for() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let pair = home.make();

        let oracle = home.in_the_callers(&home.bare(&["inspect", pair.bare.name()]), &pair);
        let answer = home.sh(&format!("docker inspect {}", pair.asked.name()));
        assert_same(&decided(&read(&answer)[0]), &decided(&read(&oracle)[0]), "docker inspect");
        home.is_the_callers(&answer);

        let sources = |text: &str| {
            let mut sources: Vec<_> = text.trim().split(',').map(str::to_owned).collect();
            sources.sort();
            sources
        };
        let ps = |name: &str| format!("ps --all --no-trunc --format {{{{.Mounts}}}} --filter name={name}");
        let oracle = home.bare(&ps(pair.bare.name()).split(' ').collect::<Vec<_>>());
        let answer = home.sh(&format!("docker {}", ps(pair.asked.name())));
        assert_eq!(sources(&answer), sources(&home.in_the_callers(&oracle, &pair)));
        home.is_the_callers(&answer);

        // They are not only words.
        let shown = home.sh(&format!("docker start --attach {}", pair.asked.name()));
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN);
    });
}

#[test]
fn every_version_of_the_api_reads_back_what_was_asked_for() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let pair = home.make();
        let targets = |name: &str| {
            [in_every_version(engine, &inspection(name)), in_every_version(engine, &list(name))].concat()
        };
        let answers = home.gets(&targets(pair.asked.name()));
        for (target, answer) in targets(pair.bare.name()).iter().zip(&answers) {
            home.is_the_callers(answer);
            let oracle = read(&home.in_the_callers(&bare(engine, target), &pair));
            let answer = read(answer);
            match (oracle.as_array().map(Vec::as_slice), answer.as_array().map(Vec::as_slice)) {
                (None, None) => assert_same(&decided(&answer), &decided(&oracle), target),
                (Some([oracle]), Some([answer])) => {
                    assert_same(&points(&answer["Mounts"]), &points(&oracle["Mounts"]), target);
                    assert_same(&answer["Labels"], &oracle["Labels"], target);
                }
                _ => panic!("{target}: {answer}"),
            }
        }
    });
}

#[test]
fn whoever_did_not_ask_reads_its_own_paths_or_the_engines() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let pair = home.make();
        let storage = home.storage.path().display().to_string();

        // On the engine's own socket.
        let direct = read(&home.bare(&["inspect", pair.asked.name()]))[0].clone();
        for (target, path) in [("/t/a", "a"), ("/t/dir", "dir"), ("/t/locked", "locked"), ("/m/a", "a")] {
            assert_eq!(source(&direct, target), format!("{storage}/{path}"));
        }
        assert!(
            direct["HostConfig"]["Binds"].as_array().unwrap().contains(&json!(format!("{storage}/a:/t/a")))
        );
        for point in direct["Mounts"].as_array().unwrap().iter().filter(|point| point["Type"] != "tmpfs") {
            assert!(Path::new(point["Source"].as_str().unwrap()).exists(), "{point}");
        }

        // Another caller, by its own mounts.
        let other = Caller::start_with(
            engine,
            &[
                format!("--volume={storage}:/elsewhere"),
                format!("--volume={}:/run/hostward", home.proxy.socket().parent().unwrap().display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            ],
        )
        .unwrap();
        let answer = other.sh_ok(&format!("docker inspect {}", pair.asked.name())).unwrap();
        for absent in [storage.as_str(), "/app/storage", "hostward.asked"] {
            assert!(!answer.contains(absent), "{absent} in {answer}");
        }
        let answer = read(&answer)[0].clone();
        assert_eq!(source(&answer, "/t/a"), "/elsewhere/a");
        assert_eq!(source(&answer, "/m/link"), "/elsewhere/dir");
        assert!(
            answer["HostConfig"]["Binds"].as_array().unwrap().contains(&json!("/elsewhere/dir:/t/dir:ro"))
        );

        // A process of the host gets the engine's bytes. Of two mounts the engine would say any first.
        let one = Removed::new(engine, unique("hw-one"));
        home.sh(&format!("docker create --name {} -v /data/sub/f:/t busybox", one.name()));
        let volume = format!("/volumes/{}", home.data.name());
        let now = now();
        let filter = format!("%7B%22container%22:%5B%22{}%22%5D%7D", one.name()); // an engine is busy with others
        let events = format!("/events?since={}&until={now}&filters={filter}", now - 60);
        for target in
            [inspection(one.name()), list(one.name()), volume, events, "/containers/none/json".to_owned()]
        {
            let [through, direct] = [&home.proxy.socket(), &engine.socket].map(|socket| {
                let (head, body) = get(socket, &target, "1.1");
                let head: Vec<_> =
                    head.lines().filter(|line| !line.starts_with("Date:")).map(str::to_owned).collect();
                (head, String::from_utf8(body).unwrap())
            });
            assert!(!direct.1.is_empty());
            assert_eq!(through, direct, "{target}");
        }
    });
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// A proxy on the socket of one that was killed.
struct Successor(Child);

impl Successor {
    fn of(proxy: &Proxy, engine: &Engine) -> Self {
        assert!(Command::new("kill").args(["-9", &proxy.pid().to_string()]).status().unwrap().success());
        while UnixStream::connect(proxy.socket()).is_ok() {
            thread::sleep(Duration::from_millis(10)); // it has not gone yet
        }
        let mut command = Command::new(proxy::program().unwrap());
        command.arg("proxy").arg("--listen").arg(format!("unix://{}", proxy.socket().display()));
        command.arg("--engine").arg(format!("unix://{}", engine.socket.display()));
        // The same state: the key with which the one before has signed.
        command.env(proxy::STATE_VARIABLE, proxy::state().unwrap());
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_restart_forgets_nothing() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let pair = home.make();
        let volume = Removed::volume(engine, unique("hw-device"));
        home.sh(&format!(
            "docker volume create -o type=none -o o=bind -o device=/app/storage/link {}",
            volume.name()
        ));
        let script = format!("docker inspect {}; docker volume inspect {}", pair.asked.name(), volume.name());
        let answers = || {
            let text = home.sh(&script);
            let mut values =
                serde_json::Deserializer::from_str(&text).into_iter::<Value>().map(Result::unwrap);
            let (container, volume) = (values.next().unwrap(), values.next().unwrap());
            (decided(&container[0]), volume)
        };
        let before = answers();
        assert_eq!(before.1[0]["Options"]["device"], "/app/storage/link");
        let _successor = Successor::of(&home.proxy, engine);
        home.sh("for n in $(seq 100); do docker version >/dev/null 2>&1 && exit; sleep 0.1; done; exit 1");
        let after = answers();
        assert_same(&after.0, &before.0, "the container");
        assert_same(&after.1, &before.1, "the volume");
    });
}

/// Lines of a stream, as they come.
struct Lines {
    child: Child,
    coming: Receiver<(Instant, String)>,
    seen: Vec<String>,
}

impl Lines {
    fn of(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, coming) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if send.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Self { child, coming, seen: Vec::new() }
    }

    /// Waits for a line that has all these words, and says when it came.
    fn wait(&mut self, words: &[&str]) -> Instant {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            let left = limit.saturating_duration_since(Instant::now());
            let Ok((at, line)) = self.coming.recv_timeout(left) else {
                panic!("no line with {words:?} came, but:\n{}", self.seen.join("\n"));
            };
            self.seen.push(line);
            if words.iter().all(|word| self.seen.last().unwrap().contains(word)) {
                return at;
            }
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn events_name_no_path_of_the_engines_and_come_at_once() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let since = now() - 1;
        let stream =
            format!("curl -sN --unix-socket /run/hostward/docker.sock 'http://d/events?since={since}'");
        let client = format!("docker events --since {since} --format '{{{{json .}}}}'");
        let mut streams = [stream, client].map(|script| Lines::of(home.caller.exec(&["sh", "-c", &script])));
        let pair = home.make();
        let name = pair.asked.name();
        for lines in &mut streams {
            lines.wait(&[name, "\"create\"", "\"mine\":\"kept\""]);
        }
        for what in ["start", "die"] {
            let started = Instant::now();
            if what == "start" {
                home.sh(&format!("docker start --attach {name}"));
            }
            let done = Instant::now();
            for lines in &mut streams {
                let at = lines.wait(&[name, &format!("\"{what}\"")]);
                // It ended before the client did.
                assert!(at < done + Duration::from_secs(1), "{what}: {:?}", at - started);
            }
        }
        home.sh(&format!("docker rm {name}"));
        for lines in &mut streams {
            lines.wait(&[name, "\"destroy\""]);
            let ours = [name, home.data.name(), home.modules.name()];
            let about = lines.seen.iter().filter(|line| ours.iter().any(|name| line.contains(name)));
            let about: Vec<_> = about.map(String::as_str).collect();
            assert!(about.iter().any(|line| line.contains("\"volume\"")), "{about:#?}");
            home.is_the_callers(&about.join("\n"));
        }
    });
}

#[test]
fn errors_name_the_callers_paths() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        for absent in [
            "/app/storage/absent",
            "/app/storage/link/absent",
            "/app/storage/./dir//absent",
            "/data/absent",
            "/data/sub/../absent",
            "/ws/node_modules/absent",
            "/locked/absent",
            "/opt/own/absent",
        ] {
            let mount = format!("--mount type=bind,source={absent},target=/t");
            let said = said(&home.try_sh(&format!("docker run --rm {mount} busybox true")));
            assert!(said.ends_with(&format!("bind source path does not exist: {absent}")), "{said}");
        }
        let gone = |said: &str, path: &str| {
            home.is_the_callers(said);
            assert!(said.contains(path), "{path} in {said}");
        };
        // Later, when the container starts.
        for path in ["/app/storage/gone", "/data/gone", "/opt/own/gone"] {
            let name = Removed::new(engine, unique("hw-gone"));
            let script = format!(
                "touch {path} && docker create --name {0} --mount type=bind,source={path},target=/t busybox true >&2 && \
                 rm {path} && docker start {0}",
                name.name()
            );
            gone(&said(&home.try_sh(&script)), path);
            // The engine keeps it.
            let inspected = home.sh(&format!("docker inspect {}", name.name()));
            home.is_the_callers(&inspected);
        }
        // By the runtime.
        for path in ["/app/storage/dir", "/app/storage/link", "/data/sub", "/opt/own"] {
            let name = Removed::new(engine, unique("hw-runtime"));
            let run = format!("docker run --name {} -v {path}:/etc/passwd busybox true", name.name());
            let said = said(&home.try_sh(&run));
            home.is_the_callers(&said);
            assert!(said.contains("/etc/passwd"), "{said}");
            home.is_the_callers(&home.sh(&format!("docker inspect {}", name.name())));
        }
    });
}

#[test]
fn volumes_read_back_as_they_were_asked_for() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        for device in
            ["/app/storage/dir", "/app/storage/link", "/data/sub", "/app/storage/./dir", "/opt/own", "/ws"]
        {
            let volume = Removed::volume(engine, unique("hw-device"));
            let name = volume.name();
            let create = |device: &str| {
                ["volume", "create", "--driver", "local", "-o", "type=none", "-o", "o=bind", "-o"]
                    .into_iter()
                    .map(str::to_owned)
                    .chain([format!("device={device}"), "--label=mine=kept".to_owned(), name.to_owned()])
                    .collect::<Vec<_>>()
            };
            let twin = Removed::volume(engine, unique("hw-twin"));
            home.bare(&[
                "volume",
                "create",
                "-o",
                "type=none",
                "-o",
                "o=bind",
                "-o",
                &format!("device={device}"),
                "--label=mine=kept",
                twin.name(),
            ]);
            home.caller.exec(&["docker"]).args(create(device)).output().unwrap().succeeded();

            let mut answers = vec![read(&home.sh(&format!("docker volume inspect {name}")))[0].clone()];
            let filter = format!("filters=%7B%22name%22:%5B%22{name}%22%5D%7D");
            let mut targets = in_every_version(engine, &format!("/volumes/{name}"));
            targets.extend(in_every_version(engine, &format!("/volumes?{filter}")));
            for answer in home.gets(&targets) {
                let answer = read(&answer);
                answers.push(if answer["Volumes"].is_array() {
                    answer["Volumes"][0].clone()
                } else {
                    answer
                });
            }
            let oracle = read(&bare(engine, &format!("/volumes/{}", twin.name())).replace(twin.name(), name));
            for mut answer in answers {
                home.is_the_callers(&answer.to_string());
                answer["CreatedAt"] = oracle["CreatedAt"].clone();
                assert_same(&answer, &oracle, device);
            }
            let direct = read(&bare(engine, &format!("/volumes/{name}")));
            assert!(Path::new(direct["Options"]["device"].as_str().unwrap()).is_dir(), "{direct}");
        }
        // One that the caller has mounted is where it is mounted.
        let inspected = read(&home.sh(&format!("docker volume inspect {}", home.data.name())));
        assert_eq!(inspected[0]["Mountpoint"], "/data");
        let ls =
            format!("docker volume ls --format '{{{{.Mountpoint}}}}' --filter name={}", home.modules.name());
        assert_eq!(home.sh(&ls).trim(), "/ws/node_modules");
    });
}

#[test]
fn what_is_read_back_can_be_asked_for_again() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let pair = home.make();
        let inspected = read(&home.gets(&[inspection(pair.asked.name())])[0]);
        let again = Removed::new(engine, unique("hw-again"));
        let body = json!({
            "Image": "busybox", "Cmd": inspected["Config"]["Cmd"], "Labels": inspected["Config"]["Labels"],
            "HostConfig": inspected["HostConfig"],
        });
        fs::write(home.storage.path().join("body"), body.to_string()).unwrap();
        let create = format!(
            "curl -sS --unix-socket /run/hostward/docker.sock -H 'Content-Type: application/json' \
             --data-binary @/app/storage/body http://d/containers/create?name={}",
            again.name()
        );
        let created = home.sh(&create);
        assert!(read(&created)["Id"].is_string(), "{created}");
        let shown = home.sh(&format!("docker start --attach {}", again.name()));
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN);
        let inspected_again = read(&home.gets(&[inspection(again.name())])[0]);
        let [first, second] = [&inspected, &inspected_again].map(decided);
        assert_same(&second["HostConfig"], &first["HostConfig"], "the request");
        assert_same(&second["Mounts"], &first["Mounts"], "the mounts");
    });
}
