//! Reading a JSON body without losing a byte of it: values are slices of the body, and know where they stand.
//!
//! The engine reads JSON as Go's encoding/json does: a member's name matches a field in any letter case, by
//! Unicode's folding, and the last duplicate wins. [`member`] folds alike, and refuses duplicates.

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Why a body cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Not JSON.
    #[error("the request's body is not JSON that can be read: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Bytes that are no UTF-8, which the engine would replace.
    #[error("the request's body is not valid UTF-8 at byte {0}: JSON can only carry paths that are")]
    Encoding(usize),
    /// A name that matters stands twice.
    #[error(
        "{0} stands twice in the request's body, in whichever letter case: which one the engine takes cannot be said"
    )]
    Duplicate(String),
    /// A value of another type than the API's.
    #[error("{0} in the request's body is not {1}")]
    Type(String, &'static str),
    /// A path that is none.
    #[error("{0} in the request's body: {1}")]
    Path(String, String),
    /// A path for which there is no translation.
    #[error(
        "{0} in the request's body is a path of the engine's machine that hostward does not translate; leave it out"
    )]
    Untranslated(String),
    /// More paths than anybody asks for.
    #[error("the request's body has {0} mounts, and hostward judges {1} at most")]
    Many(usize, usize),
    /// What Podman reads otherwise than the API says.
    #[error("{0} in the request's body {1} to Podman; say it in another way")]
    Podman(String, &'static str),
    /// An archive that cannot be read.
    #[error("the archive in the request's body {0}")]
    Archive(&'static str),
}

/// A member of an object: its name, decoded, and its value.
pub type Member<'a> = (Cow<'a, str>, Value<'a>);

/// A value in a body.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    body: &'a str,
    raw: &'a RawValue,
}

impl<'a> Value<'a> {
    /// The one value that a body is.
    ///
    /// # Errors
    /// A body that is no UTF-8, no JSON, or holds more than one value.
    pub fn of(body: &'a [u8]) -> Result<Self, BodyError> {
        let body = std::str::from_utf8(body).map_err(|e| BodyError::Encoding(e.valid_up_to()))?;
        Ok(Self { body, raw: serde_json::from_str(body)? })
    }

    /// The value's text, to the byte.
    pub fn text(&self) -> &'a str {
        self.raw.get()
    }

    /// Where the value stands in the body.
    pub fn span(&self) -> Range<usize> {
        let start = self.text().as_ptr().addr() - self.body.as_ptr().addr();
        start..start + self.text().len()
    }

    /// Whether this is `null`, which leaves a Go field as it is.
    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    /// The members of an object in their order, duplicates included; `None` where this is no object.
    ///
    /// # Errors
    /// A name that cannot be decoded.
    pub fn members(&self) -> Result<Option<Vec<Member<'a>>>, BodyError> {
        if !self.text().starts_with('{') {
            return Ok(None);
        }
        let InOrder(members) = serde_json::from_str(self.text())?;
        Ok(Some(members.into_iter().map(|(name, raw)| (name, Self { body: self.body, raw })).collect()))
    }

    /// The elements of an array; `None` where this is none.
    ///
    /// # Errors
    /// None in practice: the text was read as JSON before.
    pub fn elements(&self) -> Result<Option<Vec<Self>>, BodyError> {
        if !self.text().starts_with('[') {
            return Ok(None);
        }
        let raws: Vec<&'a RawValue> = serde_json::from_str(self.text())?;
        Ok(Some(raws.into_iter().map(|raw| Self { body: self.body, raw }).collect()))
    }

    /// The text of a string; `None` where this is none.
    ///
    /// # Errors
    /// A string that cannot be decoded, such as half a surrogate pair.
    pub fn string(&self) -> Result<Option<String>, BodyError> {
        if !self.text().starts_with('"') {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(self.text())?))
    }
}

/// The member that Go would decode into the field `name`, in any letter case; it may be `null`.
///
/// # Errors
/// A name that stands twice.
pub fn member<'a>(members: &[Member<'a>], name: &str) -> Result<Option<Value<'a>>, BodyError> {
    let wanted = fold(name);
    let mut found = members.iter().filter(|(other, _)| fold(other) == wanted).map(|(_, value)| *value);
    let first = found.next();
    if found.next().is_some() {
        return Err(BodyError::Duplicate(name.to_owned()));
    }
    Ok(first)
}

