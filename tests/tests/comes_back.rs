//! Paths that come back to Hostward: what an inspect has shown of somebody else's (T26), what the maker of a container calls its
//! directories (T16), what is asked of lists, and what is left in images.
//!
//! Each case runs on the bare engine first, where it is the engine's own path that comes back. Judged by what containers read.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, images, unique};
use hostward_tests::{Removed, World, docker, host_dir, on_each_engine, on_every_engine};
use std::fs;
use std::path::PathBuf;

/// What an updater, a backup tool and a monitor do with a container and a volume of somebody else: they look at them, and mount
/// what they have read.
const UPDATER: &str = r#"
    set -e
    set -- $(docker inspect --format '{{range .HostConfig.Binds}}--volume={{.}} {{end}}' "$OTHER")
    docker run --rm "$@" busybox cat /data/f"#;
const BACKUP: &str = r#"
    set -e
    docker run --rm -v "$(docker volume inspect "$VOLUME" --format '{{.Mountpoint}}'):/d:ro" busybox cat /d/f"#;
const MONITOR: &str = r#"
    set -e
    source=$(docker inspect --format '{{range .Mounts}}{{if eq .Destination "/data"}}{{.Source}}{{end}}{{end}}' "$OTHER")
    docker run --rm --mount "type=bind,source=$source,target=/x,readonly" busybox cat /x/f"#;
/// What makes each of them red: the path alone, of which the caller has read in lists at most.
const BY_A_LIST: &str = r#"
    docker ps --all --no-trunc >/dev/null; docker volume ls >/dev/null
    docker run --rm -v "$THEIRS:/x" busybox cat /x/f; docker run --rm -v "$MOUNTPOINT:/x" busybox cat /x/f"#;

/// A container of somebody else with a directory and a volume, which the world's caller has nothing of.
struct Other<'a> {
    /// The script's variables.
    variables: String,
    /// What it has, in the order in which it goes.
    _has: (Removed<'a>, Removed<'a>, tempfile::TempDir),
}

impl<'a> Other<'a> {
    fn on(engine: &'a Engine) -> Self {
        let directory = host_dir();
        fs::write(directory.path().join("f"), "theirs\n").unwrap();
        let volume = Removed::volume(engine, unique("hw-other"));
        let container = Removed::new(engine, unique("hw-other"));
        let bind = format!("--volume={}:/data", directory.path().display());
        let mount = format!("--volume={}:/volume", volume.name());
        let fill = "echo volume > /volume/f";
        docker(
            engine,
            &engine.socket,
            &["run", "--name", container.name(), &bind, &mount, "busybox", "sh", "-c", fill],
        );
        let mountpoint = mountpoint(engine, volume.name());
        let variables = format!(
            "OTHER={} VOLUME={} THEIRS={} MOUNTPOINT={}\n",
            container.name(),
            volume.name(),
            directory.path().display(),
            mountpoint.display()
        );
        Self { variables, _has: (container, volume, directory) }
    }
}

fn mountpoint(engine: &Engine, volume: &str) -> PathBuf {
    let asked = ["volume", "inspect", "--format", "{{.Mountpoint}}", volume];
    PathBuf::from(docker(engine, &engine.socket, &asked).trim())
}

#[test]
fn what_a_caller_has_read_of_somebody_elses_it_may_mount() {
    on_every_engine(|engine| {
        let world = World::on(engine);
        let other = Other::on(engine);
        let script = |script: &str| format!("{}{script}", other.variables);
        for (name, what, reads) in [
            ("updater", UPDATER, "theirs\n"),
            ("backup", BACKUP, "volume\n"),
            ("monitor", MONITOR, "theirs\n"),
        ] {
            let bare = hostward_tests::shell(engine, &engine.socket, &script(what)).output().unwrap();
            assert_eq!(bare.succeeded().out(), reads, "{name} on the bare engine");
            // Nobody has looked at anything by then: a list shows what nobody has asked for.
            let refused = world.try_sh(&script(BY_A_LIST));
            if name == "updater" {
                assert_eq!(refused.out(), "");
                assert_eq!(
                    refused.err().matches("does not exist in the calling container").count(),
                    2,
                    "{refused:?}"
                );
            }
            let seen = world.try_sh(&script(what));
            assert_eq!(seen.out(), reads, "{name}: {}", seen.err());
        }
        // Only who has read it.
        let storage = host_dir();
        let job = Caller::start(engine, &world.proxy.socket(), storage.path()).unwrap();
        let refused = job.sh(&script(BY_A_LIST)).unwrap();
        assert_eq!(refused.out(), "", "{}", refused.err());
        assert_eq!(
            refused.err().matches("does not exist in the calling container").count(),
            2,
            "{refused:?}"
        );
    });
}

