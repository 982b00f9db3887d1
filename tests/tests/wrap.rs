//! `hostward wrap`: a command behind a proxy of its own, in a container that has the engine's socket (T22).

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, images, proxy, unique};
use hostward_tests::{Removed, docker, host_dir, on_each_engine, wait_until};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A container with the engine's own socket and the program, and a folder of the host at /app/storage.
struct Inside {
    caller: Caller,
    storage: tempfile::TempDir,
}

impl Inside {
    fn of(engine: &Engine, image: &str, flags: &[&str]) -> Self {
        let storage = host_dir();
        // For those who are not root.
        fs::set_permissions(storage.path(), fs::Permissions::from_mode(0o777)).unwrap();
        fs::create_dir(storage.path().join("next")).unwrap();
        fs::write(storage.path().join("who"), "storage of 1\n").unwrap();
        fs::write(storage.path().join("next/who"), "storage of 2\n").unwrap();
        let mut all = given(engine);
        all.push(format!("--volume={}:/app/storage", storage.path().display()));
        all.extend(flags.iter().map(|&flag| flag.to_owned()));
        let caller = Caller::start_image(engine, image, unique("hw-wrap"), &all).unwrap();
        Self { caller, storage }
    }

    fn try_sh(&self, script: &str) -> Output {
        self.caller.sh(script).unwrap()
    }

    fn sh(&self, script: &str) -> String {
        self.try_sh(script).succeeded().out()
    }

    /// That nothing of a proxy is left: no directory with a socket, no process.
    fn is_clean(&self) {
        let left = "ls -d /run/hostward-wrap.* /tmp/hostward-wrap.* /dev/shm/hostward-wrap.* 2>/dev/null; \
                    for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -e '^hostward '; done; true";
        assert_eq!(self.sh(left), "");
    }
}

/// The flags that give a container the engine's socket and the program; to busybox a docker client as well, with what
/// it needs of the test's own machine.
fn given(engine: &Engine) -> Vec<String> {
    vec![
        format!("--volume={}:/run/docker.sock", engine.socket.display()),
        format!("--volume={}:/bin/hostward:ro", proxy::program().unwrap().display()),
    ]
}

fn client_for_busybox(engine: &Engine) -> Vec<String> {
    let libraries = ["/lib64", "/lib/x86_64-linux-gnu"].map(|path| format!("--volume={path}:{path}:ro"));
    let client = format!("--volume={}:/bin/docker:ro", engine.cli.display());
    libraries.into_iter().chain([client]).collect()
}

/// The flags of an ordinary user who may use the socket.
fn user(engine: &Engine) -> [String; 2] {
    ["--user=1000".into(), format!("--group-add={}", fs::metadata(&engine.socket).unwrap().gid())]
}

/// Prints both files by way of a created container. The long form makes nothing where the path is not translated.
const CAT: &str = "docker run --rm -v /app/storage/next:/d --mount type=bind,source=/app/storage/who,target=/f \
                   busybox cat /f /d/who";

#[test]
fn in_busybox_and_python_as_root_and_as_a_user_of_the_sockets_group() {
    on_each_engine(|engine| {
        let (user, client) = (user(engine), client_for_busybox(engine));
        for (image, client) in [(images::BUSYBOX, &client[..]), (images::CALLER, &[])] {
            for who in [&[][..], &user] {
                for more in [&[][..], &["--cgroupns=private", "--network=none"], &["--read-only"]] {
                    let flags: Vec<_> =
                        client.iter().chain(who).map(String::as_str).chain(more.iter().copied()).collect();
                    let inside = Inside::of(engine, image, &flags);
                    let printed = inside.sh(&format!("hostward wrap -- {CAT}"));
                    assert_eq!(printed, "storage of 1\nstorage of 2\n", "{image} {flags:?}");
                    // By grandchildren as well, and without the dashes.
                    let printed = inside.sh(&format!("hostward wrap sh -c '(sh -c \"{CAT}\"); true'"));
                    assert_eq!(printed, "storage of 1\nstorage of 2\n", "{image} {flags:?}");
                    inside.is_clean();
                }
            }
        }
    });
}

