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
use crate::path::{CallerPath, EnginePath};
use crate::seal::Key;
use crate::table::View;
use serde_json::json;
use std::borrow::Cow;
use std::cmp::Reverse;

/// Who asks, and reads the answer.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// How it sees files.
    pub view: &'a View,
    /// Its container's id; empty where that is not known.
    pub caller: &'a str,
    /// What Hostward signs with.
    pub key: &'a Key,
}

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
        let mut restore = Restore::of(self.reader.view);
        for (given, original) in asked.into_iter().flat_map(Asked::paths) {
            if let Some(requested) = Requested::of(original) {
                restore.note(&given, requested.source.as_bytes());
            }
        }
        restore.sort();
        let restored = restore.text(&text);
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

/// The texts of errors in the caller's words: by what stood in the request for what the engine was given, and else by
/// the caller's mounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restore(Vec<(EnginePath, String)>);

impl Restore {
    /// By the mounts of a view. Mounts of the engine's root and of its first level are left out: such short paths are
    /// those of targets as well.
    pub fn of(view: &View) -> Self {
        let mut restore = Self::default();
        for (engine, caller) in view.bases() {
            if engine.parent().and_then(|parent| parent.parent()).is_some() {
                restore.note(&engine, caller.as_bytes());
            }
        }
        restore.sort();
        restore
    }

    /// Remembers that the engine was given `engine` for `asked`.
    pub fn note(&mut self, engine: &EnginePath, asked: &[u8]) {
        self.0.push((engine.clone(), String::from_utf8_lossy(asked).into_owned()));
    }

    /// Puts what was noted in order: to be called when all is.
    pub fn sort(&mut self) {
        // What was noted last of a path counts.
        self.0.reverse();
        // The longer path first, or a shorter one would be taken for its beginning.
        self.0.sort_by(|(one, _), (other, _)| {
            let length = |path: &EnginePath| Reverse(path.as_bytes().len());
            length(one).cmp(&length(other)).then_with(|| one.cmp(other))
        });
        self.0.dedup_by(|(one, _), (kept, _)| one == kept);
    }

    /// The body of an error answer with the caller's paths in its `message`, and whatever else it says beside that (Podman has a
    /// `cause`); a body that is no JSON is taken for a text. `None` where nothing changes.
    pub fn message(&self, body: &[u8]) -> Option<Vec<u8>> {
        if let Ok(edits) = Value::of(body).and_then(|value| self.texts(value)) {
            return (!edits.is_empty()).then(|| edits.apply(body));
        }
        let text = str::from_utf8(body).ok()?;
        Some(self.text(text)).filter(|restored| restored != text).map(String::into_bytes)
    }

    /// The texts of an object.
    fn texts(&self, object: Value<'_>) -> Result<Edits, BodyError> {
        let mut edits = Edits::default();
        object.each_member(|_, value| {
            let Some(text) = value.string()? else { return Ok(()) };
            let restored = self.text(&text);
            if restored != *text {
                edits.put(value.span(), quote(&restored));
            }
            Ok(())
        })?;
        Ok(edits)
    }