/// The member `name` where it says anything: `null` leaves a Go field as it is.
///
/// # Errors
/// A name that stands twice.
pub fn present<'a>(members: &[Member<'a>], name: &str) -> Result<Option<Value<'a>>, BodyError> {
    Ok(member(members, name)?.filter(|value| !value.is_null()))
}

/// The text of the member `name`; `None` where it is missing or no text.
///
/// # Errors
/// A name that stands twice, or a text that cannot be decoded.
pub(super) fn string(members: &[Member<'_>], name: &str) -> Result<Option<String>, BodyError> {
    present(members, name)?.map(|value| value.string()).transpose().map(Option::flatten)
}

/// The elements of the member `name` of an object; `None` where it is missing or no array.
///
/// # Errors
/// A name that stands twice.
pub(super) fn array<'a>(object: Value<'a>, name: &str) -> Result<Option<Vec<Value<'a>>>, BodyError> {
    let members = object.members()?.unwrap_or_default();
    present(&members, name)?.map(|value| value.elements()).transpose().map(Option::flatten)
}

/// Folds letter case as encoding/json does for ASCII names: U+017F is an `s` and U+212A a `k`.
fn fold(name: &str) -> String {
    let lower = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(lower).collect()
}

/// Changes to a body, each in the place of some of its bytes.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// `text` in the place of those bytes.
    pub(super) fn put(&mut self, span: Range<usize>, text: impl Into<String>) {
        self.0.push((span, text.into()));
    }

    /// A member more in an object.
    pub(super) fn add_member(&mut self, object: Value<'_>, name: &str, value: &str) -> Result<(), BodyError> {
        let comma = if object.members()?.is_some_and(|members| members.is_empty()) { "" } else { "," };
        let at = object.span().end - 1;
        self.put(at..at, format!("{comma}{}:{value}", quote(name)));
        Ok(())
    }

    /// Elements more in an array that has `left` elements left.
    pub(super) fn add_elements(&mut self, array: Value<'_>, left: usize, elements: &[String]) {
        let at = array.span().end - 1;
        let comma = if left == 0 || elements.is_empty() { "" } else { "," };
        self.put(at..at, format!("{comma}{}", elements.join(",")));
    }

    /// Takes a member out of an object, with its comma.
    pub(super) fn remove_member(
        &mut self,
        body: &[u8],
        object: Value<'_>,
        members: &[Member<'_>],
        index: usize,
    ) {
        let end = members[index].1.span().end;
        let span = if index > 0 {
            members[index - 1].1.span().end..end
        } else {
            // With the comma behind it, if there is one.
            let comma = if members.len() > 1 { body[end..].iter().position(|&b| b == b',') } else { None };
            object.span().start + 1..comma.map_or(end, |comma| end + comma + 1)
        };
        self.put(span, "");
    }

    /// Takes elements out of an array, with their commas.
    pub(super) fn remove_elements(&mut self, elements: &[Value<'_>], removed: impl Fn(usize) -> bool) {
        let mut kept_before = false;
        for (n, element) in elements.iter().enumerate() {
            if !removed(n) {
                kept_before = true;
                continue;
            }
            let span = element.span();
            self.put(
                match elements.get(n + 1) {
                    _ if kept_before => elements[n - 1].span().end..span.end,
                    Some(next) => span.start..next.span().start,
                    None => span,
                },
                "",
            );
        }
    }

    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The body with the changes made.
    pub(super) fn apply(mut self, body: &[u8]) -> Vec<u8> {
        // Stable: what was put at one place stays in its order.
        self.0.sort_by_key(|(span, _)| (span.start, span.end));
        let mut changed = Vec::with_capacity(body.len() + 64 * self.0.len());
        let mut done = 0;
        for (span, text) in self.0 {
            changed.extend_from_slice(&body[done..span.start]);
            changed.extend_from_slice(text.as_bytes());
            done = span.end;
        }
        changed.extend_from_slice(&body[done..]);
        changed
    }
}

/// The value that names lead to; `null` on the way is nothing.
///
/// # Errors
/// Something else than an object on the way, or a name that stands twice.
pub(super) fn descend<'a>(top: Value<'a>, names: &[&str]) -> Result<Option<Value<'a>>, BodyError> {
    let mut value = top;
    for (n, name) in names.iter().enumerate() {
        if value.is_null() {
            return Ok(None);
        }
        let place = || if n == 0 { "the whole".to_owned() } else { names[..n].join(".") };
        let members = value.members()?.ok_or_else(|| BodyError::Type(place(), "an object"))?;
        match present(&members, name)? {
            Some(inner) => value = inner,
            None => return Ok(None),
        }
    }
    Ok(Some(value).filter(|value| !value.is_null()))
}