#[test]
fn compose_brings_up_relative_binds() {
    on_each_engine(|engine| {
        for who in [&[][..], &user(engine)] {
            let mut flags: Vec<_> = who.iter().map(String::as_str).collect();
            flags.push("--env=HOME=/tmp");
            let inside = Inside::of(engine, images::CALLER, &flags);
            let yaml = "services:\n  job:\n    image: busybox\n    network_mode: none\n    command: cat /who\n    \
                        volumes: [./next/who:/who]\n";
            fs::write(inside.storage.path().join("compose.yaml"), yaml).unwrap();
            let project = unique("hwwrap");
            let up = format!("docker compose -p {project} up --no-log-prefix --exit-code-from job");
            let script = format!(
                "cd /app/storage && hostward wrap -- {up} 2>/tmp/err || cat /tmp/err >&2; \
                 docker compose -p {project} down -t 0 2>/dev/null"
            );
            let printed = inside.sh(&script);
            assert!(printed.contains("storage of 2\n"), "{printed}");
            inside.is_clean();
        }
    });
}

/// A program that finds its engine as they all do, by hand: the image has no library for it.
const PYTHON: &str = r#"
import os, re, socket
def ask(method, path, body=""):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ["DOCKER_HOST"][len("unix://"):])
    head = f"{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = b""
    while more := connection.recv(65536):
        answer += more
    return answer
mount = '{"Type":"bind","Source":"/app/storage/next","Target":"/d"}'
made = ask("POST", "/containers/create",
    '{"Image":"busybox","Cmd":["cat","/d/who"],"HostConfig":{"Mounts":[' + mount + ']}}')
name = re.search(rb'"Id":"([0-9a-f]+)"', made)
assert name, made
name = name[1].decode()
ask("POST", f"/containers/{name}/start")
ask("POST", f"/containers/{name}/wait")
logs = ask("GET", f"/containers/{name}/logs?stdout=1")
ask("DELETE", f"/containers/{name}")
print(re.search(rb"storage of \d", logs)[0].decode())
"#;

#[test]
fn a_python_program_finds_the_engine() {
    on_each_engine(|engine| {
        let inside = Inside::of(engine, images::PYTHON, &[]);
        fs::write(inside.storage.path().join("program.py"), PYTHON).unwrap();
        assert_eq!(inside.sh("hostward wrap -- python3 /app/storage/program.py"), "storage of 2\n");
    });
}

#[test]
fn docker_contexts_and_variables_name_the_engine_of_wrap_and_not_that_of_the_command() {
    on_each_engine(|engine| {
        let inside = Inside::of(engine, images::CALLER, &[]);
        let meta = r#"{"Name":"lab","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///raw.sock"}}}"#;
        inside.sh(&format!(
            "ln -s /run/docker.sock /raw.sock; D=/root/.docker/contexts/meta/$(printf lab | sha256sum | cut -d' ' -f1); \
             mkdir -p $D; echo '{meta}' >$D/meta.json"
        ));
        let variables = "DOCKER_TLS=  HOSTWARD_LOG=error DOCKER_CONTEXT=lab";
        assert_eq!(inside.sh(&format!("{variables} hostward wrap -- {CAT}")), "storage of 1\nstorage of 2\n");
        let env = "env | grep -e ^DOCKER_ -e ^HOSTWARD_ | sort";
        let printed = inside.sh(&format!(
            "DOCKER_HOST=unix:///nonexistent HOSTWARD_ENGINE=unix:///raw.sock HOSTWARD_MAP=/a=/b DOCKER_CONTEXT=lab \
             DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=/c hostward wrap -- sh -c '{env}'"
        ));
        assert!(printed.starts_with("DOCKER_HOST=unix:///run/hostward-wrap."), "{printed}");
        assert_eq!(printed.lines().count(), 1, "{printed}");
        // What Hostward says there is what the client there may say.
        let nested = "docker run --rm -v \"$(hostward translate /app/storage/next)\":/d busybox cat /d/who";
        fs::write(inside.storage.path().join("nested.sh"), nested).unwrap();
        let nested = inside.sh("HOSTWARD_ENGINE=unix:///raw.sock hostward wrap -- sh /app/storage/nested.sh");
        assert_eq!(nested, "storage of 2\n");
    });
}

