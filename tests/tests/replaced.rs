//! A running Hostward is replaced by a new program while it is used: no request fails, and no caller has to be made anew.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, proxy, unique};
use hostward_tests::{docker, host_dir, on_each_engine, wait_until};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often it is replaced.
const TIMES: usize = 20;

/// Hostward by a program file of its own, and all that have replaced it.
struct Service {
    folder: tempfile::TempDir,
    engine: PathBuf,
    started: Vec<Child>,
    /// Each of them, the one that serves last.
    pids: Vec<u32>,
}

impl Service {
    fn start(engine: &Engine) -> Self {
        // A socket's path is short.
        let folder = tempfile::Builder::new().prefix("hwnext-").tempdir_in("/tmp").unwrap();
        let mut service =
            Self { folder, engine: engine.socket.clone(), started: Vec::new(), pids: Vec::new() };
        service.install();
        let pid = service.run(&[]);
        service.pids.push(pid);
        wait_until("the proxy serves", || UnixStream::connect(service.socket()).is_ok());
        service
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn socket(&self) -> PathBuf {
        self.path("run/docker.sock")
    }

    /// Puts a new program file in place of the one that runs.
    fn install(&self) {
        fs::copy(proxy::program().unwrap(), self.path("hostward.new")).unwrap();
        fs::rename(self.path("hostward.new"), self.path("hostward")).unwrap();
    }

    fn run(&mut self, arguments: &[&str]) -> u32 {
        let mut command = Command::new(self.path("hostward"));
        let unix = |path: &Path| format!("unix://{}", path.display());
        command.args(["proxy", "--listen", &unix(&self.socket()), "--engine", &unix(&self.engine)]);
        command.args(["--admin", &unix(&self.path("admin.sock"))]).args(arguments);
        command.env_remove("DOCKER_HOST").env_remove("HOST_PWD").env_remove("STORAGE_BASE");
        command.env(proxy::STATE_VARIABLE, self.path("state"));
        let log = OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let child = command.stdin(Stdio::null()).stderr(log).spawn().unwrap();
        let pid = child.id();
        self.started.push(child);
        pid
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    fn serving(&self) -> u32 {
        *self.pids.last().unwrap()
    }

    /// Has it replaced: by the signal, or by hand.
    fn replace(&mut self, by_signal: bool) {
        self.install();
        if by_signal {
            signal("USR2", self.serving());
        } else {
            self.run(&["--replace"]);
        }
        let replaced = |log: &str| -> Vec<u32> {
            let lines = log.lines().filter(|line| line.contains("replaced, and finishing what runs"));
            let by = |line: &str| line.split("by=").nth(1)?.split_whitespace().next()?.parse().ok();
            lines.filter_map(by).collect()
        };
        wait_until("it is replaced", || replaced(&self.log()).len() == self.pids.len());
        self.pids.push(*replaced(&self.log()).last().unwrap());
    }

    /// How many of them are left.
    fn left(&mut self) -> usize {
        self.started.iter_mut().for_each(|child| drop(child.try_wait()));
        self.pids.iter().filter(|pid| is_there(**pid)).count()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        for pid in &self.pids {
            if is_there(*pid) {
                signal("KILL", *pid);
            }
        }
        for child in &mut self.started {
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            eprintln!("--- the proxies said:\n{}---", self.log());
        }
    }
}

fn is_there(pid: u32) -> bool {
    // The state stands behind the name, which is in parentheses. One that nobody has waited for is none.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.contains("(hostward)") && !stat.contains(") Z")
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap().success());
}

/// Asks again and again on one connection, which nobody closes; how often.
fn ping(socket: &Path, stop: &AtomicBool) -> usize {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut pings = 0;
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nOK") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        pings += 1;
    }
    pings
}

