//! A request's body, read once: every path of the host in it, and where in the body each thing stands that may
//! have to change.
//!
//! What comes out owns the body. The steps that follow look at it, and [`write`](super::write) makes of it what the engine
//! gets; nobody reads the body a second time.

pub use super::site::Site;

use super::archive::Config;
use super::asked::{DEVICE, is_reserved, is_written};
use super::edits::{ObjectEnd, stale_members};
use super::endpoint::Endpoint;
use super::fields::{Form, REQUEST_FIELDS, labels_of, outer_labels_of};
use super::forms::mount::MountObject;
use super::forms::{bind, device, lenders, log, mount, plugin, volume_device};
use super::found::{Labels, MountHolder, Mounts, Spelling, Spot};
use super::json::{BodyError, Member, Objects, Value, member, present, string};
use super::lenders::Lenders;
use super::podman;
use crate::path::CallerPath;
use crate::plan::Covered;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How much a body may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Paths of the host: each is followed through the caller's links, and compared on both sides.
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

/// A request's body that was read.
#[derive(Debug)]
pub struct Read {
    endpoint: Endpoint,
    /// The bytes that all spans below are of.
    pub(super) body: BodyForm,
    /// The objects that have mounts, by whose index spots name them.
    pub(super) holders: Vec<MountHolder>,
    /// The paths, in the order in which they were found: plans come in the same order.
    pub(super) spots: Vec<Spot>,
    /// `None` where the request makes nothing that has labels, or where its labels are none of Hostward's concern: on the
    /// host's own requests.
    pub(super) labels: Option<Labels>,
    /// The image of a container that is to be created.
    image: Option<String>,
    /// Where it starts to work.
    directory: Option<CallerPath>,
    /// Whether a container that is to be created publishes ports.
    pub(super) publishes: bool,
    /// Whether it is told of an engine, as by `docker run -e DOCKER_HOST=…`.
    pub(super) has_docker_host: bool,
}

/// What a body is.
#[derive(Debug)]
pub(super) enum BodyForm {
    /// JSON, all of it.
    Json(Vec<u8>),
    /// An archive, of which this file counts.
    Archive(Config),
}

impl BodyForm {
    /// The JSON in it.
    pub(super) fn json(&self) -> &[u8] {
        match self {
            Self::Json(json) => json,
            Self::Archive(config) => config.json(),
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
        Self::of_body(endpoint, BodyForm::Json(body), terms)
    }

    /// Reads the description of a plugin that its archive has.
    ///
    /// # Errors
    /// As with [`Read::of`].
    pub fn of_plugin(config: Config, terms: Terms) -> Result<Self, BodyError> {
        Self::of_body(Endpoint::PluginCreate, BodyForm::Archive(config), terms)
    }

    fn of_body(endpoint: Endpoint, body: BodyForm, terms: Terms) -> Result<Self, BodyError> {
        count();
        let finder = Finder::find(endpoint, body.json(), terms)?;
        let Finder { holders, spots, labels, image, directory, publishes, has_docker_host, .. } = finder;
        let spots = spots.all;
        Ok(Self { endpoint, body, holders, spots, labels, image, directory, publishes, has_docker_host })
    }

    /// A body in which no path can be, whatever it is.
    pub fn unread(body: Vec<u8>) -> Self {
        Self {
            endpoint: Endpoint::Other,
            body: BodyForm::Json(body),
            holders: Vec::new(),
            spots: Vec::new(),
            labels: None,
            image: None,
            directory: None,
            publishes: false,
            has_docker_host: false,
        }
    }

    /// Which of the paths are mounted, in the same order as the sites: all but devices, and what a log driver writes to.
    pub fn mounted(&self) -> impl Iterator<Item = bool> {
        self.spots.iter().map(|spot| match spot.spelling {
            Spelling::Bind { .. }
            | Spelling::Mount { .. }
            | Spelling::VolumeDevice(_)
            | Spelling::Setting(_)
            | Spelling::PluginMount(_) => true,
            Spelling::Device(_) | Spelling::Limit(_) | Spelling::LogOption(_) => false,
        })
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
    pub fn lenders(&self) -> Lenders {
        let lenders: Vec<_> = self.holders.iter().flat_map(|holder| holder.lenders.iter().cloned()).collect();
        let directory = self.directory.clone().filter(|_| !lenders.is_empty());
        Lenders { lenders, directory }
    }

    /// The image whose labels and volumes a created container has, where it says no others.
    pub fn image(&self) -> Option<&str> {
        self.image.as_deref()
    }

    /// Says where that image has volumes: what the caller has there stays behind (T7).
    pub fn set_image_volumes(&mut self, volumes: &Arc<BTreeSet<CallerPath>>) {
        self.spots.iter_mut().for_each(|spot| spot.site.wish.covered.set_volumes(volumes));
    }
}

/// Finds what a body has.
struct Finder<'a> {
    objects: Objects<'a>,
    holders: Vec<MountHolder>,
    /// For each holder, where it mounts something.
    targets: Vec<BTreeSet<CallerPath>>,
    spots: Spots,
    labels: Option<Labels>,
    image: Option<String>,
    directory: Option<CallerPath>,
    publishes: bool,
    has_docker_host: bool,
}

/// The paths that are found, as many as may be.
struct Spots {
    all: Vec<Spot>,
    bounds: Bounds,
}

impl Spots {
    fn add(&mut self, site: Site, spelling: Spelling) -> Result<(), BodyError> {
        if self.all.len() == self.bounds.paths {
            return Err(too_many("paths", self.bounds.paths));
        }
        self.all.push(Spot { site, spelling });
        Ok(())
    }
}

impl<'a> Finder<'a> {
    fn find(endpoint: Endpoint, body: &'a [u8], terms: Terms) -> Result<Self, BodyError> {
        let Terms { bounds, for_podman, from_host } = terms;
        let mut finder = Self {
            objects: Objects::default(),
            holders: Vec::new(),
            targets: Vec::new(),
            spots: Spots { all: Vec::new(), bounds },
            labels: None,
            image: None,
            directory: None,
            publishes: false,
            has_docker_host: false,
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
            finder.spots.all.iter_mut().for_each(|spot| spot.site.wish.plain = false);
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
            podman::body::check(endpoint, top, &finder.objects)?;
        }
        Ok(finder)
    }