/// What lets a container mount.
const MAY_MOUNT: [&str; 2] = ["--cap-add=SYS_ADMIN", "--security-opt=apparmor=unconfined"];

#[test]
fn where_it_may_mount_it_is_in_the_place_of_the_engines_socket_and_no_variable_is_set() {
    on_each_engine(|engine| {
        let inside = Inside::of(engine, images::CALLER, &MAY_MOUNT);
        let env = "env | grep -e ^DOCKER_ -e ^HOSTWARD_ | sort";
        assert_eq!(inside.sh(&format!("HOSTWARD_MAP=/a=/b hostward wrap -- sh -c '{env}'")), "");
        let named = inside.sh(&format!(
            "export DOCKER_HOST=unix:///run/docker.sock DOCKER_CONTEXT=lab; hostward wrap -- sh -c '{env}'"
        ));
        assert_eq!(named, "DOCKER_CONTEXT=lab\nDOCKER_HOST=unix:///run/docker.sock\n");
        assert_eq!(inside.sh(&format!("hostward wrap -- {CAT}")), "storage of 1\nstorage of 2\n");
        // By the engine's very address, in wrap in wrap, and from a created container that was given the socket.
        let by_address = CAT.replace("docker run", "docker --host unix:///run/docker.sock run");
        assert_eq!(inside.sh(&format!("hostward wrap -- {by_address}")), "storage of 1\nstorage of 2\n");
        assert_eq!(
            inside.sh(&format!("hostward wrap -- hostward wrap -- {CAT}")),
            "storage of 1\nstorage of 2\n"
        );
        // Not at /var/run: of a container with a mount beyond an absolute link Docker 28 tells no file.
        let next = "docker run --rm -v /var/run/docker.sock:/run/docker.sock -v /app/storage/next:/app/storage \
                    hostward/caller docker run --rm --mount type=bind,source=/app/storage/who,target=/f busybox cat /f";
        assert_eq!(inside.sh(&format!("hostward wrap -- {next}")), "storage of 2\n");
        // The command alone sees it: to others the engine answers there.
        let behind = "hostward doctor | grep -c \"hostward .* is in front of the engine\"";
        let beside = inside.sh(&format!(
            "hostward wrap -- sh -c '{behind}; touch /tmp/runs; sleep 1' & \
             while [ ! -e /tmp/runs ]; do sleep 0.1; done; {behind}; wait"
        ));
        assert_eq!(beside, "1\n0\n");
        inside.is_clean();
    });
}

#[test]
fn where_it_may_not_mount_the_log_says_so() {
    on_each_engine(|engine| {
        let inside = Inside::of(engine, images::CALLER, &[]);
        let told = inside.try_sh("hostward wrap --log info -- printenv DOCKER_HOST");
        assert!(told.succeeded().out().starts_with("unix:///run/hostward-wrap."), "{}", told.out());
        assert!(told.err().contains("cannot create a mount namespace (CAP_SYS_ADMIN)"), "{}", told.err());
    });
}

#[test]
fn a_created_container_that_mounts_the_socket_is_a_caller_in_its_turn() {
    on_each_engine(|engine| {
        for who in [&[][..], &user(engine)] {
            let flags: Vec<_> = who.iter().map(String::as_str).collect();
            let inside = Inside::of(engine, images::CALLER, &flags);
            let next = "docker run --rm -v /var/run/docker.sock:/t.sock -e DOCKER_HOST=unix:///t.sock \
                        -v /app/storage/next:/app/storage hostward/caller \
                        docker run --rm --mount type=bind,source=/app/storage/who,target=/f busybox cat /f";
            assert_eq!(inside.sh(&format!("hostward wrap -- {next}")), "storage of 2\n");
        }
    });
}

/// The program on the test's own machine.
fn program() -> Command {
    let mut command = Command::new(proxy::program().unwrap());
    command.env(proxy::STATE_VARIABLE, proxy::state().unwrap());
    command
}

