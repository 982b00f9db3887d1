//! The fields of a JSON body, read as Go reads them, and by the table of fields.

use super::collected::{Claims, FieldPlace};
use super::error::ClaimError;
use super::values::{check, each_text, elements, entries, flag, number, shallow, text, texts, wrong};
use super::{image, special};
use crate::api::json::{BodyError, MOST_MEMBERS, Value, is_named};
use crate::api::operations::QueryKey;
use crate::api::shapes::host::{DEVICE_REQUEST, MOUNT, PORT_BINDING, SERVICE_PORT, ULIMIT};
use crate::api::shapes::kind::{BodyField, FieldKind, Json, ObjectShape, Special};
use crate::policy::claim::{About, Said};
use std::ops::Range;

/// Reads a body of this kind.
///
/// Clients of Node send all that they were told both ways, so that a body has the keys of the query as well. No engine reads
/// them there.
///
/// # Errors
/// A body that engines read differently, or that has more than the table knows.
pub(super) fn read(
    kind: &FieldKind,
    query: &[QueryKey],
    body: &[u8],
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    // What an engine makes of that is its own to say; it is the same to all.
    if body.trim_ascii().is_empty() {
        return Ok(());
    }
    let top = Value::of(body)?;
    match kind {
        FieldKind::Object(shape) => object(&FieldPlace::Body, shape, query, top, None, claims),
        kind => field(&FieldPlace::Body, kind, top, None, claims),
    }
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
        FieldKind::Object(shape) => object(place, shape, &[], value, key, claims),
        FieldKind::Objects(shape) => {
            for (n, element) in elements(place, value)?.into_iter().enumerate() {
                object(&FieldPlace::Element(place, n), shape, &[], element, key, claims)?;
            }
            Ok(())
        }
        FieldKind::Named(about, shape) => {
            for (name, value) in entries(place, value)? {
                let place = FieldPlace::Entry(place, &name);
                claims.add(about, &place, None, Said::Text(name.to_string()))?;
                object(&place, shape, &[], value, Some(&name), claims)?;
            }
            Ok(())
        }
        FieldKind::Special(which) => by_rule(place, which, value, key, claims),
        FieldKind::Refused(reason) => refuse(place, reason, value),
    }
}

/// A field with a rule of its own. Objects in it have fields as all others.
fn by_rule(
    place: &FieldPlace<'_>,
    which: Special,
    value: Value<'_>,
    key: Option<&str>,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    if which == Special::PortBindings {
        for (port, bindings) in entries(place, value)? {
            let place = FieldPlace::Entry(place, &port);
            for (n, binding) in elements(&place, bindings)?.into_iter().enumerate() {
                object(&FieldPlace::Element(&place, n), &PORT_BINDING, &[], binding, None, claims)?;
            }
        }
    }
    let shape = match which {
        Special::Mounts => &MOUNT,
        Special::ServicePorts => &SERVICE_PORT,
        Special::Ulimits => &ULIMIT,
        Special::DeviceRequests => &DEVICE_REQUEST,
        Special::Binds
        | Special::VolumesFrom
        | Special::Links
        | Special::PortBindings
        | Special::EndpointOptions
        | Special::Triggers => return special::whole(place, which, value, key, claims),
    };
    for (n, element) in elements(place, value)?.into_iter().enumerate() {
        let place = FieldPlace::Element(place, n);
        // Some engines take it for an object that says nothing, and some for none.
        if element.is_null() {
            return Err(wrong(&place, "an object"));
        }
        object(&place, shape, &[], element, None, claims)?;
        special::element(&place, which, element, claims)?;
    }
    Ok(())
}

/// The fields of an object.
fn object(
    place: &FieldPlace<'_>,
    shape: &ObjectShape,
    elsewhere: &[QueryKey],
    value: Value<'_>,
    key: Option<&str>,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    if value.is_null() {
        return Ok(());
    }
    let (mut seen, mut next) = (0_u128, 0);
    for (n, member) in value.entries().ok_or_else(|| wrong(place, "an object"))?.enumerate() {
        if n == MOST_MEMBERS {
            let what = "an object".to_owned();
            return Err(BodyError::Many { what, most: MOST_MEMBERS, unit: "members" }.into());
        }
        let (name, value) = member?;
        let Some((index, of, refused)) = shape.find(&name, next) else {
            // An engine that knows the field leaves it as it is for a `null`.
            if value.is_null() || elsewhere.iter().any(|key| key.name == name) {
                continue;
            }
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
        next = index + 1;
        match refused {
            Some(reason) => refuse(&place, reason, value)?,
            None => field(&place, &of.kind, value, key, claims)?,
        }
    }
    Ok(())
}

/// Whether a body of this kind has such a field.
pub(super) fn has(kind: &FieldKind, name: &str) -> bool {
    matches!(kind, FieldKind::Object(shape) if shape.find(name, 0).is_some())
}

/// A field of a shape: where it stands there, and why it may say nothing.
type FoundField = (usize, &'static BodyField, Option<&'static str>);

impl ObjectShape {
    /// The field that a name is for, in any letter case. It is looked for from there on first: most clients send fields in the
    /// order in which the engine has them, as the table does.
    fn find(&self, name: &str, from: usize) -> Option<FoundField> {
        self.find_within(name, from..usize::MAX).or_else(|| self.find_within(name, 0..from))
    }

    fn find_within(&self, name: &str, range: Range<usize>) -> Option<FoundField> {
        let plain = name.is_ascii();
        let mut begin = 0;
        for list in self.lists {
            let end = begin + list.fields.len();
            let (from, to) = (range.start.clamp(begin, end), range.end.clamp(begin, end));
            for (n, field) in list.fields[from - begin..to - begin].iter().enumerate() {
                if (!plain || field.name.len() == name.len()) && is_named(name, field.name) {
                    return Some((from + n, field, list.refused));
                }
            }
            begin = end;
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
                let words = each_text(&FieldPlace::Element(place, n), element)?;
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
