//! What is made sure of: that the engine's machine has what the caller sees, and keeps it as the caller has it; and what a
//! request may have looked up for that.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use hostward_testkit::{Caller, Engine, OutputText, Proxy};
use hostward_tests::{World, host_dir, on_each_engine, on_every_engine, wait_until};

/// A caller behind a proxy with these mounts.
fn caller(engine: &Engine, proxy: &Proxy, flags: &[String]) -> Caller {
    let mut all = flags.to_vec();
    all.extend([
        format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
        "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
    ]);
    Caller::start_with(engine, &all).unwrap()
}

/// May mount in its own view.
const MAY_MOUNT: [&str; 3] =
    ["--cap-add=SYS_ADMIN", "--security-opt=apparmor=unconfined", "--security-opt=seccomp=unconfined"];

#[track_caller]
fn refused(caller: &Caller, flag: &str, reason: &str) {
    let output = caller.sh(&format!("docker run --rm {flag} busybox ls -R /x")).unwrap();
    let said = output.failed().err();
    assert!(said.contains("cannot mount ") && said.contains(reason), "{flag}: {said}");
    assert_eq!(output.out(), "", "{flag}");
}

#[test]
fn a_source_that_was_moved_away_is_refused_and_not_made_anew() {
    on_every_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let dir = host_dir();
        let at = |name: &str| dir.path().join(name);
        let (app, old) = (at("app"), at("old"));
        for made in ["app", "ws/cache", "cache"] {
            fs::create_dir_all(at(made)).unwrap();
        }
        fs::write(app.join("f"), "here\n").unwrap();
        fs::write(at("cache/c"), "cached\n").unwrap();
        fs::write(at("file"), "one\n").unwrap();
        let volume = |host: &str, to: &str| format!("--volume={}:{to}", at(host).display());
        let flags = [
            volume("app", "/app"),
            volume("ws", "/ws"),
            volume("cache", "/ws/cache"),
            volume("file", "/file"),
        ];
        let caller = caller(engine, &proxy, &flags);
        // Under load 20.10 loses the output of a container that was there and ended well.
        let run = |flag: &str, what: &str| {
            let once = || caller.sh_ok(&format!("docker run --rm {flag} busybox cat {what}")).unwrap();
            (0..3).map(|_| once()).find(|shown| !shown.is_empty()).unwrap_or_default()
        };
        assert_eq!(run("-v /app:/x", "/x/f"), "here");

        fs::rename(&app, &old).unwrap();
        assert_eq!(caller.sh_ok("cat /app/f").unwrap(), "here", "the caller has it still");
        let gone = format!("{} is gone from the host", app.display());
        for flag in [
            "-v /app:/x".to_owned(),
            "-v /app/:/x:ro".to_owned(),
            "-v /app/new/deep:/x".to_owned(),
            "--mount type=bind,src=/app,dst=/x".to_owned(),
            // By the path that the engine has it by.
            format!("-v {}:/x", app.display()),
        ] {
            refused(&caller, &flag, &gone);
            refused(&caller, &flag, "restart the calling container");
        }
        refused(&caller, "-v /app/f:/x", &format!("{}/f is gone from the host", app.display()));
        assert!(!app.exists(), "the engine has made it");

        symlink("app", &app).unwrap();
        refused(&caller, "-v /app:/x", "on the host (Too many levels of symbolic links");
        fs::remove_file(&app).unwrap();
        fs::create_dir(&app).unwrap();
        refused(&caller, "-v /app:/x", "the directory was replaced since the container started");
        refused(&caller, "-v /app/f:/x", &format!("{}/f is gone from the host", app.display()));
        assert_eq!(fs::read_dir(&app).unwrap().count(), 0);
        fs::remove_dir(&app).unwrap();
        fs::rename(&old, &app).unwrap();
        assert_eq!(run("-v /app:/x", "/x/f"), "here", "it was put back");

        // Removed, and made anew: what the caller has is nowhere.
        fs::remove_dir_all(&app).unwrap();
        fs::create_dir(&app).unwrap();
        fs::write(app.join("f"), "anew\n").unwrap();
        for flag in ["-v /app:/x", "-v /app/new/deep:/x", "--mount type=bind,src=/app/f,dst=/x"] {
            refused(&caller, flag, "the directory that /app was mounted from is gone");
            refused(&caller, flag, "restart the calling container");
        }
        assert_eq!(fs::read_dir(&app).unwrap().count(), 1);
        fs::remove_dir_all(&app).unwrap();
        refused(&caller, "-v /app:/x", "the directory that /app was mounted from is gone");
        assert!(!app.exists(), "the engine has made it");

        // What comes along.
        assert_eq!(run("-v /ws:/x", "/x/cache/c"), "cached");
        fs::rename(at("cache"), at("cache-old")).unwrap();
        refused(&caller, "-v /ws:/x", "the calling container sees /ws/cache, but ");
        assert!(!at("cache").exists());

        // A file: replaced, as editors do, it is what is there now.
        fs::write(at("file-new"), "two\n").unwrap();
        fs::rename(at("file-new"), at("file")).unwrap();
        assert_eq!(run("-v /file:/x", "/x"), "two");
        fs::remove_file(at("file")).unwrap();
        refused(&caller, "-v /file:/x", "the file that /file was mounted from is gone");
        assert!(!at("file").exists());
    });
}

