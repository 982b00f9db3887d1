//! Streams through the proxy are the engine's own: each case runs on the bare engine and through Hostward, and both
//! outputs must be the same.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Engine, OutputText, Proxy, unique};
use hostward_tests::{Removed, docker, feed, host_dir, on_each_engine, shell};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

const MB: usize = 1 << 20;

/// Runs a case on the bare engine and through a proxy, and demands the same of both.
fn alike(engine: &Engine, case: impl Fn(&Path) -> String) -> String {
    let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
    let oracle = case(&engine.socket);
    let through = case(&proxy.socket());
    assert!(through == oracle, "directly: {}\nthrough Hostward: {}", shorten(&oracle), shorten(&through));
    oracle
}

fn shorten(text: &str) -> String {
    text.chars().take(2000).collect()
}

/// A script on the host that must succeed; what it wrote to both outputs.
fn script(engine: &Engine, socket: &Path, script: &str) -> String {
    let output = shell(engine, socket, script).stdin(Stdio::null()).output().unwrap();
    output.succeeded();
    format!("{}{}", output.out(), output.err())
}

/// A running container for execs, on the bare engine.
fn idle(engine: &Engine) -> Removed<'_> {
    let name = unique("hw-idle");
    docker(
        engine,
        &engine.socket,
        &["run", "-d", "--name", &name, "--network", "none", "busybox", "sleep", "1000"],
    );
    Removed::new(engine, name)
}

/// Bytes that do not repeat, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[test]
fn an_exec_reads_to_the_end_of_its_input_and_answers() {
    on_each_engine(|engine| {
        let container = idle(engine);
        let output = alike(engine, |socket| {
            let command = engine.docker_at(socket, &["exec", "-i", container.name(), "cat"]);
            feed(command, b"hi\n".to_vec()).succeeded().out()
        });
        assert_eq!(output, "hi\n");
    });
}

#[test]
fn an_exec_sends_a_hundred_megabytes_each_way() {
    on_each_engine(|engine| {
        let container = idle(engine);
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let sent = noise(100 * MB);
        for socket in [&engine.socket, &proxy.socket()] {
            let command = engine.docker_at(socket, &["exec", "-i", container.name(), "cat"]);
            let output = feed(command, sent.clone());
            output.succeeded();
            assert!(output.stdout == sent, "{} of {} bytes came back", output.stdout.len(), sent.len());
        }
    });
}

