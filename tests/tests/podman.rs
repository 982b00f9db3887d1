//! Podman through its Docker-compatible API: what holds there, the bare engine first and then through Hostward.
//! What differs from Docker is in `docs/podman.md`.
//!
//! Judged by what files hold and by what containers print: with `--rm`, Podman 4.3 says 0 whatever the status was.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::catalog::Kind;
use hostward_testkit::{Caller, Engine, OutputText, engines_of, unique};
use hostward_tests::{Removed, World, docker, host_dir};
use std::fs;
use std::process::Stdio;

fn on_podman(case: impl Fn(&Engine)) {
    for engine in engines_of(Kind::Podman).unwrap_or_else(|error| panic!("{error}")) {
        case(&engine);
    }
}

/// What a container of busybox prints on the bare engine.
fn bare(engine: &Engine, flags: &[&str], script: &str) -> String {
    let mut args = vec!["run", "--rm"];
    args.extend(flags);
    args.extend(["busybox", "sh", "-c", script]);
    docker(engine, &engine.socket, &args)
}

/// A caller behind the world's proxy that has these mounts instead of the world's.
fn caller_with(world: &World, mounts: &[String]) -> Caller {
    let socket = world.proxy.socket();
    let mut flags = vec![
        format!("--volume={}:/run/hostward", socket.parent().unwrap().display()),
        "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
    ];
    flags.extend_from_slice(mounts);
    Caller::start_with(&world.engine, &flags).unwrap()
}

/// A volume that is removed at the end of a test.
struct Volume<'a>(&'a Engine, String);

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        let mut command = self.0.docker(&["volume", "rm", "--force", &self.1]);
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

#[test]
fn files_and_directories_are_mounted_by_both_forms() {
    on_podman(|engine| {
        let world = World::on(engine);
        world.write("dir/f", "content\n");
        let host = world.storage.path().display().to_string();
        for (form, read) in [
            ("--volume=DIR/f:/t", "cat /t"),
            ("--volume=DIR:/t", "cat /t/f"),
            ("--mount=type=bind,source=DIR/f,target=/t", "cat /t"),
            ("--mount=type=bind,source=DIR,target=/t", "cat /t/f"),
        ] {
            let on_host = form.replace("DIR", &format!("{host}/dir"));
            assert_eq!(bare(engine, &[&on_host], read), "content\n", "{form}");
            let in_caller = form.replace("DIR", "/app/storage/dir");
            let through = world.sh(&format!("docker run --rm {in_caller} busybox {read}"));
            assert_eq!(through, "content\n", "{form}");
        }
        world.sh("docker run --rm -v /app/storage/dir:/t busybox sh -c 'echo back > /t/g'");
        assert_eq!(fs::read_to_string(world.storage.path().join("dir/g")).unwrap(), "back\n");
    });
}

#[test]
fn t7_what_the_image_has_a_volume_for_stays_behind_and_t10_what_is_missing_is_made() {
    on_podman(|engine| {
        let world = World::on(engine);
        world.write("f", "content\n");
        fs::create_dir(world.storage.path().join("data")).unwrap();
        let (mine, image) = (host_dir(), Removed::image(engine, unique("hw-volume")));
        fs::write(mine.path().join("own"), "the caller's\n").unwrap();
        // Podman 4.3 answers a commit by this docker CLI with an error.
        let plain = Removed::new(engine, unique("hw-plain"));
        let tar = mine.path().with_extension("tar").display().to_string();
        docker(engine, &engine.socket, &["create", "--name", plain.name(), "busybox"]);
        docker(engine, &engine.socket, &["export", "-o", &tar, plain.name()]);
        let changes = ["-c", "VOLUME /t/data", "-c", "ENV PATH=/bin:/sbin:/usr/bin:/usr/sbin"];
        docker(engine, &engine.socket, &[&["import"], &changes[..], &[&*tar, image.name()]].concat());
        fs::remove_file(&tar).unwrap();
        let mounts = [
            format!("--volume={}:/ws", world.storage.path().display()),
            format!("--volume={}:/ws/data", mine.path().display()),
            "--label=hostward.missing=make".to_owned(),
        ];
        let caller = caller_with(&world, &mounts);
        let see = |image: &str| {
            let run = format!(
                "docker run --rm -v /ws:/t {image} sh -c 'cat /t/f; ls /t/data; echo over > /t/data/own'"
            );
            caller.sh_ok(&run).unwrap()
        };
        assert_eq!(see(image.name()), "content");
        assert_eq!(fs::read_to_string(mine.path().join("own")).unwrap(), "the caller's\n");
        assert_eq!(see("busybox"), "content\nown");
        let made = "docker run --rm -v /root/.m2:/m busybox sh -c 'echo kept > /m/f'; cat /root/.m2/f";
        assert_eq!(caller.sh_ok(made).unwrap(), "kept");
    });
}

