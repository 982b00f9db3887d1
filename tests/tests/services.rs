//! Swarm services: what a caller mounts in them, and what it reads back of them.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, Proxy, unique};
use hostward_tests::swarm::Swarm;
use hostward_tests::{Removed, docker, host_dir, on_each_engine};
use serde_json::Value;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A task that was not scheduled by then never will be.
const LIMIT: Duration = Duration::from_mins(1);

/// A caller on an engine that is in a swarm. The volume at `/data` goes when the swarm's containers have gone.
struct Home<'a> {
    caller: Caller,
    proxy: Proxy,
    swarm: Swarm<'a>,
    data: Removed<'a>,
    storage: tempfile::TempDir,
}

impl<'a> Home<'a> {
    fn on(engine: &'a Engine) -> Self {
        let swarm = Swarm::of(engine);
        let storage = host_dir();
        for (file, content) in [("a", "a\n"), ("b", "b\n"), ("dir/f", "dir\n"), ("locked/f", "locked\n")] {
            let file = storage.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        std::os::unix::fs::symlink("dir", storage.path().join("link")).unwrap();
        let data = Removed::volume(engine, unique("hw-data"));
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let at = storage.path().display();
        let caller = Caller::start_with(
            engine,
            &[
                format!("--volume={at}:/app/storage"),
                format!("--volume={at}/locked:/locked:ro"),
                format!("--volume={}:/data", data.name()),
                format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            ],
        )
        .unwrap();
        caller.sh_ok("mkdir -p /data/sub /opt/own; echo part > /data/sub/f; echo own > /opt/own/f").unwrap();
        Self { caller, proxy, swarm, data, storage }
    }

    fn engine(&self) -> &'a Engine {
        self.swarm.engine
    }

    fn sh(&self, script: &str) -> String {
        self.caller.sh(script).unwrap().succeeded().out()
    }

    fn bare(&self, args: &[&str]) -> String {
        docker(self.engine(), &self.engine().socket, args)
    }

    /// What the caller gets.
    fn get(&self, target: &str) -> Value {
        let answer = self.sh(&format!("curl -sg --unix-socket /run/hostward/docker.sock 'http://d{target}'"));
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{target}: {error}: {answer}"))
    }

    /// Nothing in a text is the engine's: no path of it, and no word of Hostward's.
    fn is_the_callers(&self, text: &str) {
        let volume = format!("volumes/{}", self.data.name());
        let storage = self.storage.path().display().to_string();
        for absent in [storage.as_str(), &volume, "/merged", "hostward.asked"] {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
    }

    /// Waits until the logs of a service end with a line; gives all of them.
    fn logs(&self, service: &str, end: &str) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let logs = self.bare(&["service", "logs", "--raw", service]);
            let lines: Vec<_> = logs.lines().map(str::to_owned).collect();
            if lines.iter().any(|line| line == end) {
                return lines;
            }
            let tasks = || self.bare(&["service", "ps", "--no-trunc", service]);
            assert!(begun.elapsed() < LIMIT, "{logs}\n{}", tasks());
            sleep(Duration::from_millis(100));
        }
    }
}

/// `--mount` flags for these sources and targets, with further fields.
fn flags(flag: &str, mounts: &[(&str, &str)]) -> String {
    let flags =
        mounts.iter().map(|(source, rest)| format!(" {flag} type=bind,source={source},target={rest}"));
    flags.collect()
}

/// Sources of a specification's mounts, by target.
fn sources(container_spec: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mounts = container_spec["Mounts"].as_array().into_iter().flatten();
    let mut sources: Vec<_> = mounts.map(|mount| (text(&mount["Source"]), text(&mount["Target"]))).collect();
    sources.sort();
    sources
}

/// What was asked, in the same form.
fn asked(mounts: &[(&str, &str)]) -> Vec<(String, String)> {
    let target = |rest: &str| rest.split(',').next().unwrap().to_owned();
    let mut asked: Vec<_> =
        mounts.iter().map(|(source, rest)| ((*source).to_owned(), target(rest))).collect();
    asked.sort();
    asked
}

const SPEC: &str = "/Spec/TaskTemplate/ContainerSpec";
const CREATE: &str = "docker service create --detach --no-resolve-image --quiet";

