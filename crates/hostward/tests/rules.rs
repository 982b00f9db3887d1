//! The table of the rules on the pure core: from a request's body, the engine's description of the caller and the
//! caller's links to the body that the engine gets, a row a case (`tests/rules/` at the top of the repository, where
//! `tests/tests/rules.rs` plays the same rows on engines).

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that fails")]

#[path = "../../../tests/rules/cases.rs"]
#[allow(dead_code, reason = "each of the two runners has its own use for the table")]
mod cases;

use cases::{Api, Cases, Entry, Given, Node, Outcome, Row, Source, World};
use hostward::abilities::Abilities;
use hostward::api::endpoint::Endpoint;
use hostward::api::lenders::Loan;
use hostward::api::read::{Read, Terms};
use hostward::api::reader::Reader;
use hostward::api::write::{Gives, Output, write};
use hostward::explicit::Map;
use hostward::inspect;
use hostward::path::{AskedPath, CallerPath, EnginePath};
use hostward::plan::plan;
use hostward::reading::read;
use hostward::refusal::{MissingPaths, Refusal};
use hostward::seal::Key;
use hostward::version::ApiVersion;
use hostward::view::{Socket, View};
use hostward::walk::{self, Resolved, Step, Walk, WalkError};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";

/// Engines before and after API 1.45, which brought subpaths of volumes.
const ENGINES: [Api; 2] = [(1, 41), (1, 51)];

#[test]
fn the_engine_is_given_what_the_rules_say() {
    let cases = load();
    let mut red = Vec::new();
    for api in ENGINES {
        for row in cases.rows.iter().filter(|row| row.concerns(api)) {
            let stage = Stage::set(&cases, &cases.worlds[&row.world], api);
            if let Err(what) = stage.play(row) {
                red.push(format!(
                    "API {}.{}: {} {}\n    {}: {what}",
                    api.0,
                    api.1,
                    row.rule,
                    row.name,
                    row.ask.join(" ")
                ));
            }
        }
    }
    assert!(red.is_empty(), "\n{}\n{} rows are red", red.join("\n"), red.len());
}

#[test]
fn every_rule_has_rows_and_no_two_rows_are_one() {
    let cases = load();
    let names: BTreeSet<_> = cases.rows.iter().map(|row| (&row.rule, &row.name)).collect();
    assert_eq!(names.len(), cases.rows.len());
    let requests: BTreeSet<_> =
        cases.rows.iter().map(|row| (&row.world, &row.ask, row.speaks, &row.volumes)).collect();
    assert!(requests.len() >= cases.rows.len() - 2, "a row that asks what another asks");
    let rules: BTreeSet<_> = cases.rows.iter().map(|row| row.rule.as_str()).collect();
    for rule in (1..=17).chain([19, 26, 27, 28]) {
        assert!(rules.contains(format!("T{rule}").as_str()), "T{rule}");
    }
}

fn load() -> Cases {
    Cases::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/rules"))
}

/// A world as the engine and the caller's kernel would describe it.
struct Stage<'a> {
    world: &'a World,
    files: Files,
    view: View,
    api: Api,
}

impl<'a> Stage<'a> {
    fn set(cases: &'a Cases, world: &'a World, api: Api) -> Self {
        let files = Files::of(&cases.image, world, api);
        let view = if world.on_the_host { View::identity() } else { view(world, &files, api) };
        Self { world, files, view, api }
    }

    /// Plays a row; what went wrong.
    fn play(&self, row: &Row) -> Result<(), String> {
        let under = row.speaks.map_or(self.api, |speaks| speaks.min(self.api));
        let body = self.body(row);
        let outcome = self.rewritten(row, &body);
        match (row.outcome(under), outcome) {
            (Outcome::Refused(words), Err(said)) if said.contains(words) => Ok(()),
            (Outcome::Refused(words), said) => Err(format!("not refused with {words:?}: {said:?}")),
            (_, Err(said)) => Err(format!("refused: {said}")),
            (Outcome::Says(_), Ok(_)) => Ok(()),
            (_, Ok(rewritten)) => self.compare(row.given(under), &body, &rewritten),
        }
    }