    /// A text with the caller's paths in the places of the engine's.
    fn text(&self, text: &str) -> String {
        let mut restored = String::with_capacity(text.len());
        let mut rest = text;
        // A path begins where no path goes on, and ends where its last component does.
        let inner = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
        let mut within = false;
        while let Some(c) = rest.chars().next() {
            let hit = self.0.iter().filter(|_| !within && c == '/').find_map(|(engine, asked)| {
                let after = rest.strip_prefix(engine.as_str()?)?;
                // A full stop may end the sentence and not the name.
                let next = after.strip_prefix('.').unwrap_or(after).chars().next();
                let ends = after.starts_with('/') || next.is_none_or(|c| !inner(c));
                ends.then_some((after, asked))
            });
            if let Some((after, asked)) = hit {
                let root = asked == "/" && after.starts_with('/');
                restored.push_str(if root { "" } else { asked });
                rest = after;
                within = true;
            } else {
                restored.push(c);
                rest = &rest[c.len_utf8()..];
                within = inner(c);
            }
        }
        restored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::{AskedPath, Rest};
    use crate::table::{Mount, Root, Source, Table, Volume};

    const KEY: Key = Key::new([1; Key::LEN]);

    /// A label as Hostward writes it.
    fn signed(label: &serde_json::Value) -> String {
        KEY.seal(&label.to_string())
    }

    /// A caller with a bind, a part of a volume and a root filesystem.
    fn view() -> View {
        let mount = |at: &str, source| Mount {
            destination: AskedPath::parse(at.as_bytes()).unwrap().clean(),
            source,
            read_only: false,
        };
        let path = |text: &str| EnginePath::parse(text.as_bytes()).unwrap();
        let volume = Volume {
            name: "v".into(),
            driver: "local".into(),
            subpath: Rest::parse(b"sub").unwrap(),
            path: Some(path("/vols/v/_data")),
        };
        let mut table =
            Table::new([mount("/app", Source::Bind(path("/srv/app"))), mount("/v", Source::Volume(volume))]);
        table.set_root(Root { path: Some(path("/overlay/merged")), ..Root::default() });
        View::container(table, Vec::new())
    }

    /// The answer as the caller `me` reads it; what does not change is given as it is.
    fn read(endpoint: Endpoint, body: &serde_json::Value) -> serde_json::Value {
        let (view, body) = (view(), body.to_string());
        let reader = Reader { view: &view, caller: "me", key: &KEY };
        let read = restored(endpoint, body.as_bytes(), reader).unwrap();
        serde_json::from_slice(read.as_deref().unwrap_or(body.as_bytes())).unwrap()
    }

    #[test]
    fn a_container_that_somebody_else_made_is_read_by_the_table() {
        let container = |binds: &str, mount: &str, points: [&str; 2]| {
            json!({"Config": {"Labels": {"a": "/srv/app"}}, "LogPath": "/srv/app/log", "State": "exited",
                "HostConfig": {"Binds": [binds, "v:/v", "/other:/o"], "Mounts": [
                    {"Type": "bind", "Source": mount, "Target": "/m"},
                    {"Type": "volume", "Source": "/srv/app", "Target": "/x"}]},
                "Mounts": [{"Type": "bind", "Source": points[0], "Destination": "/b"},
                    {"Type": "volume", "Name": "v", "Source": points[1], "Destination": "/v"}]})
        };
        let engines =
            container("/srv/app/f:/b:ro", "/overlay/merged/opt", ["/srv/app/f", "/vols/v/_data/sub"]);
        let callers = container("/app/f:/b:ro", "/opt", ["/app/f", "/v"]);
        assert_eq!(read(Endpoint::ContainerInspect, &engines), callers);
        assert_eq!(read(Endpoint::ContainerList, &json!([engines, engines])), json!([callers, callers]));
        assert_eq!(
            read(Endpoint::SystemDf, &json!({"Containers": [engines], "Volumes": null})),
            json!({"Containers": [callers], "Volumes": null})
        );
    }

    #[test]
    fn t18_of_its_own_mounts_a_caller_reads_where_it_has_each() {
        let path = |text: &str| EnginePath::parse(text.as_bytes()).unwrap();
        let mount = |at: &str, source, read_only| Mount {
            destination: CallerPath::parse(at.as_bytes()).unwrap(),
            source,
            read_only,
        };
        let view = View::container(
            Table::new([
                mount("/a", Source::Bind(path("/srv/app")), false),
                mount("/b", Source::Bind(path("/srv/app")), true),
            ]),
            Vec::new(),
        );
        let own = |id: &str, at: [&str; 2]| {
            json!({"Id": id, "HostConfig": {
                    "Binds": [format!("{}:/a", at[0]), format!("{}:/b:ro", at[1])],
                    "Mounts": [{"Type": "bind", "Source": at[1], "Target": "/b"}]},
                "Mounts": [{"Type": "bind", "Source": at[0], "Destination": "/a"},
                    {"Type": "bind", "Source": at[1], "Destination": "/b"}]})
        };
        let reader = Reader { view: &view, caller: "me", key: &KEY };
        for (id, at) in [("me", ["/a", "/b"]), ("another", ["/a", "/a"])] {
            let engines = own(id, ["/srv/app"; 2]).to_string();
            let read = restored(Endpoint::ContainerInspect, engines.as_bytes(), reader).unwrap().unwrap();
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&read).unwrap(), own(id, at));
        }
    }

    #[test]
    fn what_was_written_down_is_believed_for_the_caller_that_asked() {
        let text = |caller: &str| {
            let mounts = json!({"/b": {"asked": "/app/./link/:/b:ro", "given": "v/part", "index": 0}});
            signed(&json!({"caller": caller, "mounts": mounts, "beneath": {"/b/in": "/srv/app/in"}}))
        };
        let engines = |caller: &str| {
            json!({"Id": "x", "Labels": {"hostward.asked": text(caller), "z": "1"}, "Mounts": [
                {"Type": "volume", "Name": "v", "Source": "/vols/v/_data", "Destination": "/b", "RW": false},
                {"Type": "bind", "Source": "/srv/app/in", "Destination": "/b/in"}]})
        };
        assert_eq!(
            read(Endpoint::ContainerList, &json!([engines("me")])),
            json!([{"Id": "x", "Labels": {"z": "1"}, "Mounts": [{"Type": "bind", "Source": "/app/link",
                "Destination": "/b", "Mode": "ro", "RW": false, "Propagation": "rprivate"}]}])
        );
        assert_eq!(
            read(Endpoint::ContainerList, &json!([engines("you")])),
            json!([{"Id": "x", "Labels": {"z": "1"}, "Mounts": [
                {"Type": "volume", "Name": "v", "Source": "/vols/v/_data", "Destination": "/b", "RW": false},
                {"Type": "bind", "Source": "/app/in", "Destination": "/b/in"}]}])
        );
    }

    #[test]
    fn what_hostward_has_not_signed_is_not_believed() {
        let forged = json!({"caller": "me", "mounts": {"/x": {"asked": 5, "given": "/srv/app"}},
            "beneath": {"/y": "/"}});
        let container = |labels| {
            json!({"Config": {"Labels": labels},
                "HostConfig": {"Binds": ["/srv/app:/x", "/:/y"], "Mounts": null},
                "Mounts": [{"Type": "bind", "Source": "/srv/app", "Destination": "/x"},
                    {"Type": "bind", "Source": "/", "Destination": "/y"}]})
        };
        let callers = json!({"Config": {"Labels": {}},
            "HostConfig": {"Binds": ["/app:/x", "/:/y"], "Mounts": null},
            "Mounts": [{"Type": "bind", "Source": "/app", "Destination": "/x"},
                {"Type": "bind", "Source": "/", "Destination": "/y"}]});
        let another = Key::new([2; Key::LEN]).seal(&forged.to_string());
        for label in [forged.to_string(), another, String::new(), format!("{} {forged}", "0".repeat(64))] {
            let engines = container(json!({"hostward.asked": label}));
            assert_eq!(read(Endpoint::ContainerInspect, &engines), callers);
        }
        // Of what it has signed nothing comes where the API has another type.
        let mounts = json!({"/x": {"asked": 5, "given": "/srv/app"}});
        let engines =
            container(json!({"hostward.asked": signed(&json!({"caller": "me", "mounts": mounts}))}));
        let read = read(Endpoint::ContainerInspect, &engines);
        assert_eq!(read["HostConfig"]["Binds"], json!(["/app:/x", "/:/y"]));
        let volume = json!({"caller": "me", "mounts": {"device": {"asked": 5, "given": "/srv/app"}}});
        let volume = json!({"Volumes": [{"Labels": {"hostward.asked": signed(&volume)},
            "Options": {"device": "/srv/app"}}]});
        let expected = json!({"Volumes": [{"Labels": {}, "Options": {"device": "/app"}}]});
        assert_eq!(self::read(Endpoint::VolumeList, &volume), expected);
    }

    #[test]
    fn what_was_written_down_of_other_mounts_is_not_believed() {
        // As an image hands it on that was made of another container.
        let label = json!({"caller": "me", "mounts": {"/b": {"asked": "/app/link:/b", "given": "/srv/app/old"}},
            "beneath": {"/c": "/old"}});
        let engines = json!({"Config": {"Labels": {"hostward.asked": signed(&label)}},
            "HostConfig": {"Binds": ["/srv/app/new:/b"], "Mounts": [{"Type": "bind", "Source": "/srv/app", "Target": "/c"}]},
            "Mounts": [{"Type": "bind", "Source": "/srv/app/new", "Destination": "/b"},
                {"Type": "bind", "Source": "/srv/app", "Destination": "/c"}]});
        let callers = json!({"Config": {"Labels": {}},
            "HostConfig": {"Binds": ["/app/new:/b"], "Mounts": [{"Type": "bind", "Source": "/app", "Target": "/c"}]},
            "Mounts": [{"Type": "bind", "Source": "/app/new", "Destination": "/b"},
                {"Type": "bind", "Source": "/app", "Destination": "/c"}]});
        assert_eq!(read(Endpoint::ContainerInspect, &engines), callers);
    }

    #[test]
    fn services_tasks_volumes_and_events_are_read_too() {
        let spec = |source: &str| json!({"ContainerSpec": {"Mounts": [{"Type": "bind", "Source": source, "Target": "/t"}]}});
        let service = |source: &str| json!({"Spec": {"TaskTemplate": spec(source)}, "PreviousSpec": {"TaskTemplate": spec(source)}});
        let volume = |mountpoint: &str, device: &str| json!({"Name": "v", "Mountpoint": mountpoint, "Options": {"o": "bind", "device": device}});
        let (mine, theirs) = (volume("/v", "/app/d"), volume("/vols/v/_data/sub", "/srv/app/d"));
        for (endpoint, engines, callers) in [
            (Endpoint::ServiceInspect, service("/srv/app/x"), service("/app/x")),
            (Endpoint::ServiceList, json!([service("/srv/app/x")]), json!([service("/app/x")])),
            (
                Endpoint::TaskInspect,
                json!({"Spec": spec("/srv/app"), "Status": {"State": "rejected", "Err": "no /srv/app/x"}}),
                json!({"Spec": spec("/app"), "Status": {"State": "rejected", "Err": "no /app/x"}}),
            ),
            (Endpoint::TaskList, json!([{"Spec": spec("/srv/app")}]), json!([{"Spec": spec("/app")}])),
            (Endpoint::VolumeInspect, theirs.clone(), mine.clone()),
            (
                Endpoint::VolumeList,
                json!({"Volumes": [theirs], "Warnings": null}),
                json!({"Volumes": [mine], "Warnings": null}),
            ),
            (
                Endpoint::Events,
                json!({"Actor": {"Attributes": {"hostward.asked": "{}", "image": "i"}}}),
                json!({"Actor": {"Attributes": {"image": "i"}}}),
            ),
        ] {
            assert_eq!(read(endpoint, &engines), callers, "{endpoint:?}");
        }
    }

    #[test]
    fn podman_shows_every_mount_as_a_text_of_binds() {
        let label = json!({"caller": "me", "mounts": {
                "/a": {"asked": "/app/./x:/a", "given": "/srv/app/x"},
                "/b": {"asked": {"Type": "bind", "Source": "/app/link", "Target": "/b"}, "given": "/srv/app/to"},
                "/c": {"asked": "/v/f:/c", "given": "/vols/v/_data/sub/f", "index": 1}},
            "beneath": {"/b/in": "nm/", "/b/deep": "/srv/deep"}});
        let engines = json!({"Config": {"Labels": {"hostward.asked": signed(&label)}}, "HostConfig": {"Binds": [
            "/srv/app/x:/a:rw,rbind", "/srv/app/to:/b:rw,rbind", "nm:/b/in:rw", "/srv/deep:/b/deep:ro", "/srv/app:/d:rw"]}});
        let read = read(Endpoint::ContainerInspect, &engines);
        assert_eq!(
            read["HostConfig"]["Binds"],
            json!(["/app/./x:/a", "/app/link:/b:rw,rbind", "/app:/d:rw"])
        );
    }

    #[test]
    fn the_device_of_a_mounts_own_volume_is_read_too() {
        let mount = |device: &str| {
            json!({"Type": "volume", "Source": "x", "Target": "/t",
                "VolumeOptions": {"DriverConfig": {"Options": {"o": "bind", "device": device}}}})
        };
        let container = |device: &str, labels| json!({"Config": {"Labels": labels}, "HostConfig": {"Mounts": [mount(device)]}});
        assert_eq!(
            read(Endpoint::ContainerInspect, &container("/srv/app/d", json!({}))),
            container("/app/d", json!({}))
        );
        let label = json!({"caller": "me", "mounts": {"/t": {"asked": "/app/link", "given": "/srv/app/d"}}});
        assert_eq!(
            read(
                Endpoint::ContainerInspect,
                &container("/srv/app/d", json!({"hostward.asked": signed(&label)}))
            ),
            container("/app/link", json!({}))
        );
    }

    #[test]
    fn an_answer_without_paths_keeps_every_byte() {
        let view = view();
        let reader = Reader { view: &view, caller: "me", key: &KEY };
        for (endpoint, body) in [
            (Endpoint::ContainerInspect, r#"{ "Id" : "x", "Config":{"Labels":null}, "Mounts":[] }"#),
            (Endpoint::ContainerList, "[]"),
            (Endpoint::VolumeList, r#"{"Volumes":null}"#),
            (Endpoint::Events, r#"{"status":"start","Actor":{"Attributes":{}}}"#),
        ] {
            assert_eq!(restored(endpoint, body.as_bytes(), reader).unwrap(), None, "{body}");
        }
        assert!(restored(Endpoint::ContainerList, b"<html>", reader).is_err());
    }

    #[test]
    fn an_error_of_another_request_is_read_by_the_table() {
        let body = r#"{"message":"error while creating mount source path '/srv/app/x': mkdir /overlay/merged/y: no"}"#;
        let read = Restore::of(&view()).message(body.as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(read).unwrap(),
            body.replace("/srv/app/x", "/app/x").replace("/overlay/merged/y", "/y")
        );
    }

    fn restore(pairs: &[(&str, &str)]) -> Restore {
        let mut restore = Restore::default();
        for (engine, asked) in pairs {
            restore.note(&EnginePath::parse(engine.as_bytes()).unwrap(), asked.as_bytes());
        }
        restore.sort();
        restore
    }

    fn message(pairs: &[(&str, &str)], body: &str) -> Option<String> {
        restore(pairs).message(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn the_engines_wording_stays_with_the_path_as_asked() {
        let body = r#"{"message":"invalid mount config for type \"bind\": bind source path does not exist: /srv/x"}"#;
        let expected = r#"{"message":"invalid mount config for type \"bind\": bind source path does not exist: /app//x"}"#;
        assert_eq!(message(&[("/srv/x", "/app//x")], body).as_deref(), Some(expected));
    }

    #[test]
    fn only_whole_paths_are_restored() {
        let pairs = [("/srv/a", "/app/a"), ("/srv/a/b", "/app/b")];
        let text = |text: &str| restore(&pairs).text(text);
        assert_eq!(
            text("/srv/a/b: /srv/a/c, /srv/ab, /x/srv/a, '/srv/a'."),
            "/app/b: /app/a/c, /srv/ab, /x/srv/a, '/app/a'."
        );
        assert_eq!(text("no /srv/a. Or /srv/a.txt"), "no /app/a. Or /srv/a.txt");
        assert_eq!(text("/srv/a:/srv/a"), "/app/a:/app/a");
    }

    #[test]
    fn an_error_says_the_callers_path_wherever_it_says_one() {
        let restored = |body: &str| message(&[("/srv/x", "/app/x")], body);
        for body in ["", "/srv/xy", "[1]", r#"{"message":"other"}"#, r#"{"message":1}"#] {
            assert_eq!(restored(body), None, "{body}");
        }
        // Podman's words, a text of something in between, and a name that stands twice.
        for body in [
            r#"{"cause":"no /srv/x","message":"making /srv/x: no /srv/x","response":500}"#,
            "no such file: /srv/x\n",
            r#"{"message":"/srv/x","Message":"/srv/x"}"#,
        ] {
            assert_eq!(restored(body), Some(body.replace("/srv/x", "/app/x")), "{body}");
        }
    }
}
