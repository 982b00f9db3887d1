//! `--volumes-from` (T20): a created container has what the other one has, and Hostward's socket where that has the
//! engine's own; by `volumes_from = "narrow"` it has the workspace alone.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use std::fs;

use hostward_testkit::{Caller, Engine, OutputText, Proxy, images};
use hostward_tests::{Removed, World, docker, host_dir, on_every_engine, shell};

/// What answers at a socket: Hostward says so of itself, and an engine does not know the question.
fn who_answers(at: &str) -> String {
    format!("curl -s -o /dev/null -w '%{{http_code}}' --unix-socket {at} http://x/_hostward")
}

/// A container of the host that has these mounts, in whatever state.
fn lender<'a>(engine: &'a Engine, flags: &[String]) -> Removed<'a> {
    let lender = Removed::new(engine, hostward_testkit::unique("hw-lender"));
    let mut args = vec!["create".to_owned(), format!("--name={}", lender.name())];
    args.extend_from_slice(flags);
    args.extend(["busybox", "sleep", "1000"].map(str::to_owned));
    docker(engine, &engine.socket, &args);
    lender
}

#[test]
fn the_engines_socket_is_not_handed_on() {
    on_every_engine(|engine| {
        let world = World::on(engine);
        let data = host_dir();
        fs::write(data.path().join("f"), "data\n").unwrap();
        let (socket, sockets) = (engine.socket.display(), engine.socket.parent().unwrap().display());
        let lender = lender(
            engine,
            &[
                format!("--volume={}:/data", data.path().display()),
                format!("--volume={socket}:/raw.sock"),
                format!("--volume={sockets}:/sockets:ro"),
            ],
        );
        docker(engine, &engine.socket, &["start", lender.name()]);
        for (flag, at) in [
            (lender.name().to_owned(), "/raw.sock"),
            (format!("{}:ro", lender.name()), "/raw.sock"),
            (lender.name().to_owned(), "/sockets/docker.sock"),
        ] {
            let ask = format!("cat /data/f; {}", who_answers(at));
            let run = ["run", "--rm", "--volumes-from", &flag, images::PYTHON, "sh", "-c", &ask];
            let bare = docker(engine, &engine.socket, &run);
            assert_eq!(bare, "data\n404", "{flag} {at}");
            let through = world
                .sh(&format!("docker run --rm --volumes-from {flag} {} sh -c \"{ask}\"", images::PYTHON));
            assert_eq!(through, "data\n200", "{flag} {at}");
        }
        // The beginning of an id names a container, too, and what is mounted there already counts.
        let id = docker(engine, &engine.socket, &["inspect", "--format", "{{.Id}}", lender.name()]);
        let own = format!(
            "docker run --rm --volumes-from {} -v /app/storage:/raw.sock {} ls -d /raw.sock/",
            &id[..12],
            images::PYTHON
        );
        assert_eq!(world.sh(&own), "/raw.sock/\n");
        // Nobody asked for the mounts of the sockets.
        let made = world.sh(&format!("docker create --volumes-from {} busybox", lender.name()));
        let made = Removed::new(engine, made.trim());
        let mounts =
            world.sh(&format!("docker inspect --format '{{{{json .HostConfig.Mounts}}}}' {}", made.name()));
        assert!(matches!(mounts.trim(), "null" | "[]"), "{mounts}");
        let missing = world.try_sh("docker run --rm --volumes-from no-such-container busybox true");
        assert!(missing.failed().err().to_lowercase().contains("no such container"), "{}", missing.err());
    });
}

#[test]
fn narrow_hands_over_the_workspace_alone() {
    on_every_engine(|engine| {
        let host = host_dir();
        for (file, text) in [("home/ws/f", "workspace\n"), ("secret/key", "key\n"), ("cache/c", "cache\n")] {
            let file = host.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let proxy = Proxy::start_configured(|socket| {
            let (engine, socket) = (engine.socket.display(), socket.display());
            format!(
                "engine = 'unix://{engine}'\nvolumes_from = 'narrow'\n[[listen]]\naddress = 'unix://{socket}'\n"
            )
        })
        .unwrap();
        let there = |path: &str| host.path().join(path).display().to_string();
        let agent = Caller::start_with(
            engine,
            &[
                format!("--volume={}:/home", there("home")),
                format!("--volume={}:/home/.ssh", there("secret")),
                format!("--volume={}:/home/ws/cache:ro", there("cache")),
                format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            ],
        )
        .unwrap();
        let run = |flags: &str, script: &str| {
            agent
                .sh(&format!("docker run --rm --volumes-from $(hostname){flags} busybox sh -c '{script}'"))
                .unwrap()
        };
        let steps = "cat f cache/c; echo made > made && cat made; echo x > cache/x || cat /home/.ssh/key";
        let seen = run(" -w /home/ws", steps);
        assert_eq!(seen.out(), "workspace\ncache\nmade\n", "{}", seen.err());
        assert_eq!(fs::read_to_string(host.path().join("home/ws/made")).unwrap(), "made\n");
        assert!(!host.path().join("cache/x").exists());
        let seen = run(":ro -w /home/ws", "cat f; echo x > made2; cat /home/.ssh/key");
        assert_eq!(seen.out(), "workspace\n", "{}", seen.err());
        for (flags, why) in
            [("", "the request has none"), (" -w /opt", "no mount of that container contains /opt")]
        {
            let refused = run(flags, "echo started");
            let said = refused.failed().err();
            assert!(said.contains("cannot take over the volumes of") && said.contains(why), "{said}");
            assert_eq!(refused.out(), "");
        }
        // On the machine itself nothing changes.
        let all =
            format!("docker run --rm --volumes-from {} -w /home/ws busybox cat f ../.ssh/key", agent.name);
        assert_eq!(
            shell(engine, &proxy.socket(), &all).output().unwrap().succeeded().out(),
            "workspace\nkey\n"
        );
    });
}
