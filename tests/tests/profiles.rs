//! Profiles in force: who gets which, what becomes of a request under one, and whose the things are that are made.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, LABEL, OutputText, Proxy, images, unique};
use hostward_tests::{Removed, docker, host_dir, on_each_engine, wait_until};
use serde_json::Value;
use std::process::{Command, Output};

/// A proxy with profiles, and the folder of the host that its callers have at `/app/storage`.
struct Guarded<'e> {
    engine: &'e Engine,
    proxy: Proxy,
    storage: tempfile::TempDir,
}

impl<'e> Guarded<'e> {
    /// By a preset for everybody, with the callers' folder as its root.
    fn by_preset(engine: &'e Engine, preset: &str) -> Self {
        let args = ["--preset", preset, "--allow-root", "/app/storage", "--audit", "log"];
        let proxy = Proxy::start(engine, &args).unwrap();
        Self { engine, proxy, storage: host_dir() }
    }

    /// By the `[[profile]]` tables of a configuration file.
    fn by_profiles(engine: &'e Engine, profiles: &str) -> Self {
        let proxy =
            Proxy::start_configured(|socket| configuration(engine, &socket.display(), profiles)).unwrap();
        Self { engine, proxy, storage: host_dir() }
    }

    fn caller(&self, name: &str) -> Caller {
        let name = unique(name);
        Caller::start_called(self.engine, name, &self.proxy.socket(), self.storage.path()).unwrap()
    }

    /// A container that the host makes, which sleeps.
    fn of_host(&self, flags: &[&str]) -> Removed<'e> {
        let name = unique("hw-host");
        let mut args = vec!["run", "--detach", "--label", LABEL, "--name", &name];
        args.extend(flags);
        args.extend([images::BUSYBOX, "sleep", "infinity"]);
        docker(self.engine, &self.engine.socket, &args);
        Removed::new(self.engine, name.clone())
    }

    /// What the engine says of a container.
    fn inspected(&self, container: &str) -> Value {
        let text = docker(self.engine, &self.engine.socket, &["inspect", container]);
        serde_json::from_str::<Value>(&text).unwrap()[0].clone()
    }
}

fn configuration(engine: &Engine, socket: &impl std::fmt::Display, profiles: &str) -> String {
    let engine = engine.socket.display();
    format!(
        "engine = \"unix://{engine}\"\naudit = \"log\"\n[[listen]]\naddress = \"unix://{socket}\"\n{profiles}"
    )
}

fn sh(caller: &Caller, script: &str) -> Output {
    caller.sh(script).unwrap()
}

/// Asks by curl in a caller; gives the status and the body.
fn curl(caller: &Caller, request: &str) -> (u16, String) {
    let script =
        format!("curl -s -m 20 -w '\\n%{{http_code}}' --unix-socket ${{DOCKER_HOST#unix://}} {request}");
    let said = sh(caller, &script).succeeded().out();
    let (body, status) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim()));
    (status.parse().unwrap(), body.to_owned())
}

/// The profile that a caller is told to have.
fn profile_of(caller: &Caller) -> String {
    let (status, body) = curl(caller, "http://d/_hostward");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["profile"].as_str().unwrap().to_owned()
}

/// A create that must be refused, with the reason that says so.
fn refuses(caller: &Caller, flags: &str, reason: &str) {
    let output = sh(caller, &format!("docker run --rm {flags} busybox sh -c 'echo started'"));
    let said = output.failed().err();
    assert!(said.contains("hostward: ") && said.contains(reason), "{flags}: {said}");
    assert_eq!(output.out(), "", "{flags}");
}

#[test]
fn under_a_preset_a_plain_container_runs_and_a_privileged_one_does_not() {
    on_each_engine(|engine| {
        let guarded = Guarded::by_preset(engine, "ci");
        std::fs::write(guarded.storage.path().join("f"), "content\n").unwrap();
        let caller = guarded.caller("hw-ci");
        assert_eq!(profile_of(&caller), "ci");
        let seen = sh(&caller, "docker run --rm -v /app/storage:/x busybox cat /x/f").succeeded().out();
        assert_eq!(seen.trim(), "content");
        assert!(sh(&caller, "docker version && docker info").succeeded().out().contains("Server"));
        refuses(&caller, "--privileged", "privileged");
        refuses(&caller, "--pid host", "pid");
        refuses(&caller, "--cap-add SYS_ADMIN", "SYS_ADMIN");
        refuses(&caller, "-v /run/hostward:/x", "cannot mount /run/hostward");
        refuses(&caller, "-v /:/x", "cannot mount");
        refuses(&caller, "-v /dev:/x", "cannot mount /dev");
        // Where a link leads counts.
        sh(&caller, "mkdir -p /secret && ln -s /secret /app/storage/link").succeeded();
        refuses(&caller, "-v /app/storage/link:/x", "cannot mount");
        // The host's own processes are as they were.
        let name = Removed::new(engine, unique("hw-free"));
        let flags = ["run", "--name", name.name(), "--pid=host", "--label", LABEL, images::BUSYBOX, "true"];
        docker(engine, &guarded.proxy.socket(), &flags);
        let log = guarded.proxy.stderr();
        assert!(
            log.contains("WARN") && log.contains("profile=\"ci\"") && log.contains("rule=\"privileged\""),
            "{log}"
        );
    });
}