#[test]
fn what_only_the_caller_has_mounted_is_refused_and_not_made_on_the_host() {
    on_each_engine(|engine| {
        let proxy = Proxy::start(engine, &[] as &[&str]).unwrap();
        let dir = host_dir();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        let mut flags = vec![format!("--volume={}:/app", dir.path().display())];
        flags.extend(MAY_MOUNT.map(str::to_owned));
        let caller = caller(engine, &proxy, &flags);
        let touched = |path: &str, made: &str| {
            let run = format!("docker run --rm -v {path}:/x busybox touch /x/{made} && ls {path}");
            assert_eq!(caller.sh_ok(&run).unwrap(), made);
        };
        // From now on it is known, and what it has mounted.
        touched("/app/tmp", "before");
        caller.sh_ok("mount -t tmpfs none /app/tmp && mkdir /app/tmp/only").unwrap();
        refused(&caller, "-v /app/tmp/only:/x", "another mount lies in between");
        caller.sh_ok("umount /app/tmp && rm /app/tmp/before").unwrap();
        assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
        touched("/app/tmp", "after");
        // The kernel does not say that a mount has moved with a directory above it.
        caller.sh_ok("mkdir -p /one/point /two && mount -t tmpfs none /one/point").unwrap();
        touched("/two", "here");
        caller.sh_ok("mv /one /two").unwrap();
        refused(&caller, "-v /two:/x", "another mount lies in between");
        // What is known of it keeps its mounts, and must go with it.
        let lists = || {
            let open = fs::read_dir(format!("/proc/{}/fd", proxy.pid())).unwrap();
            let open = open.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
            open.filter(|file| file.to_string_lossy().contains("/mountinfo")).count()
        };
        let machines = 1;
        assert!(lists() > machines);
        drop(caller);
        wait_until("no list of the caller's mounts is open", || lists() == machines);
    });
}

#[test]
fn a_directory_that_is_made_is_its_owners() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        chown(world.storage.path(), Some(1234), Some(4321)).unwrap();
        let shown = world.sh("docker run --rm -v /app/storage/a/b:/x busybox stat -c '%u:%g %a' /x");
        assert_eq!(shown, "1234:4321 755\n");
        let made = fs::metadata(world.storage.path().join("a")).unwrap();
        assert_eq!((made.uid(), made.gid(), made.mode() & 0o7777), (1234, 4321, 0o755));
    });
}

/// A directory of the host with something mounted in it, for as long as this stands.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// A tmpfs that has a file `g`.
    fn tmpfs(at: &'a Path) -> Self {
        fs::create_dir_all(at).unwrap();
        mount(&["-t", "tmpfs", "none", at.to_str().unwrap()]);
        fs::write(at.join("g"), "deep\n").unwrap();
        Self(at)
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(self.0).status();
    }
}

fn mount(args: &[&str]) {
    assert!(Command::new("mount").args(args).status().unwrap().success(), "mount {args:?}");
}

