//! The program as users meet it: what it prints, what it says, how it ends. No engine is needed here.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

/// The program in a world of its own: no variables, no configuration, no engine.
struct World {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl World {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hostward"));
        command.args(args).env_clear().env("HOME", self.path()).current_dir(self.path());
        command.env("DOCKER_HOST", "unix:///nonexistent/engine.sock");
        command.env("HOSTWARD_STATE", self.path().join("state"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Exit status, stdout and stderr, with the world's own directory by a fixed name.
    fn told(&self, args: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.run(args);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let told = format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            status.code().unwrap(),
            text(stdout),
            text(stderr)
        );
        told.replace(self.path().to_str().unwrap(), "/WORLD")
    }
}

/// What `config check` says, but for the list of limits.
fn without_limits(told: &str) -> String {
    let (before, rest) = told.split_once("\n\nlimit ").unwrap();
    format!("{before}\n--- stderr{}", rest.split_once("--- stderr").unwrap().1)
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).unwrap()
}

const STORAGE: [&str; 2] = ["--map", "/app/storage=/srv/storage"];

#[test]
fn a_mapped_path_is_translated_without_an_engine() {
    let output =
        World::new().run(&["translate", STORAGE[0], STORAGE[1], "/app/storage/tmp/file.py", "/app/storage"]);
    assert_eq!(stdout(&output), "/srv/storage/tmp/file.py\n/srv/storage\n");
    assert_eq!((status(&output), stderr(&output)), (0, ""));
}

#[test]
fn host_pwd_and_storage_base_are_a_map() {
    let world = World::new().with("HOST_PWD", "/x").with("STORAGE_BASE", "/app/storage");
    assert_eq!(
        stdout(&world.run(&["translate", "/app/storage/a", "/app/storage"])),
        "/x/storage/a\n/x/storage\n"
    );
    for outside in ["/app/storage/../../etc/passwd", "/app/storagex/f", "/app"] {
        let output = world.run(&["translate", outside]);
        assert_eq!((status(&output), stdout(&output)), (3, ""), "{outside}");
        assert!(stderr(&output).contains(outside), "{}", stderr(&output));
    }
}

#[test]
fn a_bad_host_pwd_is_refused_at_start_by_every_command_that_uses_it() {
    for bad in ["", "x", "./x", "../x", "/x/../y", "/x\n/y"] {
        for base in [None, Some("/app/storage")] {
            let mut world = World::new().with("HOST_PWD", bad);
            if let Some(base) = base {
                world = world.with("STORAGE_BASE", base);
            }
            let listen = ["proxy", "--listen", "unix:///nonexistent/x.sock"];
            for args in [&["translate", "/a"][..], &["explain", "/a"], &["doctor"], &listen] {
                let output = world.run(args);
                assert_eq!((status(&output), stdout(&output)), (2, ""), "{bad:?} {args:?}");
                assert!(stderr(&output).starts_with("hostward: HOST_PWD "), "{}", stderr(&output));
            }
        }
    }
}

#[test]
fn a_path_without_a_translation_takes_the_others_with_it() {
    insta::assert_snapshot!(World::new().told(&[
        "translate",
        STORAGE[0],
        STORAGE[1],
        "/app/storage",
        "/opt/a"
    ]));
}

#[test]
fn paths_are_bytes() {
    let world = World::new();
    let output = world
        .command(&["translate", "-0", STORAGE[0], STORAGE[1]])
        .arg(OsStr::from_bytes(b"/app/storage/\xff a:\n"))
        .output()
        .unwrap();
    assert_eq!((status(&output), output.stdout.as_slice()), (0, &b"/srv/storage/\xff a:\n\0"[..]));
}

#[test]
fn variables_are_written_as_shells_and_compose_read_them() {
    let world = World::new();
    let map = |engine: &str| format!("/app={engine}");
    let run = |engine: &str, more: &[&str]| {
        world.run(
            &[&["translate", "--map", &map(engine), "--env", "A=/app/x", "--env", "_b2=/app"], more].concat(),
        )
    };
    assert_eq!(stdout(&run("/srv/app", &[])), "A=/srv/app/x\n_b2=/srv/app\n");
    let odd = "/srv/a $HOME \"b\\";
    assert_eq!(stdout(&run(odd, &[])), format!("A='{odd}/x'\n_b2='{odd}'\n"));
    let shell = format!("{}\nprintf %s \"$_b2\"", stdout(&run(odd, &[])));
    let read = Command::new("sh").args(["-c", &shell]).output().unwrap();
    assert_eq!(stdout(&read), odd);

    let quoted = run("/srv/it's", &[]);
    assert_eq!((status(&quoted), stdout(&quoted)), (1, ""));
    assert!(stderr(&quoted).contains("A: the path \"/srv/it's/x\" contains a quote"), "{}", stderr(&quoted));
    let object: serde_json::Value = serde_json::from_str(stdout(&run("/srv/it's", &["--json"]))).unwrap();
    assert_eq!(object, serde_json::json!({"A": "/srv/it's/x", "_b2": "/srv/it's"}));

    let missing = run("/srv", &["--env", "C=/opt"]);
    assert_eq!((status(&missing), stdout(&missing)), (3, ""));
    for bad in ["A", "=/app", "1A=/app", "A-B=/app"] {
        let output = run("/srv", &["--env", bad]);
        assert_eq!((status(&output), stdout(&output)), (2, ""), "{bad}");
    }
}

#[test]
fn all_that_is_mapped_is_printed_where_the_engine_says_nothing() {
    let world = World::new();
    let run = |more: &[&str]| {
        world.run(&[&["translate", "--all", "--map", "/b=/srv/b", "--map", "/a=/srv"], more].concat())
    };
    assert_eq!(stdout(&run(&[])), "/a\t/srv\n/b\t/srv/b\n");
    assert_eq!(stdout(&run(&["-0"])), "/a\0/srv\0/b\0/srv/b\0");
    let records: serde_json::Value = serde_json::from_str(stdout(&run(&["--json"]))).unwrap();
    assert_eq!((&records[0]["asked"], &records[1]["source"]), (&"/a".into(), &"/srv/b".into()));
    for other in ["/a", "--env=A=/a"] {
        assert_eq!(status(&run(&[other])), 2, "{other}");
    }
}

#[test]
fn a_relative_path_is_taken_from_the_working_directory() {
    let world = World::new();
    fs::create_dir(world.path().join("data")).unwrap();
    // The temporary directory itself may be reached by a link.
    let here = world.path().canonicalize().unwrap();
    let map = format!("{}=/srv/me", here.display());
    for (asked, expected) in [("data", "/srv/me/data\n"), ("./data/../x", "/srv/me/x\n"), (".", "/srv/me\n")]
    {
        assert_eq!(stdout(&world.run(&["translate", "--map", &map, asked])), expected, "{asked}");
    }
}

#[test]
fn links_are_followed_before_maps_are_looked_at() {
    let world = World::new();
    let here = world.path().canonicalize().unwrap();
    fs::create_dir(here.join("data")).unwrap();
    std::os::unix::fs::symlink("data", here.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc", here.join("data/out")).unwrap();
    let map = format!("{}/data=/srv/data", here.display());
    assert_eq!(stdout(&world.run(&["translate", "--map", &map, "link/f"])), "/srv/data/f\n");
    assert_eq!(status(&world.run(&["translate", "--map", &map, "data/out/passwd"])), 3);
}

#[test]
fn json_says_it_all() {
    let world = World::new();
    insta::assert_snapshot!(world.told(&[
        "translate",
        "--json",
        STORAGE[0],
        STORAGE[1],
        "/app/storage/f",
        "/opt"
    ]));
    insta::assert_snapshot!(world.told(&["explain", "--json", STORAGE[0], STORAGE[1], "/app/storage/f"]));
}

#[test]
fn explain_draws_the_way_of_a_path() {
    let world = World::new().with("HOST_PWD", "/home/me/project").with("STORAGE_BASE", "/app/storage");
    insta::assert_snapshot!(world.told(&["explain", "/app/storage/tmp/file.py", "--target", "/code.py"]));
}

#[test]
fn explain_says_why_not() {
    insta::assert_snapshot!(World::new().told(&[
        "explain",
        STORAGE[0],
        STORAGE[1],
        "/app/storage/../../etc/passwd"
    ]));
}

/// An engine that gives the answers of a file in `crates/hostward/tests/answers`, and has a directory at every path.
fn engine(world: &World, name: &str) {
    let file = format!("{}/../hostward/tests/answers/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let recorded: toml::Table = toml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let listener = UnixListener::bind(world.path().join("engine.sock")).unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut request = [0; 1024];
            let mut client = client.unwrap();
            let read = client.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let told = |key: &str| recorded[key].as_str().unwrap().to_owned();
            let (status, body) = match request.split(' ').nth(1).unwrap_or_default() {
                "/version" => (200, r#"{"Version":"28.5.2","ApiVersion":"1.51","Os":"linux"}"#.to_owned()),
                "/info" => (200, told("info")),
                "/volumes/cache" => (200, told("volume")),
                path if path.contains("/archive?") => (200, String::new()),
                path if path.starts_with("/containers/") => (200, told("inspect")),
                _ => (404, "{}".to_owned()),
            };
            // Go's mode of a directory.
            let stat = "eyJtb2RlIjoyMTQ3NDg0MTQxfQ==";
            let head = format!("Content-Length: {}\r\nX-Docker-Container-Path-Stat: {stat}", body.len());
            let _ = client.write_all(format!("HTTP/1.1 {status} X\r\n{head}\r\n\r\n{body}").as_bytes());
        }
    });
}

/// What a command says of the container of a recorded engine.
fn told_of(name: &str, args: &[&str]) -> String {
    let world = World::new();
    engine(&world, name);
    let address = format!("unix://{}", world.path().join("engine.sock").display());
    let told = world.told(&[args, &["--engine", &address, "--for", "caller"]].concat());
    // Of this machine, and of what the test may have of it.
    let (_, limits) = parted(&told);
    told.lines()
        .filter(|line| !line.contains("  process  ") && !limits.contains(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What a doctor says besides limits, and of these.
fn parted(told: &str) -> (Vec<&str>, Vec<&str>) {
    let mut is_limit = false;
    told.lines().partition(|line| {
        // What belongs to a line is indented beneath it.
        is_limit = if line.starts_with("       ") { is_limit } else { line.contains("  limits   ") };
        !is_limit
    })
}

#[test]
fn the_doctor_lists_all_limits_and_what_there_is_for_them() {
    let world = World::new().with("HOSTWARD_LIMIT_PATHS", "50");
    let doctor = |more: &[&str]| {
        let mut command = Command::new("prlimit");
        command.args(["--nofile=1024:1024", env!("CARGO_BIN_EXE_hostward"), "doctor"]).args(more);
        let asked = world.command(&[]);
        command.env_clear().envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))));
        // Where it is.
        command.env("PATH", "/usr/bin:/bin").output().unwrap()
    };
    let said = doctor(&[]);
    insta::assert_snapshot!(parted(stdout(&said)).1.join("\n"));
    let checks: serde_json::Value = serde_json::from_str(stdout(&doctor(&["--json"]))).unwrap();
    let limits = checks.as_array().unwrap().iter().find(|check| check["name"] == "limits").unwrap();
    let paths = limits["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == "paths").unwrap();
    assert_eq!(
        *paths,
        serde_json::json!({"name": "paths", "value": 50, "default": 1000, "unit": "count", "met": "413"})
    );
}

#[test]
fn explain_has_the_path_as_its_user_wrote_it() {
    for name in ["docker-desktop-mac", "docker-desktop-windows", "docker-desktop-wsl2", "docker-rootless"] {
        insta::assert_snapshot!(format!("explain_on_{name}"), told_of(name, &["explain", "/app/src"]));
    }
}

#[test]
fn the_doctor_names_the_kind_of_engine() {
    for name in
        ["docker-desktop-mac", "docker-desktop-windows", "docker-wsl2", "docker-rootless", "podman-rootless"]
    {
        insta::assert_snapshot!(format!("doctor_on_{name}"), told_of(name, &["doctor"]));
    }
}

#[test]
fn without_an_engine_and_maps_nothing_is_guessed() {
    let output = World::new().run(&["translate", "/app"]);
    assert_eq!((status(&output), stdout(&output)), (1, ""));
    assert!(stderr(&output).contains("unix:///nonexistent/engine.sock"), "{}", stderr(&output));
    assert!(stderr(&output).contains("\nhint: "), "{}", stderr(&output));
}

#[test]
fn the_doctor_ends_with_1_when_something_is_wrong() {
    let output = World::new().run(&["doctor"]);
    assert_eq!(status(&output), 1);
    assert!(stdout(&output).contains("WRONG  engine"), "{}", stdout(&output));
    let json = World::new().run(&["doctor", "--json"]);
    let checks: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(checks.as_array().unwrap().iter().any(|check| check["state"] == "wrong"), "{checks}");
}

#[test]
fn wrong_usage_ends_with_2() {
    let world = World::new();
    for args in [
        &[][..],
        &["translate"],
        &["translate", "--map", "/a", "/a"],
        &["translate", "--map", "a=/b", "/a"],
        &["translate", "--map", "/a=/b/../c", "/a"],
        &["translate", STORAGE[0], STORAGE[1], ""],
        &["translate", "--engine", "npipe:////./pipe/docker_engine", "/a"],
        &["translate", "--for", "web", "relative"],
        &["translate", "-0", "--json", "/a"],
        &["explain", STORAGE[0], STORAGE[1], "/app/storage", "--target", "relative"],
        &["doctor", "--config", "/nonexistent.toml"],
        &["nonsense"],
    ] {
        let output = world.run(args);
        assert_eq!((status(&output), stdout(&output)), (2, ""), "{args:?}");
        assert!(!stderr(&output).is_empty(), "{args:?}");
    }
}

#[test]
fn a_mistake_in_the_configuration_is_pointed_at() {
    let world = World::new();
    world.write("bad.toml", "log = \"info\"\nmap = [\"/a=/b\", \"/a=b\"]\n");
    insta::assert_snapshot!(world.told(&["config", "check", "bad.toml"]));
    assert_eq!(status(&world.run(&["translate", "--config", "bad.toml", "/a"])), 2);
    world.write("unknown.toml", "[[listen]]\nadress = \"unix:///x\"\n");
    insta::assert_snapshot!(world.told(&["config", "check", "unknown.toml"]));
}

#[test]
fn a_right_configuration_is_said_to_be_right() {
    let world = World::new();
    insta::assert_snapshot!(without_limits(&world.told(&["config", "check"])));
    world.write(".config/hostward/hostward.toml", "engine = \"unix:///e\"\nunmapped = \"refuse\"\n");
    insta::assert_snapshot!(without_limits(&world.told(&["config", "check"])));
}

#[test]
fn limits_are_listed_as_the_file_and_variables_have_them() {
    let world = World::new().with("HOSTWARD_LIMIT_HELD_BYTES", "1 GiB");
    world.write(".config/hostward/hostward.toml", "[limits]\nconnections = 512\nheld_bytes = \"256 MiB\"\n");
    insta::assert_snapshot!(world.told(&["config", "check"]));
}

#[test]
fn a_mistake_in_limits_ends_every_command_that_reads_them() {
    let world = World::new();
    world.write("limits.toml", "[limits]\nconections = 512\n");
    insta::assert_snapshot!(world.told(&["config", "check", "limits.toml"]));
    world.write("limits.toml", "[limits]\nheld_bytes = \"32 MiB\"\n");
    insta::assert_snapshot!(world.told(&["config", "check", "limits.toml"]));
    let world = World::new().with("HOSTWARD_LIMIT_BODY_BYTES", "16 MB");
    let listen = ["proxy", "--listen", "unix:///nonexistent/x.sock"];
    for args in [&listen[..], &["doctor"], &["config", "check"], &["translate", "/a"]] {
        let output = world.run(args);
        assert_eq!((status(&output), stdout(&output)), (2, ""), "{args:?}");
        assert!(
            stderr(&output).starts_with("hostward: HOSTWARD_LIMIT_BODY_BYTES: \"16 MB\" is not a size"),
            "{output:?}"
        );
    }
}

#[test]
fn flags_win_over_variables_and_these_over_the_file() {
    let world = World::new();
    world.write(".config/hostward/hostward.toml", "map = [\"/a=/file\"]\n");
    assert_eq!(stdout(&world.run(&["translate", "/a"])), "/file\n");
    let world = world.with("HOSTWARD_MAP", "/a=/variable\n/b=/other");
    assert_eq!(stdout(&world.run(&["translate", "/a", "/b"])), "/variable\n/other\n");
    assert_eq!(stdout(&world.run(&["translate", "--map", "/a=/flag", "/a"])), "/flag\n");
}

#[test]
fn a_reader_that_left_is_no_reason_to_complain() {
    let world = World::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = world.command(&["translate", STORAGE[0], STORAGE[1], "/app/storage"]);
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!((status(&output), stderr(&output)), (1, ""));
}

/// Starts `hostward proxy`, waits until all these sockets are there, and ends it as a service manager does.
fn served(world: &World, args: &[&str], sockets: &[&str], ask: impl FnOnce()) -> Output {
    let mut command = world.command(&[&["proxy"], args].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let there = || sockets.iter().all(|socket| UnixStream::connect(world.path().join(socket)).is_ok());
    let limit = Instant::now() + Duration::from_secs(10);
    while !there() && child.try_wait().unwrap().is_none() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(10));
    }
    ask();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_proxy_serves_until_it_is_told_to_end() {
    let world = World::new();
    let listen = format!("unix://{}", world.path().join("h.sock").display());
    let mut answer = String::new();
    let output = served(&world, &["--listen", &listen], &["h.sock"], || {
        let mut client = UnixStream::connect(world.path().join("h.sock")).unwrap();
        client.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n").unwrap();
        client.read_to_string(&mut answer).unwrap();
    });
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert_eq!((status(&output), stdout(&output)), (0, ""), "{}", stderr(&output));
    assert!(!world.path().join("h.sock").exists());
}

#[test]
fn the_proxy_serves_every_socket_of_the_configuration() {
    let world = World::new();
    let listen = |name: &str| format!("[[listen]]\naddress = \"{}\"\n", world.path().join(name).display());
    let text = format!("log = \"error\"\n{}{}for = \"web\"\n", listen("a.sock"), listen("b.sock"));
    world.write(".config/hostward/hostward.toml", &text);
    let output = served(&world, &[], &["a.sock", "b.sock"], || {});
    assert_eq!((status(&output), stderr(&output)), (0, ""));
}

#[test]
fn the_proxy_keeps_its_key_where_it_is_told() {
    let world = World::new().with("HOSTWARD_STATE", "");
    let listen = format!("unix://{}", world.path().join("h.sock").display());
    let serve = |more: &[&str]| served(&world, &[&["--listen", &listen], more].concat(), &["h.sock"], || {});
    let named = world.path().join("named").display().to_string();
    world.write("h.toml", &format!("state = \"{}/of-file\"\n", world.path().display()));
    for (flags, directory) in [(&["--state", &named][..], "named"), (&["--config", "h.toml"], "of-file")] {
        assert_eq!(status(&serve(flags)), 0);
        let key = fs::metadata(world.path().join(directory).join("key")).unwrap();
        assert_eq!((key.permissions().mode() & 0o777, key.len()), (0o600, 32), "{directory}");
    }
    let relative = world.run(&["proxy", "--listen", &listen, "--state", "named"]);
    assert_eq!(status(&relative), 2);
    assert!(stderr(&relative).contains("\"named\" is not an absolute path"), "{}", stderr(&relative));
}

#[test]
fn a_proxy_without_a_socket_says_how_to_name_one() {
    let output = World::new().run(&["proxy"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("hint: hostward proxy --listen "), "{}", stderr(&output));
    let engine = World::new().run(&["proxy", "--listen", "unix:///nonexistent/engine.sock"]);
    assert_eq!(status(&engine), 1, "{}", stderr(&engine));
}

#[test]
fn plain_tcp_that_other_machines_reach_must_be_meant() {
    let world = World::new();
    insta::assert_snapshot!(world.told(&["proxy", "--listen", "tcp://0.0.0.0:2375"]));
    world.write("tcp.toml", "[[listen]]\naddress = \"tcp://0.0.0.0:2375\"\n");
    insta::assert_snapshot!(world.told(&["proxy", "--config", "tcp.toml"]));
    world.write("tcp.toml", "[[listen]]\naddress = \"tcp://0.0.0.0:2375\"\nplain_tcp = true\n");
    insta::assert_snapshot!(without_limits(&world.told(&["config", "check", "tcp.toml"])));
    let admin = ["--listen", "unix:///nonexistent/h.sock", "--admin", "tcp://0.0.0.0:2380"];
    insta::assert_snapshot!(world.told(&[&["proxy"][..], &admin].concat()));
}

#[test]
fn a_socket_for_every_user_is_warned_of() {
    let world = World::new();
    world.write("open.toml", "[[listen]]\naddress = \"unix:///run/h.sock\"\nmode = \"0666\"\n");
    insta::assert_snapshot!(without_limits(&world.told(&["config", "check", "open.toml"])));
}

#[test]
fn health_says_whom_to_ask_and_when_nobody_answers() {
    let world = World::new();
    insta::assert_snapshot!(world.told(&["health"]));
    insta::assert_snapshot!(world.told(&["health", "--admin", "unix:///nonexistent/admin.sock"]));
}

#[test]
fn a_proxy_without_its_engine_is_healthy_and_not_ready() {
    let world = World::new();
    let address = |name: &str| format!("unix://{}", world.path().join(name).display());
    let (listen, admin) = (address("h.sock"), address("admin.sock"));
    let args = ["--listen", &listen, "--admin", &admin, "--log-format", "json"];
    let output = served(&world, &args, &["h.sock", "admin.sock"], || {
        insta::assert_snapshot!(world.told(&["health", "--admin", &admin]));
        let json = world.run(&["health", "--json", "--admin", &admin]);
        assert_eq!(status(&json), 1);
        let ready: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!((&ready["ready"], &ready["sockets"]), (&false.into(), &1.into()), "{ready}");
        let (head, body) = get(&world.path().join("admin.sock"), "/health");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let health: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (&health["status"], &health["version"]),
            (&"serving".into(), &env!("CARGO_PKG_VERSION").into())
        );
        assert!(health["engine"]["error"].as_str().unwrap().contains("/nonexistent/engine.sock"), "{health}");
        assert_eq!(health["listeners"][0]["address"], listen);
        assert_eq!(
            get(&world.path().join("admin.sock"), "/ready").0.lines().next(),
            Some("HTTP/1.1 503 Service Unavailable")
        );
        assert!(get(&world.path().join("admin.sock"), "/").0.starts_with("HTTP/1.1 404 "));
        // A socket that lost its file is not ready either, and whoever served it says which.
        fs::remove_file(world.path().join("h.sock")).unwrap();
        let lost = world.run(&["health", "--admin", &admin]);
        assert!(stderr(&lost).contains("/h.sock: the socket's file is gone"), "{}", stderr(&lost));
    });
    assert_eq!(status(&output), 0);
    assert!(!world.path().join("admin.sock").exists());
    for line in stderr(&output).lines() {
        let line: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(["timestamp", "level", "target", "fields"].iter().all(|key| !line[*key].is_null()), "{line}");
    }
}

/// Head and body of the answer to a GET.
fn get(socket: &Path, path: &str) -> (String, String) {
    let mut client = UnixStream::connect(socket).unwrap();
    client.write_all(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn help_has_examples() {
    let world = World::new();
    insta::assert_snapshot!(world.told(&["--help"]));
    insta::assert_snapshot!(world.told(&["translate", "--help"]));
    for command in ["proxy", "health", "translate", "explain"] {
        assert!(stdout(&world.run(&[command, "--help"])).contains("Examples:"), "{command}");
    }
}

#[test]
fn the_version_is_one_line() {
    assert_eq!(
        stdout(&World::new().run(&["--version"])),
        concat!("hostward ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn completions_and_manual_pages_come_out_of_the_flags() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&world.run(&["completions", shell])).contains("translate"), "{shell}");
    }
    assert_eq!(status(&world.run(&["man", "."])), 0);
    for page in ["hostward.1", "hostward-translate.1", "hostward-config-check.1"] {
        assert!(fs::read_to_string(world.path().join(page)).unwrap().contains(".TH"), "{page}");
    }
}

/// The program for a user of its own, who may have so many threads. Nobody counts root's.
fn with_threads(threads: u32, args: &str) -> Output {
    // Where that user can read it.
    let dir = tempfile::Builder::new().prefix("hostward-threads-").tempdir_in("/tmp").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("hostward");
    fs::copy(env!("CARGO_BIN_EXE_hostward"), &program).unwrap();
    let user = 1_500_000_000 + std::process::id();
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!(
        "exec setpriv --reuid={user} --clear-groups prlimit --nproc={threads} {} {args}",
        program.display()
    ));
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap()
}

#[test]
fn where_no_thread_can_be_had_it_says_so_and_where_one_can_all_goes_on() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root may become another user");
        return;
    }
    // An engine by its name, which takes a thread to look up; nothing listens there.
    let args = "translate --engine tcp://localhost:1 --for web /app";
    let none = with_threads(1, args);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(String::from_utf8_lossy(&none.stderr).contains("cannot start a thread"), "{none:?}");
    let one = with_threads(2, args);
    assert_eq!(one.status.code(), Some(1), "{one:?}");
    assert!(String::from_utf8_lossy(&one.stderr).contains("Connection refused"), "{one:?}");
}

#[test]
fn descriptors_that_were_not_handed_over_are_not_taken() {
    let world = World::new();
    // 3 is closed, and would be the first that the program opens for itself.
    let script = "exec 3>&-; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" proxy";
    let program = env!("CARGO_BIN_EXE_hostward");
    let output = Command::new("sh").args(["-c", script, program]).env("HOME", world.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the sockets passed by the service manager: Bad file descriptor"), "{said}");
}
