//! A caller with mounts of every kind, and the cases that its clients are put to.

use hostward_testkit::clients::Clients;
use hostward_testkit::{Caller, Engine, OutputText, unique};
use hostward_tests::{docker, host_dir};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// What is said of a tree, in the caller and in the container that it made: names, kinds, modes, owners, contents.
const LOOK: &str = r#"
look() {
    if [ -d "$1" ]; then
        cd "$1" && find . | LC_ALL=C sort | while read -r path; do
            stat -c '%n: %F %a %u:%g' "$path"
            if [ -L "$path" ]; then readlink "$path"; elif [ -f "$path" ]; then cat "$path"; fi
        done
        cd /
    else
        stat -c '%F %a %u:%g' "$1"
        cat "$1"
    fi
}
"#;

/// Leaves a line at each place that [`Case::written`] names.
const PUT: &str = r#"
put() {
    if [ -d "$1" ]; then
        for folder in "$1" "$1/node_modules"; do
            if [ -d "$folder" ]; then echo "$2" >> "$folder/written"; fi
        done
    else
        echo "$2" >> "$1"
    fi
}
"#;

/// Fills the caller's places.
const FILL: &str = r#"
tree() {
    mkdir -p "$1/sub" && echo "at the top of $1" > "$1/a" && echo "deep in $1" > "$1/sub/b"
    chmod 640 "$1/a" && chown 1000:1000 "$1/sub" && ln -s sub/b "$1/link"
}
"#;

/// Where container 2 has the source: in the client's short form, and in its long form.
pub(crate) const TARGETS: [&str; 2] = ["/bind", "/mount"];

/// Where the caller has mounts of each kind.
pub(crate) struct Paths {
    /// A bind of a host's directory.
    pub(crate) bind: String,
    /// A named volume.
    pub(crate) volume: String,
    /// Nothing: the caller's own root filesystem.
    pub(crate) own: String,
    /// A bind of a host's directory with a named volume at `node_modules` in it.
    pub(crate) workspace: String,
}

impl Paths {
    /// Places below one of the caller's.
    pub(crate) fn below(root: &str) -> Self {
        Self {
            bind: format!("{root}/app/storage"),
            volume: format!("{root}/data"),
            own: format!("{root}/opt/own"),
            workspace: format!("{root}/ws"),
        }
    }
}

/// What a client is asked to mount.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) source: String,
    /// The files, below the source, that are written through the mount; none for a source that is a file.
    written: &'static [&'static str],
}

impl Case {
    /// The caller's files that are written through the mount.
    pub(crate) fn files(&self) -> Vec<String> {
        match self.written {
            [] => vec![self.source.clone()],
            below => below.iter().map(|file| format!("{}/{file}", self.source)).collect(),
        }
    }
}

/// The caller, and what lies beneath it.
pub(crate) struct Place {
    pub(crate) caller: Caller,
    engine: Engine,
    paths: Paths,
    volumes: [String; 2],
    _storage: tempfile::TempDir,
    label: String,
}

impl Place {
    /// Starts a caller that has `socket` for its `DOCKER_HOST`, and places where `paths` says, given a fresh
    /// folder of the host and the first volume's folder on it.
    pub(crate) fn on(
        engine: &Engine,
        clients: &Clients,
        socket: &Path,
        paths: impl FnOnce(&Path, &str) -> Paths,
    ) -> Self {
        let storage = host_dir();
        for folder in ["bind", "ws/node_modules"] {
            fs::create_dir_all(storage.path().join(folder)).expect("folders can be made");
        }
        let label = unique("hw-matrix");
        let volumes = ["data", "modules"].map(|name| format!("{label}-{name}"));
        let [data, modules] = &volumes;
        for volume in &volumes {
            docker(engine, &engine.socket, &["volume", "create", volume]);
        }
        let format = "{{.Mountpoint}}";
        let mountpoint = docker(engine, &engine.socket, &["volume", "inspect", "--format", format, data]);
        let paths = paths(storage.path(), mountpoint.trim());
        let flags = [
            format!("--volume={}:/run/hostward", socket.parent().expect("a socket has a folder").display()),
            format!(
                "--env=DOCKER_HOST=unix:///run/hostward/{}",
                socket.file_name().expect("a socket has a name").display()
            ),
            format!("--volume={}/bind:{}", storage.path().display(), paths.bind),
            format!("--volume={data}:{}", paths.volume),
            format!("--volume={}/ws:{}", storage.path().display(), paths.workspace),
            format!("--volume={modules}:{}/node_modules", paths.workspace),
        ];
        let caller = clients.start(engine, &flags).unwrap_or_else(|error| panic!("{error}"));
        let place = Self { caller, engine: engine.clone(), paths, volumes, _storage: storage, label };
        place.fill();
        place
    }