#[test]
fn a_path_that_the_callers_own_files_have_as_well_is_refused_with_the_label_that_settles_it() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let theirs = host_dir();
        fs::write(theirs.path().join("f"), "theirs\n").unwrap();
        let at = theirs.path().display();
        world.sh(&format!("mkdir -p {at} && echo own > {at}/f"));
        let other = Removed::new(engine, unique("hw-other"));
        let bind = format!("--volume={at}:/data");
        docker(engine, &engine.socket, &["create", "--name", other.name(), &bind, "busybox", "true"]);
        let see = format!("docker run --rm -v {at}:/x busybox cat /x/f");
        assert_eq!(world.sh(&see), "own\n");
        world.sh(&format!("docker inspect {} >/dev/null", other.name()));
        let refused = world.try_sh(&see);
        let said = refused.failed().err();
        assert!(
            said.contains("unclear which of the two") && said.contains("hostward.unmapped=host"),
            "{said}"
        );
        assert_eq!(refused.out(), "");
        // A manager has said whose paths it means.
        let socket = world.proxy.socket();
        let flags = [
            format!("--volume={}:/run/hostward", socket.parent().unwrap().display()),
            "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            "--label=hostward.unmapped=host".to_owned(),
        ];
        let manager = Caller::start_with(engine, &flags).unwrap();
        let script =
            format!("docker inspect {} >/dev/null; mkdir -p {at}; echo own > {at}/f; {see}", other.name());
        assert_eq!(manager.sh_ok(&script).unwrap(), "theirs");
    });
}

#[test]
fn a_container_may_ask_by_the_paths_of_the_caller_that_made_it() {
    on_every_engine(|engine| {
        let world = World::on(engine);
        world.write("ws/f", "workspace\n");
        world.write("ws/sub/g", "deep\n");
        let (made, next) = (Removed::new(engine, unique("hw-made")), Removed::new(engine, unique("hw-made")));
        let (name, image) = (made.name(), images::CALLER);
        // It gets the directory of the socket, and the next one the socket's file.
        let run = format!(
            "mkdir -p /opt/own && echo own > /opt/own/f &&
             docker run -d --name {name} -e DOCKER_HOST=unix:///run/hostward/docker.sock -v /run/hostward:/run/hostward \
                 -v /app/storage/ws:/workspaces/ws -v /opt/own:/mine {image} sleep infinity"
        );
        world.sh(&run);
        let inside =
            |name: &str, script: &str| docker(engine, &engine.socket, &["exec", name, "sh", "-c", script]);
        for (path, file, reads) in [
            ("/app/storage/ws", "f", "workspace\n"),
            ("/app/storage/ws/sub", "g", "deep\n"),
            ("/app//storage/./ws/sub/..", "f", "workspace\n"),
            ("/opt/own", "f", "own\n"),
        ] {
            let see =
                format!("docker run --rm --mount type=bind,source={path},target=/w busybox cat /w/{file}");
            assert_eq!(inside(name, &see), reads, "{path}");
        }
        // What its maker has and did not give it is nobody's there.
        let refused = "docker run --rm -v /app/storage:/w busybox ls /w; docker run --rm -v /app/storage/w:/w busybox ls /w";
        let refused = engine.docker(&["exec", name, "sh", "-c", refused]).output().unwrap();
        assert_eq!(refused.out(), "");
        assert_eq!(
            refused.err().matches("does not exist in the calling container").count(),
            2,
            "{}",
            refused.err()
        );
        // And so on: one that it makes in its turn is told paths as it has them itself.
        inside(
            name,
            &format!(
                "docker run -d --name {} -e DOCKER_HOST=unix:///run/docker.sock -v /run/hostward/docker.sock:/run/docker.sock \
                     -v /workspaces/ws/sub:/deep {image} sleep infinity",
                next.name()
            ),
        );
        let see = "docker run --rm -v /workspaces/ws/sub:/w busybox cat /w/g";
        assert_eq!(inside(next.name(), see), "deep\n");
    });
}

