//! One mount as an object (`Mount` of the API, 1.25 and later): `Type`, `Source`, `Target` and options.

use super::json::{BodyError, Edits, End, Member, Objects, Value, member, present, quote, string};
use crate::path::{AskedPath, CallerPath, PathError, Rest};
use crate::plan::{Covered, Given, Wish};
use serde_json::json;
use std::borrow::Cow;
use std::ops::Range;

/// A bind mount whose source is a path, and where its parts stand in the body.
#[derive(Debug)]
pub(super) struct MountObject {
    pub(super) source: AskedPath,
    pub(super) wish: Wish,
    /// All of it.
    pub(super) span: Range<usize>,
    end: End,
    kind: Range<usize>,
    source_span: Range<usize>,
    read_only: Option<(Range<usize>, bool)>,
    bind_options: Option<Range<usize>>,
}

impl MountObject {
    /// Reads a mount that stands at `name` in the body; `None` where its source is no path of the engine's machine.
    ///
    /// # Errors
    /// A name that stands twice, or another shape than the API's.
    pub(super) fn of<'a>(
        name: &str,
        object: Value<'a>,
        members: &[Member<'a>],
        objects: &Objects<'a>,
    ) -> Result<Option<Self>, BodyError> {
        let text = |field: &str| text(name, members, field);
        // Only a bind's source is a path of the engine's machine. One that is not absolute is the engine's to refuse, save
        // behind a backslash: engines on Linux take that for a slash where they look whether the path is absolute, and then
        // take the path from their own directory.
        let (Some((kind, kind_value)), Some((source, source_value))) = (text("Type")?, text("Source")?)
        else {
            return Ok(None);
        };
        if kind == "bind" && source.starts_with('\\') {
            let why = format!(
                "{source:?} begins with a backslash, and an engine on Linux takes it from its own directory; begin it with a slash"
            );
            return Err(BodyError::Path(format!("{name}.Source"), why));
        }
        if kind != "bind" || !source.starts_with('/') {
            return Ok(None);
        }
        let source = path(format!("{name}.Source"), &source)?;
        let read_only = member(members, "ReadOnly")?.map(|value| (value.span(), is_true(value)));
        let asks_read_only = read_only.as_ref().is_some_and(|(_, read_only)| *read_only);
        let options = member(members, "BindOptions")?;
        let mut wish = wish(&format!("{name}.BindOptions"), options, asks_read_only, objects)?;
        wish.plain &= present(members, "VolumeOptions")?.is_none();
        Ok(Some(Self {
            source,
            wish,
            span: object.span(),
            end: End::of(object),
            kind: kind_value.span(),
            source_span: source_value.span(),
            read_only,
            bind_options: options.map(|options| options.span()),
        }))
    }

    /// Whether it asks to be read-only.
    pub(super) fn is_read_only(&self) -> bool {
        self.read_only.as_ref().is_some_and(|(_, read_only)| *read_only)
    }

    /// Makes it a bind of another source, all else kept to the letter (T12).
    pub(super) fn bind(&self, edits: &mut Edits, source: &str, given: &Given) {
        edits.put(self.source_span.clone(), quote(source));
        // In its own directory the engine takes no propagation that is spelled out, not even the default.
        if let Some(options) = self.bind_options.clone().filter(|_| !given.lasting && self.wish.plain) {
            edits.put(options, "null");
        }
        let forced = self.force(edits, given.read_only);
        edits.add_members(self.end, &Vec::from_iter(forced));
    }

    /// Makes it a mount of a volume. What a bind's options said is either the default or of no meaning there
    /// ([`Wish::plain`]), and engines refuse them.
    pub(super) fn volume(&self, edits: &mut Edits, name: &str, subpath: &Rest, read_only: bool) {
        edits.put(self.kind.clone(), quote("volume"));
        edits.put(self.source_span.clone(), quote(name));
        if let Some(options) = self.bind_options.clone() {
            edits.put(options, "null");
        }
        let options = volume_options(subpath).to_string();
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
    Ok(Wish { recursive, creates, read_only, writable_beneath, plain, covered: Covered::nothing() })
}

fn is_true(value: Value<'_>) -> bool {
    value.text() == "true"
}

/// A mount of a volume or of what it has at a subpath, from which the image copies nothing in.
fn volume_options(subpath: &Rest) -> serde_json::Value {
    match subpath.as_str().filter(|subpath| !subpath.is_empty()) {
        Some(subpath) => json!({ "NoCopy": true, "Subpath": subpath }),
        None => json!({ "NoCopy": true }),
    }
}

/// A mount of a volume, as an object.
pub(super) fn volume_object(name: &str, subpath: &Rest, target: &str, read_only: bool) -> String {
    let options = volume_options(subpath);
    json!({ "Type": "volume", "Source": name, "Target": target, "ReadOnly": read_only, "VolumeOptions": options })
        .to_string()
}

/// A bind, as an object. The source exists, or the engine says that it does not.
pub(super) fn bind_object(source: &str, target: &str, read_only: bool) -> String {
    json!({ "Type": "bind", "Source": source, "Target": target, "ReadOnly": read_only }).to_string()
}

/// Where a mount of any kind is mounted.
pub(super) fn target(members: &[Member<'_>]) -> Result<Option<CallerPath>, BodyError> {
    let target = string(members, "Target")?;
    Ok(target.and_then(|target| CallerPath::parse(target.as_bytes()).ok()))
}

/// The text of a member that stands at `name`, and the value that spells it.
pub(super) fn text<'a>(
    name: &str,
    members: &[Member<'a>],
    field: &str,
) -> Result<Option<(Cow<'a, str>, Value<'a>)>, BodyError> {
    let Some(value) = present(members, field)? else { return Ok(None) };
    let text = value.string()?.ok_or_else(|| BodyError::Type(format!("{name}.{field}"), "a string"))?;
    Ok(Some((text, value)))
}

/// A path that stands at `place`.
pub(super) fn path(place: String, text: &str) -> Result<AskedPath, BodyError> {
    AskedPath::parse(text.as_bytes()).map_err(|error| match error {
        // Megabytes of it would tell nobody anything.
        PathError::TooLong => BodyError::Path(place, format!("a path {error}")),
        PathError::Empty | PathError::Relative | PathError::Nul => {
            BodyError::Path(place, format!("{text:?} {error}"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(json: &str) -> Result<Option<Vec<u8>>, String> {
        let body = format!(r#"{{"Target":"/t",{json}}}"#);
        let (value, objects) = (Value::of(body.as_bytes()).unwrap(), Objects::default());
        let mount = MountObject::of("Mounts[0]", value, &value.members().unwrap().unwrap(), &objects);
        mount.map(|mount| mount.map(|mount| mount.source.as_bytes().to_owned())).map_err(|e| e.to_string())
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
