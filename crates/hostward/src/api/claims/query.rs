//! The keys of a query, read as Go's `ParseForm` reads them.

use super::collected::{Claims, FieldPlace};
use super::error::ClaimError;
use super::{body, image, special};
use crate::api::json::{BodyError, Value};
use crate::api::operations::{BodyKind, Operation, QueryClass, QueryForm, QueryKey};
use crate::api::shapes::kind::{FieldKind, Special};
use crate::policy::claim::{About, Said};
use std::collections::BTreeSet;

/// What a query has in JSON, bodies have too.
const ULIMITS: FieldKind = FieldKind::Special(Special::Ulimits);

/// The most pairs of a query.
const MOST_PAIRS: usize = 4096;

/// The pairs of a target's query.
///
/// # Errors
/// A query that engines part or decode differently.
pub(super) fn pairs(target: &[u8]) -> Result<Vec<(String, String)>, ClaimError> {
    let Some(mark) = target.iter().position(|&b| b == b'?') else { return Ok(Vec::new()) };
    let query = &target[mark + 1..];
    if let Some(&byte) = query.iter().find(|b| !b.is_ascii_graphic() || matches!(b, b';' | b'#')) {
        let byte = char::from(byte);
        return Err(ClaimError::Query(format!("has {byte:?}, which has to be percent-encoded")));
    }
    let mut pairs = Vec::new();
    // Go passes over what is empty.
    for pair in query.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == MOST_PAIRS {
            return Err(ClaimError::Many(MOST_PAIRS));
        }
        let mut halves = pair.splitn(2, |&b| b == b'=');
        let key = unescaped(halves.next().unwrap_or_default())?;
        let value = unescaped(halves.next().unwrap_or_default())?;
        if key.is_empty() {
            return Err(ClaimError::Query("has a value without a key".to_owned()));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// A key or a value, decoded.
fn unescaped(text: &[u8]) -> Result<String, ClaimError> {
    let wrong = |what: &str| ClaimError::Query(format!("has {what}"));
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        plain.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |at: usize| tail.get(at).and_then(|&b| char::from(b).to_digit(16));
                let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                    return Err(wrong("a % without two digits behind it"));
                };
                rest = &tail[2..];
                u8::try_from(high * 16 + low).unwrap_or_default()
            }
            byte => byte,
        });
    }
    if plain.contains(&0) {
        return Err(wrong("a zero byte"));
    }
    String::from_utf8(plain).map_err(|_| wrong("bytes that are not UTF-8"))
}

/// The tag that the query says for the image that it, or the path, names.
///
/// # Errors
/// A tag that stands twice.
pub(super) fn tag<'q>(
    operation: &Operation,
    pairs: &'q [(String, String)],
) -> Result<Option<&'q str>, ClaimError> {
    if !operation.query.iter().any(|key| matches!(key.class, QueryClass::Tag)) {
        return Ok(None);
    }
    let mut tags = pairs.iter().filter(|(key, _)| key == "tag");
    let tag = tags.next().map(|(_, tag)| &**tag);
    if tags.next().is_some() { Err(twice("tag")) } else { Ok(tag) }
}

/// The claims of a query.
pub(super) fn read(
    operation: &Operation,
    pairs: &[(String, String)],
    tag: Option<&str>,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    let mut seen = BTreeSet::new();
    for (name, value) in pairs {
        let key = operation.query.iter().find(|key| key.name == name);
        let Some(key) = key else {
            // Clients of Node send the fields of the body here as well. No engine reads them here.
            if matches!(operation.body, BodyKind::Json(kind) if body::has(kind, name)) {
                continue;
            }
            return Err(ClaimError::UnknownKey(name.chars().take(100).collect()));
        };
        if !seen.insert(key.name) && !key.repeats {
            return Err(twice(key.name));
        }
        if !value.is_empty() && !matches!(key.class, QueryClass::Changes) {
            one(key, value, tag, claims)?;
        }
    }
    changes(operation, pairs, claims)
}

/// All of `changes`: engines put a line feed between them and read them as one Dockerfile.
fn changes(operation: &Operation, pairs: &[(String, String)], claims: &mut Claims) -> Result<(), ClaimError> {
    let Some(key) = operation.query.iter().find(|key| matches!(key.class, QueryClass::Changes)) else {
        return Ok(());
    };
    let all: Vec<_> = pairs.iter().filter(|(name, _)| name == key.name).map(|(_, value)| &**value).collect();
    special::instructions(&all.join("\n"), "the query's changes", claims)
}

fn twice(key: &str) -> ClaimError {
    ClaimError::Query(format!("has {key:?} more than once"))
}

/// What one key says.
fn one(key: &QueryKey, value: &str, tag: Option<&str>, claims: &mut Claims) -> Result<(), ClaimError> {
    let place = || format!("the query's {}", key.name);
    match key.class {
        QueryClass::Free | QueryClass::Tag | QueryClass::Changes => Ok(()),
        QueryClass::Refused(reason) => Err(ClaimError::Refused { place: place(), reason }),
        QueryClass::Filters(known) => filters(value, known),
        QueryClass::Claim(about, form) => form_of(about, form, value, tag, &place(), claims),
    }
}

fn form_of(
    about: About,
    form: QueryForm,
    value: &str,
    tag: Option<&str>,
    place: &str,
    claims: &mut Claims,
) -> Result<(), ClaimError> {
    let said = match form {
        QueryForm::Number => {
            Said::Number(value.parse().map_err(|_| ClaimError::text(place, value, "a whole number"))?)
        }
        QueryForm::Image => Said::Text(image::with_tag(value, tag)?),
        QueryForm::Registry => Said::Text(image::registry(value)),
        QueryForm::Builder if value == "1" => return Ok(()),
        QueryForm::Text | QueryForm::Builder => Said::Text(value.to_owned()),
        QueryForm::Texts => {
            let wrong = || ClaimError::text(place, value, "an array of texts in JSON");
            let texts: Option<Vec<String>> = serde_json::from_str(value).map_err(|_| wrong())?;
            for (n, text) in texts.into_iter().flatten().enumerate() {
                claims.add(about, &format!("{place}[{n}]"), None, Said::Text(text))?;
            }
            return Ok(());
        }
        QueryForm::Ulimits => {
            let place = FieldPlace::Field(&FieldPlace::Body, "ulimits");
            return body::field(&place, &ULIMITS, Value::of(value.as_bytes())?, None, claims);
        }
    };
    claims.add(about, place, None, said)
}

/// Filters, of which only the keys matter: they choose what is told, and never more than without them.
fn filters(value: &str, known: &[&str]) -> Result<(), ClaimError> {
    let wrong = || ClaimError::text("the query's filters", value, "a map of filters in JSON");
    let filters = Value::of(value.as_bytes())?.members()?.ok_or_else(wrong)?;
    let mut seen = BTreeSet::new();
    for (name, values) in &filters {
        if !known.contains(&&**name) {
            return Err(ClaimError::UnknownKey(format!(
                "filters.{}",
                name.chars().take(100).collect::<String>()
            )));
        }
        if !seen.insert(&**name) {
            return Err(BodyError::Duplicate(format!("filters.{name}")).into());
        }
        let is_list = match values.elements()? {
            Some(texts) => texts.iter().all(Value::is_string),
            None => match values.members()? {
                Some(switches) => switches.iter().all(|(_, on)| matches!(on.text(), "true" | "false")),
                None => false,
            },
        };
        if !is_list {
            return Err(wrong());
        }
    }
    Ok(())
}
