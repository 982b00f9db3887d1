//! The engine's answers in the caller's words.
//!
//! What a caller asked for is what it reads back: by its own mount table, and where that cannot tell, by what was
//! written down with the request.

use super::asked::{Asked, DEVICE, Given, LABEL, Original};
use super::binds;
use super::endpoint::Endpoint;
use super::fields::{ANSWER_FIELDS, BLOCK_LIMITS, Thing, log_path};
use super::json::{
    BodyError, Edits, End, Member, Objects, Value, array, member, present, quote, stale_members, string,
};
use super::mounts;
use super::reader::Reader;
use super::wording::Wording;
use crate::path::{CallerPath, EnginePath};
use serde_json::json;
use std::borrow::Cow;

/// The body of a successful answer in the caller's words; `None` where nothing changes. Of [`Endpoint::Events`] it is
/// one event.
///
/// # Errors
/// A body that is not the API's JSON.
pub fn restored(endpoint: Endpoint, body: &[u8], reader: Reader<'_>) -> Result<Option<Vec<u8>>, BodyError> {
    count();
    let mut writer = Writer { reader, is_own: false, objects: Objects::default(), edits: Edits::default() };
    let top = Value::of(body)?;
    // A list's elements are described each as one alone is.
    for top in each(top)? {
        for place in ANSWER_FIELDS.iter().filter(|place| place.endpoint == endpoint) {
            if let Some(value) = writer.objects.descend(top, place.names)? {
                for value in each(value)? {
                    writer.thing(place.thing, value)?;
                }
            }
        }
        writer.objects.clear();
    }
    Ok((!writer.edits.is_empty()).then(|| writer.edits.apply(body)))
}

/// How many answers were read, for tests: each one is once.
#[cfg(debug_assertions)]
pub static READ: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

fn count() {
    #[cfg(debug_assertions)]
    READ.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
}

/// The elements of an array, or the one value.
fn each(value: Value<'_>) -> Result<Vec<Value<'_>>, BodyError> {
    let values = value.elements()?.unwrap_or_else(|| vec![value]);
    Ok(values.into_iter().filter(|value| !value.is_null()).collect())
}

/// Puts the caller's words into an answer.
struct Writer<'a> {
    reader: Reader<'a>,
    /// The container that is described is the reader itself.
    is_own: bool,
    objects: Objects<'a>,
    edits: Edits,
}

impl<'a> Writer<'a> {
    fn thing(&mut self, thing: Thing, value: Value<'a>) -> Result<(), BodyError> {
        match thing {
            Thing::Container => self.container(value),
            Thing::Service => self.service(value).map(drop),
            Thing::Task => self.task(value),
            Thing::Volume => self.volume(value),
            Thing::Event => self.unlabel(value).map(drop),
        }
    }

    /// The members of what is an object; none of anything else.
    fn members(&self, value: Value<'a>) -> Result<std::rc::Rc<[Member<'a>]>, BodyError> {
        Ok(self.objects.members(value)?.unwrap_or_default())
    }

    /// The template of a service's tasks; gives what was written down.
    fn service(&mut self, template: Value<'a>) -> Result<Option<Asked>, BodyError> {
        let Some(spec) = self.objects.descend(template, &["ContainerSpec"])? else { return Ok(None) };
        let asked = self.labels(spec)?;
        self.requested(spec, asked.as_ref())?;
        let options = self.objects.descend(template, &["LogDriver", "Options"])?;
        self.log_options(options, asked.as_ref())?;
        Ok(asked)
    }

    /// A task, and why it does not run.
    fn task(&mut self, task: Value<'a>) -> Result<(), BodyError> {
        let asked = match self.objects.descend(task, &["Spec"])? {
            Some(spec) => self.service(spec)?,
            None => None,
        };
        let status = self.objects.descend(task, &["Status"])?;
        self.failure(status, "Err", asked.as_ref())
    }

    /// The text of an error in a state.
    fn failure(
        &mut self,
        state: Option<Value<'a>>,
        field: &str,
        asked: Option<&Asked>,
    ) -> Result<(), BodyError> {
        let Some(state) = state else { return Ok(()) };
        let Some(value) = present(&self.members(state)?, field)? else { return Ok(()) };
        let Some(text) = value.string()?.filter(|text| !text.is_empty()) else { return Ok(()) };
        let mut wording = Wording::of(self.reader.view);
        for (given, original) in asked.into_iter().flat_map(Asked::paths) {
            if let Some(requested) = Requested::of(original) {
                wording.note(&given, requested.source.as_bytes());
            }
        }
        wording.sort();
        let restored = wording.text(&text);
        if restored != text {
            self.edits.put(value.span(), quote(&restored));
        }
        Ok(())
    }

