//! The paths in a request's body, and putting the engine's in their places.
//!
//! A body is changed only where a path stands: what is not touched keeps its bytes, its order, and whatever it
//! says that this version of Hostward has never heard of (T12).

use super::answer::{Reader, Restore};
use super::asked::{Asked, DEVICE, LABEL, Original};
use super::binds::{self, Bind};
use super::endpoint::Endpoint;
use super::fields::{BLOCK_LIMITS, Form, REQUEST_FIELDS, labels_of, log_path};
use super::json::{BodyError, Edits, Value, descend, member, present, quote};
use super::lenders::{self, Borrowing, Lender, Loan};
use super::mounts::{self, MountObject, bind_object, volume_object};
use super::tar;
use crate::path::{AskedPath, CallerPath, EnginePath};
use crate::plan::{Beneath, Give, Given, Plan, Wish};
use crate::refusal::{Reason, Refusal};

/// Each site is looked up and compared with each other: thousands would hold up everybody else.
const MOST_SITES: usize = 1000;

/// What is wanted of a path at which the engine looks, and mounts nothing.
const PATH_ALONE: Wish =
    Wish { recursive: false, creates: false, read_only: false, plain: false, covered: Vec::new() };

/// A place in a body where a path stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The path.
    pub asked: AskedPath,
    /// What the request wants of it.
    pub wish: Wish,
}

/// A body in the engine's paths.
#[derive(Debug)]
pub struct Rewritten {
    /// The body.
    pub body: Vec<u8>,
    /// How to say an error about it in the caller's words.
    pub restore: Restore,
}

/// Why a body cannot be rewritten.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// It cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// What the engine should be given cannot be spelled in it.
    #[error(transparent)]
    Refusal(#[from] Refusal),
}

/// Finds every path of the engine's machine in the body of a request.
///
/// # Errors
/// A body that is no JSON, says a name that matters twice, or has another shape than the API's.
pub fn sites(endpoint: Endpoint, body: &[u8]) -> Result<Vec<Site>, BodyError> {
    let Some(text) = Text::of(endpoint, body)? else { return Ok(Vec::new()) };
    let spots = Body::read(endpoint, text.json(body))?.map(|body| body.spots).unwrap_or_default();
    Ok(spots.into_iter().map(|spot| Site { asked: spot.asked, wish: spot.wish }).collect())
}

/// Finds the containers whose mounts a request takes over (`VolumesFrom`).
///
/// # Errors
/// As with [`sites`].
pub fn borrowing(endpoint: Endpoint, body: &[u8]) -> Result<Borrowing, BodyError> {
    if !matches!(endpoint, Endpoint::ContainerCreate | Endpoint::ContainerStart) {
        return Ok(Borrowing::default());
    }
    let Some(read) = Body::read(endpoint, body)? else { return Ok(Borrowing::default()) };
    let lenders: Vec<_> = read.holders.into_iter().flat_map(|holder| holder.lenders).collect();
    let directory = match present(&read.top.members()?.unwrap_or_default(), "WorkingDir")? {
        Some(directory) if !lenders.is_empty() => directory.string()?,
        _ => None,
    };
    let directory = directory.and_then(|text| CallerPath::parse(text.as_bytes()).ok());
    Ok(Borrowing { lenders, directory })
}

/// The body with what the engine is given in the places of the caller's paths, a plan for each of its [`sites`], and with
/// what is given for the mounts that it takes from others.
///
/// # Errors
/// A refusal where what is given cannot be spelled in this form of request.
///
/// # Panics
/// Where there are not as many plans as sites.
pub fn rewrite(
    endpoint: Endpoint,
    body: &[u8],
    plans: &[Plan],
    loan: &Loan,
    reader: Reader<'_>,
) -> Result<Rewritten, RewriteError> {
    let mut restore = Restore::of(reader.view);
    let unchanged = |restore| Ok(Rewritten { body: body.to_vec(), restore });
    let Some(text) = Text::of(endpoint, body)? else { return unchanged(restore) };
    let Some(read) = Body::read(endpoint, text.json(body))? else { return unchanged(restore) };
    assert_eq!(read.spots.len(), plans.len(), "a plan for each site");
    let mut writer = Writer::of(&read, reader);
    for (spot, plan) in read.spots.iter().zip(plans) {
        let Plan::Given(given) = plan else { continue };
        note(&mut restore, spot, given);
        writer.give(spot, given)?;
    }
    writer.lend(loan)?;
    let json = writer.finish(endpoint)?.apply(text.json(body));
    Ok(Rewritten { body: text.with(body, json), restore })
}

/// Where the JSON of a request stands.
enum Text {
    /// It is the body.
    Body,
    /// It is a file in an archive.
    File(tar::Entry),
}

impl Text {
    fn of(endpoint: Endpoint, body: &[u8]) -> Result<Option<Self>, BodyError> {
        if endpoint == Endpoint::PluginCreate {
            return Ok(tar::find(body, "config.json")?.map(Self::File));
        }
        Ok(Some(Self::Body))
    }

    fn json<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Body => body,
            Self::File(entry) => &body[entry.content.clone()],
        }
    }

    fn with(&self, body: &[u8], json: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Body => json,
            Self::File(entry) => tar::replace(body, entry, &json),
        }
    }
}

/// What errors may name.
fn note(restore: &mut Restore, spot: &Spot<'_>, given: &Given) {
    if let Give::Bind(source) = &given.source {
        restore.note(source, spot.asked.as_bytes());
    }
    for Beneath { at, source, .. } in &given.beneath {
        if let Give::Bind(source) = source {
            restore.note(source, at.as_bytes());
        }
    }
}

/// A body that was read.
#[derive(Debug)]
struct Body<'a> {
    top: Value<'a>,
    holders: Vec<Holder<'a>>,
    spots: Vec<Spot<'a>>,
}

/// An object that has mounts.
#[derive(Debug)]
struct Holder<'a> {
    object: Value<'a>,
    binds: Vec<Value<'a>>,
    /// The value of `Mounts`, which may be `null`.
    mounts: Option<Value<'a>>,
    mount_count: usize,
    /// The value of `VolumesFrom`, and what it says.
    volumes_from: Option<Value<'a>>,
    lenders: Vec<Lender>,
    /// Where the request itself mounts something, of any kind.
    targets: Vec<CallerPath>,
}

/// A site, and what spells it.
#[derive(Debug)]
struct Spot<'a> {
    asked: AskedPath,
    wish: Wish,
    spelling: Spelling<'a>,
}