/// Wrap on the test's own machine, where it behaves as anywhere.
fn wrap(engine: &Path, script: &str) -> Command {
    let mut command = program();
    command
        .args(["wrap", "--engine"])
        .arg(format!("unix://{}", engine.display()))
        .args(["--", "sh", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// One that runs, and the directory of its socket.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    directory: PathBuf,
}

impl Running {
    /// The script comes after the line that tells the socket.
    fn start(engine: &Engine, script: &str) -> Self {
        let mut child = wrap(&engine.socket, &format!("echo $DOCKER_HOST\n{script}")).spawn().unwrap();
        let mut running =
            Self { lines: BufReader::new(child.stdout.take().unwrap()), child, directory: PathBuf::new() };
        let socket = running.line();
        let socket = Path::new(socket.strip_prefix("unix://").unwrap());
        socket.parent().unwrap().clone_into(&mut running.directory);
        assert!(running.directory.join("docker.sock").exists());
        running
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Its child that has this in its command line, by now or soon.
    fn part(&self, part: &str) -> u32 {
        let id = self.child.id();
        let find = || {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
            let mut children = children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap());
            children.find(|pid| {
                fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains(part))
            })
        };
        wait_until(&format!("was there {part}"), || find().is_some());
        find().unwrap()
    }

    fn kill(&self, signal: &str) {
        kill(signal, self.child.id());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().unwrap().success());
}

fn is_gone(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[test]
fn the_exit_status_is_the_commands() {
    on_each_engine(|engine| {
        let status = |script: &str| wrap(&engine.socket, script).output().unwrap();
        assert_eq!(status("exit 0").status.code(), Some(0));
        assert_eq!(status("exit 3").status.code(), Some(3));
        for (signal, number) in [("TERM", 15), ("KILL", 9), ("INT", 2), ("USR1", 10)] {
            assert_eq!(status(&format!("kill -{signal} $$")).status.signal(), Some(number));
        }
        for (name, code) in [("/nonexistent/program", 127), ("/etc/passwd", 126)] {
            let mut command = program();
            let output =
                command.args(["wrap", "--engine"]).arg(&engine.socket).args(["--", name]).output().unwrap();
            assert_eq!(output.status.code(), Some(code));
            assert!(output.err().starts_with(&format!("hostward: cannot run {name}: ")), "{}", output.err());
        }
        // In containers as everywhere.
        let inside = Inside::of(engine, images::BUSYBOX, &[]);
        assert_eq!(inside.try_sh("hostward wrap -- sh -c 'exit 3'").status.code(), Some(3));
        assert_eq!(inside.sh("hostward wrap -- sh -c 'kill -9 $$'; echo $?").trim(), "137");
        inside.is_clean();
    });
}

#[test]
fn without_an_engine_the_command_is_not_started() {
    let output = wrap(Path::new("/nonexistent/engine.sock"), "echo started").output().unwrap();
    assert_eq!((output.status.code(), output.out()), (Some(1), String::new()));
    let said = output.err();
    assert!(said.starts_with("hostward: ") && said.contains("/nonexistent/engine.sock"), "{said}");
    assert!(said.contains("hint: give the engine's address with --engine or DOCKER_HOST"), "{said}");
}

#[test]
fn where_no_directory_can_be_made_all_that_was_tried_is_said() {
    on_each_engine(|engine| {
        let inside = Inside::of(engine, images::BUSYBOX, &["--read-only", "--ipc=none"]);
        let output = inside.try_sh("hostward wrap -- echo started");
        assert_eq!((output.status.code(), output.out()), (Some(1), String::new()));
        let said = output.err();
        assert!(["/run: ", "/tmp: ", "/dev/shm: "].iter().all(|place| said.contains(place)), "{said}");
        // Where one is named, it is that.
        let script = "XDG_RUNTIME_DIR=/app/storage hostward wrap -- sh -c 'echo $DOCKER_HOST'";
        let named = inside.sh(script);
        assert!(named.starts_with("unix:///app/storage/hostward-wrap."), "{named}");
        assert_eq!(inside.sh("ls -d /app/storage/hostward-wrap.* 2>/dev/null || true"), "");
    });
}

#[test]
fn a_reader_that_does_not_read_stops_nothing() {
    on_each_engine(|engine| {
        // Filled to the last byte, and kept open until the end.
        let script = format!(
            "{{ dd if=/dev/zero bs=4096 count=16 2>/dev/null >&3; \"$0\" wrap --log debug --engine {} -- sh -c \"$1\" 2>&3; \
             echo status $? >\"$2/status\"; }} 3>&1 | {{ until [ -s \"$2/status\" ]; do sleep 0.05; done; cat \"$2/status\"; }}",
            engine.socket.display()
        );
        let dir = host_dir();
        let mut sh = Command::new("sh");
        sh.args(["-c", &script]).arg(proxy::program().unwrap());
        sh.env(proxy::STATE_VARIABLE, proxy::state().unwrap());
        sh.arg(format!("{} version >/dev/null && exit 8", engine.cli.display())).arg(dir.path());
        assert_eq!(sh.stdin(Stdio::null()).output().unwrap().out(), "status 8\n");
    });
}

#[test]
fn a_reader_of_the_log_that_is_gone_stops_nothing() {
    on_each_engine(|engine| {
        let (reader, gone) = std::io::pipe().unwrap();
        drop(reader);
        let mut wrap = program();
        wrap.args(["wrap", "--log", "debug", "--engine"]).arg(format!("unix://{}", engine.socket.display()));
        wrap.args(["--", "sh", "-c", &format!("{} version >/dev/null && exit 8", engine.cli.display())]);
        let status = wrap.stdin(Stdio::null()).stderr(gone).status().unwrap();
        assert_eq!(status.code(), Some(8), "{status}");
    });
}

#[test]
fn without_a_command_it_is_the_users_shell() {
    on_each_engine(|engine| {
        let inside = Inside::of(engine, images::BUSYBOX, &[]);
        let script = "echo 'echo $DOCKER_HOST of $0; exit 4' | SHELL=/bin/ash hostward wrap; echo $?; \
                      echo 'echo $0' | env -u SHELL hostward wrap";
        let printed = inside.sh(script);
        let lines: Vec<_> = printed.lines().collect();
        assert!(
            lines[0].starts_with("unix:///run/hostward-wrap.") && lines[0].ends_with(" of /bin/ash"),
            "{lines:?}"
        );
        assert_eq!(lines[1..], ["4", "/bin/sh"]);
    });
}

#[test]
fn signals_to_it_reach_the_command_once() {
    on_each_engine(|engine| {
        for signal in ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "WINCH"] {
            let script = format!(
                "trap 'echo got {signal}' {signal}; trap 'exit 5' ALRM; echo ready; while :; do sleep 0.05; done"
            );
            let mut running = Running::start(engine, &script);
            assert_eq!(running.line(), "ready");
            running.kill(signal);
            assert_eq!(running.line(), format!("got {signal}"));
            running.kill("ALRM");
            assert_eq!(running.line(), "");
            assert_eq!(running.child.wait().unwrap().code(), Some(5), "{signal}");
            assert!(!running.directory.exists());
        }
        // A command that does nothing about it ends by it.
        let mut running = Running::start(engine, "exec sleep 1000");
        running.kill("TERM");
        assert_eq!(running.child.wait().unwrap().signal(), Some(15));
        assert!(!running.directory.exists());
    });
}

#[test]
fn nothing_is_left_when_it_is_killed() {
    on_each_engine(|engine| {
        let mut running = Running::start(engine, "exec sleep 1000");
        let parts = ["sleep\x001000", "wrap-part\0serve"].map(|part| running.part(part));
        running.kill("KILL");
        running.child.wait().unwrap();
        wait_until("is its socket gone", || !running.directory.exists());
        wait_until("are its processes gone", || parts.iter().all(|&pid| is_gone(pid)));

        for who in [&[][..], &user(engine)] {
            let flags: Vec<_> = who.iter().map(String::as_str).collect();
            let inside = Inside::of(engine, images::BUSYBOX, &flags);
            let script = "hostward wrap -- sh -c 'echo $PPID $DOCKER_HOST >/tmp/at; exec sleep 1000' & \
                          until [ -s /tmp/at ]; do sleep 0.05; done; read pid at </tmp/at; ls ${at#unix://}; kill -9 $pid; \
                          n=0; while [ -e ${at#unix://} ] && [ $n -lt 600 ]; do n=$((n+1)); sleep 0.1; done";
            let printed = inside.try_sh(script);
            assert!(printed.out().trim_end().ends_with("/docker.sock"), "{}{}", printed.out(), printed.err());
            wait_until("are its processes gone", || !inside.sh("ps -o args").contains("sleep 1000\n"));
            inside.is_clean();
        }
    });
}

#[test]
fn a_proxy_that_is_killed_is_told_of_and_cleared_away() {
    on_each_engine(|engine| {
        let mut running =
            Running::start(engine, "trap 'exit 6' USR1; echo ready; while :; do sleep 0.05; done");
        assert_eq!(running.line(), "ready");
        kill("KILL", running.part("wrap-part\0serve"));
        let mut said = String::new();
        BufReader::new(running.child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        assert!(said.starts_with("hostward: the proxy has ended by signal 9: "), "{said}");
        assert!(running.directory.exists());
        running.kill("USR1");
        assert_eq!(running.child.wait().unwrap().code(), Some(6));
        assert!(!running.directory.exists());
    });
}

#[test]
fn what_a_killed_container_left_is_swept_by_the_next() {
    on_each_engine(|engine| {
        let name = Removed::new(engine, unique("hw-swept"));
        let mut run = vec!["run".to_owned(), "-d".into(), format!("--name={}", name.name())];
        run.extend(given(engine));
        run.extend(["busybox", "hostward", "wrap", "--", "sleep", "1000"].map(str::to_owned));
        docker(engine, &engine.socket, &run);
        let ls = || {
            let output =
                engine.docker(&["exec", name.name(), "sh", "-c", "ls -d /run/hostward-wrap.*/docker.sock"]);
            let mut output = output;
            output.output().unwrap().out().lines().count()
        };
        wait_until("is it served", || ls() == 1);
        docker(engine, &engine.socket, &["kill", name.name()]);
        docker(engine, &engine.socket, &["start", name.name()]);
        wait_until("is it served again", || ls() == 1);
        let dirs =
            docker(engine, &engine.socket, &["exec", name.name(), "sh", "-c", "ls -d /run/hostward-wrap.*"]);
        assert_eq!(dirs.lines().count(), 1, "{dirs}");
    });
}

/// A terminal with this script in it; `feed` types.
fn terminal(script: &str) -> Child {
    let mut command = Command::new("script");
    command.args(["-qec", script, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn read_until(lines: &mut impl BufRead, text: &str) {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "never said: {text}");
    }
}

#[test]
fn ctrl_c_reaches_the_command_once() {
    on_each_engine(|engine| {
        let dir = host_dir();
        let script = dir.path().join("script.sh");
        let text = "n=0; trap 'n=$((n+1)); echo inter''rupted' INT\necho rea''dy\n\
                    until [ -e go ]; do sleep 0.05; done\necho count $n; exit 7\n";
        fs::write(&script, text).unwrap();
        let program = proxy::program().unwrap();
        // The shell gets the signal, too, and one without a trap may end by it.
        let line = format!(
            "trap : INT; cd {} && {} wrap --engine {} -- sh script.sh; echo status $?",
            dir.path().display(),
            program.display(),
            engine.socket.display()
        );
        let mut child = terminal(&line);
        let mut typed = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        read_until(&mut lines, "ready");
        typed.write_all(b"\x03").unwrap();
        read_until(&mut lines, "interrupted");
        fs::write(dir.path().join("go"), "").unwrap();
        read_until(&mut lines, "count 1");
        read_until(&mut lines, "status 7");
        child.wait().unwrap();
    });
}

#[test]
fn ctrl_z_stops_it_with_the_command_and_fg_goes_on() {
    on_each_engine(|engine| {
        let dir = host_dir();
        let (program, dir_path) = (proxy::program().unwrap(), dir.path().display());
        // It starts no process: one that is stopped before it runs another program stops the shell for good.
        let text = "mkfifo go; echo rea''dy; read word <go; echo wo''ke; exit 7\n";
        fs::write(dir.path().join("script.sh"), text).unwrap();
        let mut child = terminal("bash --norc --noprofile -i");
        let mut typed = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let line = format!(
            "cd {dir_path}; {} wrap --engine {} -- sh script.sh\n",
            program.display(),
            engine.socket.display()
        );
        typed.write_all(line.as_bytes()).unwrap();
        read_until(&mut lines, "ready");
        typed.write_all(b"\x1a").unwrap();
        read_until(&mut lines, "Stopped");
        typed.write_all(b"echo at the pro''mpt; (echo go >go &); fg\n").unwrap();
        read_until(&mut lines, "at the prompt");
        read_until(&mut lines, "woke");
        typed.write_all(b"echo sta''tus $?; exit\n").unwrap();
        read_until(&mut lines, "status 7");
        child.wait().unwrap();
    });
}

/// An image of an example's Dockerfile, made of a test image.
fn build<'a>(engine: &'a Engine, dockerfile: &Path, base: &str) -> Image<'a> {
    let context = host_dir();
    fs::copy(dockerfile, context.path().join("Dockerfile")).unwrap();
    fs::copy(proxy::program().unwrap(), context.path().join("hostward")).unwrap();
    let name = unique("hw-example");
    let mut build = engine.docker(&["build", "--build-arg", &format!("BASE={base}"), "-t", &name]);
    build.arg(context.path()).env("DOCKER_BUILDKIT", "0");
    build.output().unwrap().succeeded();
    Image { engine, name }
}

struct Image<'a> {
    engine: &'a Engine,
    name: String,
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        let mut remove = self.engine.docker(&["rmi", "--force", &self.name]);
        let _ = remove.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(path)
}

