//! The table of cases that both runners read: the worlds that callers live in, and a row a case.
//!
//! One text holds for the pure core and for engines because it never says a host's own path. Everything that can be
//! mounted has an *address*:
//!
//! | address | what it is |
//! |---|---|
//! | `host/…` | below the world's own directory on the engine's machine |
//! | `volume/NAME/…` | below the directory of a volume |
//! | `root/…` | below the caller's root filesystem |
//! | `engine/hosts` | a file that the engine itself mounts in the caller |
//! | `proxy/docker.sock` | Hostward's own socket, and `proxy` the directory that it is in |
//! | `daemon/docker.sock` | the engine's own socket, and `daemon` the directory that it is in |
//! | `machine/…` | below the engine's machine's root |
//!
//! In a request and in what is compared, `<NAME>` stands for the name that a volume has on the engine, and `<ADDRESS>`
//! for the path on the engine's machine.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// An API version, as a major and a minor number.
pub(crate) type Api = (u32, u32);

/// All worlds and rows.
#[derive(Debug, Default)]
pub(crate) struct Cases {
    /// What the callers' image has, as far as rows look at it.
    pub(crate) image: Vec<Entry>,
    /// The worlds, by name.
    pub(crate) worlds: BTreeMap<String, World>,
    /// The rows, in the order of the rules.
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    image: String,
    #[serde(default)]
    world: BTreeMap<String, WorldText>,
    #[serde(default)]
    row: Vec<RowText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorldText {
    #[serde(default)]
    tree: String,
    #[serde(default)]
    mounts: Vec<String>,
    #[serde(default)]
    maps: Vec<String>,
    #[serde(default)]
    devices: BTreeMap<String, String>,
    #[serde(default)]
    on_the_host: bool,
    #[serde(default)]
    sealed: bool,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    shown: Vec<String>,
}

/// What a caller sees files through, and the files.
#[derive(Debug)]
pub(crate) struct World {
    /// What stands where.
    pub(crate) tree: Vec<Entry>,
    /// The caller's mounts, in the order in which they are asked for.
    pub(crate) mounts: Vec<Mount>,
    /// The proxy's explicit maps: the caller's directory, and the address that it is said to be at.
    pub(crate) maps: Vec<(String, String)>,
    /// Volumes with a device of their own, and the device's address.
    pub(crate) devices: BTreeMap<String, String>,
    /// The caller is in no container.
    pub(crate) on_the_host: bool,
    /// The caller's root filesystem may only be read.
    pub(crate) sealed: bool,
    /// The labels of the caller's container.
    pub(crate) labels: BTreeMap<String, String>,
    /// The addresses that a container of the machine's own has mounted, which the caller has inspected.
    pub(crate) shown: Vec<String>,
}

/// Something in a world's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its address.
    pub(crate) at: String,
    /// What it is.
    pub(crate) node: Node,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    /// A directory: its mode, and its owner where that is not root.
    Directory(u32, u32),
    /// A file: its mode and content.
    File(u32, String),
    /// A symlink.
    Link(String),
}

