//! A request's body, read once: every path of the engine's machine in it, and where in the body each thing stands that may
//! have to change.
//!
//! What comes out owns the body. The steps that follow look at it, and [`write`](super::write) makes of it what the engine
//! gets; nobody reads the body a second time.

use super::archive::Config;
use super::asked::{DEVICE, LABEL, is_reserved};
use super::binds::{self, Bind};
use super::endpoint::Endpoint;
use super::fields::{BLOCK_LIMITS, Form, REQUEST_FIELDS, labels_of, log_path, outer_labels_of};
use super::json::{BodyError, End, Objects, Stale, Value, member, present, stale_members};
use super::lenders::{self, Borrowing, Lender};
use super::mounts::{self, MountObject};
use super::podman;
use crate::path::{AskedPath, CallerPath};
use crate::plan::{Covered, Wish};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// What is wanted of a path at which the engine looks, and mounts nothing.
const PATH_ALONE: Wish = Wish {
    recursive: false,
    creates: false,
    read_only: false,
    // Who mounts it does that by mount(2), which knows of read-only no more than the mount itself.
    writable_beneath: true,
    plain: false,
    covered: Covered::nothing(),
};

/// How much a body may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Paths of the engine's machine: each is followed through the caller's links, and compared on both sides.
    pub paths: usize,
    /// Targets of mounts of any kind, anonymous volumes among them.
    pub targets: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { paths: 1000, targets: 4096 }
    }
}

/// What a body is read for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Terms {
    /// How much it may ask for.
    pub bounds: Bounds,
    /// The engine is Podman: nothing may stand in the body that Podman would read otherwise.
    pub for_podman: bool,
    /// It is from a process of the host, which may write any label.
    pub from_host: bool,
}

/// A place in a body where a path stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The path.
    pub asked: AskedPath,
    /// What the request wants of it.
    pub wish: Wish,
}

/// A request's body that was read.
#[derive(Debug)]
pub struct Read {
    endpoint: Endpoint,
    pub(super) body: Body,
    pub(super) holders: Vec<Holder>,
    pub(super) spots: Vec<Spot>,
    pub(super) labels: Option<Labels>,
    /// The image of a container that is to be created.
    image: Option<String>,
    /// Where it starts to work.
    directory: Option<CallerPath>,
}

/// What a body is.
#[derive(Debug)]
pub(super) enum Body {
    /// JSON, all of it.
    Json(Vec<u8>),
    /// An archive, of which this file counts.
    Archive(Config),
}

impl Body {
    /// The JSON in it.
    pub(super) fn json(&self) -> &[u8] {
        match self {
            Self::Json(json) => json,
            Self::Archive(config) => config.json(),
        }
    }
}

/// An object that has mounts.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) end: End,
    pub(super) binds: Vec<Range<usize>>,
    pub(super) mounts: Mounts,
    /// Where `VolumesFrom` stands.
    pub(super) volumes_from: Option<Range<usize>>,
    pub(super) lenders: Vec<Lender>,
    /// Where the request itself mounts something, of any kind: the holder's own, and anonymous volumes.
    pub(super) targets: Arc<BTreeSet<CallerPath>>,
}

/// The value of a holder's `Mounts`.
#[derive(Debug)]
pub(super) enum Mounts {
    Missing,
    Null(Range<usize>),
    Array {
        /// Behind its closing bracket.
        end: usize,
        count: usize,
    },
}

/// Where a request has the labels of what it makes, in which Hostward may write.
#[derive(Debug)]
pub(super) enum Labels {
    /// Nowhere: they come into this object.
    Missing(End),
    Null(Range<usize>),
    Map {
        end: End,
        /// What Hostward once wrote there, on something else: it goes.
        stale: Vec<Stale>,
    },
}

/// A site, and what spells it.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) site: Site,
    pub(super) spelling: Spelling,
}