    /// The request's body, as the docker CLI makes it of the words.
    fn body(&self, row: &Row) -> Value {
        let mut binds = Vec::new();
        let mut volumes = serde_json::Map::new();
        let mut mounts = Vec::new();
        let mut tmpfs = serde_json::Map::new();
        for pair in row.ask.chunks(2) {
            let value = self.fill(&pair[1]);
            match pair[0].as_str() {
                "-v" if value.contains(':') => binds.push(value),
                "-v" => drop(volumes.insert(value, json!({}))),
                "--mount" => mounts.push(mount(&value)),
                "--tmpfs" => drop(tmpfs.insert(value, json!(""))),
                other => panic!("{other}: not known here"),
            }
        }
        json!({ "Image": "busybox", "Volumes": volumes, "HostConfig": { "Binds": binds, "Mounts": mounts, "Tmpfs": tmpfs } })
    }

    fn fill(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once('<') else { return text.to_owned() };
        let (address, after) = rest.split_once('>').unwrap();
        let meant = if address.contains('/') { path(self.world, address) } else { address.to_owned() };
        format!("{before}{meant}{after}")
    }

    /// The body that the engine gets, or the words of the refusal.
    fn rewritten(&self, row: &Row, body: &Value) -> Result<Value, String> {
        let body = body.to_string();
        let version = |(major, minor): Api| {
            ApiVersion::new(u16::try_from(major).unwrap(), u16::try_from(minor).unwrap())
        };
        let abilities = Abilities::of(version(self.api)).under(row.speaks.map(version));
        let body = Read::of(Endpoint::ContainerCreate, body.into_bytes(), Terms::default());
        let mut body = body.map_err(|error| error.to_string())?;
        body.set_image_volumes(&volumes(row));
        let (mut plans, mut missing) = (Vec::new(), MissingPaths::default());
        let told = |refusal: Refusal| format!("{refusal}; {}", refusal.remedy());
        for site in body.sites() {
            let shown = |address: &String| path(self.world, address).as_bytes() == site.asked.as_bytes();
            let was_shown = self.world.shown.iter().any(shown);
            let reading = read(&site.asked, &self.view, was_shown, |asked| self.files.resolve(asked));
            let reading = reading.map_err(|error| error.to_string())?;
            let settled = reading.settled(&site.asked).transpose();
            let host_has = |name: &CallerPath| Some(self.files.are_on_host(name));
            let planned =
                || plan(&site.asked, &reading.resolved, &self.view, &site.wish, abilities, host_has);
            plans.extend(missing.or_planned(settled.unwrap_or_else(planned)).map_err(told)?);
        }
        missing.refuse().map_err(told)?;
        let reader = Reader { view: &self.view, caller: ID, key: &Key::new([0; Key::LEN]) };
        let loan = Loan::default();
        let gives = Gives {
            plans: &plans,
            loan: &loan,
            image_labels: &[],
            for_podman: false,
            amendments: &[],
            labels: &[],
        };
        let written = write(body, gives, reader).map_err(|error| error.to_string())?;
        let (Output::Same(body) | Output::Other(body)) = written.body else { unreachable!() };
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    }

    /// Holds the mounts of the body that the engine gets against those that the row says.
    fn compare(&self, expected: &[Given], asked: &Value, rewritten: &Value) -> Result<(), String> {
        if expected.contains(&Given::Keep) {
            return if asked == rewritten { Ok(()) } else { Err(format!("not kept: {rewritten}")) };
        }
        let expected: BTreeSet<_> = expected.iter().filter_map(|given| self.spell(given)).collect();
        let mut found = BTreeSet::new();
        for (field, read) in [("Binds", bind_given as fn(&Value) -> String), ("Mounts", mount_given)] {
            let elements = |body: &Value| body["HostConfig"][field].as_array().cloned().unwrap_or_default();
            // A volume that was asked for by its name stays what it was (T13).
            let own = elements(asked);
            let is_named = |element: &Value| own.contains(element) && !read(element).contains(": /");
            found.extend(elements(rewritten).iter().filter(|element| !is_named(element)).map(read));
        }
        if found == expected {
            return Ok(());
        }
        Err(format!("the engine is given\n      {found:?}\n      {expected:?} was expected"))
    }

