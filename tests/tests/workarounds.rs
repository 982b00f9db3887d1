//! What programs do today because the engine looks up their paths on the host: each goes on working, with the same
//! result through Hostward as on the engine itself.
//!
//! Both ways start in one caller, which has the engine's own socket as well. Judged by what the created container reads.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::proxy::program;
use hostward_testkit::{Caller, Engine, OutputText, Proxy, images};
use hostward_tests::{docker, host_dir, on_every_engine};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where the caller's container has a path by the engine's word, as `cross`, `pre-commit` and scripts look for it: the
/// longest destination, and its source.
const SOURCE_OF: &str = r#"source_of() {
    docker inspect --format '{{range .Mounts}}{{.Destination}}={{.Source}}{{"\n"}}{{end}}' "$(hostname)" |
        awk -F= -v path="$1" 'index(path "/", $1 "/") == 1 && length($1) >= most { most = length($1); source = $2 }
            END { print source substr(path, most + 1) }'
}
"#;

/// A way around, what its script does, and what the created container must read.
struct Workaround {
    name: &'static str,
    script: &'static str,
    reads: &'static str,
}

/// `$HOST` is the project's directory on the host, `$SOCKET` the engine's own socket there.
const WORKAROUNDS: [Workaround; 12] = [
    Workaround {
        name: "the same path on both sides",
        script: r#"docker run --rm -v "$HOST/same/f:/f" busybox cat /f"#,
        reads: "same\n",
    },
    Workaround {
        name: "HOST_PWD",
        script: r#"HOST_PWD=$HOST; docker run --rm -v "$HOST_PWD/storage/f:/f:ro" busybox cat /f"#,
        reads: "storage\n",
    },
    Workaround {
        name: "LOCAL_WORKSPACE_FOLDER, as dev containers set it",
        script: r#"LOCAL_WORKSPACE_FOLDER=$HOST/storage
            docker run --rm --mount "type=bind,source=$LOCAL_WORKSPACE_FOLDER,target=/w" -w /w busybox cat f sub/g"#,
        reads: "storage\ndeep\n",
    },
    Workaround {
        name: "`sam local invoke --docker-volume-basedir`",
        script: r#"docker run --rm -v "$HOST/storage/sub:/var/task:ro,delegated" busybox cat /var/task/g"#,
        reads: "deep\n",
    },
    Workaround {
        name: "CROSS_CONTAINER_IN_CONTAINER, a mount",
        script: r#"docker run --rm -v "$(source_of /app/storage/sub):/project:Z" -w /project busybox cat g"#,
        reads: "deep\n",
    },
    Workaround {
        name: "CROSS_CONTAINER_IN_CONTAINER, the container's own files",
        script: r#"root=$(docker inspect --format '{{.GraphDriver.Data.MergedDir}}' "$(hostname)")
            docker run --rm -v "$root/opt/own:/project" busybox cat /project/f"#,
        reads: "own\n",
    },
    Workaround {
        name: "pre-commit's own translation",
        script: r#"docker run --rm -v "$(source_of /app/storage):/src:rw,Z" --workdir /src busybox sh -c 'cat f; echo new > made'
            cat /app/storage/made; rm /app/storage/made"#,
        reads: "storage\nnew\n",
    },
    Workaround {
        name: "the source of a volume",
        script: r#"docker run --rm -v "$(source_of /data/sub):/w" busybox cat /w/v"#,
        reads: "volume\n",
    },
    Workaround {
        name: "what may only be read",
        script: r#"docker run --rm -v "$(source_of /ro):/w:ro" busybox cat /w/f"#,
        reads: "read me\n",
    },
    Workaround {
        name: "one directory in two places, of which one may only be read",
        script: r#"docker run --rm -v "$(source_of /again):/w" busybox sh -c 'echo x > /w/made && cat /w/f'; rm /again/made"#,
        reads: "storage\n",
    },
    Workaround {
        name: "`--volumes-from` the own container",
        script: r#"docker run --rm --volumes-from "$(hostname)" busybox cat /app/storage/f /data/sub/v"#,
        reads: "storage\nvolume\n",
    },
    Workaround {
        name: "TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE",
        script: r#"TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE=$SOCKET
            docker run --rm -v "$TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE:/run/docker.sock" -e DOCKER_HOST=unix:///run/docker.sock \
                "$IMAGE" docker run --rm busybox echo reached"#,
        reads: "reached\n",
    },
];

