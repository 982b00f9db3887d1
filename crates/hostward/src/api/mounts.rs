//! One mount as an object (`Mount` of the API, 1.25 and later): `Type`, `Source`, `Target` and options.

use super::json::{BodyError, Edits, Member, Value, member, present, quote, string};
use crate::path::{AskedPath, CallerPath, Rest};
use crate::plan::{Given, Wish};
use serde_json::json;

/// A bind mount whose source is a path.
#[derive(Debug)]
pub(super) struct MountObject<'a> {
    pub(super) source: AskedPath,
    pub(super) wish: Wish,
    object: Value<'a>,
    kind: Value<'a>,
    source_value: Value<'a>,
    read_only: Option<Value<'a>>,
    bind_options: Option<Value<'a>>,
}

impl<'a> MountObject<'a> {
    /// Reads a mount that stands at `name` in the body; `None` where its source is no path of the engine's machine.
    ///
    /// # Errors
    /// A name that stands twice, or another shape than the API's.
    pub(super) fn of(name: &str, object: Value<'a>) -> Result<Option<Self>, BodyError> {
        let Some(members) = members(name, object)? else { return Ok(None) };
        let text = |field: &str| text(name, &members, field);
        // Only a bind's source is a path of the engine's machine; one that is not absolute is the engine's to refuse.
        let (Some((kind, kind_value)), Some((source, source_value))) = (text("Type")?, text("Source")?)
        else {
            return Ok(None);
        };
        if kind != "bind" || !source.starts_with('/') {
            return Ok(None);
        }
        let source = path(format!("{name}.Source"), &source)?;
        let read_only = member(&members, "ReadOnly")?;
        let bind_options = member(&members, "BindOptions")?;
        let mut wish = wish(&format!("{name}.BindOptions"), bind_options, read_only.is_some_and(is_true))?;
        wish.plain &= present(&members, "VolumeOptions")?.is_none();
        Ok(Some(Self { source, wish, object, kind: kind_value, source_value, read_only, bind_options }))
    }

    /// Whether it asks to be read-only.
    pub(super) fn is_read_only(&self) -> bool {
        self.read_only.is_some_and(is_true)
    }

    /// Makes it a bind of another source, all else kept to the letter (T12).
    pub(super) fn bind(&self, edits: &mut Edits, source: &str, given: &Given) -> Result<(), BodyError> {
        edits.put(self.source_value.span(), quote(source));
        // In its own directory the engine takes no propagation that is spelled out, not even the default.
        if let Some(options) = self.bind_options.filter(|_| !given.lasting && self.wish.plain) {
            edits.put(options.span(), "null");
        }
        self.force(edits, given.read_only)
    }

    /// Makes it a mount of a volume. What a bind's options said is either the default or of no meaning there
    /// ([`Wish::plain`]), and engines refuse them.
    pub(super) fn volume(
        &self,
        edits: &mut Edits,
        name: &str,
        subpath: &Rest,
        read_only: bool,
    ) -> Result<(), BodyError> {
        edits.put(self.kind.span(), quote("volume"));
        edits.put(self.source_value.span(), quote(name));
        if let Some(options) = self.bind_options {
            edits.put(options.span(), "null");
        }
        self.force(edits, read_only)?;
        edits.add_member(self.object, "VolumeOptions", &volume_options(subpath).to_string())
    }

    fn force(&self, edits: &mut Edits, read_only: bool) -> Result<(), BodyError> {
        match self.read_only {
            Some(value) if read_only => edits.put(value.span(), "true"),
            None if read_only => edits.add_member(self.object, "ReadOnly", "true")?,
            Some(_) | None => {}
        }
        Ok(())
    }
}

/// What `BindOptions` wants: `NonRecursive` (API 1.40), `CreateMountpoint` (API 1.42), `ReadOnlyNonRecursive`
/// (API 1.44). A field that is not known here may say anything.
fn wish(name: &str, options: Option<Value<'_>>, read_only: bool) -> Result<Wish, BodyError> {
    let members = options.map(|options| members(name, options)).transpose()?.flatten().unwrap_or_default();
    let says = |field| Ok::<_, BodyError>(member(&members, field)?.is_some_and(is_true));
    let creates = says("CreateMountpoint")?;
    let plain = members.iter().all(|(field, value)| {
        matches!(value.text(), "null" | "false" | "\"\"" | "\"rprivate\"")
            || (creates && field.eq_ignore_ascii_case("CreateMountpoint"))
    });
    let recursive = !says("NonRecursive")?;
    let read_only = read_only && !says("ReadOnlyNonRecursive")?;
    Ok(Wish { recursive, creates, read_only, plain, covered: Vec::new() })
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
pub(super) fn target(object: Value<'_>) -> Result<Option<CallerPath>, BodyError> {
    let target = string(&object.members()?.unwrap_or_default(), "Target")?;
    Ok(target.and_then(|target| CallerPath::parse(target.as_bytes()).ok()))
}

/// The members of an object that stands at `name`; `None` for `null`.
pub(super) fn members<'a>(name: &str, value: Value<'a>) -> Result<Option<Vec<Member<'a>>>, BodyError> {
    if value.is_null() {
        return Ok(None);
    }
    value.members()?.map(Some).ok_or_else(|| BodyError::Type(name.to_owned(), "an object"))
}

/// The text of a member that stands at `name`, and the value that spells it.
pub(super) fn text<'a>(
    name: &str,
    members: &[Member<'a>],
    field: &str,
) -> Result<Option<(String, Value<'a>)>, BodyError> {
    let Some(value) = present(members, field)? else { return Ok(None) };
    let text = value.string()?.ok_or_else(|| BodyError::Type(format!("{name}.{field}"), "a string"))?;
    Ok(Some((text, value)))
}

/// A path that stands at `place`.
pub(super) fn path(place: String, text: &str) -> Result<AskedPath, BodyError> {
    AskedPath::parse(text.as_bytes()).map_err(|error| BodyError::Path(place, format!("{text:?} {error}")))
}
