//! Reading a JSON body without losing a byte of it: values are slices of the body, and know where they stand.
//!
//! The engine reads JSON as Go's encoding/json does: a member's name matches a field in any letter case, by
//! Unicode's folding, and the last duplicate wins. [`member`] folds alike, and refuses duplicates.
//!
//! Whatever a stranger sends is read with a bound: what is not asked for is passed over without being kept, an object and an
//! array have a longest length, and nothing here calls itself for each level of nesting.

use super::scan::{Inside, depth, has_any};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// The most members of an object that has a field for each of them. The API's largest has about a hundred; maps, whose keys
/// are anybody's, are read by [`Value::each_member`], which keeps nothing.
pub const MOST_MEMBERS: usize = 4096;

/// The most elements of an array. Longer lists of containers do not fit into an answer that is read.
pub const MOST_ELEMENTS: usize = 1 << 16;

/// The deepest nesting of a body: Go reads no deeper one since 1.15, and before that it is a way to end an engine.
pub const DEEPEST: usize = 10_000;

/// Why a body cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Not JSON.
    #[error("cannot read the request's body as JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Bytes that are no UTF-8, which the engine would replace.
    #[error("the request's body is not valid UTF-8 at byte {0}: JSON can carry only UTF-8 paths")]
    Encoding(usize),
    /// More objects and arrays within each other than an engine reads.
    #[error("the request's body nests more than {DEEPEST} objects and arrays, which no engine reads")]
    Deep,
    /// A name that matters stands twice.
    #[error(
        "the body has more than one {0} (names are case-insensitive), so it is ambiguous which one the engine would use"
    )]
    Duplicate(String),
    /// A value of another type than the API's.
    #[error("{0} in the request's body is not {1}")]
    Type(String, &'static str),
    /// A path that is none.
    #[error("{0} in the request's body: {1}")]
    Path(String, String),
    /// A path for which there is no translation.
    #[error("{0} in the request's body is a path of the host that hostward does not translate; leave it out")]
    Untranslated(String),
    /// More of something than anybody asks for.
    #[error("the request's body has more than {most} {unit} in {what}, which is hostward's limit")]
    Many {
        /// Where.
        what: String,
        /// How many are read.
        most: usize,
        /// What they are.
        unit: &'static str,
    },
    /// A reserved label: only Hostward, and those who create containers on the host, may write it.
    #[error(
        "the label {0:?} in the request's body is reserved for hostward: labels that begin with `hostward.` count \
         only on containers that were created on the engine's own socket; leave it out, or create the container \
         there"
    )]
    Label(String),
    /// What Podman reads otherwise than the API says.
    #[error("{0} in the request's body {1}; write it in another way")]
    Podman(String, &'static str),
    /// An archive that cannot be read.
    #[error("the archive in the request's body {0}")]
    Archive(String),
}

impl BodyError {
    /// Whether there is too much of something, rather than something wrong.
    pub fn is_too_much(&self) -> bool {
        matches!(self, Self::Many { .. })
    }
}

/// A member of an object: its name, decoded, and its value.
pub type Member<'a> = (Cow<'a, str>, Value<'a>);

/// A value in a body.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    /// All of it was read as JSON, so that its parts need not be.
    body: &'a str,
    text: &'a str,
}

impl<'a> Value<'a> {
    /// The one value that a body is.
    ///
    /// # Errors
    /// A body that is no UTF-8, no JSON, nested too deep, or holds more than one value.
    pub fn of(body: &'a [u8]) -> Result<Self, BodyError> {
        let body = std::str::from_utf8(body).map_err(|e| BodyError::Encoding(e.valid_up_to()))?;
        if is_deep(body) {
            return Err(BodyError::Deep);
        }
        let whole: &RawValue = serde_json::from_str(body)?;
        Ok(Self { body, text: whole.get() })
    }

    /// The value's text, to the byte.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The body in which it stands.
    pub(super) fn body(&self) -> &'a [u8] {
        self.body.as_bytes()
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

    /// Whether this is an object.
    pub fn is_object(&self) -> bool {
        self.text().starts_with('{')
    }

    /// Whether this is a string.
    pub fn is_string(&self) -> bool {
        self.text().starts_with('"')
    }