#[derive(Debug)]
pub(super) enum Spelling {
    /// A text of `Binds`.
    Bind { holder: usize, index: usize, text: Range<usize>, bind: Bind },
    /// An object of `Mounts`.
    Mount { holder: usize, target: Option<CallerPath>, mount: MountObject },
    /// A device, and what may be done with it.
    Device { place: String, object: Range<usize>, path: Range<usize>, permissions: Permissions },
    /// A limit on a block device.
    Limit { place: String, object: Range<usize>, path: Range<usize> },
    /// An option of a log driver, and what stands before the path.
    LogOption { key: String, value: Range<usize>, scheme: &'static str },
    /// The device of a volume, and the options of its mount.
    VolumeDevice { place: String, device: Range<usize>, options: Range<usize>, says: String },
    /// A setting of a plugin, and its name.
    Setting { value: Range<usize>, name: String },
    /// The source of a plugin's mount.
    PluginMount { source: Range<usize> },
}

/// What a request says may be done with a device.
#[derive(Debug)]
pub(super) enum Permissions {
    /// Nothing, which means all; it would be said in this object.
    Unsaid(End),
    Said {
        text: String,
        value: Range<usize>,
    },
}

impl Spelling {
    /// Where it is mounted, and by which holder.
    pub(super) fn target(&self) -> Option<(CallerPath, usize)> {
        match self {
            Self::Bind { holder, bind, .. } => {
                Some((CallerPath::parse(bind.target().as_bytes()).ok()?, *holder))
            }
            Self::Mount { holder, target, .. } => Some((target.clone()?, *holder)),
            Self::Device { .. }
            | Self::Limit { .. }
            | Self::LogOption { .. }
            | Self::VolumeDevice { .. }
            | Self::Setting { .. }
            | Self::PluginMount { .. } => None,
        }
    }
}

impl Read {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// A body that is no JSON, says a name that matters twice, has another shape than the API's, asks for more than it may or
    /// has a label of Hostward's own.
    pub fn of(endpoint: Endpoint, body: Vec<u8>, terms: Terms) -> Result<Self, BodyError> {
        Self::of_body(endpoint, Body::Json(body), terms)
    }

    /// Reads the description of a plugin that its archive has.
    ///
    /// # Errors
    /// As with [`Read::of`].
    pub fn of_plugin(config: Config, terms: Terms) -> Result<Self, BodyError> {
        Self::of_body(Endpoint::PluginCreate, Body::Archive(config), terms)
    }

    fn of_body(endpoint: Endpoint, body: Body, terms: Terms) -> Result<Self, BodyError> {
        count();
        let found = Finder::find(endpoint, body.json(), terms)?;
        let Finder { holders, spots, labels, image, directory, .. } = found;
        Ok(Self { endpoint, body, holders, spots, labels, image, directory })
    }

    /// Which request it is of.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The paths, in the order of the plans that [`write`](super::write::write) takes.
    pub fn sites(&self) -> impl ExactSizeIterator<Item = &Site> {
        self.spots.iter().map(|spot| &spot.site)
    }

    /// The containers whose mounts it takes over (`VolumesFrom`).
    pub fn borrowing(&self) -> Borrowing {
        let lenders: Vec<_> = self.holders.iter().flat_map(|holder| holder.lenders.iter().cloned()).collect();
        let directory = self.directory.clone().filter(|_| !lenders.is_empty());
        Borrowing { lenders, directory }
    }

    /// The image whose labels a created container has, where it says no others.
    pub fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }
}

/// Finds what a body has.
struct Finder<'a> {
    objects: Objects<'a>,
    bounds: Bounds,
    holders: Vec<Holder>,
    /// For each holder, where it mounts something.
    targets: Vec<BTreeSet<CallerPath>>,
    spots: Vec<Spot>,
    labels: Option<Labels>,
    image: Option<String>,
    directory: Option<CallerPath>,
}

