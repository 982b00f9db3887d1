//! The table of the rules on engines: what container 2 gets is what container 1 sees, a row a case (`tests/rules/`).
//!
//! Rows are judged by what container 2 printed, never by an exit status: a container that fails to start prints no
//! listing. The listing is held against the caller's own, and against that of a container which a bare engine gave the
//! host's own paths.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

#[path = "../rules/cases.rs"]
mod cases;

use cases::{Api, Cases, Given, Node, Outcome, Row, See, Source, World};
use hostward_testkit::{Caller, Engine, OutputText, Proxy, docker_engines, unique};
use hostward_tests::listing::{self, Listing, REMARK, WRITTEN, quoted};
use hostward_tests::{Removed, docker, host_dir, root_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

/// Rows and worlds at one time: a client mostly waits for its engine.
const HANDS: usize = 6;

/// Rows in one request: all mounts of these stand in one command line and one script.
const TOGETHER: usize = 16;

/// Seconds that container 2 may take: by a wrong path it may be given all of the machine to list.
const LIMIT: &str = "30";

/// A world on an engine.
struct Stage<'a> {
    name: &'a str,
    world: &'a World,
    engine: &'a Engine,
    proxy_socket: PathBuf,
    // In the order in which they go: a volume is in use until the caller is gone.
    caller: Option<Caller>,
    volumes: BTreeMap<String, Volume<'a>>,
    proxy: Option<Proxy>,
    host: tempfile::TempDir,
    /// The caller as the engine describes it.
    facts: Value,
    /// Where the machine has the caller's root filesystem.
    root: PathBuf,
    /// What the caller sees, and what a bare engine gives, for each row that has it.
    seen: BTreeMap<String, Vec<Listing>>,
    bare: BTreeMap<String, Vec<(String, Listing)>>,
}

/// A volume that goes with its world.
struct Volume<'a> {
    engine: &'a Engine,
    name: String,
    path: PathBuf,
}

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        let mut command = self.engine.docker(&["volume", "rm", "--force", &self.name]);
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// What a container's client speaks to.
#[derive(Clone, Copy)]
enum Way<'a> {
    /// Hostward, in front of the engine.
    Hostward(&'a Proxy),
    /// The engine itself, as if there were no Hostward.
    Bare,
}

#[test]
fn what_container_2_gets_is_what_container_1_sees() {
    let cases = cases();
    let mut red = String::new();
    for engine in docker_engines().unwrap_or_else(|error| panic!("{error}")) {
        let begun = Instant::now();
        let proxy = Proxy::start(&engine, &[] as &[&str]).unwrap_or_else(|error| panic!("{error}"));
        let rows: Vec<_> = cases.rows.iter().filter(|row| row.concerns(engine.api)).collect();
        let found = run(&cases, &engine, Way::Hostward(&proxy), &rows);
        println!("--- engine {} ({:.0?})\n{}", engine.name, begun.elapsed(), table(&rows, &found));
        for (row, what) in &found {
            let _ = writeln!(
                red,
                "engine {}: {} {}\n    {}: {what}",
                engine.name,
                row.rule,
                row.name,
                row.ask.join(" ")
            );
        }
    }
    assert!(red.is_empty(), "\n{red}");
}

/// Proof that rows can fail: in front of an engine alone all of those fail that say what container 2 sees.
#[test]
fn without_hostward_no_row_is_the_same() {
    let mut cases = cases();
    let engine = &docker_engines().unwrap_or_else(|error| panic!("{error}"))[0];
    for row in &mut cases.rows {
        row.ask = long_form(&row.ask);
    }
    let told = |row: &&Row| match row.outcome(engine.api) {
        // The engine's own paths lead to the same on a bare one (T16).
        Outcome::Same(given) => {
            row.concerns(engine.api) && !row.makes && !given.contains(&Given::Keep) && row.rule != "T16"
        }
        _ => false,
    };
    let rows: Vec<_> = cases.rows.iter().filter(told).collect();
    let found = run(&cases, engine, Way::Bare, &rows);
    let green = rows.iter().filter(|row| !found.iter().any(|(red, _)| std::ptr::eq(*red, **row)));
    assert_eq!(green.map(|row| &row.name).collect::<Vec<_>>(), [] as [&String; 0]);
}

/// A request without `-v`, for which an engine would make directories on this machine.
fn long_form(ask: &[String]) -> Vec<String> {
    let long = |pair: &[String]| match pair[1].split(':').collect::<Vec<_>>()[..] {
        [source, target, ..] if pair[0] == "-v" && source.starts_with('/') => {
            vec![
                "--mount".to_owned(),
                format!("type=bind,\"source={}\",target={target}", source.replace('"', "\"\"")),
            ]
        }
        _ => pair.to_vec(),
    };
    ask.chunks(2).flat_map(long).collect()
}