    /// The members of an object in their order, duplicates included; `None` where this is no object.
    ///
    /// # Errors
    /// A name that cannot be decoded, or more than [`MOST_MEMBERS`] of them.
    pub fn members(&self) -> Result<Option<Vec<Member<'a>>>, BodyError> {
        // As many as it has, if they are as long as most.
        let mut members = Vec::with_capacity((self.text.len() / 16).min(16));
        let is_object = self.each_member(|name, value| {
            if members.len() == MOST_MEMBERS {
                let what = "an object".to_owned();
                return Err(BodyError::Many { what, most: MOST_MEMBERS, unit: "members" });
            }
            members.push((name, value));
            Ok(())
        })?;
        Ok(is_object.then_some(members))
    }

    /// The members of an object one after the other, duplicates included; `None` where this is no object.
    pub(super) fn entries(&self) -> Option<impl Iterator<Item = Result<Member<'a>, BodyError>> + use<'a>> {
        let (value, mut inside) = (*self, Inside::of(self.text));
        self.is_object().then(|| {
            std::iter::from_fn(move || {
                let (name, text) = inside.next().zip(inside.next())?;
                Some(decoded(name).map(|name| (name, Self { text, ..value })).map_err(BodyError::from))
            })
        })
    }

    /// Goes through the members of an object in their order, duplicates included, and keeps none; says whether this is an
    /// object.
    ///
    /// # Errors
    /// A name that cannot be decoded, and what `visit` fails with.
    pub fn each_member(
        &self,
        mut visit: impl FnMut(Cow<'a, str>, Self) -> Result<(), BodyError>,
    ) -> Result<bool, BodyError> {
        if !self.is_object() {
            return Ok(false);
        }
        let mut inside = Inside::of(self.text);
        while let Some((name, text)) = inside.next().zip(inside.next()) {
            visit(decoded(name)?, Self { text, ..*self })?;
        }
        Ok(true)
    }

    /// The elements of an array; `None` where this is none.
    ///
    /// # Errors
    /// More than [`MOST_ELEMENTS`].
    pub fn elements(&self) -> Result<Option<Vec<Self>>, BodyError> {
        if !self.text().starts_with('[') {
            return Ok(None);
        }
        let mut elements = Vec::new();
        for text in Inside::of(self.text) {
            if elements.len() == MOST_ELEMENTS {
                let what = "an array".to_owned();
                return Err(BodyError::Many { what, most: MOST_ELEMENTS, unit: "elements" });
            }
            elements.push(Self { text, ..*self });
        }
        Ok(Some(elements))
    }

    /// The text of a string; `None` where this is none.
    ///
    /// # Errors
    /// A string that cannot be decoded, such as half a surrogate pair.
    pub fn string(&self) -> Result<Option<Cow<'a, str>>, BodyError> {
        if !self.is_string() {
            return Ok(None);
        }
        Ok(Some(decoded(self.text)?))
    }
}

/// Whether a text nests deeper than [`DEEPEST`], if it is JSON. Nearly none has so many brackets at all, and to count those is quick.
fn is_deep(text: &str) -> bool {
    let begins = |b: &u8| matches!(b, b'{' | b'[');
    text.len() > DEEPEST && text.bytes().filter(begins).count() > DEEPEST && depth(text) > DEEPEST
}

/// What a string says, borrowed from the body where it has no escapes.
fn decoded(text: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match text.get(1..text.len() - 1) {
        Some(plain) if !has_any(plain, |b| b == b'\\') => Ok(Cow::Borrowed(plain)),
        _ => serde_json::from_str(text).map(Cow::Owned),
    }
}

/// The objects of a body whose members were asked for, so that each is gone through once.
#[derive(Debug, Default)]
pub(super) struct Objects<'a>(RefCell<BTreeMap<usize, Rc<[Member<'a>]>>>);

