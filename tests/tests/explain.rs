//! What a caller is told of its paths is what the engine then has: by `hostward explain --json` and by `POST /_hostward/explain`,
//! over a unix socket, over TCP and under `wrap`, in a container that the host made and in one that was made two callers down.
//!
//! The oracle is the engine's own description of a container that the caller makes with each path.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

use hostward_testkit::catalog::Kind;
use hostward_testkit::{Caller, Engine, OutputText, clients, engine, images, proxy, unique};
use hostward_tests::served::Served;
use hostward_tests::{Removed, docker, host_dir, on_each_engine};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

/// What a caller asks for, beside the path by which the host has its directory: a path of each kind.
const PATHS: [(&str, &str); 14] = [
    ("a file that is mounted", "/conf"),
    ("a directory that is mounted", "/app"),
    ("one beneath it", "/app/d/f"),
    ("a volume", "/vol"),
    ("a part of a volume", "/vol/part"),
    ("the root filesystem", "/own"),
    ("a directory with a mount beneath", "/tree"),
    ("a tmpfs", "/scratch/f"),
    ("a link", "/app/link"),
    ("nothing, in a mount", "/app/new/dir"),
    ("nothing, in the root filesystem", "/new"),
    ("the socket", "/run/hostward/docker.sock"),
    ("a device", "/dev/null"),
    ("the host", "/"),
];

/// Fills the caller's own places. What is mounted has the same everywhere.
const FILL: &str = "mkdir -p /own /vol/part; echo own >/own/f; echo part >/vol/part/f; echo tmp >/scratch/f";

/// A caller, and what the engine calls the things that it has.
struct World {
    served: Served,
    storage: tempfile::TempDir,
    volume: String,
}

impl World {
    fn on(engine: &Engine) -> Self {
        let (served, storage) = (Served::by("tcp", engine, &[]), host_dir());
        for made in ["d", "tree/sub"] {
            std::fs::create_dir_all(storage.path().join(made)).unwrap();
        }
        std::fs::write(storage.path().join("d/f"), "bind\n").unwrap();
        std::os::unix::fs::symlink("/vol/part", storage.path().join("link")).unwrap();
        let volume = unique("hw-volume");
        docker(engine, &engine.socket, &["volume", "create", &volume]);
        Self { served, storage, volume }
    }

    /// The flags of a container that the host makes.
    fn flags(&self, engine: &Engine) -> Vec<String> {
        let storage = self.storage.path().display();
        let run = self.served.proxy.socket().parent().unwrap().display().to_string();
        let program = proxy::program().unwrap().display().to_string();
        vec![
            format!("--volume={storage}:/app"),
            format!("--volume={storage}/d/f:/conf:ro"),
            format!("--volume={}:/vol", self.volume),
            format!("--volume={storage}/tree:/tree"),
            format!("--volume={}:/tree/sub:ro", self.volume),
            "--tmpfs=/scratch".to_owned(),
            format!("--volume={run}:/run/hostward"),
            format!("--volume={program}:/bin/hostward:ro"),
            format!("--volume={}:/run/raw.sock", engine.socket.display()),
        ]
    }

    /// A command that makes the same in a caller, by its own paths.
    fn make(&self, name: &str, image: &str) -> String {
        format!(
            "docker run -d --init --name {name} --label {} -v /app:/app -v /conf:/conf:ro -v {volume}:/vol -v /tree:/tree \
             --tmpfs /scratch -v /run/hostward/docker.sock:/run/hostward/docker.sock -v /bin/hostward:/bin/hostward:ro {image} \
             sleep infinity",
            hostward_testkit::LABEL,
            volume = self.volume
        )
    }
}

/// A way in which a caller reaches Hostward.
struct Way {
    name: &'static str,
    /// What runs a script so.
    run: String,
    /// The same, for curl.
    curl: &'static str,
}

