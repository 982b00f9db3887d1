//! An object of `Mounts` (`Mount` of the API, 1.25 and later): `Type`, `Source`, `Target` and options.

use super::propagation::in_engine_directory;
use super::volume_device;
use crate::api::asked::{Asked, Noted, Original};
use crate::api::draft::{Draft, managed_options, volume_options};
use crate::api::edits::{Edits, ObjectEnd, quote};
use crate::api::json::{BodyError, Member, Objects, Value, array, member, present, string, text};
use crate::api::site::{Site, path};
use crate::api::telling::{Telling, told};
use crate::containment::{Contained, Containment};
use crate::path::{CallerPath, Rest};
use crate::plan::{Give, Given, Wish};
use crate::refusal::Refusal;
use std::collections::BTreeMap;
use std::ops::Range;

/// A bind mount whose source is a path, and where its parts stand in the body.
#[derive(Debug)]
pub(in crate::api) struct MountObject {
    /// Where it is mounted, if that is a place.
    target: Option<CallerPath>,
    /// All of it.
    span: Range<usize>,
    end: ObjectEnd,
    kind: Range<usize>,
    source: Range<usize>,
    read_only: Option<(Range<usize>, bool)>,
    bind_options: Option<Range<usize>>,
    /// `BindOptions.Propagation`.
    propagation: Option<(Range<usize>, String)>,
}

impl MountObject {
    /// Reads a mount that stands at `name` in the body, and the path that it has; `None` where its source is no path of the
    /// engine's machine.
    ///
    /// # Errors
    /// A name that stands twice, or another shape than the API's.
    pub(in crate::api) fn find<'a>(
        name: &str,
        object: Value<'a>,
        members: &[Member<'a>],
        target: Option<CallerPath>,
        objects: &Objects<'a>,
    ) -> Result<Option<(Site, Self)>, BodyError> {
        let text = |field: &str| text(name, members, field);
        // Only a bind's source is a path of the host. One that is not absolute is the engine's to refuse, save
        // behind a backslash: engines on Linux take that for a slash where they look whether the path is absolute, and then
        // take the path from their own directory.
        let (Some((kind, kind_value)), Some((source, source_value))) = (text("Type")?, text("Source")?)
        else {
            return Ok(None);
        };
        if kind == "bind" && source.starts_with('\\') {
            let why = format!(
                "{source:?} begins with a backslash, so an engine on Linux would resolve it against its own \
                 directory; begin it with a slash"
            );
            return Err(BodyError::Path(format!("{name}.Source"), why));
        }
        if kind != "bind" || !source.starts_with('/') {
            return Ok(None);
        }
        let asked = path(format!("{name}.Source"), &source)?;
        let read_only = member(members, "ReadOnly")?.map(|value| (value.span(), is_true(value)));
        let asks_read_only = read_only.as_ref().is_some_and(|(_, read_only)| *read_only);
        let options = member(members, "BindOptions")?;
        let mut wish = wish(&format!("{name}.BindOptions"), options, asks_read_only, objects)?;
        wish.plain &= present(members, "VolumeOptions")?.is_none();
        let mount = Self {
            target,
            span: object.span(),
            end: ObjectEnd::of(object),
            kind: kind_value.span(),
            source: source_value.span(),
            read_only,
            bind_options: options.map(|options| options.span()),
            propagation: propagation(&format!("{name}.BindOptions"), options, objects)?,
        };
        Ok(Some((Site { asked, wish }, mount)))
    }

    /// Where it is mounted.
    pub(in crate::api) fn target(&self) -> Option<&CallerPath> {
        self.target.as_ref()
    }

