//! Devices, limits on them, and the sockets of log drivers (T21): they are the caller's by its own names. On Podman 4.3 the
//! docker CLI can give no device: it is not told what system runs there.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use hostward_testkit::{Caller, OutputText, Proxy};
use hostward_tests::{Removed, World, docker, host_dir, on_each_engine, wait_until};
use rustix::fs::{CWD, FileType, Mode};

/// A device of zeros that has its name nowhere else.
fn zeros(path: &Path) {
    let device = rustix::fs::makedev(1, 5);
    rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, Mode::from_bits_truncate(0o666), device)
        .unwrap();
}

#[test]
fn a_device_of_the_caller_is_given_by_the_callers_name() {
    on_each_engine(|engine| {
        let host = host_dir();
        zeros(&host.path().join("zeros"));
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let there = host.path().join("zeros").display().to_string();
        let caller = |permissions: &str| {
            Caller::start_with(
                engine,
                &[
                    format!("--device={there}:/dev/mine:{permissions}"),
                    format!("--volume={}:/bound", host.path().display()),
                    format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
                    format!("--volume={}:/run/raw.sock", engine.socket.display()),
                ],
            )
            .unwrap()
        };
        let read = "head -c 3 /dev/theirs | od -An -tx1; echo x > /dev/theirs && echo written";
        let run = |caller: &Caller, socket: &str, device: &str| {
            let run = format!(
                "docker -H unix://{socket} run --rm --device {device}:/dev/theirs busybox sh -c '{read}'"
            );
            caller.sh(&run).unwrap()
        };
        let (raw, own) = ("/run/raw.sock", "/run/hostward/docker.sock");
        let both = caller("rwm");
        run(&both, raw, "/dev/mine").failed();
        for device in ["/dev/mine", "/bound/zeros", &there] {
            let seen = run(&both, own, device);
            assert_eq!(seen.out(), " 00 00 00\nwritten\n", "{device}: {}", seen.err());
        }
        let seen = run(&both, own, "/dev/zero");
        assert_eq!(seen.out(), " 00 00 00\nwritten\n", "{}", seen.err());
        let created = |caller: &Caller| {
            let create = format!("docker -H unix://{own} create --device /dev/mine:/dev/theirs busybox");
            Removed::new(engine, caller.sh_ok(&create).unwrap())
        };
        let device = "{{range .HostConfig.Devices}}{{.PathOnHost}} {{.CgroupPermissions}}{{end}}";
        // What the caller may only read. Of a device of zeros the kernel lets all do all.
        let made = created(&caller("r"));
        let given = docker(engine, &engine.socket, &["inspect", "--format", device, made.name()]);
        assert_eq!(given, format!("{there} rm\n"));
        // It reads back what it asked for.
        let made = created(&both);
        let inspect = format!("docker -H unix://{own} inspect --format '{device}' {}", made.name());
        assert_eq!(both.sh_ok(&inspect).unwrap(), "/dev/mine rwm");
        let missing = run(&both, own, "/dev/none");
        assert!(missing.failed().err().contains("/dev/none"), "{}", missing.err());
    });
}

#[test]
fn a_log_drivers_socket_is_the_callers() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let socket = UnixDatagram::bind(world.storage.path().join("log.sock")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let run = "docker run --rm --log-driver syslog --log-opt syslog-address=unixgram:///app/storage/log.sock busybox echo heard";
        world.sh(run);
        let mut line = [0; 1024];
        let length = socket.recv(&mut line).unwrap();
        assert!(String::from_utf8_lossy(&line[..length]).trim_end().ends_with("heard"));
        // Nothing but an error, where it is not there.
        let refused = world.try_sh(&run.replace("log.sock", "none.sock"));
        assert!(refused.failed().err().contains("/app/storage/none.sock"), "{}", refused.err());
    });
}

#[test]
fn a_log_drivers_socket_in_the_root_filesystem_is_reached_by_a_link_that_goes_with_the_container() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let pid = ["inspect", "--format", "{{.State.Pid}}", &world.caller.id];
        let pid = docker(engine, &engine.socket, &pid);
        let socket = UnixDatagram::bind(format!("/proc/{}/root/tmp/p1", pid.trim())).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let heard = || {
            let mut line = [0; 1024];
            let length = socket.recv(&mut line).unwrap();
            String::from_utf8_lossy(&line[..length]).trim_end().to_owned()
        };
        let links = world.proxy.socket().parent().unwrap().join("hostward-links");
        let count = || fs::read_dir(&links).map_or(0, Iterator::count);
        let log = "--log-driver syslog --log-opt syslog-address=unixgram:///tmp/p1";
        let made = Removed::new(
            engine,
            world.sh(&format!("docker create {log} busybox echo heard")).trim().to_owned(),
        );
        // Of a Hostward that is gone.
        symlink("/tmp/gone", links.join("0123456789abcdef")).unwrap();
        let format = r#"{{index .HostConfig.LogConfig.Config "syslog-address"}}"#;
        let read_back = world.sh(&format!("docker inspect --format '{format}' {}", made.name()));
        assert_eq!(read_back, "unixgram:///tmp/p1\n");
        // Twice: the link stays.
        for _ in 0..2 {
            world.sh(&format!("docker start {0} && docker wait {0}", made.name()));
            assert!(heard().ends_with("heard"));
        }
        world.sh(&format!("docker run --rm {log} busybox echo once"));
        assert!(heard().ends_with("once"));
        wait_until("the link of a container that is gone is removed", || count() == 1);
        let none = world.try_sh(&format!("docker run --rm {} busybox true", log.replace("p1", "p2")));
        assert!(none.failed().err().contains("/tmp/p2"), "{}", none.err());
        drop(made);
        wait_until("the last link is removed", || count() == 0);
    });
}