/// All rows, or those whose rule or name has the text of `HOSTWARD_TEST_ROWS` in it.
fn cases() -> Cases {
    let mut cases = Cases::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"));
    if let Ok(text) = std::env::var("HOSTWARD_TEST_ROWS") {
        cases.rows.retain(|row| row.rule == text || row.name.contains(&text));
    }
    cases
}

/// Runs rows on an engine; what went wrong, a row each.
fn run<'a>(cases: &'a Cases, engine: &Engine, way: Way<'_>, rows: &[&'a Row]) -> Vec<(&'a Row, String)> {
    let worlds = cases.worlds.iter().filter(|(name, _)| rows.iter().any(|row| row.world == **name));
    let stages = side_by_side(worlds, |(name, world)| Stage::set(name, world, engine, way, rows));
    let stage = |row: &Row| stages.iter().find(|stage| stage.name == row.world).unwrap();
    let requests = match way {
        Way::Hostward(_) => requests(engine, rows),
        // There each row is to fail by itself.
        Way::Bare => rows.iter().map(|row| vec![*row]).collect(),
    };
    let found = side_by_side(requests, |rows| stage(rows[0]).play_all(&rows));
    side_by_side(stages, drop);
    let mut found: Vec<_> =
        found.into_iter().flatten().filter_map(|(row, outcome)| Some((row, outcome.err()?))).collect();
    found.sort_by_key(|(red, _)| rows.iter().position(|row| std::ptr::eq(*row, *red)));
    found
}

/// Rows that can stand in one request, each below a directory of its own, and the others by themselves: what takes long is
/// the container, and not what is mounted in it.
fn requests<'a>(engine: &Engine, rows: &[&'a Row]) -> Vec<Vec<&'a Row>> {
    let (together, alone): (Vec<_>, Vec<_>) = rows.iter().copied().partition(|row| {
        let is_same = matches!(row.outcome(api(engine, row)), Outcome::Same(_));
        let binds_alone = row.binds().len() * 2 == row.ask.len();
        is_same && binds_alone && !row.makes && !row.writes && row.speaks.is_none() && row.volumes.is_empty()
    });
    let mut worlds: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in together {
        worlds.entry(&row.world).or_default().push(row);
    }
    let shared =
        worlds.into_values().flat_map(|rows| rows.chunks(TOGETHER).map(<[_]>::to_vec).collect::<Vec<_>>());
    shared.chain(alone.into_iter().map(|row| vec![row])).collect()
}