const MOUNTS: &[(&str, &str)] = &[
    ("/app/storage/a", "/t/a"),
    ("/app/storage/dir", "/t/dir,readonly"),
    ("/app/storage/link/f", "/t/link"),
    ("/data/sub", "/t/part"),
    ("/data", "/t/whole"),
    ("/locked", "/t/locked"),
    ("/opt/own", "/t/own"),
];
const SHOW: &str = "cat /t/a /t/dir/f /t/link /t/part/f /t/whole/sub/f /t/locked/f /t/own/f";
const SHOWN: [&str; 7] = ["a", "dir", "dir", "part", "part", "locked", "own"];

#[test]
fn a_service_gets_what_the_caller_sees_and_reads_back_as_it_was_asked_for() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let name = unique("hw-service");
        let storage = home.storage.path().display().to_string();
        let run = format!(
            "{SHOW}; for d in dir locked; do touch /t/$d/x 2>/dev/null || echo $d is read-only; done; \
             echo made > /t/part/made; [ -e /t/b ] && cat /t/b; echo end; sleep 1000"
        );

        // The oracle: the bare engine, from the host.
        let oracle = format!("{name}-bare");
        let mount = format!("type=bind,source={storage}/a,target=/t/a");
        let create =
            ["service", "create", "--detach", "--no-resolve-image", "--quiet", "--name", &oracle, "--mount"];
        home.bare(
            &[&create[..], &[&mount, "busybox", "sh", "-c", "cat /t/a; echo end; sleep 1000"]].concat(),
        );
        assert_eq!(home.logs(&oracle, "end"), ["a", "end"]);
        home.bare(&["service", "rm", &oracle]);

        home.sh(&format!("{CREATE} --name {name}{} busybox sh -c '{run}'", flags("--mount", MOUNTS)));
        let logs = home.logs(&name, "end");
        assert_eq!(logs[..7], SHOWN);
        assert_eq!(logs[7..], ["dir is read-only", "locked is read-only", "end"]);
        assert_eq!(home.sh("cat /data/sub/made"), "made\n");

        let inspected = home.sh(&format!("docker service inspect {name}"));
        home.is_the_callers(&inspected);
        let inspected: Value = serde_json::from_str(&inspected).unwrap();
        let spec = inspected[0].pointer(SPEC).unwrap();
        assert_eq!(sources(spec), asked(MOUNTS));
        assert_eq!(spec["Mounts"].as_array().unwrap().iter().filter(|m| m["Type"] != "bind").count(), 0);

        // Posts back what it has read.
        let added = ("/app/storage/b", "/t/b");
        let both = [MOUNTS, &[added]].concat();
        home.sh(&format!("docker service update --detach --quiet{} {name}", flags("--mount-add", &[added])));
        let logs = home.logs(&name, "b");
        assert_eq!(logs.iter().filter(|line| *line == "own").count(), 2, "{logs:?}");
        let filter = format!("%7B%22name%22:%5B%22{name}%22%5D%7D");
        for minor in 24..=engine.api.1 {
            let service = home.get(&format!("/v1.{minor}/services/{name}"));
            home.is_the_callers(&service.to_string());
            assert_eq!(sources(service.pointer(SPEC).unwrap()), asked(&both), "1.{minor}");
            let previous = service.pointer("/PreviousSpec/TaskTemplate/ContainerSpec").unwrap();
            assert_eq!(sources(previous), asked(MOUNTS), "1.{minor}");
            let list = home.get(&format!("/v1.{minor}/services?filters={filter}"));
            home.is_the_callers(&list.to_string());
            assert_eq!(sources(list[0].pointer(SPEC).unwrap()), asked(&both), "1.{minor}");
        }

        // Old tasks and new, and their containers.
        let tasks = home.get(&format!("/tasks?filters=%7B%22service%22:%5B%22{name}%22%5D%7D"));
        home.is_the_callers(&tasks.to_string());
        let tasks = tasks.as_array().unwrap().clone();
        assert_eq!(tasks.len(), 2);
        for task in &tasks {
            let found = sources(&task["Spec"]["ContainerSpec"]);
            assert!(found == asked(&both) || found == asked(MOUNTS), "{task}");
            let id = task["ID"].as_str().unwrap();
            assert_eq!(sources(&home.get(&format!("/tasks/{id}"))["Spec"]["ContainerSpec"]), found);
        }
        let running = tasks.iter().find(|task| task["DesiredState"] == "running").unwrap();
        let container = running["Status"]["ContainerStatus"]["ContainerID"].as_str().unwrap();
        let container = home.get(&format!("/containers/{container}/json"));
        home.is_the_callers(&container["Mounts"].to_string());
        home.is_the_callers(&container["HostConfig"].to_string());
        assert_eq!(container["Config"]["Labels"]["hostward.asked"], Value::Null);

        // On the engine's own socket.
        let direct: Value = serde_json::from_str(&home.bare(&["service", "inspect", &name])).unwrap();
        let direct = sources(direct[0].pointer(SPEC).unwrap());
        assert!(direct.contains(&(format!("{storage}/a"), "/t/a".to_owned())), "{direct:?}");
        assert!(direct.contains(&(format!("{storage}/b"), "/t/b".to_owned())), "{direct:?}");
        assert!(direct.iter().all(|(source, _)| fs::exists(source).unwrap()), "{direct:?}");

        home.sh(&format!("docker service update --detach --quiet --mount-rm /t/b {name}"));
        let service = home.get(&format!("/services/{name}"));
        assert_eq!(sources(service.pointer(SPEC).unwrap()), asked(MOUNTS));
        assert!(home.sh("docker service ls --format '{{.Name}}'").contains(&name));
        home.sh(&format!("docker service rm {name}"));
    });
}