    fn spell(&self, given: &Given) -> Option<String> {
        let Given::Mount { target, source, read_only } = given else { return None };
        let source = match source {
            Source::Bind(address) => path(self.world, address),
            Source::Volume(name, subpath) => format!("{name} {subpath}"),
            Source::Tmpfs | Source::Image(_) => return None,
        };
        Some(line(target, source.trim_end(), *read_only))
    }
}

fn line(target: &str, source: &str, read_only: bool) -> String {
    let target = CallerPath::parse(target.as_bytes()).unwrap();
    // That something must be a directory is kept for the engine.
    let source = source.trim_end_matches('/');
    format!("{target}: {source}{}", if read_only { " (ro)" } else { "" })
}

/// Where the image of container 2 has volumes.
fn volumes(row: &Row) -> Arc<BTreeSet<CallerPath>> {
    Arc::new(row.volumes.iter().map(|volume| CallerPath::parse(volume.as_bytes()).unwrap()).collect())
}

/// What a text of `Binds` gives.
fn bind_given(text: &Value) -> String {
    let mut parts = text.as_str().unwrap().split(':');
    let (source, target) = (parts.next().unwrap(), parts.next().unwrap());
    line(target, source, parts.next().is_some_and(|options| options.split(',').any(|option| option == "ro")))
}

/// What an object of `Mounts` gives.
fn mount_given(mount: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut source = text(&mount["Source"]);
    if mount["Type"] == "volume" {
        assert_eq!(mount["VolumeOptions"]["NoCopy"], true, "{mount}");
        source = format!("{source} {}", text(&mount["VolumeOptions"]["Subpath"]));
        source.truncate(source.trim_end().len());
    }
    line(&text(&mount["Target"]), &source, mount["ReadOnly"] == true)
}

/// The object that the docker CLI makes of a `--mount`.
fn mount(text: &str) -> Value {
    let mut mount = json!({});
    for field in text.split(',') {
        let (name, value) = field.split_once('=').unwrap_or((field, "true"));
        let options = |kind: &str, name: &str, value: Value| (kind.to_owned(), json!({ name: value }));
        let (name, value) = match (name, value) {
            ("type", value) => ("Type".to_owned(), json!(value)),
            ("source", value) => ("Source".to_owned(), json!(value)),
            ("target", value) => ("Target".to_owned(), json!(value)),
            ("consistency", value) => ("Consistency".to_owned(), json!(value)),
            ("readonly", value) => ("ReadOnly".to_owned(), json!(value == "true")),
            ("bind-propagation", value) => options("BindOptions", "Propagation", json!(value)),
            ("bind-recursive", "disabled") | ("bind-nonrecursive", _) => {
                options("BindOptions", "NonRecursive", json!(true))
            }
            ("bind-recursive", "writable") => options("BindOptions", "ReadOnlyNonRecursive", json!(true)),
            ("bind-recursive", "readonly") => options("BindOptions", "ReadOnlyForceRecursive", json!(true)),
            ("volume-subpath", value) => options("VolumeOptions", "Subpath", json!(value)),
            ("volume-nocopy", _) => options("VolumeOptions", "NoCopy", json!(true)),
            ("tmpfs-mode" | "tmpfs-size", _) => continue,
            other => panic!("{other:?}: not known here"),
        };
        match (mount.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
            (_, value) => mount[name] = value,
        }
    }
    mount
}