/// Does the same with all, some at a time, and keeps their order.
fn side_by_side<T: Send, R: Send>(all: impl IntoIterator<Item = T>, with: impl Fn(T) -> R + Sync) -> Vec<R> {
    let todo: Mutex<VecDeque<_>> = Mutex::new(all.into_iter().enumerate().collect());
    let done = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                loop {
                    let next = todo.lock().unwrap().pop_front();
                    let Some((n, one)) = next else { return };
                    let result = with(one);
                    done.lock().unwrap().insert(n, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

/// Rows by rule: how many, and how many are as they should be.
fn table(rows: &[&Row], red: &[(&Row, String)]) -> String {
    let mut rules: Vec<(&str, usize, usize)> = Vec::new();
    for row in rows {
        if rules.last().is_none_or(|(rule, ..)| *rule != row.rule) {
            rules.push((&row.rule, 0, 0));
        }
        let (_, all, wrong) = rules.last_mut().unwrap();
        *all += 1;
        *wrong += usize::from(red.iter().any(|(other, _)| std::ptr::eq(*other, *row)));
    }
    let line =
        |(rule, all, wrong): &(&str, usize, usize)| format!("    {rule:4} {:3} of {all:3}\n", all - wrong);
    let lines: String = rules.iter().map(line).collect();
    format!("{lines}    all  {:3} of {:3}\n", rows.len() - red.len(), rows.len())
}

impl<'a> Stage<'a> {
    /// Makes a world's directories and volumes, starts its caller, and looks at what the rows will be held against.
    fn set(name: &'a str, world: &'a World, engine: &'a Engine, way: Way<'_>, rows: &[&Row]) -> Self {
        let host = host_dir();
        fs::set_permissions(host.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut stage = Self {
            name,
            world,
            engine,
            proxy_socket: engine.socket.clone(),
            caller: None,
            volumes: BTreeMap::new(),
            proxy: None,
            host,
            facts: Value::Null,
            root: PathBuf::new(),
            seen: BTreeMap::new(),
            bare: BTreeMap::new(),
        };
        stage.grow("host");
        stage.make_volumes();
        stage.grow("volume");
        if let Way::Hostward(proxy) = way {
            stage.proxy_socket = proxy.socket();
            if !world.maps.is_empty() {
                let maps = world.maps.iter().flat_map(|(caller, address)| {
                    ["--map".to_owned(), format!("{caller}={}", stage.path(address).display())]
                });
                let own = Proxy::start(engine, &maps.collect::<Vec<_>>()).unwrap();
                stage.proxy_socket = own.socket();
                stage.proxy = Some(own);
            }
        }
        if !world.on_the_host {
            stage.start_caller();
            stage.grow("root");
        }
        let rows: Vec<_> = rows.iter().copied().filter(|row| row.world == name).collect();
        stage.look(&rows);
        stage
    }

    /// Where an address is on the engine's machine.
    fn path(&self, address: &str) -> PathBuf {
        let (area, rest) = address.split_once('/').unwrap_or((address, ""));
        let fact = |name: &str| PathBuf::from(self.facts[name].as_str().unwrap_or_default());
        let join = |base: PathBuf| if rest.is_empty() { base } else { base.join(rest) };
        match area {
            "host" => join(self.host.path().to_owned()),
            "root" => join(self.root.clone()),
            "proxy" => join(self.proxy_socket.parent().unwrap().to_owned()),
            "daemon" => join(self.engine.socket.parent().unwrap().to_owned()),
            "machine" => join(PathBuf::from("/")),
            "volume" => {
                let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
                let base = &self.volumes[name].path;
                if rest.is_empty() { base.clone() } else { base.join(rest) }
            }
            "engine" => match rest {
                "hosts" => fact("HostsPath"),
                "hostname" => fact("HostnamePath"),
                "resolv.conf" => fact("ResolvConfPath"),
                _ => panic!("{address}: no file of the engine"),
            },
            _ => panic!("{address}: no address"),
        }
    }

    /// A text with the engine's names and paths in the places of `<…>`.
    fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        while let Some((before, (address, after))) =
            filled.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?)))
        {
            let meant = self
                .volumes
                .get(address)
                .map_or_else(|| self.path(address).display().to_string(), |volume| volume.name.clone());
            filled = format!("{before}{meant}{after}");
        }
        filled
    }

    fn make_volumes(&mut self) {
        let named = self.world.mounts.iter().filter_map(|mount| match &mount.source {
            Source::Volume(name, _) => Some(name.clone()),
            Source::Bind(_) | Source::Tmpfs | Source::Image(_) => None,
        });
        for name in named.collect::<BTreeSet<_>>() {
            let full = unique(&format!("hw-rules-{name}"));
            let mut args = vec!["volume".to_owned(), "create".to_owned()];
            if let Some(device) = self.world.devices.get(&name) {
                let device = format!("device={}", self.path(device).display());
                args.extend(["type=none", "o=bind", &device].map(|option| format!("--opt={option}")));
            }
            args.push(full.clone());
            docker(self.engine, &self.engine.socket, &args);
            let format = ["volume", "inspect", "--format", "{{.Mountpoint}}", &full];
            let mut path = PathBuf::from(docker(self.engine, &self.engine.socket, &format).trim());
            if let Some(device) = self.world.devices.get(&name) {
                path = self.path(device);
            }
            self.volumes.insert(name, Volume { engine: self.engine, name: full, path });
        }
    }

    /// Makes what the world's tree has in an area.
    fn grow(&self, area: &str) {
        // The root filesystem by way of the caller: there its links lead where they do for the caller.
        for entry in &self.world.tree {
            let Some(rest) = entry.at.strip_prefix(area).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            let path =
                if area == "root" { Path::new(&self.inside()).join(rest) } else { self.path(&entry.at) };
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match &entry.node {
                Node::Link(target) => symlink(target, &path).unwrap(),
                Node::File(mode, content) => {
                    fs::write(&path, content).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
                }
                Node::Directory(mode, owner) => {
                    fs::create_dir_all(&path).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
                    chown(&path, Some(*owner), Some(*owner)).unwrap();
                }
            }
        }
    }

    fn start_caller(&mut self) {
        let folder = |address: &str| self.path(address).display().to_string();
        let flags = self.world.mounts(self.engine.api).map(|mount| match &mount.source {
            Source::Bind(address) => {
                format!(
                    "--volume={}:{}{}",
                    folder(address),
                    mount.at,
                    if mount.read_only { ":ro" } else { "" }
                )
            }
            Source::Volume(name, subpath) => {
                let mut flag =
                    format!("--mount=type=volume,source={},target={}", self.volumes[name].name, mount.at);
                if !subpath.is_empty() {
                    let _ = write!(flag, ",volume-subpath={subpath}");
                }
                if mount.read_only {
                    flag.push_str(",readonly");
                }
                flag
            }
            Source::Tmpfs => format!("--tmpfs={}", mount.at),
            Source::Image(name) => format!("--mount=type=image,source={name},target={}", mount.at),
        });
        let mut flags: Vec<_> = flags.collect();
        if self.world.sealed {
            flags.push("--read-only".to_owned());
        }
        flags.extend(self.world.labels.iter().map(|(name, value)| format!("--label={name}={value}")));
        let name = self.proxy_socket.file_name().unwrap();
        flags.push(format!("--env=DOCKER_HOST=unix:///run/hostward/{}", name.display()));
        flags.push("--network=none".to_owned());
        let caller = Caller::start_with(self.engine, &flags).unwrap_or_else(|error| panic!("{error}"));
        self.facts = self.inspect(&caller.name);
        self.root = root_of(self.engine, &caller.name);
        self.show(&caller);
        self.caller = Some(caller);
    }

    /// Has the caller inspect a container of the machine's own, which it reads paths of.
    fn show(&self, caller: &Caller) {
        if self.world.shown.is_empty() {
            return;
        }
        let other = Removed::new(self.engine, unique("hw-rules-other"));
        let mut args = vec!["create".to_owned(), "--name".to_owned(), other.name().to_owned()];
        let sources = self.world.shown.iter().map(|address| self.path(address)).enumerate();
        args.extend(sources.map(|(n, source)| format!("--volume={}:/shown/{n}", source.display())));
        args.push("busybox".to_owned());
        docker(self.engine, &self.engine.socket, &args);
        caller.sh_ok(&format!("docker inspect {}", other.name())).unwrap();
    }

    /// A container as the engine describes it on its own socket.
    fn inspect(&self, container: &str) -> Value {
        let described = docker(self.engine, &self.engine.socket, &["inspect", "--type=container", container]);
        serde_json::from_str::<Value>(&described).unwrap()[0].take()
    }

    /// Lists what rows will be held against: in the caller, and in one container of the bare engine for all rows.
    fn look(&mut self, rows: &[&Row]) {
        let rows = rows
            .iter()
            .filter(|row| matches!(row.outcome(api(self.engine, row)), Outcome::Same(_)) && !row.makes);
        let rows: Vec<_> = rows.map(|row| (*row, row.sees())).collect();
        for on_host in [false, true] {
            let rows = || rows.iter().filter(|(_, sees)| self.is_on_host(sees) == on_host);
            let mut listings = self.list(rows().flat_map(|(_, sees)| sees), on_host).into_iter();
            let seen =
                rows().map(|(row, sees)| (row.name.clone(), listings.by_ref().take(sees.len()).collect()));
            self.seen.extend(seen.collect::<Vec<_>>());
        }
        let mut flags = Vec::new();
        let mut script = String::new();
        let mut asked = Vec::new();
        for (n, (row, sees)) in rows.iter().enumerate() {
            let given = row.given(api(self.engine, row));
            let mut targets = Vec::new();
            for given in given {
                let Given::Mount { target, source, .. } = given else { continue };
                flags.push(format!("--volume={}:/o{n}{target}", self.source(source).display()));
                targets.push(target);
            }
            for see in sees.iter().filter(|see| targets.contains(&&see.target)) {
                let path = format!("/o{n}{}", see.target);
                script.push_str(&listing::script([(path.as_str(), &see.but[..])]));
                asked.push((row.name.clone(), see.target.clone()));
            }
        }
        let mut args = vec!["run", "--rm", "--network=none"];
        args.extend(flags.iter().map(String::as_str));
        args.extend(["busybox", "sh", "-c", &script]);
        let listings = listing::read(&docker(self.engine, &self.engine.socket, &args));
        for ((row, target), listing) in asked.into_iter().zip(listings) {
            self.bare.entry(row).or_default().push((target, listing));
        }
    }

    /// What is mounted, on the engine's machine.
    fn source(&self, source: &Source) -> PathBuf {
        match source {
            Source::Bind(address) => self.path(address),
            Source::Volume(name, subpath) => {
                self.path(format!("volume/{name}/{subpath}").trim_end_matches('/'))
            }
            Source::Tmpfs | Source::Image(_) => panic!("{source:?} is nowhere"),
        }
    }

    /// Whether what a row is held against is on the host: `<…>`, or all that a caller of the host sees.
    fn is_on_host(&self, sees: &[See]) -> bool {
        self.caller.is_none() || sees[0].source.starts_with('<')
    }

    /// Lists sources, as the caller sees them or on the host.
    fn list<'s>(&self, sees: impl IntoIterator<Item = &'s See>, on_host: bool) -> Vec<Listing> {
        let sources: Vec<_> = sees.into_iter().map(|see| (self.fill(&see.source), &see.but[..])).collect();
        let script = listing::script(sources.iter().map(|(source, but)| (source.as_str(), *but)));
        listing::read(&self.print(&script, on_host))
    }

    /// The caller's root directory, with its mounts: what is started there sees files as the caller does, and is there at
    /// once.
    fn inside(&self) -> String {
        format!("/proc/{}/root", self.facts["State"]["Pid"])
    }

    /// What a script prints in the caller or on the host.
    fn print(&self, script: &str, on_host: bool) -> String {
        let mut command = Command::new(if on_host { "sh" } else { "chroot" });
        if !on_host {
            command.args([&self.inside(), "sh"]);
        }
        command.args(["-c", script]).stdin(Stdio::null()).output().unwrap().out()
    }

    /// A docker command of the caller.
    fn docker(&self, row: &Row, args: &[String]) -> Output {
        let mut words = Vec::new();
        if let Some((major, minor)) = row.speaks {
            words.extend(["env".to_owned(), format!("DOCKER_API_VERSION={major}.{minor}")]);
        }
        words.push("docker".to_owned());
        words.extend_from_slice(args);
        let mut command = match &self.caller {
            Some(caller) => caller.exec(&words),
            None => self.engine.docker_at(&self.proxy_socket, args),
        };
        command.stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a container as the caller asks for it.
    fn container_2(&self, row: &Row, ask: &[String], image: &str, script: &str) -> Output {
        let mut args: Vec<_> = ["run", "--rm", "--network=none"].map(str::to_owned).into();
        args.extend(ask.iter().map(|word| self.fill(word)));
        let declaring = self.image(row);
        let image = declaring.as_ref().map_or(image, Removed::name);
        // Not by the first process itself, which no signal of its own container kills.
        let limited = format!("timeout -s KILL {LIMIT} sh -c \"$1\"; :");
        args.extend([image, "sh", "-c", &limited, "sh", script].map(str::to_owned));
        self.docker(row, &args)
    }

    /// The image of container 2, where that must declare volumes.
    fn image(&self, row: &Row) -> Option<Removed<'a>> {
        if row.volumes.is_empty() {
            return None;
        }
        let image = Removed::image(self.engine, unique("hw-rules-image"));
        let volumes = format!("--change=VOLUME {}", row.volumes.join(" "));
        let plain = Removed::new(self.engine, unique("hw-rules-plain"));
        docker(self.engine, &self.engine.socket, &["create", "--name", plain.name(), "busybox"]);
        docker(self.engine, &self.engine.socket, &["commit", &volumes, plain.name(), image.name()]);
        Some(image)
    }

    /// Plays rows in one request; or each by itself where that gives not all that is to be seen, so that it is told which fails.
    fn play_all<'r>(&self, rows: &[&'r Row]) -> Vec<(&'r Row, Result<(), String>)> {
        let alone = || rows.iter().map(|row| (*row, self.play(row))).collect();
        if rows.len() == 1 {
            return alone();
        }
        let parts = rows.iter().enumerate().map(|(n, row)| Part::of(row, &format!("/r{n}"), self.engine));
        let parts: Vec<_> = parts.collect();
        let before: Vec<_> = parts.iter().map(Part::sources_on_host).collect();
        let output = self.ask(&parts);
        let listings = listing::read(&output.out());
        if listings.len() != parts.iter().map(|part| part.sees.len()).sum::<usize>() {
            return alone();
        }
        let mut listings = listings.into_iter();
        let mut judged = Vec::new();
        for (part, before) in parts.iter().zip(before) {
            let own: Vec<_> = listings.by_ref().take(part.sees.len()).collect();
            let outcome = self.judge(part, &own, &output).and_then(|()| part.not_made(before));
            judged.push((part.row, outcome));
        }
        judged
    }

    /// Plays a row; what went wrong.
    fn play(&self, row: &Row) -> Result<(), String> {
        match row.outcome(api(self.engine, row)) {
            Outcome::Same(_) => {
                let part = Part::of(row, "", self.engine);
                let before = part.sources_on_host();
                self.same(&part)?;
                part.not_made(before)
            }
            Outcome::Kept(given) => self.kept(row, given),
            Outcome::Socket(socket, file, _) => self.socket(row, socket, file),
            Outcome::Refused(words) => self.refused(row, words),
            Outcome::Says(words) => self.says(row, words),
        }
    }

    fn same(&self, part: &Part) -> Result<(), String> {
        let source = &part.sees[0].source;
        let ancestor = part.row.makes.then(|| self.nearest(source)).transpose()?;
        let output = self.ask(std::slice::from_ref(part));
        self.judge(part, &listing::read(&output.out()), &output)?;
        ancestor.map_or(Ok(()), |ancestor| self.owned_alike(source, &ancestor))
    }

    /// Runs one container for all of these, which lists what it has and tries to write to it.
    fn ask(&self, parts: &[Part]) -> Output {
        let mut script = String::new();
        for part in parts {
            let targets: Vec<_> =
                part.sees.iter().map(|see| (self.fill(&see.target), &see.but[..])).collect();
            script += &listing::script(targets.iter().map(|(target, but)| (target.as_str(), *but)));
            script.extend(part.probes.iter().map(Probe::script));
        }
        let ask: Vec<_> = parts.iter().flat_map(|part| part.ask.iter().cloned()).collect();
        let row = parts[0].row;
        // A listing has a first line at least; an engine loses all output of a `docker run` now and then.
        let lost = |output: &Output| output.status.success() && output.stdout.is_empty();
        let mut output = self.container_2(row, &ask, "busybox", &script);
        for _ in 0..2 {
            if lost(&output) {
                println!("--- engine {}: the output of `{}` is lost", self.engine.name, row.name);
                output = self.container_2(row, &ask, "busybox", &script);
            }
        }
        // In front of an engine alone, what was asked is this machine's own.
        for part in parts {
            for (source, target) in part.row.binds() {
                for probe in part.probes.iter().filter(|probe| probe.target.ends_with(&target)) {
                    let _ = fs::remove_file(Path::new(&source).join(format!("{WRITTEN}{}", probe.token)));
                }
            }
        }
        output
    }

    /// Whether what container 2 listed and wrote is what the caller sees, and what a bare engine gives.
    fn judge(&self, part: &Part, listings: &[Listing], output: &Output) -> Result<(), String> {
        let Part { row, sees, probes, .. } = part;
        let expected = match self.seen.get(&row.name) {
            Some(listings) => listings.clone(),
            None => self.list(sees, self.is_on_host(sees)),
        };
        for (n, (see, expected)) in sees.iter().zip(&expected).enumerate() {
            let shown = listings.get(n).cloned().unwrap_or_default();
            hold(&shown, expected, || {
                format!("{} is not what the caller sees; {}", see.target, output.err())
            })?;
        }
        for (target, bare) in self.bare.get(&row.name).into_iter().flatten() {
            let n = row.sees().iter().position(|see| see.target == *target).unwrap();
            hold(&listings[n], bare, || format!("{target} is not what the bare engine gives"))?;
        }
        for probe in probes {
            probe.judge(&output.out())?;
        }
        self.arrived(sees, probes)
    }

    /// What container 2 wrote is in the caller.
    fn arrived(&self, sees: &[See], probes: &[Probe]) -> Result<(), String> {
        let written = probes.iter().filter(|probe| !probe.read_only);
        let places: Vec<_> =
            written.filter_map(|probe| Some((probe, self.fill(&place(probe, sees)?)))).collect();
        if places.is_empty() {
            return Ok(());
        }
        let script: String = places.iter().map(|(probe, place)| probe.look(place)).collect();
        // At forty links the kernel now and then says that they are too many: a look-up that it begins again, because
        // somebody else changed something meanwhile, goes on counting.
        let mut missing = None;
        for _ in 0..5 {
            let printed = self.print(&script, self.is_on_host(sees));
            missing = places.iter().find(|(probe, _)| !printed.contains(&probe.token));
            if missing.is_none() {
                break;
            }
        }
        missing.map_or(Ok(()), |(probe, place)| {
            Err(format!("what was written to {} is not at {place} in the caller", probe.target))
        })
    }

    /// The nearest directory above a path that is there; the path must not be.
    fn nearest(&self, path: &str) -> Result<String, String> {
        let script = format!(
            "p={}; [ -e \"$p\" ] && exit 1; while [ ! -e \"$p\" ]; do p=$(dirname \"$p\"); done; echo \"$p\"",
            quoted(path)
        );
        let found = self.print(&script, false).trim().to_owned();
        if found.is_empty() { Err(format!("{path} was there before")) } else { Ok(found) }
    }

    /// All that was made between a directory and a path below it belongs to the directory's owner.
    fn owned_alike(&self, path: &str, ancestor: &str) -> Result<(), String> {
        let script = format!(
            "p={}; while :; do stat -L -c %u:%g \"$p\"; [ \"$p\" = {} ] && exit; p=$(dirname \"$p\"); done",
            quoted(path),
            quoted(ancestor)
        );
        let owners = self.print(&script, false);
        let mut owners: Vec<_> = owners.lines().collect();
        let count = owners.len();
        owners.dedup();
        if owners.len() == 1 && count > 1 {
            Ok(())
        } else {
            Err(format!("what was made belongs to {owners:?}"))
        }
    }

    /// Creates the container by both ways and holds what the engine keeps of each against the other.
    fn kept(&self, row: &Row, given: &[Given]) -> Result<(), String> {
        let keeps = |through: bool| -> Result<Value, String> {
            let container = Removed::new(self.engine, unique("hw-rules-kept"));
            let mut args: Vec<_> =
                ["create", "--network=none", "--name", container.name()].map(str::to_owned).into();
            let ask = row.ask.iter().map(|word| self.fill(word));
            if through {
                args.extend(ask);
            } else {
                args.extend(self.bare_ask(row, given));
            }
            args.push("busybox".to_owned());
            let output =
                if through { self.docker(row, &args) } else { self.engine.docker(&args).output().unwrap() };
            if !output.status.success() {
                return Err(format!("no container: {}", output.err()));
            }
            let described = self.inspect(container.name());
            // Clients and engines hand lists on in any order.
            let sorted = |list: &Value| {
                let mut list = list.as_array().cloned().unwrap_or_default();
                list.sort_by_key(|element| {
                    element["Destination"].as_str().map_or(element.to_string(), str::to_owned)
                });
                list
            };
            let config = &described["HostConfig"];
            let lists = [&config["Binds"], &config["Mounts"], &described["Mounts"]].map(sorted);
            Ok(serde_json::json!([lists, config["Tmpfs"]]))
        };
        let (kept, bare) = (keeps(true)?, keeps(false)?);
        if kept == bare {
            Ok(())
        } else {
            Err(format!("the engine keeps\n      {kept}\n      {bare} on the bare engine"))
        }
    }

    /// What was asked, with the host's own paths.
    fn bare_ask(&self, row: &Row, given: &[Given]) -> Vec<String> {
        let mut ask: Vec<_> = row.ask.iter().map(|word| self.fill(word)).collect();
        for (source, at) in row.binds() {
            let meant = given.iter().find_map(|given| match given {
                Given::Mount { target, source, .. } if *target == at => Some(self.source(source)),
                Given::Mount { .. } | Given::Keep => None,
            });
            if let Some(meant) = meant {
                for word in &mut ask {
                    *word = word.replace(&source, &meant.display().to_string());
                }
            }
        }
        ask
    }

    fn socket(&self, row: &Row, socket: &str, file: &str) -> Result<(), String> {
        let (source, target) = row.binds().into_iter().find(|(_, target)| file.starts_with(target)).unwrap();
        let seen = self.print(&format!("cat {source}{}", &file[target.len()..]), false);
        if seen.is_empty() {
            return Err(format!("the caller has nothing to read in {source}"));
        }
        let script = format!("docker -H unix://{socket} run --rm --network=none -v {file}:/x busybox cat /x");
        let output = self.container_2(row, &row.ask, "hostward/caller", &script);
        if output.out() == seen {
            Ok(())
        } else {
            Err(format!("container 3 reads {:?}; {}", output.out(), output.err()))
        }
    }

    fn refused(&self, row: &Row, words: &str) -> Result<(), String> {
        let output = self.container_2(row, &row.ask, "busybox", "echo started");
        let said = output.err();
        // A path that the row has in words of its own is as the engine's machine has it.
        let asked = match &row.binds()[..] {
            [] => String::new(),
            [(asked, _)] => format!("{asked}: "),
            [(asked, _), ..] => asked.clone(),
        };
        let all = said.contains(words) && said.contains(&format!("cannot mount {asked}"));
        if all && output.out().is_empty() {
            Ok(())
        } else {
            Err(format!("not refused with {words:?}: {}{said}", output.out()))
        }
    }

    /// The engine's words are those of the bare engine, but for the path.
    fn says(&self, row: &Row, words: &str) -> Result<(), String> {
        let said = |output: &Output| {
            let errors = output.err();
            let line = errors.lines().find(|line| line.contains("Error response from daemon"));
            line.unwrap_or(&errors).trim_end_matches('.').to_owned()
        };
        let output = self.container_2(row, &row.ask, "busybox", "echo started");
        let through = said(&output);
        let asked = row.binds().first().map(|(source, _)| self.fill(source)).unwrap_or_default();
        // What is asked for as a directory is a file.
        let absent = match asked.rsplit_once('/') {
            Some((_, end @ ("" | "."))) => {
                let file = self.host.path().join("a-file");
                fs::write(&file, "").unwrap();
                PathBuf::from(format!("{}/{end}", file.display()))
            }
            _ => self.host.path().join("not-there"),
        };
        let mut args: Vec<_> = ["run", "--rm", "--network=none"].map(str::to_owned).into();
        for word in &row.ask {
            let word = self.fill(word);
            let bare =
                if asked.is_empty() { word } else { word.replace(&asked, &absent.display().to_string()) };
            args.push(bare);
        }
        args.extend(["busybox", "echo", "started"].map(str::to_owned));
        let bare =
            said(&self.engine.docker(&args).output().unwrap()).replace(&absent.display().to_string(), &asked);
        if !through.contains(&self.fill(words)) || !output.out().is_empty() {
            return Err(format!("not said: {words:?}: {}{}", output.out(), output.err()));
        }
        if through == bare {
            Ok(())
        } else {
            Err(format!("said\n      {through}\n      {bare} on the bare engine"))
        }
    }
}

