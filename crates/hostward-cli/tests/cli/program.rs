//! Help, version, completions, threads and descriptors: what is any program's.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::world::{STORAGE, World, status, stderr, stdout};

#[test]
fn a_reader_that_left_is_no_reason_to_complain() {
    let world = World::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = world.command(&["translate", STORAGE[0], STORAGE[1], "/app/storage"]);
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!((status(&output), stderr(&output)), (1, ""));
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
fn manual_pages_come_out_of_the_flags() {
    let world = World::new();
    assert_eq!(status(&world.run(&["man", "."])), 0);
    for page in ["hostward.1", "hostward-translate.1", "hostward-config-check.1", "hostward.toml.5"] {
        let text = fs::read_to_string(world.path().join(page)).unwrap();
        assert!(text.contains(".TH") && !text.contains("EXTRA"), "{page}");
    }
    let printed = world.run(&["man", "--page", "hostward.toml"]);
    assert_eq!(stdout(&printed), fs::read_to_string(world.path().join("hostward.toml.5")).unwrap());
    let unknown = world.run(&["man", "--page", "hostward-nonsense"]);
    assert_eq!((status(&unknown), stdout(&unknown)), (2, ""));
    assert!(stderr(&unknown).contains("there are hostward.toml, hostward, hostward-proxy, "), "{unknown:?}");
}

/// What the script for a shell would be told, for this command line with the cursor at its end.
fn follows(world: &World, words: &[&str]) -> String {
    let mut command = world.command(&[&["--", "hostward"], words].concat());
    command.env("HOSTWARD_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", words.len().to_string());
    stdout(&command.output().unwrap()).to_owned()
}

#[test]
fn a_shell_is_told_what_can_follow() {
    let world = World::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = world.run(&["completions", shell]);
        assert!(stdout(&script).contains("HOSTWARD_COMPLETE"), "{shell}");
    }
    let script = format!(
        "{}\nCOMP_WORDS=(hostward tra) COMP_CWORD=1; _clap_complete_hostward hostward tra hostward; echo $COMPREPLY",
        stdout(&world.run(&["completions", "bash"]))
    );
    let folder = Path::new(env!("CARGO_BIN_EXE_hostward")).parent().unwrap().display().to_string();
    let shell = Command::new("/bin/bash").args(["-c", &script]).env("PATH", folder).output().unwrap();
    assert_eq!(stdout(&shell).trim(), "translate", "{shell:?}");
    assert!(follows(&world, &["trans"]).contains("translate"));
    assert_eq!(follows(&world, &["proxy", "--log", "warn,hostward_p"]), "warn,hostward_proxy=");
    assert_eq!(follows(&world, &["translate", "--for", ""]), "");
    let answer = r#"[{"Id":"c0ffee","Names":["/web"]},{"Id":"c0ffed","Names":["/worker"]}]"#
        .replace("c0ffe", &"c0ffee00".repeat(8)[..63]);
    let listener = UnixListener::bind(world.path().join("engine.sock")).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 1024]);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
            let _ = client.write_all(format!("{head}{answer}").as_bytes());
        }
    });
    let address = format!("unix://{}", world.path().join("engine.sock").display());
    let world = world.with("HOSTWARD_ENGINE", &address);
    assert_eq!(follows(&world, &["translate", "--for", "we"]), "web");
    assert_eq!(follows(&world, &["translate", "--for", ""]).lines().count(), 2);
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
fn a_usual_file_that_others_may_read_stops_no_command_but_the_proxy() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root may become another user");
        return;
    }
    let dir = tempfile::Builder::new().prefix("hostward-config-").tempdir_in("/tmp").unwrap();
    let home = dir.path().join("hostward");
    fs::create_dir(&home).unwrap();
    for open in [dir.path(), &home] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (program, file) = (dir.path().join("program"), home.join("hostward.toml"));
    fs::copy(env!("CARGO_BIN_EXE_hostward"), &program).unwrap();
    fs::write(&file, "map = ['/a=/secret']\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=1500000001", "--clear-groups"]).arg(&program).args(args).env_clear();
        command
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("XDG_CONFIG_HOME", dir.path())
            .output()
            .unwrap()
    };
    let translated = run(&["translate", "--map", "/a=/b", "/a"]);
    assert_eq!((status(&translated), stdout(&translated)), (0, "/b\n"), "{translated:?}");
    let warning = "hostward.toml: Permission denied (os error 13), so its settings are not used";
    assert!(stderr(&translated).contains(warning), "{translated:?}");
    let listen = format!("unix://{}", dir.path().join("h.sock").display());
    let file = file.display().to_string();
    for args in [
        &["proxy", "--listen", &listen][..],
        &["config", "check"],
        &["translate", "--config", &file, "--map", "/a=/b", "/a"],
    ] {
        let output = run(args);
        assert_eq!((status(&output), stdout(&output)), (2, ""), "{output:?}");
        assert!(stderr(&output).starts_with("hostward: cannot read "), "{output:?}");
    }
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