/// Where an address is on the engine's machine.
fn path(world: &World, address: &str) -> String {
    let (area, rest) = address.split_once('/').unwrap_or((address, ""));
    let (base, rest) = match area {
        "volume" => {
            let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let device = world.devices.get(name).map(|device| path(world, device));
            (device.unwrap_or_else(|| format!("/var/lib/docker/volumes/{name}/_data")), rest)
        }
        "host" => ("/home/me".to_owned(), rest),
        "root" => (format!("/var/lib/docker/overlay2/{ID}/merged"), rest),
        "engine" => (format!("/var/lib/docker/containers/{ID}"), rest),
        "proxy" => ("/run/hostward-on-the-host".to_owned(), rest),
        "daemon" => ("/run/engine".to_owned(), rest),
        "machine" => (String::new(), rest),
        _ => panic!("{address}: no address"),
    };
    if rest.is_empty() { base } else { format!("{base}/{rest}") }
}

/// The caller's view, from what an engine would answer about it.
fn view(world: &World, files: &Files, api: Api) -> View {
    let container = inspect::parse(description(world, api).to_string().as_bytes()).unwrap();
    let unmapped = container.unmapped.unwrap_or_default();
    let missing = container.missing.unwrap_or_default();
    let placed = container.table.placed(|named| files.place(named.to_string().as_str()));
    let mut table = placed.unwrap();
    let volumes = table.iter().filter_map(|mount| match &mount.source {
        hostward::mount::Source::Volume(volume) => Some(volume.name.clone()),
        _ => None,
    });
    for volume in volumes.collect::<Vec<_>>() {
        let options = world
            .devices
            .get(&volume)
            .map(|device| json!({ "type": "none", "o": "bind", "device": path(world, device) }));
        let answer = json!({ "Name": volume, "Driver": "local", "Options": options,
            "Mountpoint": format!("/var/lib/docker/volumes/{volume}/_data") });
        if let Some(path) = inspect::volume(answer.to_string().as_bytes()).unwrap() {
            table.set_volume_path(&volume, &path);
        }
    }
    let maps = world.maps.iter().map(|(caller, address)| {
        Map::parse(format!("{caller}={}", path(world, address)).as_bytes()).unwrap()
    });
    let socket = |address| EnginePath::parse(path(world, address).as_bytes()).ok();
    View::container(table, maps.collect())
        .with_socket(Socket { own: socket("proxy/docker.sock"), raw: socket("daemon/docker.sock") })
        .with_unmapped(unmapped)
        .with_missing(missing)
}

/// The engine's description of the caller.
fn description(world: &World, api: Api) -> Value {
    let mut points = Vec::new();
    let mut requests = Vec::new();
    let mut tmpfs = serde_json::Map::new();
    for mount in world.mounts(api) {
        let writable = !mount.read_only;
        match &mount.source {
            Source::Bind(address) => points.push(json!({ "Type": "bind", "Source": path(world, address),
                "Destination": mount.at, "Mode": "", "RW": writable, "Propagation": "rprivate" })),
            Source::Volume(name, subpath) => {
                points.push(
                    json!({ "Type": "volume", "Name": name, "Driver": "local", "Destination": mount.at,
                    "Source": format!("/var/lib/docker/volumes/{name}/_data"), "Mode": "z", "RW": writable }),
                );
                let options = (!subpath.is_empty()).then(|| json!({ "Subpath": subpath }));
                requests.push(
                    json!({ "Type": "volume", "Source": name, "Target": mount.at, "VolumeOptions": options }),
                );
            }
            Source::Tmpfs => drop(tmpfs.insert(mount.at.clone(), json!(""))),
            Source::Image(name) => points
                .push(json!({ "Type": "image", "Source": name, "Destination": mount.at, "RW": writable })),
        }
    }
    json!({
        "Id": ID, "Name": "/caller", "State": { "Pid": 42 }, "Config": { "Labels": world.labels },
        "HostsPath": path(world, "engine/hosts"), "HostnamePath": path(world, "engine/hostname"),
        "ResolvConfPath": path(world, "engine/resolv.conf"),
        "GraphDriver": { "Name": "overlay2", "Data": { "MergedDir": path(world, "root") } },
        "HostConfig": { "Tmpfs": tmpfs, "Mounts": requests, "ReadonlyRootfs": world.sealed },
        "Mounts": points,
    })
}