#[test]
fn as_an_images_entrypoint_it_serves_reaps_and_ends_in_time() {
    on_each_engine(|engine| {
        let image = build(engine, &example("wrap/Dockerfile"), images::CALLER);
        let app = host_dir();
        fs::write(app.path().join("greeting"), "hello from here\n").unwrap();
        let mut flags = vec![format!("--volume={}:/app", app.path().display())];
        flags.push(format!("--volume={}:/run/docker.sock", engine.socket.display()));
        let mut run = vec!["run".to_owned(), "--rm".into()];
        run.extend(flags.clone());
        run.push(image.name.clone());
        assert_eq!(docker(engine, &engine.socket, &run), "hello from here\n");

        // As the first process: orphans are waited for, and SIGTERM acts although nobody has a handler.
        let name = Removed::new(engine, unique("hw-entrypoint"));
        let mut run = vec!["run".to_owned(), "-d".into(), format!("--name={}", name.name())];
        run.extend(flags);
        run.extend(
            [image.name.as_str(), "sh", "-c", "(setsid sh -c 'echo $$ >/orphan' &); exec sleep 1000"]
                .map(str::to_owned),
        );
        docker(engine, &engine.socket, &run);
        let inside =
            |script: &str| engine.docker(&["exec", name.name(), "sh", "-c", script]).output().unwrap();
        wait_until("is the orphan gone", || {
            inside("[ -s /orphan ] && [ ! -e /proc/$(cat /orphan) ]").status.success()
        });
        // Longer than this test may last: it does not end by the engine's patience.
        docker(engine, &engine.socket, &["stop", "-t", "3600", name.name()]);
        let code = docker(engine, &engine.socket, &["inspect", "-f", "{{.State.ExitCode}}", name.name()]);
        assert_eq!(code, "143\n");
        let left = docker(engine, &engine.socket, &["diff", name.name()]);
        assert!(!left.contains("hostward-wrap"), "{left}");
    });
}