/// A mount of the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// What is mounted.
    pub(crate) source: Source,
    /// Where.
    pub(crate) at: String,
    /// It may only be read.
    pub(crate) read_only: bool,
    /// Engines below this API version do not know such a mount, and callers there lack it.
    pub(crate) since: Api,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The directory or file at an address.
    Bind(String),
    /// A volume, and a subpath of it.
    Volume(String, String),
    /// Memory.
    Tmpfs,
    /// The content of an image.
    Image(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Words {
    Line(String),
    List(Vec<String>),
}

impl Words {
    /// A line is a list of words.
    fn words(self) -> Vec<String> {
        match self {
            Self::Line(line) => line.split_whitespace().map(str::to_owned).collect(),
            Self::List(list) => list,
        }
    }

    /// A line is a list of one.
    fn lines(self) -> Vec<String> {
        match self {
            Self::Line(line) => vec![line],
            Self::List(list) => list,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowText {
    rule: String,
    name: String,
    world: String,
    ask: Words,
    given: Option<Words>,
    given_before_subpaths: Option<Words>,
    refused: Option<String>,
    refused_before_subpaths: Option<String>,
    says: Option<String>,
    #[serde(default)]
    kept: bool,
    #[serde(default)]
    writes: bool,
    see: Option<Words>,
    socket: Option<String>,
    socket_at: Option<String>,
    speaks: Option<String>,
    #[serde(default)]
    makes: bool,
    volumes: Option<Words>,
    since: Option<String>,
    until: Option<String>,
}

/// One case of a rule.
#[derive(Debug)]
pub(crate) struct Row {
    /// The rule.
    pub(crate) rule: String,
    /// What holds, as a sentence.
    pub(crate) name: String,
    /// The caller's world.
    pub(crate) world: String,
    /// The words of the request, as the docker CLI takes them.
    pub(crate) ask: Vec<String>,
    /// What must come, where the engine knows subpaths of volumes (API 1.45) and where it does not.
    pub(crate) outcome: [Outcome; 2],
    /// Container 2 writes to the files that it is given, too: no other row may look at them.
    pub(crate) writes: bool,
    /// What is compared, where that is not each target with its source: `TARGET = SOURCE`, and after `but` the names
    /// that are left out.
    pub(crate) see: Option<Vec<See>>,
    /// It makes what it asks for: nothing is there before.
    pub(crate) makes: bool,
    /// Where the image of container 2 declares volumes.
    pub(crate) volumes: Vec<String>,
    /// The API version that the client speaks, where that is not the engine's.
    pub(crate) speaks: Option<Api>,
    /// The oldest and the newest engine that can be asked so.
    pub(crate) engines: (Api, Api),
}

/// What must come of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Container 2 sees what the caller sees; the engine is given this.
    Same(Vec<Given>),
    /// The engine keeps what a bare one keeps of the same request by the host's own paths.
    Kept(Vec<Given>),
    /// There is a socket at the first path that makes container 2 a caller in its turn: it can mount the file at the
    /// second.
    Socket(String, String, Vec<Given>),
    /// Hostward refuses, with these words.
    Refused(String),
    /// The engine refuses, with these words, and all of what it says is in the caller's words.
    Says(String),
}

/// What is compared: what container 2 has at a path with what the caller has at another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct See {
    /// Container 2's path.
    pub(crate) target: String,
    /// The caller's path.
    pub(crate) source: String,
    /// Paths below both that are left out.
    pub(crate) but: Vec<String>,
}

/// What the engine is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Given {
    /// The request's own words.
    Keep,
    /// A mount of something else.
    Mount {
        /// Where in container 2.
        target: String,
        /// What.
        source: Source,
        /// Container 2 may only read it.
        read_only: bool,
    },
}

/// Where a row has but one request, its target.
pub(crate) const TARGET: &str = "/t";

impl Cases {
    /// Reads all files of a folder.
    ///
    /// # Panics
    /// Where one is not right: tests cannot go on from there.
    pub(crate) fn load(folder: &Path) -> Self {
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        let mut cases = Self::default();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let read: File =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            cases.image.extend(tree(&read.image));
            cases.worlds.extend(read.world.into_iter().map(|(name, world)| (name, world.read())));
            cases.rows.extend(read.row.into_iter().map(RowText::read));
        }
        for row in &cases.rows {
            assert!(cases.worlds.contains_key(&row.world), "{}: no world {}", row.name, row.world);
        }
        cases
    }
}

impl World {
    /// The caller's mounts on an engine of this API version.
    pub(crate) fn mounts(&self, api: Api) -> impl Iterator<Item = &Mount> {
        self.mounts.iter().filter(move |mount| mount.since <= api)
    }
}

impl Row {
    /// Whether an engine of this API version can be asked so.
    pub(crate) fn concerns(&self, api: Api) -> bool {
        let (since, until) = self.engines;
        since <= api && api <= until
    }

    /// What must come on an engine of this API version.
    pub(crate) fn outcome(&self, api: Api) -> &Outcome {
        &self.outcome[usize::from(api < (1, 45))]
    }

    /// What the engine is given, where something is.
    pub(crate) fn given(&self, api: Api) -> &[Given] {
        match self.outcome(api) {
            Outcome::Same(given) | Outcome::Kept(given) | Outcome::Socket(.., given) => given,
            Outcome::Refused(_) | Outcome::Says(_) => &[],
        }
    }