/// A caller's files: what stands at which address, and what is mounted where.
struct Files {
    nodes: BTreeMap<String, Node>,
    /// Places in the caller, links followed, and the address that is there; none in memory and in images.
    mounts: BTreeMap<String, Option<String>>,
}

impl Files {
    fn of(image: &[Entry], world: &World, api: Api) -> Self {
        let mut files = Self { nodes: BTreeMap::new(), mounts: BTreeMap::new() };
        for Entry { at, node } in image.iter().chain(&world.tree) {
            files.insert(at, node.clone());
        }
        for file in [
            "engine/hosts",
            "engine/hostname",
            "engine/resolv.conf",
            "proxy/docker.sock",
            "daemon/docker.sock",
        ] {
            files.insert(file, Node::File(0o644, String::new()));
            if let Some(name) = file.strip_prefix("engine/") {
                files.mounts.insert(format!("/etc/{name}"), Some(file.to_owned()));
            }
        }
        let mut mounts: Vec<_> = world.mounts(api).collect();
        mounts.sort_by_key(|mount| mount.at.len());
        for mount in mounts {
            let place = files.place(&mount.at).unwrap().to_string();
            // The engine makes the directories that a mount needs.
            let above = place.rsplit_once('/').unwrap().0;
            if let Some(address) = files.address(above) {
                files.insert(&format!("{address}/"), Node::Directory(0o755, 0));
            }
            let address = match &mount.source {
                Source::Bind(address) => Some(address.clone()),
                Source::Volume(name, subpath) => {
                    let base = world.devices.get(name).cloned().unwrap_or_else(|| format!("volume/{name}"));
                    Some(format!("{base}/{subpath}").trim_end_matches('/').to_owned())
                }
                Source::Tmpfs | Source::Image(_) => None,
            };
            files.mounts.insert(place, address);
        }
        files
    }

    /// Puts a node at an address, and directories above it.
    fn insert(&mut self, address: &str, node: Node) {
        let address = address.trim_end_matches('/');
        for (end, _) in address.match_indices('/') {
            self.nodes.entry(address[..end].to_owned()).or_insert(Node::Directory(0o755, 0));
        }
        self.nodes.entry(address.to_owned()).or_insert(node);
    }

    /// The address of what the caller has at a path.
    fn address(&self, path: &str) -> Option<String> {
        let covering = self.mounts.iter().filter_map(|(place, address)| {
            let rest = path.strip_prefix(place.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((place.len(), rest, address.as_ref()))
        });
        match covering.max_by_key(|(depth, ..)| *depth) {
            Some((_, rest, address)) => address.map(|address| format!("{address}{rest}")),
            None => Some(format!("root{path}").trim_end_matches('/').to_owned()),
        }
    }

    fn look(&self, path: &str) -> walk::Entry {
        let node = self.address(path).and_then(|address| self.nodes.get(&address));
        match node {
            Some(Node::Directory(..)) => walk::Entry::Directory,
            Some(Node::File(..)) => walk::Entry::Other,
            Some(Node::Link(target)) => walk::Entry::Link(target.as_bytes().to_vec()),
            None if self.mounts.contains_key(path) => walk::Entry::Directory,
            None => walk::Entry::Missing,
        }
    }

    /// Whether the host has something at a path.
    fn are_on_host(&self, path: &CallerPath) -> bool {
        let path = path.to_string();
        let address =
            path.strip_prefix("/home/me").map_or(format!("machine{path}"), |rest| format!("host{rest}"));
        self.nodes.contains_key(&address)
    }

    fn place(&self, path: &str) -> Result<CallerPath, WalkError> {
        self.resolve(&AskedPath::parse(path.as_bytes()).unwrap()).map(|resolved| resolved.path)
    }

    fn resolve(&self, asked: &AskedPath) -> Result<Resolved, WalkError> {
        let mut walk = Walk::new(asked);
        loop {
            match walk.step()? {
                Step::Done(resolved) => return Ok(resolved),
                Step::Look(path) => {
                    let entry = self.look(std::str::from_utf8(path.as_bytes()).unwrap());
                    walk.found(entry);
                }
            }
        }
    }
}