impl<'a> Objects<'a> {
    /// [`Value::members`].
    pub(super) fn members(&self, value: Value<'a>) -> Result<Option<Rc<[Member<'a>]>>, BodyError> {
        let at = value.span().start;
        if let Some(known) = self.0.borrow().get(&at) {
            return Ok(Some(Rc::clone(known)));
        }
        let Some(members) = value.members()? else { return Ok(None) };
        let members: Rc<[Member<'a>]> = members.into();
        self.0.borrow_mut().insert(at, Rc::clone(&members));
        Ok(Some(members))
    }

    /// The members of an object that must be one, or `null`: then none.
    pub(super) fn fields(
        &self,
        place: &str,
        value: Value<'a>,
    ) -> Result<Option<Rc<[Member<'a>]>>, BodyError> {
        if value.is_null() {
            return Ok(None);
        }
        let members = self.members(value)?;
        members.map(Some).ok_or_else(|| BodyError::Type(place.to_owned(), "an object"))
    }

    /// The value that names lead to; `null` on the way is nothing.
    ///
    /// # Errors
    /// Something else than an object on the way, or a name that stands twice.
    pub(super) fn descend(&self, top: Value<'a>, names: &[&str]) -> Result<Option<Value<'a>>, BodyError> {
        let mut value = top;
        for (n, name) in names.iter().enumerate() {
            if value.is_null() {
                return Ok(None);
            }
            let place = || if n == 0 { "the whole".to_owned() } else { names[..n].join(".") };
            let members = self.members(value)?.ok_or_else(|| BodyError::Type(place(), "an object"))?;
            match present(&members, name)? {
                Some(inner) => value = inner,
                None => return Ok(None),
            }
        }
        Ok(Some(value).filter(|value| !value.is_null()))
    }

    /// Forgets what was gone through: of a list, the next element has other objects.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// The member that Go would decode into the field `name`, in any letter case; it may be `null`.
///
/// # Errors
/// A name that stands twice.
pub fn member<'a>(members: &[Member<'a>], name: &str) -> Result<Option<Value<'a>>, BodyError> {
    let mut found = None;
    for (_, value) in members.iter().filter(|(other, _)| is_named(other, name)) {
        if found.replace(*value).is_some() {
            return Err(BodyError::Duplicate(name.to_owned()));
        }
    }
    Ok(found)
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
pub(super) fn string<'a>(members: &[Member<'a>], name: &str) -> Result<Option<Cow<'a, str>>, BodyError> {
    present(members, name)?.map(|value| value.string()).transpose().map(Option::flatten)
}

/// The text of the member `field` of the object that stands at `name`, and the value that spells it.
///
/// # Errors
/// A name that stands twice, or a value that is no text.
pub(super) fn text<'a>(
    name: &str,
    members: &[Member<'a>],
    field: &str,
) -> Result<Option<(Cow<'a, str>, Value<'a>)>, BodyError> {
    let Some(value) = present(members, field)? else { return Ok(None) };
    let text = value.string()?.ok_or_else(|| BodyError::Type(format!("{name}.{field}"), "a string"))?;
    Ok(Some((text, value)))
}

/// The elements of the member `name`; `None` where it is missing or no array.
///
/// # Errors
/// A name that stands twice.
pub(super) fn array<'a>(members: &[Member<'a>], name: &str) -> Result<Option<Vec<Value<'a>>>, BodyError> {
    present(members, name)?.map(|value| value.elements()).transpose().map(Option::flatten)
}

