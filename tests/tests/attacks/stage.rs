//! What an attack is played on: somebody else's containers on an engine, and the attacker's own container beside them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use hostward_testkit::{Caller, Engine, Proxy, unique};
use hostward_tests::recorder::Recorder;
use hostward_tests::{host_dir, root_of, wait_until};
use serde_json::json;

use crate::case::Request;
use crate::http::{get, plain};
use crate::side_by_side;

/// What the name of the attacker's container ends with.
const ATTACKER: &str = "-attacker";

/// Passes connections on from within the attacker's container: what it sends comes from the attacker.
const RELAY: &str = r#"
import os, socket, threading
def copy(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    try:
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
def serve(a):
    b = socket.socket(socket.AF_UNIX)
    b.connect("/run/hostward/docker.sock")
    there = threading.Thread(target=copy, args=(a, b))
    there.start()
    copy(b, a)
    there.join()
    a.close()
    b.close()
door = socket.socket(socket.AF_UNIX)
door.bind("/relay/new")
door.listen(64)
os.rename("/relay/new", "/relay/docker.sock")
while True:
    threading.Thread(target=serve, args=(door.accept()[0],)).start()
"#;

/// An engine with victims and an attacker on it.
pub(crate) struct Stage<'a> {
    pub(crate) engine: &'a Engine,
    /// Where the attacker sends its requests.
    pub(crate) socket: PathBuf,
    /// What the engine gets, where Hostward is between.
    pub(crate) recorder: Option<Recorder>,
    /// What names begin with, of all that is made here.
    prefix: String,
    /// What stands for what in the cases.
    words: BTreeMap<&'static str, String>,
    storage: tempfile::TempDir,
    // In the order in which they go: what cases have made, then the attacker, then Hostward.
    _sweep: Sweep<'a>,
    attacker: Caller,
    _proxy: Option<Proxy>,
    folders: [tempfile::TempDir; 4],
}

/// Removes at the end, however that comes, all that has a name of this stage.
struct Sweep<'a> {
    engine: &'a Engine,
    prefix: String,
}

impl<'a> Stage<'a> {
    /// Sets it up, with Hostward by a preset or without Hostward.
    pub(crate) fn on(engine: &'a Engine, preset: Option<&str>) -> Self {
        let prefix = unique("hw-attack");
        let sweep = Sweep { engine, prefix: prefix.clone() };
        let [storage, outside, read_only, relay, empty] = std::array::from_fn(|_| host_dir());
        let secret = format!("secret-of-{prefix}");
        for (folder, file) in [(&outside, "secret"), (&read_only, "kept"), (&storage, "file")] {
            fs::write(folder.path().join(file), &secret).unwrap();
        }
        fs::create_dir(storage.path().join("dir")).unwrap();
        fs::create_dir(storage.path().join("kept")).unwrap();
        let recorder = preset.map(|_| Recorder::of(&engine.socket));
        let proxy = preset.zip(recorder.as_ref()).map(|(preset, recorder)| {
            let flags = ["--preset", preset, "--allow-root", "/app/storage"];
            Proxy::start_to(&recorder.socket, &flags).unwrap_or_else(|error| panic!("{error}"))
        });
        let socket = proxy.as_ref().map_or_else(|| engine.socket.clone(), Proxy::socket);
        let mounts = [
            format!("--volume={}:/app/storage", storage.path().display()),
            format!("--volume={}:/app/storage/kept:ro", read_only.path().display()),
            format!("--volume={}:/app/outside", outside.path().display()),
            format!("--volume={}:/relay", relay.path().display()),
            format!(
                "--volume={}:/run/hostward",
                proxy.as_ref().map_or(empty.path(), |_| socket.parent().unwrap()).display()
            ),
        ];
        let attacker = Caller::start_named(engine, format!("{prefix}{ATTACKER}"), &mounts).unwrap();
        let mut stage = Self {
            engine,
            socket,
            recorder,
            prefix,
            words: BTreeMap::new(),
            storage,
            _sweep: sweep,
            attacker,
            _proxy: proxy,
            folders: [outside, read_only, relay, empty],
        };
        if preset.is_some() {
            stage.listen();
        }
        stage.name(&secret);
        stage.victims();
        stage.own(preset);
        stage
    }

