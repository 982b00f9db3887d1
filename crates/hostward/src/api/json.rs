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

/// Folds letter case as encoding/json does for ASCII names: U+017F is an `s` and U+212A a `k`.
fn fold(name: &str) -> String {
    let lower = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(lower).collect()
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

    #[test]
    fn what_is_no_json_is_an_error() {
        assert!(matches!(Value::of(b"{}{}"), Err(BodyError::Syntax(_))));
        assert!(matches!(Value::of(b"{\"a\":\"\xff\"}"), Err(BodyError::Encoding(6))));
        assert!(matches!(Value::of(b""), Err(BodyError::Syntax(_))));
    }
}