#[derive(Debug)]
enum Spelling<'a> {
    /// A text of `Binds`.
    Bind { holder: usize, index: usize, value: Value<'a>, bind: Bind },
    /// An object of `Mounts`.
    Mount { holder: usize, value: Value<'a>, target: Option<CallerPath>, mount: MountObject<'a> },
    /// A device, and what may be done with it.
    Device { place: String, object: Value<'a>, value: Value<'a>, permissions: Option<(String, Value<'a>)> },
    /// A limit on a block device.
    Limit { place: String, object: Value<'a>, value: Value<'a> },
    /// An option of a log driver, and what stands before the path.
    LogOption { key: String, value: Value<'a>, scheme: &'static str },
    /// The device of a volume, and the options of its mount.
    VolumeDevice { place: String, device: Value<'a>, options: Value<'a>, says: String },
    /// A setting of a plugin, and its name.
    Setting { value: Value<'a>, name: String },
    /// The source of a plugin's mount.
    PluginMount { source: Value<'a> },
}

impl Spelling<'_> {
    /// Where it is mounted, and by which holder.
    fn target(&self) -> Option<(CallerPath, usize)> {
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

impl<'a> Body<'a> {
    /// Reads a body; none where there is none, as mostly with a start.
    fn read(endpoint: Endpoint, body: &'a [u8]) -> Result<Option<Self>, BodyError> {
        if body.trim_ascii().is_empty() || !endpoint.carries_paths() {
            return Ok(None);
        }
        let mut read = Self { top: Value::of(body)?, holders: Vec::new(), spots: Vec::new() };
        for field in REQUEST_FIELDS.iter().filter(|field| field.endpoint == endpoint) {
            let Some(value) = descend(read.top, field.names)? else { continue };
            let name = field.names.join(".");
            match field.form {
                Form::Mounts => read.mounts(&name, value)?,
                Form::Devices => read.devices(&name, value)?,
                Form::LogOptions => read.log_options(&name, value)?,
                Form::Untranslated => match value.string()? {
                    Some(path) if path.is_empty() => {}
                    _ => return Err(BodyError::Untranslated(name)),
                },
                Form::DriverOptions => {
                    let local = named_local(read.top, "Driver")?;
                    read.spots.extend(device(&name, value, local, DEVICE.to_owned())?);
                }
                Form::Settings => read.settings(value)?,
                Form::PluginMounts => read.plugin_mounts(value)?,
            }
        }
        if matches!(endpoint, Endpoint::ServiceCreate | Endpoint::ServiceUpdate) {
            // A volume of that name on another node is another one, and empty; a path is missing there, and said so.
            read.spots.iter_mut().for_each(|spot| spot.wish.plain = false);
        }
        if read.spots.len() > MOST_SITES {
            return Err(BodyError::Many(read.spots.len(), MOST_SITES));
        }
        let anonymous = match endpoint {
            Endpoint::ContainerCreate => descend(read.top, &["Volumes"])?.map_or(Ok(Vec::new()), keys)?,
            _ => Vec::new(),
        };
        for spot in &mut read.spots {
            let Some((target, holder)) = spot.spelling.target() else { continue };
            let own = read.holders[holder].targets.iter().chain(&anonymous);
            let beneath = own.filter_map(|own| own.below(&target).filter(|rest| !rest.is_empty()));
            spot.wish.covered = beneath.collect();
        }
        Ok(Some(read))
    }

    /// An object with `Binds` and `Mounts`, which stands at `name`.
    fn mounts(&mut self, name: &str, object: Value<'a>) -> Result<(), BodyError> {
        let place = |field: &str| if name.is_empty() { field.to_owned() } else { format!("{name}.{field}") };
        let named = if name.is_empty() { "the whole" } else { name };
        let members = mounts::members(named, object)?.unwrap_or_default();
        let list = |field: &str| {
            let Some(array) = present(&members, field)? else { return Ok(Vec::new()) };
            array.elements()?.ok_or_else(|| BodyError::Type(place(field), "an array"))
        };
        let (binds, objects) = (list("Binds")?, list("Mounts")?);
        let mut targets = match present(&members, "Tmpfs")? {
            Some(tmpfs) => keys(tmpfs)?,
            None => Vec::new(),
        };
        let holder = self.holders.len();
        for (index, &value) in binds.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            let name = format!("{}[{index}]", place("Binds"));
            let text = value.string()?.ok_or_else(|| BodyError::Type(name.clone(), "a string"))?;
            targets.extend(binds::target(&text));
            let bind =
                Bind::parse(&text).map_err(|error| BodyError::Path(name, format!("{text:?} {error}")))?;
            self.spots.extend(bind.map(|bind| Spot {
                asked: bind.source.clone(),
                wish: bind.wish(),
                spelling: Spelling::Bind { holder, index, value, bind },
            }));
        }
        for (index, &value) in objects.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            let name = format!("{}[{index}]", place("Mounts"));
            let mount = MountObject::of(&name, value)?;
            let target = mounts::target(value)?;
            targets.extend(target.clone());
            if let Some(mount) = mount {
                let (asked, wish) = (mount.source.clone(), mount.wish.clone());
                let spelling = Spelling::Mount { holder, value, target, mount };
                self.spots.push(Spot { asked, wish, spelling });
            } else if let Some(config) = descend(value, &["VolumeOptions", "DriverConfig"])?
                && let Some(options) = descend(config, &["Options"])?
            {
                let name = format!("{name}.VolumeOptions.DriverConfig.Options");
                let place = target.map(|target| target.to_string()).unwrap_or_default();
                self.spots.extend(device(&name, options, named_local(config, "Name")?, place)?);
            }
        }
        let mount_count = objects.len();
        let mounts = member(&members, "Mounts")?;
        let volumes_from = present(&members, "VolumesFrom")?;
        let lenders = match volumes_from {
            Some(array) => lenders::read(&place("VolumesFrom"), array)?,
            None => Vec::new(),
        };
        self.holders.push(Holder { object, binds, mounts, mount_count, volumes_from, lenders, targets });
        Ok(())
    }

    /// An object with `Devices` and limits on block devices, which stands at `name`.
    fn devices(&mut self, name: &str, object: Value<'a>) -> Result<(), BodyError> {
        let named = if name.is_empty() { "the whole" } else { name };
        let members = mounts::members(named, object)?.unwrap_or_default();
        let lists = BLOCK_LIMITS.iter().map(|list| (*list, "Path"));
        for (list, field) in std::iter::once(("Devices", "PathOnHost")).chain(lists) {
            let Some(array) = present(&members, list)? else { continue };
            let elements = array.elements()?.ok_or_else(|| BodyError::Type(list.to_owned(), "an array"))?;
            for (n, element) in elements.into_iter().enumerate() {
                let place = format!("{list}[{n}]");
                let Some(members) = mounts::members(&place, element)? else { continue };
                // What is not absolute is a device of Windows, or the engine's to refuse.
                let Some((path, value)) =
                    mounts::text(&place, &members, field)?.filter(|(path, _)| path.starts_with('/'))
                else {
                    continue;
                };
                let asked = mounts::path(format!("{place}.{field}"), &path)?;
                let spelling = match list {
                    "Devices" => {
                        let permissions = mounts::text(&place, &members, "CgroupPermissions")?;
                        Spelling::Device { place, object: element, value, permissions }
                    }
                    _ => Spelling::Limit { place, object: element, value },
                };
                self.spots.push(Spot { asked, wish: PATH_ALONE, spelling });
            }
        }
        Ok(())
    }

    /// The options of a log driver.
    fn log_options(&mut self, name: &str, options: Value<'a>) -> Result<(), BodyError> {
        // The keys of a map: they match to the letter.
        for (key, value) in options.members()?.unwrap_or_default() {
            let Some(text) = value.string()? else { continue };
            let Some((scheme, path)) = log_path(&key, &text) else { continue };
            let asked = mounts::path(format!("{name}.{key}"), path)?;
            let spelling = Spelling::LogOption { key: key.into_owned(), value, scheme };
            self.spots.push(Spot { asked, wish: PATH_ALONE, spelling });
        }
        Ok(())
    }

    /// The settings of a plugin: `NAME.source=PATH` says where a mount of it comes from.
    fn settings(&mut self, array: Value<'a>) -> Result<(), BodyError> {
        let elements = array.elements()?.ok_or_else(|| BodyError::Type("the whole".into(), "an array"))?;
        for (n, value) in elements.into_iter().enumerate() {
            let place = format!("[{n}]");
            let text = value.string()?.ok_or_else(|| BodyError::Type(place.clone(), "a string"))?;
            let Some((name, path)) = text.split_once('=') else { continue };
            if !name.ends_with(".source") || !path.starts_with('/') {
                continue;
            }
            let asked = mounts::path(place, path)?;
            let wish = Wish { recursive: true, ..PATH_ALONE };
            let spelling = Spelling::Setting { value, name: name.to_owned() };
            self.spots.push(Spot { asked, wish, spelling });
        }
        Ok(())
    }

    /// The mounts that a plugin has by itself.
    fn plugin_mounts(&mut self, array: Value<'a>) -> Result<(), BodyError> {
        let elements = array.elements()?.ok_or_else(|| BodyError::Type("mounts".into(), "an array"))?;
        for (n, element) in elements.into_iter().enumerate() {
            let name = format!("mounts[{n}]");
            let Some(members) = mounts::members(&name, element)? else { continue };
            let kind = mounts::text(&name, &members, "type")?;
            let Some((path, source)) = mounts::text(&name, &members, "source")? else { continue };
            if kind.is_none_or(|(kind, _)| kind != "bind") || !path.starts_with('/') {
                continue;
            }
            let options = present(&members, "options")?.map(|options| options.text()).unwrap_or_default();
            let wish = Wish {
                recursive: options.contains("\"rbind\""),
                creates: false,
                read_only: options.contains("\"ro\""),
                plain: false,
                covered: Vec::new(),
            };
            let asked = mounts::path(format!("{name}.source"), &path)?;
            self.spots.push(Spot { asked, wish, spelling: Spelling::PluginMount { source } });
        }
        Ok(())
    }
}

/// The device of a `local` volume that is a bind mount: `o` says `bind` or `rbind` (mount(8)).
fn device<'a>(
    name: &str,
    options: Value<'a>,
    local: bool,
    place: String,
) -> Result<Option<Spot<'a>>, BodyError> {
    let Some(members) = mounts::members(name, options)?.filter(|_| local) else { return Ok(None) };
    // The keys of a map: they match to the letter.
    let option = |key: &str| members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value);
    let (device, Some(options)) = (option("device"), option("o")) else { return Ok(None) };
    let text = |field: &str, value: Value<'_>| {
        value.string()?.ok_or_else(|| BodyError::Type(format!("{name}.{field}"), "a string"))
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
    let (recursive, read_only) = (has("rbind"), has("ro"));
    let wish = Wish { recursive, creates: false, read_only, plain: false, covered: Vec::new() };
    Ok(Some(Spot { asked, wish, spelling: Spelling::VolumeDevice { place, device, options, says } }))
}

