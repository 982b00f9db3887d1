//! Help, version, completions, threads and descriptors: what is any program's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
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
fn completions_and_manual_pages_come_out_of_the_flags() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&world.run(&["completions", shell])).contains("translate"), "{shell}");
    }
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