    /// The attacker's door.
    fn listen(&mut self) {
        let mut relay =
            self.engine.docker(&["exec", "--detach", &self.attacker.name, "python3", "-c", RELAY]);
        assert!(relay.stdout(Stdio::null()).status().unwrap().success());
        let door = self.folders[2].path().join("docker.sock");
        wait_until("the attacker listens", || door.exists());
        self.socket = door;
    }

    fn name(&mut self, secret: &str) {
        let host = |folder: &Path| folder.display().to_string();
        let bridge = get(&self.engine.socket, "/networks/bridge").json();
        let bridge = &bridge["Options"]["com.docker.network.bridge.name"];
        let guarded = self.recorder.is_some();
        let storage = if guarded { "/app/storage".to_owned() } else { host(self.storage.path()) };
        let named = |what: &str| format!("{}-{what}", self.prefix);
        self.words = BTreeMap::from([
            ("victim", named("victim")),
            ("idle", named("idle")),
            ("volume", named("volume")),
            ("network", named("network")),
            ("image", named("image")),
            ("own", named("own")),
            ("attacker", self.attacker.id.clone()),
            ("secret", secret.to_owned()),
            ("storage", storage),
            ("storage on the host", host(self.storage.path())),
            ("outside", host(self.folders[0].path())),
            ("seen outside", if guarded { "/app/outside".to_owned() } else { host(self.folders[0].path()) }),
            ("engine", host(&self.engine.socket)),
            ("engine folder", host(self.engine.socket.parent().unwrap())),
            (
                "usual socket",
                if guarded { "/var/run/docker.sock".to_owned() } else { host(&self.engine.socket) },
            ),
            ("bridge", bridge.as_str().unwrap_or_default().to_owned()),
            ("docker root", get(&self.engine.socket, "/info").text("DockerRootDir")),
            ("attacker's root", host(&root_of(self.engine, &self.attacker.id))),
        ]);
    }

    /// What belongs to others: by the engine's own socket.
    fn victims(&mut self) {
        let outside = self.words["outside"].clone();
        let make = |target: &str, body: serde_json::Value| {
            let answer = plain(&self.engine.socket, "POST", target, Some(body.to_string()));
            assert!(answer.status < 300, "{target}: {answer:?}");
            answer.json()["Id"].as_str().unwrap_or_default().to_owned()
        };
        let [victim, idle, volume, network, image] =
            ["victim", "idle", "volume", "network", "image"].map(|word| self.words[word].as_str());
        make("/volumes/create", json!({ "Name": volume }));
        let network_id = make("/networks/create", json!({ "Name": network, "CheckDuplicate": true }));
        make(&format!("/images/busybox/tag?repo={image}&tag=latest"), json!({}));
        let container = |more: serde_json::Value| {
            let mut container = json!({
                "Image": "busybox",
                "Cmd": ["sh", "-c", "echo $TOKEN; exec sleep 1000"],
                "Env": [format!("TOKEN={}", self.words["secret"])],
                "Labels": { "hostward-test": "" },
            });
            container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            container
        };
        let binds = json!([format!("{volume}:/data"), format!("{outside}:/outside")]);
        let victim_id = make(
            &format!("/containers/create?name={victim}"),
            container(json!({ "HostConfig": { "Binds": binds, "NetworkMode": network } })),
        );
        make(&format!("/containers/{victim}/start"), json!({}));
        make(&format!("/containers/create?name={idle}"), container(json!({})));
        let [exec, second] = [(); 2].map(|()| {
            let command = json!({ "Cmd": ["sh", "-c", "echo $TOKEN"], "AttachStdout": true });
            make(&format!("/containers/{victim}/exec"), command)
        });
        self.words.insert("victim's short id", victim_id[..12].to_owned());
        self.words.insert("victim's id", victim_id);
        self.words.insert("network's id", network_id);
        self.words.insert("exec", exec);
        self.words.insert("second exec", second);
    }