    fn fill(&self) {
        let Paths { bind, volume, own, workspace } = &self.paths;
        let script = format!(
            "set -e\n{FILL}\n\
             for root in {bind} {volume} {own}; do tree $root/tree; echo one line > $root/file; done\n\
             tree {workspace}; tree {workspace}/node_modules"
        );
        self.caller.sh(&script).unwrap_or_else(|error| panic!("{error}")).succeeded();
    }

    /// The cases, each with a source that no other has.
    pub(crate) fn cases(&self) -> [Case; 6] {
        let Paths { bind, volume, own, workspace } = &self.paths;
        let case = |name, source, written| Case { name, source, written };
        [
            case("file", format!("{bind}/file"), &[]),
            case("directory", format!("{bind}/tree"), &["written"]),
            case("volume file", format!("{volume}/file"), &[]),
            case("volume directory", format!("{volume}/tree"), &["written"]),
            case("root filesystem", format!("{own}/tree"), &["written"]),
            case("submounts", workspace.clone(), &["written", "node_modules/written"]),
        ]
    }

    /// What the caller sees at the source of each case.
    pub(crate) fn look(&self, cases: &[Case]) -> Vec<String> {
        self.parts(cases.iter().map(|case| format!("look '{}'", case.source)))
    }

    /// The content of each of these files of the caller, nothing where it is missing.
    pub(crate) fn contents(&self, files: &[String]) -> Vec<String> {
        self.parts(files.iter().map(|file| format!("cat '{file}' || true")))
    }

    /// What each command says in the caller. All run in one `exec`, as these cost more than what they start.
    fn parts(&self, commands: impl Iterator<Item = String>) -> Vec<String> {
        const END: &str = "=== end of part\n";
        let commands: Vec<String> = commands.map(|command| format!("{command}\nprintf '{END}'\n")).collect();
        let script = format!("set -e\n{LOOK}{}", commands.concat());
        let output = self.caller.sh(&script).unwrap_or_else(|error| panic!("{error}")).succeeded().out();
        let mut parts: Vec<String> = output.split(END).map(str::to_owned).collect();
        parts.pop();
        assert_eq!(parts.len(), commands.len(), "{output}");
        parts
    }

    /// What a client's program is asked: see tests/clients/cases.py.
    pub(crate) fn asked(&self, cases: &[Case], run: &str) -> Value {
        let [bind, mount] = TARGETS;
        let script = format!(
            "exec 2>&1\n{LOOK}{PUT}\
             for target in {bind} {mount}; do echo \"=== $target\"; look $target; done\n\
             put {bind} '{run} {bind}'; put {mount} '{run} {mount}'"
        );
        let cases: Vec<Value> = cases
            .iter()
            .map(|case| json!({ "name": case.name, "source": case.source, "script": script }))
            .collect();
        json!({ "image": "busybox", "label": self.label, "run": run, "cases": cases })
    }
}

impl Drop for Place {
    /// Removes what a client that failed has left, and the volumes.
    fn drop(&mut self) {
        let quietly = |args: &[&str]| {
            let mut command = self.engine.docker(args);
            command.stdin(Stdio::null()).stderr(Stdio::null()).output().map(|output| output.out())
        };
        let filter = format!("label=hostward-test={}", self.label);
        let left = quietly(&["ps", "--all", "--quiet", "--filter", &filter]).unwrap_or_default();
        for container in left.split_whitespace().chain([self.caller.name.as_str()]) {
            let _ = quietly(&["rm", "--force", "--volumes", container]);
        }
        for volume in &self.volumes {
            let _ = quietly(&["volume", "rm", "--force", volume]);
        }
    }
}