/// A string as a JSON text.
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The members of an object, which a map type would sort or thin out.
struct InOrder<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for InOrder<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = InOrder<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(InOrder(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A member's name, borrowed from the body where it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_go_matches_them() {
        let body = r#"{"hO\u017ftConfig": 1, "\u212a": 2}"#.replace("\\\\", "\\");
        let members = Value::of(body.as_bytes()).unwrap().members().unwrap().unwrap();
        assert_eq!(member(&members, "HostConfig").unwrap().unwrap().text(), "1");
        assert_eq!(member(&members, "K").unwrap().unwrap().text(), "2");
        assert!(member(&members, "Binds").unwrap().is_none());
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let members = Value::of(br#"{"Binds":[],"binds":null}"#).unwrap().members().unwrap().unwrap();
        assert!(matches!(member(&members, "Binds"), Err(BodyError::Duplicate(_))));
    }

    #[test]
    fn values_know_where_they_stand() {
        let body = br#" { "a" : [ 1 , "x" ] } "#;
        let members = Value::of(body).unwrap().members().unwrap().unwrap();
        let elements = members[0].1.elements().unwrap().unwrap();
        assert_eq!(&body[elements[1].span()], br#""x""#);
        assert_eq!(elements[1].string().unwrap().unwrap(), "x");
    }

    fn edited(body: &str, edit: impl Fn(Value<'_>, &mut Edits)) -> String {
        let mut edits = Edits::default();
        edit(Value::of(body.as_bytes()).unwrap(), &mut edits);
        String::from_utf8(edits.apply(body.as_bytes())).unwrap()
    }

    #[test]
    fn elements_are_taken_out_with_their_commas() {
        for (removed, left) in [
            (&[0][..], "[ 2 , 3 ]"),
            (&[1], "[ 1 , 3 ]"),
            (&[2], "[ 1 , 2 ]"),
            (&[0, 1], "[ 3 ]"),
            (&[1, 2], "[ 1 ]"),
            (&[0, 2], "[ 2 ]"),
            (&[0, 1, 2], "[  ]"),
        ] {
            let seen = edited("[ 1 , 2 , 3 ]", |array, edits| {
                edits.remove_elements(&array.elements().unwrap().unwrap(), |n| removed.contains(&n));
            });
            assert_eq!(seen, left, "{removed:?}");
        }
    }

    #[test]
    fn members_are_taken_out_and_put_in_with_their_commas() {
        let body = r#"{ "a" : 1 , "b" : {"x{":2} , "c" : 3 }"#;
        for (index, left) in [
            (0, r#"{ "b" : {"x{":2} , "c" : 3 }"#),
            (1, r#"{ "a" : 1 , "c" : 3 }"#),
            (2, r#"{ "a" : 1 , "b" : {"x{":2} }"#),
        ] {
            let seen = edited(body, |object, edits| {
                edits.remove_member(body.as_bytes(), object, &object.members().unwrap().unwrap(), index);
            });
            assert_eq!(seen, left, "{index}");
        }
        let only = r#"{"a{":1}"#;
        let seen = edited(only, |object, edits| {
            edits.remove_member(only.as_bytes(), object, &object.members().unwrap().unwrap(), 0);
        });
        assert_eq!(seen, "{}");
        let add = |object: Value<'_>, edits: &mut Edits| edits.add_member(object, "n\"", "[]").unwrap();
        assert_eq!(edited("{ }", add), r#"{ "n\"":[]}"#);
        assert_eq!(edited(r#"{"a":1}"#, add), r#"{"a":1,"n\"":[]}"#);
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        assert!(matches!(Value::of(b"{}{}"), Err(BodyError::Syntax(_))));
        assert!(matches!(Value::of(b"{\"a\":\"\xff\"}"), Err(BodyError::Encoding(6))));
        assert!(matches!(Value::of(b""), Err(BodyError::Syntax(_))));
    }
}
