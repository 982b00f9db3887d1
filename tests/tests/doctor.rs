//! What `hostward doctor` says in each set-up: on the machine, in a caller, in a sidecar that sees processes and in one
//! that does not, behind `hostward wrap`, and in a job. The same on every engine but for names and numbers.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, Proxy, proxy, unique};
use hostward_tests::{Removed, World, docker, host_dir, on_each_engine};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The words of a doctor, with what differs from engine to engine and run to run taken out.
struct Said {
    text: String,
}

impl Said {
    fn new(engine: &Engine, text: &str) -> Self {
        let (major, minor) = engine.api;
        let said = Self { text: text.to_owned() };
        said.without(&engine.socket.display().to_string(), "ENGINE.SOCK")
            .without(&engine.version, "VERSION")
            .without(&format!("API {major}.{minor}"), "API X.Y")
            .without(env!("CARGO_PKG_VERSION"), "HOSTWARD")
            .without(&program(), "PROGRAM")
            .without_surroundings()
    }

    fn without(self, what: &str, word: &str) -> Self {
        Self { text: self.text.replace(what, word) }
    }

    fn without_container(self, caller: &Caller, word: &str) -> Self {
        self.without(&caller.name, word).without(&caller.id[..12], "ID")
    }

    /// What is said of who asks. What that one has mounted, and whether it has ports, is another thing in each set-up.
    fn of_caller(self) -> Self {
        let mut is_other = false;
        let of_caller = |line: &&str| {
            let belongs = line.starts_with("       ");
            let names_other =
                ["  mount    ", "  example  ", "  ports    "].iter().any(|name| line.contains(name));
            is_other = if belongs { is_other } else { names_other };
            !is_other
        };
        let lines: Vec<_> = self.text.lines().filter(of_caller).collect();
        Self { text: lines.join("\n") }
    }

    /// What can be seen without asking anyone is of this machine: the process, and what its limits let it have.
    fn without_surroundings(self) -> Self {
        let mut is_limits = false;
        let of_machine = |line: &&str| {
            // What belongs to a line is indented beneath it.
            is_limits = if line.starts_with("       ") { is_limits } else { line.contains("  limits   ") };
            is_limits || line.contains("  process  ")
        };
        let (of_machine, lines): (Vec<_>, Vec<_>) = self.text.lines().partition(of_machine);
        let lists_limits = of_machine.iter().any(|line| line.ends_with(": connections 4096"));
        // Behind Hostward, those of that one hold.
        assert_ne!(lists_limits, self.text.contains("is in front of the engine"), "{}", self.text);
        Self { text: lines.join("\n") }
    }
}

fn program() -> String {
    proxy::program().unwrap().display().to_string()
}

fn on_the_host(engine: &Engine, config: &Path) -> String {
    let mut doctor = Command::new(proxy::program().unwrap());
    doctor.args(["doctor", "--config"]).arg(config);
    doctor.args(["--engine", &format!("unix://{}", engine.socket.display())]);
    for name in ["DOCKER_HOST", "DOCKER_CONTEXT", "HOST_PWD", "STORAGE_BASE"] {
        doctor.env_remove(name);
    }
    let output = doctor.output().unwrap();
    format!("{}{}", output.out(), output.err())
}

/// A sidecar whose proxy is not started: its doctor looks at the socket that it would serve.
fn sidecar<'a>(engine: &'a Engine, run: &Path, flags: &[&str]) -> Removed<'a> {
    let name = unique("hw-sidecar");
    let mounts = [
        format!("--volume={}:/hostward:ro", program()),
        format!("--volume={}:/var/run/docker.sock", engine.socket.display()),
        format!("--volume={}:/run/hostward", run.display()),
        "--env=HOSTWARD_LISTEN=unix:///run/hostward/docker.sock".to_owned(),
        "--cap-add=SYS_PTRACE".to_owned(),
        "--security-opt=apparmor=unconfined".to_owned(),
    ];
    let mut start = engine.docker(&["run", "--detach", "--name", &name]);
    start.args(flags).args(mounts).args(["busybox", "/hostward", "proxy"]);
    start.output().unwrap().succeeded();
    Removed::new(engine, name)
}

