//! The fields of a JSON body, read as Go reads them, and by the table of fields.

use super::collected::{Claims, FieldPlace};
use super::error::ClaimError;
use super::{image, special};
use crate::api::json::{BodyError, Member, Value};
use crate::api::shapes::kind::{BodyField, FieldKind, Json, ObjectShape};
use crate::policy::claim::{About, Said};
use std::collections::BTreeSet;

/// How deep a value may be in which nothing is read.
const MOST_DEPTH: usize = 32;

/// Reads a body of this kind.
///
/// # Errors
/// A body that engines read differently, or that has more than the table knows.
pub(super) fn read(kind: &FieldKind, body: &[u8], claims: &mut Claims) -> Result<(), ClaimError> {
    // What an engine makes of that is its own to say; it is the same to all.
    if body.trim_ascii().is_empty() {
        return Ok(());
    }
    let top = Value::of(body)?;
    field(&FieldPlace::Body, kind, top, None, claims)
}

/// What a field says, whose value is this. `key` is the name of what it is said for.
pub(super) fn field(
    place: &FieldPlace<'_>,
    kind: &FieldKind,
    value: Value<'_>,
    key: Option<&str>,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    if value.is_null() {
        return Ok(());
    }
    match *kind {
        FieldKind::Free(json) | FieldKind::Path(json) => check(place, json, value),
        FieldKind::Claim(about, json) => claim(place, about, json, value, key, claims),
        FieldKind::Object(shape) => object(place, shape, value, key, claims),
        FieldKind::Objects(shape) => {
            for (n, element) in elements(place, value)?.into_iter().enumerate() {
                object(&FieldPlace::Element(place, n), shape, element, key, claims)?;
            }
            Ok(())
        }
        FieldKind::Named(about, shape) => {
            for (name, value) in entries(place, value)? {
                let place = FieldPlace::Entry(place, &name);
                claims.add(about, &place, None, Said::Text(name.to_string()))?;
                object(&place, shape, value, Some(&name), claims)?;
            }
            Ok(())
        }
        FieldKind::Special(which) => special::read(place, which, value, key, claims),
        FieldKind::Refused(reason) => refuse(place, reason, value),
    }
}

/// The fields of an object.
pub(super) fn object(
    place: &FieldPlace<'_>,
    shape: &ObjectShape,
    value: Value<'_>,
    key: Option<&str>,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    if value.is_null() {
        return Ok(());
    }
    let members = value.members()?.ok_or_else(|| wrong(place, "an object"))?;
    let mut seen = 0_u128;
    for (name, value) in &members {
        let Some((index, of, refused)) = shape.find(name) else {
            let name = name.chars().take(100).collect::<String>();
            let at = match place {
                FieldPlace::Body => name,
                place => format!("{place}.{name}"),
            };
            return Err(ClaimError::UnknownField(at));
        };
        let place = FieldPlace::Field(place, of.name);
        let bit = 1 << index;
        if seen & bit != 0 {
            return Err(BodyError::Duplicate(place.to_string()).into());
        }
        seen |= bit;
        match refused {
            Some(reason) => refuse(&place, reason, *value)?,
            None => field(&place, &of.kind, *value, key, claims)?,
        }
    }
    Ok(())
}

impl ObjectShape {
    /// The field that a name is for, in any letter case: where it stands in the shape, and why it may say nothing.
    fn find(&self, name: &str) -> Option<(usize, &'static BodyField, Option<&'static str>)> {
        let plain = name.is_ascii();
        let mut index = 0;
        for list in self.lists {
            for field in list.fields {
                let may = !plain || field.name.len() == name.len();
                if may && crate::api::json::is_named(name, field.name) {
                    return Some((index, field, list.refused));
                }
                index += 1;
            }
        }
        None
    }
}

/// A field that may say nothing.
fn refuse(place: &FieldPlace<'_>, reason: &'static str, value: Value<'_>) -> Result<(), ClaimError> {
    let says_nothing = match value.text().as_bytes() {
        b"null" | b"false" | b"0" | br#""""# => true,
        [b'[' | b'{', inner @ .., _] => inner.trim_ascii().is_empty(),
        _ => false,
    };
    if says_nothing { Ok(()) } else { Err(ClaimError::Refused { place: place.to_string(), reason }) }
}

/// A claim of a value that is not null.
fn claim(
    place: &FieldPlace<'_>,
    about: About,
    json: Json,
    value: Value<'_>,
    key: Option<&str>,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    match json {
        Json::Text => {
            let text = text(place, value)?;
            if text.is_empty() {
                return Ok(());
            }
            let text = if about == About::Registry { image::login_registry(&text) } else { text };
            claims.add(about, place, key, Said::Text(text))
        }
        Json::Flag => {
            if flag(place, value)? {
                claims.add(about, place, key, Said::Flag(true))
            } else {
                Ok(())
            }
        }
        Json::Number | Json::Pointer => match number(place, value)? {
            0 if json == Json::Number => Ok(()),
            number => claims.add(about, place, key, Said::Number(number)),
        },
        Json::Texts => texts(place, value, |place, text| claims.add(about, &place, key, Said::Text(text))),
        Json::TextLists => {
            for (n, element) in elements(place, value)?.into_iter().enumerate() {
                let words: Vec<_> = each_text(&FieldPlace::Element(place, n), element)?;
                claims.add(about, &FieldPlace::Element(place, n), key, Said::Text(words.join("=")))?;
            }
            Ok(())
        }
        Json::Map => {
            for (name, value) in entries(place, value)? {
                let place = FieldPlace::Entry(place, &name);
                let said = if value.is_null() { String::new() } else { text(&place, value)? };
                claims.add(about, &place, Some(&name), Said::Text(said))?;
            }
            Ok(())
        }
        Json::Keys => {
            for (name, value) in entries(place, value)? {
                shallow(place, value)?;
                claims.add(about, &FieldPlace::Entry(place, &name), None, Said::Text(name.to_string()))?;
            }
            Ok(())
        }
        Json::List | Json::Words | Json::Numbers | Json::Real | Json::Any => {
            check(place, json, value)?;
            claims.add(about, place, key, Said::Present)
        }
    }
}