#[test]
fn a_job_a_task_that_is_a_caller_and_one_whose_source_is_missing() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let job = unique("hw-job");
        home.sh(&format!(
            "{CREATE} --mode replicated-job --name {job}{} busybox sh -c '{SHOW}; echo done > /t/part/done; echo end'",
            flags("--mount", MOUNTS)
        ));

        // T11: the socket, in a service.
        let caller = unique("hw-caller-service");
        let mounts = [("/var/run/docker.sock", "/var/run/docker.sock"), ("/data/sub", "/app/storage")];
        home.sh(&format!(
            "{CREATE} --restart-condition none --name {caller}{} hostward/caller \
             sh -c 'docker run --rm --mount type=bind,source=/app/storage/f,target=/f busybox cat /f; echo end'",
            flags("--mount", &mounts)
        ));

        let missing = unique("hw-missing");
        let absent = [("/app/storage/absent", "/t")];
        home.sh(&format!(
            "{CREATE} --restart-condition none --name {missing}{} busybox true",
            flags("--mount", &absent)
        ));

        assert_eq!(home.logs(&job, "end")[..7], SHOWN);
        assert_eq!(home.sh("cat /data/sub/done"), "done\n");
        let inspected = home.get(&format!("/services/{job}"));
        assert_eq!(sources(inspected.pointer(SPEC).unwrap()), asked(MOUNTS));
        assert!(inspected["Spec"]["Mode"]["ReplicatedJob"].is_object(), "{inspected}");

        assert_eq!(home.logs(&caller, "end"), ["part", "end"]);
        let inspected = home.get(&format!("/services/{caller}"));
        assert_eq!(sources(inspected.pointer(SPEC).unwrap()), asked(&mounts));

        let ps = format!("docker service ps --no-trunc --format '{{{{.Error}}}}' {missing}");
        let begun = Instant::now();
        let error = loop {
            let error = home.sh(&ps);
            if !error.trim().is_empty() {
                break error;
            }
            assert!(begun.elapsed() < LIMIT, "no error: {}", home.get("/tasks"));
            sleep(Duration::from_millis(100));
        };
        assert!(error.contains("bind source path does not exist: /app/storage/absent"), "{error}");
        home.is_the_callers(&error);
        home.sh(&format!("docker service rm {job} {caller} {missing}"));
    });
}

#[test]
fn a_process_of_the_host_gets_the_engines_bytes() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let name = unique("hw-service");
        home.sh(&format!("{CREATE} --replicas 0 --name {name}{} busybox true", flags("--mount", MOUNTS)));
        let [through, direct] = [&home.proxy.socket(), &engine.socket]
            .map(|socket| docker(engine, socket, &["service", "inspect", &name]));
        assert_eq!(through, direct);
        assert!(direct.contains("hostward.asked"));
        home.sh(&format!("docker service rm {name}"));
    });
}
