//! Hostward in a container of its own, by the files of `examples/sidecar`: whom it knows with the machine's processes in
//! sight, and whom without: then the engine alone tells it what the caller's files are (T24).
//!
//! Judged by the content of the caller's own `/app/storage/who`. Paths are asked for in the long form, so that an engine
//! that gets one as it is refuses it.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, images, proxy, unique};
use hostward_tests::{host_dir, on_every_engine};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Prints the caller's own file, from a container that it makes.
const SEE: &str = "docker run --rm --mount type=bind,source=/app/storage/who,target=/who busybox cat /who";

/// A compose project of the example in a folder of its own, as a user copies it. Drop takes it down.
struct Project<'a> {
    engine: &'a Engine,
    name: String,
    file: &'static str,
    folder: tempfile::TempDir,
}

impl<'a> Project<'a> {
    fn up(engine: &'a Engine, file: &'static str) -> Self {
        let folder = host_dir();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sidecar");
        copy(&example, folder.path());
        fs::copy(proxy::program().unwrap(), folder.path().join("hostward")).unwrap();
        for (storage, who) in [("storage", "app"), ("builds", "ci")] {
            fs::write(folder.path().join(storage).join("who"), who).unwrap();
        }
        let project = Self { engine, name: unique("hw-sidecar"), file, folder };
        let up = project.compose(&["up", "--detach", "--quiet-pull"]).output().unwrap();
        up.succeeded();
        project
    }

    fn compose(&self, args: &[&str]) -> Command {
        let file = self.folder.path().join(self.file);
        let mut command = self.engine.docker(&["compose", "--project-name", &self.name, "--file"]);
        command.arg(file).args(args).stdin(Stdio::null());
        command.env("DOCKER_SOCKET", &self.engine.socket).env("APP_IMAGE", images::CALLER);
        command
    }

    /// Runs a script in a service, once Hostward answers there.
    fn sh(&self, service: &str, script: &str) -> Output {
        // Services start side by side.
        let script = format!("until docker version > /dev/null 2>&1; do sleep 0.1; done; {script}");
        self.compose(&["exec", "-T", service, "timeout", "60", "sh", "-c", &script]).output().unwrap()
    }

    fn sees(&self, service: &str, who: &str) {
        let output = self.sh(service, SEE);
        if !output.status.success() {
            eprintln!("{}", self.compose(&["logs", "hostward"]).output().unwrap().out());
        }
        assert_eq!(output.succeeded().out(), who, "{service}");
    }

    /// The service is refused what it asks to mount, with these names and what to do.
    fn refuses(&self, service: &str, names: &[&str]) {
        let refused = self.sh(service, SEE);
        let said = refused.failed().err();
        assert!(names.iter().all(|name| said.contains(name)), "{names:?}: {said}");
        assert!(said.contains("--pid host") && said.contains("`for`"), "{said}");
        assert_eq!(refused.out(), "");
    }

    fn container(&self, service: &str) -> String {
        format!("{}-{service}-1", self.name)
    }