/// Where the caller sees what container 2 wrote: what is beneath a target is beneath its source.
fn place(probe: &Probe, sees: &[See]) -> Option<String> {
    let covering = sees.iter().filter_map(|see| {
        let rest = probe.target.strip_prefix(see.target.trim_end_matches('/'))?;
        let beneath = rest.is_empty() || rest.starts_with('/');
        beneath.then(|| (see.target.len(), format!("{}{rest}", see.source)))
    });
    covering.max().map(|(_, place)| place)
}

/// The API version that a row's request is under.
fn api(engine: &Engine, row: &Row) -> Api {
    row.speaks.map_or(engine.api, |speaks| speaks.min(engine.api))
}

/// Fails where two listings differ, or show nothing.
fn hold(shown: &Listing, expected: &Listing, what: impl Fn() -> String) -> Result<(), String> {
    if expected.is_empty() {
        return Err("there is nothing to compare with".to_owned());
    }
    if shown == expected {
        return Ok(());
    }
    Err(format!("{}\n{}", what().trim_end(), shown.differences(expected)))
}

/// What a request has of a row.
struct Part<'r> {
    row: &'r Row,
    /// Its words, with the targets of this request.
    ask: Vec<String>,
    /// What is compared, with the targets of this request.
    sees: Vec<See>,
    probes: Vec<Probe>,
}