    fn field(&mut self, name: &str, form: Form, top: Value<'a>, value: Value<'a>) -> Result<(), BodyError> {
        let Self { objects, spots, .. } = self;
        match form {
            Form::Mounts => self.mounts(name, value),
            Form::Devices => device::find(name, value, objects, |site, found| {
                spots.add(
                    site,
                    match found {
                        device::Found::Device(device) => Spelling::Device(device),
                        device::Found::Limit(limit) => Spelling::Limit(limit),
                    },
                )
            }),
            Form::LogOptions => log::find(name, value, spots.bounds.paths, |site, option| {
                spots.add(site, Spelling::LogOption(option))
            }),
            Form::Untranslated => match value.string()? {
                Some(path) if path.is_empty() => Ok(()),
                _ => Err(BodyError::Untranslated(name.to_owned())),
            },
            Form::DriverOptions => {
                let found = volume_device::find(name, value, (top, "Driver"), DEVICE.to_owned(), objects)?;
                found.map_or(Ok(()), |(site, device)| spots.add(site, Spelling::VolumeDevice(device)))
            }
            Form::Settings => {
                plugin::find_settings(value, |site, setting| spots.add(site, Spelling::Setting(setting)))
            }
            Form::PluginMounts => plugin::find_mounts(value, objects, |site, mount| {
                spots.add(site, Spelling::PluginMount(mount))
            }),
        }
    }

    /// What only the create of a container has: anonymous volumes, the image, and where it starts to work.
    fn container(&mut self, top: Value<'a>, anonymous: &mut BTreeSet<CallerPath>) -> Result<(), BodyError> {
        let members = self.objects.fields("the whole", top)?;
        let members = members.as_deref().unwrap_or_default();
        if let Some(volumes) = present(members, "Volumes")? {
            self.keys(volumes, anonymous)?;
        }
        self.image = string(members, "Image")?.map(Cow::into_owned);
        let directory = string(members, "WorkingDir")?;
        self.directory = directory.and_then(|text| CallerPath::parse(text.as_bytes()).ok());
        // As with mounts, an engine before 28 takes these from the top where there is no `HostConfig`.
        for holder in [self.objects.descend(top, &["HostConfig"])?, Some(top)].into_iter().flatten() {
            let members = self.objects.fields("HostConfig", holder)?;
            self.publishes |= publishes(members.as_deref().unwrap_or_default())?;
        }
        // What is wrong with it is the engine's to say.
        let variables = present(members, "Env").ok().flatten().and_then(|env| env.elements().ok().flatten());
        self.has_docker_host = variables.into_iter().flatten().any(|variable| {
            variable.string().is_ok_and(|text| text.is_some_and(|text| text.starts_with("DOCKER_HOST=")))
        });
        Ok(())
    }