/// Whether a volume's driver is the engine's own: `local`, or not said.
fn named_local(object: Value<'_>, field: &str) -> Result<bool, BodyError> {
    let members = object.members()?.unwrap_or_default();
    let driver = mounts::text("the driver", &members, field)?;
    Ok(driver.is_none_or(|(driver, _)| driver.is_empty() || driver == "local"))
}

/// The paths that are the keys of a map.
fn keys(map: Value<'_>) -> Result<Vec<CallerPath>, BodyError> {
    let members = map.members()?.unwrap_or_default();
    Ok(members.iter().filter_map(|(key, _)| CallerPath::parse(key.as_bytes()).ok()).collect())
}

/// Puts what the engine is given into a body.
struct Writer<'a> {
    body: &'a Body<'a>,
    reader: Reader<'a>,
    edits: Edits,
    /// For each holder: the binds that became mounts, and the mounts that are added.
    moved: Vec<Vec<usize>>,
    added: Vec<Vec<String>>,
    asked: Asked,
}

impl<'a> Writer<'a> {
    fn of(body: &'a Body<'a>, reader: Reader<'a>) -> Self {
        let holders = body.holders.len();
        Self {
            body,
            reader,
            edits: Edits::default(),
            moved: vec![Vec::new(); holders],
            added: vec![Vec::new(); holders],
            asked: Asked::by(reader.caller),
        }
    }

    fn give(&mut self, spot: &Spot<'a>, given: &Given) -> Result<(), RewriteError> {
        match &spot.spelling {
            Spelling::Bind { holder, index, value, bind } => {
                let target = spot.spelling.target().map(|(target, _)| target);
                let moved = self.bind(spot, given, (*holder, *index), *value, bind)?;
                let along = self.beneath(spot, given, *holder, target.as_ref())?;
                let key = target.map_or_else(|| bind.target().to_owned(), |target| target.to_string());
                let forced = given.read_only && !bind.is_read_only();
                let original = Original { text: value.text(), index: moved.then_some(*index) };
                self.remember(spot, given, moved || along || forced, key, original);
            }
            Spelling::Mount { holder, value, target, mount } => {
                match &given.source {
                    Give::Bind(source) => {
                        mount.bind(&mut self.edits, spelled(&spot.asked, source)?, given)?;
                    }
                    Give::Volume { name, subpath } => {
                        mount.volume(&mut self.edits, name, subpath, given.read_only)?;
                    }
                }
                let along = self.beneath(spot, given, *holder, target.as_ref())?;
                let key = target.as_ref().map(ToString::to_string).unwrap_or_default();
                let forced = given.read_only && !mount.is_read_only();
                let original = Original { text: value.text(), index: None };
                self.remember(spot, given, along || forced, key, original);
            }
            Spelling::Device { place, object, value, permissions } => {
                self.edits.put(value.span(), quote(alone(spot, given)?));
                if given.read_only {
                    self.read_only(*object, permissions.as_ref())?;
                }
                self.remember(
                    spot,
                    given,
                    given.read_only,
                    place.clone(),
                    Original { text: object.text(), index: None },
                );
            }
            Spelling::Limit { place, object, value } => {
                self.edits.put(value.span(), quote(alone(spot, given)?));
                let original = Original { text: object.text(), index: None };
                self.remember(spot, given, false, place.clone(), original);
            }
            Spelling::LogOption { key, value, scheme } => {
                self.edits.put(value.span(), quote(&format!("{scheme}{}", alone(spot, given)?)));
                self.remember(spot, given, false, key.clone(), Original { text: value.text(), index: None });
            }
            Spelling::VolumeDevice { place, device, options, says } => {
                self.edits.put(device.span(), quote(alone(spot, given)?));
                if given.read_only && !spot.wish.read_only {
                    self.edits.put(options.span(), quote(&format!("{says},ro")));
                }
                let original = Original { text: device.text(), index: None };
                self.remember(spot, given, false, place.clone(), original);
            }
            Spelling::Setting { value, name } => {
                if given.read_only {
                    return Err(unspelled(spot, given, "that it may only be read").into());
                }
                let setting = format!("{name}={}", alone(spot, given)?);
                self.edits.put(value.span(), quote(&setting));
            }
            Spelling::PluginMount { source } => {
                if given.read_only && !spot.wish.read_only {
                    return Err(unspelled(spot, given, "that it may only be read").into());
                }
                self.edits.put(source.span(), quote(alone(spot, given)?));
            }
        }
        Ok(())
    }

