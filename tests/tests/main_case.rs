//! The main case: a caller names its own paths, and the engine mounts what the caller sees there.

use hostward_testkit::{OutputText, unique};
use hostward_tests::{World, docker, on_each_engine};
use std::fs;

const PRINTS_42: &str = "print(6 * 7)\n";

#[test]
fn a_file_of_the_caller_is_mounted() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let file = world.write("tmp/file.py", PRINTS_42);
        let run = |source: &str| format!("docker run --rm -v {source}:/code.py python:3.11 python3 /code.py");

        let bind = format!("{}:/code.py", file.display());
        let oracle = docker(
            engine,
            &engine.socket,
            &["run", "--rm", "-v", &bind, "python:3.11", "python3", "/code.py"],
        );
        assert_eq!(oracle, "42\n");
        assert_eq!(world.sh(&run("/app/storage/tmp/file.py")), oracle);
        // What the path was not meant to be: a directory of that name on the host.
        assert!(!fs::exists("/app/storage/tmp/file.py").unwrap());
    });
}

#[test]
fn every_spelling_of_a_path_leads_to_the_same_file() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("a/file", "here\n");
        world.sh("ln -s a /app/storage/rel; ln -s /app/storage/a /app/storage/abs");
        for path in [
            "/app/storage/a/file",
            "//app/./storage//a/file",
            "/app/storage/../storage/a/file",
            "/app/storage/rel/file",
            "/app/storage/abs/file",
        ] {
            let cat =
                format!("docker run --rm --mount type=bind,source={path},target=/f,readonly busybox cat /f");
            assert_eq!(world.sh(&cat), "here\n", "{path}");
        }
        let cat =
            "cd /app/storage/a && docker run --rm -v \"$PWD/file\":/f -v \"$PWD\":/d busybox cat /f /d/file";
        assert_eq!(world.sh(cat), "here\nhere\n");
    });
}

#[test]
fn a_directory_is_mounted_and_written_through() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("in/a", "from the caller\n");
        let read = "docker run --rm -v /app/storage/in:/d busybox sh -c 'cat /d/a; echo back > /d/b'";
        assert_eq!(world.sh(read), "from the caller\n");
        assert_eq!(world.sh("cat /app/storage/in/b"), "back\n");
        assert_eq!(fs::read_to_string(world.storage.path().join("in/b")).unwrap(), "back\n");
        // The mount itself, not only what lies beneath it.
        assert_eq!(world.sh("docker run --rm -v /app/storage:/d busybox cat /d/in/b"), "back\n");
    });
}

#[test]
fn read_only_is_kept() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("ro/a", "read me\n");
        for mount in
            ["-v /app/storage/ro:/d:ro", "--mount type=bind,source=/app/storage/ro,target=/d,readonly"]
        {
            let run = |command: &str| world.try_sh(&format!("docker run --rm {mount} busybox {command}"));
            assert_eq!(run("cat /d/a").succeeded().out(), "read me\n");
            let write = run("touch /d/b");
            assert!(write.failed().err().contains("Read-only file system"), "{}", write.err());
            assert!(!world.storage.path().join("ro/b").exists());
        }
    });
}

#[test]
fn t8_what_the_caller_may_only_read_is_read_only_for_all() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let file = world.write("a", "shared\n");
        let caller = hostward_testkit::Caller::start_with(
            engine,
            &[
                format!("--volume={}:/data:ro", world.storage.path().display()),
                format!("--volume={}:/run/hostward", world.proxy.socket().parent().unwrap().display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            ],
        )
        .unwrap();
        for mount in ["-v /data:/d", "-v /data:/d:rw", "--mount type=bind,source=/data,target=/d"] {
            let script = format!("docker run --rm {mount} busybox sh -c 'cat /d/a; echo gone > /d/a'");
            let output = caller.sh(&script).unwrap();
            assert_eq!(output.failed().out(), "shared\n", "{mount}");
            assert_eq!(fs::read_to_string(&file).unwrap(), "shared\n", "{mount}");
        }
    });
}

#[test]
fn mounts_and_create_then_start_work_alike() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("tmp/file.py", PRINTS_42);
        let mount = "--mount type=bind,source=/app/storage/tmp/file.py,target=/code.py";
        assert_eq!(world.sh(&format!("docker run --rm {mount} python:3.11 python3 /code.py")), "42\n");
        let name = unique("hw-created");
        let script = format!(
            "docker create --name {name} -v /app/storage/tmp/file.py:/code.py python:3.11 python3 /code.py >/dev/null \
             && docker start --attach {name}; docker rm -f {name} >/dev/null"
        );
        assert_eq!(world.sh(&script), "42\n");
    });
}

