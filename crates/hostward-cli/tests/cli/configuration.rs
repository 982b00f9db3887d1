//! Wrong usage, the configuration file, limits, and which of several settings wins.

use crate::world::{STORAGE, World, status, stderr, stdout, without_limits};

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
    for (args, ends) in
        [(&listen[..], 2), (&["doctor"], 2), (&["config", "check"], 1), (&["translate", "/a"], 2)]
    {
        let output = world.run(args);
        assert_eq!((status(&output), stdout(&output)), (ends, ""), "{args:?}");
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