fn ways(world: &World, engine_in_caller: &str) -> [Way; 3] {
    let unix = "unix:///run/hostward/docker.sock";
    let curl = "curl -s --unix-socket ${DOCKER_HOST#unix://} http://d";
    [
        Way { name: "unix", run: format!("DOCKER_HOST={unix} sh -c"), curl },
        Way {
            name: "tcp",
            run: format!("DOCKER_HOST=tcp://{} sh -c", world.served.address),
            curl: "curl -s http://${DOCKER_HOST#tcp://}",
        },
        Way { name: "wrap", run: format!("hostward wrap --engine unix://{engine_in_caller} -- sh -c"), curl },
    ]
}

/// What is said of these paths by both, which must be the same; and what another script says then, in the same `wrap`.
fn said(sh: &impl Fn(&str) -> String, way: &Way, paths: &[String], then: &str) -> (Vec<Value>, String) {
    let each = paths.join(" ");
    let body = json!({ "paths": paths }).to_string();
    let script = format!(
        "for p in {each}; do hostward explain --json $p || [ $? = 3 ] || exit 1; done; {}/_hostward/explain -d '\\''{body}'\\''; echo; \
         echo ===; {then}",
        way.curl
    );
    let text = sh(&format!("{} '{script}'", way.run));
    let (text, then) = text.split_once("===\n").unwrap();
    let mut told: Vec<Value> =
        serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().unwrap();
    let answer = told.pop().unwrap();
    assert_eq!(answer["version"], 1, "{answer}");
    let answered = answer["paths"].as_array().unwrap().clone();
    assert_eq!((told.len(), answered.len()), (paths.len(), paths.len()), "{text}");
    for (printed, answered) in told.iter().zip(&answered) {
        for (field, value) in answered.as_object().unwrap() {
            assert_eq!(&printed[field], value, "{field} of {} by {}", answered["asked"], way.name);
        }
    }
    (answered, then.to_owned())
}

/// What is mounted, as who asks was told: where, what, which part of it, and whether it may only be read.
type Mounted = BTreeSet<(String, String, String, bool)>;

fn told(explanation: &Value) -> Mounted {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mounts = explanation["mounts"].as_array().into_iter().flatten().map(|mount| {
        let at = ["/x", &text(&mount["beneath"])].join("/").trim_end_matches('/').to_owned();
        (at, text(&mount["source"]), text(&mount["subpath"]), mount["read_only"] == true)
    });
    mounts.collect()
}

/// The same by the engine's own description of a container.
fn described(container: &Value) -> Mounted {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let subpath = |at: &str| {
        let asked = container["HostConfig"]["Mounts"].as_array().into_iter().flatten();
        let asked = asked.filter(|mount| mount["Target"] == at);
        asked.map(|mount| text(&mount["VolumeOptions"]["Subpath"])).next().unwrap_or_default()
    };
    let mounts = container["Mounts"].as_array().unwrap().iter().map(|mount| {
        let at = text(&mount["Destination"]);
        let source = if mount["Type"] == "volume" { text(&mount["Name"]) } else { text(&mount["Source"]) };
        let subpath = subpath(&at);
        (at, source, subpath, mount["RW"] == false)
    });
    mounts.collect()
}

/// The directory or file of the host that the engine has at `/x`.
fn source(container: &Value) -> String {
    let mount = container["Mounts"].as_array().unwrap().iter().find(|mount| mount["Destination"] == "/x");
    let source = mount.unwrap()["Source"].as_str().unwrap().to_owned();
    let at_x = described(container).into_iter().find(|(at, ..)| at == "/x").unwrap();
    if at_x.2.is_empty() { source } else { format!("{source}/{}", at_x.2) }
}