impl<'a> Finder<'a> {
    fn find(endpoint: Endpoint, body: &'a [u8], terms: Terms) -> Result<Self, BodyError> {
        let Terms { bounds, for_podman, from_host } = terms;
        let mut finder = Self {
            objects: Objects::default(),
            bounds,
            holders: Vec::new(),
            targets: Vec::new(),
            spots: Vec::new(),
            labels: None,
            image: None,
            directory: None,
        };
        // As mostly with a start.
        if body.trim_ascii().is_empty() {
            return Ok(finder);
        }
        let top = Value::of(body)?;
        for field in REQUEST_FIELDS.iter().filter(|field| field.endpoint == endpoint) {
            let Some(value) = finder.objects.descend(top, field.names)? else { continue };
            finder.field(&field.names.join("."), field.form, top, value)?;
        }
        if matches!(endpoint, Endpoint::ServiceCreate | Endpoint::ServiceUpdate) {
            // A volume of that name on another node is another one, and empty; a path is missing there, and said so.
            finder.spots.iter_mut().for_each(|spot| spot.site.wish.plain = false);
        }
        let mut anonymous = BTreeSet::new();
        if endpoint == Endpoint::ContainerCreate {
            finder.container(top, &mut anonymous)?;
        }
        finder.cover(&anonymous)?;
        if !from_host {
            finder.labels(endpoint, top)?;
        }
        if for_podman {
            podman::check(endpoint, top, &finder.objects)?;
        }
        Ok(finder)
    }

    fn field(&mut self, name: &str, form: Form, top: Value<'a>, value: Value<'a>) -> Result<(), BodyError> {
        match form {
            Form::Mounts => self.mounts(name, value),
            Form::Devices => self.devices(name, value),
            Form::LogOptions => self.log_options(name, value),
            Form::Untranslated => match value.string()? {
                Some(path) if path.is_empty() => Ok(()),
                _ => Err(BodyError::Untranslated(name.to_owned())),
            },
            Form::DriverOptions => {
                let local = self.named_local(top, "Driver")?;
                let spot = device(name, value, local, DEVICE.to_owned())?;
                spot.map_or(Ok(()), |spot| self.add(spot))
            }
            Form::Settings => self.settings(value),
            Form::PluginMounts => self.plugin_mounts(value),
        }
    }

    fn add(&mut self, spot: Spot) -> Result<(), BodyError> {
        if self.spots.len() == self.bounds.paths {
            return Err(too_many("paths", self.bounds.paths));
        }
        self.spots.push(spot);
        Ok(())
    }

    /// What only the create of a container has: anonymous volumes, the image, and where it starts to work.
    fn container(&mut self, top: Value<'a>, anonymous: &mut BTreeSet<CallerPath>) -> Result<(), BodyError> {
        let members = self.objects.fields("the whole", top)?;
        let members = members.as_deref().unwrap_or_default();
        if let Some(volumes) = present(members, "Volumes")? {
            self.keys(volumes, anonymous)?;
        }
        self.image = present(members, "Image")?
            .map(|image| image.string())
            .transpose()?
            .flatten()
            .map(std::borrow::Cow::into_owned);
        let directory = present(members, "WorkingDir")?.map(|text| text.string()).transpose()?.flatten();
        self.directory = directory.and_then(|text| CallerPath::parse(text.as_bytes()).ok());
        Ok(())
    }

    /// Tells each mount what else the request mounts.
    fn cover(&mut self, anonymous: &BTreeSet<CallerPath>) -> Result<(), BodyError> {
        let count = anonymous.len() + self.targets.iter().map(BTreeSet::len).sum::<usize>();
        if count > self.bounds.targets {
            return Err(too_many("targets", self.bounds.targets));
        }
        for (holder, mut targets) in self.holders.iter_mut().zip(std::mem::take(&mut self.targets)) {
            targets.extend(anonymous.iter().cloned());
            holder.targets = Arc::new(targets);
        }
        for spot in &mut self.spots {
            if let Some((target, holder)) = spot.spelling.target() {
                let targets = Arc::clone(&self.holders[holder].targets);
                spot.site.wish.covered = Covered::beneath(target, targets);
            }
        }
        Ok(())
    }

    /// Where the labels are, and that none of them is Hostward's own.
    fn labels(&mut self, endpoint: Endpoint, top: Value<'a>) -> Result<(), BodyError> {
        if let Some(names) = outer_labels_of(endpoint)
            && let Some(map) = self.objects.descend(top, names)?
        {
            unreserved(map)?;
        }
        let Some(names) = labels_of(endpoint) else { return Ok(()) };
        let Some(object) = self.objects.descend(top, names)? else { return Ok(()) };
        let members = self.objects.fields(&names.join("."), object)?;
        self.labels = Some(match member(members.as_deref().unwrap_or_default(), "Labels")? {
            None => Labels::Missing(End::of(object)),
            Some(null) if null.is_null() => Labels::Null(null.span()),
            Some(map) if !map.is_object() => return Err(BodyError::Type("Labels".to_owned(), "an object")),
            Some(map) => {
                unreserved(map)?;
                let (stale, stays) = stale_members(map, |key| key == LABEL)?;
                Labels::Map { end: End::of_map(map, stays), stale }
            }
        });
        Ok(())
    }