fn write(host: &Path, file: &str, content: &str) {
    let file = host.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

fn caller(engine: &Engine, proxy: &Proxy, host: &Path) -> Caller {
    let there = |path: &str| host.join(path).display().to_string();
    let socket = engine.socket.display();
    let flags = [
        format!("--volume={0}:{0}", there("same")),
        // Shown after the read-only one of the same directory.
        format!("--volume={}:/again", there("storage")),
        format!("--volume={}:/aaa:ro", there("storage")),
        format!("--volume={}:/app/storage", there("storage")),
        format!("--volume={}:/ro:ro", there("ro")),
        "--volume=/data".to_owned(),
        format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
        format!("--volume={socket}:/run/raw.sock"),
        format!("--env=HOST={}", host.display()),
        format!("--env=SOCKET={socket}"),
        format!("--env=IMAGE={}", images::CALLER),
    ];
    let caller = Caller::start_with(engine, &flags).unwrap();
    let files = "mkdir -p /opt/own && echo own > /opt/own/f && mkdir /data/sub && echo volume > /data/sub/v";
    caller.sh(files).unwrap().succeeded();
    caller
}

#[test]
fn every_way_around_gives_the_same_as_on_the_engine_itself() {
    on_every_engine(|engine| {
        let host = host_dir();
        for (file, content) in [
            ("same/f", "same\n"),
            ("storage/f", "storage\n"),
            ("storage/sub/g", "deep\n"),
            ("ro/f", "read me\n"),
        ] {
            write(host.path(), file, content);
        }
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let caller = caller(engine, &proxy, host.path());
        let describes_root = {
            let args = ["inspect", "--format", "{{json .GraphDriver}}", &caller.name];
            docker(engine, &engine.socket, &args).contains("MergedDir")
        };
        for Workaround { name, script, reads } in WORKAROUNDS {
            // The containerd image store has ended this one for everybody.
            if script.contains("MergedDir") && !describes_root {
                continue;
            }
            for socket in ["/run/raw.sock", "/run/hostward/docker.sock"] {
                let script = format!("export DOCKER_HOST=unix://{socket}\n{SOURCE_OF}{script}");
                let output = caller.sh(&script).unwrap();
                assert_eq!(
                    output.out(),
                    reads,
                    "{name}, by {socket} of engine {}: {}",
                    engine.name,
                    output.err()
                );
            }
        }
    });
}

#[test]
fn translate_tells_all_that_a_caller_has_and_makes_the_variables_of_the_ways_around() {
    on_every_engine(|engine| {
        let host = host_dir();
        write(host.path(), "storage/f", "storage\n");
        write(host.path(), "same/f", "same\n");
        write(host.path(), "ro/f", "read me\n");
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let caller = caller(engine, &proxy, host.path());
        let ask = |args: &[&str]| {
            let mut command = Command::new(program().unwrap());
            command.args(["translate", "--for", &caller.name, "--engine"]);
            command.arg(format!("unix://{}", engine.socket.display())).args(args);
            command.output().unwrap().succeeded().out()
        };
        let all = ask(&["--all"]);
        let all: BTreeMap<_, _> = all.lines().map(|line| line.split_once('\t').unwrap()).collect();
        for (at, there) in [("/app/storage", "storage"), ("/aaa", "storage"), ("/ro", "ro")] {
            assert_eq!(all.get(at), Some(&host.path().join(there).to_str().unwrap()), "{all:?}");
        }
        // By the words of the ways around, and by the engine's own socket.
        let volume = Path::new(all["/data"]);
        assert_eq!(fs::read_to_string(volume.join("sub/v")).unwrap(), "volume\n");
        let variables = ask(&["--env", "HOST_PWD=/app/storage", "--env", "LOCAL_WORKSPACE_FOLDER=/data/sub"]);
        let script = format!(
            "{variables}\nexport DOCKER_HOST=unix:///run/raw.sock\n\
             docker run --rm -v \"$HOST_PWD:/a\" -v \"$LOCAL_WORKSPACE_FOLDER:/b\" busybox cat /a/f /b/v"
        );
        assert_eq!(caller.sh(&script).unwrap().succeeded().out(), "storage\nvolume\n");
    });
}