#[test]
fn a_path_with_spaces_and_other_letters_is_mounted() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("with space/ünï \"q\" $x/a", "odd\n");
        let quoted = r#"'/app/storage/with space/ünï "q" $x'"#;
        assert_eq!(world.sh(&format!("docker run --rm -v {quoted}:/d busybox cat /d/a")), "odd\n");
        world.write("it,has:colon/a", "colon\n");
        let mount = r#"'type=bind,"source=/app/storage/it,has:colon",target=/d'"#;
        assert_eq!(world.sh(&format!("docker run --rm --mount {mount} busybox cat /d/a")), "colon\n");
    });
}

#[test]
fn compose_brings_up_a_project_with_relative_binds() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("project/data/a", "from compose\n");
        world.write("project/script.sh", "cat /data/a\necho done > /data/b\n");
        world.write(
            "project/compose.yaml",
            "services:\n  job:\n    image: busybox\n    network_mode: none\n    command: sh /script.sh\n    volumes:\n\
             \x20     - ./data:/data\n      - type: bind\n        source: ./script.sh\n        target: /script.sh\n        read_only: true\n",
        );
        let project = unique("hwcompose");
        let script = format!(
            "cd /app/storage/project && docker compose -p {project} up --no-log-prefix --exit-code-from job 2>/tmp/err; \
             code=$?; docker compose -p {project} down -t 0 2>/dev/null; [ $code = 0 ] || cat /tmp/err >&2; exit $code"
        );
        let output = world.sh(&script);
        assert!(output.contains("from compose\n"), "{output}");
        assert_eq!(world.sh("cat /app/storage/project/data/b"), "done\n");
    });
}

#[test]
fn t10_a_missing_source_is_made_in_the_callers_tree_or_fails_in_the_engines_words() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.sh("docker run --rm -v /app/storage/new/deep:/d busybox touch /d/made");
        assert_eq!(world.sh("ls /app/storage/new/deep"), "made\n");

        let absent = world.storage.path().join("absent");
        let mount = |source: &str| format!("type=bind,source={source},target=/d");
        let host_mount = mount(&absent.display().to_string());
        let run = |m: &str| ["run", "--rm", "--mount", m, "busybox", "true"].map(str::to_owned);
        // What the engine says; the words around it are the client's.
        let said = |output: &std::process::Output| {
            let errors = output.failed().err();
            let line =
                errors.lines().find(|line| line.contains("Error response from daemon")).map(str::to_owned);
            line.unwrap_or(errors).trim_end_matches('.').to_owned()
        };
        let oracle = said(&engine.docker(&run(&host_mount)).output().unwrap());
        let through = said(
            &world.try_sh(&format!("docker run --rm --mount {} busybox true", mount("/app/storage/absent"))),
        );
        assert_eq!(through, oracle.replace(&absent.display().to_string(), "/app/storage/absent"));
        assert!(through.ends_with("bind source path does not exist: /app/storage/absent"), "{through}");
        assert!(!absent.exists());
    });
}

#[test]
fn t15_explicit_maps_and_host_pwd_win_over_what_is_discovered() {
    on_each_engine(|engine| {
        let elsewhere = hostward_tests::host_dir();
        fs::create_dir(elsewhere.path().join("storage")).unwrap();
        fs::write(elsewhere.path().join("storage/a"), "mapped\n").unwrap();
        let storage = hostward_tests::host_dir();
        fs::write(storage.path().join("a"), "discovered\n").unwrap();
        let map = format!("/app/storage={}/storage", elsewhere.path().display());
        let proxy = hostward_testkit::Proxy::start(engine, &["--map", &map]).unwrap();
        let caller = hostward_testkit::Caller::start(engine, &proxy.socket(), storage.path()).unwrap();
        let output = caller.sh("docker run --rm -v /app/storage/a:/a busybox cat /a").unwrap();
        assert_eq!(output.succeeded().out(), "mapped\n");
    });
}

#[test]
fn what_has_no_translation_is_refused_with_the_reason_and_makes_nothing() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        for (path, reason) in [
            ("/app/storagex/f", "does not exist in the calling container"),
            ("/dev/shm/f", "own shared memory"),
            ("/proc/self/cwd", "own shared memory or processes"),
            ("/app/storage/loop", "too many levels of symbolic links"),
        ] {
            world.sh("ln -sfn loop /app/storage/loop");
            world.refuses(path, reason);
        }
        assert!(!fs::exists("/app/storagex").unwrap());
    });
}