    /// Takes the right to write from a device, which the caller has not (T8).
    fn read_only(
        &mut self,
        device: Value<'a>,
        permissions: Option<&(String, Value<'a>)>,
    ) -> Result<(), BodyError> {
        match permissions {
            None => self.edits.add_member(device, "CgroupPermissions", "\"rm\""),
            Some((says, value)) => {
                // Without a word it is all of them.
                let says = if says.is_empty() { "rwm" } else { says };
                self.edits.put(value.span(), quote(&says.replace('w', "")));
                Ok(())
            }
        }
    }

    /// Gives a text of `Binds` another source; says whether it had to become a mount, since only that can say it.
    fn bind(
        &mut self,
        spot: &Spot<'a>,
        given: &Given,
        (holder, index): (usize, usize),
        value: Value<'a>,
        bind: &Bind,
    ) -> Result<bool, RewriteError> {
        if given.read_only && bind.changes_owner() {
            return Err(unspelled(spot, given, "that it may only be read, beside the option U").into());
        }
        let text = match &given.source {
            Give::Bind(source) => {
                let source = spelled(&spot.asked, source)?;
                let colon = source.contains(':');
                if colon && !spot.wish.plain {
                    return Err(unspelled(spot, given, "a path with a colon beside such options").into());
                }
                let says = !colon && (given.lasting || !spot.wish.plain);
                says.then(|| bind.with(source, given.read_only))
            }
            Give::Volume { name, subpath } => {
                subpath.is_empty().then(|| bind.with_volume(name, given.read_only))
            }
        };
        if let Some(text) = text {
            self.edits.put(value.span(), quote(&text));
            return Ok(false);
        }
        let read_only = given.read_only || bind.is_read_only();
        self.moved[holder].push(index);
        self.added[holder].push(object(&spot.asked, &given.source, bind.target(), read_only)?);
        Ok(true)
    }

    /// Gives what stands beside the mounts that are taken from others, or for them (T20).
    fn lend(&mut self, loan: &Loan) -> Result<(), Refusal> {
        let borrowers: Vec<_> =
            (0..self.body.holders.len()).filter(|&n| !self.body.holders[n].lenders.is_empty()).collect();
        let Some(&first) = borrowers.first() else { return Ok(()) };
        for (target, source, read_only) in &loan.mounts {
            if borrowers.iter().any(|&n| self.body.holders[n].targets.contains(target)) {
                continue;
            }
            let place = target.to_string();
            self.added[first].push(object(&target.clone().into(), source, &place, *read_only)?);
            if !loan.instead {
                self.asked.note_beneath(place, source);
            }
        }
        if loan.instead {
            let arrays = borrowers.iter().filter_map(|&n| self.body.holders[n].volumes_from);
            arrays.for_each(|array| self.edits.put(array.span(), "null"));
        }
        Ok(())
    }

    /// Adds the mounts that come along with a directory (T7); says whether there are any.
    fn beneath(
        &mut self,
        spot: &Spot<'a>,
        given: &Given,
        holder: usize,
        target: Option<&CallerPath>,
    ) -> Result<bool, Refusal> {
        // A target that is none is the engine's to refuse.
        let Some(target) = target else { return Ok(false) };
        for Beneath { rest, source, read_only, .. } in &given.beneath {
            let at = target.join(rest);
            let Ok(place) = str::from_utf8(at.as_bytes()) else {
                return Err(unspelled(spot, given, "a mount beneath it whose path is not UTF-8"));
            };
            self.added[holder].push(object(&spot.asked, source, place, *read_only)?);
            self.asked.note_beneath(place.to_owned(), source);
        }
        Ok(!given.beneath.is_empty())
    }

    /// Notes what was asked, where the caller's table would not say it of what the engine was given.
    fn remember(
        &mut self,
        spot: &Spot<'a>,
        given: &Given,
        changed: bool,
        key: String,
        original: Original<'_>,
    ) {
        let restored = match &given.source {
            Give::Bind(source) => self.reader.view.restore(source),
            Give::Volume { .. } => None,
        };
        let told = restored.is_some_and(|path| path.as_bytes() == spot.asked.as_bytes());
        if changed || !told {
            self.asked.note(key, original, &given.source);
        }
    }

    fn finish(mut self, endpoint: Endpoint) -> Result<Edits, BodyError> {
        for (n, holder) in self.body.holders.iter().enumerate() {
            let (moved, added) = (&self.moved[n], &self.added[n]);
            self.edits.remove_elements(&holder.binds, |index| moved.contains(&index));
            if added.is_empty() {
                continue;
            }
            let array = || format!("[{}]", added.join(","));
            match holder.mounts {
                None => self.edits.add_member(holder.object, "Mounts", &array())?,
                Some(null) if null.is_null() => self.edits.put(null.span(), array()),
                Some(mounts) => self.edits.add_elements(mounts, holder.mount_count, added),
            }
        }
        if let Some(names) = labels_of(endpoint).filter(|_| !self.asked.is_empty())
            && let Some(object) = descend(self.body.top, names)?
        {
            self.label(object)?;
        }
        Ok(self.edits)
    }

    /// Writes down what was asked.
    fn label(&mut self, object: Value<'a>) -> Result<(), BodyError> {
        let text = quote(&self.asked.text()?);
        let labels = member(&object.members()?.unwrap_or_default(), "Labels")?;
        let map = format!("{{{}:{text}}}", quote(LABEL));
        match labels {
            None => self.edits.add_member(object, "Labels", &map),
            Some(null) if null.is_null() => {
                self.edits.put(null.span(), map);
                Ok(())
            }
            Some(labels) => {
                let members =
                    labels.members()?.ok_or_else(|| BodyError::Type("Labels".to_owned(), "an object"))?;
                // Taken over from what another request made.
                for (_, stale) in members.iter().filter(|(name, _)| name == LABEL) {
                    self.edits.put(stale.span(), text.clone());
                }
                if members.iter().any(|(name, _)| name == LABEL) {
                    return Ok(());
                }
                self.edits.add_member(labels, LABEL, &text)
            }
        }
    }
}

/// What is given, as an object of `Mounts`.
fn object(asked: &AskedPath, give: &Give, target: &str, read_only: bool) -> Result<String, Refusal> {
    Ok(match give {
        Give::Bind(source) => bind_object(spelled(asked, source)?, target, read_only),
        Give::Volume { name, subpath } => volume_object(name, subpath, target, read_only),
    })
}

/// The one path that a form takes which has no room for others.
fn alone<'g>(spot: &Spot<'_>, given: &'g Given) -> Result<&'g str, Refusal> {
    if let Some(beneath) = given.beneath.first() {
        let reason = Reason::NoRoom(beneath.at.clone());
        return Err(Refusal { asked: spot.asked.clone(), reason });
    }
    match &given.source {
        Give::Bind(source) => spelled(&spot.asked, source),
        Give::Volume { .. } => Err(unspelled(spot, given, "a volume")),
    }
}

fn unspelled(spot: &Spot<'_>, given: &Given, what: &'static str) -> Refusal {
    let reason = Reason::Spelling { source: given.source.to_string(), what };
    Refusal { asked: spot.asked.clone(), reason }
}

fn spelled<'g>(asked: &AskedPath, source: &'g EnginePath) -> Result<&'g str, Refusal> {
    source.as_str().ok_or_else(|| Refusal {
        asked: asked.clone(),
        reason: Reason::Spelling { source: source.to_string(), what: "a path that is not UTF-8" },
    })
}

