//! Everyday work under a preset: what a job does with Docker all day passes, and what it mounts is its own.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use hostward_testkit::{Caller, Engine, OutputText, Proxy, unique};
use hostward_tests::{Removed, host_dir, on_each_engine};

/// A caller behind a Hostward that has a preset for everybody, with one allowed root.
struct Job<'a> {
    engine: &'a Engine,
    caller: Caller,
    proxy: Proxy,
    storage: tempfile::TempDir,
}

impl<'a> Job<'a> {
    fn under(engine: &'a Engine, preset: &str) -> Self {
        let storage = host_dir();
        let flags = ["--preset", preset, "--allow-root", "/app/storage"];
        let proxy = Proxy::start(engine, &flags).unwrap_or_else(|error| panic!("{error}"));
        let caller = Caller::start(engine, &proxy.socket(), storage.path()).unwrap();
        Self { engine, caller, proxy, storage }
    }

    /// Runs a shell script that must succeed; all that it says.
    fn sh(&self, script: &str) -> String {
        let output =
            self.caller.sh(&format!("exec 2>&1; set -e; export DOCKER_BUILDKIT=0\n{script}")).unwrap();
        assert!(
            output.status.success(),
            "on {}: {script}\n{}\nhostward said: {}",
            self.engine.name,
            output.out(),
            self.proxy.stderr()
        );
        output.out()
    }

    fn write(&self, name: &str, content: &str) {
        let file = self.storage.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
}

#[test]
fn a_job_runs_execs_copies_and_reads_logs_under_ci() {
    on_each_engine(|engine| {
        let job = Job::under(engine, "ci");
        let name = Removed::new(engine, unique("hw-everyday"));
        job.write("in", "mounted\n");
        let name = name.name();
        let said = job.sh(&format!(
            "docker run -d --name {name} -v /app/storage:/w -e MODE=day -p 127.0.0.1:0:80 busybox \
             sh -c 'cat /w/in; echo $MODE; exec sleep 1000' > /dev/null
             docker exec {name} sh -c 'echo from an exec; echo out > /w/out'
             echo copied > /tmp/copy; docker cp /tmp/copy {name}:/copy > /dev/null; docker cp {name}:/copy - | tar xO
             docker ps --filter name={name} --format '{{{{.Image}}}}'
             docker inspect --format '{{{{range .Mounts}}}}{{{{.Source}}}}{{{{end}}}}' {name}
             docker top {name} > /dev/null; docker stats --no-stream {name} > /dev/null; docker port {name} > /dev/null
             docker rename {name} {name}-2; docker rename {name}-2 {name}
             docker update --memory 64m --memory-swap 64m {name} > /dev/null
             docker stop -t 0 {name} > /dev/null; docker start {name} > /dev/null; docker restart -t 0 {name} > /dev/null
             docker logs {name} | sort -u
             docker rm -f {name} > /dev/null"
        ));
        assert_eq!(said, "from an exec\ncopied\nbusybox\n/app/storage\nday\nmounted\n", "on {}", engine.name);
        assert_eq!(fs::read_to_string(job.storage.path().join("out")).unwrap(), "out\n");
    });
}

#[test]
fn a_job_has_volumes_and_networks_of_its_own_under_ci() {
    on_each_engine(|engine| {
        let job = Job::under(engine, "ci");
        let [volume, network, web] = ["volume", "network", "web"].map(|what| unique(&format!("hw-{what}")));
        let _removed = (
            Removed::network(engine, &network),
            Removed::volume(engine, &volume),
            Removed::new(engine, &web),
        );
        let said = job.sh(&format!(
            "docker volume create {volume} > /dev/null
             docker run --rm -v {volume}:/data busybox sh -c 'echo kept > /data/f'
             docker run --rm -v {volume}:/data:ro busybox cat /data/f
             docker volume ls -q --filter name={volume}
             docker network create {network} > /dev/null
             docker run -d --name {web} --network {network} --network-alias web busybox \
               sh -c 'echo served > index.html; exec httpd -f' > /dev/null
             docker run --rm --network {network} busybox sh -c \
               'until wget -qO- http://web/ 2> /dev/null; do sleep 0.1; done'
             docker run --rm --network container:{web} busybox wget -qO- http://127.0.0.1/
             docker network disconnect {network} {web}; docker network connect {network} {web}
             docker network inspect --format '{{{{len .Containers}}}}' {network}
             docker rm -f {web} > /dev/null; docker network rm {network} > /dev/null; docker volume rm {volume} > /dev/null
             docker volume ls -q --filter name={volume}; docker network ls -q --filter name={network}"
        ));
        assert_eq!(said, format!("kept\n{volume}\nserved\nserved\n1\n"), "on {}", engine.name);
    });
}

#[test]
fn a_job_builds_images_with_the_classic_builder_under_ci() {
    on_each_engine(|engine| {
        let job = Job::under(engine, "ci");
        let image = Removed::image(engine, unique("hw-everyday"));
        job.write(
            "src/Dockerfile",
            "FROM busybox\nARG WORD\nCOPY f /f\nRUN echo $WORD >> /f\nCMD [\"cat\", \"/f\"]\n",
        );
        job.write("src/f", "copied\n");
        let image = image.name();
        let made = Removed::new(engine, unique("hw-everyday"));
        let made = made.name();
        let said = job.sh(&format!(
            "docker build -q -t {image} --build-arg WORD=built /app/storage/src > /dev/null 2> /tmp/said
             docker run --rm {image}
             docker build -q -t {image} --build-arg WORD=again /app/storage/src > /dev/null 2> /tmp/said
             docker run --rm {image}
             docker tag {image} {image}:2; docker images -q {image} | wc -l
             docker save {image} > /tmp/saved; docker create --name {made} {image} > /dev/null
             docker commit {made} {image}:3 > /dev/null; docker rm {made} > /dev/null"
        ));
        assert_eq!(said, "copied\nbuilt\ncopied\nagain\n2\n", "on {}", engine.name);
        for tag in ["2", "3"] {
            let _ = engine.remove(&format!("images/{image}:{tag}"));
        }
    });
}

#[test]
fn a_build_through_a_profile_makes_what_a_direct_one_makes() {
    on_each_engine(|engine| {
        let job = Job::under(engine, "ci");
        let long = "n".repeat(130);
        job.write(
            "src/Dockerfile",
            "# what everyday Dockerfiles have\nARG BASE=busybox\nFROM ${BASE:-none} AS build\n\
             COPY . /src\nRUN cd /src && \\\n  # all of them\n  ls > /list\n\n\
             FROM $BASE\nLABEL link=\"http://x/y\"\nSHELL [\"/bin/sh\", \"-c\"]\nHEALTHCHECK CMD true\n\
             COPY --from=build /src /src\nCOPY --from=0 /list /list\nADD inner.tar /inner/\nADD [\"with space\", \"/with space\"]\n\
             CMD find /src/* /inner/* -exec stat -c '%n %a %u:%g %s %Y %N' {} + | sort; \\\n  \
             find /src /list -type f -exec sha256sum {} + | sort\n",
        );
        job.write("src/.dockerignore", "left-out\n*.log\n");
        for name in ["left-out", "a.log", "with space", "sub/é", &format!("{long}/{long}")] {
            job.write(&format!("src/{name}"), name);
        }
        let source = job.storage.path().join("src");
        // Incompressible, and more than any buffer.
        let mut seed = 1_u64;
        let large: Vec<u8> = (0..50 << 20)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                seed.to_be_bytes()[0]
            })
            .collect();
        fs::write(source.join("large"), large).unwrap();
        fs::set_permissions(source.join("sub"), fs::Permissions::from_mode(0o751)).unwrap();
        fs::set_permissions(source.join("with space"), fs::Permissions::from_mode(0o4755)).unwrap();
        symlink("../nowhere", source.join("sub/link")).unwrap();
        fs::hard_link(source.join("sub/é"), source.join("sub/second")).unwrap();
        let mut packed = Command::new("tar");
        packed.arg("cf").arg(source.join("inner.tar")).arg("-C").arg(&source);
        assert!(packed.args(["sub", "with space"]).status().unwrap().success());
        let images =
            ["plain", "packed", "direct"].map(|how| Removed::image(engine, unique(&format!("hw-{how}"))));
        let [plain, packed, direct] = images.each_ref().map(Removed::name);
        job.sh(&format!(
            "docker build -q --no-cache -t {plain} /app/storage/src
             docker build -q --no-cache --compress -t {packed} /app/storage/src"
        ));
        let mut build = engine.docker(&["build", "-q", "--no-cache", "-t", direct]);
        assert!(build.arg(&source).env("DOCKER_BUILDKIT", "0").status().unwrap().success());
        let [plain, packed, direct] = [plain, packed, direct]
            .map(|image| hostward_tests::docker(engine, &engine.socket, &["run", "--rm", image]));
        assert!(
            direct.contains("/src/large") && direct.contains("second") && !direct.contains("left-out"),
            "{direct}"
        );
        assert_eq!(plain, direct, "on {}", engine.name);
        assert_eq!(packed, direct, "on {}", engine.name);
    });
}