impl<'r> Part<'r> {
    /// With all targets below this directory.
    fn of(row: &'r Row, directory: &str, engine: &Engine) -> Self {
        let below = |target: &str| format!("{directory}{target}");
        let mut ask = row.ask.clone();
        // Only where there is a directory are all words known to be binds.
        for pair in ask.chunks_mut(2).filter(|_| !directory.is_empty()) {
            let (flag, value) = (pair[0].clone(), &mut pair[1]);
            let (source, target) = cases::bind(&flag, value).unwrap();
            *value = if flag == "-v" {
                value.replacen(&format!("{source}:{target}"), &format!("{source}:{}", below(&target)), 1)
            } else {
                value.replacen(&format!("target={target}"), &format!("target={}", below(&target)), 1)
            };
        }
        let sees = row.sees().into_iter().map(|see| See { target: below(&see.target), ..see });
        let given = row.given(api(engine, row)).iter();
        let probes = given.filter_map(|given| Probe::of(given, row, directory)).collect();
        Self { row, ask, sees: sees.collect(), probes }
    }

    /// How many of the sources that it asks for are on the host.
    fn sources_on_host(&self) -> usize {
        self.row.binds().iter().filter(|(source, _)| Path::new(source).exists()).count()
    }

    /// As many as before: the engine has made none.
    fn not_made(&self, before: usize) -> Result<(), String> {
        if self.sources_on_host() == before { Ok(()) } else { Err("it was made on the host, too".to_owned()) }
    }
}