#[test]
fn a_list_is_asked_by_the_paths_that_it_shows() {
    on_every_engine(|engine| {
        let world = World::on(engine);
        world.write("u/sub/f", "u\n");
        let at = world.storage.path().display();
        let name = |what: &str| unique(&format!("hw-sought-{what}"));
        let made: Vec<_> =
            ["whole", "part", "link", "other"].iter().map(|what| Removed::new(engine, name(what))).collect();
        let [whole, part, link, other] = [&made[0], &made[1], &made[2], &made[3]].map(Removed::name);
        let sources = [(whole, "u"), (part, "u/sub"), (link, "u"), (other, ".")];
        // The oracle: the same by the engine's paths on the engine.
        for (name, source) in sources {
            let bind = format!("--volume={at}/{source}:/t");
            docker(
                engine,
                &engine.socket,
                &["create", "--name", &format!("{name}-bare"), &bind, "busybox", "true"],
            );
        }
        let _bare: Vec<_> =
            made.iter().map(|made| Removed::new(engine, format!("{}-bare", made.name()))).collect();
        let bare = |path: &str| {
            let filter = format!("volume={at}/{path}");
            let listed = docker(
                engine,
                &engine.socket,
                &["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"],
            );
            sorted(listed.lines().filter_map(|name| name.strip_suffix("-bare")))
        };
        world.sh(&format!(
            "ln -s u /app/storage/link;
             docker create --name {whole} -v /app/storage/u:/t busybox true;
             docker create --name {part} -v /app/storage/u/sub:/t busybox true;
             docker create --name {link} -v /app/storage/link:/t busybox true;
             docker create --name {other} -v /app/storage:/t busybox true"
        ));
        let ps = |flags: &str| {
            let listed = world.sh(&format!("docker ps {flags} --format '{{{{.Names}}}}'"));
            sorted(listed.lines().filter(|name| made.iter().any(|made| made.name() == *name)))
        };
        assert_eq!(bare("u"), sorted([whole, link]));
        for (filter, found) in [
            ("--all --filter volume=/app/storage/u", vec![whole]),
            ("--all --filter volume=/app/storage/u/sub", vec![part]),
            ("--all --filter volume=/app/storage/link", vec![link]),
            ("--all --filter volume=/app/storage/u --filter volume=/app/storage/link", vec![whole, link]),
            (&format!("--all --filter volume=/app/storage/u --filter name={part}"), vec![]),
            ("--all --filter volume=/app/storage/nothing", vec![]),
            ("--filter volume=/app/storage/u", vec![]),
        ] {
            assert_eq!(ps(filter), sorted(found), "{filter}");
        }
        // Podman's lists are in no order, and neither are its last ones.
        if !engine.is_podman() {
            assert_eq!(ps("--last 1 --filter volume=/app/storage/u/sub"), sorted([part]));
        }
        // By the engine's own path, as a program has it that knows of the problem.
        assert_eq!(ps(&format!("--all --filter volume={at}/u")), sorted([whole, link]));
        // By where it is mounted, Docker alone.
        if !engine.is_podman() {
            assert_eq!(ps("--all --filter volume=/t"), sorted([whole, part, link, other]));
        }
    });
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().map(str::to_owned).collect();
    names.sort_unstable();
    names
}

#[test]
fn an_image_of_a_container_has_nothing_of_what_was_asked_for_it() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("real/f", "real\n");
        let containers: Vec<_> = (0..3).map(|_| Removed::new(engine, unique("hw-commit"))).collect();
        let images: Vec<_> = (0..2).map(|_| Removed::image(engine, unique("hw-commit"))).collect();
        let [linked, plain, made] = [&containers[0], &containers[1], &containers[2]].map(Removed::name);
        let [of_linked, of_plain] = [&images[0], &images[1]].map(Removed::name);
        world.sh(&format!(
            "ln -s real /app/storage/link;
             docker create --name {linked} --label mine=kept -v /app/storage/link:/x busybox true;
             docker create --name {plain} -v /app/storage/real:/x busybox true;
             docker commit --change 'ENV own=1' {linked} {of_linked}; docker commit {plain} {of_plain}"
        ));
        let config = |image: &str| {
            let asked = ["image", "inspect", "--format", "{{json .Config}}", image];
            let text = docker(engine, &engine.socket, &asked);
            assert!(!text.contains("/app/storage") && !text.contains(&world.caller.id), "{text}");
            assert!(!text.contains(world.storage.path().to_str().unwrap()), "{text}");
            serde_json::from_str::<serde_json::Value>(&text).unwrap()
        };
        let linked_config = config(of_linked);
        assert_eq!(linked_config["Labels"]["hostward.asked"], "");
        assert_eq!(linked_config["Labels"]["mine"], "kept");
        assert_eq!(linked_config["Cmd"], serde_json::json!(["true"]));
        assert!(linked_config["Env"].as_array().unwrap().contains(&"own=1".into()), "{linked_config}");
        // Where nothing was written down nothing changes.
        assert!(config(of_plain)["Labels"].get("hostward.asked").is_none());
        // What is made of it reads back as it was asked for itself.
        world.sh(&format!("docker create --name {made} -v /app/storage/link:/y {of_linked} true"));
        let read = world.sh(&format!("docker inspect {made} --format '{{{{.HostConfig.Binds}}}}'"));
        assert_eq!(read.trim(), "[/app/storage/link:/y]");
    });
}

#[test]
fn what_was_asked_reads_back_after_the_caller_was_made_anew() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let volume = Removed::volume(engine, unique("hw-anew"));
        let kept = Removed::new(engine, unique("hw-anew"));
        let flags = [
            format!("--volume={}:/data", volume.name()),
            format!("--volume={}:/run/hostward", world.proxy.socket().parent().unwrap().display()),
            "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
        ];
        let before = Caller::start_with(engine, &flags).unwrap();
        let name = kept.name();
        let create = format!("mkdir -p /data/sub; docker create --name {name} -v /data/sub:/x busybox true");
        before.sh_ok(&create).unwrap();
        let read = |caller: &Caller| {
            let format = "{{.HostConfig.Binds}} {{range .Mounts}}{{.Type}} {{.Source}}{{end}}";
            caller.sh_ok(&format!("docker inspect {name} --format '{format}'")).unwrap()
        };
        let asked = "[/data/sub:/x] bind /data/sub";
        assert_eq!(read(&before), asked);
        drop(before);
        let after = Caller::start_with(engine, &flags).unwrap();
        assert_eq!(read(&after), asked);
    });
}