    fn container(&mut self, container: Value<'a>) -> Result<(), BodyError> {
        let members = self.members(container)?;
        let id = string(&members, "Id")?;
        self.is_own = id.is_some_and(|id| !id.is_empty() && id == self.reader.caller);
        // Inspection has the labels in `Config`, a list in the container itself.
        let labelled = self.objects.descend(container, &["Config"])?.unwrap_or(container);
        let asked = self.labels(labelled)?;
        if let Some(config) = self.objects.descend(container, &["HostConfig"])? {
            self.requested(config, asked.as_ref())?;
            self.devices(config, asked.as_ref())?;
            let options = self.objects.descend(config, &["LogConfig", "Config"])?;
            self.log_options(options, asked.as_ref())?;
        }
        if let Some(points) = array(&members, "Mounts")? {
            self.points(&points, asked.as_ref())?;
        }
        // A list has a word there.
        let state = present(&members, "State")?.filter(Value::is_object);
        self.failure(state, "Error", asked.as_ref())
    }

    /// `Binds` and `Mounts` as they were requested.
    fn requested(&mut self, holder: Value<'a>, asked: Option<&Asked>) -> Result<(), BodyError> {
        let objects = array(&self.members(holder)?, "Mounts")?.unwrap_or_default();
        let (mut gone, mut moved) = (vec![false; objects.len()], Vec::new());
        for (n, &object) in objects.iter().enumerate() {
            let members = self.members(object)?;
            let (given, target) = (Given::of_mount(&members)?, mounts::target(&members)?);
            match told(asked, target.as_ref(), |asked, at| {
                (asked.came_along(at, &given), asked.original(at, &given))
            }) {
                (true, _) => gone[n] = true,
                // It was a text of `Binds`, and goes back there.
                (false, Some(Original { text, index: Some(index) })) if text.starts_with('"') => {
                    gone[n] = true;
                    moved.push((index, text));
                }
                (false, original) => {
                    if let Some(text) = original.and_then(|original| original.of_kind(object)) {
                        self.edits.put(object.span(), text);
                        continue;
                    }
                    if string(&members, "Type")?.as_deref() == Some("bind") {
                        self.source(&members, target.as_ref())?;
                    }
                    self.driver_options(object, target.as_ref(), asked)?;
                }
            }
        }
        let spans: Vec<_> = objects.iter().map(Value::span).collect();
        self.edits.remove_elements(&spans, |n| gone[n]);
        self.binds(holder, asked, moved)
    }

    /// Devices, and the limits on block devices.
    fn devices(&mut self, config: Value<'a>, asked: Option<&Asked>) -> Result<(), BodyError> {
        let limits = BLOCK_LIMITS.iter().map(|list| (*list, "Path"));
        for (list, field) in std::iter::once(("Devices", "PathOnHost")).chain(limits) {
            for (n, object) in
                array(&self.members(config)?, list)?.unwrap_or_default().into_iter().enumerate()
            {
                let Some(value) = present(&self.members(object)?, field)? else { continue };
                let given = Given::of_source(&value.string()?.unwrap_or_default());
                let original = asked.and_then(|asked| asked.original(&format!("{list}[{n}]"), &given));
                match original.and_then(|original| original.of_kind(object)) {
                    Some(text) => self.edits.put(object.span(), text),
                    None => self.restore(value, None)?,
                }
            }
        }
        Ok(())
    }

    /// The options of a log driver.
    fn log_options(&mut self, options: Option<Value<'a>>, asked: Option<&Asked>) -> Result<(), BodyError> {
        let Some(options) = options else { return Ok(()) };
        let mut told = Vec::new();
        options.each_member(|key, value| {
            let text = value.string()?.unwrap_or_default();
            let Some((scheme, path)) = log_path(&key, &text) else { return Ok(()) };
            let original = asked.and_then(|asked| asked.original(&key, &Given::of_source(path)));
            let original = original.and_then(|original| original.of_kind(value)).map(str::to_owned);
            let restored = || Some(quote(&format!("{scheme}{}", self.path(path, None)?)));
            told.extend(original.or_else(restored).map(|text| (value.span(), text)));
            Ok(())
        })?;
        for (span, text) in told {
            self.edits.put(span, text);
        }
        Ok(())
    }