    /// The sources and targets of the request's binds.
    pub(crate) fn binds(&self) -> Vec<(String, String)> {
        let pairs = self.ask.iter().zip(&self.ask[1..]);
        pairs.filter_map(|(flag, value)| bind(flag, value)).collect()
    }

    /// What is compared.
    pub(crate) fn sees(&self) -> Vec<See> {
        let all = || {
            let binds = self.binds().into_iter();
            binds.map(|(source, target)| See { target, source, but: Vec::new() }).collect()
        };
        self.see.clone().unwrap_or_else(all)
    }
}

/// The source and target of a bind, if it is one.
pub(crate) fn bind(flag: &str, value: &str) -> Option<(String, String)> {
    match flag {
        "-v" => {
            let mut parts = value.split(':');
            let (source, target) = (parts.next()?, parts.next()?);
            source.starts_with('/').then(|| (source.to_owned(), target.to_owned()))
        }
        "--mount" => {
            // CSV, in which a field may stand in quotes.
            let fields = value.split(',').map(|field| field.trim_matches('"').replace("\"\"", "\""));
            let named =
                fields.filter_map(|field| field.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
            let mut fields: BTreeMap<_, _> = named.collect();
            let is_bind = fields.get("type").is_some_and(|kind| kind == "bind");
            is_bind.then(|| Some((fields.remove("source")?, fields.remove("target")?)))?
        }
        _ => None,
    }
}

impl WorldText {
    fn read(self) -> World {
        let maps = self.maps.iter().map(|map| {
            let (caller, address) = map.split_once('=').unwrap();
            (caller.to_owned(), address.to_owned())
        });
        let mut mounts: Vec<_> = self.mounts.iter().map(|line| mount(line)).collect();
        if !self.on_the_host {
            mounts.push(mount("bind proxy /run/hostward"));
        }
        World {
            maps: maps.collect(),
            tree: tree(&self.tree).collect(),
            mounts,
            devices: self.devices,
            on_the_host: self.on_the_host,
            sealed: self.sealed,
            labels: self.labels,
            shown: self.shown,
        }
    }
}

fn tree(text: &str) -> impl Iterator<Item = Entry> {
    text.lines().filter(|line| !line.trim().is_empty()).flat_map(entries)
}

/// A line of a tree: `ADDRESS/ [MODE [OWNER]]`, `ADDRESS [MODE] = CONTENT`, `ADDRESS -> TARGET`. `\s` is a space in an
/// address. `ADDRESS1..9 -> END` is a chain of links.
fn entries(line: &str) -> Vec<Entry> {
    if let Some((at, to)) = line.split_once(" -> ") {
        let (at, to) = (at.trim(), to.trim());
        let Some((first, last)) = at.split_once("1..") else {
            return vec![Entry { at: space(at), node: Node::Link(space(to)) }];
        };
        let last: u32 = last.parse().unwrap();
        let name = first.rsplit('/').next().unwrap();
        let target = |n: u32| if n == last { to.to_owned() } else { format!("{name}{}", n + 1) };
        return (1..=last)
            .map(|n| Entry { at: format!("{first}{n}"), node: Node::Link(target(n)) })
            .collect();
    }
    let (head, content) = match line.split_once(" = ") {
        Some((head, content)) => (head, Some(content.trim())),
        None => (line, None),
    };
    let mut words = head.split_whitespace();
    let at = space(words.next().unwrap());
    let mode = words.next().map(|mode| u32::from_str_radix(mode, 8).unwrap());
    let owner = words.next().map_or(0, |owner| owner.parse().unwrap());
    let node = if let Some(content) = content {
        Node::File(mode.unwrap_or(0o644), format!("{content}\n"))
    } else {
        assert!(at.ends_with('/'), "{line}: neither a directory nor a file");
        Node::Directory(mode.unwrap_or(0o755), owner)
    };
    vec![Entry { at: at.trim_end_matches('/').to_owned(), node }]
}

/// A mount of a caller: `bind ADDRESS AT [ro] [since=API]`, `volume NAME[/SUBPATH] AT …`, `tmpfs AT`, `image NAME AT`.
fn mount(line: &str) -> Mount {
    let mut words: Vec<_> = line.split_whitespace().collect();
    let mut mount = Mount { source: Source::Tmpfs, at: String::new(), read_only: false, since: (0, 0) };
    words.retain(|word| {
        if let Some(api) = word.strip_prefix("since=") {
            mount.since = version(api);
        }
        mount.read_only |= *word == "ro";
        !(*word == "ro" || word.starts_with("since="))
    });
    (mount.source, mount.at) = match words[..] {
        ["bind", address, at] => (Source::Bind(address.to_owned()), at.to_owned()),
        ["volume", name, at] => {
            let (name, subpath) = name.split_once('/').unwrap_or((name, ""));
            (Source::Volume(name.to_owned(), subpath.to_owned()), at.to_owned())
        }
        ["tmpfs", at] => (Source::Tmpfs, at.to_owned()),
        ["image", name, at] => (Source::Image(name.to_owned()), at.to_owned()),
        _ => panic!("{line}: no mount"),
    };
    mount
}

/// What the engine is given: `[TARGET] bind ADDRESS [ro]`, `[TARGET] volume NAME [SUBPATH] [ro]`, `keep`.
fn given(line: &str) -> Given {
    let mut words: Vec<_> = line.split_whitespace().map(space).collect();
    let read_only = words.pop_if(|word| word == "ro").is_some();
    let target = if words[0].starts_with('/') { words.remove(0) } else { TARGET.to_owned() };
    let source = match &words[..] {
        [keep] if keep == "keep" => return Given::Keep,
        [bind, address] if bind == "bind" => Source::Bind(address.clone()),
        [volume, name] if volume == "volume" => Source::Volume(name.clone(), String::new()),
        [volume, name, subpath] if volume == "volume" => Source::Volume(name.clone(), subpath.clone()),
        _ => panic!("{line}: nothing that is given"),
    };
    Given::Mount { target, source, read_only }
}

/// A space in an address is written `\s`.
fn space(text: &str) -> String {
    text.replace("\\s", " ")
}

/// `TARGET = SOURCE [but NAME…]`
fn see(line: &str) -> See {
    let (target, rest) = line.split_once(" = ").unwrap();
    let (source, but) = rest.split_once(" but ").unwrap_or((rest, ""));
    let but = but.split_whitespace().map(str::to_owned).collect();
    See { target: target.trim().to_owned(), source: source.trim().to_owned(), but }
}

fn version(text: &str) -> Api {
    let (major, minor) = text.split_once('.').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

impl RowText {
    fn read(self) -> Row {
        let read = |words: Words| words.lines().iter().map(|line| given(line)).collect::<Vec<_>>();
        let own_socket = || vec![given("bind proxy/docker.sock"), given("/work bind host/storage/inner")];
        let new = match (self.given.map(read), self.refused, self.says, self.socket) {
            (_, Some(words), None, None) => Outcome::Refused(words),
            (_, None, Some(words), None) => Outcome::Says(words),
            (given, None, None, Some(path)) => {
                let at = self.socket_at.unwrap_or_else(|| TARGET.to_owned());
                Outcome::Socket(at, path, given.unwrap_or_else(own_socket))
            }
            (Some(given), None, None, None) if self.kept => Outcome::Kept(given),
            (Some(given), None, None, None) => Outcome::Same(given),
            _ => panic!("{}: not one outcome", self.name),
        };
        let old = match (self.given_before_subpaths.map(read), self.refused_before_subpaths) {
            (Some(given), None) if self.kept => Outcome::Kept(given),
            (Some(given), None) => Outcome::Same(given),
            (None, Some(words)) => Outcome::Refused(words),
            (None, None) => new.clone(),
            _ => panic!("{}: two outcomes", self.name),
        };
        let engines = (
            self.since.as_deref().map_or((0, 0), version),
            self.until.as_deref().map_or((u32::MAX, 0), version),
        );
        Row {
            rule: self.rule,
            name: self.name,
            world: self.world,
            ask: self.ask.words(),
            outcome: [new, old],
            writes: self.writes,
            see: self.see.map(|lines| lines.lines().iter().map(|line| see(line)).collect()),
            makes: self.makes,
            volumes: self.volumes.map(Words::words).unwrap_or_default(),
            speaks: self.speaks.as_deref().map(version),
            engines,
        }
    }
}
