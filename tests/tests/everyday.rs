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
        let flags = ["--preset", preset, "--allow-root", "/app/storage"];
        Self::by(engine, Proxy::start(engine, &flags))
    }

    /// With keys of a profile besides.
    fn under_with(engine: &'a Engine, preset: &str, keys: &str) -> Self {
        let proxy = Proxy::start_configured(|socket| {
            let (engine, listen) = (engine.socket.display(), socket.display());
            format!(
                "engine = \"unix://{engine}\"\n[[listen]]\naddress = \"unix://{listen}\"\n\
                 [[profile]]\nname = \"jobs\"\npreset = \"{preset}\"\nroots = [\"/app/storage\"]\n{keys}\n"
            )
        });
        Self::by(engine, proxy)
    }

    fn by(engine: &'a Engine, proxy: hostward_testkit::Result<Proxy>) -> Self {
        let proxy = proxy.unwrap_or_else(|error| panic!("{error}"));
        let storage = host_dir();
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
fn a_job_joins_the_networks_that_it_is_in_under_ci() {
    on_each_engine(|engine| {
        let job = Job::under(engine, "ci");
        let by_host = |args: &[&str]| hostward_tests::docker(engine, &engine.socket, args);
        let network = Removed::network(engine, unique("hw-everyday"));
        let (network, job_name) = (network.name(), &job.caller.name);
        by_host(&["network", "create", network]);
        let joins =
            format!("docker run --rm --network {network} busybox true > /dev/null 2>&1 || echo refused\n");
        assert_eq!(job.sh(&joins), "refused\n", "on {}", engine.name);

        by_host(&["network", "connect", network, job_name]);
        let id = by_host(&["network", "inspect", "--format", "{{.Id}}", network]);
        let by_id = joins.replace(network, id.trim());
        let changes = format!(
            "docker network rm {network} 2> /dev/null || echo not removed
             docker network disconnect --force {network} {job_name} 2> /dev/null || echo not disconnected
             docker network inspect {network} > /dev/null 2>&1 || echo not seen"
        );
        let said = job.sh(&(joins.clone() + &by_id + &changes));
        assert_eq!(said, "not removed\nnot disconnected\nnot seen\n", "on {}", engine.name);

        by_host(&["network", "disconnect", network, job_name]);
        assert_eq!(job.sh(&joins), "refused\n", "on {}", engine.name);
    });
}

#[test]
fn a_job_removes_what_nobody_uses_of_its_own_under_ci() {
    on_each_engine(|engine| {
        let job = Job::under(engine, "ci");
        let label = unique("hw-everyday");
        let [own, others] =
            ["own", "others"].map(|whose| Removed::network(engine, format!("{label}-{whose}")));
        let (own, others) = (own.name(), others.name());
        let create = ["network", "create", "--label", &label, others];
        hostward_tests::docker(engine, &engine.socket, &create);
        let said = job.sh(&format!(
            "docker network create --label {label} {own} > /dev/null
             volume=$(docker volume create --label {label}); docker volume inspect $volume > /dev/null
             docker network prune --force --filter label={label} | grep {label}
             docker volume prune --force --filter label={label} > /dev/null
             docker volume ls -q --filter name=$volume
             docker network prune --force > /dev/null"
        ));
        assert_eq!(said, format!("{own}\n"), "on {}", engine.name);
        let list = ["network", "ls", "--filter", &format!("label={label}"), "--format", "{{.Name}}"];
        let left = hostward_tests::docker(engine, &engine.socket, &list);
        assert_eq!(left, format!("{others}\n"), "on {}", engine.name);
    });
}

#[test]
fn a_job_brings_up_a_compose_project_under_ci() {
    on_each_engine(|engine| {
        let job = Job::under(engine, "ci");
        job.write("app/page", "served\n");
        job.write("app/seed", "seeded\n");
        job.write(
            "app/compose.yaml",
            "services:
  web:
    image: busybox
    command: sh -c 'cp /seed /data/seed; cat /data/seed; exec httpd -f -h /www'
    volumes: [ ./page:/www/page:ro, ./seed:/seed, data:/data ]
    environment: { MODE: day }
    ports: [ '127.0.0.1::80' ]
    stop_grace_period: 0s
  job:
    image: busybox
    command: sh -c 'until wget -qO- http://web/page; do sleep 0.1; done; exec sleep 1000'
    depends_on: [ web ]
    restart: unless-stopped
    stop_grace_period: 0s
volumes: { data: }
",
        );
        let project = unique("hw-everyday");
        let said = job.sh(&format!(
            "cd /app/storage/app; compose() {{ docker compose --ansi never --project-name {project} \"$@\"; }}
             compose up --detach --quiet-pull > /tmp/said 2>&1 || cat /tmp/said
             compose ps --services | sort; until compose logs --no-log-prefix job | grep -o served; do sleep 0.2; done
             compose exec -T web sh -c 'cat /data/seed; echo $MODE'
             compose cp web:/www/page /tmp/page 2> /dev/null; cat /tmp/page
             compose restart -t 0 web > /tmp/said 2>&1
             compose run --rm -T job sh -c 'until wget -qO- http://web/page; do sleep 0.1; done' 2> /dev/null
             compose up --detach --scale job=2 > /tmp/said 2>&1; compose ps -q job | wc -l
             compose down --volumes --timeout 0 > /tmp/said 2>&1 || cat /tmp/said
             compose ps -aq; docker volume ls -q --filter name={project}; docker network ls -q --filter name={project}"
        ));
        assert_eq!(said, "job\nweb\nserved\nseeded\nday\nserved\nserved\n2\n", "on {}", engine.name);
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

/// What `inspect_ai` runs for a sandbox of its docker provider (0.3.285), with the compose file that it writes itself.
#[test]
fn a_sandbox_of_inspect_ai_runs_under_executor() {
    on_each_engine(|engine| {
        // It writes the sandbox's files to wherever the task says.
        let job = Job::under_with(engine, "executor", "read_only_root = false");
        job.write(
            "compose.yaml",
            "services:
  default:
    image: \"python:3.11\"
    command: \"tail -f /dev/null\"
    init: true
    network_mode: none
    stop_grace_period: 1s
",
        );
        let project = unique("inspect-task");
        let said = job.sh(&format!(
            "compose() {{ docker compose --project-name {project} -f /app/storage/compose.yaml \"$@\"; }}
             compose config > /dev/null
             compose pull --ignore-buildable --policy missing default > /tmp/said 2>&1
             compose up --detach --wait --wait-timeout 121 > /tmp/said 2>&1 || cat /tmp/said
             compose ps --format json --status running | grep -c '\"Service\":\"default\"'
             compose exec -T default sh -c pwd
             echo 'print(6 * 7)' | compose exec -T --workdir / default sh -c 'cat > /task.py'
             compose exec -T --workdir / --user root --env A=b default timeout -k 5s 30s python3 /task.py
             compose cp -L -- default:/task.py - 2> /dev/null | tar xO
             docker compose ls --all --format json | grep -c {project}
             compose --ansi never down --volumes > /tmp/said 2>&1 || cat /tmp/said
             compose ps --all --quiet"
        ));
        assert_eq!(said, "1\n/\n42\nprint(6 * 7)\n1\n", "on {}", engine.name);
    });
}
