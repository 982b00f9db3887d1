//! Values of a body, as Go takes them for a field of each type.

use super::collected::FieldPlace;
use super::error::ClaimError;
use crate::api::json::{BodyError, Member, Value};
use crate::api::shapes::kind::Json;
use std::collections::BTreeSet;

/// How deep a value may be in which nothing is read.
const MOST_DEPTH: usize = 32;

/// That a value is what the API wants there.
pub(super) fn check(place: &FieldPlace<'_>, json: Json, value: Value<'_>) -> Result<(), ClaimError> {
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
pub(super) fn shallow(place: &FieldPlace<'_>, value: Value<'_>) -> Result<(), ClaimError> {
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

pub(super) fn each_text(place: &FieldPlace<'_>, value: Value<'_>) -> Result<Vec<String>, ClaimError> {
    let mut all = Vec::new();
    texts(place, value, |_, text| {
        all.push(text);
        Ok(())
    })?;
    Ok(all)
}

pub(super) fn flag(place: &FieldPlace<'_>, value: Value<'_>) -> Result<bool, ClaimError> {
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