#[test]
fn a_caller_that_no_profile_is_for_may_ask_for_nothing() {
    on_each_engine(|engine| {
        let profiles = "[[profile]]\nname = \"mine\"\nfor = [\"name:hw-mine-*\"]\npreset = \"ci\"\n\
                        [[profile]]\nname = \"labelled\"\nfor = [\"label:role=seen\"]\npreset = \"observer\"\n";
        let guarded = Guarded::by_profiles(engine, profiles);
        let (mine, other) = (guarded.caller("hw-mine"), guarded.caller("hw-other"));
        assert_eq!((profile_of(&mine), profile_of(&other)), ("mine".to_owned(), "none".to_owned()));
        for open in ["http://d/_ping", "http://d/v1.24/version", "-I http://d/_ping"] {
            assert_eq!(curl(&other, open).0, 200, "{open}");
        }
        for request in [
            "http://d/info",
            "http://d/containers/json",
            "-X POST http://d/containers/create -H 'Content-Type: application/json' -d '{\"Image\":\"busybox\"}'",
            "http://d/no/such/thing",
            "-X POST http://d/_ping",
        ] {
            let (status, body) = curl(&other, request);
            assert_eq!(status, 403, "{request}: {body}");
            assert!(body.contains("no profile is for this caller"), "{request}: {body}");
        }
        sh(&mine, "docker ps").succeeded();
        let labelled = Caller::start_with(
            engine,
            &[
                format!("--volume={}:/run/hostward", guarded.proxy.socket().parent().unwrap().display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
                "--label=role=seen".to_owned(),
            ],
        )
        .unwrap();
        assert_eq!(profile_of(&labelled), "labelled");
        let said = sh(&labelled, "docker run --rm busybox true").failed().err();
        assert!(said.contains("container.create"), "{said}");
    });
}

#[test]
fn what_is_made_under_a_profile_stays_under_it() {
    on_each_engine(|engine| {
        let profiles = "[[profile]]\nname = \"open\"\nfor = [\"label:open\", \"name:hw-open-*\", \"image:hw-open\"]\n\
                        preset = \"trusted\"\n\
                        [[profile]]\nname = \"jobs\"\nfor = [\"name:hw-job-*\"]\npreset = \"ci\"\n\
                        roots = [\"/app/storage\"]\n";
        let guarded = Guarded::by_profiles(engine, profiles);
        let caller = guarded.caller("hw-job");
        let child = Removed::new(engine, unique("hw-open"));
        let name = child.name();
        sh(
            &caller,
            &format!(
                "docker run -d --init --label open=1 --name {name} \
                 -v /run/hostward/docker.sock:/run/hostward/docker.sock -e DOCKER_HOST=unix:///run/hostward/docker.sock \
                 {} sleep infinity",
                images::CALLER
            ),
        )
        .succeeded();
        let run = |script: &str| {
            engine.docker(&["exec", name, "sh", "-c", script]).output().expect("docker can be started")
        };
        let said =
            run("curl -s --unix-socket /run/hostward/docker.sock http://d/_hostward").succeeded().out();
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["profile"], "jobs", "{said}");
        let said = run("docker run --rm --privileged busybox true").failed().err();
        assert!(said.contains("privileged"), "{said}");
        // What it makes belongs to the first of them, and so does it.
        let grandchild = Removed::new(engine, unique("hw-grandchild"));
        run(&format!("docker run -d --name {} busybox sleep infinity", grandchild.name())).succeeded();
        sh(&caller, &format!("docker exec {} true && docker exec {name} true", grandchild.name()))
            .succeeded();
        // Nobody reads the label, or writes it.
        let labels = sh(&caller, &format!("docker inspect {name} --format '{{{{json .Config.Labels}}}}'"));
        assert!(!labels.succeeded().out().contains("hostward.owner"));
        let label =
            guarded.inspected(name)["Config"]["Labels"]["hostward.owner"].as_str().unwrap().to_owned();
        refuses(&caller, &format!("--label 'hostward.owner={label}'"), "hostward.owner");
        refuses(&caller, "--label hostward.unmapped=host", "hostward.unmapped");
        let image = Removed::image(engine, unique("hw-committed"));
        sh(&caller, &format!("docker commit {name} {}", image.name())).succeeded();
        let labels = docker(
            engine,
            &engine.socket,
            &["image", "inspect", image.name(), "--format", "{{json .Config.Labels}}"],
        );
        assert!(!labels.contains(&label[..64]), "{labels}");
    });
}