#[test]
fn t8_a_mount_beneath_stays_read_only_where_the_engine_keeps_it_so() {
    on_each_engine(|engine| {
        let dir = host_dir();
        let (sub, own) = (dir.path().join("ro/sub"), dir.path().join("own/sub"));
        let (_sub, _own) = (Mounted::tmpfs(&sub), Mounted::tmpfs(&own));
        // On the machine itself it may only be read.
        mount(&["-o", "remount,bind,ro", own.to_str().unwrap()]);
        let mut flags = vec![
            format!("--volume={}:/ro:ro", dir.path().join("ro").display()),
            format!("--volume={}:/own:ro", dir.path().join("own").display()),
        ];
        flags.extend(MAY_MOUNT.map(str::to_owned));
        let caller = Caller::start_with(engine, &flags).unwrap();
        // A caller that a program older than API 1.44 has made may write there.
        caller.sh_ok("mount -o remount,bind,ro /ro/sub && ! touch /ro/sub/new 2>/dev/null").unwrap();
        let proxy = Proxy::start(engine, &["--for", &caller.name]).unwrap();
        let run = |flag: &str, version: Option<&str>| {
            let look = "cat /x/sub/g; touch /x/sub/new 2>/dev/null && echo writable; true";
            let mut args = vec!["run", "--rm"];
            args.extend(flag.split(' '));
            args.extend(["busybox", "sh", "-c", look]);
            let mut command = engine.docker_at(&proxy.socket(), &args);
            command.envs(version.map(|version| ("DOCKER_API_VERSION", version)));
            command.output().unwrap()
        };
        let flags = ["-v /ro:/x:ro", "-v /ro:/x", "--mount type=bind,src=/ro,dst=/x,readonly"];
        for flag in flags {
            let ran = run(flag, None);
            if engine.speaks(1, 44) {
                assert_eq!(ran.succeeded().out(), "deep\n", "{flag}");
                let older = run(flag, Some("1.43"));
                assert!(older.failed().err().contains("would become writable"), "{flag}: {}", older.err());
            } else {
                assert!(ran.failed().err().contains("would become writable"), "{flag}: {}", ran.err());
            }
        }
        if engine.speaks(1, 44) {
            let writable = "--mount type=bind,src=/ro,dst=/x,readonly,bind-recursive=writable";
            let ran = run(writable, None);
            assert!(ran.failed().err().contains("would become writable"), "{}", ran.err());
        }
        assert_eq!(run("-v /own:/x:ro", None).succeeded().out(), "deep\n");
        let older = run("-v /own:/x", engine.speaks(1, 44).then_some("1.43"));
        assert_eq!(older.succeeded().out(), "deep\n");
        assert!(!sub.join("new").exists() && !own.join("new").exists());
    });
}

#[test]
fn a_request_has_so_many_looks_and_harms_nobody_else() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        world.write("f", "mine\n");
        world.sh("cd /app/storage && d=/app/storage && \
             for i in $(seq 39); do d=$d/d$i; mkdir -p $d; ln -s l$((i - 1)) l$i; done; ln -s $d l0");
        let other = Caller::start(engine, &world.proxy.socket(), world.storage.path()).unwrap();
        let ask = |name: &str, path: &dyn Fn(usize) -> String| {
            let binds: Vec<_> = (0..990).map(|n| format!("\"{}:/t{n}\"", path(n))).collect();
            let body = format!(r#"{{"Image":"busybox","HostConfig":{{"Binds":[{}]}}}}"#, binds.join(","));
            let at = world.write(name, &body);
            let at = at.file_name().unwrap().to_str().unwrap().to_owned();
            format!(
                "curl -s --unix-socket /run/hostward/docker.sock -H 'Content-Type: application/json' \
                 --data-binary @/app/storage/{at} http://d/containers/create"
            )
        };
        // 990 different paths, each over forty links: as many looks as there are, and a clear word.
        let different = ask("different", &|n| format!("/app/storage/l39{}", "/.".repeat(n)));
        let many: Vec<_> = (0..8)
            .map(|_| {
                let mut command = world.caller.exec(&["sh", "-c", &different]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let run = "docker run --rm -v /app/storage/f:/x busybox cat /x";
        for _ in 0..3 {
            assert_eq!(other.sh_ok(run).unwrap(), "mine");
        }
        for one in many {
            let said = one.wait_with_output().unwrap().out();
            assert!(said.contains("looks at files, the limit for one request"), "{said}");
        }
        // The same path as often is looked up once, and the engine has the last word.
        let id = world.sh(&ask("same", &|_| "/app/storage/l39".to_owned()));
        assert!(id.contains("\"Id\""), "{id}");
        world.sh(&format!("docker rm {}", id.split('"').nth(3).unwrap()));
        // No path is longer than the kernel takes it.
        let long = world.try_sh("docker create -v /app/storage$(printf '/..%.0s' $(seq 2000)):/x busybox");
        assert!(long.failed().err().contains("longer than 4095 bytes"), "{}", long.err());
    });
}