#[test]
fn stderr_exit_status_and_stdin_of_run_are_kept() {
    on_each_engine(|engine| {
        let output = alike(engine, |socket| {
            let run = ["run", "--rm", "-i", "busybox", "sh", "-c", "cat; echo err >&2; exit 7"];
            let output = feed(engine.docker_at(socket, &run), b"in\n".to_vec());
            format!("{:?} {:?} {:?}", output.status.code(), output.out(), output.err())
        });
        assert_eq!(output, r#"Some(7) "in\n" "err\n""#);
    });
}

#[test]
fn a_terminal_is_resized() {
    on_each_engine(|engine| {
        let output = alike(engine, |socket| {
            // `script` gives a pseudo-terminal. The container waits for each size, which comes after its start, and
            // the terminal is resized once the first has come through; again and again, as the client drops a
            // resize now and then, on the bare engine too.
            let container = Removed::new(engine, unique("hw-tty"));
            let name = container.name();
            let wait = |size: &str| {
                format!(
                    "n=0; until [ \"$(stty size 2>&1)\" = \"{size}\" ] || [ $n = 100 ]; do n=$((n+1)); sleep 0.1; done; stty size"
                )
            };
            let inner = format!("{}; {}", wait("11 44"), wait("33 77"));
            let run = format!(
                "stty rows 11 cols 44; \
                 (shows() {{ docker logs {name} 2>/dev/null | grep -q $1; }}; \
                  until shows 11; do sleep 0.2; done; \
                  for n in 1 2 3 4 5 6 7 8 9; do shows 77 && break; stty rows 33 cols 76; stty cols 77; sleep 1; done) </dev/tty & \
                 docker run --name {name} -t busybox sh -c '{inner}'; wait"
            );
            let folder = host_dir();
            let file = folder.path().join("run.sh");
            fs::write(&file, run).unwrap();
            script(engine, socket, &format!("script -qec 'sh {}' /dev/null </dev/null", file.display()))
        });
        let sizes: Vec<_> = output.split_whitespace().collect();
        assert_eq!(sizes, ["11", "44", "33", "77"], "{output:?}");
    });
}

#[test]
fn attach_ends_by_the_detach_keys_and_leaves_the_container_running() {
    on_each_engine(|engine| {
        alike(engine, |socket| {
            let container = Removed::new(engine, unique("hw-attach"));
            let name = container.name();
            docker(engine, socket, &["run", "-dit", "--name", name, "busybox", "cat"]);
            let attach = format!(
                "(sleep 1; printf 'hello\\r'; sleep 1; printf '\\020\\021'; sleep 1) \
                 | script -qec 'docker attach --detach-keys ctrl-p,ctrl-q {name}' /dev/null; echo status $?"
            );
            let shown = script(engine, socket, &attach);
            assert!(shown.contains("hello"), "{shown:?}");
            let state = docker(engine, &engine.socket, &["inspect", "-f", "{{.State.Running}}", name]);
            assert!(shown.contains("read escape sequence") && state == "true\n", "{shown:?} {state}");
            shown
        });
    });
}

#[test]
fn logs_follow_without_delay() {
    on_each_engine(|engine| {
        alike(engine, |socket| {
            let container = Removed::new(engine, unique("hw-logs"));
            let name = container.name();
            let says = "echo first; until [ -e /go ]; do sleep 0.1; done; echo second";
            docker(engine, socket, &["run", "-d", "--name", name, "busybox", "sh", "-c", says]);
            let mut logs =
                engine.docker_at(socket, &["logs", "-f", name]).stdout(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(logs.stdout.take().unwrap());
            let mut text = String::new();
            lines.read_line(&mut text).unwrap();
            // The second line is only written once the first one has been read.
            docker(engine, socket, &["exec", name, "touch", "/go"]);
            lines.read_to_string(&mut text).unwrap();
            assert!(logs.wait().unwrap().success());
            text
        });
    });
}

#[test]
fn events_come_as_they_happen_and_are_the_same() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let container = Removed::new(engine, unique("hw-events"));
        let name = container.name();
        let filter = format!("container={name}");
        let since = UNIX_EPOCH.elapsed().unwrap().as_secs().to_string();
        let watch = |socket: &Path| {
            // From now on, whenever the engine hears of it: nothing tells when it has.
            let args = ["events", "--since", &since, "--filter", &filter, "--format", "{{json .}}"];
            let mut watcher = engine.docker_at(socket, &args).stdout(Stdio::piped()).spawn().unwrap();
            let lines = BufReader::new(watcher.stdout.take().unwrap());
            (watcher, lines)
        };
        let (mut direct, mut direct_lines) = watch(&engine.socket);
        let (mut through, mut through_lines) = watch(&proxy.socket());
        docker(engine, &proxy.socket(), &["create", "--name", name, "busybox", "true"]);
        let (mut one, mut two) = (String::new(), String::new());
        direct_lines.read_line(&mut one).unwrap();
        through_lines.read_line(&mut two).unwrap();
        assert_eq!(one, two);
        assert!(one.contains(r#""create""#), "{one}");
        for watcher in [&mut direct, &mut through] {
            watcher.kill().unwrap();
            watcher.wait().unwrap();
        }
    });
}

#[test]
fn stats_and_wait_answer() {
    on_each_engine(|engine| {
        let container = idle(engine);
        let name = container.name();
        alike(engine, |socket| {
            docker(engine, socket, &["stats", "--no-stream", "--format", "{{.Name}}", name])
        });
        let output = alike(engine, |socket| {
            let waited = Removed::new(engine, unique("hw-wait"));
            let name = waited.name();
            docker(engine, socket, &["create", "--name", name, "busybox", "sh", "-c", "sleep 1; exit 5"]);
            script(engine, socket, &format!("docker start {name} >/dev/null; docker wait {name}"))
        });
        assert_eq!(output, "5\n");
    });
}

#[test]
fn two_hundred_megabytes_are_copied_both_ways() {
    on_each_engine(|engine| {
        let folder = host_dir();
        let sent = folder.path().join("sent");
        fs::write(&sent, noise(200 * MB)).unwrap();
        let container = idle(engine);
        let name = container.name();
        let sent = sent.display();
        let back = folder.path().join("back");
        let output = alike(engine, |socket| {
            let back = back.display();
            script(
                engine,
                socket,
                &format!(
                    "docker cp -q {sent} {name}:/root/f 2>/dev/null || docker cp {sent} {name}:/root/f >/dev/null; \
                     docker exec {name} sha256sum /root/f | cut -d' ' -f1; docker cp {name}:/root/f {back} >/dev/null 2>&1; \
                     sha256sum <{back} | cut -d' ' -f1; sha256sum <{sent} | cut -d' ' -f1; rm {back}"
                ),
            )
        });
        let sums: Vec<_> = output.lines().collect();
        assert!(sums.len() == 3 && sums.iter().all(|sum| *sum == sums[0]), "{output}");
    });
}

#[test]
fn images_are_saved_and_loaded() {
    on_each_engine(|engine| {
        alike(engine, |socket| script(engine, socket, "docker save busybox | docker load"));
    });
}

#[test]
fn a_hundred_megabytes_of_context_are_built_with_and_without_buildkit() {
    on_each_engine(|engine| {
        let context = host_dir();
        fs::write(context.path().join("big"), noise(100 * MB)).unwrap();
        let sum = script(engine, &engine.socket, &format!("sha256sum <{}/big", context.path().display()));
        for buildkit in [0, 1] {
            alike(engine, |socket| {
                // Of one image each: what is built must not come from the other's cache.
                let tag = unique("hw-build");
                let dockerfile =
                    format!("FROM busybox\nLABEL of={tag}\nCOPY big /big\nRUN sha256sum </big >/sum\n");
                fs::write(context.path().join("Dockerfile"), dockerfile).unwrap();
                let command = format!(
                    "DOCKER_BUILDKIT={buildkit} docker build -t {tag} {} >/dev/null 2>&1 || exit 1; \
                     docker run --rm {tag} cat /sum; docker rmi -f {tag} >/dev/null",
                    context.path().display()
                );
                let built = script(engine, socket, &command);
                assert_eq!(built, sum, "buildkit {buildkit}");
                built
            });
        }
    });
}

#[test]
fn a_websocket_attaches() {
    on_each_engine(|engine| {
        alike(engine, |socket| {
            let container = Removed::new(engine, unique("hw-ws"));
            let name = container.name();
            docker(engine, socket, &["run", "-di", "--name", name, "busybox", "cat"]);
            let mut stream = UnixStream::connect(socket).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let request = format!(
                "GET /containers/{name}/attach/ws?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nOrigin: http://docker\r\n\
                 Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            // A masked text frame of four bytes, and the frame that `cat` answers.
            stream.write_all(&[0x81, 0x84, 0, 0, 0, 0, b'h', b'i', b'!', b'\n']).unwrap();
            let mut answer = [0; 6];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer[2..], b"hi!\n");
            String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned()
        });
    });
}

#[test]
fn an_image_that_is_not_there_is_looked_for_as_ever() {
    on_each_engine(|engine| {
        let output = alike(engine, |socket| {
            let run = ["run", "--rm", "--pull", "missing", "hostward.invalid/no/such:image", "true"];
            let output = engine.docker_at(socket, &run).output().unwrap();
            output.failed().err()
        });
        assert!(output.contains("Unable to find image"), "{output}");
    });
}