    /// An object with `Binds` and `Mounts`, which stands at `name`.
    fn mounts(&mut self, name: &str, object: Value<'a>) -> Result<(), BodyError> {
        let place = |field: &str| if name.is_empty() { field.to_owned() } else { format!("{name}.{field}") };
        let named = if name.is_empty() { "the whole" } else { name };
        let members = self.objects.fields(named, object)?;
        let members = members.as_deref().unwrap_or_default();
        let list = |field: &str| {
            let Some(array) = present(members, field)? else { return Ok(Vec::new()) };
            array.elements()?.ok_or_else(|| BodyError::Type(place(field), "an array"))
        };
        let (binds, mounts) = (list("Binds")?, list("Mounts")?);
        let mut targets = BTreeSet::new();
        if let Some(tmpfs) = present(members, "Tmpfs")? {
            self.keys(tmpfs, &mut targets)?;
        }
        let holder = self.holders.len();
        for (index, &value) in binds.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            let name = || format!("{}[{index}]", place("Binds"));
            let text = value.string()?.ok_or_else(|| BodyError::Type(name(), "a string"))?;
            targets.extend(binds::target(&text));
            let bind = Bind::parse(&text).map_err(|error| BodyError::Path(name(), error.of(&text)))?;
            if let Some(bind) = bind {
                let site = Site { asked: bind.source.clone(), wish: bind.wish() };
                self.add(Spot {
                    site,
                    spelling: Spelling::Bind { holder, index, text: value.span(), bind },
                })?;
            }
        }
        for (index, &value) in mounts.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            targets.extend(self.mount(&format!("{}[{index}]", place("Mounts")), value, holder)?);
        }
        let volumes_from = present(members, "VolumesFrom")?;
        let lenders = match volumes_from {
            Some(array) => lenders::read(&place("VolumesFrom"), array)?,
            None => Vec::new(),
        };
        // Each is asked for at the engine, and looked into.
        if lenders.len() > self.bounds.paths {
            return Err(too_many("containers", self.bounds.paths));
        }
        self.holders.push(Holder {
            end: End::of(object),
            binds: binds.iter().map(Value::span).collect(),
            mounts: match member(members, "Mounts")? {
                None => Mounts::Missing,
                Some(null) if null.is_null() => Mounts::Null(null.span()),
                Some(array) => Mounts::Array { end: array.span().end, count: mounts.len() },
            },
            volumes_from: volumes_from.map(|array| array.span()),
            lenders,
            targets: Arc::default(),
        });
        self.targets.push(targets);
        Ok(())
    }

    /// One mount as an object; gives its target.
    fn mount(
        &mut self,
        name: &str,
        value: Value<'a>,
        holder: usize,
    ) -> Result<Option<CallerPath>, BodyError> {
        let members = self.objects.fields(name, value)?;
        let members = members.as_deref().unwrap_or_default();
        let target = mounts::target(members)?;
        if let Some(mount) = MountObject::of(name, value, members, &self.objects)? {
            let site = Site { asked: mount.source.clone(), wish: mount.wish.clone() };
            let spelling = Spelling::Mount { holder, target: target.clone(), mount };
            self.add(Spot { site, spelling })?;
        } else if let Some(config) = self.objects.descend(value, &["VolumeOptions", "DriverConfig"])?
            && let Some(options) = self.objects.descend(config, &["Options"])?
        {
            let name = format!("{name}.VolumeOptions.DriverConfig.Options");
            let place = target.as_ref().map(ToString::to_string).unwrap_or_default();
            if let Some(spot) = device(&name, options, self.named_local(config, "Name")?, place)? {
                self.add(spot)?;
            }
        }
        Ok(target)
    }

    /// An object with `Devices` and limits on block devices, which stands at `name`.
    fn devices(&mut self, name: &str, object: Value<'a>) -> Result<(), BodyError> {
        let named = if name.is_empty() { "the whole" } else { name };
        let members = self.objects.fields(named, object)?;
        let members = members.as_deref().unwrap_or_default();
        let lists = BLOCK_LIMITS.iter().map(|list| (*list, "Path"));
        for (list, field) in std::iter::once(("Devices", "PathOnHost")).chain(lists) {
            let Some(array) = present(members, list)? else { continue };
            let elements = array.elements()?.ok_or_else(|| BodyError::Type(list.to_owned(), "an array"))?;
            for (n, element) in elements.into_iter().enumerate() {
                let place = format!("{list}[{n}]");
                let Some(members) = self.objects.fields(&place, element)? else { continue };
                let Some((path, value)) = mounts::text(&place, &members, field)? else { continue };
                if !path.starts_with('/') {
                    // A device of Windows has a class. Anything else engines on Linux take from their own directory.
                    if path.is_empty() || (path.starts_with("class/") && !path.contains("..")) {
                        continue;
                    }
                    let why = format!(
                        "{path:?} is not absolute, and the engine would take it from its own directory"
                    );
                    return Err(BodyError::Path(format!("{place}.{field}"), why));
                }
                let asked = mounts::path(format!("{place}.{field}"), &path)?;
                let (object, path) = (element.span(), value.span());
                let spelling = match list {
                    "Devices" => {
                        let permissions = mounts::text(&place, &members, "CgroupPermissions")?;
                        let permissions = permissions.map_or_else(
                            || Permissions::Unsaid(End::of(element)),
                            |(text, value)| Permissions::Said {
                                text: text.into_owned(),
                                value: value.span(),
                            },
                        );
                        Spelling::Device { place, object, path, permissions }
                    }
                    _ => Spelling::Limit { place, object, path },
                };
                self.add(Spot { site: Site { asked, wish: PATH_ALONE }, spelling })?;
            }
        }
        Ok(())
    }

    /// The options of a log driver.
    fn log_options(&mut self, name: &str, options: Value<'a>) -> Result<(), BodyError> {
        // The keys of a map: they match to the letter.
        let mut found = Vec::new();
        let most = self.bounds.paths;
        options.each_member(|key, value| {
            let Some(text) = value.string()? else { return Ok(()) };
            let Some((scheme, path)) = log_path(&key, &text) else { return Ok(()) };
            let asked = mounts::path(format!("{name}.{key}"), path)?;
            let spelling = Spelling::LogOption { key: key.into_owned(), value: value.span(), scheme };
            if found.len() == most {
                return Err(BodyError::Many { what: name.to_owned(), most, unit: "paths" });
            }
            found.push(Spot { site: Site { asked, wish: PATH_ALONE }, spelling });
            Ok(())
        })?;
        found.into_iter().try_for_each(|spot| self.add(spot))
    }

    /// The settings of a plugin: `NAME.source=PATH` says where a mount of it comes from.
    fn settings(&mut self, array: Value<'a>) -> Result<(), BodyError> {
        let elements = array.elements()?.ok_or_else(|| BodyError::Type("the whole".into(), "an array"))?;
        for (n, value) in elements.into_iter().enumerate() {
            let place = || format!("[{n}]");
            let text = value.string()?.ok_or_else(|| BodyError::Type(place(), "a string"))?;
            let Some((name, path)) = text.split_once('=') else { continue };
            if !name.ends_with(".source") || !path.starts_with('/') {
                continue;
            }
            let asked = mounts::path(place(), path)?;
            let wish = Wish { recursive: true, ..PATH_ALONE };
            let spelling = Spelling::Setting { value: value.span(), name: name.to_owned() };
            self.add(Spot { site: Site { asked, wish }, spelling })?;
        }
        Ok(())
    }

    /// The mounts that a plugin has by itself.
    fn plugin_mounts(&mut self, array: Value<'a>) -> Result<(), BodyError> {
        let elements = array.elements()?.ok_or_else(|| BodyError::Type("mounts".into(), "an array"))?;
        for (n, element) in elements.into_iter().enumerate() {
            let name = format!("mounts[{n}]");
            let Some(members) = self.objects.fields(&name, element)? else { continue };
            let kind = mounts::text(&name, &members, "type")?;
            let Some((path, source)) = mounts::text(&name, &members, "source")? else { continue };
            if kind.is_none_or(|(kind, _)| kind != "bind") || !path.starts_with('/') {
                continue;
            }
            let options = present(&members, "options")?.map(|options| options.text()).unwrap_or_default();
            let wish = Wish {
                recursive: options.contains("\"rbind\""),
                read_only: options.contains("\"ro\""),
                ..PATH_ALONE
            };
            let asked = mounts::path(format!("{name}.source"), &path)?;
            let spelling = Spelling::PluginMount { source: source.span() };
            self.add(Spot { site: Site { asked, wish }, spelling })?;
        }
        Ok(())
    }

    /// Whether a volume's driver is the engine's own: `local`, or not said.
    fn named_local(&self, object: Value<'a>, field: &str) -> Result<bool, BodyError> {
        let members = self.objects.members(object)?;
        let driver = mounts::text("the driver", members.as_deref().unwrap_or_default(), field)?;
        Ok(driver.is_none_or(|(driver, _)| driver.is_empty() || driver == "local"))
    }

    /// Adds the paths that are the keys of a map.
    fn keys(&self, map: Value<'a>, paths: &mut BTreeSet<CallerPath>) -> Result<(), BodyError> {
        map.each_member(|key, _| {
            if paths.len() > self.bounds.targets {
                return Err(too_many("targets", self.bounds.targets));
            }
            paths.extend(CallerPath::parse(key.as_bytes()));
            Ok(())
        })
        .map(drop)
    }
}