#[test]
fn no_request_fails_and_no_caller_is_made_anew_when_it_is_replaced_again_and_again() {
    on_each_engine(|engine| {
        let mut service = Service::start(engine);
        let (socket, storage) = (service.socket(), host_dir());
        fs::write(storage.path().join("f"), "content\n").unwrap();
        let file = fs::metadata(&socket).unwrap().ino();
        // It has mounted the socket's file.
        let caller = Caller::start_with(
            engine,
            &[
                format!("--volume={}:/app/storage", storage.path().display()),
                format!("--volume={}:/run/docker.sock", socket.display()),
                format!("--volume={}:/hostward:ro", proxy::program().unwrap().display()),
            ],
        )
        .unwrap();
        let name = unique("hw-next");
        let at = |args: &[&str]| {
            let mut command = engine.docker_at(&socket, args);
            command.stdout(Stdio::piped()).spawn().unwrap()
        };
        let count = "i=0; while [ ! -e /tmp/stop ]; do echo $i; i=$((i+1)); sleep 0.02; done; echo end";
        let exec = at(&["exec", &caller.name, "sh", "-c", count]);
        let mut events =
            at(&["events", "--filter", "event=create", "--format", "{{.Actor.Attributes.name}}"]);
        let create = format!(
            "i=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); \
             docker create --name {name}-$i -v /app/storage/f:/f busybox cat /f >/dev/null || echo \"create $i\"; \
             docker rm {name}-$i >/dev/null || echo \"rm $i\"; done; echo $i"
        );
        let stop = AtomicBool::new(false);
        let (pings, created) = thread::scope(|scope| {
            let pinging = scope.spawn(|| ping(&socket, &stop));
            let creating = scope.spawn(|| caller.sh(&create).unwrap());
            for n in 0..TIMES {
                service.replace(n % 2 == 0);
                // Something is created by way of each of them.
                docker(engine, &socket, &["create", "--name", &format!("{name}-by-{n}"), "busybox"]);
                docker(engine, &socket, &["rm", &format!("{name}-by-{n}")]);
            }
            caller.sh("touch /tmp/stop").unwrap().succeeded();
            stop.store(true, Ordering::Relaxed);
            (pinging.join().unwrap(), creating.join().unwrap())
        });
        assert!(pings > TIMES, "{pings}");
        assert_eq!(created.err(), "");
        let created: usize = created.out().trim().parse().unwrap();
        assert!(created > 1, "{created}");

        let counted = exec.wait_with_output().unwrap();
        assert!(counted.status.success(), "{}", counted.status);
        let counted = counted.out();
        let lines: Vec<_> = counted.lines().collect();
        let (last, numbers) = lines.split_last().unwrap();
        assert_eq!(*last, "end");
        assert!(numbers.iter().enumerate().all(|(n, line)| line.parse() == Ok(n)), "{counted}");

        // The last event has come when it is followed by another.
        docker(engine, &socket, &["create", "--name", &format!("{name}-last"), "busybox"]);
        docker(engine, &socket, &["rm", &format!("{name}-last")]);
        let mut heard = String::new();
        let mut stdout = events.stdout.take().unwrap();
        let mut buffer = [0; 1024];
        while !heard.contains(&format!("{name}-last")) {
            let read = stdout.read(&mut buffer).unwrap();
            assert_ne!(read, 0, "the events have ended: {heard}");
            heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        events.kill().unwrap();
        events.wait().unwrap();
        let names: Vec<_> = heard.lines().filter(|line| line.starts_with(&name)).collect();
        assert_eq!(names.len(), created + TIMES + 1, "{heard}");

        // The caller still has the one file, and its own view.
        assert_eq!(fs::metadata(&socket).unwrap().ino(), file);
        let seen = caller.sh_ok("docker run --rm -v /app/storage/f:/f busybox cat /f").unwrap();
        assert_eq!(seen, "content");
        // Who has nothing left to finish has ended.
        wait_until("one is left", || service.left() == 1);
        let log = service.log();
        assert!(!log.contains("ERROR") && !log.contains("nobody else serves"), "{log}");
        signal("TERM", service.serving());
        wait_until("none is left", || service.left() == 0 && !socket.exists());
        // Without a successor, the file in the caller is of no use any more; what to do is said by all that connect.
        for command in ["translate /app/storage", "doctor"] {
            let said = caller.sh(&format!("/hostward {command} 2>&1")).unwrap().out();
            assert!(
                said.contains("Hostward was restarted") && said.contains("restart this container"),
                "{said}"
            );
            assert!(!said.contains("mount its socket: "), "{said}");
        }
    });
}