#[test]
fn what_belongs_to_others_is_not_there() {
    on_each_engine(|engine| {
        let guarded = Guarded::by_preset(engine, "ci");
        let (caller, other) = (guarded.caller("hw-ci"), guarded.caller("hw-ci"));
        let host = guarded.of_host(&[]);
        let others = Removed::new(engine, unique("hw-others"));
        let own = Removed::new(engine, unique("hw-own"));
        for (caller, name) in [(&other, others.name()), (&caller, own.name())] {
            sh(caller, &format!("docker run -d --name {name} busybox sleep infinity")).succeeded();
        }
        for name in [host.name(), others.name(), &other.name] {
            for command in [
                "exec NAME true",
                "inspect NAME",
                "logs NAME",
                "stop -t 0 NAME",
                "rm NAME",
                "cp NAME:/etc/hostname -",
            ] {
                let output = sh(&caller, &format!("docker {}", command.replace("NAME", name)));
                let said = output.failed().err();
                assert!(
                    said.to_lowercase().contains("no such") || said.contains("Could not find"),
                    "{command}: {said}"
                );
            }
            for flags in [
                format!("--volumes-from {name}"),
                format!("--network container:{name}"),
                format!("--pid container:{name}"),
                format!("--link {name}:x"),
            ] {
                let said = sh(&caller, &format!("docker run --rm {flags} busybox true")).failed().err();
                assert!(said.contains("No such container"), "{flags}: {said}");
            }
        }
        // An exec of others' is reached by its id alone.
        let exec = docker(engine, &engine.socket, &["inspect", host.name(), "--format", "{{.Id}}"]);
        let (status, body) = curl(
            &other,
            &format!(
                "-X POST http://d/containers/{}/exec -H 'Content-Type: application/json' -d '{{\"Cmd\":[\"true\"]}}'",
                others.name()
            ),
        );
        assert_eq!(status, 201, "{body}");
        let id = serde_json::from_str::<Value>(&body).unwrap()["Id"].as_str().unwrap().to_owned();
        for request in [
            format!("http://d/exec/{id}/json"),
            format!(
                "-X POST http://d/exec/{id}/start -H 'Content-Type: application/json' -d '{{\"Detach\":true}}'"
            ),
        ] {
            let (status, body) = curl(&caller, &request);
            assert_eq!(status, 404, "{request}: {body}");
        }
        assert_eq!(curl(&other, &format!("http://d/exec/{id}/json")).0, 200);
        assert_eq!(curl(&caller, &format!("http://d/containers/{}/json", exec.trim())).0, 404);
        // Its own, and itself.
        let name = own.name();
        let script = format!(
            "docker exec {name} true && docker run --rm --network container:{name} busybox true && docker rename {name} \
             {name}-2 && docker rename {name}-2 {name} && docker exec {} true && docker rm -f {name}",
            caller.name
        );
        sh(&caller, &script).succeeded();
    });
}

#[test]
fn what_the_profile_limits_is_written_into_the_request() {
    on_each_engine(|engine| {
        let guarded = Guarded::by_preset(engine, "executor");
        std::fs::write(guarded.storage.path().join("code"), "content\n").unwrap();
        let caller = guarded.caller("hw-executor");
        let made = Removed::new(engine, unique("hw-limited"));
        let name = made.name();
        sh(&caller, &format!("docker create --name {name} -v /app/storage/code:/code busybox cat /code"))
            .succeeded();
        let host = &guarded.inspected(name)["HostConfig"];
        assert_eq!(host["Memory"], 512 << 20, "{host}");
        assert_eq!(
            (&host["ReadonlyRootfs"], &host["PidsLimit"]),
            (&Value::from(true), &Value::from(256)),
            "{host}"
        );
        assert_eq!(host["NetworkMode"], "none", "{host}");
        assert_eq!(sh(&caller, &format!("docker start -a {name}")).succeeded().out().trim(), "content");
        refuses(&caller, "--memory 64g", "memory");
        refuses(&caller, "--network bridge", "network");
    });
}