/// Has the caller make a container with each path, and holds what was said of it against what the engine then has.
fn hold(engine: &Engine, sh: &impl Fn(&str) -> String, way: &Way, paths: &[String]) -> Vec<Value> {
    let created: Vec<_> = paths.iter().map(|_| Removed::new(engine, unique("hw-asked"))).collect();
    let create = paths.iter().zip(&created).map(|(path, created)| {
        format!("docker create --name {} -v {path}:/x busybox 2>&1; echo ==;", created.name())
    });
    let (explained, said) = said(sh, way, paths, &create.collect::<String>());
    for (((explanation, path), created), said) in
        explained.iter().zip(paths).zip(&created).zip(said.split("==\n"))
    {
        let what = format!("by {}: {explanation}\n{said}", way.name);
        if let Some(refused) = explanation["refused"].as_str() {
            assert!(said.contains(refused), "{what}");
            continue;
        }
        let container = docker(engine, &engine.socket, &["inspect", created.name()]);
        let container: Value = serde_json::from_str(&container).unwrap();
        let container = &container[0];
        assert_eq!(explanation["source"], source(container), "{what}");
        if explanation["mounts"].is_null() {
            assert_eq!(source(container), *path, "{what}");
        } else {
            assert_eq!(told(explanation), described(container), "{what}");
        }
    }
    explained
}

#[test]
fn what_is_said_of_a_path_is_what_the_engine_then_has() {
    on_each_engine(|engine| {
        let world = World::on(engine);
        let volume = Removed::volume(engine, world.volume.clone());
        let first = Caller::start_with(engine, &world.flags(engine)).unwrap();
        let (second, third) =
            (Removed::new(engine, unique("hw-second")), Removed::new(engine, unique("hw-third")));
        let unix = "DOCKER_HOST=unix:///run/hostward/docker.sock; export DOCKER_HOST;";
        let in_first = |script: &str| first.sh(script).unwrap().succeeded().out();
        in_first(FILL);
        in_first(&format!("{unix} {}", world.make(second.name(), images::CALLER)));
        let within = |container: &str, script: &str| {
            let mut exec = engine.docker(&["exec", container, "sh", "-c", script]);
            exec.output().unwrap().succeeded().out()
        };
        within(second.name(), &format!("{unix} {}", world.make(third.name(), images::CALLER)));
        let in_third = |script: &str| within(third.name(), script);
        in_third(FILL);

        let mut kinds = PATHS.map(|(kind, path)| (kind, path.to_owned())).to_vec();
        kinds.push(("a path of the host", format!("{}/d", world.storage.path().display())));
        let paths: Vec<_> = kinds.iter().map(|(_, path)| path.clone()).collect();
        at_depth(engine, &in_first, &ways(&world, "/run/raw.sock"), &kinds, &paths);
        at_depth(engine, &in_third, &ways(&world, "/run/hostward/docker.sock"), &kinds, &paths);
        drop((third, second, first, volume));
    });
}

/// What is said by each way is so. What comes by TCP goes through the same Hostward as what comes by its unix socket.
fn at_depth(
    engine: &Engine,
    sh: &impl Fn(&str) -> String,
    ways: &[Way; 3],
    kinds: &[(&str, String)],
    paths: &[String],
) {
    let [unix, tcp, wrap] = ways;
    // Making a container makes what is missing.
    let (by_tcp, _) = said(sh, tcp, paths, "");
    let by_unix = hold(engine, sh, unix, paths);
    for ((one, other), (kind, _)) in by_unix.iter().zip(&by_tcp).zip(kinds) {
        assert_eq!(one, other, "{kind}");
    }
    hold(engine, sh, wrap, paths);
}

/// Explains its arguments by the functions of a package, and translates what has a source.
const SCRIPTS: [(&str, &str); 2] = [
    (
        "say.py",
        "import hostward, json, sys\n\
         told = [hostward.explain(path) for path in sys.argv[1:]]\n\
         sources = [hostward.translate(one['asked']) if one['source'] else None for one in told]\n\
         print(json.dumps([told, sources]))\n",
    ),
    (
        "say.js",
        "const hostward = require('/app/npm');\n\
         (async () => {\n\
         const [told, sources] = [[], []];\n\
         for (const path of process.argv.slice(2)) told.push(await hostward.explain(path));\n\
         for (const one of told) sources.push(one.source ? await hostward.translate(one.asked) : null);\n\
         console.log(JSON.stringify([told, sources]));\n\
         })();\n",
    ),
];