#[cfg(test)]
mod tests {
    use super::super::lenders::VolumesFrom;
    use super::*;
    use crate::api::answer::restored;
    use crate::path::Rest;
    use crate::table::{Mount, Source, Table, View};
    use proptest::prelude::*;

    const CREATE: Endpoint = Endpoint::ContainerCreate;
    const CALLER: &str = "c0ffee";

    /// A caller whose `/app` is the engine's `/srv/x`.
    fn view() -> View {
        let source = Source::Bind(engine("/srv/x"));
        let destination = CallerPath::parse(b"/app").unwrap();
        View::container(Table::new([Mount { destination, source, read_only: false }]), Vec::new())
    }

    fn engine(path: &str) -> EnginePath {
        EnginePath::parse(path.as_bytes()).unwrap()
    }

    fn bind(source: &str, read_only: bool) -> Given {
        Given { source: Give::Bind(engine(source)), read_only, lasting: true, beneath: Vec::new() }
    }

    fn part(subpath: &str) -> Given {
        let subpath = Rest::parse(subpath.as_bytes()).unwrap();
        let source = Give::Volume { name: "v".into(), subpath };
        Given { source, read_only: false, lasting: false, beneath: Vec::new() }
    }

    /// The body with what is given for every path that begins with `/app`.
    fn given(endpoint: Endpoint, body: &str, given: &Given) -> Result<String, RewriteError> {
        let plans: Vec<_> = sites(endpoint, body.as_bytes())?
            .iter()
            .map(|site| {
                let ours = site.asked.as_bytes().starts_with(b"/app");
                if ours { Plan::Given(given.clone()) } else { Plan::Keep }
            })
            .collect();
        let view = view();
        let reader = Reader { view: &view, caller: CALLER };
        let rewritten = rewrite(endpoint, body.as_bytes(), &plans, &Loan::default(), reader)?;
        Ok(String::from_utf8(rewritten.body).unwrap())
    }

    fn rewritten(body: &str, force: bool) -> String {
        given(CREATE, body, &bind("/srv/x", force)).unwrap()
    }