#[test]
fn what_the_caller_sees_is_what_is_mounted_or_nothing_is() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("tmp/f", "hidden beneath\n");
        world.write("deep/a/f", "deep\n");
        let caller = hostward_testkit::Caller::start_with(
            engine,
            &[
                "--cap-add=SYS_ADMIN".to_owned(), // to mount; not all machines can give --privileged
                "--security-opt=apparmor=unconfined".to_owned(),
                "--security-opt=seccomp=unconfined".to_owned(),
                format!("--volume={}:/app/storage", world.storage.path().display()),
                format!("--volume={}:/run/hostward", world.proxy.socket().parent().unwrap().display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            ],
        )
        .unwrap();
        caller.sh_ok("mount -t tmpfs none /app/storage/tmp && echo seen > /app/storage/tmp/f").unwrap();
        for path in ["/app/storage/tmp/f", "/app/storage/tmp", "/app/storage/tmp/new", "/app/storage"] {
            let refused = caller.sh(&format!("docker run --rm -v {path}:/x busybox ls /x")).unwrap();
            assert!(
                refused.failed().err().contains("another mount lies in between"),
                "{path}: {}",
                refused.err()
            );
        }
        assert!(!world.storage.path().join("tmp/new").exists());
        // Links: `..` is taken after them, and one to the machine gives the machine's directory.
        caller.sh_ok("ln -s /app/storage/deep/a /dd && ln -s /proc /app/storage/deep/p").unwrap();
        let shown = caller.sh_ok("docker run --rm -v /dd/..:/x busybox cat /x/a/f").unwrap();
        assert_eq!(shown, "deep");
        let version = "docker run --rm -v /app/storage/deep/p:/x:ro busybox cat /x/sys/kernel/random/boot_id";
        assert_eq!(
            caller.sh_ok(version).unwrap(),
            fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim()
        );
        // Shared memory is each container's own.
        let refused =
            caller.sh("mkdir /dev/shm/w && docker run --rm -v /dev/shm/w:/x busybox ls /x").unwrap();
        assert!(refused.failed().err().contains("own shared memory"), "{}", refused.err());
    });
}

#[test]
fn every_form_of_create_that_an_engine_takes_is_translated() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("a", "by hand\n");
        let post = |path: &str, body: &str| {
            world.sh(&format!(
                "curl -s --unix-socket /run/hostward/docker.sock -X POST -H 'Content-Type: application/json' \
                 'http://d{path}' -d '{body}'"
            ))
        };
        let bound = |name: &str| {
            let format = "{{range .Mounts}}{{.Source}}{{end}}";
            docker(engine, &engine.socket, &["inspect", "--format", format, name]).trim().to_owned()
        };
        let source = world.storage.path().join("a").display().to_string();
        // From the top of the body, as engines before 28 take it.
        let name = unique("hw-top");
        let _removed = hostward_tests::Removed::new(engine, name.as_str());
        let body = r#"{"Image":"busybox","Binds":["/app/storage/a:/a"]}"#;
        post(&format!("/containers/create?name={name}"), body);
        let found = bound(&name);
        assert!(found == source || (found.is_empty() && engine.speaks(1, 46)), "{found}");
        // With the start, as engines that still speak API 1.23 take it.
        let name = unique("hw-start");
        let _removed = hostward_tests::Removed::new(engine, name.as_str());
        post(&format!("/containers/create?name={name}"), r#"{"Image":"busybox","Cmd":["sleep","100"]}"#);
        post(&format!("/v1.23/containers/{name}/start"), r#"{"Binds":["/app/storage/a:/a"]}"#);
        let found = bound(&name);
        assert!(found == source || (found.is_empty() && engine.speaks(1, 45)), "{found}");
    });
}

#[test]
fn t13_volumes_pass_and_t19_the_machine_is_the_engines() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let volume = unique("hw-volume");
        let script = format!(
            "docker run --rm -v {volume}:/v -v /anonymous busybox sh -c 'echo kept > /v/a' && \
             docker run --rm -v {volume}:/v busybox cat /v/a; docker volume rm {volume} >/dev/null"
        );
        assert_eq!(world.sh(&script), "kept\n");
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let script =
            "docker run --rm -v /proc:/host/proc:ro busybox cat /host/proc/sys/kernel/random/boot_id";
        assert_eq!(world.sh(script), boot_id);
    });
}

#[test]
fn a_caller_in_a_created_container_is_a_caller_in_its_turn() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("inner/a", "from below\n");
        // The socket's directory lies beneath a bind of the caller, so it is handed on like any other path.
        let script = "docker run --rm -v /app/storage/inner:/work -v /run/hostward:/run/hostward \
             -e DOCKER_HOST=unix:///run/hostward/docker.sock hostward/caller \
             docker run --rm -v /work/a:/a busybox cat /a";
        assert_eq!(world.sh(script), "from below\n");
    });
}

#[test]
fn a_socket_made_for_one_container_serves_that_containers_view() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("a", "by name\n");
        let proxy = hostward_testkit::Proxy::start(engine, &["--for", &world.caller.name]).unwrap();
        // A process of the host speaks for the container.
        let run = ["run", "--rm", "-v", "/app/storage/a:/a", "busybox", "cat", "/a"];
        assert_eq!(docker(engine, &proxy.socket(), &run), "by name\n");
    });
}
