//! Requests in every form: what an engine is given of them, and that nothing is lost on the way.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::{Caller, Engine, OutputText, Proxy, unique};
use hostward_tests::recorder::Recorder;
use hostward_tests::{Removed, docker, feed, host_dir, on_each_engine};
use serde_json::{Value, json};
use std::fs;
use std::process::Output;

/// A caller with a bind at `/app/storage` and a volume at `/data`, behind Hostward and a recorder.
struct Home<'a> {
    engine: &'a Engine,
    caller: Caller,
    data: Removed<'a>,
    _proxy: Proxy,
    recorder: Recorder,
    storage: tempfile::TempDir,
}

/// An answer to a request by hand.
struct Answer {
    status: u16,
    body: Value,
}

impl<'a> Home<'a> {
    fn on(engine: &'a Engine) -> Self {
        let recorder = Recorder::of(&engine.socket);
        let proxy = Proxy::start_to(&recorder.socket, &[] as &[&str]).unwrap();
        let (storage, data) = (host_dir(), Removed::volume(engine, unique("hw-data")));
        fs::create_dir(storage.path().join("x")).unwrap();
        fs::write(storage.path().join("x/f"), "bind\n").unwrap();
        let caller = Caller::start_with(
            engine,
            &[
                format!("--volume={}:/app/storage", storage.path().display()),
                format!("--volume={}:/data", data.name()),
                format!("--volume={}:/run/hostward", proxy.socket().parent().unwrap().display()),
                "--env=DOCKER_HOST=unix:///run/hostward/docker.sock".to_owned(),
            ],
        )
        .unwrap();
        caller.sh_ok("mkdir -p /data/sub; echo part > /data/sub/f; echo hidden > /data/top").unwrap();
        recorder.take();
        Self { engine, caller, data, _proxy: proxy, recorder, storage }
    }

    fn sh(&self, script: &str) -> String {
        self.try_sh(script).succeeded().out()
    }

    fn try_sh(&self, script: &str) -> Output {
        self.caller.sh(script).unwrap()
    }

    fn storage(&self) -> String {
        self.storage.path().display().to_string()
    }

    /// Posts a body from the caller.
    fn post(&self, target: &str, body: impl Into<Vec<u8>>) -> Answer {
        let curl = [
            "curl",
            "-sS",
            "--unix-socket",
            "/run/hostward/docker.sock",
            "--header=Content-Type: application/json",
            "--write-out=\n%{http_code}",
            "--data-binary=@-",
            &format!("http://d{target}"),
        ]
        .map(|word| match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => vec![flag.to_owned(), value.to_owned()],
            _ => vec![word.to_owned()],
        })
        .concat();
        let output = feed(self.caller.exec(&curl), body.into());
        let printed = output.succeeded().out();
        let (body, status) = printed.rsplit_once('\n').unwrap();
        // Below API 1.24 an error is a plain text.
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
        Answer { status: status.parse().unwrap(), body }
    }

    /// Creates a container of a body that the caller posts, and gives it.
    fn create(&self, version: &str, body: impl Into<Vec<u8>>) -> Removed<'a> {
        let name = Removed::new(self.engine, unique("hw-request"));
        let answer = self.post(&format!("{version}/containers/create?name={}", name.name()), body);
        assert_eq!(answer.status, 201, "{}", answer.body);
        name
    }

    /// Starts a container on the engine itself, and gives what it prints.
    fn runs(&self, container: &Removed<'_>) -> String {
        docker(self.engine, &self.engine.socket, &["start", "--attach", container.name()])
    }

    /// Whether the engine has got a text since it was last asked.
    fn received(&self) -> String {
        self.recorder.take().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

fn cat(path: &str) -> Value {
    json!(["cat", path])
}

#[test]
fn a_volume_on_a_device_of_the_callers_has_its_files() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        for (device, content) in
            [("/app/storage/x", "bind\n"), ("/data/sub", "part\n"), ("/app/storage/../storage/x", "bind\n")]
        {
            let volume = Removed::volume(engine, unique("hw-device"));
            let name = volume.name();
            let create = format!(
                "docker volume create --driver local -o type=none -o o=bind -o device={device} {name}"
            );
            assert_eq!(home.sh(&create).trim(), name);
            assert_eq!(
                home.sh(&format!("docker run --rm -v {name}:/d busybox cat /d/f")),
                content,
                "{device}"
            );
            let inspect = format!("docker volume inspect --format '{{{{.Options.device}}}}' {name}");
            assert_eq!(home.sh(&inspect).trim(), device);
        }
        // In one create (T21).
        let volume = Removed::volume(engine, unique("hw-driver"));
        let name = Removed::new(engine, unique("hw-both"));
        let run = format!(
            "docker run --name {} --mount type=volume,source={},target=/d,volume-driver=local,volume-opt=type=none,\
             volume-opt=o=bind,volume-opt=device=/app/storage/x busybox cat /d/f",
            name.name(),
            volume.name()
        );
        assert_eq!(home.sh(&run), "bind\n");
        let mounts =
            home.sh(&format!("docker inspect --format '{{{{json .HostConfig.Mounts}}}}' {}", name.name()));
        let mounts: Value = serde_json::from_str(&mounts).unwrap();
        let device = "/0/VolumeOptions/DriverConfig/Options/device";
        assert_eq!(mounts.pointer(device).unwrap(), "/app/storage/x");
        let inspect = format!("docker volume inspect --format '{{{{.Options.device}}}}' {}", volume.name());
        assert_eq!(home.sh(&inspect).trim(), "/app/storage/x");
    });
}