    /// Another container that mounts the directory of the socket.
    fn neighbour(&self, who: &str) -> (Caller, tempfile::TempDir) {
        let storage = host_dir();
        fs::write(storage.path().join("who"), who).unwrap();
        let flags = [
            format!("--volume={}_hostward:/run/hostward", self.name),
            format!("--volume={}:/app/storage", storage.path().display()),
            "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
        ];
        (Caller::start_with(self.engine, &flags).unwrap(), storage)
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        let down = ["down", "--volumes", "--remove-orphans", "--timeout", "0"];
        let _ = self.compose(&down).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// What the example's README has its reader run in the service, first of all.
fn first_command() -> String {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sidecar/README.md"));
    let readme = readme.unwrap();
    let command = readme.lines().find_map(|line| line.strip_prefix("    docker compose exec app "));
    command.unwrap().to_owned()
}

#[test]
fn with_the_machines_processes_in_sight_each_caller_is_known() {
    on_every_engine(|engine| {
        let project = Project::up(engine, "compose.yaml");
        project.sees("app", "app");
        assert_eq!(project.sh("app", &first_command()).succeeded().out(), "hello from the host\n");
        // It has what it takes to open ports on the caller's localhost.
        let web = "docker run -d --rm --name $HOSTNAME-web -p 127.0.0.1::80 busybox sh -c \
                   'echo page > /index.html; exec httpd -f -p 80 -h /' > /dev/null; \
                   at=$(docker port $HOSTNAME-web 80 | head -n 1); \
                   until curl -s -m 5 http://$at/; do sleep 0.1; done; docker rm -f $HOSTNAME-web > /dev/null";
        if !engine.is_podman() {
            assert_eq!(project.sh("app", web).succeeded().out(), "page\n");
        }
        let (neighbour, _storage) = project.neighbour("neighbour");
        assert_eq!(neighbour.sh(SEE).unwrap().succeeded().out(), "neighbour");
        // A child of the caller has the socket by its name.
        let child = format!(
            "docker run --rm -v /app/storage:/app/storage -v /var/run/docker.sock:/var/run/docker.sock {} {SEE}",
            images::CALLER
        );
        assert_eq!(project.sh("app", &child).succeeded().out(), "app");
        // The health check, and what Prometheus would read.
        let of_hostward = |format: &str| {
            let container = project.container("hostward");
            let mut inspect = engine.docker(&["inspect", "--format", format, &container]);
            inspect.output().unwrap().succeeded().out()
        };
        assert_eq!(
            of_hostward("{{json .Config.Healthcheck.Test}}").trim(),
            r#"["CMD","/hostward","health"]"#
        );
        let run = |args: &[&str]| {
            let args = [&["exec", "-T", "hostward"], args].concat();
            project.compose(&args).output().unwrap().succeeded().out()
        };
        assert!(run(&["/hostward", "health"]).starts_with("ready: 1 socket is served"));
        let counted = run(&["wget", "-q", "-O", "-", "http://127.0.0.1:9464/metrics"]);
        assert!(counted.contains("\nhostward_decisions_total{decision=\"translated\"} "), "{counted}");
        // The socket's file is another one afterwards.
        project.compose(&["restart", "--timeout", "1", "hostward"]).output().unwrap().succeeded();
        project.sees("app", "app");
    });
}

#[test]
fn without_them_the_one_container_that_mounts_the_socket_is_the_caller() {
    on_every_engine(|engine| {
        let project = Project::up(engine, "one-caller.yaml");
        project.sees("app", "app");
        {
            let (neighbour, _storage) = project.neighbour("neighbour");
            let names = [project.container("app"), neighbour.name.clone()];
            let names = names.each_ref().map(String::as_str);
            project.refuses("app", &names);
            let refused = neighbour.sh(SEE).unwrap();
            let said = refused.failed().err();
            assert!(names.iter().all(|name| said.contains(name)), "{said}");
            // What names no path is nobody's business.
            assert_eq!(neighbour.sh("docker run --rm busybox echo hi").unwrap().succeeded().out(), "hi\n");
        }
        project.sees("app", "app");
        // A container that the caller gives the socket to is another one that has it.
        let child = unique("hw-child");
        let start = format!(
            "docker run --detach --rm --name {child} -v /var/run/docker.sock:/var/run/docker.sock busybox sleep 600"
        );
        project.sh("app", &start).succeeded();
        project.refuses("app", &[&child, &project.container("app")]);
        project.sh("app", &format!("docker rm --force {child}")).succeeded();
        project.compose(&["restart", "--timeout", "1", "hostward"]).output().unwrap().succeeded();
        project.sees("app", "app");
    });
}

#[test]
fn without_them_each_socket_is_the_callers_that_it_was_made_for() {
    on_every_engine(|engine| {
        let project = Project::up(engine, "several-callers.yaml");
        project.sees("app", "app");
        project.sees("ci", "ci");
        project.sees("app", "app");
    });
}
