//! `translate` and `explain`: what a path is to the engine, by maps alone.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use crate::world::{STORAGE, World, status, stderr, stdout};

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