    #[test]
    fn only_the_paths_change() {
        let body = r#"{ "Image":"i", "Future" : {"Binds":["/app:/x"]}, "hostconfig": {"Mounts":[
            {"Type":"bind","Source":"\/app","Target":"/t","BindOptions":{"Propagation":"rslave","New":1}},
            {"Type":"volume","Source":"app","Target":"/v"}, {"Type":"tmpfs","Target":"/m"}, null],
            "BINDS" : [ "/app:/c:ro,z" , "vol:/v", "/anon", "/etc:/e" ] } }"#;
        let expected = body.replace(r#""\/app""#, r#""/srv/x""#).replace("/app:/c:ro,z", "/srv/x:/c:ro,z");
        assert_eq!(rewritten(body, false), expected);
    }

    #[test]
    fn read_only_is_forced_in_both_forms() {
        let body = r#"{"HostConfig":{"Binds":["/app:/a"],"Mounts":[{"Type":"bind","Source":"/app"},
            {"Type":"bind","Source":"/app","readonly":false},{"Type":"bind","Source":"/app","ReadOnly":true}]}}"#;
        let expected = r#"{"HostConfig":{"Binds":["/srv/x:/a:ro"],"Mounts":[{"Type":"bind","Source":"/srv/x","ReadOnly":true},
            {"Type":"bind","Source":"/srv/x","readonly":true},{"Type":"bind","Source":"/srv/x","ReadOnly":true}]},"Labels":"#;
        let seen = rewritten(body, true);
        assert!(seen.starts_with(expected), "{seen}");
    }

    #[test]
    fn a_body_without_paths_keeps_every_byte() {
        for body in [
            "null",
            "{}",
            r#"{"HostConfig":null}"#,
            " {\n\"HostConfig\" : {\"Binds\":null} }\n",
            r#"{"HostConfig":{"Binds":[]}}"#,
        ] {
            assert_eq!(rewritten(body, true), body);
        }
    }

    /// A rewritten body, and its label, which is taken out of it.
    fn labelled(body: &str, what: &Given) -> (serde_json::Value, serde_json::Value) {
        let mut value: serde_json::Value = serde_json::from_str(&given(CREATE, body, what).unwrap()).unwrap();
        let label = value["Labels"].as_object_mut().unwrap().remove(LABEL).unwrap();
        (value, serde_json::from_str(label.as_str().unwrap()).unwrap())
    }

    #[test]
    fn a_part_of_a_volume_becomes_a_mount_and_is_written_down() {
        let body = r#"{"Labels":{"a":"b"},"HostConfig":{"Binds":["x:/x","/app/f:/f:ro"],"Mounts":null}}"#;
        let (body, label) = labelled(body, &part("d/f"));
        assert_eq!(
            body,
            serde_json::json!({"Labels": {"a": "b"}, "HostConfig": {"Binds": ["x:/x"], "Mounts": [{
                "Type": "volume", "Source": "v", "Target": "/f", "ReadOnly": true,
                "VolumeOptions": {"NoCopy": true, "Subpath": "d/f"}}]}})
        );
        let mounts = serde_json::json!({"/f": {"asked": "/app/f:/f:ro", "given": "v/d/f", "index": 1}});
        assert_eq!(label, serde_json::json!({"caller": CALLER, "mounts": mounts}));
        let body = r#"{"Labels":{},"HostConfig":{"Mounts":[
            {"Type":"bind","Source":"/app","Target":"/t/","New":1,"BindOptions":{"CreateMountpoint":true}}]}}"#;
        let (body, label) = labelled(body, &part(""));
        assert_eq!(
            body["HostConfig"]["Mounts"],
            serde_json::json!([{"Type": "volume", "Source": "v", "Target": "/t/", "New": 1,
                "BindOptions": null, "VolumeOptions": {"NoCopy": true}}])
        );
        assert_eq!(label["mounts"]["/t"]["asked"]["Source"], "/app");
    }

    #[test]
    fn a_whole_volume_stays_a_bind() {
        let (body, _) = labelled(r#"{"HostConfig":{"Binds":["/app:/f:ro"]},"Labels":null}"#, &part(""));
        assert_eq!(body["HostConfig"], serde_json::json!({"Binds": ["v:/f:ro,nocopy"]}));
    }

    fn with_beneath(rests: &[&str]) -> Given {
        let beneath = rests.iter().map(|rest| Beneath {
            rest: Rest::parse(rest.as_bytes()).unwrap(),
            at: CallerPath::parse(format!("/app/{rest}").as_bytes()).unwrap(),
            source: Give::Bind(engine(&format!("/other/{rest}"))),
            read_only: true,
        });
        Given { beneath: beneath.collect(), ..bind("/srv/x", false) }
    }

    #[test]
    fn t7_mounts_come_along() {
        let body = r#"{"HostConfig":{"Binds":["/app:/t/"],"Mounts":[{"Type":"tmpfs","Target":"/mem"}]}}"#;
        let (body, label) = labelled(body, &with_beneath(&["a", "b/c"]));
        let targets: Vec<_> = body["HostConfig"]["Mounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mount| (mount["Target"].as_str().unwrap(), mount["ReadOnly"] == true))
            .collect();
        assert_eq!(targets, [("/mem", false), ("/t/a", true), ("/t/b/c", true)]);
        assert_eq!(label["beneath"], serde_json::json!({"/t/a": "/other/a", "/t/b/c": "/other/b/c"}));
    }

    #[test]
    fn t7_what_the_request_mounts_itself_is_known() {
        let body = r#"{"Volumes":{"/t/anon":{}},"HostConfig":{"Binds":["/app:/t/","v:/t/own:ro","/t/alone"],
            "Mounts":[{"Type":"tmpfs","Target":"/t/mem"},{"Type":"bind","Source":"/app","Target":"/t/mem/x"}],
            "Tmpfs":{"/t/tmp":"","/tt":""}}}"#;
        let sites = sites(CREATE, body.as_bytes()).unwrap();
        let covered = |n: usize| sites[n].wish.covered.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut found = covered(0);
        found.sort();
        assert_eq!(found, ["alone", "anon", "mem", "mem/x", "own", "tmp"]);
        assert!(covered(1).is_empty());
    }

    #[test]
    fn a_source_with_a_colon_becomes_a_mount_where_its_options_allow() {
        let (body, _) = labelled(r#"{"HostConfig":{"Binds":["/app:/t:ro"]}}"#, &bind("/srv/a:b", false));
        assert_eq!(
            body["HostConfig"],
            serde_json::json!({"Binds": [], "Mounts": [
                {"Type": "bind", "Source": "/srv/a:b", "Target": "/t", "ReadOnly": true}]})
        );
        let shared = r#"{"HostConfig":{"Binds":["/app:/t:rshared"]}}"#;
        assert!(given(CREATE, shared, &bind("/srv/a:b", false)).is_err());
    }

    #[test]
    fn what_does_not_last_is_given_as_a_mount_that_no_engine_makes_anew() {
        let lent = Given { lasting: false, ..bind("/overlay/merged/opt", false) };
        let (body, label) = labelled(r#"{"HostConfig":{"Binds":["/app:/t"]}}"#, &lent);
        assert_eq!(
            body["HostConfig"],
            serde_json::json!({"Binds": [], "Mounts": [
                {"Type": "bind", "Source": "/overlay/merged/opt", "Target": "/t", "ReadOnly": false}]})
        );
        assert_eq!(label["mounts"]["/t"]["asked"], "/app:/t");
        // Only a bind can say `z`.
        let (body, _) = labelled(r#"{"HostConfig":{"Binds":["/app:/t:z"]}}"#, &lent);
        assert_eq!(body["HostConfig"]["Binds"][0], "/overlay/merged/opt:/t:z");
    }

    #[test]
    fn services_have_their_mounts_and_labels_in_the_container() {
        let body = r#"{"Name":"s","TaskTemplate":{"ContainerSpec":{"Image":"i","Mounts":[
            {"Type":"bind","Source":"/app/l","Target":"/t"}]}}}"#;
        assert!(!sites(Endpoint::ServiceCreate, body.as_bytes()).unwrap()[0].wish.plain);
        let given = given(Endpoint::ServiceUpdate, body, &bind("/srv/x/to", false)).unwrap();
        let value: serde_json::Value = serde_json::from_str(&given).unwrap();
        let spec = &value["TaskTemplate"]["ContainerSpec"];
        assert_eq!(spec["Mounts"][0]["Source"], "/srv/x/to");
        assert!(spec["Labels"][LABEL].as_str().unwrap().contains("/app/l"));
    }

    #[test]
    fn a_volumes_device_is_a_path_where_it_is_bound() {
        let body = r#"{"Name":"v","DriverOpts":{"type":"none","o":"bind","device":"/app"}}"#;
        let volume = |body: &str, what: &Given| given(Endpoint::VolumeCreate, body, what);
        assert_eq!(volume(body, &bind("/srv/x", false)).unwrap(), body.replace("/app", "/srv/x"));
        assert_eq!(
            volume(body, &bind("/srv/x", true)).unwrap(),
            body.replace("/app", "/srv/x").replace("\"bind\"", "\"bind,ro\"")
        );
        assert!(!sites(Endpoint::VolumeCreate, body.as_bytes()).unwrap()[0].wish.recursive);
        for other in [
            r#"{"DriverOpts":{"type":"nfs","o":"addr=1.2.3.4","device":":/app"}}"#,
            r#"{"DriverOpts":{"type":"ext4","device":"/app"}}"#,
            r#"{"Driver":"other","DriverOpts":{"o":"bind","device":"/app"}}"#,
            r#"{"DriverOpts":null}"#,
        ] {
            assert_eq!(volume(other, &bind("/srv/x", false)).unwrap(), other);
        }
        for wrong in [
            r#"{"DriverOpts":{"type":"overlay","device":"overlay","o":"lowerdir=/etc:/usr"}}"#,
            r#"{"DriverOpts":{"type":"none","device":"../../etc","o":"bind"}}"#,
        ] {
            assert!(matches!(volume(wrong, &bind("/srv/x", false)), Err(RewriteError::Body(_))), "{wrong}");
        }
        let error = volume(body, &with_beneath(&["a"])).unwrap_err();
        assert!(error.to_string().contains("has no room"), "{error}");
        // The same in one create (T21).
        let mount = r#"{"HostConfig":{"Mounts":[{"Type":"volume","Target":"/t","VolumeOptions":{"DriverConfig":
            {"Name":"local","Options":{"o":"bind","device":"/app"}}}}]}}"#;
        assert_eq!(rewritten(mount, false), mount.replace("/app", "/srv/x"));
    }

    #[test]
    fn a_plugins_mount_has_its_source_in_a_setting() {
        let body = r#"["DEBUG=1","data.source=/app/d","data.path=/app","x.source=relative"]"#;
        let given = given(Endpoint::PluginSet, body, &bind("/srv/x/d", false)).unwrap();
        assert_eq!(given, body.replace("/app/d", "/srv/x/d"));
    }

    #[test]
    fn a_plugin_has_its_mounts_in_a_file_of_its_archive() {
        let config = |source: &str| {
            format!(
                r#"{{"mounts":[{{"type":"bind","source":"{source}","options":["rbind"]}},{{"type":"bind","source":null}}]}}"#
            )
        };
        let archive = |source: &str| {
            tar::tests::archive(&[("config.json", config(source).as_bytes()), ("rootfs/a", b"x")])
        };
        let body = archive("/app/d");
        assert_eq!(sites(Endpoint::PluginCreate, &body).unwrap()[0].asked.as_bytes(), b"/app/d");
        let view = view();
        let reader = Reader { view: &view, caller: CALLER };
        let plan = |given| [Plan::Given(given)];
        let rewritten =
            |given| rewrite(Endpoint::PluginCreate, &body, &plan(given), &Loan::default(), reader);
        assert_eq!(
            rewritten(bind("/srv/longer/than/before", false)).unwrap().body,
            archive("/srv/longer/than/before")
        );
        assert!(rewritten(bind("/srv/x", true)).is_err());
        assert!(sites(Endpoint::PluginCreate, b"\x1f\x8b").is_err());
    }

    #[test]
    fn what_cannot_be_judged_is_an_error_that_names_the_place() {
        for (body, place) in [
            (r#"{"HostConfig":{},"hostconfig":{}}"#, "HostConfig"),
            (r#"{"HostConfig":{"Binds":[],"bind\u017f":[]}}"#, "Binds"),
            (r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","source":"/b"}]}}"#, "Source"),
            (r#"{"HostConfig":{"Binds":"/a:/b"}}"#, "HostConfig.Binds"),
            (r#"{"HostConfig":{"Binds":[1]}}"#, "HostConfig.Binds[0]"),
            (r#"{"HostConfig":{"Binds":["/a:b:/c:ro"]}}"#, "HostConfig.Binds[0]"),
            (r#"{"HostConfig":[]}"#, "HostConfig"),
            (r#"{"HostConfig":{"Binds":["/a:/b"]"#, "not JSON"),
            (r#"{"HostConfig":{"Binds":["\ud800:/b"]}}"#, "not JSON"),
        ] {
            let error = sites(CREATE, body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(place), "{body}: {error}");
        }
    }

    #[test]
    fn what_is_asked_of_a_mount_is_known() {
        let body = r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","BindOptions":{"NonRecursive":true}},
            {"Type":"bind","Source":"/b","ReadOnly":true,"BindOptions":{"NonRecursive":false}},
            {"Type":"bind","Source":"/c","BindOptions":{"CreateMountpoint":true,"Propagation":"rprivate"}},
            {"Type":"bind","Source":"/d","ReadOnly":true,"BindOptions":{"ReadOnlyNonRecursive":true}},
            {"Type":"bind","Source":"/e","BindOptions":{"Propagation":"rslave"}}]}}"#;
        let wishes: Vec<_> =
            sites(CREATE, body.as_bytes()).unwrap().into_iter().map(|site| site.wish).collect();
        let wish = Wish { creates: false, ..Wish::bind() };
        assert_eq!(
            wishes,
            [
                Wish { recursive: false, plain: false, ..wish.clone() },
                Wish { read_only: true, ..wish.clone() },
                Wish { creates: true, ..wish.clone() },
                Wish { plain: false, ..wish.clone() },
                Wish { plain: false, ..wish },
            ]
        );
    }

    #[test]
    fn every_form_that_some_engine_takes_is_found() {
        let asked = |endpoint, body: &str| {
            let sites = sites(endpoint, body.as_bytes()).unwrap();
            sites.iter().map(|site| site.asked.to_string()).collect::<Vec<_>>()
        };
        let top = r#"{"Binds":["/a:/x"],"Mounts":[{"Type":"bind","Source":"/b"}]}"#;
        assert_eq!(asked(CREATE, top), ["/a", "/b"]);
        assert_eq!(asked(Endpoint::ContainerStart, top), ["/a", "/b"]);
        assert!(asked(Endpoint::ContainerStart, "").is_empty());
    }

    #[test]
    fn a_source_that_json_cannot_spell_is_refused() {
        let source = EnginePath::parse(b"/srv/\xff").unwrap();
        let given_bytes = Given { source: Give::Bind(source), ..bind("/", false) };
        let body = r#"{"HostConfig":{"Binds":["/app:/a"]}}"#;
        assert!(matches!(given(CREATE, body, &given_bytes), Err(RewriteError::Refusal(_))));
    }

    /// What an engine stores of a create body, as it answers an inspection.
    fn inspected(body: &str) -> String {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let mut points = Vec::new();
        for text in body["HostConfig"]["Binds"].as_array().into_iter().flatten() {
            let parts: Vec<_> = text.as_str().unwrap().split(':').collect();
            let kind = if parts[0].starts_with('/') { "bind" } else { "volume" };
            points.push(
                serde_json::json!({"Type": kind, "Name": parts[0], "Source": parts[0], "Destination": parts[1], "RW": true}),
            );
        }
        for mount in body["HostConfig"]["Mounts"].as_array().into_iter().flatten() {
            points.push(
                serde_json::json!({"Type": mount["Type"], "Name": mount["Source"], "Source": mount["Source"],
                "Destination": mount["Target"], "RW": true}),
            );
        }
        serde_json::json!({"Config": {"Labels": body["Labels"]}, "HostConfig": body["HostConfig"], "Mounts": points})
            .to_string()
    }

    #[test]
    fn devices_limits_and_log_options_are_translated_and_read_back() {
        let body = r#"{"HostConfig":{"Devices":[{"PathOnHost":"/app/dev","PathInContainer":"/dev/x","CgroupPermissions":"rwm"},
            {"PathOnHost":"class/GUID"}],"BlkioDeviceReadBps":[{"Path":"/app/disk","Rate":1}],"BlkioWeightDevice":null,
            "LogConfig":{"Type":"syslog","Config":{"syslog-address":"unixgram:///app/log.sock","syslog-tls-ca-cert":"/app/ca",
            "fluentd-address":"tcp://h:1","tag":"/app"}}}}"#;
        let made = given(CREATE, body, &bind("/srv/x/f", false)).unwrap();
        let read: serde_json::Value = serde_json::from_str(&made).unwrap();
        let (host, log) = (&read["HostConfig"], &read["HostConfig"]["LogConfig"]["Config"]);
        assert_eq!(host["Devices"][0]["PathOnHost"], "/srv/x/f");
        assert_eq!(host["Devices"][0]["CgroupPermissions"], "rwm");
        assert_eq!(host["BlkioDeviceReadBps"][0], serde_json::json!({"Path": "/srv/x/f", "Rate": 1}));
        assert_eq!(log["syslog-address"], "unixgram:///srv/x/f");
        assert_eq!((&log["syslog-tls-ca-cert"], &log["tag"]), (&"/srv/x/f".into(), &"/app".into()));
        let answer =
            serde_json::json!({"Config": {"Labels": read["Labels"]}, "HostConfig": read["HostConfig"]});
        let view = view();
        let reader = Reader { view: &view, caller: CALLER };
        let back =
            restored(Endpoint::ContainerInspect, answer.to_string().as_bytes(), reader).unwrap().unwrap();
        let back: serde_json::Value = serde_json::from_slice(&back).unwrap();
        let asked: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(back["HostConfig"], asked["HostConfig"]);
    }

    #[test]
    fn a_device_that_may_not_be_written_to_stays_so() {
        let device = |permissions: &str| {
            let body =
                format!(r#"{{"HostConfig":{{"Devices":[{{"PathOnHost":"/app/dev"{permissions}}}]}}}}"#);
            let made = given(CREATE, &body, &bind("/srv/dev", true)).unwrap();
            let made: serde_json::Value = serde_json::from_str(&made).unwrap();
            made["HostConfig"]["Devices"][0]["CgroupPermissions"].as_str().unwrap().to_owned()
        };
        for permissions in ["", r#","CgroupPermissions":"rwm""#, r#","CgroupPermissions":"""#] {
            assert_eq!(device(permissions), "rm", "{permissions}");
        }
    }

    #[test]
    fn a_checkpoint_in_a_directory_of_the_callers_is_refused() {
        let ask = |body: &str| sites(Endpoint::CheckpointCreate, body.as_bytes());
        assert_eq!(ask(r#"{"CheckpointID":"a","CheckpointDir":""}"#).unwrap(), []);
        assert!(matches!(ask(r#"{"checkpointdir":"/app"}"#), Err(BodyError::Untranslated(_))));
    }

    fn lent(body: &str, how: VolumesFrom) -> String {
        let mut loan = Loan::new(how);
        loan.add(&CallerPath::parse(b"/raw.sock").unwrap(), &bind("/run/own.sock", false));
        loan.add(&CallerPath::parse(b"/ws").unwrap(), &with_beneath(&["in"]));
        let view = view();
        let reader = Reader { view: &view, caller: CALLER };
        String::from_utf8(rewrite(CREATE, body.as_bytes(), &[], &loan, reader).unwrap().body).unwrap()
    }

    #[test]
    fn what_others_lend_is_read() {
        let body = r#"{"WorkingDir":"/ws","HostConfig":{"VolumesFrom":["a:ro","b",null]}}"#;
        let found = borrowing(CREATE, body.as_bytes()).unwrap();
        let lender = |name: &str, options: Option<&str>| Lender {
            name: name.into(),
            options: options.map(Into::into),
        };
        assert_eq!(found.lenders, [lender("a", Some("ro")), lender("b", None)]);
        assert!(found.lenders[0].is_read_only() && !found.lenders[1].is_read_only());
        assert_eq!(found.directory, Some(CallerPath::parse(b"/ws").unwrap()));
        for nobody in ["{}", r#"{"HostConfig":{"VolumesFrom":null}}"#, r#"{"WorkingDir":"/x"}"#] {
            assert_eq!(borrowing(CREATE, nobody.as_bytes()).unwrap(), Borrowing::default(), "{nobody}");
        }
        for wrong in [r#"{"HostConfig":{"VolumesFrom":"a"}}"#, r#"{"HostConfig":{"VolumesFrom":[1]}}"#] {
            assert!(borrowing(CREATE, wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_lent_stands_beside_it_or_for_it() {
        let body = r#"{"HostConfig":{"VolumesFrom":["a"],"Binds":["v:/raw.sock"]}}"#;
        let read = |how| serde_json::from_str::<serde_json::Value>(&lent(body, how)).unwrap();
        // The request's own mount wins.
        let targets = |made: &serde_json::Value| -> Vec<_> {
            made["HostConfig"]["Mounts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|mount| mount["Target"].clone())
                .collect()
        };
        let beside = read(VolumesFrom::All);
        assert_eq!(beside["HostConfig"]["VolumesFrom"], serde_json::json!(["a"]));
        assert_eq!(targets(&beside), ["/ws", "/ws/in"]);
        let instead = read(VolumesFrom::Narrow);
        assert!(instead["HostConfig"]["VolumesFrom"].is_null());
        assert_eq!(targets(&instead), ["/ws", "/ws/in"]);
        // Nobody asked for what stands beside; what stands for it is told.
        assert!(beside["Labels"][LABEL].is_string() && instead["Labels"].is_null());
        // Nothing is lent to those who ask for nothing.
        assert_eq!(lent("{}", VolumesFrom::Narrow), "{}");
    }

    proptest! {
        #[test]
        fn rewriting_changes_nothing_but_the_sources(
            sources in prop::collection::vec("/app/[a-z\"\\\\ é]{0,6}", 0..4),
            pad in "[ \n\t]{0,3}",
        ) {
            let spell = |sources: &[String]| {
                let binds: Vec<_> = sources.iter().map(|s| quote(&format!("{s}:/t:z"))).collect();
                format!(r#"{{{pad}"A":1.50,"HostConfig":{{"Binds":[{}]{pad}}},"Labels":{{"x":1}},"Z":"\u0041"}}"#, binds.join(&format!(",{pad}")))
            };
            let seen = rewritten(&spell(&sources), false);
            let (start, rest) = seen.split_once(r#""Labels":{"x":1"#).unwrap();
            let (_, end) = rest.rsplit_once("},\"Z\"").unwrap();
            let expected = spell(&vec!["/srv/x".to_owned(); sources.len()]);
            prop_assert_eq!(format!("{start}\"Labels\":{{\"x\":1}},\"Z\"{end}"), expected);
        }

        #[test]
        fn what_was_asked_is_read_back(
            asked in prop::collection::vec("/app(/[a-z.]{1,3}){0,3}/?", 0..5),
            kinds in prop::collection::vec(0..5u8, 5),
        ) {
            let mut binds = Vec::new();
            let mut mounts = Vec::new();
            for (n, (source, kind)) in asked.iter().zip(&kinds).enumerate() {
                match kind {
                    0 | 1 => binds.push(format!("{source}:/t{n}")),
                    _ => mounts.push(serde_json::json!({"Type": "bind", "Source": source, "Target": format!("/t{n}")})),
                }
            }
            let body = serde_json::json!({"HostConfig": {"Binds": binds, "Mounts": mounts}}).to_string();
            let gives = [bind("/srv/x", false), part("a"), part(""), with_beneath(&["in", "in/deep"]), bind("/o:x", false)];
            let found = sites(CREATE, body.as_bytes()).unwrap();
            let plans: Vec<_> = (0..found.len()).map(|n| Plan::Given(gives[usize::from(kinds[n]) % 5].clone())).collect();
            let view = view();
            let reader = Reader { view: &view, caller: CALLER };
            let engines = rewrite(CREATE, body.as_bytes(), &plans, &Loan::default(), reader).unwrap();
            let answer = inspected(str::from_utf8(&engines.body).unwrap());
            let read = restored(Endpoint::ContainerInspect, answer.as_bytes(), reader).unwrap();
            let read = read.unwrap_or_else(|| answer.into_bytes());
            let read: serde_json::Value = serde_json::from_slice(&read).unwrap();
            prop_assert_eq!(&read["HostConfig"]["Binds"], &serde_json::json!(binds));
            prop_assert_eq!(&read["HostConfig"]["Mounts"], &serde_json::json!(mounts));
            let mut sources: Vec<_> = read["Mounts"].as_array().unwrap().iter()
                .map(|point| point["Source"].as_str().unwrap().to_owned()).collect();
            sources.sort();
            let mut expected: Vec<_> = asked
                .iter()
                .map(|path| AskedPath::parse(path.as_bytes()).unwrap().clean().to_string())
                .collect();
            expected.sort();
            prop_assert_eq!(sources, expected);
            prop_assert!(read["Config"]["Labels"].as_object().is_none_or(serde_json::Map::is_empty));
        }

        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(prop::sample::select(br#"{}[]":,/aHostConfigBinds\u0"#.to_vec()), 0..64)) {
            let _ = sites(CREATE, &body);
        }
    }
}