/// Whether a member's name is this field's, folded as encoding/json does for ASCII names: U+017F is an `s` and U+212A a `k`.
pub(super) fn is_named(name: &str, field: &str) -> bool {
    // Each field is held against each member. Most have another first letter, and most that match are spelled alike.
    let first = |text: &str| text.bytes().next().map(|b| b.to_ascii_lowercase());
    let differs = first(name) != first(field) && first(name).is_none_or(|b| b.is_ascii());
    !differs && (name == field || folded(name).eq(folded(field)))
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_match_as_go_matches_them() {
        let body = r#"{"hO\u017ftConfig": 1, "\u212a": 2}"#.replace("\\\\", "\\");
        let members = Value::of(body.as_bytes()).unwrap().members().unwrap().unwrap();
        assert_eq!(member(&members, "HostConfig").unwrap().unwrap().text(), "1");
        assert_eq!(member(&members, "K").unwrap().unwrap().text(), "2");
        assert!(member(&members, "Binds").unwrap().is_none());
    }

    proptest! {
        #[test]
        fn names_match_where_all_their_letters_fold_alike(name in "[sSkK\u{17f}\u{212a}aé]{0,4}", field in "[sSkKaA]{0,4}") {
            prop_assert_eq!(is_named(&name, &field), folded(&name).eq(folded(&field)), "{} {}", name, field);
        }
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
    fn nesting_takes_no_stack_and_long_objects_and_arrays_have_an_end() {
        let nested = |n: usize| {
            format!(r#"{{"x":"{}","Mounts":{}{}}}"#, "[\\\"".repeat(n), "[".repeat(n), "]".repeat(n))
        };
        let deepest = nested(DEEPEST - 1);
        let members = Value::of(deepest.as_bytes()).unwrap().members().unwrap().unwrap();
        assert_eq!(array(&members, "mounts").unwrap().unwrap().len(), 1);
        for deeper in [DEEPEST, 1 << 20] {
            assert!(matches!(Value::of(nested(deeper).as_bytes()), Err(BodyError::Deep)), "{deeper}");
        }
        let long = format!("[{}0]", "0,".repeat(MOST_ELEMENTS));
        let too_long = Value::of(long.as_bytes()).unwrap().elements();
        assert!(matches!(too_long, Err(BodyError::Many { most: MOST_ELEMENTS, .. })), "{too_long:?}");
        let wide = format!(r#"{{{}"a":0}}"#, r#""a":0,"#.repeat(MOST_MEMBERS));
        let value = Value::of(wide.as_bytes()).unwrap();
        assert!(matches!(value.members(), Err(BodyError::Many { most: MOST_MEMBERS, .. })));
        let mut seen = 0;
        assert!(
            value
                .each_member(|_, _| {
                    seen += 1;
                    Ok(())
                })
                .unwrap()
        );
        assert_eq!(seen, MOST_MEMBERS + 1);
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for body in [
            &b"{}{}"[..],
            b"{} x",
            b"{},",
            b"{}\0",
            b"\xef\xbb\xbf{}",
            b"\xc2\xa0{}",
            b"{\"a\":01}",
            b"{\"a\":+1}",
            b"{\"a\":1.}",
            b"{\"a\":.5}",
            b"{\"a\":0x1}",
            b"{\"a\":NaN}",
            b"{\"a\":True}",
            b"{\"a\":'b'}",
            b"{a:1}",
            b"{\"a\":1,}",
            b"{,}",
            b"[1,]",
            b"{\"a\" 1}",
            b"{\"a\":\"\t\"}",
            b"{\"a\":\"\n\"}",
            b"{\"a\":\"\\x41\"}",
            b"{\"a\":\"\\u12\"}",
            b"{\"a\":/**/1}",
            b"// \n{}",
        ] {
            let text = String::from_utf8_lossy(body);
            assert!(matches!(Value::of(body), Err(BodyError::Syntax(_))), "{text:?}");
        }
        assert!(matches!(Value::of(b"{\"a\":\"\xff\"}"), Err(BodyError::Encoding(6))));
        assert!(matches!(Value::of(b""), Err(BodyError::Syntax(_))));
    }

    #[test]
    fn what_go_would_replace_is_an_error() {
        // Half a surrogate pair, which Go reads as U+FFFD.
        for body in [r#"{"\ud800":1}"#, r#"{"a\udc00\ud800":1}"#] {
            assert!(Value::of(body.as_bytes()).unwrap().members().is_err(), "{body}");
        }
        for text in [r#""\ud800""#, r#""\udc00\ud800""#, r#""\ud800\u0041""#] {
            assert!(Value::of(text.as_bytes()).unwrap().string().is_err(), "{text}");
        }
        for body in [&b"\"\xff\""[..], b"\"\xed\xa0\x80\"", b"\"\xc0\xaf\"", b"\"\xf4\x90\x80\x80\""] {
            assert!(matches!(Value::of(body), Err(BodyError::Encoding(1))), "{body:?}");
        }
        assert_eq!(
            Value::of(br#""\ud834\udd1e\/\u0000""#).unwrap().string().unwrap().unwrap(),
            "\u{1d11e}/\0"
        );
    }
}