    /// Tells each mount what else the request mounts.
    fn cover(&mut self, anonymous: &BTreeSet<CallerPath>) -> Result<(), BodyError> {
        let count = anonymous.len() + self.targets.iter().map(BTreeSet::len).sum::<usize>();
        if count > self.spots.bounds.targets {
            return Err(too_many("targets", self.spots.bounds.targets));
        }
        for (holder, mut targets) in self.holders.iter_mut().zip(std::mem::take(&mut self.targets)) {
            targets.extend(anonymous.iter().cloned());
            holder.targets = Arc::new(targets);
        }
        for spot in &mut self.spots.all {
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
            None => Labels::Missing(ObjectEnd::of(object)),
            Some(null) if null.is_null() => Labels::Null(null.span()),
            Some(map) if !map.is_object() => return Err(BodyError::Type("Labels".to_owned(), "an object")),
            Some(map) => {
                unreserved(map)?;
                let (stale, stays) = stale_members(map, is_written)?;
                Labels::Map { end: ObjectEnd::of_map(map, stays), stale }
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
        let (holder, in_binds, in_mounts) = (self.holders.len(), place("Binds"), place("Mounts"));
        for (index, &value) in binds.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            targets.extend(bind::find(&in_binds, index, value, |site, bind| {
                self.spots.add(site, Spelling::Bind { holder, bind })
            })?);
        }
        for (index, &value) in mounts.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            targets.extend(self.mount(&format!("{in_mounts}[{index}]"), value, holder)?);
        }
        let volumes_from = present(members, "VolumesFrom")?;
        let lenders = match volumes_from {
            Some(array) => lenders::find(&place("VolumesFrom"), array)?,
            None => Vec::new(),
        };
        // Each is asked for at the engine, and looked into.
        if lenders.len() > self.spots.bounds.paths {
            return Err(too_many("containers", self.spots.bounds.paths));
        }
        self.holders.push(MountHolder {
            end: ObjectEnd::of(object),
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
        let target = mount::target(members)?;
        let found = MountObject::find(name, value, members, target.clone(), &self.objects)?;
        if let Some((site, mount)) = found {
            self.spots.add(site, Spelling::Mount { holder, mount })?;
        } else if let Some((site, device)) =
            volume_device::find_in_mount(name, value, target.as_ref(), &self.objects)?
        {
            self.spots.add(site, Spelling::VolumeDevice(device))?;
        }
        Ok(target)
    }

    /// Adds the paths that are the keys of a map.
    fn keys(&self, map: Value<'a>, paths: &mut BTreeSet<CallerPath>) -> Result<(), BodyError> {
        let most = self.spots.bounds.targets;
        map.each_member(|key, _| {
            if paths.len() > most {
                return Err(too_many("targets", most));
            }
            paths.extend(CallerPath::parse(key.as_bytes()));
            Ok(())
        })
        .map(drop)
    }
}

/// Whether a container with these members of `HostConfig` publishes ports. What is of another type is the engine's to refuse.
fn publishes(members: &[Member<'_>]) -> Result<bool, BodyError> {
    let all = present(members, "PublishAllPorts")?.is_some_and(|all| all.text() == "true");
    let some = present(members, "PortBindings")?.filter(Value::is_object);
    let some = some.map(|some| some.members()).transpose()?;
    Ok(all || some.flatten().is_some_and(|some| !some.is_empty()))
}

fn too_many(unit: &'static str, most: usize) -> BodyError {
    BodyError::Many { what: "its mounts".to_owned(), most, unit }
}

/// Refuses a reserved label that says something. What Hostward wrote itself is taken out instead, and an empty one, which
/// overrides an image's, says nothing: a program that makes a container anew sends both, as it reads them of the old one.
fn unreserved(map: Value<'_>) -> Result<(), BodyError> {
    map.each_member(|key, value| {
        if !is_reserved(&key) || is_written(&key) || value.string()?.is_none_or(|said| said.is_empty()) {
            return Ok(());
        }
        Err(BodyError::Label(key.into_owned()))
    })
    .map(drop)
}

/// How many bodies were read, for tests: each request's is once.
#[cfg(debug_assertions)]
pub static READ: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn count() {
    #[cfg(debug_assertions)]
    READ.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}