    /// The texts of `Binds`, with those that had become mounts where they stood.
    fn binds(
        &mut self,
        holder: Value<'a>,
        asked: Option<&Asked>,
        mut moved: Vec<(usize, &str)>,
    ) -> Result<(), BodyError> {
        let members = self.members(holder)?;
        let values = array(&members, "Binds")?.unwrap_or_default();
        let mut kept = Vec::with_capacity(values.len());
        for &value in &values {
            match self.bind(value, asked)? {
                Bind::Same => kept.push((value, value.text().to_owned())),
                Bind::Other(text) => kept.push((value, text)),
                Bind::Gone => {}
            }
        }
        if moved.is_empty() && kept.len() == values.len() {
            for (value, text) in kept.into_iter().filter(|(value, text)| value.text() != text) {
                self.edits.put(value.span(), text);
            }
            return Ok(());
        }
        let mut texts: Vec<_> = kept.into_iter().map(|(_, text)| text).collect();
        moved.sort_unstable();
        for (index, text) in moved {
            texts.insert(index.min(texts.len()), text.to_owned());
        }
        let whole = format!("[{}]", texts.join(","));
        match member(&members, "Binds")? {
            Some(array) => self.edits.put(array.span(), whole),
            None => self.edits.add_members(End::of(holder), &[("Binds", &whole)]),
        }
        Ok(())
    }

    /// A text of `Binds`. Podman has all mounts there, whatever they were asked as.
    fn bind(&self, value: Value<'a>, asked: Option<&Asked>) -> Result<Bind, BodyError> {
        let Some(text) = value.string()? else { return Ok(Bind::Same) };
        let Some((shown, rest)) = text.split_once(':') else { return Ok(Bind::Same) };
        let given = Given::of_source(shown);
        let target = binds::target(&text);
        let (along, original) = told(asked, target.as_ref(), |asked, at| {
            (asked.came_along(at, &given), asked.original(at, &given))
        });
        let source = match original {
            _ if along => return Ok(Bind::Gone),
            Some(original) if original.text.starts_with('"') => {
                return Ok(Bind::Other(original.text.to_owned()));
            }
            Some(original) => Requested::of(original.text).map(|requested| requested.source),
            None => None,
        };
        let source = source.or_else(|| self.path(shown, target.as_ref()));
        Ok(source.map_or(Bind::Same, |source| Bind::Other(quote(&format!("{source}:{rest}")))))
    }