#[test]
fn a_start_with_mounts_is_translated_where_an_engine_takes_it() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        for (bind, content) in
            [("/app/storage/x/f", "bind\n"), ("/data/sub/f", "part\n"), ("/app/storage/./x//f", "bind\n")]
        {
            // It has its own file there unless the start gives it another.
            let body = json!({"Image": "busybox", "Cmd": ["sh", "-c", "cat /given || echo nothing"]});
            let name = home.create("", body.to_string());
            let start = json!({"Binds": [format!("{bind}:/given")]}).to_string();
            let answer = home.post(&format!("/v1.23/containers/{}/start", name.name()), start);
            if engine.speaks(1, 45) {
                // Engines of today know no version below 1.24.
                assert_eq!(answer.status, 400, "{}", answer.body);
                assert!(answer.body.to_string().contains("client version 1.23"), "{}", answer.body);
                continue;
            }
            assert_eq!(answer.status, 204, "{}", answer.body);
            docker(engine, &engine.socket, &["wait", name.name()]);
            assert_eq!(docker(engine, &engine.socket, &["logs", name.name()]), content, "{bind}");
        }
    });
}

#[test]
fn both_forms_stand_in_one_request_and_duplicates_are_the_engines_to_refuse() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let storage = home.storage();
        let both = "docker run --rm -v /app/storage/x:/a -v /data/sub:/b:ro --mount type=bind,source=/data/sub/f,target=/c \
                    --mount type=bind,source=/app/storage/x/f,target=/d,readonly busybox cat /a/f /b/f /c /d";
        assert_eq!(home.sh(both), "bind\npart\npart\nbind\n");

        let said = |output: &Output| {
            let errors = output.failed().err();
            let line = errors.lines().find(|line| line.contains("Duplicate")).map(str::to_owned);
            line.unwrap_or_else(|| panic!("{errors}")).trim_end_matches('.').to_owned()
        };
        let long = |source: &str| format!("--mount=type=bind,source={source},target=/t");
        let short = |source: &str| format!("--volume={source}:/t");
        let host =
            said(&engine.docker(&["create", &short(&storage), &long(&storage), "busybox"]).output().unwrap());
        for (first, second) in [
            (short("/app/storage"), short("/app/storage/x")),
            (short("/app/storage"), long("/app/storage/x")),
            (short("/data/sub"), short("/app/storage")),
            (short("/data/sub"), long("/data")),
            (long("/data/sub"), long("/data/sub")),
        ] {
            let output = home.try_sh(&format!("docker create {first} {second} busybox"));
            assert_eq!(said(&output), host, "{first} {second}");
        }
    });
}

#[test]
fn what_hostward_has_never_heard_of_reaches_the_engine_to_the_byte() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let body = |source: &str, volume: &str| {
            format!(
                "{{ \"image\":\"busybox\",\t\"CMD\":[\"cat\", \"/a\"], \"Novel\" : {{\"Binds\":[\"/app/storage:/x\"], \"n\": 1.50e1}},\n\
                 \"HOSTCONFIG\": {{\"bINDS\" :[\"{source}:/a:ro\"] , \"Newer\":[{{}}, null, \"\\u00e9\\/\"], \
                 \"mounts\":[{{\"type\":\"bind\",\"SOURCE\":\"{volume}\",\"target\":\"/b\",\"Novelty\":true}}]}},  \"Zone\": \"ünï\" }}"
            )
        };
        let name = home.create("", body("/app/storage/x/f", "/app/storage/x"));
        let received = home.received();
        let expected = body(&format!("{}/x/f", home.storage()), &format!("{}/x", home.storage()));
        assert!(received.contains(&expected), "{received}");
        assert_eq!(home.runs(&name), "bind\n");
        // Without a path it is as it came.
        let body = "{\"Image\":\"busybox\" , \"hostconfig\":{\"Binds\":null,\"New\":{}}, \"Labels\":{\"b\":\"1\",\"a\":\"\\u0032\"}}";
        home.create("", body);
        assert!(home.received().contains(body));
    });
}