#[test]
fn a_profile_that_only_warns_lets_everything_pass_and_says_so() {
    on_each_engine(|engine| {
        let profiles =
            "[[profile]]\nname = \"soon\"\npreset = \"ci\"\nmode = \"warn\"\nroots = [\"/app/storage\"]\n";
        let guarded = Guarded::by_profiles(engine, profiles);
        let caller = guarded.caller("hw-soon");
        sh(&caller, "docker run --rm --pid host -v /dev/shm:/x busybox true").succeeded();
        let host = guarded.of_host(&[]);
        sh(&caller, &format!("docker inspect {}", host.name())).succeeded();
        assert_eq!(curl(&caller, "http://d/no/such/thing").0, 404);
        wait_until("the warnings are written", || {
            let log = guarded.proxy.stderr();
            ["rule=\"namespace\"", "rule=\"owner\"", "rule=\"operation\""]
                .iter()
                .all(|rule| log.contains(rule))
        });
        assert!(guarded.proxy.stderr().contains("decision=warned"));
    });
}

#[test]
fn new_profiles_are_in_force_for_the_connections_that_there_are() {
    on_each_engine(|engine| {
        let free = "[[profile]]\nname = \"free\"\npreset = \"trusted\"\n";
        let guarded = Guarded::by_profiles(engine, free);
        let caller = guarded.caller("hw-reload");
        // One connection, which asks before and after.
        let socket = guarded.proxy.socket();
        let script = "import socket, time, os\n\
                      s = socket.socket(socket.AF_UNIX)\n\
                      s.connect('/run/hostward/docker.sock')\n\
                      def ask():\n    s.sendall(b'HEAD /_ping HTTP/1.1\\r\\nHost: d\\r\\n\\r\\n')\n    s.recv(9999)\n    \
                      s.sendall(b'GET /v1.24/networks/none HTTP/1.1\\r\\nHost: d\\r\\n\\r\\n')\n    \
                      return s.recv(9999)[9:12].decode()\n\
                      print(ask())\n\
                      open('/app/storage/asked', 'w')\n\
                      while not os.path.exists('/app/storage/go'):\n    time.sleep(0.05)\n\
                      print(ask())\n";
        std::fs::write(guarded.storage.path().join("ask.py"), script).unwrap();
        let connected = std::thread::scope(|scope| {
            let asking = scope.spawn(|| sh(&caller, "python3 /app/storage/ask.py").succeeded().out());
            wait_until("it has asked", || guarded.storage.path().join("asked").exists());
            let strict = "[[profile]]\nname = \"strict\"\nfor = [\"name:nobody\"]\npreset = \"ci\"\n";
            let file = socket.with_file_name("../hostward.toml");
            std::fs::write(file, configuration(engine, &socket.display(), strict)).unwrap();
            let pid = guarded.proxy.pid().to_string();
            Command::new("kill").args(["-HUP", &pid]).output().unwrap().succeeded();
            wait_until("the new profiles are in force", || curl(&caller, "http://d/info").0 == 403);
            std::fs::write(guarded.storage.path().join("go"), "").unwrap();
            asking.join().unwrap()
        });
        assert_eq!(connected, "200\n403\n");
        assert_eq!(profile_of(&caller), "none");
    });
}

#[test]
fn buildkit_is_refused_with_a_word_about_the_classic_builder() {
    on_each_engine(|engine| {
        let guarded = Guarded::by_preset(engine, "ci");
        let caller = guarded.caller("hw-build");
        for request in [
            "-X POST -H 'Connection: Upgrade' -H 'Upgrade: h2c' http://d/session",
            "-X POST -H 'Connection: Upgrade' -H 'Upgrade: h2c' http://d/grpc",
            "-X POST 'http://d/build?version=2'",
        ] {
            let (status, body) = curl(&caller, request);
            assert_eq!(status, 403, "{request}: {body}");
            assert!(body.contains("DOCKER_BUILDKIT=0"), "{request}: {body}");
        }
        let image = Removed::image(engine, unique("hw-built"));
        let script = format!(
            "mkdir -p /tmp/b && printf 'FROM busybox\\nRUN echo built >/f\\n' >/tmp/b/Dockerfile && \
             DOCKER_BUILDKIT=0 docker build -q -t {} /tmp/b && docker run --rm {} cat /f",
            image.name(),
            image.name()
        );
        assert!(sh(&caller, &script).succeeded().out().contains("built"));
    });
}