    /// A running container of the attacker. Where it may make none, the victim stands for it.
    fn own(&mut self, preset: Option<&str>) {
        if preset == Some("observer") {
            let victim = self.words["victim"].clone();
            self.words.insert("own", victim);
            return;
        }
        let own = &self.words["own"];
        let body = json!({ "Image": "busybox", "Cmd": ["sleep", "1000"] }).to_string();
        let made = plain(&self.socket, "POST", &format!("/containers/create?name={own}"), Some(body));
        assert_eq!(made.status, 201, "{made:?}");
        let started = plain(&self.socket, "POST", &format!("/containers/{own}/start"), None);
        assert_eq!(started.status, 204, "{started:?}");
    }

    /// A request, with the names of this stage in it.
    pub(crate) fn request(&self, request: &Request, name: &str) -> Request {
        let fill = |text: &String| self.fill(text, name);
        let filled = |pair: (&String, &String)| (fill(pair.0), fill(pair.1));
        Request {
            send: fill(&request.send),
            headers: request.headers.iter().map(filled).collect(),
            json: request.json.as_ref().map(fill),
            text: request.text.as_ref().map(fill),
            tar: request.tar.as_ref().map(|files| files.iter().map(filled).collect()),
            packing: request.packing,
        }
    }

    /// A text of a case, with the names of this stage in it.
    pub(crate) fn fill(&self, text: &str, name: &str) -> String {
        let number = name.rsplit('-').next().unwrap_or_default();
        // Short enough for the name of an interface.
        let number = format!("{}x{number}", std::process::id() % 1_000_000);
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let now = format!("{}.{:09}", now.as_secs(), now.subsec_nanos());
        let filled = text.replace("{name}", name).replace("{number}", &number).replace("{now}", &now);
        self.words.iter().fold(filled, |text, (word, meant)| text.replace(&format!("{{{word}}}"), meant))
    }

    /// A name for what a case makes.
    pub(crate) fn named(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }

    /// Makes a link in the attacker's storage.
    pub(crate) fn link(&self, name: &str, target: &str) {
        let _ = std::os::unix::fs::symlink(target, self.storage.path().join(name));
    }
}

impl Drop for Sweep<'_> {
    fn drop(&mut self) {
        let socket = &self.engine.socket;
        let ours = |name: &str| name.contains(&self.prefix);
        let list = |target: &str| get(socket, target).json();
        let remove = |target: String| {
            // What is left shows in the next run of `cargo xtask engines`, and a container of it holds the other things.
            let _ = self.engine.remove(&target);
        };
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let containers = list("/containers/json?all=1");
        let containers: Vec<_> = containers
            .as_array()
            .into_iter()
            .flatten()
            .filter(|container| {
                let mut names = container["Names"].as_array().into_iter().flatten().map(text);
                names.any(|name| ours(&name) && !name.ends_with(ATTACKER))
            })
            .map(|container| text(&container["Id"]))
            .collect();
        side_by_side(&containers, |id| remove(format!("containers/{id}?force=1&v=1")));
        for volume in list("/volumes")["Volumes"].as_array().into_iter().flatten() {
            if ours(&text(&volume["Name"])) || ours(&volume["Labels"].to_string()) {
                remove(format!("volumes/{}?force=1", text(&volume["Name"])));
            }
        }
        for network in list("/networks").as_array().into_iter().flatten() {
            if ours(&text(&network["Name"])) {
                remove(format!("networks/{}", text(&network["Id"])));
            }
        }
        for plugin in list("/plugins").as_array().into_iter().flatten() {
            if ours(&text(&plugin["Name"])) {
                remove(format!("plugins/{}?force=1", text(&plugin["Name"])));
            }
        }
        for image in list("/images/json").as_array().into_iter().flatten() {
            for tag in image["RepoTags"].as_array().into_iter().flatten().map(text) {
                if ours(&tag) {
                    remove(format!("images/{tag}"));
                }
            }
        }
    }
}