#[test]
fn a_body_of_megabytes_arrives_whole_or_is_refused() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let long = "é".repeat(4 << 20);
        let body = |label: &str| {
            json!({
                "Image": "busybox", "Cmd": cat("/f"), "Labels": {"long": label},
                "HostConfig": {"Binds": ["/app/storage/x/f:/f"]},
            })
            .to_string()
        };
        let name = home.create("", body(&long));
        assert_eq!(home.runs(&name), "bind\n");
        // The answer is as long.
        let format = "{{(index .HostConfig.Binds 0)}} {{len (index .Config.Labels \"long\")}}";
        let inspect = format!("docker inspect --format '{format}' {}", name.name());
        assert_eq!(home.sh(&inspect).trim(), format!("/app/storage/x/f:/f {}", long.len()));
        drop(name);

        let variables: Vec<_> = (0..200_000).map(|n| format!("VARIABLE_{n}=a value of {n}")).collect();
        let body_of_variables =
            json!({"Image": "busybox", "Env": variables, "HostConfig": {"Binds": ["/data/sub:/f"]}});
        let name = home.create("", body_of_variables.to_string());
        let inspect = format!(
            "docker inspect --format '{{{{len .Config.Env}}}} {{{{.HostConfig.Binds}}}}' {}",
            name.name()
        );
        let shown = home.sh(&inspect);
        assert_eq!(shown.trim(), format!("{} [/data/sub:/f]", variables.len() + 1)); // and PATH
        drop(name);

        home.received();
        let refused = home.post("/containers/create", body(&"x".repeat(20 << 20)));
        assert_eq!(refused.status, 413, "{}", refused.body);
        assert!(refused.body["message"].as_str().unwrap().contains("at most 16 MiB"), "{}", refused.body);
        assert!(!home.received().contains("/containers/create"));
    });
}

#[test]
fn a_body_that_is_not_utf_8_is_refused_and_says_so() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        fs::create_dir(home.storage.path().join("y")).unwrap();
        for body in [
            &b"{\"Image\":\"busybox\",\"HostConfig\":{\"Binds\":[\"/app/storage/\xff:/f\"]}}"[..],
            b"{\"Image\":\"busybox\",\"Labels\":{\"a\":\"\xc3\"},\"HostConfig\":{\"Binds\":[\"/app/storage/y:/f\"]}}",
        ] {
            let refused = home.post("/containers/create", body);
            assert_eq!(refused.status, 400, "{}", refused.body);
            let message = refused.body["message"].as_str().unwrap();
            assert!(message.contains("hostward") && message.contains("UTF-8"), "{message}");
        }
        assert!(!home.received().contains("/containers/create"));
    });
}

#[test]
fn clients_and_engines_of_old_get_the_part_of_a_volume_and_not_all_of_it() {
    on_each_engine(|engine| {
        let home = Home::on(engine);
        let run = "docker run --rm -v /data/sub:/a -v /data/sub/f:/b:ro --mount type=bind,source=/data/sub,target=/c,readonly \
                   busybox sh -c 'cat /a/f /b /c/f; ls /a /c; touch /b /c/f 2>/dev/null || echo read-only'";
        let shown = "part\npart\npart\n/a:\nf\n\n/c:\nf\nread-only\n";
        for version in ["1.24", "1.41", "1.44"] {
            if version == "1.44" && !engine.speaks(1, 44) {
                continue;
            }
            assert_eq!(home.sh(&format!("DOCKER_API_VERSION={version} {run}")), shown, "{version}");
            assert!(!home.received().contains("Subpath"), "{version}");
        }
        assert_eq!(home.sh(run), shown);
        let received = home.received();
        assert_eq!(received.contains("Subpath"), engine.speaks(1, 45), "{received}");

        // By hand, in all versions, and what the engine says of it itself.
        for minor in [24, 29, 35, 41, engine.api.1] {
            let version = format!("/v1.{minor}");
            let body =
                json!({"Image": "busybox", "Cmd": ["ls", "/d"], "HostConfig": {"Binds": ["/data/sub:/d"]}});
            let name = home.create(&version, body.to_string());
            assert_eq!(home.runs(&name), "f\n", "{version}");
            if minor < 45 {
                let format = "{{.HostConfig.Binds}} {{json .HostConfig.Mounts}}";
                let direct = docker(engine, &engine.socket, &["inspect", "--format", format, name.name()]);
                assert!(direct.contains(&format!("{}/_data/sub", home.data.name())), "{direct}");
                assert!(!direct.contains("Subpath"), "{direct}");
            }
            let inspect = format!(
                "DOCKER_API_VERSION=1.{minor} docker inspect --format '{{{{.HostConfig.Binds}}}}' {}",
                name.name()
            );
            assert_eq!(home.sh(&inspect).trim(), "[/data/sub:/d]", "{version}");
        }
    });
}