    /// Gives it another source, and the mounts that come along.
    ///
    /// # Errors
    /// What cannot be spelled in an object.
    pub(in crate::api) fn give(
        &self,
        site: &Site,
        given: &Given,
        holder: usize,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let mut spread = false;
        match &given.source {
            Give::Bind(source) => {
                let text = draft.spelled_in_object(&site.asked, source)?;
                let in_engine_directory = draft.is_in_engine_directory(source);
                self.bind(&mut draft.edits, text, given);
                spread = in_engine_directory && self.spread(&mut draft.edits);
            }
            Give::Volume { name, subpath } => {
                self.volume(&mut draft.edits, name, &volume_options(subpath), given.read_only);
            }
            Give::Contained(Contained { by: Containment::Pin(pin), .. }) => {
                let text = draft.spelled_in_object(&site.asked, pin)?;
                self.bind(&mut draft.edits, text, given);
                if let Some(options) = self.bind_options.clone().filter(|_| site.wish.plain) {
                    // The engine makes no pin that has gone.
                    draft.edits.put(options, "null");
                }
            }
            Give::Contained(Contained { by: Containment::Volume { name, root, subpath }, .. }) => {
                let options = managed_options(&site.asked, root, subpath)?;
                self.volume(&mut draft.edits, name, &options, given.read_only);
            }
        }
        let along = draft.add_beneath(site, given, holder, self.target())?;
        let key = self.target().map(ToString::to_string).unwrap_or_default();
        let forced = given.read_only && !self.is_read_only();
        let original = draft.original(&self.span);
        draft.remember(site, given, along || forced || spread, key, original);
        Ok(())
    }

    /// Whether it asks to be read-only.
    fn is_read_only(&self) -> bool {
        self.read_only.as_ref().is_some_and(|(_, read_only)| *read_only)
    }

    /// Makes it a bind of another source, all else kept to the letter (T12).
    fn bind(&self, edits: &mut Edits, source: &str, given: &Given) {
        edits.put(self.source.clone(), quote(source));
        let forced = self.force(edits, given.read_only);
        edits.add_members(self.end, &Vec::from_iter(forced));
    }

    /// Gives it the propagation that the engine takes in its own directory; says whether that is another one.
    fn spread(&self, edits: &mut Edits) -> bool {
        let Some((span, asked)) = &self.propagation else { return false };
        let given = in_engine_directory(asked);
        if given != asked {
            edits.put(span.clone(), quote(given));
        }
        given != asked
    }

    /// Makes it a mount of a volume. What a bind's options said is either the default or of no meaning there
    /// ([`Wish::plain`]), and engines refuse them.
    fn volume(&self, edits: &mut Edits, name: &str, options: &serde_json::Value, read_only: bool) {
        edits.put(self.kind.clone(), quote("volume"));
        edits.put(self.source.clone(), quote(name));
        if let Some(options) = self.bind_options.clone() {
            edits.put(options, "null");
        }
        let options = options.to_string();
        let forced = self.force(edits, read_only);
        let added: Vec<_> = forced.into_iter().chain([("VolumeOptions", &*options)]).collect();
        edits.add_members(self.end, &added);
    }

    /// Makes it read-only where that is forced (T8); gives the member that it takes, if it does not have it.
    fn force(&self, edits: &mut Edits, read_only: bool) -> Option<(&'static str, &'static str)> {
        match &self.read_only {
            Some((span, _)) if read_only => edits.put(span.clone(), "true"),
            None if read_only => return Some(("ReadOnly", "true")),
            Some(_) | None => {}
        }
        None
    }
}

/// What `BindOptions` wants: `NonRecursive` (API 1.40), `CreateMountpoint` (API 1.42), `ReadOnlyNonRecursive`
/// (API 1.44). A field that is not known here may say anything.
fn wish<'a>(
    name: &str,
    options: Option<Value<'a>>,
    read_only: bool,
    objects: &Objects<'a>,
) -> Result<Wish, BodyError> {
    let members = options.map(|options| objects.fields(name, options)).transpose()?.flatten();
    let members = members.as_deref().unwrap_or_default();
    let says = |field| Ok::<_, BodyError>(member(members, field)?.is_some_and(is_true));
    let creates = says("CreateMountpoint")?;
    let plain = members.iter().all(|(field, value)| {
        matches!(value.text(), "null" | "false" | "\"\"" | "\"rprivate\"")
            || (creates && field.eq_ignore_ascii_case("CreateMountpoint"))
    });
    let recursive = !says("NonRecursive")?;
    let writable_beneath = says("ReadOnlyNonRecursive")?;
    let read_only = read_only && !writable_beneath;
    Ok(Wish { recursive, creates, read_only, writable_beneath, plain, ..Wish::bind() })
}

/// The propagation that `BindOptions` say.
fn propagation<'a>(
    name: &str,
    options: Option<Value<'a>>,
    objects: &Objects<'a>,
) -> Result<Option<(Range<usize>, String)>, BodyError> {
    let members = options.map(|options| objects.fields(name, options)).transpose()?.flatten();
    let said = text(name, members.as_deref().unwrap_or_default(), "Propagation")?;
    Ok(said.map(|(text, value)| (value.span(), text.into_owned())))
}