fn in_container(engine: &Engine, name: &str) -> String {
    let output = engine.docker(&["exec", name, "/hostward", "doctor"]).output().unwrap();
    format!("{}{}", output.out(), output.err())
}

fn caller_of(engine: &Engine, run: &Path) -> Caller {
    Caller::start_with(
        engine,
        &[
            format!("--volume={}:/hostward:ro", program()),
            format!("--volume={}:/run/hostward", run.display()),
            "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
        ],
    )
    .unwrap()
}

#[test]
fn on_the_machine_each_socket_is_looked_at() {
    on_each_engine(|engine| {
        let dir = host_dir();
        let web = caller_of(engine, dir.path());
        let config = dir.path().join("hostward.toml");
        let (_, certificates) = engine.tls().unwrap();
        let gateway = docker(
            engine,
            &engine.socket,
            &["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"],
        );
        let gateway = gateway.trim();
        fs::write(
            &config,
            format!(
                r#"
                [[listen]]
                address = "unix:///run/hostward/docker.sock"
                [[listen]]
                address = "unix:///run/hostward/web.sock"
                for = "{web}"
                [[listen]]
                address = "unix:///run/hostward/gone.sock"
                for = "label:nobody.has=this"
                [[listen]]
                address = "tcp://127.0.0.1:2375"
                [[listen]]
                address = "tcp://{gateway}:2375"
                plain_tcp = true
                [[listen]]
                address = "tcp://{gateway}:2376"
                tls = {{ certificate = "{tls}/server-cert.pem", key = "{tls}/server-key.pem", client_ca = "{tls}/ca.pem", callers = {{ "ci-1" = "{web}" }} }}
                "#,
                web = web.name,
                tls = certificates.display()
            ),
        )
        .unwrap();
        let said = Said::new(engine, &on_the_host(engine, &config))
            .without_container(&web, "WEB")
            .without(gateway, "GATEWAY");
        insta::assert_snapshot!("on_the_machine", said.text);
    });
}

#[test]
fn a_caller_is_told_who_it_is_taken_for() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let caller = caller_of(engine, world.proxy.socket().parent().unwrap());
        let said =
            Said::new(engine, &in_container(engine, &caller.name)).without_container(&caller, "CALLER");
        // The host's paths, and not the caller's own in which the engine's answers come.
        let run = world.proxy.socket().parent().unwrap().display().to_string();
        for line in [
            "ok     mount    /hostward  bind of PROGRAM, read-only".to_owned(),
            format!("ok     mount    /run/hostward  bind of {run}"),
            format!("ok     example  /run/hostward/example is {run}/example to the engine"),
        ] {
            assert!(said.text.contains(&line), "{line}: {}", said.text);
        }
        insta::assert_snapshot!("in_a_caller", said.of_caller().text);
    });
}

#[test]
fn a_job_is_told_the_page_of_its_system() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let caller = caller_of(engine, world.proxy.socket().parent().unwrap());
        let job = ["exec", "--env", "GITHUB_ACTIONS=true", &caller.name, "/hostward", "doctor"];
        let said = docker(engine, &engine.socket, &job);
        assert!(said.contains("GitHub Actions") && said.contains("docs/systems/github-actions.md"), "{said}");
    });
}