#[test]
fn a_dev_container_has_hostward_where_tools_look_for_the_engine() {
    on_each_engine(|engine| {
        let folder = example("devcontainer/.devcontainer");
        let text = fs::read_to_string(folder.join("devcontainer.json")).unwrap();
        let spec: serde_json::Value = serde_json::from_str(&text).unwrap();
        let image =
            build(engine, &folder.join(spec["build"]["dockerfile"].as_str().unwrap()), images::CALLER);

        // As the dev container CLI does it; the test engine's socket stands for the usual one.
        let project = host_dir();
        fs::write(project.path().join("who"), "the project\n").unwrap();
        let name = Removed::new(engine, unique("hw-devcontainer"));
        let mut run = vec!["run".to_owned(), "-d".into(), format!("--name={}", name.name())];
        run.push(format!("--mount=type=bind,source={},target=/workspaces/project", project.path().display()));
        for mount in spec["mounts"].as_array().unwrap() {
            let mount = mount.as_str().unwrap();
            assert!(mount.contains("source=/var/run/docker.sock,"), "{mount}");
            let source = format!("source={},", engine.socket.display());
            run.push(format!("--mount={}", mount.replace("source=/var/run/docker.sock,", &source)));
        }
        assert_eq!(spec["overrideCommand"], false);
        run.extend(spec["init"].as_bool().unwrap().then(|| "--init".to_owned()));
        run.push(image.name.clone());
        docker(engine, &engine.socket, &run);
        let exec = |script: &str| {
            let exec = ["exec", "--workdir=/workspaces/project", name.name(), "sh", "-c", script];
            engine.docker(&exec).output().unwrap()
        };
        wait_until("does it serve", || exec("docker version").status.success());
        let printed = exec("docker run --rm -v \"$PWD\":/x busybox cat /x/who");
        assert_eq!(printed.succeeded().out(), "the project\n");
    });
}