#[test]
fn a_build_is_made_from_the_cache_again() {
    on_each_engine(|engine| {
        let job = Job::under(engine, "ci");
        let image = Removed::image(engine, unique("hw-cached"));
        job.write("src/Dockerfile", "FROM busybox\nCOPY f /f\nRUN date +%N > /when\nCMD cat /when\n");
        job.write("src/f", "copied\n");
        let build =
            format!("docker build -q -t {0} /app/storage/src > /dev/null; docker run --rm {0}", image.name());
        assert_eq!(job.sh(&build), job.sh(&build), "on {}", engine.name);
    });
}

#[test]
fn the_main_case_runs_under_executor() {
    on_each_engine(|engine| {
        let job = Job::under(engine, "executor");
        job.write(
            "tmp/file.py",
            "print(open('/data/numbers').read().strip(), 'read')\nopen('/out/result', 'w').write('done')\n",
        );
        job.write("data/numbers", "1 2 3\n");
        let said = job.sh("mkdir -p /app/storage/out
             docker run --rm -v /app/storage/tmp/file.py:/code.py -v /app/storage/data:/data:ro \
               -v /app/storage/out:/out python:3.11 python3 /code.py
             docker run --rm python:3.11 sh -c 'touch /x 2> /dev/null || echo read-only'
             docker run --rm busybox sh -c 'ls /sys/class/net'
             docker run --rm --tmpfs /tmp busybox sh -c 'echo x > /tmp/x && echo tmpfs'");
        assert_eq!(said, "1 2 3 read\nread-only\nlo\ntmpfs\n", "on {}", engine.name);
        let result = fs::read_to_string(job.storage.path().join("out/result")).unwrap();
        assert_eq!(result, "done", "on {}", engine.name);
        // No limit was asked for, and there is one on all.
        let made = job.sh("docker create busybox");
        let made = Removed::new(engine, made.trim());
        let format = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}";
        let limits =
            hostward_tests::docker(engine, &engine.socket, &["inspect", "--format", format, made.name()]);
        assert_eq!(limits, "536870912 1000000000 256\n", "on {}", engine.name);
    });
}