fn too_many(unit: &'static str, most: usize) -> BodyError {
    BodyError::Many { what: "what is to be mounted".to_owned(), most, unit }
}

/// Refuses labels of Hostward's own that say something. What it wrote itself is taken out, and an empty one, by which it
/// overrides an image's, says nothing: whoever makes a container anew of what it reads of another sends both.
fn unreserved(map: Value<'_>) -> Result<(), BodyError> {
    map.each_member(|key, value| {
        if !is_reserved(&key) || key == LABEL || value.string()?.is_none_or(|said| said.is_empty()) {
            return Ok(());
        }
        Err(BodyError::Label(key.into_owned()))
    })
    .map(drop)
}

/// The device of a `local` volume that is a bind mount: `o` says `bind` or `rbind` (mount(8)).
fn device(name: &str, map: Value<'_>, local: bool, place: String) -> Result<Option<Spot>, BodyError> {
    if map.is_null() || !local {
        return Ok(None);
    }
    // The keys of a map: they match to the letter, and the last one wins.
    let (mut device, mut options) = (None, None);
    let is_object = map.each_member(|key, value| {
        match &*key {
            "device" => device = Some(value),
            "o" => options = Some(value),
            _ => {}
        }
        Ok(())
    })?;
    if !is_object {
        return Err(BodyError::Type(name.to_owned(), "an object"));
    }
    let Some(options) = options else { return Ok(None) };
    let text = |field: &str, value: Value<'_>| {
        let text = value.string()?.ok_or_else(|| BodyError::Type(format!("{name}.{field}"), "a string"))?;
        Ok::<_, BodyError>(text.into_owned())
    };
    let says = text("o", options)?;
    if binds::names_a_path(&says) {
        let why = format!("{says:?} names other paths, which are not translated");
        return Err(BodyError::Path(format!("{name}.o"), why));
    }
    let Some(device) = device else { return Ok(None) };
    let has = |option: &str| says.split(',').any(|o| o == option);
    if !(has("bind") || has("rbind")) {
        return Ok(None);
    }
    let asked = mounts::path(format!("{name}.device"), &text("device", device)?)?;
    let wish = Wish { recursive: has("rbind"), read_only: has("ro"), ..PATH_ALONE };
    let spelling = Spelling::VolumeDevice { place, device: device.span(), options: options.span(), says };
    Ok(Some(Spot { site: Site { asked, wish }, spelling }))
}

/// How many bodies were read, for tests: each request's is once.
#[cfg(debug_assertions)]
pub static READ: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn count() {
    #[cfg(debug_assertions)]
    READ.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}