fn is_true(value: Value<'_>) -> bool {
    value.text() == "true"
}

/// Where a mount of any kind is mounted.
pub(in crate::api) fn target(members: &[Member<'_>]) -> Result<Option<CallerPath>, BodyError> {
    let target = string(members, "Target")?;
    Ok(target.and_then(|target| CallerPath::parse(target.as_bytes()).ok()))
}

/// The subpaths of volumes that the objects of an answer's `Mounts` say, by where they are mounted.
pub(in crate::api) fn parts<'a>(
    holder: Value<'a>,
    telling: &Telling<'a>,
) -> Result<BTreeMap<CallerPath, Rest>, BodyError> {
    let mut parts = BTreeMap::new();
    for object in array(&telling.members(holder)?, "Mounts")?.unwrap_or_default() {
        let Some(options) = telling.objects.descend(object, &["VolumeOptions"])? else { continue };
        let subpath = string(&telling.members(options)?, "Subpath")?;
        let subpath = subpath.and_then(|subpath| Rest::parse(subpath.as_bytes()));
        if let (Some(target), Some(subpath)) = (target(&telling.members(object)?)?, subpath) {
            parts.insert(target, subpath);
        }
    }
    Ok(parts)
}

/// The objects of `Mounts` as they were requested; gives those that were texts of `Binds`, and where they stood there.
pub(in crate::api) fn tell<'a, 'w>(
    holder: Value<'a>,
    asked: Option<&'w Asked>,
    telling: &mut Telling<'a>,
) -> Result<Vec<(usize, &'w str)>, BodyError> {
    let objects = array(&telling.members(holder)?, "Mounts")?.unwrap_or_default();
    let (mut gone, mut moved) = (vec![false; objects.len()], Vec::new());
    for (n, &object) in objects.iter().enumerate() {
        let members = telling.members(object)?;
        let (given, target) = (Noted::of_mount(&members)?, target(&members)?);
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
                if telling.put_back(object, original) {
                    continue;
                }
                if string(&members, "Type")?.as_deref() == Some("bind") {
                    telling.source(&members, target.as_ref())?;
                }
                volume_device::tell_of_mount(object, target.as_ref(), asked, telling)?;
            }
        }
    }
    let spans: Vec<_> = objects.iter().map(Value::span).collect();
    telling.edits.remove_elements(&spans, |n| gone[n]);
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(json: &str) -> Result<Option<Vec<u8>>, String> {
        let body = format!(r#"{{"Target":"/t",{json}}}"#);
        let (value, objects) = (Value::of(body.as_bytes()).unwrap(), Objects::default());
        let mount = MountObject::find("Mounts[0]", value, &value.members().unwrap().unwrap(), None, &objects);
        mount.map(|found| found.map(|(site, _)| site.asked.as_bytes().to_owned())).map_err(|e| e.to_string())
    }

    #[test]
    fn a_backslash_does_not_hide_a_path_of_the_engines_own_directory() {
        for asked in [r"\\etc", r"\\x/../../etc", r"\\", r"\\\\server\\share", r"\u005cetc"] {
            let error = source(&format!(r#""Type":"bind","Source":"{asked}""#)).unwrap_err();
            assert!(
                error.starts_with("Mounts[0].Source in the request's body: ") && error.contains("slash"),
                "{error}"
            );
        }
        // T13: what an engine on Linux refuses for not being absolute may be Windows' own, and so are volumes and pipes.
        for passed in [
            r#""Type":"bind","Source":"C:\\x\\..\\..\\etc""#,
            r#""Type":"bind","Source":"c:/x""#,
            r#""Type":"bind","Source":"./x""#,
            r#""Type":"bind","Source":"etc""#,
            r#""Type":"bind","Source":"""#,
            r#""Type":"volume","Source":"\\x""#,
            r#""Type":"npipe","Source":"\\\\.\\pipe\\x""#,
        ] {
            assert_eq!(source(passed), Ok(None), "{passed}");
        }
        assert_eq!(source(r#""Type":"bind","Source":"/a\\b""#), Ok(Some(br"/a\b".to_vec())));
    }
}