/// That a value is what the API wants there.
fn check(place: &FieldPlace<'_>, json: Json, value: Value<'_>) -> Result<(), ClaimError> {
    let all = |value: Value<'_>, is: fn(&str) -> bool, what: &'static str| {
        let elements = value.elements()?.ok_or_else(|| wrong(place, what))?;
        if elements.iter().all(|it| it.is_null() || is(it.text())) { Ok(()) } else { Err(wrong(place, what)) }
    };
    let is_string = |text: &str| text.starts_with('"');
    match json {
        Json::Text | Json::Words if value.is_string() => Ok(()),
        Json::Text => Err(wrong(place, "a string")),
        Json::Texts | Json::List | Json::Words => all(value, is_string, "an array of strings"),
        Json::TextLists => {
            for element in elements(place, value)? {
                if !element.is_null() {
                    all(element, is_string, "an array of arrays of strings")?;
                }
            }
            Ok(())
        }
        Json::Map => {
            let entries = entries(place, value)?;
            let holds = entries.iter().all(|(_, value)| value.is_null() || value.is_string());
            if holds { Ok(()) } else { Err(wrong(place, "an object of strings")) }
        }
        Json::Keys => entries(place, value)?.into_iter().try_for_each(|(_, value)| shallow(place, value)),
        Json::Flag => flag(place, value).map(drop),
        Json::Number | Json::Pointer => number(place, value).map(drop),
        Json::Numbers => all(value, |text| text.parse::<i64>().is_ok(), "an array of whole numbers"),
        Json::Real => match value.text().parse::<f64>() {
            Ok(real) if real.is_finite() => Ok(()),
            _ => Err(wrong(place, "a number")),
        },
        Json::Any => shallow(place, value),
    }
}

/// That a value in which nothing is read is no deeper than engines read.
fn shallow(place: &FieldPlace<'_>, value: Value<'_>) -> Result<(), ClaimError> {
    let (mut depth, mut most, mut within, mut escaped) = (0_usize, 0, false, false);
    for byte in value.text().bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if within => escaped = true,
            b'"' => within = !within,
            b'[' | b'{' if !within => {
                depth += 1;
                most = most.max(depth);
            }
            b']' | b'}' if !within => depth -= 1,
            _ => {}
        }
    }
    if most > MOST_DEPTH { Err(wrong(place, "a value of at most 32 levels")) } else { Ok(()) }
}

/// A text; `null` is an empty one.
pub(super) fn text(place: &FieldPlace<'_>, value: Value<'_>) -> Result<String, ClaimError> {
    if value.is_null() {
        return Ok(String::new());
    }
    Ok(value.string()?.ok_or_else(|| wrong(place, "a string"))?.into_owned())
}

/// The texts of an array.
pub(super) fn texts(
    place: &FieldPlace<'_>,
    value: Value<'_>,
    mut each: impl FnMut(FieldPlace<'_>, String) -> Result<(), ClaimError>,
) -> Result<(), ClaimError> {
    for (n, element) in elements(place, value)?.into_iter().enumerate() {
        let place = FieldPlace::Element(place, n);
        let text = text(&place, element)?;
        each(place, text)?;
    }
    Ok(())
}

fn each_text(place: &FieldPlace<'_>, value: Value<'_>) -> Result<Vec<String>, ClaimError> {
    let mut all = Vec::new();
    texts(place, value, |_, text| {
        all.push(text);
        Ok(())
    })?;
    Ok(all)
}

fn flag(place: &FieldPlace<'_>, value: Value<'_>) -> Result<bool, ClaimError> {
    match value.text() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(wrong(place, "true or false")),
    }
}

/// A whole number: Go takes none with a fraction or an exponent for one.
pub(super) fn number(place: &FieldPlace<'_>, value: Value<'_>) -> Result<i64, ClaimError> {
    value.text().parse().map_err(|_| wrong(place, "a whole number of at most 64 bits"))
}

/// The elements of an array; `null` has none.
pub(super) fn elements<'a>(place: &FieldPlace<'_>, value: Value<'a>) -> Result<Vec<Value<'a>>, ClaimError> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    value.elements()?.ok_or_else(|| wrong(place, "an array"))
}

/// The entries of a map, whose keys match to the letter; `null` has none.
pub(super) fn entries<'a>(place: &FieldPlace<'_>, value: Value<'a>) -> Result<Vec<Member<'a>>, ClaimError> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    let entries = value.members()?.ok_or_else(|| wrong(place, "an object"))?;
    let mut seen = BTreeSet::new();
    for (name, _) in &entries {
        if !seen.insert(&**name) {
            return Err(BodyError::Duplicate(FieldPlace::Entry(place, name).to_string()).into());
        }
    }
    Ok(entries)
}

/// A value of another type than the API's.
pub(super) fn wrong(place: &FieldPlace<'_>, wanted: &'static str) -> ClaimError {
    let place = match place {
        FieldPlace::Body => "the whole".to_owned(),
        place => place.to_string(),
    };
    BodyError::Type(place, wanted).into()
}