    /// `Mounts` as they are in effect.
    fn points(&mut self, points: &[Value<'a>], asked: Option<&Asked>) -> Result<(), BodyError> {
        let mut gone = vec![false; points.len()];
        for (n, &point) in points.iter().enumerate() {
            let members = self.members(point)?;
            let shown = Point::of(&members)?;
            match told(asked, shown.destination.as_ref(), |asked, at| {
                let source = shown.source();
                (
                    asked.came_along_in_effect(at, source),
                    asked.original_in_effect(at, source).and_then(Requested::of),
                )
            }) {
                (true, _) => gone[n] = true,
                (false, Some(requested)) => self.edits.put(point.span(), shown.as_bind(&requested)),
                (false, None) => self.source(&members, shown.destination.as_ref())?,
            }
        }
        let spans: Vec<_> = points.iter().map(Value::span).collect();
        self.edits.remove_elements(&spans, |n| gone[n]);
        Ok(())
    }

    /// The `Source` of a mount at a place, by the table.
    fn source(&mut self, mount: &[Member<'a>], at: Option<&CallerPath>) -> Result<(), BodyError> {
        present(mount, "Source")?.map_or(Ok(()), |source| self.restore(source, at))
    }

    fn volume(&mut self, volume: Value<'a>) -> Result<(), BodyError> {
        let asked = self.labels(volume)?;
        let members = self.members(volume)?;
        if let Some(value) = present(&members, "Mountpoint")? {
            self.restore(value, None)?;
        }
        let Some(options) = present(&members, "Options")? else { return Ok(()) };
        self.device(options, asked.as_ref(), DEVICE)
    }

    /// The options with which a mount makes its volume.
    fn driver_options(
        &mut self,
        mount: Value<'a>,
        target: Option<&CallerPath>,
        asked: Option<&Asked>,
    ) -> Result<(), BodyError> {
        let place = target.map(ToString::to_string).unwrap_or_default();
        match self.objects.descend(mount, &["VolumeOptions", "DriverConfig", "Options"])? {
            Some(options) => self.device(options, asked, &place),
            None => Ok(()),
        }
    }

    /// The device in a volume's options, which stood at `place` in the request.
    fn device(&mut self, options: Value<'a>, asked: Option<&Asked>, place: &str) -> Result<(), BodyError> {
        let mut device = None;
        options.each_member(|key, value| {
            if key == "device" {
                device = Some(value);
            }
            Ok(())
        })?;
        let Some(device) = device else { return Ok(()) };
        let given = Given::of_source(&device.string()?.unwrap_or_default());
        let original = asked.and_then(|asked| asked.original(place, &given));
        match original.and_then(|original| original.of_kind(device)) {
            Some(text) => self.edits.put(device.span(), text),
            None => self.restore(device, None)?,
        }
        Ok(())
    }

    /// A text that is a path of the engine's machine, mounted at a place, by the table.
    fn restore(&mut self, value: Value<'a>, at: Option<&CallerPath>) -> Result<(), BodyError> {
        if let Some(path) = value.string()?.and_then(|text| self.path(&text, at)) {
            self.edits.put(value.span(), quote(&path));
        }
        Ok(())
    }

    /// The caller's path for one of the engine's machine. What is mounted in the caller itself is what it has there: of two
    /// mounts of one directory each is its own (T18).
    fn path(&self, text: &str, at: Option<&CallerPath>) -> Option<String> {
        let (view, path) = (self.reader.view, EnginePath::parse(text.as_bytes()).ok()?);
        let own = at.filter(|at| self.is_own && view.leads_to(at, &path)).cloned();
        let path = own.or_else(|| view.restore(&path))?;
        str::from_utf8(path.as_bytes()).ok().map(str::to_owned)
    }

    /// Takes what was written down out of an object's labels, and gives it if this reader asked for it.
    fn labels(&mut self, labelled: Value<'a>) -> Result<Option<Asked>, BodyError> {
        let Some(labels) = present(&self.members(labelled)?, "Labels")? else { return Ok(None) };
        let Some(text) = self.unlabel(labels)? else { return Ok(None) };
        Ok(Asked::read(&text, self.reader.caller, self.reader.key))
    }

    /// Takes the label out of a map, and gives what it says; of several the last, which is the one that counts.
    fn unlabel(&mut self, map: Value<'a>) -> Result<Option<Cow<'a, str>>, BodyError> {
        let mut said = None;
        map.each_member(|key, value| {
            if key == LABEL {
                said = value.string()?;
            }
            Ok(())
        })?;
        if said.is_some() {
            let (stale, _) = stale_members(map, |key| key == LABEL)?;
            for stale in stale {
                self.edits.put(stale.whole, "");
            }
        }
        Ok(said)
    }
}

/// What a text of `Binds` becomes.
enum Bind {
    Same,
    /// Another, quoted.
    Other(String),
    /// Nobody asked for it.
    Gone,
}

/// What was written down about a place where something is mounted.
fn told<'a, T: Default>(
    asked: Option<&'a Asked>,
    at: Option<&CallerPath>,
    tell: impl FnOnce(&'a Asked, &str) -> T,
) -> T {
    asked.zip(at).map(|(asked, at)| tell(asked, &at.to_string())).unwrap_or_default()
}

/// What an engine shows of a bind that stood in a request.
struct Requested {
    /// The source, cleaned as the engine cleans it.
    source: String,
    /// The options of a text of `Binds`; an object of `Mounts` has none.
    mode: String,
}

impl Requested {
    fn of(original: &str) -> Option<Self> {
        let value = Value::of(original.as_bytes()).ok()?;
        let (source, mode) = match value.string().ok()? {
            Some(text) => {
                let mut parts = text.split(':').map(str::to_owned);
                (parts.next()?, parts.nth(1).unwrap_or_default())
            }
            None => (string(&value.members().ok()??, "Source").ok()??.into_owned(), String::new()),
        };
        let source = CallerPath::parse(source.as_bytes()).ok()?.to_string();
        Some(Self { source, mode })
    }
}

/// A mount in effect (`MountPoint` of the API).
struct Point {
    is_bind: bool,
    name: String,
    path: String,
    destination: Option<CallerPath>,
    writable: bool,
    propagation: String,
}

impl Point {
    fn of(members: &[Member<'_>]) -> Result<Self, BodyError> {
        let text = |name: &str| Ok::<_, BodyError>(string(members, name)?.unwrap_or_default().into_owned());
        let kind = text("Type")?;
        let name = text("Name")?;
        Ok(Self {
            // Before API 1.25 there is no type, and a volume has a name.
            is_bind: kind == "bind" || (kind.is_empty() && name.is_empty()),
            name,
            path: text("Source")?,
            destination: CallerPath::parse(text("Destination")?.as_bytes()).ok(),
            writable: present(members, "RW")?.is_some_and(|value| value.text() == "true"),
            propagation: text("Propagation")?,
        })
    }

    /// What is mounted: a path, or a volume's name.
    fn source(&self) -> &str {
        if self.is_bind { &self.path } else { &self.name }
    }

    /// As the bind that was asked for, whatever the engine was given for it.
    fn as_bind(&self, requested: &Requested) -> String {
        let destination = self.destination.as_ref().map(ToString::to_string).unwrap_or_default();
        let propagation = if self.is_bind { &*self.propagation } else { "rprivate" };
        json!({
            "Type": "bind", "Source": requested.source, "Destination": destination, "Mode": requested.mode,
            "RW": self.writable, "Propagation": propagation,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests;