#[test]
fn read_only_is_kept_and_t8_what_the_caller_may_only_read_stays_so() {
    on_podman(|engine| {
        let world = World::on(engine);
        let file = world.write("f", "before\n");
        let host = world.storage.path().display();
        let write = "cat /t/f; echo after > /t/f || echo refused";
        for form in ["--volume=DIR:/t:ro", "--mount=type=bind,source=DIR,target=/t,readonly"] {
            let on_host = form.replace("DIR", &host.to_string());
            assert_eq!(bare(engine, &[&on_host], write), "before\nrefused\n", "{form}");
            let in_caller = form.replace("DIR", "/app/storage");
            let through = world.sh(&format!("docker run --rm {in_caller} busybox sh -c '{write}'"));
            assert_eq!(through, "before\nrefused\n", "{form}");
        }
        let caller = caller_with(&world, &[format!("--volume={host}:/data:ro")]);
        for form in ["-v /data:/t", "-v /data:/t:rw", "--mount type=bind,source=/data,target=/t"] {
            let through = caller.sh_ok(&format!("docker run --rm {form} busybox sh -c '{write}'")).unwrap();
            assert_eq!(through, "before\nrefused", "{form}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "before\n");
    });
}

#[test]
fn t10_podman_makes_a_missing_source_for_both_forms_and_does_so_in_the_callers_tree() {
    on_podman(|engine| {
        let world = World::on(engine);
        let host = world.storage.path();
        for (n, form) in ["--volume=DIR:/t", "--mount=type=bind,source=DIR,target=/t"].iter().enumerate() {
            let missing = host.join(format!("bare{n}/deep")).display().to_string();
            bare(engine, &[&form.replace("DIR", &missing)], "touch /t/made");
            assert!(host.join(format!("bare{n}/deep/made")).exists(), "{form}");

            let missing = format!("/app/storage/through{n}/deep");
            let form = form.replace("DIR", &missing);
            world.sh(&format!("docker run --rm {form} busybox touch /t/made"));
            assert!(host.join(format!("through{n}/deep/made")).exists(), "{form}");
            assert!(!fs::exists(&missing).unwrap(), "{form}");
        }
    });
}

#[test]
fn t3_a_path_in_a_volume_is_a_bind_of_the_volumes_directory() {
    on_podman(|engine| {
        let world = World::on(engine);
        let volume = Volume(engine, unique("hw-podman"));
        let caller = caller_with(&world, &[format!("--volume={}:/data", volume.1)]);
        caller.sh_ok("mkdir -p /data/sub && echo 'in a volume' > /data/sub/f").unwrap();
        let mountpoint = ["volume", "inspect", "--format", "{{.Mountpoint}}", &volume.1];
        let mountpoint = docker(engine, &engine.socket, &mountpoint).trim().to_owned();
        // Podman knows no subpaths, and copies files of the image into a volume.
        for (asked, read, kind, source) in [
            ("-v /data:/t", "cat /t/sub/f", "bind", mountpoint.clone()),
            ("-v /data/sub:/t", "cat /t/f", "bind", format!("{mountpoint}/sub")),
            ("-v /data/sub/f:/t", "cat /t", "bind", format!("{mountpoint}/sub/f")),
            (
                "--mount type=bind,source=/data/sub/f,target=/t",
                "cat /t",
                "bind",
                format!("{mountpoint}/sub/f"),
            ),
        ] {
            let container = Removed::new(engine, unique("hw-volume"));
            let name = container.name();
            let script = format!(
                "docker create --name {name} {asked} busybox {read} >/dev/null && docker start -a {name}"
            );
            assert_eq!(caller.sh_ok(&script).unwrap(), "in a volume", "{asked}");
            let format = "{{range .Mounts}}{{.Type}} {{.Source}}{{end}}";
            let found = docker(engine, &engine.socket, &["inspect", "--format", format, name]);
            assert_eq!(found.trim(), format!("{kind} {source}"), "{asked}");
        }
    });
}

#[test]
fn t5_the_callers_root_filesystem_is_mounted_as_it_lives() {
    on_podman(|engine| {
        let world = World::on(engine);
        world.sh("mkdir -p /opt/own && echo first > /opt/own/f");
        for (asked, path) in [
            ("-v /opt/own/f:/t", "/t"),
            ("-v /opt/own:/t", "/t/f"),
            ("--mount type=bind,source=/opt/own,target=/t", "/t/f"),
        ] {
            assert_eq!(
                world.sh(&format!("docker run --rm {asked} busybox cat {path}")),
                "first\n",
                "{asked}"
            );
        }
        let container = Removed::new(engine, unique("hw-live"));
        let name = container.name();
        world.sh(&format!(
            "docker run -d --name {name} -v /opt/own:/t busybox sleep 1000 && echo then > /opt/own/f"
        ));
        assert_eq!(world.sh(&format!("docker exec {name} cat /t/f")), "then\n");
        // The files that Podman itself mounts in the caller.
        let hosts = world.sh("cat /etc/hosts");
        assert_eq!(world.sh("docker run --rm -v /etc/hosts:/t:ro busybox cat /t"), hosts);
    });
}

#[test]
fn t7_a_directory_brings_the_callers_other_mounts_along() {
    on_podman(|engine| {
        let world = World::on(engine);
        world.write("ws/src", "source\n");
        world.write("locked/key", "key\n");
        let volume = Volume(engine, unique("hw-podman"));
        let host = world.storage.path().display();
        let caller = caller_with(
            &world,
            &[
                format!("--volume={host}/ws:/ws"),
                format!("--volume={}:/ws/modules", volume.1),
                format!("--volume={host}/locked:/ws/locked:ro"),
            ],
        );
        caller.sh_ok("echo module > /ws/modules/m").unwrap();
        let read = "cat /t/src /t/modules/m /t/locked/key; echo new > /t/locked/key || echo refused";
        let through =
            |asked: &str| caller.sh_ok(&format!("docker run --rm {asked} busybox sh -c '{read}'")).unwrap();
        assert_eq!(through("-v /ws:/t"), "source\nmodule\nkey\nrefused");
        assert_eq!(through("--mount type=bind,source=/ws,target=/t"), "source\nmodule\nkey\nrefused");
        // Podman's own read-only mounts are so at their top alone: what comes along must be so by itself.
        let write = "for f in /t/new /t/modules/new; do echo > $f || echo refused; done";
        for asked in ["-v /ws:/t:ro", "--mount type=bind,source=/ws,target=/t,readonly"] {
            let through = caller.sh_ok(&format!("docker run --rm {asked} busybox sh -c '{write}'")).unwrap();
            assert_eq!(through, "refused\nrefused", "{asked}");
        }
    });
}

#[test]
fn answers_name_the_callers_paths() {
    on_podman(|engine| {
        let world = World::on(engine);
        world.write("dir/f", "content\n");
        let volume = Volume(engine, unique("hw-podman"));
        let host = world.storage.path().display().to_string();
        let caller = caller_with(
            &world,
            &[format!("--volume={host}:/app/storage"), format!("--volume={}:/data", volume.1)],
        );
        caller.sh_ok("mkdir -p /data/sub /opt/own").unwrap();
        let container = Removed::new(engine, unique("hw-answers"));
        let name = container.name();
        let asked = "-v /app/storage/dir/f:/f:ro -v /data/sub:/s --mount type=bind,source=/opt/own,target=/o";
        caller.sh_ok(&format!("docker create --name {name} {asked} busybox true")).unwrap();

        let sorted = |text: String| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines.join("\n")
        };
        let inspect = |format: &str| {
            sorted(caller.sh_ok(&format!("docker inspect --format '{format}' {name}")).unwrap())
        };
        let mounts = "{{range .Mounts}}{{println .Type .Source .Destination .RW}}{{end}}";
        assert_eq!(
            inspect(mounts).trim(),
            "bind /app/storage/dir/f /f false\nbind /data/sub /s true\nbind /opt/own /o true"
        );
        // Podman lists every mount here, whatever form it was asked in, and adds all its options.
        let binds = inspect("{{range .HostConfig.Binds}}{{println .}}{{end}}");
        let binds: Vec<&str> = binds.lines().filter(|line| !line.is_empty()).collect();
        let begin = ["/app/storage/dir/f:/f:ro", "/data/sub:/s", "/opt/own:/o"];
        assert!(
            binds.len() == 3 && begin.iter().zip(&binds).all(|(begin, bind)| bind.starts_with(begin)),
            "{binds:?}"
        );
        let listed =
            caller.sh_ok(&format!("docker ps -a --no-trunc --filter name={name} --format '{{{{.Mounts}}}}'"));
        let mut listed: Vec<String> = listed.unwrap().split(',').map(str::to_owned).collect();
        listed.sort();
        assert_eq!(listed, ["/app/storage/dir/f", "/data/sub", "/opt/own"]);
        // To a third party on the engine's own socket the machine's paths stand as ever.
        assert!(docker(engine, &engine.socket, &["inspect", name]).contains(&format!("{host}/dir/f:/f:ro")));
    });
}

#[test]
fn what_has_no_translation_is_refused_with_the_reason() {
    on_podman(|engine| {
        let world = World::on(engine);
        for (path, reason) in [
            ("/dev/shm/own", "own shared memory"),
            ("/app/storagex/f", "does not exist"),
            ("/app/storage/loop", "symbolic links"),
        ] {
            world.sh("mkdir -p /dev/shm/own; ln -sfn loop /app/storage/loop");
            world.refuses(path, reason);
        }
        assert!(!fs::exists("/app/storagex").unwrap());
    });
}

#[test]
fn t11_a_caller_starts_callers() {
    on_podman(|engine| {
        let world = World::on(engine);
        world.write("inner/a", "from below\n");
        let script = "docker run --rm -v /app/storage/inner:/work -v /var/run/docker.sock:/run/docker.sock \
             -e DOCKER_HOST=unix:///run/docker.sock hostward/caller \
             docker run --rm -v /work/a:/a busybox cat /a";
        assert_eq!(world.sh(script), "from below\n");
    });
}

#[test]
fn streams_and_copies_pass() {
    on_podman(|engine| {
        let world = World::on(engine);
        world.write("f", "copied\n");
        let container = Removed::new(engine, unique("hw-streams"));
        let name = container.name();
        world.sh(&format!(
            "docker run -d --name {name} -v /app/storage:/t busybox sh -c 'echo out; echo err >&2; exec sleep 1000'"
        ));
        assert_eq!(world.sh(&format!("docker logs {name} 2>&1 | sort")), "err\nout\n");
        assert_eq!(world.sh(&format!("echo in | docker exec -i {name} cat")), "in\n");
        assert_eq!(world.sh(&format!("docker exec {name} sh -c 'exit 5' || echo $?")), "5\n");
        assert_eq!(world.sh("echo in | docker run -i --rm busybox cat"), "in\n");
        world.sh(&format!("docker cp /app/storage/f {name}:/tmp/g"));
        assert_eq!(world.sh(&format!("docker cp {name}:/tmp/g - | tar xO")), "copied\n");
        assert_eq!(world.sh(&format!("docker top {name} -o args | tail -n 1")), "sleep 1000\n");
        world.sh(&format!("docker stop -t 0 {name}"));
        assert_eq!(world.sh(&format!("docker wait {name}")), "137\n");
    });
}

#[test]
fn compose_brings_up_a_project_and_leaves_it_as_it_is() {
    on_podman(|engine| {
        let world = World::on(engine);
        world.write("project/data/a", "from compose\n");
        world.write(
            "project/compose.yaml",
            "services:\n  job:\n    image: busybox\n    command: sh -c 'cat /data/a > /data/b; exec sleep 1000'\n    volumes:\n\
             \x20     - ./data:/data\n      - type: bind\n        source: ./data/a\n        target: /a\n        read_only: true\n\
             \x20     - kept:/kept\nvolumes:\n  kept:\n",
        );
        let project = unique("hwcompose");
        let compose = |words: &str| {
            let output =
                world.try_sh(&format!("cd /app/storage/project && docker compose -p {project} {words} 2>&1"));
            output.succeeded().out()
        };
        let made = compose("up -d");
        let again = compose("up -d");
        let id = compose("ps -q job");
        let down = compose("down -v -t 0");
        assert!(made.contains("Created"), "{made}");
        assert!(again.contains("Running") && !again.contains("Recreate"), "{again}");
        assert_eq!(id.trim().len(), 64, "{id}");
        assert!(down.contains("Removed"), "{down}");
        assert_eq!(world.sh("cat /app/storage/project/data/b"), "from compose\n");
        let left =
            docker(engine, &engine.socket, &["volume", "ls", "-q", "--filter", &format!("name={project}")]);
        assert_eq!(left, "");
    });
}

#[test]
fn a_caller_that_starts_again_is_known_by_its_new_mounts() {
    on_podman(|engine| {
        let world = World::on(engine);
        let storage = host_dir();
        fs::write(storage.path().join("f"), "mine\n").unwrap();
        world.write("f", "another's\n");
        let caller = caller_with(&world, &[format!("--volume={}:/data", storage.path().display())]);
        let read = "mkdir -p /opt/own; date +%N > /opt/own/now; docker run --rm -v /data/f:/f -v /opt/own/now:/n busybox cat /f /n; cat /opt/own/now";
        for _ in 0..2 {
            let lines = caller.sh_ok(read).unwrap();
            let lines: Vec<&str> = lines.lines().collect();
            assert_eq!((lines[0], lines[1]), ("mine", lines[2]), "{lines:?}");
            docker(engine, &engine.socket, &["restart", "-t", "0", &caller.name]);
        }
    });
}

#[test]
fn podmans_own_ways_to_the_machine_are_shut() {
    on_podman(|engine| {
        let world = World::on(engine);
        let caller = caller_with(
            &world,
            &[
                format!("--volume={}:/app/storage", world.storage.path().display()),
                format!("--volume={}:/ro:ro", world.storage.path().display()),
            ],
        );
        let file = world.write("f", "mine\n");
        // Podman makes a text of each mount, and reads it again: a comma begins the next option.
        caller.sh_ok("mkdir -p '/app/storage/x,src=/etc'").unwrap();
        let mount =
            |fields: &str| format!(r#"{{"Image":"busybox","HostConfig":{{"Mounts":[{{{fields}}}]}}}}"#);
        let bind = |bind: &str| format!(r#"{{"Image":"busybox","HostConfig":{{"Binds":["{bind}"]}}}}"#);
        for (version, body) in [
            ("/v1.41", mount(r#""Type":"bind","Source":"/app/storage/x,src=/etc","Target":"/t""#)),
            ("/v1.41", mount(r#""Type":"bind","Source":"/app/storage","Target":"/t,src=/etc""#)),
            ("/v1.41", mount(r#""Type":"bind,src=/etc","Target":"/t""#)),
            (
                "/v1.41",
                mount(
                    r#""Type":"bind","Source":"/app/storage","Target":"/t","BindOptions":{"Propagation":"rprivate,src=/etc"}"#,
                ),
            ),
            ("/v1.41", mount(r#""Type":"bind","Source":"../../../../../etc","Target":"/t""#)),
            ("/v1.41", bind("../../../../../etc:/t")),
            ("/v1.41", r#"{"Image":"busybox","Volumes":{"/etc:/t":{}}}"#.to_owned()),
            // Podman's router takes more for a version than Docker's.
            ("/v1-x", bind("/app/storage/f:/t")),
            // The option that gives away what the caller may only read.
            ("/v1.41", bind("/ro:/t:U")),
        ] {
            let name = unique("hw-road");
            let _removed = Removed::new(engine, name.as_str());
            let answer = caller
                .sh_ok(&format!(
                    "curl -s --unix-socket /run/hostward/docker.sock -H 'Content-Type: application/json' \
                     'http://d{version}/containers/create?name={name}' -d '{body}'"
                ))
                .unwrap();
            let format = "{{range .Mounts}}{{.Source}} {{end}}";
            let made = engine.docker(&["inspect", "--format", format, &name]).output().unwrap();
            // Not made at all, or made of what the caller has.
            let own = made.out().split_whitespace().all(|source| file.starts_with(source));
            assert!(
                !made.status.success() || (own && !body.contains(":U")),
                "{version} {body}: {answer} {}",
                made.out()
            );
        }
    });
}

/// What shows that a request has reached the host.
enum Shows {
    /// A file in the host's directory is there then.
    File(&'static str),
    /// It is printed.
    Text(String),
}

/// A request that names a file on the host to Podman alone: what Hostward's answer names, the script that asks, in which
/// HOST is a directory of the host that no caller has and NAME is removed afterwards, and what shows that it got there.
type Way = (&'static str, String, Shows);

/// What the scripts call: `build QUERY` builds /ctx, `post PATH [BODY]` asks, `run BODY` runs a container.
const FUNCTIONS: &str = r#"
ask() { curl -s -g --unix-socket /run/hostward/docker.sock -X POST "$@"; }
build() { tar -C /ctx -cf - . | ask -H 'Content-Type: application/x-tar' "http://d/v1.41/build?t=NAME&layers=false&nocache=1&$1" --data-binary @-; }
post() { ask -H 'Content-Type: application/json' "http://d/v1.41/$1" -d "$2"; }
run() { post 'containers/create?name=NAME' "$1"; docker start NAME; docker wait NAME; docker logs NAME; }
rm -rf /ctx; mkdir /ctx; printf 'FROM busybox\nRUN echo from the context\n' >/ctx/Dockerfile
"#;

/// A text as a query has it.
fn encoded(text: &str) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_./:".contains(b);
    text.bytes().map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Leads to the root from whatever directory.
const UP: &str = "../../../../../../../../..";

fn text(text: &str) -> Shows {
    Shows::Text(text.to_owned())
}

fn dockerfile(lines: &str, query: &str) -> String {
    format!("printf '{lines}' >/ctx/Dockerfile; build '{query}'")
}

fn run(fields: &str, script: &str) -> String {
    let body = format!(r#"{{"Image":"busybox","Cmd":["sh","-c","{script}"],"HostConfig":{{{fields}}}}}"#);
    format!("run '{body}'")
}

#[test]
fn what_a_build_names_on_the_host_to_podman_alone_is_refused() {
    are_refused(&|| {
        vec![
            ("rusagelogfile", "build 'rusage=1&RuSageLogFile=HOST/made'".to_owned(), Shows::File("made")),
            (
                "additionalbuildcontexts",
                dockerfile(
                    "FROM busybox\\nCOPY --from=host secret /s\\nRUN cat /s\\n",
                    &format!("additionalbuildcontexts={}", encoded(r#"{"host":{"Value":"HOST"}}"#)),
                ),
                text("kept on the host"),
            ),
            (
                "dockerfile",
                format!("build 'dockerfile={}'", encoded(r#"["HOST/Dockerfile"]"#)),
                text("from the host"),
            ),
            ("dockerfile", format!("build 'dockerfile={UP}HOST/Dockerfile'"), text("from the host")),
            (
                "secrets",
                dockerfile(
                    "FROM busybox\\nRUN --mount=type=secret,id=s cat /run/secrets/s\\n",
                    &format!("secrets={}", encoded(&format!(r#"["id=s,src={UP}HOST/secret"]"#))),
                ),
                text("kept on the host"),
            ),
            (
                "devices",
                dockerfile(
                    "FROM busybox\\nRUN ls /dev/own\\n",
                    &format!("devices={}", encoded(r#"["/dev/null:/dev/own:r"]"#)),
                ),
                text("stream\":\"/dev/own"),
            ),
            (
                "securityopt",
                format!("build 'securityopt={}'", encoded(r#"["seccomp=HOST/missing.json"]"#)),
                text("missing.json"),
            ),
        ]
    });
}

#[test]
fn what_other_queries_name_on_the_host_to_podman_alone_is_refused() {
    are_refused(&|| {
        vec![
        ("fromsrc", "post 'images/create?fromSrc=HOST/image.tar&repo=NAME'".to_owned(), text("sha256:")),
        ("destination", "post 'images/busybox/push?destination=dir:HOST/made'".to_owned(), Shows::File("made")),
        ("url", "post 'libpod/images/import?url=HOST/image.tar&reference=NAME'".to_owned(), text("sha256:")),
        ("t", "tar -C /ctx -cf - . | ask -H 'Content-Type: application/x-tar' \
               'http://d/v4.3.1/libpod/build?t=dir:HOST/made&layers=false&outputformat=application/vnd.docker.distribution.manifest.v2%2Bjson' \
               --data-binary @-".to_owned(), Shows::File("made")),
        (
            "driver",
            format!(
                "ask -H 'Content-Type: application/octet-stream' 'http://d/v4.3.1/libpod/secrets/create?name=NAME&driver=shell&driveropts={}' \
                 --data-binary hello",
                encoded(r#"{"store":"cat >HOST/made","lookup":"true","list":"true","delete":"true"}"#)
            ),
            Shows::File("made"),
        ),
        (
            "store",
            "ask -X GET 'http://d/v1.41/images/containers-storage:[vfs@HOST/made+HOST/run]x/json'".to_owned(),
            Shows::File("made"),
        ),
    ]
    });
}

#[test]
fn what_a_create_names_on_the_host_to_podman_alone_is_refused() {
    are_refused(&|| {
        vec![
        (
            "Image",
            r#"post containers/create '{"Image":"containers-storage:[vfs@HOST/made+HOST/run]busybox"}'"#.to_owned(),
            Shows::File("made"),
        ),
        (
            "DriverOpts.type",
            r#"post volumes/create '{"Name":"NAME","DriverOpts":{"type":"bind","device":"HOST"}}'; docker run --rm -v NAME:/v busybox cat /v/secret"#
                .to_owned(),
            text("kept on the host"),
        ),
        ("LogConfig.Config", run(r#""LogConfig":{"Type":"k8s-file","Config":{"path":"HOST/made"}}"#, "echo"), Shows::File("made")),
        (
            "upperdir",
            run(r#""Binds":["NAME:/t:O,upperdir=HOST/up,workdir=HOST/work"]"#, "echo >/t/made"),
            Shows::File("up/made"),
        ),
        ("SecurityOpt[0]", run(r#""SecurityOpt":["seccomp=HOST/missing.json"]"#, "echo"), text("missing.json")),
        (
            "PathOnHost",
            run(
                &format!(r#""Devices":[{{"PathOnHost":"{UP}/dev/null","PathInContainer":"/dev/own","CgroupPermissions":"r"}}]"#),
                "ls /dev/own",
            ),
            text("/dev/own"),
        ),
    ]
    });
}

#[test]
fn namespaces_on_the_host_are_not_joined_by_their_files() {
    are_refused(&|| {
        let kinds = [
            ("NetworkMode", "net"),
            ("PidMode", "pid"),
            ("IpcMode", "ipc"),
            ("UTSMode", "uts"),
            ("CgroupnsMode", "cgroup"),
        ];
        let way = |(mode, kind): (&'static str, &str)| {
            let own = format!("/proc/{}/ns/{kind}", std::process::id());
            let shows = fs::read_link(&own).unwrap().display().to_string();
            let asks = run(&format!(r#""{mode}":"ns:{own}""#), &format!("readlink /proc/self/ns/{kind}"));
            (mode, asks, Shows::Text(shows))
        };
        kinds.map(way).into()
    });
}

/// Asks on the bare engine first, where each must do what it says, and then through Hostward.
fn are_refused(ways: &dyn Fn() -> Vec<Way>) {
    on_podman(|engine| {
        let world = World::on(engine);
        let storage = format!("--volume={}:/app/storage", world.storage.path().display());
        let through = caller_with(&world, std::slice::from_ref(&storage));
        let socket = engine.socket.parent().unwrap().display();
        let bare = [format!("--volume={socket}:/run/hostward"), storage];
        let bare = [&bare[..], &["--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned()]].concat();
        let bare = Caller::start_with(engine, &bare).unwrap();
        for (named, asks, shows) in ways() {
            for (caller, harms) in [(&bare, true), (&through, false)] {
                let host = host_dir();
                fs::write(host.path().join("secret"), "kept on the host\n").unwrap();
                fs::write(host.path().join("Dockerfile"), "FROM busybox\nRUN echo from the host\n").unwrap();
                // An archive without files is two blocks of zeros.
                fs::write(host.path().join("image.tar"), [0; 1024]).unwrap();
                fs::create_dir(host.path().join("up")).unwrap();
                fs::create_dir(host.path().join("work")).unwrap();
                let name = unique("hw-own");
                // The last is removed first: what a container has is in use.
                let _volume = Volume(engine, name.clone());
                let _image = Removed::image(engine, name.as_str());
                let _container = Removed::new(engine, name.as_str());
                let script = format!("{FUNCTIONS}{asks}").replace("NAME", &name);
                let script = script.replace("HOST", &host.path().display().to_string());
                let said = caller.sh(&script).unwrap();
                let said = format!("{}{}", said.out(), said.err());
                let harmed = match &shows {
                    Shows::File(file) => fs::exists(host.path().join(file)).unwrap(),
                    Shows::Text(text) => said.contains(&**text) && !said.contains("hostward: "),
                };
                assert_eq!(harmed, harms, "{named}: {asks}: {said}");
                let refused = said.contains("hostward: ") && said.contains(named);
                assert_eq!(refused, !harms, "{named}: {asks}: {said}");
                assert!(fs::exists(host.path().join("secret")).unwrap(), "{named}: {said}");
                let secret = format!(
                    "curl -s --unix-socket /run/hostward/docker.sock -X DELETE http://d/v1.41/secrets/{name}"
                );
                bare.sh(&secret).unwrap();
            }
        }
    });
}