#[test]
fn behind_wrap_it_is_the_same() {
    on_each_engine(|engine| {
        let caller = Caller::start_with(
            engine,
            &[
                format!("--volume={}:/hostward:ro", program()),
                format!("--volume={}:/run/docker.sock", engine.socket.display()),
            ],
        )
        .unwrap();
        let script = "echo $DOCKER_HOST; /hostward doctor 2>&1";
        let mut wrapped = caller.exec(&["/hostward", "wrap", "--", "sh", "-c", script]);
        let output = wrapped.output().unwrap().succeeded().out();
        let (address, said) = output.split_once('\n').unwrap();
        let said = said.replace(address, "unix:///run/hostward/docker.sock");
        let said = Said::new(engine, &said).without_container(&caller, "CALLER");
        assert!(said.text.contains("mount    /hostward  bind of PROGRAM, read-only"), "{}", said.text);
        insta::assert_snapshot!("in_a_caller", said.of_caller().text);
    });
}

#[test]
fn by_tcp_it_is_the_same() {
    on_each_engine(|engine| {
        let inspect = ["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"];
        let gateway = docker(engine, &engine.socket, &inspect);
        let port = std::net::TcpListener::bind((gateway.trim(), 0)).unwrap().local_addr().unwrap().port();
        let address = format!("tcp://{}:{port}", gateway.trim());
        let _proxy = Proxy::start_configured(|socket| {
            format!(
                "engine = \"unix://{}\"\n[[listen]]\naddress = \"unix://{}\"\n[[listen]]\naddress = \"{address}\"\n\
                 plain_tcp = true\n",
                engine.socket.display(),
                socket.display()
            )
        })
        .unwrap();
        let caller = Caller::start_with(
            engine,
            &[format!("--volume={}:/hostward:ro", program()), format!("--env=DOCKER_HOST={address}")],
        )
        .unwrap();
        let said = in_container(engine, &caller.name).replace(&address, "unix:///run/hostward/docker.sock");
        let said = Said::new(engine, &said).without_container(&caller, "CALLER");
        assert!(said.text.contains("mount    /hostward  bind of PROGRAM, read-only"), "{}", said.text);
        insta::assert_snapshot!("in_a_caller", said.of_caller().text);
    });
}

#[test]
fn a_sidecar_says_how_it_knows_its_callers() {
    on_each_engine(|engine| {
        let dir = host_dir();
        let run = dir.path().join("run");
        fs::create_dir(&run).unwrap();
        let said = |sidecar: &str, callers: &[&Caller]| {
            // A proxy that starts makes its socket first.
            let said = Said::new(engine, &in_container(engine, sidecar))
                .without(&dir.path().display().to_string(), "DIR");
            let said = said.without(sidecar, "SIDECAR");
            let mut names: Vec<_> = callers.iter().map(|caller| caller.name.as_str()).collect();
            names.sort_unstable();
            let said =
                names.iter().zip(["ONE", "TWO"]).fold(said, |said, (name, word)| said.without(name, word));
            let id = docker(engine, &engine.socket, &["inspect", "--format", "{{.Id}}", sidecar]);
            said.without(&id[..12], "ID").text
        };
        let blind = sidecar(engine, &run, &[]);
        let mut seen = vec![said(blind.name(), &[])];
        let one = caller_of(engine, &run);
        seen.push(said(blind.name(), &[&one]));
        let two = caller_of(engine, &run);
        seen.push(said(blind.name(), &[&one, &two]));
        insta::assert_snapshot!("in_a_sidecar", seen.join("\n\n"));
        // Whoever asks is told as well.
        let asked = Said::new(engine, &in_container(engine, &one.name));
        assert!(asked.text.contains("an unknown caller") && asked.text.contains(&two.name), "{}", asked.text);
        drop(blind);
        let seeing = sidecar(engine, &run, &["--pid=host"]);
        insta::assert_snapshot!("in_a_sidecar_with_pid_host", said(seeing.name(), &[&one, &two]));
        let asked = Said::new(engine, &in_container(engine, &one.name)).without_container(&one, "CALLER");
        // This sidecar may not enter the networks of containers.
        assert!(
            asked.text.contains("ports that containers publish are on the host, and not"),
            "{}",
            asked.text
        );
        insta::assert_snapshot!("in_a_caller", asked.of_caller().text);
    });
}
