//! Compose in a caller: what was brought up and not changed stays as it is, and all of it can be taken down.

use hostward_testkit::clients::{self, Clients};
use hostward_testkit::{Caller, Engine, OutputText, Proxy, unique};
use hostward_tests::{docker, host_dir};
use std::path::Path;
use std::process::Stdio;

/// Each compose with the environment that it needs. 1.29 cannot recreate containers by the newest API of new
/// engines, which no longer says of images what it looks for.
const COMPOSES: [&str; 3] = [
    "COMPOSE_API_VERSION=1.41 docker-compose",
    "DOCKER_CONFIG=/opt/cli/26 /opt/cli/26/docker compose",
    "DOCKER_CONFIG=/opt/cli/28 /opt/cli/28/docker compose",
];

/// Those that recreate on the bare engine what has changed, and nothing else: 2.40 always recreates on Podman 4.3, and 1.29
/// cannot at all where images are in containerd's store.
fn composes(engine: &Engine) -> &'static [&'static str] {
    let status = ["info", "--format", "{{.DriverStatus}}"];
    match engine.is_podman() {
        true => &COMPOSES[..2],
        false if docker(engine, &engine.socket, &status).contains("containerd.snapshotter") => &COMPOSES[1..],
        false => &COMPOSES,
    }
}

#[test]
fn up_again_recreates_nothing_and_down_removes_all() {
    clients::on_each_engine(|engine, clients| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let host = Host::on(engine);
        let caller = host.caller(clients, &proxy.socket(), "/app/storage", "/data");
        for compose in composes(engine) {
            Project::new(&caller, compose, "/app/storage", "/data").lives_and_goes();
        }
    });
}

#[test]
fn on_a_bare_engine_the_same_project_does_the_same_with_paths_that_are_the_hosts() {
    clients::on_each_engine(|engine, clients| {
        let host = Host::on(engine);
        let storage = host.storage.path().display().to_string();
        let volume = host.mountpoint();
        let caller = host.caller(clients, &engine.socket, &storage, &volume);
        for compose in composes(engine) {
            Project::new(&caller, compose, &storage, &volume).lives_and_goes();
        }
    });
}

/// What lies beneath a caller: a folder, and a named volume.
struct Host<'a> {
    engine: &'a Engine,
    storage: tempfile::TempDir,
    volume: String,
}

impl<'a> Host<'a> {
    fn on(engine: &'a Engine) -> Self {
        let volume = unique("hw-compose-data");
        docker(engine, &engine.socket, &["volume", "create", &volume]);
        Self { engine, storage: host_dir(), volume }
    }

    fn mountpoint(&self) -> String {
        let inspect = ["volume", "inspect", "--format", "{{.Mountpoint}}", &self.volume];
        docker(self.engine, &self.engine.socket, &inspect).trim().to_owned()
    }

    /// A caller that has the folder and the volume at these places.
    fn caller(&self, clients: &Clients, socket: &Path, storage: &str, volume: &str) -> Caller {
        let flags = [
            format!("--volume={}:/run/hostward", socket.parent().expect("a socket has a folder").display()),
            "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            format!("--volume={}:{storage}", self.storage.path().display()),
            format!("--volume={}:{volume}", self.volume),
        ];
        clients.start(self.engine, &flags).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        // A caller that still uses it is gone by now: it is made after this and dropped before.
        let mut remove = self.engine.docker(&["volume", "rm", "--force", &self.volume]);
        let _ = remove.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// A project with mounts of every form: relative binds of a file and a folder in both spellings, a bind of
/// what is in a volume of the caller, a named volume, and one without a name.
struct Project<'a> {
    caller: &'a Caller,
    compose: &'a str,
    name: String,
    folder: String,
    cache: String,
}

const SERVICES: [&str; 2] = ["short", "long"];

/// What looks at the containers.
const DOCKER: &str = "/opt/cli/26/docker";
const READ_ONLY: &str = "sh: can't create /file: Read-only file system";

#[derive(Debug, PartialEq)]
struct Container {
    id: String,
    started: String,
}

impl<'a> Project<'a> {
    fn new(caller: &'a Caller, compose: &'a str, storage: &str, volume: &str) -> Self {
        let name = unique("hw-compose");
        let folder = format!("{storage}/{name}");
        let cache = format!("{volume}/{name}");
        Self { caller, compose, name, folder, cache }
    }