/// Docker 28.5 cannot look into a container that has something mounted through an absolute link, as its image's /var/run is one.
#[test]
fn a_child_with_the_socket_behind_a_link_gets_what_both_have_mounted() {
    on_each_engine(|engine| {
        let volume = unique("hw-volume");
        let _volume = Removed::volume(engine, volume.clone());
        let inside = Inside::of(engine, images::CALLER, &[&format!("--volume={volume}:/vol")]);
        inside.sh("echo volume >/vol/f; ln -s next /app/storage/link");
        let child = |mounts: &str, script: &str| {
            let socket = "-v /var/run/docker.sock:/var/run/docker.sock";
            let run = format!("docker run --rm {mounts} {socket} {} sh -c '{script}'", images::CALLER);
            inside.try_sh(&format!("hostward wrap -- {run}"))
        };
        let cat = "docker run --rm -v /w/who:/f -v /w/link:/d -v /data/deep/f:/g busybox cat /f /d/who /g";
        let mounts = "-v /app/storage:/w -v /vol:/data/deep";
        assert_eq!(child(mounts, cat).succeeded().out(), "storage of 1\nstorage of 2\nvolume\n");
        // One part of what the first has.
        let cat = "docker run --rm -v /n/who:/f busybox cat /f";
        assert_eq!(child("-v /app/storage/next:/n", cat).succeeded().out(), "storage of 2\n");
        // Only the child has it: its root filesystem, and a place that a link of its image might lead to.
        let own = child("-v /app/storage:/w", "echo own >/own; docker run --rm -v /own:/f busybox cat /f");
        let beside =
            child("-v /app/storage:/opt -v /vol:/srv", "docker run --rm -v /opt/who:/f busybox cat /f");
        let links_are_followed = !own.err().contains("path escapes from parent");
        if links_are_followed {
            assert_eq!(
                (own.succeeded().out(), beside.succeeded().out()),
                ("own\n".into(), "storage of 1\n".into())
            );
            return;
        }
        for refused in [own, beside] {
            let said = refused.failed().err();
            assert!(said.contains("mount the socket at /run/docker.sock there"), "{said}");
            assert_eq!(refused.out(), "");
        }
        let own = "hostward wrap -- docker run --rm -v /var/run/docker.sock:/run/docker.sock hostward/caller sh -c \
                   'echo own >/own; docker run --rm -v /own:/f busybox cat /f'";
        let info = ["info", "--format", "{{.DriverStatus}}"];
        if docker(engine, &engine.socket, &info).contains("containerd.snapshotter") {
            // Only a look at the host could tell that this container's root filesystem is where containerd's store would have it.
            let said = inside.try_sh(own).failed().err();
            assert!(said.contains("the engine does not say where that is on the host"), "{said}");
        } else {
            assert_eq!(inside.sh(own), "own\n");
        }
    });
}