/// An attempt of container 2 to write at a target.
struct Probe {
    target: String,
    read_only: bool,
    token: String,
    /// A file is written to as well; otherwise it is only opened for writing.
    writes: bool,
}

impl Probe {
    fn of(given: &Given, row: &Row, directory: &str) -> Option<Self> {
        let Given::Mount { target, read_only, .. } = given else { return None };
        let target = format!("{directory}{target}");
        Some(Self { target, read_only: *read_only, token: unique("row"), writes: row.writes })
    }

    fn script(&self) -> String {
        let (target, token) = (&self.target, &self.token);
        let text = if self.writes { format!("echo {token}") } else { ":".to_owned() };
        format!(
            "if [ -d {target} ]; then (echo {token} > {target}/{WRITTEN}{token}); else ({text} >> {target}); fi 2>/dev/null && \
             echo '{REMARK}{target} written' || echo '{REMARK}{target} denied'\n"
        )
    }

    fn judge(&self, printed: &str) -> Result<(), String> {
        let verdict = if self.read_only { "denied" } else { "written" };
        let expected = format!("{REMARK}{} {verdict}", self.target);
        if printed.lines().any(|line| line == expected) {
            Ok(())
        } else {
            Err(format!("writing to {}: not {verdict}", self.target))
        }
    }

    /// Prints what was written, seen from the caller.
    fn look(&self, place: &str) -> String {
        let (file, token) = (quoted(place), &self.token);
        let opened =
            if self.writes { format!("cat {file}") } else { format!("[ -f {file} ] && echo {token}") };
        format!("if [ -d {file} ]; then cat {file}/{WRITTEN}{token}; else {opened}; fi\n")
    }
}