    fn lives_and_goes(&self) {
        self.write("first");
        let said = self.compose("up -d");
        let made = self.containers();
        assert_eq!(made.len(), SERVICES.len(), "{said}");
        self.each_sees(&made, "first");

        // Nothing has changed, so nothing happens.
        let said = self.compose("up -d");
        assert!(!said.contains("reat"), "{} would (re)create: {said}", self.compose);
        assert_eq!(self.containers(), made, "{said}");

        // That it would be seen: a change makes new containers. What had no name goes over to them.
        self.sh(&format!("{DOCKER} exec {} sh -c 'echo kept > /nameless/a'", made[0].id));
        self.write("second");
        let said = self.compose("up -d");
        let remade = self.containers();
        assert_eq!(remade.len(), SERVICES.len(), "{said}");
        assert!(remade.iter().all(|new| made.iter().all(|old| old.id != new.id)), "{said}");
        self.each_sees(&remade, "second");
        assert_eq!(self.sh(&format!("{DOCKER} exec {} cat /nameless/a", remade[0].id)), "kept\n");
        let said = self.compose("up -d");
        assert_eq!(self.containers(), remade, "{said}");

        let said = self.compose("down -v -t 0");
        let of_project = format!("--filter label=com.docker.compose.project={}", self.name);
        let left = self.sh(&format!(
            "for kind in 'ps --all' 'network ls' 'volume ls'; do {DOCKER} $kind --quiet {of_project}; done"
        ));
        assert_eq!(left, "", "{said}");
        let kept =
            self.sh(&format!("cd {} && cat file folder/in-folder {}/in-cache", self.folder, self.cache));
        assert_eq!(kept, "a file\na folder\na cache\n");
    }

    fn compose(&self, words: &str) -> String {
        self.sh(&format!("cd {} && {} -p {} {words} 2>&1", self.folder, self.compose, self.name))
    }

    fn sh(&self, script: &str) -> String {
        let script = format!("set -e\n{script}");
        self.caller.sh(&script).unwrap_or_else(|error| panic!("{error}")).succeeded().out()
    }

    /// The project's files; another `text` changes the services.
    fn write(&self, text: &str) {
        let Self { folder, cache, .. } = self;
        let script = format!(
            "mkdir -p {folder}/folder {cache}\n\
             echo 'a file' > {folder}/file; echo 'a folder' > {folder}/folder/in-folder; echo 'a cache' > {cache}/in-cache\n\
             cat > {folder}/docker-compose.yml <<'END'\n{}\nEND",
            self.services(text)
        );
        self.sh(&script);
    }

    fn services(&self, text: &str) -> String {
        let cache = &self.cache;
        format!(
            "version: '3.7'
x-all: &all
  image: busybox
  command: sleep 1000
  init: true
  environment: {{ TEXT: {text} }}
services:
  short:
    <<: *all
    volumes:
      - ./file:/file:ro
      - ./folder:/folder
      - {cache}:/cache
      - named:/named
      - /nameless
  long:
    <<: *all
    volumes:
      - {{ type: bind, source: ./file, target: /file, read_only: true }}
      - {{ type: bind, source: ./folder, target: /folder }}
      - {{ type: bind, source: {cache}, target: /cache }}
      - {{ type: volume, source: named, target: /named }}
volumes:
  named:"
        )
    }

    /// The containers, in the order of [`SERVICES`].
    fn containers(&self) -> Vec<Container> {
        let of_service = |service: &str| {
            let labels = [("project", self.name.as_str()), ("service", service)];
            let filters =
                labels.map(|(key, value)| format!("--filter label=com.docker.compose.{key}={value}"));
            format!(
                "ids=$({DOCKER} ps --quiet --no-trunc {})\n\
                 [ -z \"$ids\" ] || {DOCKER} inspect --format '{{{{.Id}}}} {{{{.State.StartedAt}}}}' $ids\n",
                filters.join(" ")
            )
        };
        let listed = self.sh(&SERVICES.map(of_service).concat());
        let listed = listed.lines().filter_map(|line| line.split_once(' '));
        listed.map(|(id, started)| Container { id: id.to_owned(), started: started.to_owned() }).collect()
    }

    /// Every container sees the caller's files, and writes to them what the caller sees.
    fn each_sees(&self, containers: &[Container], text: &str) {
        let look = containers.iter().map(|Container { id, .. }| {
            format!(
                "{DOCKER} exec {id} sh -c 'exec 2>&1; cat /file /folder/in-folder /cache/in-cache; echo $TEXT; \
                 echo {id} >> /folder/written; echo {id} >> /cache/written; ls -d /named; echo >> /file' || true\n"
            )
        });
        let wanted = format!("a file\na folder\na cache\n{text}\n/named\n{READ_ONLY}\n");
        let seen = self.sh(&look.collect::<String>());
        assert_eq!(seen, wanted.repeat(containers.len()), "{}", self.compose);
        let written = self.sh(&format!("cat {}/folder/written {}/written", self.folder, self.cache));
        for Container { id, .. } in containers {
            assert_eq!(written.matches(id.as_str()).count(), 2, "{written}");
        }
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What a failed test leaves would stand in the way of the caller's volume.
            let script = format!("cd {} && {} -p {} down -v -t 0", self.folder, self.compose, self.name);
            let _ = self.caller.sh(&script);
        }
    }
}