/// At the test engines that have the image of clients.
#[test]
fn the_functions_of_python_and_node_say_the_same() {
    let engines = engine::newest_or_chosen().unwrap();
    for engine in engines.iter().filter(|engine| engine.kind == Kind::Docker) {
        let world = World::on(engine);
        for (name, script) in SCRIPTS {
            std::fs::write(world.storage.path().join(name), script).unwrap();
        }
        for package in ["python", "npm"] {
            let source = format!("{}/../packaging/{package}", env!("CARGO_MANIFEST_DIR"));
            let copied = Command::new("cp").args(["-r", &source]).arg(world.storage.path()).status();
            assert!(copied.unwrap().success());
        }
        let volume = Removed::volume(engine, world.volume.clone());
        let flags = world.flags(engine);
        let first = Caller::start_image(engine, clients::IMAGE, unique("hw-caller"), &flags).unwrap();
        let (second, third) =
            (Removed::new(engine, unique("hw-second")), Removed::new(engine, unique("hw-third")));
        let unix = "DOCKER_HOST=unix:///run/hostward/docker.sock; export DOCKER_HOST;";
        let within = |container: &str, script: &str| {
            let mut exec = engine.docker(&["exec", container, "sh", "-c", script]);
            exec.output().unwrap().succeeded().out()
        };
        let in_first = |script: &str| first.sh(script).unwrap().succeeded().out();
        // Docker's command is in another image.
        let maker = Caller::start_with(engine, &flags).unwrap();
        maker.sh_ok(&format!("{unix} {}", world.make(second.name(), images::CALLER))).unwrap();
        within(second.name(), &format!("{unix} {}", world.make(third.name(), clients::IMAGE)));
        let in_third = |script: &str| within(third.name(), script);
        in_first(FILL);
        in_third(FILL);
        the_functions_say_the_same(&in_first, &ways(&world, "/run/raw.sock"));
        the_functions_say_the_same(&in_third, &ways(&world, "/run/hostward/docker.sock"));
        drop((third, second, maker, first, volume));
    }
}

/// What the functions say in a caller is what the command says there, which the engine has borne out.
fn the_functions_say_the_same(sh: &impl Fn(&str) -> String, ways: &[Way; 3]) {
    let paths = PATHS.map(|(_, path)| path).join(" ");
    let each = format!("for p in {paths}; do hostward explain --json $p || [ $? = 3 ] || exit 1; done");
    let functions =
        ["PYTHONPATH=/app/python python3 -W ignore /app/say.py", "node --no-warnings /app/say.js"];
    let [python, node] = functions.map(|command| format!("{command} {paths}"));
    for way in ways {
        // Each `wrap` has a socket of its own, which they would see.
        let all = sh(&format!("{} '{each}; echo ===; {python}; echo ===; {node}'", way.run));
        let mut all = all.split("===\n");
        let told: Vec<Value> = serde_json::Deserializer::from_str(all.next().unwrap())
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(told.len(), PATHS.len(), "{}", way.name);
        let sources: Vec<_> = told.iter().map(|one| one["source"].clone()).collect();
        for command in functions {
            let [explained, translated]: [Vec<Value>; 2] = serde_json::from_str(all.next().unwrap()).unwrap();
            assert_eq!(explained.len(), told.len(), "{command}");
            for (function, one) in explained.iter().zip(&told) {
                for (field, value) in one.as_object().unwrap() {
                    assert_eq!(
                        &function[field], value,
                        "{field} of {} by {command}, {}",
                        one["asked"], way.name
                    );
                }
            }
            assert_eq!(translated, sources, "{command}, {}", way.name);
        }
    }
}
